//! How well looking selects: trials with a simulated user in a rendered scene ([`run`]), and recordings of real eye
//! trackers ([`replay`]).

mod evaluator;
mod replays;
mod report;
mod trials;

use super::progress::Progress;
use crate::error::Error;
use crate::geometry::Size;
use crate::model::LoadedModel;
use crate::scene::Scene;
use crate::scene::user::MissingPattern;
use crate::sync::StopToken;
use evaluator::GazeEvaluator;
use trials::{Condition, Setting, Tally};

pub use replays::{Detected, Replay, run as replay};
pub use report::{AtRate, ClosedLoop, FreeViewing, Report};

/// The trials to run.
#[derive(Clone, Debug, PartialEq)]
pub struct GazeConfig {
    /// Trials of each noise.
    pub trials: u32,
    /// Deviations of the eye tracker's error along each axis, in degrees.
    pub noise_deg: Vec<f64>,
    /// Shares of the tracker's samples that are missing, each with every pattern; 0 is a whole stream.
    pub missing: Vec<f64>,
    /// In which order they are missing.
    pub missing_patterns: Vec<MissingPattern>,
    /// Samples a second of the eye tracker; 30, 60, 120 and 200 in turn if `None`.
    pub rate_hz: Option<f64>,
    /// The first scene and all that is random.
    pub seed: u64,
}

/// Trials in one scene.
const TRIALS_PER_SCENE: u32 = 4;
/// Rates of eye trackers, one after the other.
const RATES: [f64; 4] = [30.0, 60.0, 120.0, 200.0];
/// Size of the frames of the scene that is looked at, in pixels.
pub const FRAME: Size = Size::new(640, 480);

/// Runs trials with `model` until `stop` is raised; the report has no replays.
///
/// # Errors
/// Those of the model.
pub fn run(
    config: &GazeConfig,
    model: &LoadedModel,
    progress: &mut dyn Progress,
    stop: &StopToken,
) -> Result<Report, Error> {
    let mut evaluator = GazeEvaluator::new(model.encoder()?, model.decoder()?)?;
    let conditions = conditions(config);
    let mut tallies: Vec<Tally> = conditions.iter().map(|_| Tally::default()).collect();
    let mut finished = 0;
    'scenes: for first in (0..config.trials).step_by(TRIALS_PER_SCENE as usize) {
        let scene = Scene::new(config.seed + u64::from(first / TRIALS_PER_SCENE), FRAME);
        for number in first..config.trials.min(first + TRIALS_PER_SCENE) {
            for (condition, tally) in conditions.iter().zip(&mut tallies) {
                let rate_hz = config.rate_hz.unwrap_or(RATES[number as usize % RATES.len()]);
                let seed = config.seed ^ u64::from(number) << 20;
                let setting = Setting { seed, rate_hz, condition: *condition };
                tally.add(setting, trials::run(&scene, setting, &mut evaluator, stop)?);
                if stop.is_stopped() {
                    break 'scenes;
                }
            }
            finished += 1;
            let shares =
                tallies.iter().map(|t| format!("{:.0} %", 100.0 * t.right() as f64 / t.trials().max(1) as f64));
            progress.report(finished as usize, &format!("right: {}", shares.collect::<Vec<_>>().join(", ")));
        }
    }
    Ok(Report {
        model: model.spec().name.to_string(),
        precision: model.precision().name().to_owned(),
        closed_loop: report::closed_loop(&conditions, &tallies),
        replays: Vec::new(),
        look_ms: evaluator.timings.median_ms(),
        interrupted: finished < config.trials,
    })
}

/// Every noise with every share and pattern of missing samples; a whole stream has no pattern.
fn conditions(config: &GazeConfig) -> Vec<Condition> {
    let mut all = Vec::new();
    for noise_deg in &config.noise_deg {
        for missing in &config.missing {
            let patterns: &[MissingPattern] =
                if *missing > 0.0 { &config.missing_patterns } else { &[MissingPattern::Single] };
            all.extend(patterns.iter().map(|pattern| Condition {
                noise_deg: *noise_deg,
                missing: *missing,
                pattern: *pattern,
            }));
        }
    }
    all
}
