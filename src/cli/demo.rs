//! `foveate demo`: the whole story on this machine.

mod scene_gaze;
mod score;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::capture::scene::SceneSource;
use crate::capture::{self, Source, SourceAddress, SourceOptions};
use crate::pipeline::Summary;
use crate::sink::{ImageFormat, OverlayOptions, OverlaySink, is_overlay};
use crate::statistics;
use crate::time::MonotonicClock;

use super::board_args::BoardArgs;
use super::console::{ConsoleArgs, Screen};
use super::live::Live;
use super::machine::Machine;
use super::numbers::parse_seconds;
use super::output::{lossy, print, print_json};
use super::stages;
use super::stream::{Stream, dwell_selector};
use scene_gaze::{CentreGaze, SceneGaze, UntilUsed};
use score::ScoreSink;

/// Show the whole story on this machine: frames, a look, and the mask that follows.
///
/// With a camera, look is what the camera points at: hold it still on an object and the object at the middle of the image
/// is selected. Without one, a rendered scene is shown together with the gaze of somebody who looks around in it; what
/// they dwell on is selected, and at the end the masks are held against the scene's truth.
///
/// The link that is printed shows all of it in a browser. Whoever points at an object there takes over: the made-up gaze ends.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// How long; on a terminal until Ctrl-C, elsewhere 20 seconds
    #[arg(long, value_name = "N", value_parser = parse_seconds)]
    seconds: Option<Duration>,
    /// Use this source, see `foveate run` [default: a camera if there is one, otherwise the scene]
    #[arg(long, value_name = "ADDRESS")]
    source: Option<SourceAddress>,
    /// Where overlay images go, one a second
    #[arg(long, value_name = "DIR", default_value = "demo-out")]
    out: PathBuf,
    /// Print one JSON object at the end
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    board: BoardArgs,
    #[command(flatten)]
    console: ConsoleArgs,
}

/// How long the demo is where nobody sees a terminal.
const ELSEWHERE: Duration = Duration::from_secs(20);

/// Objects selected at once in the demo; a further look releases the oldest.
const OBJECTS: usize = 3;

/// The last line of `foveate demo --json`.
#[derive(Serialize)]
struct Report {
    source: String,
    board: String,
    model: String,
    /// Median IoU over every mask of every frame with the truth of the object looked at; `null` for cameras, whose truth
    /// nobody knows.
    selection_iou: Option<f32>,
    /// The same on the frames where a look was answered.
    first_mask_iou: Option<f32>,
    /// Masks that were compared.
    masks_scored: usize,
    selections: usize,
    lost: usize,
    #[serde(serialize_with = "lossy")]
    overlays: PathBuf,
    #[serde(flatten)]
    summary: Summary,
}

/// Frames a second of the rendered scene. Rendering a frame costs as much as encoding one; at this rate two cores hold both.
const SCENE_FPS: f64 = 24.0;

/// Runs the command.
pub fn run(args: DemoArgs) -> anyhow::Result<()> {
    let mut files = args.board.files();
    files.reads("--source", args.source.iter().filter_map(SourceAddress::reads));
    files.writes_into("--out", [&args.out], is_overlay).check()?;
    let board = args.board.board()?;
    let mut options = board.source_options();
    let address = match &args.source {
        Some(address) => address.clone(),
        None => camera_or_scene(&options)?,
    };
    let clock = Arc::new(MonotonicClock);
    let (source, scene): (Box<dyn Source>, _) = match SceneSource::seed_of(&address) {
        Some(seed) => {
            options.fps = Some(options.rate()?.min(SCENE_FPS));
            let source = SceneSource::open(seed, &options, clock)?;
            let scene = source.scene();
            (Box::new(source), Some(scene))
        }
        None => (address.open(&options, clock)?, None),
    };
    // The gaze is nobody's, so nothing private is shown.
    let screen = (Screen::start_anywhere(&args.console, true)?, true);
    let mut machine = Machine::new(&args.board, board, [None])?;
    let mut stream = Stream::open(&mut machine, 0, (source, &options), screen, OBJECTS)?;
    stream.invite();
    eprintln!("overlays in {}", args.out.display());
    let (info, used) = (stream.info.clone(), stream.used());
    let fps = info.rate.unwrap_or(SourceOptions::DEFAULT_FPS);
    let every = fps.round().max(1.0) as u32;
    let overlays = OverlayOptions { every, format: ImageFormat::Jpeg, share_gaze: true, ..OverlayOptions::default() };
    let pipeline = stream.pipeline.sink(Box::new(OverlaySink::create(&args.out, overlays)?));
    let selector = dwell_selector(&info, None);
    let mut score = None;
    stream.pipeline = match scene {
        Some(scene) => {
            let (sink, shared) = ScoreSink::new(Arc::clone(&scene), fps, Arc::clone(&used));
            score = Some(shared);
            let gaze = UntilUsed { gaze: SceneGaze::new(&scene), used };
            pipeline.sink(Box::new(sink)).gaze(Box::new(gaze), selector)
        }
        None => pipeline.gaze(Box::new(UntilUsed { gaze: CentreGaze::new(info.size), used }), selector),
    };
    let (board, model) = (stream.board.name.clone(), stream.model_name().to_owned());
    let limit = args.seconds.or_else(|| (!std::io::stderr().is_terminal()).then_some(ELSEWHERE));
    let mut live = Live::new();
    let summary = stream.run(limit, |running| live.show(None, running))?;
    live.clear();

    let figures = score.map(|s| s.lock().unwrap_or_else(|p| p.into_inner()).clone()).unwrap_or_default();
    let report = Report {
        source: info.address,
        board,
        model,
        selection_iou: median(&figures.ious),
        first_mask_iou: median(&figures.ious_at_selection),
        masks_scored: figures.ious.len(),
        selections: figures.selections,
        lost: figures.lost,
        overlays: args.out,
        summary,
    };
    if args.json { print_json(&report) } else { print(&text(&report)) }
}

fn median(ious: &[f32]) -> Option<f32> {
    statistics::median(&mut ious.to_vec(), f32::total_cmp)
}

fn text(report: &Report) -> String {
    let mut out = stages::table(&report.summary);
    out.push_str(&format!("{} selections by dwell, {} losses\n", report.selections, report.lost));
    if let (Some(all), Some(first)) = (report.selection_iou, report.first_mask_iou) {
        out.push_str(&format!(
            "IoU with the scene's truth: {all:.2} (median of {} masks), {first:.2} when selected\n",
            report.masks_scored
        ));
    }
    out.push_str(&format!("images of the result: {}\n", report.overlays.display()));
    out
}

/// The first camera that can be used, or the scene.
fn camera_or_scene(options: &SourceOptions) -> anyhow::Result<SourceAddress> {
    let cameras = capture::list_cameras(options)?;
    let usable = cameras.into_iter().find(|c| c.problem.is_none() && c.choice.is_some());
    Ok(match usable {
        Some(camera) => camera.address.parse()?,
        None => SceneSource::address(SceneSource::DEFAULT_SEED),
    })
}
