//! `foveate run`: a stream with prompts to sinks, until it ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use serde_json::json;

use crate::address::Table;
use crate::capture::{SOURCES, SourceAddress, SourceInfo, SourceOptions};
use crate::input::{PROMPTS, PromptAddress};
use crate::pipeline::{PairedCamera, Running, StreamOrigin, Summary};
use crate::sink::{OpenedSink, SINKS, SinkAddress};
use crate::time::MonotonicClock;

use super::board_args::BoardArgs;
use super::cameras::{Camera, Cameras, Named};
use super::console::{ConsoleArgs, Screen};
use super::exit::Exit;
use super::live::Live;
use super::machine::Machine;
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
    /// Where frames come from; given several times, each is a camera with a stream of its own
    #[arg(long = "source", value_name = "[NAME=]ADDRESS", help = help("Where frames come from; given several times, each is a camera with a stream of its own, called NAME, or 1, 2 and so on [default: the camera that the board's profile names]", &SOURCES))]
    sources: Vec<Named<SourceAddress>>,
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
    #[arg(long = "prompt", value_name = "[NAME=]ADDRESS", help = help("Where prompts come from; may be given several times. Of several cameras, NAME says for which", &PROMPTS))]
    prompts: Vec<Named<PromptAddress>>,
    /// Where results go; may be given several times
    #[arg(long = "sink", value_name = "[NAME=]ADDRESS", help = help("Where results go; may be given several times. Of several cameras, NAME says of which; ndjson and console take all of them", &SINKS))]
    sinks: Vec<Named<SinkAddress>>,
    /// Tell which frames several cameras took together (event frames_paired): within MS milliseconds, or without a value within half
    /// the time between two frames
    #[arg(long, value_name = "MS", num_args = 0..=1, require_equals = true, default_missing_value = "auto", value_parser = parse_pair)]
    pair: Option<PairWithin>,
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

impl RunArgs {
    /// Records each camera's stream with the sink that `address` gives for its name; a single one has none.
    pub fn record(
        &mut self,
        address: impl Fn(Option<&str>) -> Result<SinkAddress, crate::error::ConfigError>,
    ) -> anyhow::Result<()> {
        let several = self.sources.len() > 1;
        let names = self.sources.iter().enumerate();
        let names: Vec<Option<String>> = names
            .map(|(at, source)| several.then(|| source.camera.clone().unwrap_or_else(|| (at + 1).to_string())))
            .collect();
        // Without a source the board's own camera is taken.
        for camera in if names.is_empty() { vec![None] } else { names } {
            let address = address(camera.as_deref())?;
            self.sinks.push(Named { camera, address });
        }
        Ok(())
    }
}

/// How far apart frames may be taken that are told as a pair.
#[derive(Clone, Copy, Debug, PartialEq)]
enum PairWithin {
    HalfAFrame,
    Seconds(f64),
}

fn parse_pair(text: &str) -> Result<PairWithin, String> {
    if text == "auto" {
        return Ok(PairWithin::HalfAFrame);
    }
    let ms = text.parse().ok().filter(|ms| (0.001..=60_000.0).contains(ms));
    ms.map(|ms: f64| PairWithin::Seconds(ms / 1e3))
        .ok_or_else(|| format!("`{text}`: give milliseconds, 0.001 to 60000"))
}

impl PairWithin {
    /// In seconds, for sources of these rates.
    fn seconds<'a>(self, sources: impl Iterator<Item = &'a SourceInfo>) -> f64 {
        let fps =
            sources.map(|info| info.rate.unwrap_or(SourceOptions::DEFAULT_FPS)).fold(SourceOptions::MIN_FPS, f64::max);
        match self {
            PairWithin::HalfAFrame => 0.5 / fps,
            PairWithin::Seconds(seconds) => seconds,
        }
    }
}

/// Whether the stream is a replay: on request, and for folders or videos whose prompts are all recorded.
///
/// # Errors
/// If a replay is asked for with prompts that come live.
fn replays(args: &RunArgs, shown: bool) -> anyhow::Result<bool> {
    let live = args.prompts.iter().map(|prompt| &prompt.address).find(|prompt| !prompt.is_recorded());
    if let Some(live) = live.filter(|_| args.replay) {
        let reason = format!("prompts from {live} come live: a replay takes script:FILE and gaze:file:PATH");
        return Err(invalid("--replay", reason));
    }
    let is_recorded = |source: &SourceAddress| source.place_in("files").or(source.place_in("video")).is_some();
    let recorded = args.sources.iter().all(|source| is_recorded(&source.address));
    Ok(args.replay || (recorded && !args.live && !args.looped && !shown && live.is_none()))
}

fn invalid(origin: &str, reason: String) -> anyhow::Error {
    crate::error::ConfigError::Invalid { origin: origin.to_owned(), reason }.into()
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
  The board's own camera, of a Raspberry Pi or Jetson, in the browser:
    foveate run --prompt console --sink console
  Whatever writes frames to its standard output:
    foveate run --source \"pipe:curl -sN http://camera/stream.mjpg\" --sink ndjson:-
  A camera in the browser: tap an object to select it (docs/console.md):
    foveate run --source v4l:/dev/video0 --prompt console --sink console
  A camera and Pupil Labs' Neon: look at an object to select it (docs/gaze.md lists other eye trackers):
    foveate run --source v4l:/dev/video0 --prompt gaze:pupil://neon.local --sink ndjson:-
  Two cameras, their frames paired by time, in one file and on one page (docs/cameras.md):
    foveate run --source left=v4l:/dev/video0 --source right=v4l:/dev/video2 --pair \\
      --prompt console --sink console --sink ndjson:stereo.ndjson
  The rendered scene for ten seconds, one selection a second into it:
    foveate run --source scene:7 --seconds 10 --prompt script:prompts.ndjson --sink ndjson:run.ndjson

A script has one prompt a line; times count from the first frame:
    {\"time_s\":1.5,\"object\":1,\"points\":[[430,250,1],[20,30,0]]}
    {\"time_s\":2.0,\"object\":2,\"box\":[310,140,560,400]}
    {\"time_s\":4.0,\"object\":1,\"release\":true}

Started by systemd (packaging/foveate.service), it reports when the first frame is out, what it is at, and that it is alive.
docs/wire-format.md documents every field of the output.";

/// Runs the command.
pub fn run(mut args: RunArgs) -> anyhow::Result<()> {
    let board = args.board.board()?;
    if args.sources.is_empty() {
        let address = board.source()?.ok_or_else(|| {
            let reason = format!("board {} names no camera of its own: say where frames come from", board.name);
            invalid("--source", reason)
        })?;
        args.sources.push(Named { camera: None, address });
    }
    let cameras = Cameras::new(&args.sources, &args.prompts, &args.sinks)?;
    let shown = args.sinks.iter().any(|sink| sink.address.is_page());
    let from_console = args.prompts.iter().any(|prompt| prompt.address.is_page());
    check(&args, &cameras, (shown, from_console))?;
    files(&args).check()?;
    let replay = replays(&args, shown)?;
    if replay && args.pair.is_some() {
        let reason = "a replay has no times at which cameras could have seen the same: leave it out, or add --live";
        return Err(invalid("--pair", reason.into()));
    }
    let mut machine = Machine::new(&args.board, board, cameras.each.iter().map(|camera| camera.name.clone()))?;
    let fallback = machine.board.source_options();
    let options =
        SourceOptions { fps: args.fps.or(fallback.fps), looped: args.looped, every_frame: replay, ..fallback };

    let mut opened = Vec::new();
    for camera in &cameras.each {
        let source = camera.source.open(&options, Arc::new(MonotonicClock));
        let source = of_camera(source.map_err(anyhow::Error::from), &cameras, camera)?;
        if replay && !source.gives_every_frame() {
            let address = camera.source;
            let reason = format!(
                "{address} cannot be replayed: give files:DIR, video:FILE or scene:SEED, or leave --replay out"
            );
            return Err(invalid("--replay", reason));
        }
        let (touch, size) = (machine.board.touch_options(), source.info().size);
        let open = |address: &&PromptAddress| address.open(&touch, size, Arc::new(MonotonicClock));
        opened.push((source, camera.prompts.iter().map(open).collect::<Result<Vec<_>, _>>()?));
    }
    let names: Vec<String> = cameras.names().map(str::to_owned).collect();
    let several = if names.len() > 1 { &names[..] } else { &[] };
    let screens = Screen::start_cameras(&args.console, shown, from_console, several)?;
    let infos: Vec<SourceInfo> = opened.iter().map(|(source, _)| source.info().clone()).collect();
    let paired = args.pair.map(|within| PairedCamera::new(names.iter().cloned(), within.seconds(infos.iter())));
    let origin = StreamOrigin::default();
    let mut streams = Vec::new();
    for (at, ((source, prompts), screen)) in opened.into_iter().zip(screens).enumerate() {
        let screen = (screen, from_console);
        let mut stream = Stream::open(&mut machine, at, (source, &options), screen, args.max_objects.into())?;
        if replay {
            stream = stream.replay();
        } else {
            // A replayed frame has the time that its own file gives it.
            stream.pipeline = stream.pipeline.origin(origin.clone());
        }
        stream = prompts.into_iter().fold(stream, Stream::add_prompts);
        if let Some(name) = &cameras.each[at].name {
            stream.pipeline = stream.pipeline.camera(name);
        }
        if let Some(paired) = &paired {
            stream.pipeline = stream.pipeline.paired(paired[at].clone());
        }
        streams.push(stream);
    }
    streams.iter().take(1).for_each(Stream::invite);
    if replay {
        eprintln!("replay: every frame in order with the prompts of its time, none dropped");
    }
    add_sinks(&mut streams, &cameras)?;

    let mut service = Service::from_environment(streams.len());
    let summaries = run_all(streams, &machine, &cameras, args.seconds, &mut service)?;
    service.ended();
    report(&summaries, &cameras, args.json)?;
    let failures: u64 = summaries.iter().map(|summary| summary.sink_failures).sum();
    anyhow::ensure!(
        failures == 0,
        "{failures} writes failed, the first of each sink is reported above: what they held is lost",
    );
    Ok(())
}

/// Refuses arguments that do not go together.
fn check(args: &RunArgs, cameras: &Cameras, (shown, from_console): (bool, bool)) -> anyhow::Result<()> {
    let to_stdout = args.sinks.iter().filter(|sink| sink.address.is_stdout()).count() + args.json as usize;
    if to_stdout > 1 {
        let reason = "only one of --json and the sinks can write to standard output: give ndjson:FILE for the others";
        return Err(invalid("--json", reason.into()));
    }
    if from_console && !shown {
        return Err(invalid("--prompt console", "it needs the page: add --sink console".into()));
    }
    let trackers = |camera: &Camera| camera.prompts.iter().filter(|prompt| prompt.is_gaze()).count();
    if cameras.each.iter().any(|camera| trackers(camera) > 1) {
        return Err(invalid("--prompt", "only one eye tracker can be used at a time".into()));
    }
    if args.pair.is_some() && cameras.each.len() < 2 {
        return Err(invalid("--pair", "it takes two cameras or more: give --source several times".into()));
    }
    Ok(())
}

/// Opens the sinks, last of all: a start that fails empties no file.
fn add_sinks(streams: &mut [Stream], cameras: &Cameras) -> anyhow::Result<()> {
    for (stream, camera) in streams.iter_mut().zip(&cameras.each) {
        for address in &camera.sinks {
            // The page is joined by the stream itself.
            if let OpenedSink::Sink(sink) = address.open()? {
                stream.pipeline.add_sink(sink);
            }
        }
    }
    for address in &cameras.shared {
        let OpenedSink::Sink(first) = address.open()? else { continue };
        for stream in &mut streams[1..] {
            // Only sinks that have one are shared.
            first.beside().into_iter().for_each(|sink| stream.pipeline.add_sink(sink));
        }
        streams[0].pipeline.add_sink(first);
    }
    Ok(())
}

/// Runs every stream to its end. One that fails ends the others.
///
/// # Errors
/// Of the first camera that failed.
fn run_all(
    streams: Vec<Stream>,
    machine: &Machine,
    cameras: &Cameras,
    seconds: Option<Duration>,
    service: &mut Service,
) -> anyhow::Result<Vec<Summary>> {
    let (service, live) = (Mutex::new(service), Mutex::new(Live::new()));
    let run = |at: usize, stream: Stream| {
        // Should this thread panic, the others end too.
        let mut ends_all = EndsAll { machine, is_armed: true };
        let name = cameras.each[at].name.as_deref();
        let summary = stream.run(seconds, |running: &Running| {
            whole(&live).show(name, running);
            whole(&service).report(at, name, running);
        });
        whole(&service).stream_ended(at);
        // Who read this camera's results and went away says nothing of the others.
        ends_all.is_armed = summary.as_ref().is_err_and(|error| !Exit::is_closed_pipe(error));
        of_camera(summary, cameras, &cameras.each[at])
    };
    let summaries: Vec<_> = std::thread::scope(|scope| {
        let mut streams = streams.into_iter().enumerate();
        // The first runs here: one camera needs no further thread.
        let first = streams.next();
        let others: Vec<_> = streams.map(|(at, stream)| scope.spawn(move || run(at, stream))).collect();
        let first = first.map(|(at, stream)| run(at, stream));
        let joined = others
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the thread of a camera panicked"))));
        first.into_iter().chain(joined).collect()
    });
    whole(&live).clear();
    summaries.into_iter().collect()
}

/// Ends every stream when it is dropped, unless it is disarmed.
struct EndsAll<'a, 'b> {
    machine: &'a Machine<'b>,
    is_armed: bool,
}

impl Drop for EndsAll<'_, '_> {
    fn drop(&mut self) {
        if self.is_armed {
            self.machine.stop();
        }
    }
}

/// Lets an error say which of several cameras it is of.
fn of_camera<T>(result: anyhow::Result<T>, cameras: &Cameras, camera: &Camera) -> anyhow::Result<T> {
    match &camera.name {
        Some(name) if cameras.each.len() > 1 => result.with_context(|| format!("camera {name}")),
        _ => result,
    }
}

fn whole<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Prints the summaries: of one stream as it is, of several by their cameras' names.
fn report(summaries: &[Summary], cameras: &Cameras, json: bool) -> anyhow::Result<()> {
    let named: Vec<_> = cameras.names().zip(summaries).collect();
    match (json, &named[..]) {
        (true, several @ [_, _, ..]) => {
            print_json(&json!({ "cameras": several.iter().copied().collect::<BTreeMap<_, _>>() }))
        }
        (true, _) => print_json(&summaries[0]),
        (false, several @ [_, _, ..]) => {
            several.iter().for_each(|(name, summary)| eprint!("\n{name}\n{}", stages::table(summary)));
            Ok(())
        }
        (false, _) => {
            eprint!("{}", stages::table(&summaries[0]));
            Ok(())
        }
    }
}

/// What is read and written.
fn files(args: &RunArgs) -> Files {
    let mut files = args.board.files();
    files.reads("--source", args.sources.iter().filter_map(|source| source.address.reads()));
    files.reads("--prompt", args.prompts.iter().filter_map(|prompt| prompt.address.reads()));
    for sink in &args.sinks {
        files.writes_sink(&sink.address);
    }
    if args.json {
        files.writes_stdout();
    }
    files
}
