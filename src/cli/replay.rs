//! `foveate replay`: a recorded run once more, held against what was recorded.

mod comparison;
mod models;
mod parts;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use crate::error::{ConfigError, RecordingError};
use crate::pipeline::Rerun;
use crate::recording::{Item, SessionMessage};
use crate::session::{Step, StepKind, Trace};
use crate::sink::{OpenedSink, Sink, SinkAddress, StreamInfo, selections};

use super::model_args::parse_threads;
use super::output::print_json;
use super::outputs::Files;
use comparison::Comparison;
use models::Models;
use parts::Recording;

/// Replay a recording and compare.
///
/// The recorded frames and prompts go through the model again, one after the other. With the same model on the same machine the
/// selections are the same to the last bit; where they are not, the first differences are printed and the exit code is 1. So a recording
/// from the field shows what another model, precision or version of this program changes. Results can be drawn or written again with
/// --sink.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct ReplayArgs {
    /// The recording; its further files NAME-0002.mcap and so on are read too, unless several are given
    #[arg(required = true, value_name = "FILE")]
    recordings: Vec<PathBuf>,
    /// Where results go, as in `foveate run`; may be given several times
    #[arg(long = "sink", value_name = "ADDRESS")]
    sinks: Vec<SinkAddress>,
    /// This model instead of the recorded one, to see what it changes
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Threads that encoder and decoder compute with
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = parse_threads)]
    threads: usize,
    /// A folder with a manifest.toml and model files, instead of the bundled ones
    #[arg(long, value_name = "DIR")]
    models_dir: Option<PathBuf>,
    /// Print the outcome as one JSON object
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  Does this program find the same as the one that recorded?
    foveate replay run.mcap
  The recorded run as a video:
    foveate replay run.mcap --sink video:run.mp4
  Its lines, as `foveate run --sink ndjson:-` wrote them:
    foveate replay run.mcap --sink ndjson:-
  What would another model have found?
    foveate replay run.mcap --model mine --models-dir models

Exit codes: 0 all selections are the same, 1 some differ or could not be compared, 2 bad usage, 4 model rejected.";

/// What came of it.
#[derive(Debug, Default, Serialize)]
struct Outcome {
    /// Frames that went through the model.
    frames: u64,
    #[serde(flatten)]
    comparison: Comparison,
    /// Steps of the session that are not in the recording.
    missing: u64,
    /// Parts of the file that could not be read.
    damaged: u64,
    /// The recorder was killed, or the file is not all there.
    is_cut: bool,
    /// Whether the model's files are those that were recorded with.
    same_model: bool,
    /// How long it took.
    seconds: f64,
}

/// Runs the command.
pub fn run(args: ReplayArgs) -> anyhow::Result<()> {
    check(&args)?;
    let began = Instant::now();
    let mut recording = Recording::open(&args.recordings)?;
    let mut outcome = Outcome::default();
    let models = Models::new(args.models_dir.as_deref(), args.model.clone(), args.threads)?;
    let Some(session) = first_session(&mut recording, &mut outcome)? else {
        let reason = "it holds no frame and no model: the run ended before its first frame".to_owned();
        return Err(RecordingError::NotReplayable { path: recording.path().to_owned(), reason }.into());
    };
    warn_of_kernels(&session);
    let setup = Arc::new(session.setup());
    let mut rerun = Rerun::new(&setup, models.loader(recording.path()))?;
    if !models.are_the_same() && args.sinks.iter().any(SinkAddress::is_recording) {
        let reason =
            "a recording of a replay with another model would name the recorded one: give another sink".to_owned();
        return Err(ConfigError::Invalid { origin: "--sink mcap".into(), reason }.into());
    }
    let mut sinks = open_sinks(&args, &session)?;
    let mut next = 0;
    let mut found = None;
    while let Some(item) = recording.next_item()? {
        match item {
            Item::Frame(recorded) => {
                if recorded.step.number != next {
                    tell_gap(next, &recorded.step, &mut outcome);
                }
                next = recorded.step.number + 1;
                let step = recorded.step;
                let record = rerun.step(&step)?.cloned();
                for event in rerun.drain_events() {
                    sinks.iter_mut().try_for_each(|sink| sink.event(&event))?;
                }
                outcome.frames += 1;
                let has_record = !matches!(step.kind, StepKind::Encoded(_));
                let trace = Trace { setup: Arc::clone(&setup), steps: vec![step] };
                for sink in sinks.iter_mut().filter(|sink| sink.traces()) {
                    sink.trace(&trace)?;
                }
                if let Some(record) = &record {
                    sinks.iter_mut().try_for_each(|sink| sink.frame(record))?;
                }
                outcome.comparison.expect_nothing(found.take());
                found = has_record
                    .then(|| record.map(|record| (record.sequence, record.time_s, selections(&record))))
                    .flatten();
            }
            Item::Selections(recorded) => outcome.comparison.compare(found.take(), &recorded),
            Item::Damage(damage) => tell_damage(&recording, &damage, &mut outcome),
            Item::Session(_) | Item::Event(_) | Item::Summary(_) => {}
        }
    }
    outcome.comparison.expect_nothing(found.take());
    outcome.same_model = models.are_the_same();
    outcome.seconds = began.elapsed().as_secs_f64();
    let summary = serde_json::to_value(&outcome)?;
    sinks.iter_mut().try_for_each(|sink| sink.finish(&summary))?;
    report(&outcome, args.json)
}

/// Refuses arguments that do not go together.
fn check(args: &ReplayArgs) -> anyhow::Result<()> {
    let mut files = Files::default();
    files.reads("the recording", &args.recordings).reads_models(args.models_dir.as_deref());
    for sink in &args.sinks {
        files.writes_sink(sink);
        if sink.is_page() {
            let reason = "a replay is not shown on the page: give video:FILE, overlay:DIR or ndjson:PATH".to_owned();
            return Err(ConfigError::Invalid { origin: "--sink console".into(), reason }.into());
        }
    }
    if args.sinks.iter().filter(|sink| sink.is_stdout()).count() + usize::from(args.json) > 1 {
        let reason = "only one of --json and the sinks can write to standard output: give ndjson:FILE for the others";
        return Err(ConfigError::Invalid { origin: "--json".into(), reason: reason.into() }.into());
    }
    Ok(files.check()?)
}

/// What the recording says before its first frame.
fn first_session(recording: &mut Recording, outcome: &mut Outcome) -> anyhow::Result<Option<SessionMessage>> {
    while let Some(item) = recording.peek()? {
        match item {
            Item::Session(_) => match recording.next_item()? {
                Some(Item::Session(session)) => return Ok(Some(*session)),
                _ => return Ok(None),
            },
            Item::Frame(_) => {
                let reason = "the beginning of it, which says which model it is of, is damaged".to_owned();
                return Err(RecordingError::NotReplayable { path: recording.path().to_owned(), reason }.into());
            }
            _ => {
                if let Some(Item::Damage(damage)) = recording.next_item()? {
                    tell_damage(recording, &damage, outcome);
                }
            }
        }
    }
    Ok(None)
}

fn open_sinks(args: &ReplayArgs, session: &SessionMessage) -> anyhow::Result<Vec<Box<dyn Sink>>> {
    let mut sinks = Vec::new();
    for address in &args.sinks {
        if let OpenedSink::Sink(sink) = address.open()? {
            sinks.push(sink);
        }
    }
    let [width, height] = session.size;
    let stream = StreamInfo {
        source: session.source.clone(),
        camera: session.camera.clone(),
        size: crate::geometry::Size::new(width, height),
        model: args.model.as_ref().unwrap_or(&session.model).clone(),
    };
    sinks.iter_mut().try_for_each(|sink| sink.begin(&stream))?;
    Ok(sinks)
}

fn warn_of_kernels(session: &SessionMessage) {
    let here = crate::engine::kernels_name();
    if session.kernels != here {
        let there = &session.kernels;
        tracing::warn!(
            "it was recorded with the kernels {there}, and here they are {here}: masks may differ in single pixels"
        );
    }
}

fn tell_gap(expected: u64, step: &Step, outcome: &mut Outcome) {
    let missing = step.number.saturating_sub(expected);
    outcome.missing += missing;
    let frame = step.frame.sequence;
    if expected == 0 && outcome.frames == 0 {
        tracing::warn!(
            "the recording begins {missing} frames into the run: what was selected before is not known, so selections will differ. Give \
             its earlier files too"
        );
    } else {
        tracing::warn!(
            "{missing} frames before frame {frame} are not in the recording: selections may differ from there on"
        );
    }
}

fn tell_damage(recording: &Recording, damage: &crate::recording::Damage, outcome: &mut Outcome) {
    let (path, at, reason) = (recording.path().display(), damage.at, &damage.reason);
    if damage.is_cut {
        outcome.is_cut = true;
        tracing::warn!(
            "{path}: it breaks off at byte {at} ({reason}), as when the recorder was killed; what came before is whole"
        );
    } else {
        outcome.damaged += 1;
        tracing::warn!("{path}: damaged at byte {at} ({reason}): what lay there is lost");
    }
}

fn report(outcome: &Outcome, json: bool) -> anyhow::Result<()> {
    if json {
        print_json(outcome)?;
    }
    let Outcome { frames, comparison, missing, damaged, seconds, .. } = outcome;
    let Comparison { compared, differing, uncompared, .. } = comparison;
    let rate = *frames as f64 / seconds.max(1e-9);
    eprintln!(
        "{frames} frames replayed in {seconds:.1} s ({rate:.1} a second), {compared} compared: {differing} differ"
    );
    if *differing > 0 {
        comparison.print_first();
        anyhow::bail!("{differing} of {compared} frames have other selections than the recording");
    }
    anyhow::ensure!(*damaged == 0, "{damaged} parts of the recording are damaged: what they held was not compared");
    anyhow::ensure!(*missing == 0, "{missing} frames are missing in the recording");
    anyhow::ensure!(*uncompared == 0, "{uncompared} frames have no selections in the recording to compare with");
    Ok(())
}
