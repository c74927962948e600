//! `foveate run`: a stream with prompts to sinks, until it ends.

use std::sync::Arc;
use std::time::Duration;

use crate::address::Table;
use crate::capture::{SOURCES, SourceAddress, SourceOptions};
use crate::input::{PROMPTS, PromptAddress};
use crate::pipeline::Running;
use crate::sink::{OpenedSink, SINKS, SinkAddress};
use crate::time::MonotonicClock;

use super::board_args::BoardArgs;
use super::console::{ConsoleArgs, Screen};
use super::numbers::{parse_fps, parse_seconds};
use super::output::print_json;
use super::outputs::Files;
use super::service::Service;
use super::stages;
use super::stream::Stream;

/// Follow objects in a stream of frames.
///
/// Frames come from a source, prompts say what to follow, and every frame's masks go to the sinks. When a stage does
/// not keep up, the newest frame wins: frames are dropped and counted, and what comes out is never old. Ctrl-C ends the
/// stream after the frames that are under way; a second one at once.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct RunArgs {
    /// Where frames come from
    #[arg(long, value_name = "ADDRESS", help = help("Where frames come from", &SOURCES))]
    source: SourceAddress,
    /// Frames a second, for folders, the scene, and as a wish to cameras [default: the board's]
    #[arg(long, value_name = "N", value_parser = parse_fps)]
    fps: Option<f64>,
    /// Start a folder or video again after its last frame
    #[arg(long = "loop")]
    looped: bool,
    /// Decode every frame in order with every prompt of its time and drop none: the same frames, scripts and recordings then
    /// give the same masks and events in every run. A folder or video is replayed without being asked unless it loops, a console
    /// shows it, or prompts come live. For folders, videos and the scene
    #[arg(long, conflicts_with = "live")]
    replay: bool,
    /// Play a folder or video as a camera would: what comes too late is dropped, and counted
    #[arg(long)]
    live: bool,
    /// Where prompts come from; may be given several times
    #[arg(long = "prompt", value_name = "ADDRESS", help = help("Where prompts come from; may be given several times", &PROMPTS))]
    prompts: Vec<PromptAddress>,
    /// Where results go; may be given several times
    #[arg(long = "sink", value_name = "ADDRESS", help = help("Where results go; may be given several times", &SINKS))]
    sinks: Vec<SinkAddress>,
    /// End after so many seconds
    #[arg(long, value_name = "S", value_parser = parse_seconds)]
    seconds: Option<Duration>,
    /// Objects followed at once; one more releases the oldest
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    max_objects: u8,
    /// Print the summary as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    board: BoardArgs,
    #[command(flatten)]
    console: ConsoleArgs,
}

/// Whether the stream is a replay: on request, and for a folder or video whose prompts are all recorded.
///
/// # Errors
/// If a replay is asked for with prompts that come live.
fn replays(args: &RunArgs, shown: bool) -> anyhow::Result<bool> {
    let live = args.prompts.iter().find(|prompt| !prompt.is_recorded());
    if let Some(live) = live.filter(|_| args.replay) {
        let reason = format!("prompts from {live} come live: a replay takes script:FILE and gaze:file:PATH");
        return Err(crate::error::ConfigError::Invalid { origin: "--replay".into(), reason }.into());
    }
    let recorded = args.source.place_in("files").or(args.source.place_in("video")).is_some();
    Ok(args.replay || (recorded && !args.live && !args.looped && !shown && live.is_none()))
}

/// What an argument is for, and the addresses that it takes.
fn help<A>(what: &str, table: &Table<A>) -> String {
    format!("{what}:\n{}", table.help())
}

const EXAMPLES: &str = "\
Examples:
  A folder of frames, what to follow from a script, a line of JSON for each frame:
    foveate run --source files:frames --fps 24 --prompt script:prompts.ndjson --sink ndjson:-
  The same with images of the result, every tenth frame:
    foveate run --source files:frames --fps 24 --prompt script:prompts.ndjson --sink overlay:out?every=10
  A camera and the first touch screen: tap an object to select it (docs/touch.md lists the gestures):
    foveate run --source v4l:/dev/video0 --prompt touch:auto --sink ndjson:-
  A video, and a video of the result:
    foveate run --source video:clip.mp4 --prompt script:prompts.ndjson --sink video:out.mp4
  A Raspberry Pi's own camera in the browser:
    foveate run --source rpicam --prompt console --sink console
  Whatever writes frames to its standard output:
    foveate run --source \"pipe:curl -sN http://camera/stream.mjpg\" --sink ndjson:-
  A camera in the browser: tap an object to select it (docs/console.md):
    foveate run --source v4l:/dev/video0 --prompt console --sink console
  A camera and Pupil Labs' Neon: look at an object to select it (docs/gaze.md lists other eye trackers):
    foveate run --source v4l:/dev/video0 --prompt gaze:pupil://neon.local --sink ndjson:-
  The rendered scene for ten seconds, one selection a second into it:
    foveate run --source scene:7 --seconds 10 --prompt script:prompts.ndjson --sink ndjson:run.ndjson

A script has one prompt a line; times count from the first frame:
    {\"time_s\":1.5,\"object\":1,\"points\":[[430,250,1],[20,30,0]]}
    {\"time_s\":2.0,\"object\":2,\"box\":[310,140,560,400]}
    {\"time_s\":4.0,\"object\":1,\"release\":true}

Started by systemd (packaging/foveate.service), it reports when the first frame is out, what it is at, and that it is alive.
docs/wire-format.md documents every field of the output.";

/// Runs the command.
pub fn run(args: RunArgs) -> anyhow::Result<()> {
    let shown = args.sinks.iter().any(SinkAddress::is_page);
    let from_console = args.prompts.iter().any(PromptAddress::is_page);
    let to_stdout = args.sinks.iter().filter(|s| s.is_stdout()).count() + args.json as usize;
    if to_stdout > 1 {
        return Err(crate::error::ConfigError::Invalid {
            origin: "--json".into(),
            reason: "only one of --json and the sinks can write to standard output: give ndjson:FILE for the others"
                .into(),
        }
        .into());
    }
    if from_console && !shown {
        let (origin, reason) = ("--prompt console".into(), "it needs the page: add --sink console".into());
        return Err(crate::error::ConfigError::Invalid { origin, reason }.into());
    }
    if args.prompts.iter().filter(|prompt| prompt.is_gaze()).count() > 1 {
        let (origin, reason) = ("--prompt".into(), "only one eye tracker can be used at a time".into());
        return Err(crate::error::ConfigError::Invalid { origin, reason }.into());
    }
    files(&args).check()?;
    let replay = replays(&args, shown)?;
    let board = args.board.board()?;
    let fallback = board.source_options();
    let options =
        SourceOptions { fps: args.fps.or(fallback.fps), looped: args.looped, every_frame: replay, ..fallback };
    let source = args.source.open(&options, Arc::new(MonotonicClock))?;
    if replay && !source.gives_every_frame() {
        let reason = format!(
            "{} cannot be replayed: give files:DIR, video:FILE or scene:SEED, or leave --replay out",
            args.source
        );
        return Err(crate::error::ConfigError::Invalid { origin: "--replay".into(), reason }.into());
    }
    let (touch, size) = (board.touch_options(), source.info().size);
    let open = |address: &PromptAddress| address.open(&touch, size, Arc::new(MonotonicClock));
    let prompts: Vec<_> = args.prompts.iter().map(open).collect::<Result<_, _>>()?;
    let screen = (Screen::start(&args.console, shown, from_console)?, from_console);
    let stream = Stream::open(&args.board, board, (source, &options), screen, args.max_objects.into())?;
    let stream = if replay { stream.replay() } else { stream };
    let mut stream = prompts.into_iter().fold(stream, Stream::add_prompts);
    // Opened last: a start that fails empties no file.
    for address in &args.sinks {
        // The page is joined by the stream itself.
        if let OpenedSink::Sink(sink) = address.open()? {
            stream.pipeline = stream.pipeline.sink(sink);
        }
    }
    let mut service = Service::from_environment();
    let summary = stream.run(args.seconds, |running: &Running| service.report(running))?;
    service.ended();
    if args.json {
        print_json(&summary)?;
    } else {
        eprint!("{}", stages::table(&summary));
    }
    anyhow::ensure!(
        summary.sink_failures == 0,
        "{} writes failed, the first of each sink is reported above: what they held is lost",
        summary.sink_failures
    );
    Ok(())
}

/// What is read and written.
fn files(args: &RunArgs) -> Files {
    let mut files = args.board.files();
    files.reads("--source", args.source.reads());
    files.reads("--prompt", args.prompts.iter().filter_map(PromptAddress::reads));
    for sink in &args.sinks {
        files.writes_sink(sink);
    }
    if args.json {
        files.writes_stdout();
    }
    files
}
