use serde::Serialize;

use super::replays::Replay;
use super::trials::{Condition, Outcome, Tally};
use crate::scene::user::MissingPattern;
use crate::statistics::{quantile, sorted};

/// The JSON form of the answer.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The model's name.
    pub model: String,
    /// What it computes in.
    pub precision: String,
    /// Trials in the rendered scene, an entry for each noise, and each share and pattern of missing samples.
    pub closed_loop: Vec<ClosedLoop>,
    /// Recordings, an entry for each.
    pub replays: Vec<Replay>,
    /// Median time to answer a look on an encoded frame.
    pub look_ms: Option<f64>,
    /// Whether the run ended before the last trial.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
}

/// Trials of one noise and one way of losing samples.
#[derive(Debug, Serialize)]
pub struct ClosedLoop {
    /// Deviation of the eye tracker's error along each axis, in degrees.
    pub noise_deg: f64,
    /// Share of the tracker's samples that are missing beside its silences and blinks.
    pub missing: f64,
    /// In which order they are missing; `None` if none is.
    pub missing_pattern: Option<MissingPattern>,
    /// Trials in which the user looked at an object.
    pub trials: usize,
    /// Share of the trials in which the mask lies on the object that was asked for rather than on another, a part of it as
    /// it may be.
    pub object: Option<f64>,
    /// Share in which it also covers that object, by an IoU of at least a half.
    pub right: Option<f64>,
    /// Share in which something else was, or too bad a mask.
    pub wrong: Option<f64>,
    /// Share in which nothing was.
    pub missed: Option<f64>,
    /// Median of the time from the first fixation of the object until it shows as selected.
    pub selection_ms: Option<f64>,
    /// The same as a multiple of that of the whole stream of this noise, if that was measured too.
    pub of_whole: Option<f64>,
    /// The 95th percentile.
    pub selection_p95_ms: Option<f64>,
    /// Median IoU of the right selections.
    pub iou: Option<f64>,
    /// Median noise that the selector measured, of averages over a thirtieth of a second.
    pub measured_noise_deg: Option<f64>,
    /// What looking around selected.
    pub free_viewing: FreeViewing,
    /// The same trials by the rate of the eye tracker.
    pub by_rate: Vec<AtRate>,
}

/// What looking around selected.
#[derive(Debug, Default, Serialize)]
pub struct FreeViewing {
    /// How long users looked around, in all.
    pub minutes: f64,
    /// Selections meanwhile.
    pub false_selections: usize,
    /// The same per minute.
    pub false_per_minute: Option<f64>,
    /// Of the false selections those in which the eye truly rested on one point for the dwell time.
    pub of_long_rests: usize,
    /// And those in which it rested on no object.
    pub of_surroundings: usize,
    /// Rests as long as the dwell time, per minute.
    pub long_rests_per_minute: Option<f64>,
    /// Looks that were refused because nothing was there.
    pub refused: u32,
    /// Looks that had to go on for longer, since nothing clear was there; at the object that was asked for too.
    pub doubted: u32,
}

/// Trials at one rate of the tracker.
#[derive(Debug, Serialize)]
pub struct AtRate {
    /// Samples a second.
    pub rate_hz: f64,
    /// Trials in which the user looked at an object.
    pub trials: usize,
    /// Trials of them in which the right object was selected.
    pub right: usize,
    /// Median time to the right selections.
    pub selection_ms: Option<f64>,
}

/// A rest that is shorter than the dwell by no more than this was no mistake of the selector: seconds.
const SLACK_S: f64 = 0.05;
const DWELL_S: f64 = 0.7;

/// An entry for each condition, with the tallies of its trials.
pub fn closed_loop(conditions: &[Condition], tallies: &[Tally]) -> Vec<ClosedLoop> {
    let mut all: Vec<ClosedLoop> =
        conditions.iter().zip(tallies).map(|(c, tally)| ClosedLoop::new(*c, tally)).collect();
    let whole: Vec<(f64, f64)> = all
        .iter()
        .filter(|entry| entry.missing_pattern.is_none())
        .filter_map(|entry| Some((entry.noise_deg, entry.selection_ms?)))
        .collect();
    for entry in &mut all {
        let same = whole.iter().find(|(noise_deg, _)| *noise_deg == entry.noise_deg);
        entry.of_whole = same.zip(entry.selection_ms).map(|((_, whole), ms)| ms / whole);
    }
    all
}

impl ClosedLoop {
    /// The figures of `tally`, whose trials had this condition.
    fn new(condition: Condition, tally: &Tally) -> Self {
        let trials = tally.trials();
        let share = |kind: &dyn Fn(&Outcome) -> bool| {
            (trials > 0).then(|| tally.outcomes().filter(|o| kind(o)).count() as f64 / trials as f64)
        };
        let times = sorted(tally.outcomes().filter_map(|o| match o {
            Outcome::Right { after_s, .. } | Outcome::Wrong { after_s, .. } => Some(after_s * 1e3),
            Outcome::Missed => None,
        }));
        let ious = sorted(tally.outcomes().filter_map(|o| match o {
            Outcome::Right { iou, .. } => Some(f64::from(iou)),
            _ => None,
        }));
        let Condition { noise_deg, missing, pattern } = condition;
        ClosedLoop {
            noise_deg,
            missing,
            missing_pattern: (missing > 0.0).then_some(pattern),
            of_whole: None,
            trials,
            object: (trials > 0).then(|| tally.on_object() as f64 / trials as f64),
            right: share(&|o| matches!(o, Outcome::Right { .. })),
            wrong: share(&|o| matches!(o, Outcome::Wrong { .. })),
            missed: share(&|o| matches!(o, Outcome::Missed)),
            selection_ms: quantile(&times, 0.5),
            selection_p95_ms: quantile(&times, 0.95),
            iou: quantile(&ious, 0.5),
            measured_noise_deg: quantile(&sorted(tally.all.iter().map(|(_, t)| t.measured_noise_deg)), 0.5),
            free_viewing: FreeViewing::new(tally),
            by_rate: by_rate(tally),
        }
    }
}

impl FreeViewing {
    fn new(tally: &Tally) -> Self {
        let minutes = tally.all.iter().map(|(_, t)| t.free_s).sum::<f64>() / 60.0;
        let all: Vec<_> = tally.all.iter().flat_map(|(_, t)| &t.false_selections).collect();
        let long_rests: u32 = tally.all.iter().map(|(_, t)| t.long_rests).sum();
        let per_minute = |count: f64| (minutes > 0.0).then(|| count / minutes);
        FreeViewing {
            minutes,
            false_selections: all.len(),
            false_per_minute: per_minute(all.len() as f64),
            of_long_rests: all.iter().filter(|f| f.rested_s >= DWELL_S - SLACK_S).count(),
            of_surroundings: all.iter().filter(|f| f.on == 0).count(),
            long_rests_per_minute: per_minute(f64::from(long_rests)),
            refused: tally.all.iter().map(|(_, t)| t.refused).sum(),
            doubted: tally.all.iter().map(|(_, t)| t.doubted).sum(),
        }
    }
}

fn by_rate(tally: &Tally) -> Vec<AtRate> {
    let mut rates: Vec<f64> = tally.all.iter().map(|(setting, _)| setting.rate_hz).collect();
    rates.sort_by(f64::total_cmp);
    rates.dedup();
    let at = |rate_hz: f64| {
        let of_rate = tally.all.iter().filter(|(setting, _)| setting.rate_hz == rate_hz);
        let outcomes: Vec<Outcome> = of_rate.filter_map(|(_, trial)| trial.outcome).collect();
        let right: Vec<f64> = outcomes
            .iter()
            .filter_map(|o| if let Outcome::Right { after_s, .. } = o { Some(after_s * 1e3) } else { None })
            .collect();
        AtRate { rate_hz, trials: outcomes.len(), right: right.len(), selection_ms: quantile(&sorted(right), 0.5) }
    };
    rates.into_iter().map(at).collect()
}
