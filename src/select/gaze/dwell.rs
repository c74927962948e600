use std::time::Duration;

use crate::geometry::{Intrinsics, LabeledPoint, Point};
use crate::select::GazeSample;
use crate::time::Timestamp;

use super::angles::{at_degrees, axis_degrees, pixels_per_degree};
use super::trail::Trail;
use super::{Channel, Confirm, Fixation, FixationConfig, FixationDetector, GazeDisc};

/// Tuning of a [`DwellSelector`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DwellConfig {
    /// Rest after which the person is told that a selection has begun.
    pub onset: Duration,
    /// Rest after which the selection is made.
    pub commit: Duration,
    /// The first of a rest, which does not count: the end of the saccade and its correction.
    pub settle: Duration,
    /// Time after a selection in which no other one begins.
    pub cool_down: Duration,
    /// Samples below this confidence count as a blink.
    pub min_confidence: f32,
    /// Longest blink or silence that a dwell survives; it is paused meanwhile.
    pub max_gap: Duration,
    /// How far gaze must go from the last selection before it can select again, in degrees.
    pub leave_deg: f64,
    /// The tracker's lasting error, in degrees: deviation along each axis of what no averaging takes away.
    pub accuracy_deg: f64,
    pub fixation: FixationConfig,
}

impl Default for DwellConfig {
    fn default() -> Self {
        DwellConfig {
            onset: Duration::from_millis(200),
            commit: Duration::from_millis(700),
            settle: Duration::from_millis(50),
            cool_down: Duration::from_millis(500),
            min_confidence: 0.6,
            max_gap: Duration::from_millis(300),
            leave_deg: 2.5,
            accuracy_deg: 0.5,
            fixation: FixationConfig::default(),
        }
    }
}

/// Silence between samples that still counts as unbroken observation.
const STEADY_INTERVAL: Duration = Duration::from_millis(60);

/// How far gaze may be found from where a blink hid it: noise, and an object in slow motion.
const RETURN_DEG: f64 = 2.0;
const RETURN_DEG_PER_SECOND: f64 = 8.0;

/// A step of gaze by less, in degrees, is a correction and ends no dwell.
const SMALL_SACCADE_DEG: f64 = 1.2;

/// A confirmation that falls into a saccade means the fixation that ended not longer before.
const GRACE: Duration = Duration::from_millis(150);

/// What a [`DwellSelector`] reports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SelectEvent {
    /// Gaze rests; a selection begins.
    Onset { at: Timestamp, point: Point, disc: GazeDisc },
    /// The selection is under way; `fraction` of the dwell is done, below 1.
    Progress { at: Timestamp, point: Point, fraction: f32 },
    /// The selection is made.
    Commit(GazeSelection),
    /// The selection that had begun is off.
    Cancelled { at: Timestamp, reason: CancelReason },
    /// The last selection is taken back.
    Undone { at: Timestamp },
}

/// Why a begun selection was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelReason {
    /// Gaze moved on.
    Moved,
    /// The eye was not seen for longer than a blink.
    EyeLost,
}

/// What completed a selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    Dwell,
    Confirmed(Channel),
}

/// A selection by gaze.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GazeSelection {
    /// The sample that completed the dwell, or the confirmation.
    pub committed_at: Timestamp,
    pub cause: Cause,
    /// When gaze came to rest.
    pub fixation_started_at: Timestamp,
    /// The moment that `points` belong to: apply the prompt to the frame of this time. It lies half a fixation window
    /// before the commit, since an object that gaze follows has moved since the fixation began; for a confirmation it is when
    /// the hand began to move.
    pub prompt_at: Timestamp,
    /// One foreground point: the robust centre of gaze around `prompt_at`.
    pub points: [LabeledPoint; 1],
    /// That point, and how far off it may be.
    pub disc: GazeDisc,
}

/// Selects what gaze rests on: a fixation that lasts the commit time becomes a prompt. Travelling gaze selects nothing, a
/// blink pauses the dwell, and after a selection gaze must leave before it can select again.
#[derive(Clone, Debug)]
pub struct DwellSelector {
    config: DwellConfig,
    fixations: FixationDetector,
    trail: Trail,
    lens: Intrinsics,
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
            trail: Trail::default(),
            lens: intrinsics,
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
        self.trail.push(sample.at, axis_degrees(&self.lens, sample.point));
        if self.hidden || gap > STEADY_INTERVAL {
            self.hidden = false;
            return self.eye_returns(sample, gap);
        }
        let fixation = self.fixations.push(sample.at, sample.point);
        if let Some(fixation) = fixation {
            self.trail.rests(fixation.started_at, sample.at);
        }
        self.advance(sample, gap, fixation)
    }

    /// Takes a confirmation by another channel: what gaze rested on when the hand began to move is selected, however short the
    /// rest. `None` if gaze did not rest then, or has been selected already.
    pub fn confirm(&mut self, confirm: &Confirm) -> Option<SelectEvent> {
        let meant_at = confirm.meant_at();
        let rest = self.trail.rest_at(meant_at, GRACE)?;
        let prompt_at = meant_at.clamp(rest.from, rest.to);
        // Samples after the hand began to move still are of this rest, and late in it gaze may already be leaving.
        let until = rest.to.min(prompt_at + self.config.fixation.window / 2);
        let disc = self.disc(prompt_at, rest.from, until)?;
        if let State::Committed { point } = self.state {
            let again = self.fixations.angle_between(point, disc.center) <= self.config.leave_deg;
            if again && confirm.at < self.ready_at {
                return None;
            }
        }
        Some(self.commit(confirm.at, Cause::Confirmed(confirm.channel), rest.from, prompt_at, disc))
    }

    /// Takes the last selection back. Gaze must leave what it rests on before it selects again.
    pub fn undo(&mut self, at: Timestamp) -> SelectEvent {
        if let Some(point) = self.fixations.filtered() {
            self.state = State::Committed { point };
        }
        self.ready_at = at + self.config.cool_down;
        SelectEvent::Undone { at }
    }

    /// The last selection found nothing: gaze may select again without leaving, after the cool-down.
    pub fn refuse(&mut self, at: Timestamp) {
        self.state = State::Armed;
        self.ready_at = at + self.config.cool_down;
    }

    /// The tracker's noise as measured so far: deviation per axis of averages over a thirtieth of a second, in degrees.
    pub fn noise_deg(&self) -> f64 {
        self.fixations.noise_deg()
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
                let started_at = (fixation.started_at + self.config.settle).max(self.ready_at);
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
            // Two short rests side by side are no long one.
            let step = self.trail.step_within(started_at, at, SMALL_SACCADE_DEG, self.fixations.noise_deg());
            if let Some(since) = step.map(|since| since + self.config.settle) {
                let rested = at.since(since);
                self.state = State::Dwelling { started_at: since, rested, point, announced };
                return None;
            }
            let prompt_at = fixation.centered_at;
            let disc = self.disc(prompt_at, started_at, at).unwrap_or(self.disc_at(point));
            return Some(self.commit(at, Cause::Dwell, started_at, prompt_at, disc));
        }
        let begun = rested >= self.config.onset;
        self.state = State::Dwelling { started_at, rested, point, announced: announced || begun };
        let fraction = rested.as_secs_f32() / self.config.commit.as_secs_f32();
        match (begun, announced) {
            (_, true) => Some(SelectEvent::Progress { at, point, fraction }),
            (true, false) => Some(SelectEvent::Onset { at, point, disc: self.disc_at(point) }),
            (false, false) => None,
        }
    }

    fn commit(
        &mut self,
        at: Timestamp,
        cause: Cause,
        fixation_started_at: Timestamp,
        prompt_at: Timestamp,
        disc: GazeDisc,
    ) -> SelectEvent {
        let GazeDisc { center, .. } = disc;
        self.state = State::Committed { point: center };
        self.ready_at = at + self.config.cool_down;
        let points = [LabeledPoint::foreground(center.x, center.y)];
        SelectEvent::Commit(GazeSelection { committed_at: at, cause, fixation_started_at, prompt_at, points, disc })
    }

    /// Where gaze was at `at` by the samples of a rest from `from` to `to`.
    fn disc(&mut self, at: Timestamp, from: Timestamp, to: Timestamp) -> Option<GazeDisc> {
        let place = self.trail.place(at, from, to)?;
        Some(self.disc_at(at_degrees(&self.lens, place)))
    }

    /// What the samples scatter by stands for the part of their error that changes slowly and does not average out.
    fn disc_at(&self, center: Point) -> GazeDisc {
        let sigma = self.config.accuracy_deg.hypot(self.noise_deg()) as f32 * pixels_per_degree(&self.lens, center);
        GazeDisc { center, sigma }
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
