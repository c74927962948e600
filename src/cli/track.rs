//! `foveate track`: a selected object through a video or a folder of frames.

mod ahead;
mod decoded;
mod encoded;
pub(super) mod frames;
mod in_space;
mod results;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::board::ByteSize;
use crate::error::Error;
use crate::frame::Frame;
use crate::geometry::{BoundingBox, LabeledPoint, Size};
use crate::mask::file::read_prompt_mask;
use crate::mask::{Mask, Rle};
use crate::model::{Embedding, LoadedModel};
use crate::picture::DEFAULT_DECODE_BYTES;
use crate::session::Stepper;
use crate::sink::is_overlay;
use crate::track::{FollowerConfig, ObjectState};
use crate::video::Pixels;

use super::depth_args::{DepthArgs, parse_points};
use super::interrupt::on_interrupt;
use super::model_args::ModelArgs;
use super::numbers::parse_fps;
use super::output::{lossy, print, print_json};
use super::outputs::Files;
use super::progress;
use super::prompt_args::{parse_box, parse_point};
use encoded::{Encoded, EncodedAhead};
use frames::{Frames, Next, is_clip_frame_name};
use in_space::{InSpace, SpaceFields};
use results::{About, Cut, Found, Results, Target};

/// Follow one object through a video or a folder of frames.
///
/// Say what to follow on the first frame, with its mask, points or a box. A video is decoded by ffmpeg, each frame once and at its
/// own time; frames in a folder are photos in the order of their names, numbers by value, hidden files are none. Every frame's
/// mask can be written as a PNG (under the frame's own name, or a video's number of it from 000000.png), drawn over the frame, or
/// used to cut the object out. A damaged photo is told, keeps its number and gets no mask. Ctrl-C ends it: what was written plays.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct TrackArgs {
    /// The video, or the folder of frames
    #[arg(value_name = "VIDEO|DIR")]
    frames: PathBuf,
    #[command(flatten)]
    first: First,
    /// Write the mask of each frame into this folder, as grey PNGs, 255 inside
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Write the frames with the mask drawn over them, as a video (.mp4, .mov, .mkv, .webm, .avi, .gif) with the sound of the one that
    /// is followed, or as images into a folder
    #[arg(long, value_name = "VIDEO|DIR", help_heading = "Output")]
    overlay: Option<PathBuf>,
    /// Write the object alone, transparent around it and soft at its edges, as a video that can be so (.webm, .mkv, .mov) or as PNGs
    /// into a folder
    #[arg(long, value_name = "VIDEO|DIR", help_heading = "Output")]
    cutout: Option<PathBuf>,
    /// Write how much each pixel belongs to the object, in grey, as a video or as PNGs into a folder
    #[arg(long, value_name = "VIDEO|DIR", help_heading = "Output")]
    matte: Option<PathBuf>,
    /// Write the object's points of all frames, fused in the world, with colours and normals
    #[arg(long, value_name = "OUT.ply", value_parser = parse_points, requires = "poses", help_heading = "Output")]
    lift: Option<PathBuf>,
    /// Print one JSON object a frame, with the mask as COCO RLE
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Frames per second of a folder, 25 if not given; motion is predicted by it where the model's features cannot be compared
    #[arg(long, value_name = "N", value_parser = parse_fps)]
    fps: Option<f64>,
    /// Encode every Nth frame, and propagate the mask over those between by the image's motion alone: faster, a little less exact
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    encode_every: u32,
    /// Memory that decoding one frame may take, such as 512M or 4G [default: 2G]
    #[arg(long, value_name = "SIZE")]
    max_memory: Option<ByteSize>,
    #[command(flatten)]
    depth: DepthArgs,
    /// Where the camera was, a line a frame: `timestamp tx ty tz qx qy qz qw` as TUM writes it, from camera to world, or the same
    /// without the timestamp
    #[arg(long, value_name = "FILE", requires = "depth", help_heading = "Depth")]
    poses: Option<PathBuf>,
    #[command(flatten)]
    model: ModelArgs,
}

/// The object on the first frame.
#[derive(Debug, clap::Args)]
#[group(id = "first", required = true, multiple = true)]
struct First {
    /// Its mask, of the frame's size: 0 outside, anything else inside (docs/prompts.md)
    #[arg(long, value_name = "PNG", conflicts_with_all = ["points", "bbox"], help_heading = "Prompt")]
    first_mask: Option<PathBuf>,
    /// The label of the object, where the mask has several
    #[arg(long, value_name = "N", requires = "first_mask", help_heading = "Prompt")]
    mask_label: Option<u16>,
    /// A point on it, or off it with a third number 0. May be repeated
    #[arg(
        long = "point",
        value_name = "X,Y[,0|1]",
        value_parser = parse_point,
        allow_hyphen_values = true,
        help_heading = "Prompt"
    )]
    points: Vec<LabeledPoint>,
    /// A box around it
    #[arg(
        long = "box",
        value_name = "X0,Y0,X1,Y1",
        value_parser = parse_box,
        allow_hyphen_values = true,
        help_heading = "Prompt"
    )]
    bbox: Option<BoundingBox>,
}

const EXAMPLES: &str = "\
Examples:
  One click on the first frame, a mask for each:
    foveate track frames --point 420,250 --out masks
  The same in a video, which is given back with the mask drawn over it:
    foveate track clip.mp4 --point 420,250 --overlay out.mp4
  The object alone, for an editor:
    foveate track clip.mp4 --box 310,140,560,400 --cutout object.webm
  Where it is in the world, of a moving camera with depth:
    foveate track color --point 420,250 --depth depth --intrinsics 525,525,320,240 --poses poses.txt --lift object.ply
  A known first mask, and a line a frame for a program:
    foveate track frames --first-mask first.png --json";

/// The JSON form of one frame.
#[derive(Serialize)]
struct Line<'a> {
    frame: usize,
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    time_s: f64,
    state: ObjectState,
    score: f32,
    #[serde(rename = "box")]
    bbox: Option<BoundingBox>,
    area: usize,
    rle: Rle,
    #[serde(flatten)]
    space: SpaceFields,
}

/// The JSON form of a frame that cannot be read.
#[derive(Serialize)]
struct Damaged<'a> {
    frame: usize,
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    damaged: String,
}

/// Runs the command.
pub fn run(args: TrackArgs) -> anyhow::Result<()> {
    let max_memory = args.max_memory.map_or(DEFAULT_DECODE_BYTES, |size| size.0);
    let mut loading = None;
    let begin_to_load = |size| loading = Some(Loading::start(&args.model, size));
    let mut frames = Frames::open(&args.frames, args.fps, max_memory, begin_to_load)?;
    let targets = Targets::of(&args)?;
    written_files(&args, &targets, frames.files()).check()?;
    let first_mask =
        args.first.first_mask.as_deref().map(|m| read_prompt_mask(m, args.first.mask_label)).transpose()?;
    let space = InSpace::open(&args.depth, args.poses.as_deref(), frames.files().len(), args.lift.clone())?;
    // The prompt speaks about the first frame.
    let first = frames.next()?;
    if let Some(Next { frame: Err(error), .. }) = first {
        return Err(error.into());
    }
    let size = first.as_ref().and_then(|next| Some(next.frame.as_ref().ok()?.size));
    let model = match loading.filter(|loading| Some(loading.size) == size) {
        Some(loading) => loading.finish()?,
        None => args.model.load_for(size)?,
    };
    let writing = targets.open(About { rate: frames.rate(), clip: frames.clip() })?.start()?;
    let stepper = Stepper::new(model.encoder()?, model.decoder()?, FollowerConfig::default())?;
    let mut tracking = Tracking { args: &args, first_mask, stepper, space, totals: Totals::default() };
    let stop = on_interrupt()?;
    let bar = frames.count().map_or_else(|| progress::counter("frames"), |count| progress::bar(count, "frames"));
    let mut ahead = EncodedAhead::start(first, frames, model.encoder()?, args.encode_every)?;
    // What was followed until an error is written all the same.
    let mut broken: Option<anyhow::Error> = None;
    let began = Instant::now();
    while !stop.is_stopped() {
        let encoded = match ahead.next() {
            Ok(Some(encoded)) => encoded,
            Ok(None) => break,
            Err(error) => {
                broken = Some(error.into());
                break;
            }
        };
        let written = match tracking.follow(encoded, &ahead) {
            Ok(found) => found.is_none_or(|found| writing.send(found)),
            Err(error) => {
                broken = Some(error);
                false
            }
        };
        if !written {
            break;
        }
        bar.advance();
    }
    tracking.totals.spent = began.elapsed();
    let complaints = ahead.end().map(|mut frames| frames.complaints()).unwrap_or_default();
    bar.clear();
    writing.finish()?;
    if let (None, Some(space)) = (&broken, tracking.space.take()) {
        space.finish()?;
    }
    if broken.is_none() && !complaints.is_empty() {
        tracing::warn!("{}: some frames may be damaged ({complaints})", args.frames.display());
    }
    if !args.json {
        print(&tracking.totals.text())?;
    }
    broken.map_or(Ok(()), Err)
}

/// The model, loaded on a thread of its own while the first frame is decoded.
struct Loading {
    /// Of the frames that it is loaded for.
    size: Size,
    thread: JoinHandle<anyhow::Result<LoadedModel>>,
}

impl Loading {
    fn start(model: &ModelArgs, size: Size) -> Self {
        let model = model.clone();
        Loading { size, thread: std::thread::spawn(move || model.load_for(Some(size))) }
    }

    fn finish(self) -> anyhow::Result<LoadedModel> {
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// What is done for each frame.
struct Tracking<'a> {
    args: &'a TrackArgs,
    /// The object's mask on the first frame.
    first_mask: Option<Mask>,
    stepper: Stepper,
    space: Option<InSpace>,
    totals: Totals,
}

/// What is told in the end.
#[derive(Default)]
struct Totals {
    done: usize,
    lost: usize,
    damaged: usize,
    /// From the first frame to the last.
    spent: Duration,
}

impl Tracking<'_> {
    /// Follows the object to the next frame and prints it; gives what is to be written, unless the frame is damaged.
    fn follow(&mut self, encoded: Encoded, ahead: &EncodedAhead) -> anyhow::Result<Option<Found>> {
        let Encoded { next: Next { number, file, name, frame }, embedding } = encoded;
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => {
                tracing::warn!("frame {number} gets no mask: {error}");
                if self.args.json {
                    print_json(&Damaged { frame: number, file: &file, damaged: error.to_string() })?;
                }
                self.totals.damaged += 1;
                return Ok(None);
            }
        };
        if let Some(free) = self.step(number, &frame, embedding)? {
            ahead.reuse(free);
        }
        let time_s = frame.captured_at.as_secs_f64();
        let Some(found) = self.stepper.record().objects().first() else { return Ok(None) };
        // What was given is the answer on its own frame.
        let given = self.first_mask.as_ref().filter(|_| number == 0);
        let mask = given.unwrap_or(&found.mask);
        if found.state == ObjectState::Lost {
            self.totals.lost += 1;
        }
        let space = match &mut self.space {
            Some(space) => space.frame(number, &name, mask, &frame)?,
            None => SpaceFields::default(),
        };
        if self.args.json {
            let (bbox, area) = (mask.bounding_box(), mask.area());
            let rle = Rle::from_mask(mask);
            let (state, score) = (found.state, found.score);
            let line = Line { frame: number, file: &file, time_s, state, score, bbox, area, rle, space };
            print_json(&line)?;
        }
        self.totals.done += 1;
        let mut record = self.stepper.record().clone();
        record.time_s = time_s;
        let mask = mask.clone();
        if given.is_some()
            && let Some(object) = record.objects_mut().first_mut()
        {
            object.mask.clone_from(&mask);
        }
        let logits = self.stepper.logits(1).filter(|_| given.is_none());
        let logits = logits.map(|(logits, letterbox)| (logits.clone(), *letterbox));
        Ok(Some(Found { frame, name, mask, logits, record }))
    }

    /// Follows to a frame with its embedding, or without one by the image's motion alone; gives an embedding that is used no more.
    fn step(
        &mut self,
        number: usize,
        frame: &Arc<Frame>,
        embedding: Option<Embedding>,
    ) -> anyhow::Result<Option<Embedding>> {
        let Some(embedding) = embedding else {
            self.stepper.propagate(frame);
            return Ok(None);
        };
        let free = self.stepper.set_encoded(Arc::clone(frame), embedding);
        if number == 0 {
            match &self.first_mask {
                Some(mask) => self.stepper.select(1, mask)?,
                None => self.stepper.prompt(1, &self.args.first.points, self.args.first.bbox)?,
            }
        }
        self.stepper.follow()?;
        Ok(Some(free))
    }
}

impl Totals {
    fn text(&self) -> String {
        let each = self.spent.as_secs_f64() * 1e3 / self.done.max(1) as f64;
        let damaged = if self.damaged > 0 { format!(", {} more damaged", self.damaged) } else { String::new() };
        format!("{} frames, {each:.1} ms each, lost on {}{damaged}\n", self.done, self.lost)
    }
}

/// Where the outputs go.
struct Targets {
    masks: Option<PathBuf>,
    overlay: Option<Target>,
    cutout: Option<Target>,
    matte: Option<Target>,
}

impl Targets {
    fn of(args: &TrackArgs) -> Result<Self, Error> {
        let target = |path: &Option<PathBuf>, pixels| path.as_deref().map(|path| Target::of(path, pixels)).transpose();
        Ok(Targets {
            masks: args.out.clone(),
            overlay: target(&args.overlay, Pixels::Rgb)?,
            cutout: target(&args.cutout, Cut::Colours.pixels())?,
            matte: target(&args.matte, Cut::Matte.pixels())?,
        })
    }

    fn open(self, about: About) -> anyhow::Result<Results> {
        let mut results = Results::default();
        self.masks.map(|folder| results.add_masks(&folder)).transpose()?;
        self.overlay.map(|target| results.add_overlay(target, about)).transpose()?;
        self.cutout.map(|target| results.add_cutouts(target, Cut::Colours, about)).transpose()?;
        self.matte.map(|target| results.add_cutouts(target, Cut::Matte, about)).transpose()?;
        Ok(results)
    }
}

/// What is read and written.
fn written_files(args: &TrackArgs, targets: &Targets, frames: &[PathBuf]) -> Files {
    let mut files = Files::default();
    files.reads("the frames", [&args.frames]).reads("--first-mask", &args.first.first_mask);
    files.reads("--depth", &args.depth.depth).reads("--poses", &args.poses).writes("--lift", &args.lift);
    files.reads_models(args.model.models_dir.as_deref()).writes_stdout();
    for (what, target) in [("--overlay", &targets.overlay), ("--cutout", &targets.cutout), ("--matte", &targets.matte)]
    {
        match target {
            Some(Target::Video(path)) => drop(files.writes(what, [path])),
            Some(Target::Folder(folder)) if what == "--overlay" => drop(files.writes_into(what, [folder], is_overlay)),
            Some(Target::Folder(folder)) => add_folder(&mut files, what, folder, frames),
            None => {}
        }
    }
    if let Some(folder) = &targets.masks {
        add_folder(&mut files, "--out", folder, frames);
    }
    files
}

/// A folder that gets a PNG of each frame.
fn add_folder(files: &mut Files, what: &str, folder: &Path, frames: &[PathBuf]) {
    match frames {
        [] => drop(files.writes_into(what, [folder], is_clip_frame_name)),
        frames => drop(files.writes_masks(what, folder, frames)),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        args: TrackArgs,
    }

    #[test]
    fn the_examples_in_the_help_are_valid() {
        let lines: Vec<&str> = EXAMPLES.lines().filter_map(|l| l.trim().strip_prefix("foveate ")).collect();
        assert_eq!(lines.len(), 5);
        for line in lines {
            let parsed = Command::try_parse_from(line.split(' '));
            assert!(parsed.is_ok(), "{line}");
        }
    }

    #[test]
    fn a_prompt_is_needed_and_a_mask_is_enough() {
        assert!(Command::try_parse_from(["track", "frames"]).is_err());
        let both = ["track", "frames", "--first-mask", "m.png", "--point", "1,2"];
        assert!(Command::try_parse_from(both).is_err());
        assert!(Command::try_parse_from(["track", "frames", "--point", "1,2", "--fps", "0"]).is_err());
    }
}
