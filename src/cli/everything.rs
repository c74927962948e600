//! `foveate everything`: photos to masks of all that is in them.

mod coco;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use crate::board::ByteSize;
use crate::error::IoError;
use crate::frame::{self, Frame};
use crate::geometry::{BoundingBox, Size};
use crate::mask::Rle;
use crate::mask::file::write_id_map;
use crate::model::LoadedModel;
use crate::output::write_whole;
use crate::picture::DEFAULT_DECODE_BYTES;
use crate::segment::{Everything, EverythingOptions, FoundMask};
use crate::sink::overlay::write_found;

use super::interrupt::on_interrupt;
use super::message::message;
use super::model_args::ModelArgs;
use super::output::{lossy, print, print_json};
use super::outputs::Files;
use super::progress;
use coco::Coco;

/// Segment everything in photos.
///
/// Points on a grid are prompts; of all answers those are kept that the model rates well, that are stable, and that are not the
/// same thing twice. By default the grid is asked coarsely first, and then only where nothing was found yet.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct EverythingArgs {
    /// PNG, JPEG, WebP, BMP, TIFF or GIF files
    #[arg(required = true)]
    photos: Vec<PathBuf>,
    #[command(flatten)]
    options: OptionArgs,
    /// Write the photo with every mask drawn over it; for one photo
    #[arg(long, value_name = "OUT.png", help_heading = "Output")]
    overlay: Option<PathBuf>,
    /// Write a 16-bit PNG: 0 where nothing was found, else the number of the mask, 1 for the largest; small masks lie above large
    /// ones. For one photo
    #[arg(long, value_name = "OUT.png", help_heading = "Output")]
    id_map: Option<PathBuf>,
    /// Write all masks of all photos as a COCO data set, with the fields of Segment Anything's generator
    #[arg(long, value_name = "OUT.json", help_heading = "Output")]
    coco: Option<PathBuf>,
    /// Print one JSON object a photo, with the masks as COCO RLE
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Memory that decoding a photo may take, such as 512M or 4G [default: 2G]
    #[arg(long, value_name = "SIZE")]
    max_memory: Option<ByteSize>,
    #[command(flatten)]
    model: ModelArgs,
}

/// What is asked and what is kept, by the names that Segment Anything's users know.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Masks")]
pub struct OptionArgs {
    /// Take Segment Anything's own defaults and ask every point of the grid; those of this program suit the bundled model
    #[arg(long)]
    sam_defaults: bool,
    /// Points on each side of the grid [default: 32]
    #[arg(long, value_name = "N")]
    points_per_side: Option<u32>,
    /// Leave out masks with a lower predicted IoU [default: 0.3; of Segment Anything 0.88]
    #[arg(long, value_name = "IOU")]
    pred_iou_thresh: Option<f32>,
    /// Leave out masks that change more when the threshold moves [default: 0.6; of Segment Anything 0.95]
    #[arg(long, value_name = "SCORE")]
    stability_score_thresh: Option<f32>,
    /// By how much the threshold moves, in logits [default: 0.4; of Segment Anything 1]
    #[arg(long, value_name = "LOGITS")]
    stability_score_offset: Option<f32>,
    /// Of masks whose boxes overlap by a higher IoU keep the better one [default: 0.7]
    #[arg(long, value_name = "IOU")]
    box_nms_thresh: Option<f32>,
    /// Look at crops too: 4 in the first layer, 16 more in the second [default: 0]
    #[arg(long, value_name = "N")]
    crop_n_layers: Option<u32>,
    /// The same as --box-nms-thresh between crops [default: 0.7]
    #[arg(long, value_name = "IOU")]
    crop_nms_thresh: Option<f32>,
    /// How much neighbouring crops overlap, in parts of the photo's short side [default: 0.341]
    #[arg(long, value_name = "SHARE")]
    crop_overlap_ratio: Option<f32>,
    /// The grid of each further layer of crops has so many times fewer points a side [default: 1]
    #[arg(long, value_name = "N")]
    crop_n_points_downscale_factor: Option<u32>,
    /// Fill holes and remove islands of fewer pixels [default: 100; of Segment Anything 0]
    #[arg(long, value_name = "PIXELS")]
    min_mask_region_area: Option<usize>,
    /// Ask every point of the grid, also where a mask was found already: many times slower, and finds more parts
    #[arg(long)]
    every_point: bool,
}

impl OptionArgs {
    /// The model that `args` name, with an input of the form of photos of `size`, and what finds everything with it.
    pub fn open(&self, args: &ModelArgs, size: Option<Size>) -> anyhow::Result<(LoadedModel, Everything)> {
        // One decoder a thread serves better than one decoder on several.
        let model = ModelArgs { threads: 1, ..args.clone() }.load_for(size)?;
        let decoders = (0..args.threads).map(|_| model.decoder()).collect::<Result<_, _>>()?;
        let everything = Everything::new(model.encoder()?, decoders, self.options())?;
        Ok((model, everything))
    }

    /// The options that the arguments make.
    fn options(&self) -> EverythingOptions {
        let mut options =
            if self.sam_defaults { EverythingOptions::segment_anything() } else { EverythingOptions::default() };
        let set = |to: &mut f32, from: Option<f32>| *to = from.unwrap_or(*to);
        set(&mut options.least_iou, self.pred_iou_thresh);
        set(&mut options.least_stability, self.stability_score_thresh);
        set(&mut options.stability_offset, self.stability_score_offset);
        set(&mut options.box_overlap, self.box_nms_thresh);
        set(&mut options.crop_box_overlap, self.crop_nms_thresh);
        set(&mut options.crop_overlap, self.crop_overlap_ratio);
        options.points_per_side = self.points_per_side.unwrap_or(options.points_per_side);
        options.crop_layers = self.crop_n_layers.unwrap_or(options.crop_layers);
        options.crop_points_divisor = self.crop_n_points_downscale_factor.unwrap_or(options.crop_points_divisor);
        options.least_area = self.min_mask_region_area.unwrap_or(options.least_area);
        options.skip_explained &= !self.every_point;
        options
    }
}

const EXAMPLES: &str = "\
Examples:
  Everything in a photo, drawn over it:
    foveate everything photo.jpg --overlay found.png
  A COCO data set of a folder's photos, for pycocotools and labelling tools:
    foveate everything photos/*.jpg --coco found.json
  With small things, seen from nearer by in four crops:
    foveate everything photo.jpg --crop-n-layers 1 --overlay found.png
  As Segment Anything's automatic mask generator does it:
    foveate everything photo.jpg --sam-defaults --json";

/// The JSON form of one photo.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(serialize_with = "lossy")]
    image: &'a Path,
    /// Width and height of the photo.
    size: [u32; 2],
    model: &'a str,
    precision: &'a str,
    /// From the photo's pixels to the masks.
    ms: f64,
    masks: Vec<AnswerMask>,
}

#[derive(Serialize)]
struct AnswerMask {
    predicted_iou: f32,
    stability_score: f32,
    #[serde(rename = "box")]
    bbox: BoundingBox,
    area: usize,
    /// Where it was asked for.
    point: [f32; 2],
    /// The part of the photo that was looked at.
    crop: BoundingBox,
    rle: Rle,
}

impl AnswerMask {
    fn of(found: &FoundMask) -> Self {
        AnswerMask {
            predicted_iou: found.predicted_iou,
            stability_score: found.stability,
            bbox: found.bbox,
            area: found.area,
            point: [found.point.x, found.point.y],
            crop: found.crop.as_box(),
            rle: found.mask.clone(),
        }
    }
}

/// Runs the command.
pub fn run(args: EverythingArgs) -> anyhow::Result<()> {
    files(&args).check()?;
    let alone = args.photos.len() == 1;
    for (argument, path) in [("--overlay", &args.overlay), ("--id-map", &args.id_map)] {
        anyhow::ensure!(alone || path.is_none(), invalid(argument, "it is for one photo: give --coco for several"));
    }
    let read = |path: &Path| -> anyhow::Result<Arc<Frame>> {
        let mut photo = Frame::default();
        frame::read_photo(path, args.max_memory.map_or(DEFAULT_DECODE_BYTES, |size| size.0), &mut photo)?;
        Ok(Arc::new(photo))
    };
    // Opened for the first photo, whose form the input has.
    let mut opened = None;
    let mut coco = Coco::default();
    let (stop, mut failed) = (on_interrupt()?, 0);
    for path in &args.photos {
        if stop.is_stopped() {
            tracing::warn!("stopped before {}: what was found until then is kept", path.display());
            break;
        }
        let photo = match read(path) {
            Ok(photo) => photo,
            Err(error) => {
                eprintln!("error: {}", message(&error));
                failed += 1;
                continue;
            }
        };
        let (model, everything) = match &mut opened {
            Some(opened) => opened,
            none => none.insert(args.options.open(&args.model, Some(photo.size))?),
        };
        let began = Instant::now();
        let bar = progress::bar(0, "points");
        let found = everything.find(&photo, &mut |done, all| bar.set(done, all))?;
        bar.clear();
        let ms = began.elapsed().as_secs_f64() * 1e3;
        if let Some(overlay) = &args.overlay {
            write_found(overlay, &photo, &found)?;
        }
        if let Some(map) = &args.id_map {
            write_id_map(map, photo.size, found.iter().map(|found| &found.mask))?;
        }
        let Size { width, height } = photo.size;
        if args.json {
            print_json(&Answer {
                image: path,
                size: [width, height],
                model: &model.spec().name,
                precision: model.precision().name(),
                ms,
                masks: found.iter().map(AnswerMask::of).collect(),
            })?;
        } else {
            print(&format!("{}: {} masks in {ms:.0} ms\n", path.display(), found.len()))?;
        }
        if args.coco.is_some() {
            coco.add(path, photo.size, &found);
        }
    }
    if let Some(path) = &args.coco {
        write_whole(path, &serde_json::to_vec(&coco)?).map_err(IoError::when("write", path))?;
    }
    anyhow::ensure!(failed == 0, "{failed} of {} photos could not be read, as told above", args.photos.len());
    Ok(())
}

fn invalid(argument: &str, reason: &str) -> crate::error::ConfigError {
    crate::error::ConfigError::Invalid { origin: argument.to_owned(), reason: reason.to_owned() }
}

/// What is read and written.
fn files(args: &EverythingArgs) -> Files {
    let mut files = Files::default();
    files.reads("the photo", &args.photos).reads_models(args.model.models_dir.as_deref());
    files.writes("--overlay", &args.overlay).writes("--id-map", &args.id_map).writes("--coco", &args.coco);
    files.writes_stdout();
    files
}
