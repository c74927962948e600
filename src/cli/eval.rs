//! `foveate eval`: how good a model is on a set of photos with known masks.

mod asking;
mod clicker;
mod clicks_plot;
mod contact_sheet;
mod dataset;
mod davis;
mod gaze;
mod jitter;
mod pictures;
mod protocol;
mod report;
mod sizes;
mod statistics;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};

use crate::error::{Error, ImageError};
use crate::frame::{self, Frame};
use crate::segment::Predictor;
use crate::sync::StopToken;

use super::interrupt::on_interrupt;
use super::model_args::ModelArgs;
use super::output::{print, print_json};
use super::samples::Samples;
use asking::Asker;
use dataset::{Layout, Photo, Truth};
use pictures::Pictures;
use protocol::Outcome;
use report::Report;

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
    /// Sequences of frames with one object each: J (mean IoU), its recall and F (boundary), as DAVIS 2016 has them
    Davis(davis::DavisArgs),
    /// A simulated person's looks in a rendered scene, and recordings of real eye trackers
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
    /// Write pictures into this folder: overlays of the answers to one click and to the box, the curve over clicks
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
        PhotoSet::Davis(args) => return davis::run(&args),
        PhotoSet::Gaze(args) => return gaze::run(&args),
    };
    let mut photos = dataset::list(&args.data, layout)?;
    photos.truncate(args.limit.map_or(usize::MAX, |n| n as usize));
    let pictures = args.out.map(Pictures::create).transpose()?;
    let model = args.model.load()?;
    let mut predictor = Predictor::new(model.encoder()?, model.decoder()?);

    let stop = on_interrupt()?;
    let mut evaluation = Evaluation::new(layout, !args.no_zoom, pictures);
    let finished = evaluation.photos(&mut predictor, &photos, &stop)?;
    let name = model.spec().name.to_string();
    let report = evaluation.report(name, model.precision().name().to_owned(), finished < photos.len());
    if report.interrupted {
        tracing::warn!("stopped after {finished} of {} photos: the figures are of those", photos.len());
    }
    // Figures that took long are printed even where a picture cannot be written.
    let drawn = evaluation.finish_pictures(&report);
    if args.json {
        print_json(&report)?
    } else {
        print(&report.table())?
    }
    Ok(drawn?)
}

/// A run over a set, with what was found so far.
struct Evaluation {
    layout: Layout,
    zoom: bool,
    pictures: Option<Pictures>,
    outcomes: Vec<Outcome>,
    encoding: Samples,
    decoding: Samples,
    finished: usize,
}

impl Evaluation {
    fn new(layout: Layout, zoom: bool, pictures: Option<Pictures>) -> Self {
        let (encoding, decoding) = Default::default();
        Evaluation { layout, zoom, pictures, outcomes: Vec::new(), encoding, decoding, finished: 0 }
    }

    /// Evaluates `photos` in turn until `stop` is raised. Returns how many were finished.
    fn photos(&mut self, predictor: &mut Predictor, photos: &[Photo], stop: &StopToken) -> anyhow::Result<usize> {
        let bar = ProgressBar::new(photos.len() as u64)
            .with_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} photos, {eta} left, {msg}")?);
        for photo in photos {
            self.photo(predictor, photo, stop)?;
            if stop.is_stopped() {
                break;
            }
            let sum: f64 = self.outcomes.iter().map(Outcome::iou_1click).sum();
            bar.set_message(format!("IoU {:.3} after a click", sum / self.outcomes.len().max(1) as f64));
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(self.finished)
    }

    /// Evaluates every object of one photo. When `stop` is raised in between, the photo does not count.
    fn photo(&mut self, predictor: &mut Predictor, photo: &Photo, stop: &StopToken) -> Result<(), Error> {
        let frame = Arc::new(frame::open_image(&photo.image)?);
        let (mut outcomes, mut thumbnails) = (Vec::new(), Vec::new());
        self.encoding.time(|| predictor.set_frame(&frame))?;
        for mask in &photo.masks {
            let truths = dataset::truths(mask, self.layout)?;
            if truths.is_empty() {
                tracing::warn!("{}: no object in it, left out", mask.display());
            }
            for (index, truth) in truths.iter().enumerate() {
                if stop.is_stopped() {
                    return Ok(());
                }
                same_size(truth, &frame, mask, &photo.image)?;
                let (zoom, timings) = (self.zoom, &mut self.decoding);
                let mut asker = Asker { predictor: &mut *predictor, photo: &frame, zoom, timings };
                let (outcome, answers) = protocol::evaluate(&mut asker, truth)?;
                if let Some(pictures) = &self.pictures {
                    let name = pictures::name(mask, (truths.len() > 1).then_some(index + 1));
                    thumbnails.push(pictures.draw(name, &frame, truth, &answers, &outcome)?);
                }
                outcomes.push(outcome);
            }
        }
        self.outcomes.append(&mut outcomes);
        if let Some(pictures) = &mut self.pictures {
            pictures.keep(thumbnails);
        }
        self.finished += 1;
        Ok(())
    }

    fn report(&self, model: String, precision: String, interrupted: bool) -> Report {
        let figures = Report::new(model, precision, &self.outcomes, &self.encoding, &self.decoding);
        Report { images: self.finished, zoom: self.zoom, interrupted, ..figures }
    }

    /// Writes the pictures of the whole set, if any are wanted.
    fn finish_pictures(&self, report: &Report) -> Result<(), Error> {
        let Some(pictures) = &self.pictures else { return Ok(()) };
        let title = format!("{} ({}), {} photos", report.model, report.precision, report.images);
        pictures.finish(&title, &self.outcomes)
    }
}

fn same_size(truth: &Truth, frame: &Frame, mask: &Path, image: &Path) -> Result<(), ImageError> {
    let given = truth.object.size();
    if given == frame.size {
        return Ok(());
    }
    let expected_of = format!("{} (the photo of {})", image.display(), mask.display());
    Err(ImageError::SizeMismatch { given, expected: frame.size, expected_of })
}
