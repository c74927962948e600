use crate::error::{PromptError, Result};
use crate::scene::user::{EyeTracker, EyeTrackerConfig, MissingPattern, Viewer, ViewingTask};
use crate::scene::{Random, Scene};
use crate::select::gaze::{DwellConfig, DwellSelector, SelectEvent};
use crate::sync::StopToken;

use super::evaluator::{FPS, GazeEvaluator, Verdict};

/// The least IoU of a selection that is right.
const MIN_IOU: f32 = 0.5;
/// How long the user looks around before they are asked, in seconds: this, and up to as much more.
const LOOKING_AROUND_S: f64 = 8.0;
/// How long they look at the object before they give up, in seconds.
const PATIENCE_S: f64 = 4.0;
/// Largest difference between the clocks of tracker and camera, in seconds.
const CLOCK_OFFSET_S: f64 = 0.02;

/// What a trial is run with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    pub seed: u64,
    pub rate_hz: f64,
    pub condition: Condition,
}

/// What an entry of the report is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    pub noise_deg: f64,
    /// The share of the samples that are missing.
    pub missing: f64,
    pub pattern: MissingPattern,
}

/// What came of looking at the object that was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// It was selected, so many seconds after gaze first rested on it.
    Right { after_s: f64, iou: f32 },
    /// Something else was, or too bad a mask of it.
    Wrong { after_s: f64, verdict: Verdict },
    /// Nothing was.
    Missed,
}

/// A trial: looking around, then the look that was asked for.
#[derive(Clone, Debug)]
pub struct Trial {
    /// `None` if the trial was broken off, or no object could be seen.
    pub outcome: Option<Outcome>,
    pub target: u8,
    /// How long the user looked around, in seconds.
    pub free_s: f64,
    /// What was selected meanwhile.
    pub false_selections: Vec<FalseSelection>,
    /// Looks meanwhile, and looks at the object, that were refused.
    pub refused: u32,
    /// And those that were doubted.
    pub doubted: u32,
    /// Rests in free viewing that lasted the dwell time.
    pub long_rests: u32,
    /// The tracker's noise as the selector measured it, in degrees.
    pub measured_noise_deg: f64,
}

/// A selection that nobody wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FalseSelection {
    /// What the eye rested on when the selection was made: an object, or 0.
    pub on: u8,
    /// How long it had rested there, in seconds; less than the dwell time if the selector took two rests for one.
    pub rested_s: f64,
    pub verdict: Verdict,
}

/// Runs one trial.
pub fn run(scene: &Scene, setting: Setting, evaluator: &mut GazeEvaluator, stop: &StopToken) -> Result<Trial> {
    let Setting { seed, rate_hz, condition: Condition { noise_deg, missing, pattern } } = setting;
    let mut random = Random::from_state(seed);
    let start_s = 20.0 * random.unit_f64();
    let asked_at = start_s + LOOKING_AROUND_S * (1.0 + random.unit_f64());
    let clock_offset_s = CLOCK_OFFSET_S * (2.0 * random.unit_f64() - 1.0);
    let mut viewer = Viewer::new(scene, seed, start_s);
    let config = EyeTrackerConfig { rate_hz, noise_deg, clock_offset_s, missing, missing_pattern: pattern };
    let mut tracker = EyeTracker::new(config, scene, seed, start_s);
    let dwell = DwellConfig::default();
    let mut selector = DwellSelector::new(dwell, scene.intrinsics());
    let mut trial = Trial {
        outcome: None,
        target: 0,
        free_s: 0.0,
        false_selections: Vec::new(),
        refused: 0,
        doubted: 0,
        long_rests: 0,
        measured_noise_deg: 0.0,
    };
    while !stop.is_stopped() {
        let (time, sample) = tracker.next(&mut viewer);
        if trial.target == 0 && time >= asked_at {
            let visible = viewer.visible();
            let Some(target) = visible.get((random.unit_f64() * visible.len() as f64) as usize) else { break };
            trial.target = *target;
            viewer.set_task(ViewingTask::LookAt(*target));
            trial.free_s = time - start_s;
            let lasting = |rest: &(u8, f64, f64)| rest.2 - rest.1 >= dwell.commit.as_secs_f64();
            trial.long_rests = viewer.take_rests().iter().filter(|rest| lasting(rest)).count() as u32;
            trial.measured_noise_deg = selector.noise_deg();
        }
        if let Some(SelectEvent::Commit(selection)) = selector.push(sample) {
            let arrived = viewer.arrived_at();
            match (evaluator.look(scene, &selection)?, arrived) {
                (Err(PromptError::Doubtful), _) => {
                    trial.doubted += 1;
                    selector.doubt(sample.at);
                }
                (Err(_), _) => {
                    trial.refused += 1;
                    selector.refuse(sample.at);
                }
                (Ok(verdict), None) => {
                    let (on, rested_s) = viewer.resting().unwrap_or((0, 0.0));
                    trial.false_selections.push(FalseSelection { on, rested_s, verdict });
                }
                (Ok(verdict), Some(arrived)) => {
                    // The answer shows on the next frame.
                    let shown = (time * FPS).ceil() / FPS;
                    trial.outcome = Some(outcome(trial.target, shown - arrived, verdict));
                    break;
                }
            }
        }
        if viewer.arrived_at().is_some_and(|arrived| time > arrived + PATIENCE_S) {
            trial.outcome = Some(Outcome::Missed);
            break;
        }
    }
    Ok(trial)
}

fn outcome(target: u8, after_s: f64, verdict: Verdict) -> Outcome {
    if verdict.object == target && verdict.iou >= MIN_IOU {
        Outcome::Right { after_s, iou: verdict.iou }
    } else {
        Outcome::Wrong { after_s, verdict }
    }
}

/// Trials of one noise, counted.
#[derive(Debug, Default)]
pub struct Tally {
    pub all: Vec<(Setting, Trial)>,
}

impl Tally {
    /// Adds a trial.
    pub fn add(&mut self, setting: Setting, trial: Trial) {
        self.all.push((setting, trial));
    }

    pub fn outcomes(&self) -> impl Iterator<Item = Outcome> {
        self.all.iter().filter_map(|(_, trial)| trial.outcome)
    }

    /// Trials in which somebody looked at an object.
    pub fn trials(&self) -> usize {
        self.outcomes().count()
    }

    /// Trials in which the selection lies on the object that was asked for, however much of it it covers.
    pub fn on_object(&self) -> usize {
        let on_target = |trial: &Trial| match trial.outcome {
            Some(Outcome::Right { .. }) => true,
            Some(Outcome::Wrong { verdict, .. }) => verdict.object == trial.target,
            _ => false,
        };
        self.all.iter().filter(|(_, trial)| on_target(trial)).count()
    }

    pub fn right(&self) -> usize {
        self.outcomes().filter(|o| matches!(o, Outcome::Right { .. })).count()
    }
}
