use std::time::Duration;

use crate::geometry::{Intrinsics, LabeledPoint, Point};
use crate::select::GazeSample;
use crate::time::Timestamp;

use super::{Fixation, FixationConfig, FixationDetector};

/// Tuning of a [`DwellSelector`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DwellConfig {
    /// Rest after which the person is told that a selection has begun.
    pub onset: Duration,
    /// Rest after which the selection is made.
    pub commit: Duration,
    /// Time after a selection in which no other one begins.
    pub cool_down: Duration,
    /// Samples below this confidence count as a blink.
    pub min_confidence: f32,
    /// Longest blink or silence that a dwell survives; it is paused meanwhile.
    pub max_gap: Duration,
    /// How far gaze must go from the last selection before it can select again, in degrees.
    pub leave_deg: f64,
    pub fixation: FixationConfig,
}

impl Default for DwellConfig {
    fn default() -> Self {
        DwellConfig {
            onset: Duration::from_millis(200),
            commit: Duration::from_millis(700),
            cool_down: Duration::from_millis(500),
            min_confidence: 0.5,
            max_gap: Duration::from_millis(300),
            leave_deg: 2.5,
            fixation: FixationConfig::default(),
        }
    }
}

/// Silence between samples that still counts as unbroken observation.
const STEADY_INTERVAL: Duration = Duration::from_millis(60);

/// How far gaze may be found from where a blink hid it: noise, and an object in slow motion.
const RETURN_DEG: f64 = 2.0;
const RETURN_DEG_PER_SECOND: f64 = 8.0;

/// What a [`DwellSelector`] reports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SelectEvent {
    /// Gaze rests; a selection begins.
    Onset { at: Timestamp, point: Point },
    /// The selection is under way; `fraction` of the dwell is done, below 1.
    Progress { at: Timestamp, point: Point, fraction: f32 },
    /// The selection is made.
    Commit(GazeSelection),
    /// The selection that had begun is off.
    Cancelled { at: Timestamp, reason: CancelReason },
}

/// Why a begun selection was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelReason {
    /// Gaze moved on.
    Moved,
    /// The eye was not seen for longer than a blink.
    EyeLost,
}

/// A selection by dwell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GazeSelection {
    /// The sample that completed the dwell.
    pub committed_at: Timestamp,
    /// When gaze came to rest.
    pub fixation_started_at: Timestamp,
    /// The moment that `points` belong to: apply the prompt to the frame of this time. It lies half a fixation window
    /// before the commit, since an object that gaze follows has moved since the fixation began.
    pub prompt_at: Timestamp,
    /// One foreground point: the robust centre of gaze around `prompt_at`.
    pub points: [LabeledPoint; 1],
}

/// Selects what gaze rests on: a fixation that lasts the commit time becomes a prompt. Travelling gaze selects nothing, a
/// blink pauses the dwell, and after a selection gaze must leave before it can select again.
#[derive(Clone, Debug)]
pub struct DwellSelector {
    config: DwellConfig,
    fixations: FixationDetector,
    state: State,
    /// The last sample in which the eye was seen.
    seen: Option<Timestamp>,
    /// The eye was hidden since then, however shortly.
    hidden: bool,
    ready_at: Timestamp,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Waiting for a fixation.
    Armed,
    /// In a fixation that has been observed for `rested`.
    Dwelling { started_at: Timestamp, rested: Duration, point: Point, announced: bool },
    /// A selection was made and gaze has not left `point` yet.
    Committed { point: Point },
}

impl DwellSelector {
    /// `intrinsics` are those of the frame that the samples' pixels belong to.
    pub fn new(config: DwellConfig, intrinsics: Intrinsics) -> Self {
        DwellSelector {
            config,
            fixations: FixationDetector::new(config.fixation, intrinsics),
            state: State::Armed,
            seen: None,
            hidden: false,
            ready_at: Timestamp::ZERO,
        }
    }

    /// Takes the next sample. Samples come in the order of their time; one that does not is ignored.
    pub fn push(&mut self, sample: GazeSample) -> Option<SelectEvent> {
        if self.seen.is_some_and(|seen| sample.at <= seen) {
            return None;
        }
        let gap = self.seen.map_or(Duration::ZERO, |seen| sample.at.since(seen));
        let eye_seen = sample.point.is_finite() && sample.confidence >= self.config.min_confidence;
        if !eye_seen {
            self.hidden = true;
            return if gap > self.config.max_gap { self.give_up(sample.at, CancelReason::EyeLost) } else { None };
        }
        self.seen = Some(sample.at);
        if self.hidden || gap > STEADY_INTERVAL {
            self.hidden = false;
            return self.eye_returns(sample, gap);
        }
        let fixation = self.fixations.push(sample.at, sample.point);
        self.advance(sample, gap, fixation)
    }

    /// First sample after a blink or silence: what was begun goes on only if gaze is still there.
    fn eye_returns(&mut self, sample: GazeSample, gap: Duration) -> Option<SelectEvent> {
        self.fixations.reset();
        self.fixations.push(sample.at, sample.point);
        let point = match self.state {
            State::Armed => return None,
            State::Dwelling { point, .. } | State::Committed { point } => point,
        };
        let allowed = RETURN_DEG + RETURN_DEG_PER_SECOND * gap.min(self.config.max_gap).as_secs_f64();
        let away = self.fixations.angle_between(point, sample.point) > allowed;
        match self.state {
            State::Dwelling { .. } if gap > self.config.max_gap => self.give_up(sample.at, CancelReason::EyeLost),
            _ if away => self.give_up(sample.at, CancelReason::Moved),
            _ => None,
        }
    }

    fn advance(&mut self, sample: GazeSample, gap: Duration, fixation: Option<Fixation>) -> Option<SelectEvent> {
        match (self.state, fixation) {
            (State::Armed, Some(fixation)) if sample.at >= self.ready_at => {
                let started_at = fixation.started_at.max(self.ready_at);
                let rested = sample.at.since(started_at);
                self.dwell(sample.at, fixation, started_at, rested, false)
            }
            (State::Armed, _) => None,
            (State::Dwelling { started_at, rested, announced, .. }, Some(fixation)) => {
                self.dwell(sample.at, fixation, started_at, rested + gap, announced)
            }
            (State::Dwelling { started_at, rested, point, announced }, None) => {
                // After a blink the window fills anew: until then gaze need only stay near where it was.
                let near = self.away_from(point) <= RETURN_DEG;
                if near && self.fixations.refilling() {
                    self.state = State::Dwelling { started_at, rested: rested + gap, point, announced };
                    return None;
                }
                self.give_up(sample.at, CancelReason::Moved)
            }
            (State::Committed { point }, fixation) => {
                if self.away_from(point) > self.config.leave_deg {
                    self.state = State::Armed;
                } else if let Some(fixation) = fixation {
                    // The object may move with gaze upon it.
                    self.state = State::Committed { point: fixation.point };
                }
                None
            }
        }
    }

    fn dwell(
        &mut self,
        at: Timestamp,
        fixation: Fixation,
        started_at: Timestamp,
        rested: Duration,
        announced: bool,
    ) -> Option<SelectEvent> {
        let point = fixation.point;
        if rested >= self.config.commit {
            self.state = State::Committed { point };
            self.ready_at = at + self.config.cool_down;
            return Some(SelectEvent::Commit(GazeSelection {
                committed_at: at,
                fixation_started_at: started_at,
                prompt_at: fixation.centered_at,
                points: [LabeledPoint::foreground(point.x, point.y)],
            }));
        }
        let begun = rested >= self.config.onset;
        self.state = State::Dwelling { started_at, rested, point, announced: announced || begun };
        let fraction = rested.as_secs_f32() / self.config.commit.as_secs_f32();
        match (begun, announced) {
            (_, true) => Some(SelectEvent::Progress { at, point, fraction }),
            (true, false) => Some(SelectEvent::Onset { at, point }),
            (false, false) => None,
        }
    }

    fn away_from(&self, point: Point) -> f64 {
        self.fixations.filtered().map_or(0.0, |now| self.fixations.angle_between(point, now))
    }

    /// Arms again; a selection that was announced is cancelled aloud. A committed selection outlasts a lost eye, so that
    /// gaze that returns to it does not select it twice.
    fn give_up(&mut self, at: Timestamp, reason: CancelReason) -> Option<SelectEvent> {
        match self.state {
            State::Committed { .. } if reason == CancelReason::EyeLost => None,
            State::Dwelling { announced: true, .. } => {
                self.state = State::Armed;
                Some(SelectEvent::Cancelled { at, reason })
            }
            _ => {
                self.state = State::Armed;
                None
            }
        }
    }
}
