//! `foveate everything`: photos to masks of all that is in them.

mod coco;
mod detections;
mod finder;
mod grid_args;

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
use crate::output::write_whole;
use crate::picture::DEFAULT_DECODE_BYTES;
use crate::sink::overlay::write_found;

use super::interrupt::on_interrupt;
use super::message::message;
use super::model_args::ModelArgs;
use super::output::{lossy, print, print_json};
use super::outputs::Files;
use coco::Coco;
use detections::Detections;
use finder::{Finding, Found};
use grid_args::GRID_ARGUMENTS;
pub use grid_args::OptionArgs;

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
    /// Segment what lies in these boxes, and nothing else: a detector's COCO results or data set, or a JSON object a line with
    /// `image`, `box` (x0, y0, x1, y1), `label` and `score`; `-` reads standard input. Masks keep labels and scores
    #[arg(long, value_name = "FILE|-", conflicts_with_all = GRID_ARGUMENTS, help_heading = "Boxes")]
    boxes: Option<PathBuf>,
    /// Leave out boxes of which the detector is less sure
    #[arg(long, value_name = "SCORE", requires = "boxes", help_heading = "Boxes")]
    box_score_thresh: Option<f32>,
    /// Take no second look at each box from nearer by: several times faster, less exact
    #[arg(long, requires = "boxes", help_heading = "Boxes")]
    no_zoom: bool,
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

const EXAMPLES: &str = "\
Examples:
  Everything in a photo, drawn over it:
    foveate everything photo.jpg --overlay found.png
  A COCO data set of a folder's photos, for pycocotools and labelling tools:
    foveate everything photos/*.jpg --coco found.json
  With small things, seen from nearer by in four crops:
    foveate everything photo.jpg --crop-n-layers 1 --overlay found.png
  What a detector found, outlined; its labels are kept:
    foveate everything photos/*.jpg --boxes detections.json --coco masks.json
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
    /// Where it was asked for; `null` for what was asked for with a box.
    point: Option<[f32; 2]>,
    /// The part of the photo that was looked at.
    crop: BoundingBox,
    /// A detector's.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    rle: Rle,
}

impl AnswerMask {
    fn of(Found { mask, detection }: &Found) -> Self {
        AnswerMask {
            predicted_iou: mask.predicted_iou,
            stability_score: mask.stability,
            bbox: mask.bbox,
            area: mask.area,
            point: mask.point.map(|point| [point.x, point.y]),
            crop: mask.crop.as_box(),
            label: detection.as_ref().and_then(|found| found.label.clone()),
            score: detection.as_ref().and_then(|found| found.score),
            rle: mask.mask.clone(),
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
    let detections = args.boxes.as_deref().map(Detections::read).transpose()?;
    if let (Some(detections), true) = (&detections, args.coco.is_some()) {
        detections.refuse_twins(&args.photos)?;
    }
    // Opened for the first photo, whose form the input has.
    let mut opened = None;
    let mut coco = detections.as_ref().map_or_else(Coco::default, Coco::of);
    let (stop, mut failed, mut asked) = (on_interrupt()?, 0, 0);
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
        let Finding { model, finder } = match &mut opened {
            Some(opened) => opened,
            none => none.insert(Finding::open(&args, photo.size)?),
        };
        let (boxes, number) = detections.as_ref().map_or((Vec::new(), None), |found| found.of(path, alone));
        asked += boxes.len();
        let began = Instant::now();
        let found = finder.find(path, &photo, boxes, &args)?;
        let ms = began.elapsed().as_secs_f64() * 1e3;
        let masks = || found.iter().map(|found| &found.mask);
        if let Some(overlay) = &args.overlay {
            write_found(overlay, &photo, masks())?;
        }
        if let Some(map) = &args.id_map {
            write_id_map(map, photo.size, masks().map(|found| &found.mask))?;
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
            coco.add(path, number, photo.size, &found);
        }
    }
    if let Some(path) = &args.coco {
        write_whole(path, &coco.to_json()?).map_err(IoError::when("write", path))?;
    }
    if let Some(detections) = detections.filter(|found| asked < found.len() && !stop.is_stopped()) {
        let named = detections.some_photo().map(|name| format!(" (it names {name})")).unwrap_or_default();
        let all = detections.len();
        anyhow::ensure!(asked > 0, invalid("--boxes", &format!("none of its {all} boxes is of a photo given{named}")));
        tracing::warn!("{} of {all} boxes are of photos that were not given or not read", all - asked);
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
    files.reads("the photo", &args.photos).reads("--boxes", args.boxes.iter().filter(|path| path.as_os_str() != "-"));
    files.reads_models(args.model.models_dir.as_deref());
    files.writes("--overlay", &args.overlay).writes("--id-map", &args.id_map).writes("--coco", &args.coco);
    files.writes_stdout();
    files
}
