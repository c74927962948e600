//! `foveate record`: `foveate run` with a recording.

use std::path::{Path, PathBuf};

use crate::board::ByteSize;
use crate::error::ConfigError;
use crate::sink::{SinkAddress, part_path};

use super::run::{self, RunArgs};

/// Record a run, so that it can be replayed bit for bit.
///
/// It is `foveate run` with one more sink: frames as the encoder saw them, every prompt and the frame it was applied on, masks, events and
/// statistics go into an MCAP file, which Foxglove and the `mcap` tools open too. A recorder that is killed or runs out of disk leaves a file
/// that opens; at most the last second is missing. Where the user looks is recorded with --record-gaze only. A file that is there is never
/// written over. docs/recording.md describes every topic.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct RecordArgs {
    /// The file, which must not be there yet; further ones are called NAME-0002.mcap and so on. Of several cameras each has its own,
    /// NAME-CAMERA.mcap
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Begin another file before one is larger, such as 500M or 4G
    #[arg(long, value_name = "SIZE")]
    max_size: Option<ByteSize>,
    /// Keep so many files and delete the oldest: with --max-size the recording takes no more than their product
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_files: Option<u32>,
    /// Begin another file after so many seconds
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u32).range(1..))]
    segment_seconds: Option<u32>,
    /// How frames that are not JPEG are stored: RGB as png, or everything as raw pixels, which is larger and less work
    #[arg(long, value_name = "png|raw", default_value = "png", value_parser = ["png", "raw"])]
    frames: String,
    /// Record where the user looks, too
    #[arg(long = "record-gaze")]
    record_gaze: bool,
    #[command(flatten)]
    run: RunArgs,
}

const EXAMPLES: &str = "\
Examples:
  A camera, what is tapped in the browser, and a file of it:
    foveate record --out run.mcap --source v4l:/dev/video0 --prompt console --sink console
  For days, in files of 1 GB of which ten are kept:
    foveate record --out run.mcap --max-size 1G --max-files 10 --source v4l:/dev/video0 --prompt touch:auto
  A folder of frames with a script:
    foveate record --out run.mcap --source files:frames --fps 24 --prompt script:prompts.ndjson
  Does the model still find the same?
    foveate replay run.mcap
  The same as a sink of any run:
    foveate run --source scene:7 --seconds 10 --prompt script:prompts.ndjson --sink mcap:run.mcap?max_size=1G";

/// Runs the command.
pub fn run(args: RecordArgs) -> anyhow::Result<()> {
    let RecordArgs { out, max_size, max_files, segment_seconds, frames, record_gaze, mut run } = args;
    let mut options = vec![format!("frames={frames}")];
    options.extend(max_size.map(|size| format!("max_size={}", size.0)));
    options.extend(max_files.map(|files| format!("max_files={files}")));
    options.extend(segment_seconds.map(|seconds| format!("segment_seconds={seconds}")));
    options.extend(record_gaze.then(|| "share_gaze=true".to_owned()));
    let query = options.join("&");
    run.record(|camera| address(&of_camera(&out, camera), &query))?;
    run::run(run)
}

fn address(path: &Path, query: &str) -> Result<SinkAddress, ConfigError> {
    let text = path.to_str().filter(|text| !text.contains('?')).ok_or_else(|| ConfigError::Invalid {
        origin: "--out".into(),
        reason: format!("{}: give a name in UTF-8 without a question mark", path.display()),
    })?;
    format!("mcap:{text}?{query}").parse()
}

/// The file of one of several cameras.
fn of_camera(path: &Path, camera: Option<&str>) -> PathBuf {
    let Some(camera) = camera else { return part_path(path, 1) };
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}-{camera}{extension}"))
}
