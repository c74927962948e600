//! `foveate eval davis`: one object through whole sequences.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::capture::pictures;
use crate::error::{ConfigError, Error, IoError};
use crate::frame::Frame;
use crate::mask::{BoundaryMeasure, Mask};
use crate::session::Stepper;
use crate::sync::StopToken;
use crate::track::FollowerConfig;

use super::super::interrupt::on_interrupt;
use super::super::mask_file::{read_mask, write_mask_of};
use super::super::model_args::ModelArgs;
use super::super::output::{print, print_json};
use super::super::samples::Samples;
use super::super::track::open;
use super::clicker::Clicker;
use super::dataset::Truth;
use super::protocol::iou;
use super::statistics::mean;

/// Recording rate of DAVIS, frames per second.
const FPS: f64 = 24.0;
/// The IoU from which a frame counts for J's recall.
const RECALL: f64 = 0.5;

#[derive(Debug, clap::Args)]
pub struct DavisArgs {
    /// The folder with `images/SEQUENCE/` and `masks/SEQUENCE/`
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Begin with one click deepest inside the object instead of its first mask
    #[arg(long)]
    click: bool,
    /// Encode every Nth frame, and carry the object over those between by the picture's motion alone
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    encode_every: u32,
    /// Take only the first N sequences, by name
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Write the mask of every frame to `DIR/SEQUENCE/`, as grey PNGs
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Print one JSON object instead of a table
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    model: ModelArgs,
}

/// The JSON form of the answer; figures are means over the sequences.
#[derive(Debug, Serialize)]
struct Report {
    model: String,
    precision: String,
    /// What the object was selected by: `mask` or `click`.
    begun_with: &'static str,
    /// Frames that were followed.
    images: usize,
    /// Region similarity: mean IoU.
    j: Option<f64>,
    /// Share of frames with an IoU above 0.5.
    j_recall: Option<f64>,
    /// Contour accuracy: mean boundary F.
    f: Option<f64>,
    /// Mean of `j` and `f`.
    jf: Option<f64>,
    encode_every: u32,
    /// Median time to encode a frame, preprocessing included.
    encoder_ms: Option<f64>,
    /// Median time of everything else that following costs an encoded frame.
    follow_ms: Option<f64>,
    /// Mean time of all that is done for a frame, over all frames, and how many encodings take as long.
    frame_ms: Option<f64>,
    frame_encodings: Option<f64>,
    sequences: Vec<Figures>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    interrupted: bool,
}

#[derive(Debug, Serialize)]
struct Figures {
    name: String,
    frames: usize,
    j: f64,
    j_recall: f64,
    f: f64,
    /// Number of the frame with the least IoU, and that IoU.
    worst: (usize, f64),
}

/// Runs the command.
pub fn run(args: &DavisArgs) -> anyhow::Result<()> {
    let mut names = sequences(&args.data.join("images"))?;
    names.truncate(args.limit.map_or(usize::MAX, |n| n as usize));
    let model = args.model.load()?;
    let stop = on_interrupt()?;
    let mut timings = Timings::default();
    let mut figures = Vec::new();
    let bar = ProgressBar::new(names.len() as u64)
        .with_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} sequences, {eta} left, {msg}")?);
    for name in &names {
        bar.set_message(name.clone());
        let mut stepper = Stepper::new(model.encoder()?, model.decoder()?, FollowerConfig::default());
        let found = follow(args, name, &mut stepper, &mut timings, &stop)?;
        if stop.is_stopped() {
            tracing::warn!("stopped in {name}: the figures are of the sequences before it");
            break;
        }
        figures.push(found);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let over = |figure: &dyn Fn(&Figures) -> f64| mean(figures.iter().map(figure));
    let (j, f) = (over(&|s| s.j), over(&|s| s.f));
    let (encoder_ms, frame_ms) = (timings.encoding.median_ms(), timings.frames.mean_ms());
    let report = Report {
        model: model.spec().name.to_string(),
        precision: model.precision().name().to_owned(),
        begun_with: if args.click { "click" } else { "mask" },
        images: figures.iter().map(|s| s.frames).sum(),
        j,
        j_recall: over(&|s| s.j_recall),
        f,
        jf: j.zip(f).map(|(j, f)| (j + f) / 2.0),
        encode_every: args.encode_every,
        encoder_ms,
        follow_ms: timings.following.median_ms(),
        frame_ms,
        frame_encodings: frame_ms.zip(encoder_ms).map(|(frame, encoder)| frame / encoder),
        interrupted: figures.len() < names.len(),
        sequences: figures,
    };
    if args.json { print_json(&report) } else { print(&table(&report)) }
}

/// What was measured of encoding, of following on encoded frames, and of whole frames.
#[derive(Default)]
struct Timings {
    encoding: Samples,
    following: Samples,
    frames: Samples,
}

/// Follows the object of one sequence. As in DAVIS, neither the first frame, which is given, nor the last one counts.
fn follow(
    args: &DavisArgs,
    name: &str,
    stepper: &mut Stepper,
    timings: &mut Timings,
    stop: &StopToken,
) -> Result<Figures, Error> {
    let (images, masks) =
        (pictures(&args.data.join("images").join(name))?, pictures(&args.data.join("masks").join(name))?);
    if images.len() != masks.len() {
        let reason = format!("{} pictures but {} masks: give one mask a picture", images.len(), masks.len());
        return Err(ConfigError::Invalid { origin: name.to_owned(), reason }.into());
    }
    let out = args.out.as_ref().map(|dir| dir.join(name));
    if let Some(out) = &out {
        std::fs::create_dir_all(out).map_err(IoError::when("create", out))?;
    }
    let mut boundary = BoundaryMeasure::default();
    let (mut overlaps, mut contours) = (Vec::new(), Vec::new());
    for (number, (image, mask)) in images.iter().zip(&masks).enumerate() {
        if stop.is_stopped() {
            break;
        }
        let object = read_mask(mask)?;
        let truth = Truth { ignored: Mask::new(object.size()), object };
        let picture = open(image, number, FPS)?;
        let first = (number == 0).then_some(&truth);
        step(args, number, picture, first, stepper, timings)?;
        let Some(found) = stepper.record().objects().first() else { continue };
        if let Some(out) = &out {
            write_mask_of(image, &found.mask, out)?;
        }
        if number > 0 && number + 1 < images.len() {
            overlaps.push(iou(&found.mask, &truth));
            let tolerance = BoundaryMeasure::davis_tolerance(truth.object.size());
            contours.push(boundary.f(&found.mask, &truth.object, &truth.ignored, tolerance));
        }
    }
    let worst = overlaps.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).map_or((0, 0.0), |(n, j)| (n + 1, *j));
    let recall = overlaps.iter().map(|j| f64::from(*j > RECALL));
    Ok(Figures {
        name: name.to_owned(),
        frames: overlaps.len(),
        j_recall: mean(recall).unwrap_or_default(),
        j: mean(overlaps.iter().copied()).unwrap_or_default(),
        f: mean(contours.iter().copied()).unwrap_or_default(),
        worst,
    })
}

/// Follows the object to the next frame; on the `first` one it is selected.
fn step(
    args: &DavisArgs,
    number: usize,
    picture: Arc<Frame>,
    first: Option<&Truth>,
    stepper: &mut Stepper,
    timings: &mut Timings,
) -> Result<(), Error> {
    let began = Instant::now();
    let between = !number.is_multiple_of(args.encode_every as usize);
    if between && stepper.propagate(&picture).is_some() {
        timings.frames.push(began.elapsed());
        return Ok(());
    }
    stepper.set_frame(picture)?;
    let encoded = began.elapsed();
    match first {
        Some(truth) if args.click => {
            let click = Clicker::new(truth).next(&truth.ignored);
            stepper.prompt(1, &click.into_iter().collect::<Vec<_>>(), None)?;
        }
        Some(truth) => stepper.select(1, &truth.object)?,
        None => {}
    }
    let began = Instant::now();
    stepper.follow()?;
    let followed = began.elapsed();
    timings.encoding.push(encoded);
    timings.following.push(followed);
    timings.frames.push(encoded + followed);
    Ok(())
}

/// The folders in `dir`, by name.
fn sequences(dir: &Path) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(IoError::when("read", dir))? {
        let entry = entry.map_err(IoError::when("read", dir))?;
        if entry.path().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    if names.is_empty() {
        let reason = "no folders of frames in it: give images/SEQUENCE/ and masks/SEQUENCE/".to_owned();
        return Err(ConfigError::Invalid { origin: dir.display().to_string(), reason }.into());
    }
    names.sort();
    Ok(names)
}

fn table(report: &Report) -> String {
    let Report { model, precision, begun_with, encode_every, encoder_ms, follow_ms, frame_ms, .. } = report;
    let ms = |value: &Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.1}"));
    let mut text = format!(
        "{model} ({precision}), from a first {begun_with}: encoder {} ms, following {} ms\n  one frame of {encode_every} encoded: {} ms a frame, as long as {:.2} encodings\n  {:<20} {:>6} {:>7} {:>7} {:>7}  worst frame\n",
        ms(encoder_ms),
        ms(follow_ms),
        ms(frame_ms),
        report.frame_encodings.unwrap_or(f64::NAN),
        "sequence",
        "frames",
        "J",
        "recall",
        "F"
    );
    for Figures { name, frames, j, j_recall, f, worst: (at, least) } in &report.sequences {
        text.push_str(&format!("  {name:<20} {frames:>6} {j:>7.3} {j_recall:>7.3} {f:>7.3}  {at} ({least:.2})\n"));
    }
    if let (Some(j), Some(recall), Some(f), Some(jf)) = (report.j, report.j_recall, report.f, report.jf) {
        text.push_str(&format!("  {:<20} {:>6} {j:>7.3} {recall:>7.3} {f:>7.3}  J&F {jf:.3}\n", "mean", report.images));
    }
    text
}
