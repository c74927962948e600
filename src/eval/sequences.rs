//! One object through whole sequences with known masks, measured as DAVIS 2016 does: J is the mean IoU, F how well
//! contours agree.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::clicker::Clicker;
use super::dataset::Truth;
use super::overlap::iou;
use super::progress::Progress;
use crate::capture::list_images;
use crate::error::{ConfigError, Error, IoError};
use crate::frame::{self, Frame};
use crate::geometry::Size;
use crate::mask::file::{read_mask, write_mask_of};
use crate::mask::{BoundaryMeasure, Mask};
use crate::model::LoadedModel;
use crate::picture::{DEFAULT_DECODE_BYTES, is_hidden};
use crate::session::Stepper;
use crate::statistics::{Samples, mean};
use crate::sync::StopToken;
use crate::time::Timestamp;
use crate::track::FollowerConfig;

/// Recording rate of DAVIS, frames per second.
const FPS: f64 = 24.0;
/// The IoU from which a frame counts for J's recall.
const RECALL: f64 = 0.5;

/// What an object is selected by on the first frame of its sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Begin {
    /// Its mask.
    #[default]
    Mask,
    /// One click deepest inside it.
    Click,
    /// The tightest box around it.
    Box,
}

impl Begin {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Begin::Mask => "mask",
            Begin::Click => "click",
            Begin::Box => "box",
        }
    }
}

/// What is evaluated, and how.
#[derive(Clone, Debug)]
pub struct SequencesConfig {
    /// The folder with `images/SEQUENCE/` and `masks/SEQUENCE/`.
    pub data: PathBuf,
    /// What the object is selected by.
    pub begin: Begin,
    /// Frames arrive so many a second, as a camera's do: while one is followed the others are dropped, and their masks are the last
    /// that was found. `None` follows every frame, however long it takes.
    pub live: Option<f64>,
    /// Every so many frames one is encoded; over those between the object is propagated by the image's motion alone.
    pub encode_every: u32,
    /// Only so many sequences, the first by name.
    pub limit: Option<usize>,
    /// Where the mask of every frame goes, as `DIR/SEQUENCE/NAME.png`.
    pub out: Option<PathBuf>,
}

/// The JSON form of the answer; figures are means over the sequences.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The model's name.
    pub model: String,
    /// What it computes in.
    pub precision: String,
    /// What the object was selected by.
    pub begun_with: Begin,
    /// Frames that arrived a second, where they were not all followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<f64>,
    /// Frames that were dropped, whose masks are those of frames before.
    pub dropped: usize,
    /// Frames that were followed.
    pub images: usize,
    /// Region similarity: mean IoU.
    pub j: Option<f64>,
    /// Share of frames with an IoU above 0.5.
    pub j_recall: Option<f64>,
    /// What `j` loses from the first to the last quarter of a sequence.
    pub j_decay: Option<f64>,
    /// Contour accuracy: mean boundary F.
    pub f: Option<f64>,
    /// Share of frames with a boundary F above 0.5.
    pub f_recall: Option<f64>,
    /// What `f` loses from the first to the last quarter of a sequence.
    pub f_decay: Option<f64>,
    /// Mean of `j` and `f`.
    pub jf: Option<f64>,
    /// Every so many frames one was encoded.
    pub encode_every: u32,
    /// Median time to encode a frame, preprocessing included.
    pub encoder_ms: Option<f64>,
    /// Median time of everything else that following costs an encoded frame.
    pub follow_ms: Option<f64>,
    /// Mean time of all that is done for a frame, over all frames.
    pub frame_ms: Option<f64>,
    /// How many encodings take as long as a frame does.
    pub frame_encodings: Option<f64>,
    /// By name.
    pub sequences: Vec<Figures>,
    /// Whether the run ended before the last sequence.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
}

/// The figures of one sequence.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// The name of its folder.
    pub name: String,
    /// Frames that count.
    pub frames: usize,
    /// Mean IoU.
    pub j: f64,
    /// Share of frames with an IoU above 0.5.
    pub j_recall: f64,
    /// Mean IoU of the first quarter less that of the last.
    pub j_decay: f64,
    /// Mean boundary F.
    pub f: f64,
    /// Share of frames with a boundary F above 0.5.
    pub f_recall: f64,
    /// Mean boundary F of the first quarter less that of the last.
    pub f_decay: f64,
    /// Frames that were dropped.
    pub dropped: usize,
    /// Number of the frame with the least IoU, and that IoU.
    pub worst: (usize, f64),
}

/// Follows the object of every sequence with `model`, until `stop` is raised.
///
/// # Errors
/// A folder that is no such set, a frame or mask that cannot be read, a mask that cannot be written, an error of the model.
pub fn run(
    config: &SequencesConfig,
    model: &LoadedModel,
    progress: &mut dyn Progress,
    stop: &StopToken,
) -> Result<Report, Error> {
    let names = names(config)?;
    let (mut timings, mut figures) = (Timings::default(), Vec::new());
    for name in &names {
        progress.report(figures.len(), name);
        let mut stepper = Stepper::new(model.encoder()?, model.decoder()?, FollowerConfig::default())?;
        let found = follow(config, name, &mut stepper, &mut timings, stop)?;
        if stop.is_stopped() {
            break;
        }
        figures.push(found);
    }
    let over = |figure: &dyn Fn(&Figures) -> f64| mean(figures.iter().map(figure));
    let (j, f) = (over(&|s| s.j), over(&|s| s.f));
    let (encoder_ms, frame_ms) = (timings.encoding.median_ms(), timings.frames.mean_ms());
    Ok(Report {
        model: model.spec().name.to_string(),
        precision: model.precision().name().to_owned(),
        begun_with: config.begin,
        live: config.live,
        dropped: figures.iter().map(|s| s.dropped).sum(),
        images: figures.iter().map(|s| s.frames).sum(),
        j,
        j_recall: over(&|s| s.j_recall),
        j_decay: over(&|s| s.j_decay),
        f,
        f_recall: over(&|s| s.f_recall),
        f_decay: over(&|s| s.f_decay),
        jf: j.zip(f).map(|(j, f)| (j + f) / 2.0),
        encode_every: config.encode_every,
        encoder_ms,
        follow_ms: timings.following.median_ms(),
        frame_ms,
        frame_encodings: frame_ms.zip(encoder_ms).map(|(frame, encoder)| frame / encoder),
        interrupted: figures.len() < names.len(),
        sequences: figures,
    })
}

/// Size of the first frame of the first sequence of `names`.
///
/// # Errors
/// As [`open_frame`]; a sequence without pictures.
pub fn frame_size(config: &SequencesConfig, names: &[String]) -> Result<Option<Size>, Error> {
    let Some(name) = names.first() else { return Ok(None) };
    let images = list_images(&config.data.join("images").join(name))?;
    Ok(Some(open_frame(&images[0], 0, FPS, DEFAULT_DECODE_BYTES)?.size))
}

/// A frame of a folder, as if it had been captured as number `number` of a recording of `fps` frames per second; decoding it may
/// take `max_memory` bytes.
///
/// # Errors
/// As [`frame::open_image`].
pub fn open_frame(file: &Path, number: usize, fps: f64, max_memory: u64) -> Result<Arc<Frame>, Error> {
    let mut image = Frame::default();
    frame::read_photo(file, max_memory, &mut image)?;
    image.sequence = number as u64;
    image.captured_at = Timestamp::from_secs_f64(number as f64 / fps);
    Ok(Arc::new(image))
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
    config: &SequencesConfig,
    name: &str,
    stepper: &mut Stepper,
    timings: &mut Timings,
    stop: &StopToken,
) -> Result<Figures, Error> {
    let (images, masks) =
        (list_images(&config.data.join("images").join(name))?, list_images(&config.data.join("masks").join(name))?);
    if images.len() != masks.len() {
        let reason = format!("{} pictures but {} masks: give one mask a picture", images.len(), masks.len());
        return Err(ConfigError::Invalid { origin: name.to_owned(), reason }.into());
    }
    let out = config.out.as_ref().map(|dir| dir.join(name));
    if let Some(out) = &out {
        std::fs::create_dir_all(out).map_err(IoError::when("create", out))?;
    }
    let mut boundary = BoundaryMeasure::default();
    let (mut overlaps, mut contours) = (Vec::new(), Vec::new());
    let (mut arrivals, mut dropped) = (Arrivals::new(config.live), 0);
    for (number, (image, mask)) in images.iter().zip(&masks).enumerate() {
        if stop.is_stopped() {
            break;
        }
        let object = read_mask(mask)?;
        let truth = Truth { ignored: Mask::new(object.size()), object };
        let first = (number == 0).then_some(&truth);
        if arrivals.is_taken(number) {
            let frame = open_frame(image, number, FPS, DEFAULT_DECODE_BYTES)?;
            let began = Instant::now();
            step(config, number, frame, first, stepper, timings)?;
            arrivals.worked(began.elapsed());
        } else {
            dropped += 1;
        }
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
    Ok(Figures {
        name: name.to_owned(),
        frames: overlaps.len(),
        j: mean(overlaps.iter().copied()).unwrap_or_default(),
        j_recall: recall(&overlaps),
        j_decay: decay(&overlaps),
        f: mean(contours.iter().copied()).unwrap_or_default(),
        f_recall: recall(&contours),
        f_decay: decay(&contours),
        dropped,
        worst,
    })
}

/// The share of frames that are above [`RECALL`].
fn recall(frames: &[f64]) -> f64 {
    mean(frames.iter().map(|figure| f64::from(*figure > RECALL))).unwrap_or_default()
}

/// The mean of the first quarter of the frames less that of the last.
fn decay(frames: &[f64]) -> f64 {
    let quarter = frames.len().div_ceil(4);
    let over = |part: &[f64]| mean(part.iter().copied()).unwrap_or_default();
    over(&frames[..quarter]) - over(&frames[frames.len() - quarter..])
}

/// Which frames of a camera are taken by one who works on one at a time: the newest that has arrived when the work before is done,
/// or the next to arrive.
struct Arrivals {
    /// Seconds from frame to frame; `None` takes all.
    interval: Option<f64>,
    /// When the work is done, in seconds after the arrival of the first frame.
    now: f64,
}

/// Seconds that two moments are apart at most which are the same.
const TIE: f64 = 1e-9;

impl Arrivals {
    fn new(rate: Option<f64>) -> Self {
        Arrivals { interval: rate.map(|rate| 1.0 / rate), now: 0.0 }
    }

    /// Whether frame `number` is taken, which the frames before it were asked for; time goes on to its arrival.
    fn is_taken(&mut self, number: usize) -> bool {
        let Some(interval) = self.interval else { return true };
        // A newer one is there already.
        if (number + 1) as f64 * interval <= self.now + TIE {
            return false;
        }
        self.now = self.now.max(number as f64 * interval);
        true
    }

    /// A frame took so long.
    fn worked(&mut self, time: Duration) {
        self.now += time.as_secs_f64();
    }
}

/// Follows the object to the next frame; on the `first` one it is selected.
fn step(
    config: &SequencesConfig,
    number: usize,
    frame: Arc<Frame>,
    first: Option<&Truth>,
    stepper: &mut Stepper,
    timings: &mut Timings,
) -> Result<(), Error> {
    let began = Instant::now();
    let between = !number.is_multiple_of(config.encode_every as usize);
    if between && stepper.propagate(&frame).is_some() {
        timings.frames.push(began.elapsed());
        return Ok(());
    }
    stepper.set_frame(frame)?;
    let encoded = began.elapsed();
    if let Some(truth) = first {
        match config.begin {
            Begin::Mask => stepper.select(1, &truth.object)?,
            Begin::Click => {
                let click = Clicker::new(truth).next(&truth.ignored);
                stepper.prompt(1, &click.into_iter().collect::<Vec<_>>(), None)?;
            }
            Begin::Box => stepper.prompt(1, &[], truth.object.bounding_box())?,
        }
    }
    let began = Instant::now();
    stepper.follow()?;
    let followed = began.elapsed();
    timings.encoding.push(encoded);
    timings.following.push(followed);
    timings.frames.push(encoded + followed);
    Ok(())
}

fn not_text(dir: &Path, name: &OsStr) -> ConfigError {
    let origin = dir.join(name).display().to_string();
    ConfigError::Invalid { origin, reason: "its name is not UTF-8: rename the folder".to_owned() }
}

/// The names of the sequences that [`run`] follows: the folders in `images/`.
///
/// # Errors
/// [`IoError`] for a folder that cannot be read, [`ConfigError::Invalid`] for one without folders in it, or with one whose name
/// is no text.
pub fn names(config: &SequencesConfig) -> Result<Vec<String>, Error> {
    let dir = &config.data.join("images");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(IoError::when("read", dir))? {
        let entry = entry.map_err(IoError::when("read", dir))?;
        if entry.path().is_dir() && !is_hidden(&entry.path()) {
            names.push(entry.file_name().into_string().map_err(|name| not_text(dir, &name))?);
        }
    }
    if names.is_empty() {
        let reason = "no folders of frames in it: give images/SEQUENCE/ and masks/SEQUENCE/".to_owned();
        return Err(ConfigError::Invalid { origin: dir.display().to_string(), reason }.into());
    }
    names.sort();
    names.truncate(config.limit.unwrap_or(usize::MAX));
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The frames that are taken of `count`, each of which takes so many milliseconds.
    fn taken(rate: Option<f64>, count: usize, milliseconds: u64) -> Vec<usize> {
        let mut arrivals = Arrivals::new(rate);
        let take = |number: &usize| {
            let is_taken = arrivals.is_taken(*number);
            if is_taken {
                arrivals.worked(Duration::from_millis(milliseconds));
            }
            is_taken
        };
        (0..count).filter(take).collect()
    }

    #[test]
    fn the_newest_frame_is_taken_when_the_work_is_done() {
        assert_eq!(taken(None, 4, 1000), [0, 1, 2, 3]);
        assert_eq!(taken(Some(10.0), 5, 100), [0, 1, 2, 3, 4]);
        assert_eq!(taken(Some(10.0), 9, 150), [0, 1, 3, 4, 6, 7]);
        assert_eq!(taken(Some(10.0), 9, 350), [0, 3, 7]);
    }

    #[test]
    fn decay_is_what_the_last_quarter_lost() {
        assert!((decay(&[1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.5, 0.5]) - 0.45).abs() < 1e-9);
        assert_eq!((decay(&[]), decay(&[0.7])), (0.0, 0.0));
        assert_eq!(recall(&[0.4, 0.6, 0.5, 1.0]), 0.5);
    }
}
