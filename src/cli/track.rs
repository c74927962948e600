//! `foveate track`: a selected object through a folder of frames.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::board::ByteSize;
use crate::capture::list_images;
use crate::eval::sequences::open_frame;
use crate::geometry::{BoundingBox, LabeledPoint};
use crate::mask::Rle;
use crate::mask::file::{read_prompt_mask, write_mask_of};
use crate::picture::DEFAULT_DECODE_BYTES;
use crate::session::Stepper;
use crate::track::{FollowerConfig, ObjectState};

use super::interrupt::on_interrupt;
use super::model_args::ModelArgs;
use super::numbers::parse_fps;
use super::output::{lossy, make_folder, print, print_json};
use super::outputs::Files;
use super::progress;
use super::prompt_args::{parse_box, parse_point};

/// Follow one object through a folder of frames.
///
/// Say what to follow on the first frame, with its mask, points or a box; every frame's mask is written as a PNG under the
/// frame's own name. Frames are photos in the order of their names, numbers by value; hidden files are none. A damaged frame
/// is told, keeps its number and gets no mask.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct TrackArgs {
    /// The folder of frames
    frames: PathBuf,
    #[command(flatten)]
    first: First,
    /// Write the mask of each frame into this folder, as grey PNGs, 255 inside
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Print one JSON object a frame, with the mask as COCO RLE
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Frames per second of the recording; motion is predicted by it where the model's features cannot be compared
    #[arg(long, value_name = "N", default_value_t = 25.0, value_parser = parse_fps)]
    fps: f64,
    /// Encode every Nth frame, and propagate the mask over those between by the image's motion alone: faster, a little less exact
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    encode_every: u32,
    /// Memory that decoding one frame may take, such as 512M or 4G [default: 2G]
    #[arg(long, value_name = "SIZE")]
    max_memory: Option<ByteSize>,
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
  A known first mask, and a line a frame for a program:
    foveate track frames --first-mask first.png --json";

/// The JSON form of one frame.
#[derive(Serialize)]
struct Line<'a> {
    frame: usize,
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    state: ObjectState,
    score: f32,
    #[serde(rename = "box")]
    bbox: Option<BoundingBox>,
    area: usize,
    rle: Rle,
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
    let files = list_images(&args.frames)?;
    written_files(&args, &files).check()?;
    let first_mask =
        args.first.first_mask.as_deref().map(|m| read_prompt_mask(m, args.first.mask_label)).transpose()?;
    let max_memory = args.max_memory.map_or(DEFAULT_DECODE_BYTES, |size| size.0);
    // The prompt speaks about the first frame.
    let mut first = Some(open_frame(&files[0], 0, args.fps, max_memory)?);
    let model = args.model.load_for(first.as_ref().map(|frame| frame.size))?;
    let _claim = args.out.as_deref().map(make_folder).transpose()?;
    let mut stepper = Stepper::new(model.encoder()?, model.decoder()?, FollowerConfig::default())?;
    let stop = on_interrupt()?;
    let bar = progress::bar(files.len(), "frames");
    let (mut spent, mut lost, mut damaged) = (Duration::ZERO, 0, 0);
    let mut done = 0;
    for (number, file) in files.iter().enumerate() {
        if stop.is_stopped() {
            break;
        }
        let frame = match first.take().map_or_else(|| open_frame(file, number, args.fps, max_memory), Ok) {
            Ok(frame) => frame,
            Err(error) => {
                tracing::warn!("frame {number} gets no mask: {error}");
                if args.json {
                    print_json(&Damaged { frame: number, file, damaged: error.to_string() })?;
                }
                damaged += 1;
                bar.advance();
                continue;
            }
        };
        let began = Instant::now();
        let between = !number.is_multiple_of(args.encode_every as usize);
        if !between || stepper.propagate(&frame).is_none() {
            stepper.set_frame(frame)?;
            if number == 0 {
                match &first_mask {
                    Some(mask) => stepper.select(1, mask)?,
                    None => stepper.prompt(1, &args.first.points, args.first.bbox)?,
                }
            }
            stepper.follow()?;
        }
        spent += began.elapsed();
        let Some(found) = stepper.record().objects().first() else { continue };
        // What was given is the answer on its own frame.
        let mask = first_mask.as_ref().filter(|_| number == 0).unwrap_or(&found.mask);
        if found.state == ObjectState::Lost {
            lost += 1;
        }
        if let Some(out) = &args.out {
            write_mask_of(file, mask, out)?;
        }
        if args.json {
            let (bbox, area) = (mask.bounding_box(), mask.area());
            let rle = Rle::from_mask(mask);
            print_json(&Line { frame: number, file, state: found.state, score: found.score, bbox, area, rle })?;
        }
        done += 1;
        bar.advance();
    }
    bar.clear();
    if !args.json {
        let each = spent.as_secs_f64() * 1e3 / done.max(1) as f64;
        let damaged = if damaged > 0 { format!(", {damaged} more damaged") } else { String::new() };
        print(&format!("{done} frames, {each:.1} ms each, lost on {lost}{damaged}\n"))?;
    }
    Ok(())
}

/// What is read and written.
fn written_files(args: &TrackArgs, frames: &[PathBuf]) -> Files {
    let mut files = Files::default();
    files.reads("the frames", [&args.frames]).reads("--first-mask", &args.first.first_mask);
    files.reads_models(args.model.models_dir.as_deref()).writes_stdout();
    if let Some(out) = &args.out {
        files.writes_masks("--out", out, frames);
    }
    files
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
        assert_eq!(lines.len(), 2);
        for line in lines {
            let parsed = Command::try_parse_from(line.split(' '));
            assert_eq!(parsed.map(|c| c.args.frames).ok(), Some("frames".into()), "{line}");
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
