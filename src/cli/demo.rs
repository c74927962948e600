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
use crate::geometry::Intrinsics;
use crate::pipeline::{Pipeline, PipelineConfig, Running, Summary};
use crate::select::gaze::{DwellConfig, DwellSelector};
use crate::sink::{OverlayOptions, OverlaySink, PictureFormat};
use crate::time::MonotonicClock;

use super::board_args::{BoardArgs, pipeline_config};
use super::console::{ConsoleArgs, Screen, Used};
use super::live::Live;
use super::model_args::precision_text;
use super::output::{print, print_json};
use super::{interrupt, stages};
use scene_gaze::{CentreGaze, SceneGaze, UntilUsed};
use score::{Score, ScoreSink};

/// Show the whole story on this machine: frames, a look, and the mask that follows.
///
/// With a camera, look is what the camera points at: hold it still on a thing and the thing at the middle of the picture
/// is selected. Without one, a rendered scene is shown together with the gaze of somebody who looks around in it; what
/// they dwell on is selected, and at the end the masks are held against the scene's truth.
///
/// The link that is printed shows all of it in a browser. Whoever points at a thing there takes over: the made-up gaze ends.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// How long; on a terminal until Ctrl-C, elsewhere 20 seconds
    #[arg(long, value_name = "N")]
    seconds: Option<f64>,
    /// Use this source, see `foveate run` [default: a camera if there is one, otherwise the scene]
    #[arg(long, value_name = "ADDRESS")]
    source: Option<SourceAddress>,
    /// Where overlay pictures go, one a second
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

/// Things selected at once in the demo; a further look releases the oldest.
const OBJECTS: usize = 3;
/// Field of view of a camera whose intrinsics nobody knows.
pub(super) const ASSUMED_FOV_DEG: f32 = 65.0;

/// The last line of `foveate demo --json`.
#[derive(Serialize)]
struct Report {
    source: String,
    board: String,
    model: String,
    /// Median IoU over every mask of every frame with the truth of the thing looked at; `null` for cameras, whose truth
    /// nobody knows.
    selection_iou: Option<f32>,
    /// The same on the frames where a look was answered.
    first_mask_iou: Option<f32>,
    /// Masks that were compared.
    masks_scored: usize,
    selections: usize,
    lost: usize,
    overlays: PathBuf,
    #[serde(flatten)]
    summary: Summary,
}

/// Frames a second of the rendered scene. Rendering a frame costs as much as encoding one; at this rate two cores hold both.
const SCENE_FPS: f64 = 24.0;

/// Runs the command.
pub fn run(args: DemoArgs) -> anyhow::Result<()> {
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
    let info = source.info().clone();
    let fps = info.rate.unwrap_or(SourceOptions::DEFAULT_FPS);
    let model = args.board.load(&board)?;
    let name = model.spec().name.clone();
    let precision = precision_text(&model);
    eprintln!("source {}, board {}, model {name} in {precision}", info.address, board.name);
    eprintln!("overlays in {}", args.out.display());
    // The gaze is nobody's, so nothing private is shown.
    let mut screen = Screen::start_anywhere(&args.console, true)?;
    let source = screen.describe(&board, &args.board, (source, &options), &model, true);
    screen.invite();
    let used = screen.used();

    let intrinsics = info
        .intrinsics
        .unwrap_or_else(|| Intrinsics::from_horizontal_fov(ASSUMED_FOV_DEG, info.size.width, info.size.height));
    let selector = DwellSelector::new(DwellConfig::default(), intrinsics);
    let config = PipelineConfig { max_objects: OBJECTS, ..pipeline_config(&board, fps) };
    let stop = interrupt::on_interrupt()?;
    let every = fps.round().max(1.0) as u32;
    let overlays = OverlayOptions { every, format: PictureFormat::Jpeg, ..OverlayOptions::default() };
    let mut pipeline = Pipeline::new(source, model.encoder()?, model.decoder()?, name.clone())
        .config(config)
        .stop_token(stop.clone())
        .sink(Box::new(OverlaySink::create(&args.out, overlays)?));
    let mut score = None;
    pipeline = match scene {
        Some(scene) => {
            let (sink, shared) = ScoreSink::new(Arc::clone(&scene), fps, Arc::clone(&used));
            score = Some(shared);
            let gaze = UntilUsed { gaze: SceneGaze::new(&scene), used };
            pipeline.sink(Box::new(sink)).gaze(Box::new(gaze), selector)
        }
        None => pipeline.gaze(Box::new(UntilUsed { gaze: CentreGaze::new(info.size), used }), selector),
    };
    pipeline = screen.join(pipeline, true);
    let limit = args.seconds.or_else(|| (!std::io::stderr().is_terminal()).then_some(20.0));
    if let Some(seconds) = limit {
        interrupt::after(&stop, Duration::try_from_secs_f64(seconds)?);
    }
    if let Some(degrade) = args.board.degrade(&board, model)? {
        pipeline = pipeline.degrade(degrade);
    }
    let mut live = Live::new();
    let summary = pipeline.start()?.wait(|running: &Running| {
        live.show(running);
        screen.observe(running);
    })?;
    live.clear();

    let score = score.map(|s| s.lock().unwrap_or_else(|p| p.into_inner()).clone());
    let figures = score.clone().unwrap_or_default();
    let report = Report {
        source: info.address,
        board: board.name,
        model: name,
        selection_iou: Score::median(&figures.ious),
        first_mask_iou: Score::median(&figures.ious_at_selection),
        masks_scored: figures.ious.len(),
        selections: figures.selections,
        lost: figures.lost,
        overlays: args.out,
        summary,
    };
    if args.json { print_json(&report) } else { print(&text(&report)) }
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
    out.push_str(&format!("pictures of the result: {}\n", report.overlays.display()));
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
