//! `foveate eval gaze`: how well looking selects.

use std::path::PathBuf;

use super::super::interrupt::on_interrupt;
use super::super::model_args::ModelArgs;
use super::super::output::{print, print_json};
use super::super::progress;
use crate::eval::gaze::{self, ClosedLoop, Detected, GazeConfig, Replay, Report};
use crate::scene::user::MissingPattern;

/// Measure how well looking selects.
///
/// In closed-loop trials a simulated user looks around in a rendered scene, is asked to look at one of its objects, and
/// does so until it is selected; an eye tracker with noise, silences, blinks and a clock of its own is all that the selector
/// gets. A selection is right if, of all objects, its mask overlaps most with the one that was asked for, by an IoU of at
/// least 0.5, on the frame that it is answered on. What is selected while the user only looks around is a false selection.
/// With --data, recordings of real eye trackers are replayed too: fixations against the recording's own, and selections
/// made while the eye was not seen, of which there must be none. --missing 0,0.1,0.3 loses samples on top, singly, every second one
/// and in bursts: a line for each says what that costs.
#[derive(Debug, clap::Args)]
pub struct GazeArgs {
    /// A recording of gaze, or a folder of recordings, to be replayed
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Trials of each noise; 0 only replays
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(..=100_000))]
    trials: u32,
    /// Deviation of the eye tracker's error along each axis, in degrees; may be given several times
    #[arg(long, value_name = "DEG", default_values_t = [0.5, 1.0, 1.5], value_parser = parse_noise)]
    noise: Vec<f64>,
    /// Shares of the eye tracker's samples that are missing beside its own silences and blinks, such as 0,0.1,0.3; half of the
    /// trials leave them out, half mark them as not seen. Give 0 among them to compare with a whole stream
    #[arg(long, value_name = "SHARE", value_delimiter = ',', default_values_t = [0.0], value_parser = parse_missing)]
    missing: Vec<f64>,
    /// How they are missing: each by itself, every second one in stretches, or in bursts of 40 to 150 ms; all of these unless given
    #[arg(long, value_name = "PATTERN", value_delimiter = ',', value_parser = parse_pattern)]
    missing_pattern: Vec<MissingPattern>,
    /// Samples a second of the eye tracker; 30, 60, 120 and 200 in turn unless given
    #[arg(long, value_name = "HZ", value_parser = parse_rate)]
    rate: Option<f64>,
    /// The first scene and all that is random
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Print one JSON object instead of a table
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    model: ModelArgs,
}

/// Runs the command.
pub fn run(args: GazeArgs) -> anyhow::Result<()> {
    let replays = args.data.as_deref().map(gaze::replay).transpose()?.unwrap_or_default();
    let model = args.model.load_for(Some(gaze::FRAME))?;
    let stop = on_interrupt()?;
    let missing_patterns = match args.missing_pattern.as_slice() {
        [] => MissingPattern::ALL.to_vec(),
        given => given.to_vec(),
    };
    let config = GazeConfig {
        trials: args.trials,
        noise_deg: args.noise,
        missing: args.missing,
        missing_patterns,
        rate_hz: args.rate,
        seed: args.seed,
    };
    let mut bar = progress::bar(args.trials as usize, "trials");
    let report = Report { replays, ..gaze::run(&config, &model, &mut bar, &stop)? };
    bar.clear();
    if report.interrupted {
        tracing::warn!("stopped before the last trial: the figures are of those that were finished");
    }
    if args.json { print_json(&report) } else { print(&table(&report)) }
}

fn parse_noise(text: &str) -> Result<f64, String> {
    let noise = text.parse().ok().filter(|n| (0.0..=10.0).contains(n));
    noise.ok_or_else(|| format!("`{text}` is not a noise: give degrees from 0 to 10"))
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|n| (5.0..=2000.0).contains(n));
    rate.ok_or_else(|| format!("`{text}` is not a rate: give 5 to 2000 samples a second"))
}

fn parse_missing(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|n| (0.0..=0.5).contains(n));
    share.ok_or_else(|| format!("`{text}` is not a share: give 0 to 0.5"))
}

fn parse_pattern(text: &str) -> Result<MissingPattern, String> {
    let found = MissingPattern::ALL.into_iter().find(|pattern| pattern.name() == text);
    found.ok_or_else(|| {
        format!("`{text}` is not a pattern: give {}", MissingPattern::ALL.map(MissingPattern::name).join(", "))
    })
}

/// What is missing, in words.
fn missing(entry: &ClosedLoop) -> String {
    match entry.missing_pattern {
        Some(pattern) => format!("{:.0} % {}", 100.0 * entry.missing, pattern.name()),
        None => "none".to_owned(),
    }
}

/// The figures for a user to read.
fn table(report: &Report) -> String {
    let percent = |share: Option<f64>| share.map_or("-".to_owned(), |s| format!("{:.1} %", 100.0 * s));
    let ms = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.0}"));
    let two_digits = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.2}"));
    let mut text = format!(
        "{} ({}), a look is answered in {} ms\n  {:>6} {:>16} {:>7} {:>8} {:>8} {:>8} {:>8} {:>10} {:>9} {:>9} {:>6}  {:>10} {:>10}\n",
        report.model,
        report.precision,
        ms(report.look_ms),
        "noise",
        "missing",
        "trials",
        "object",
        "right",
        "wrong",
        "missed",
        "median ms",
        "of whole",
        "p95 ms",
        "IoU",
        "false/min",
        "long/min",
    );
    for c in report.closed_loop.iter().filter(|c| c.trials > 0) {
        text.push_str(&format!(
            "  {:>4.1} ° {:>16} {:>7} {:>8} {:>8} {:>8} {:>8} {:>10} {:>9} {:>9} {:>6}  {:>10} {:>10}\n",
            c.noise_deg,
            missing(c),
            c.trials,
            percent(c.object),
            percent(c.right),
            percent(c.wrong),
            percent(c.missed),
            ms(c.selection_ms),
            two_digits(c.of_whole),
            ms(c.selection_p95_ms),
            two_digits(c.iou),
            two_digits(c.free_viewing.false_per_minute),
            two_digits(c.free_viewing.long_rests_per_minute),
        ));
    }
    for c in report.closed_loop.iter().filter(|c| c.trials > 0) {
        let rates = c
            .by_rate
            .iter()
            .map(|r| format!("{} Hz: {} of {}, {} ms", r.rate_hz, r.right, r.trials, ms(r.selection_ms)));
        text.push_str(&format!(
            "  {:.1} °, missing: {}, by rate: {}\n",
            c.noise_deg,
            missing(c),
            rates.collect::<Vec<_>>().join("; ")
        ));
        let f = &c.free_viewing;
        text.push_str(&format!(
            "        {:.1} minutes of looking around: {} false selections, {} of them in rests as long as the dwell, {} on no object; {} looks refused, {} doubted\n",
            f.minutes, f.false_selections, f.of_long_rests, f.of_surroundings, f.refused, f.doubted
        ));
    }
    text.extend(report.replays.iter().map(replay));
    text
}

/// The lines of one recording.
fn replay(replay: &Replay) -> String {
    let percent = |share: Option<f64>| share.map_or("-".to_owned(), |s| format!("{:.1} %", 100.0 * s));
    let Replay { name, seconds, low_confidence, own_fixations, velocity, dispersion, .. } = replay;
    let against = |d: &Detected| {
        format!("{} fixations, {} of its own found, {} confirmed", d.fixations, percent(d.found), percent(d.confirmed))
    };
    format!(
        "  {name}: {seconds:.1} s, {} of the samples below confidence, {own_fixations} fixations of its own\n    by velocity {}\n    by dispersion {}\n    {} selections by dwell, {} of them unseen; the eye was seen in at least {} of a dwell\n",
        percent(Some(*low_confidence)),
        against(velocity),
        against(dispersion),
        replay.commits,
        replay.commits_unseen,
        percent(replay.least_seen)
    )
}
