//! `foveate eval`: how good a model is on a set of photos with known masks.

mod davis;
mod everything;
mod gaze;
mod photos_table;

use std::path::PathBuf;

use crate::eval::dataset::{self, Layout};
use crate::eval::photos::{Evaluation, ResultImages};
use crate::segment::Predictor;

use super::interrupt::on_interrupt;
use super::model_args::ModelArgs;
use super::output::{make_folder, print, print_json};
use super::outputs::Files;
use super::progress;

/// Measure a model on photos or sequences with known masks.
///
/// On photos, each object is asked for with one click, with the tightest box, and with up to 20 clicks: the first at the point
/// deepest inside the object, each further one at the centre of the larger error of the answer before, whose logits go
/// in as the mask prompt. Each answer is looked at again from nearer by: the part of the photo around it is encoded at
/// the model's full input and the prompt answered there, as in the protocol of RITM; --no-zoom asks on the whole photo
/// alone, encoded once. Figures are means over objects; `noc85` and `noc90` are the clicks needed for an IoU of 0.85
/// and 0.90, 20 where it is never reached. `boundary_f` is how well contours agree within 0.8 % of the photo's diagonal
/// (DAVIS); `jitter_iou` is the IoU between the answers to the first click and to the same click 5 pixels away,
/// `jitter_drop` the IoU with the truth that this costs; `sizes` has objects below 2 %, to 15 % and above 15 % of their
/// photo apart.
#[derive(Debug, clap::Args)]
pub struct EvalArgs {
    #[command(subcommand)]
    set: PhotoSet,
}

#[derive(Debug, clap::Subcommand)]
enum PhotoSet {
    /// `images/` and `masks/` of the same stems: 0 background, 128 ignore, 255 object
    Grabcut(SetArgs),
    /// `images/` and `masks/`, two objects of a photo as STEMa and STEMb; object above 127
    Berkeley(SetArgs),
    /// Photos of your own: `images/` and `masks/` of the same stems, coded as for grabcut or, with --ids, as id maps
    Photos(PhotosArgs),
    /// Everything in photos without a prompt: recall over the things of id maps
    Everything(everything::EverythingArgs),
    /// Sequences of frames with one object each: J (mean IoU), its recall and F (boundary), as DAVIS 2016 has them
    Davis(davis::DavisArgs),
    /// A simulated user's looks in a rendered scene, and recordings of real eye trackers
    Gaze(gaze::GazeArgs),
}

#[derive(Debug, clap::Args)]
struct PhotosArgs {
    /// Masks are id maps: 0 background, 255 ignore, every other value one object
    #[arg(long)]
    ids: bool,
    #[command(flatten)]
    set: SetArgs,
}

#[derive(Debug, clap::Args)]
struct SetArgs {
    /// The folder with `images/` and `masks/`
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Take only the first N photos, by name
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Write images into this folder: overlays of the answers to one click and to the box, the curve over clicks
    /// (clicks.svg), and the twenty best, middle and worst answers to one click (best.jpg, median.jpg, worst.jpg)
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Encode each photo once, as a whole, and take no second look
    #[arg(long)]
    no_zoom: bool,
    /// Print one JSON object instead of a table
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    model: ModelArgs,
}

/// Runs the command.
pub fn run(args: EvalArgs) -> anyhow::Result<()> {
    let (args, layout) = match args.set {
        PhotoSet::Grabcut(set) => (set, Layout::Trimap),
        PhotoSet::Berkeley(set) => (set, Layout::Suffixed),
        PhotoSet::Photos(PhotosArgs { set, ids: false }) => (set, Layout::Trimap),
        PhotoSet::Photos(PhotosArgs { set, ids: true }) => (set, Layout::Ids),
        PhotoSet::Everything(args) => return everything::run(args),
        PhotoSet::Davis(args) => return davis::run(args),
        PhotoSet::Gaze(args) => return gaze::run(args),
    };
    let mut photos = dataset::list(&args.data, layout)?;
    photos.truncate(args.limit.map_or(usize::MAX, |n| n as usize));
    let mut files = Files::default();
    files.reads_trees("--data", ["images", "masks"].map(|folder| args.data.join(folder)));
    files.reads_models(args.model.models_dir.as_deref()).writes_into("--out", &args.out, |_| true).check()?;
    let model = args.model.load()?;
    let _claim = args.out.as_deref().map(make_folder).transpose()?;
    let images = args.out.map(ResultImages::create).transpose()?;
    let mut predictor = Predictor::new(model.encoder()?, model.decoder()?);

    let stop = on_interrupt()?;
    let mut evaluation = Evaluation::new(layout, !args.no_zoom, images);
    let mut bar = progress::bar(photos.len(), "photos");
    let finished = evaluation.run(&mut predictor, &photos, &mut bar, &stop)?;
    bar.clear();
    let name = model.spec().name.to_string();
    let report = evaluation.report(name, model.precision().name().to_owned(), finished < photos.len());
    if report.interrupted {
        tracing::warn!("stopped after {finished} of {} photos: the figures are of those", photos.len());
    }
    // Figures that took long are printed even where an image cannot be written.
    let drawn = evaluation.write_images(&report);
    if args.json {
        print_json(&report)?
    } else {
        print(&photos_table::table(&report))?
    }
    Ok(drawn?)
}
