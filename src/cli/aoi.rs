//! `foveate aoi`: which object was looked at, when, in an eye tracker's recording.

mod follow;
mod tables;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::error::ConfigError;
use crate::geometry::{BoundingBox, Intrinsics, LabeledPoint};
use crate::input::GazeRecording;
use crate::picture::DEFAULT_DECODE_BYTES;
use crate::select::gaze::{DwellConfig, FixationConfig, FixationDetector, FixationSpan, fixated_object, interests};

use super::model_args::ModelArgs;
use super::numbers::parse_fps;
use super::outputs::Files;
use super::prompt_args::{parse_box, parse_point};
use super::track::frames::Frames;
use follow::Following;

/// Tell which objects were looked at in an eye tracker's recording, when and for how long.
///
/// Objects are clicked in the scene video and followed through it; every gaze sample is held against the masks of the frame that was shown
/// then. Recordings of Pupil Labs' Neon and Invisible (native data or Pupil Cloud's export), Pupil Core (Pupil Player's export) and mobile
/// gaze mapping are read, as by `--prompt gaze:file:PATH`. Fixations are the recording's own, or found in its samples.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct AoiArgs {
    /// The recording: its folder, or the file with gaze in it
    #[arg(value_name = "RECORDING")]
    recording: PathBuf,
    /// The scene video, or a folder of its frames; without it the one beside the recording
    #[arg(long, value_name = "VIDEO|DIR")]
    video: Option<PathBuf>,
    /// A point on an object, on the first frame or S seconds after it; each is an object of its own, numbered from 1
    #[arg(long = "point", value_name = "X,Y[@S]", allow_hyphen_values = true, help_heading = "Prompt")]
    points: Vec<Clicked<Place>>,
    /// A box around an object, likewise; its objects count on from those of the points
    #[arg(long = "box", value_name = "X0,Y0,X1,Y1[@S]", allow_hyphen_values = true, help_heading = "Prompt")]
    boxes: Vec<Clicked<Area>>,
    /// Write a table with a row for each object: first look, dwell time, visits, fixations (CSV; standard output without it)
    #[arg(long, value_name = "CSV", help_heading = "Output")]
    dwell: Option<PathBuf>,
    /// Write a table with a row for each fixation: start, end, place, object (CSV)
    #[arg(long, value_name = "CSV", help_heading = "Output")]
    fixations: Option<PathBuf>,
    /// Write the scene video with masks and gaze drawn over it (.mp4, .mov, .mkv, .webm, .avi, .gif)
    #[arg(long, value_name = "VIDEO", help_heading = "Output")]
    overlay: Option<PathBuf>,
    /// Frames per second of a folder, if the recording does not say when its frames were taken; 25 if not given
    #[arg(long, value_name = "N", value_parser = parse_fps)]
    fps: Option<f64>,
    #[command(flatten)]
    model: ModelArgs,
}

const EXAMPLES: &str = "\
Examples:
  For how long was the clicked object looked at?
    foveate aoi recordings/2024-05-17 --point 812,440
  Two objects, the second clicked 12.5 s into the video, both tables, and a video to check them by:
    foveate aoi export --video world.mp4 --point 812,440 --point 300,500@12.5 \\
      --dwell dwell.csv --fixations fixations.csv --overlay check.mp4

docs/gaze.md describes the tables.";

/// Longest silence of the tracker over which a look goes on.
const MAX_GAP: Duration = Duration::from_millis(75);

/// Something clicked at a time.
#[derive(Clone, Debug)]
struct Clicked<T> {
    what: T,
    /// Seconds after the first frame.
    time_s: f64,
}

#[derive(Clone, Debug)]
struct Place(LabeledPoint);

#[derive(Clone, Debug)]
struct Area(BoundingBox);

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_point(text).map(Place)
    }
}

impl FromStr for Area {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_box(text).map(Area)
    }
}

impl<T: FromStr<Err = String>> FromStr for Clicked<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (what, time) = text.split_once('@').unwrap_or((text, "0"));
        let seconds = time.parse().ok().filter(|seconds: &f64| (0.0..1e6).contains(seconds));
        let time_s =
            seconds.ok_or_else(|| format!("`@{time}` is no time: give seconds after the first frame, as in @12.5"))?;
        Ok(Clicked { what: what.parse()?, time_s })
    }
}

/// A prompt for an object.
struct Wanted {
    object: u32,
    time_s: f64,
    points: Vec<LabeledPoint>,
    bbox: Option<BoundingBox>,
}

/// Runs the command.
pub fn run(args: AoiArgs) -> anyhow::Result<()> {
    let wanted = wanted(&args)?;
    let video = match &args.video {
        Some(video) => video.clone(),
        None => scene_video(&args.recording)?,
    };
    files(&args, &video).check()?;
    let recording = GazeRecording::read(&args.recording)?;
    // Only the rate of a folder whose frames have no times may be said.
    let fps = args.fps.filter(|_| recording.frames.is_empty());
    let frames = Frames::open(&video, fps, DEFAULT_DECODE_BYTES, |_| {})?;
    let objects: Vec<u32> = wanted.iter().map(|wanted| wanted.object).collect();
    let Following { looks, recording, visible } =
        Following::through(frames, recording, wanted, &args.model, args.overlay.as_deref())?;
    let spans = fixations(&recording);
    let on: Vec<_> = spans.iter().map(|span| (*span, fixated_object(span, &looks))).collect();
    let assigned: Vec<_> = on.iter().map(|(span, on)| (*span, on.map(|(object, _)| object))).collect();
    let interests = interests(&objects, &looks, &assigned, MAX_GAP);
    let start = recording.first_frame();
    tables::write_dwell(args.dwell.as_deref(), start, &interests, &visible)?;
    if let Some(path) = &args.fixations {
        tables::write_fixations(path, start, &on)?;
    }
    Ok(())
}

/// The objects in the order of their numbers.
fn wanted(args: &AoiArgs) -> Result<Vec<Wanted>, ConfigError> {
    let points = args.points.iter().map(|Clicked { what: Place(point), time_s }| (*time_s, vec![*point], None));
    let boxes = args.boxes.iter().map(|Clicked { what: Area(bbox), time_s }| (*time_s, Vec::new(), Some(*bbox)));
    let all = points.chain(boxes).zip(1..);
    let all: Vec<_> = all.map(|((time_s, points, bbox), object)| Wanted { object, time_s, points, bbox }).collect();
    if all.is_empty() {
        let reason = "say which objects: give --point X,Y or --box X0,Y0,X1,Y1 for each".to_owned();
        return Err(ConfigError::Invalid { origin: "foveate aoi".into(), reason });
    }
    Ok(all)
}

/// The one video beside a recording.
fn scene_video(recording: &Path) -> Result<PathBuf, ConfigError> {
    let folder = if recording.is_dir() { recording } else { recording.parent().unwrap_or(Path::new(".")) };
    let is_scene = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let is_video = [".mp4", ".mkv", ".mov", ".avi"].iter().any(|ending| name.ends_with(ending));
        is_video && !name.contains("eye")
    };
    // Pupil Player's export lies two folders below its world video.
    let near = [folder.to_path_buf(), folder.join("../..")];
    let named = |folder: &PathBuf| {
        let videos =
            std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).filter(is_scene);
        let mut videos: Vec<_> = videos.collect();
        videos.sort();
        if let [only] = &videos[..] { Some(only.clone()) } else { None }
    };
    let frames = folder.join("frames");
    near.iter().find_map(named).or_else(|| frames.is_dir().then_some(frames)).ok_or_else(|| ConfigError::Invalid {
        origin: recording.display().to_string(),
        reason: "no scene video lies beside it, or several do: name it with --video".into(),
    })
}

/// The recording's own fixations, or those in its samples.
fn fixations(recording: &GazeRecording) -> Vec<FixationSpan> {
    if !recording.fixations.is_empty() {
        let span = |fixation: &crate::input::RecordedFixation| FixationSpan {
            started_at: fixation.span.start,
            ended_at: fixation.span.end,
            point: fixation.point,
        };
        return recording.fixations.iter().map(span).collect();
    }
    let camera = recording.intrinsics.unwrap_or_else(|| Intrinsics::assumed(recording.size));
    let least = DwellConfig::default().min_confidence;
    FixationDetector::detect(FixationConfig::default(), camera, &recording.samples, (least, MAX_GAP))
}

fn files(args: &AoiArgs, video: &Path) -> Files {
    let mut files = Files::default();
    files.reads("the recording", [&args.recording]).reads("the scene video", [video]);
    files.reads_models(args.model.models_dir.as_deref());
    files.writes("--dwell", &args.dwell).writes("--fixations", &args.fixations).writes("--overlay", &args.overlay);
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clicks_have_a_place_and_a_time() {
        let clicked: Clicked<Place> = "812,440.5@12.5".parse().unwrap();
        assert_eq!((clicked.what.0, clicked.time_s), (LabeledPoint::foreground(812.0, 440.5), 12.5));
        let clicked: Clicked<Area> = "1,2,3,4".parse().unwrap();
        assert_eq!((clicked.what.0, clicked.time_s), (BoundingBox::new(1.0, 2.0, 3.0, 4.0), 0.0));
        for wrong in ["1", "1,2@", "1,2@-1", "1,2@x", "@3", "1,2@nan"] {
            assert!(wrong.parse::<Clicked<Place>>().is_err(), "{wrong}");
        }
    }
}
