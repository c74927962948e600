//! `foveate eval gaze`: how well looking selects.

mod judge;
mod replays;
mod report;
mod trials;

use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};

use crate::geometry::Size;
use crate::scene::Scene;

use super::super::interrupt::on_interrupt;
use super::super::model_args::ModelArgs;
use super::super::output::{print, print_json};
use judge::Judge;
use report::{ClosedLoop, Report};
use trials::{Setting, Tally};

/// Measure how well looking selects.
///
/// In closed-loop trials a simulated person looks around in a rendered scene, is asked to look at one of its objects, and
/// does so until it is selected; an eye tracker with noise, silences, blinks and a clock of its own is all that the selector
/// gets. A selection is right if, of all objects, its mask overlaps most with the one that was asked for, by an IoU of at
/// least 0.5, on the frame that it is answered on. What is selected while the person only looks around is a false selection.
/// With --data, recordings of real eye trackers are replayed too: fixations against the recording's own, and selections
/// made while the eye was not seen, of which there must be none.
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

/// Trials in one scene.
const TRIALS_PER_SCENE: u32 = 4;
/// Rates of eye trackers, one after the other.
const RATES: [f64; 4] = [30.0, 60.0, 120.0, 200.0];
/// Size of the scene's frames.
const FRAME: Size = Size::new(640, 480);

/// Runs the command.
pub fn run(args: &GazeArgs) -> anyhow::Result<()> {
    let replays = args.data.as_deref().map(replays::run).transpose()?.unwrap_or_default();
    let model = args.model.load()?;
    let stop = on_interrupt()?;
    let mut judge = Judge::new(model.encoder()?, model.decoder()?);
    let mut tallies: Vec<Tally> = args.noise.iter().map(|_| Tally::default()).collect();
    let bar = ProgressBar::new(u64::from(args.trials))
        .with_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} trials, {eta} left, {msg}")?);
    let mut finished = 0;
    'scenes: for first in (0..args.trials).step_by(TRIALS_PER_SCENE as usize) {
        let scene = Scene::new(args.seed + u64::from(first / TRIALS_PER_SCENE), FRAME);
        for number in first..args.trials.min(first + TRIALS_PER_SCENE) {
            for (noise_deg, tally) in args.noise.iter().zip(&mut tallies) {
                let rate_hz = args.rate.unwrap_or(RATES[number as usize % RATES.len()]);
                let setting = Setting { seed: args.seed ^ u64::from(number) << 20, rate_hz, noise_deg: *noise_deg };
                tally.add(setting, trials::run(&scene, setting, &mut judge, &stop)?);
                if stop.is_stopped() {
                    break 'scenes;
                }
            }
            finished += 1;
            bar.inc(1);
            let shares =
                tallies.iter().map(|t| format!("{:.0} %", 100.0 * t.right() as f64 / t.trials().max(1) as f64));
            bar.set_message(format!("right: {}", shares.collect::<Vec<_>>().join(", ")));
        }
    }
    bar.finish_and_clear();
    let report = Report {
        model: model.spec().name.to_string(),
        precision: model.precision().name().to_owned(),
        closed_loop: args.noise.iter().zip(&tallies).map(|(noise, tally)| ClosedLoop::new(*noise, tally)).collect(),
        replays,
        look_ms: judge.timings.median_ms(),
        interrupted: finished < args.trials,
    };
    if report.interrupted {
        tracing::warn!("stopped after {finished} of {} trials: the figures are of those", args.trials);
    }
    if args.json { print_json(&report) } else { print(&report.table()) }
}

fn parse_noise(text: &str) -> Result<f64, String> {
    let noise = text.parse().ok().filter(|n| (0.0..=10.0).contains(n));
    noise.ok_or_else(|| format!("`{text}` is not a noise: give degrees from 0 to 10"))
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|n| (5.0..=2000.0).contains(n));
    rate.ok_or_else(|| format!("`{text}` is not a rate: give 5 to 2000 samples a second"))
}
