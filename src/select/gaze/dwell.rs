mod config;
mod event;

use std::time::Duration;

use crate::geometry::{Intrinsics, LabeledPoint, Point};
use crate::select::GazeSample;
use crate::time::Timestamp;

use super::angles::{at_degrees, axis_degrees, pixels_per_degree};
use super::trail::{Step, Trail};
use super::{Confirm, Fixation, FixationDetector, GazeDisc, GazeSignal};

pub use config::DwellConfig;
pub use event::{CancelReason, Cause, GazeSelection, SelectEvent};

/// Silence between samples that still counts as unbroken observation.
const STEADY_INTERVAL: Duration = Duration::from_millis(60);

/// How far gaze may be found from where a blink hid it: an object in slow motion, and so many deviations of the tracker's noise.
const RETURN_DEG: f64 = 2.0;
const RETURN_DEVIATIONS: f64 = 2.0;
/// How long it takes to see a fixation after a blink: a window and, with a noisy tracker, some more.
const RETURN: Duration = Duration::from_millis(300);

/// A step of gaze by less, in degrees, is a correction and ends no dwell.
const SMALL_SACCADE_DEG: f64 = 1.2;

/// A saccade is corrected from so near to where it went, in degrees, and so soon (Becker 1991).
const CORRECTION_DEG: f64 = 2.0;
const CORRECTION: Duration = Duration::from_millis(300);
/// What was looked at, and doubted, for so long is meant when gaze rests there once more.
const DOUBTED_FOR: Duration = Duration::from_secs(3);

/// A confirmation that falls into a saccade means the fixation that ended not longer before.
const GRACE: Duration = Duration::from_millis(150);

/// Selects what gaze rests on: a fixation that lasts the commit time becomes a prompt. Travelling gaze selects nothing, a
/// blink pauses the dwell, and after a selection gaze must leave before it can select again.
///
/// Whoever answers the prompt may [`doubt`](Self::doubt) it, where nothing clear lies: then gaze must rest longer, or again. People
/// who look around do neither; those who mean it do.
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
    /// When it was seen again.
    returned_at: Timestamp,
    ready_at: Timestamp,
    /// What was doubted last, and when.
    doubted: Option<(Timestamp, Point)>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Waiting for a fixation.
    Armed,
    Dwelling(Dwell),
    /// A selection was made and gaze has not left `point` yet. While it rests as it did then, `dwell` is what goes on if the
    /// selection is doubted.
    Committed {
        point: Point,
        dwell: Option<Dwell>,
    },
}

/// A fixation that has been observed for `rested`.
#[derive(Clone, Copy, Debug)]
struct Dwell {
    started_at: Timestamp,
    rested: Duration,
    point: Point,
    announced: bool,
    /// It has to last longer, since what lies there was doubted, or whether it is one rest.
    doubted: bool,
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
            returned_at: Timestamp::ZERO,
            ready_at: Timestamp::ZERO,
            doubted: None,
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
        if let State::Committed { point, .. } = self.state {
            let again = self.fixations.angle_between(point, disc.center) <= self.config.leave_deg;
            if again && confirm.at < self.ready_at {
                return None;
            }
        }
        Some(self.commit(confirm.at, Cause::Confirmed(confirm.channel), rest.from, prompt_at, (disc, true)))
    }

    /// Takes what the person does beside looking: see [`Self::confirm`] and [`Self::undo`].
    pub fn signal(&mut self, signal: GazeSignal) -> Option<SelectEvent> {
        match signal {
            GazeSignal::Confirm(confirm) => self.confirm(&confirm),
            GazeSignal::Undo { at } => Some(self.undo(at)),
        }
    }

    /// Takes the last selection back. Gaze must leave what it rests on before it selects again.
    pub fn undo(&mut self, at: Timestamp) -> SelectEvent {
        if let Some(point) = self.fixations.filtered() {
            self.state = State::Committed { point, dwell: None };
        }
        self.ready_at = at + self.config.cool_down;
        SelectEvent::Undone { at }
    }

    /// The last selection found nothing: gaze may select again without leaving, after the cool-down.
    pub fn refuse(&mut self, at: Timestamp) {
        self.state = State::Armed;
        self.ready_at = at + self.config.cool_down;
    }

    /// What the last selection found may not be what is meant. If gaze still rests there, it selects it after
    /// [`DwellConfig::insist`] nevertheless; if it left, once it rests there again.
    pub fn doubt(&mut self, at: Timestamp) {
        let State::Committed { point, dwell } = self.state else { return };
        self.doubted = Some((at, point));
        self.state = dwell.map_or(State::Armed, |dwell| State::Dwelling(Dwell { doubted: true, ..dwell }));
        self.ready_at = at;
    }

    /// The tracker's noise as measured so far: deviation per axis of averages over a thirtieth of a second, in degrees.
    pub fn noise_deg(&self) -> f64 {
        self.fixations.noise_deg()
    }

    /// First sample after a blink or silence: what was begun goes on only if gaze is still there, which the next samples tell.
    fn eye_returns(&mut self, sample: GazeSample, gap: Duration) -> Option<SelectEvent> {
        self.fixations.reset();
        self.fixations.push(sample.at, sample.point);
        self.returned_at = sample.at;
        if gap <= self.config.max_gap {
            return None;
        }
        if let State::Committed { dwell, .. } = &mut self.state {
            *dwell = None;
        }
        self.give_up(sample.at, CancelReason::EyeLost)
    }

    fn advance(&mut self, sample: GazeSample, gap: Duration, fixation: Option<Fixation>) -> Option<SelectEvent> {
        match (self.state, fixation) {
            (State::Armed, Some(fixation)) if sample.at >= self.ready_at => {
                let landed_at = self.landed_at(&fixation).unwrap_or(fixation.started_at);
                let started_at = (landed_at + self.config.settle).max(self.ready_at);
                let rested = sample.at.since(started_at);
                let point = fixation.point;
                self.dwell(sample.at, fixation, Dwell { started_at, rested, point, announced: false, doubted: false })
            }
            (State::Armed, _) => None,
            (State::Dwelling(dwell), Some(fixation)) => {
                self.dwell(sample.at, fixation, Dwell { rested: dwell.rested + gap, point: fixation.point, ..dwell })
            }
            (State::Dwelling(dwell), None) => {
                if self.may_rest_on(dwell.point, sample.at) {
                    self.state = State::Dwelling(Dwell { rested: dwell.rested + gap, ..dwell });
                    return None;
                }
                self.give_up(sample.at, CancelReason::Moved)
            }
            (State::Committed { point, dwell }, fixation) => {
                self.state = if self.left(point) {
                    State::Armed
                } else {
                    let rests = dwell.filter(|dwell| fixation.is_some() || self.may_rest_on(dwell.point, sample.at));
                    // The object may move with gaze upon it.
                    let point = fixation.map_or(point, |fixation| fixation.point);
                    State::Committed { point, dwell: rests.map(|d| Dwell { rested: d.rested + gap, point, ..d }) }
                };
                None
            }
        }
    }

    /// Whether gaze may still rest on `point` although no fixation is seen: after a blink it need only stay near where it was until
    /// there was time to see one.
    fn may_rest_on(&self, point: Point, now: Timestamp) -> bool {
        let allowed = RETURN_DEG.hypot(RETURN_DEVIATIONS * self.noise_deg());
        let near = |now| self.fixations.angle_between(point, now) <= allowed;
        let returns = now.since(self.returned_at) <= RETURN && !self.fixations.stepped();
        returns && self.fixations.settling().is_none_or(near)
    }

    /// When gaze came near to where a fixation is that only corrects the saccade before: it had come from afar just before.
    fn landed_at(&self, fixation: &Fixation) -> Option<Timestamp> {
        let place = axis_degrees(&self.lens, fixation.point);
        let limit = CORRECTION_DEG.hypot(RETURN_DEVIATIONS * self.noise_deg());
        let near_since = self.trail.near_since(place, fixation.started_at, limit)?;
        (fixation.started_at.since(near_since) <= CORRECTION).then_some(near_since)
    }

    fn dwell(&mut self, at: Timestamp, fixation: Fixation, dwell: Dwell) -> Option<SelectEvent> {
        let Dwell { started_at, rested, point, announced, doubted } = dwell;
        let needed = if doubted { self.config.insist } else { self.config.commit };
        if rested >= needed {
            // Two short rests side by side are no long one; and where it cannot be told, it takes a longer one.
            let noise_deg = self.fixations.noise_deg();
            match self.trail.step_within(started_at, at, SMALL_SACCADE_DEG, noise_deg) {
                Some(Step { over_at, sure: true }) => {
                    let started_at = over_at + self.config.settle;
                    self.state = State::Dwelling(Dwell { started_at, rested: at.since(started_at), ..dwell });
                    return None;
                }
                Some(_) if !doubted => {
                    self.state = State::Dwelling(Dwell { doubted: true, ..dwell });
                    return None;
                }
                _ => {}
            }
            let prompt_at = fixation.centered_at;
            let disc = self.disc(prompt_at, started_at, at).unwrap_or(self.disc_at(point));
            let again = self.doubted.take_if(|(then, _)| at.since(*then) <= DOUBTED_FOR);
            let again = again
                .is_some_and(|(_, place)| self.fixations.angle_between(place, disc.center) <= self.config.leave_deg);
            let event = self.commit(at, Cause::Dwell, started_at, prompt_at, (disc, doubted || again));
            self.state = State::Committed { point: disc.center, dwell: Some(Dwell { announced: true, ..dwell }) };
            return Some(event);
        }
        let begun = rested >= self.config.onset;
        self.state = State::Dwelling(Dwell { announced: announced || begun, ..dwell });
        let fraction = rested.as_secs_f32() / needed.as_secs_f32();
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
        (disc, insistent): (GazeDisc, bool),
    ) -> SelectEvent {
        let GazeDisc { center, .. } = disc;
        self.state = State::Committed { point: center, dwell: None };
        self.ready_at = at + self.config.cool_down;
        let points = [LabeledPoint::foreground(center.x, center.y)];
        SelectEvent::Commit(GazeSelection {
            committed_at: at,
            cause,
            fixation_started_at,
            prompt_at,
            points,
            disc,
            insistent,
        })
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

    /// Whether gaze has left what was selected at `point`.
    fn left(&self, point: Point) -> bool {
        let now = if self.fixations.refilling() { self.fixations.settling() } else { self.fixations.filtered() };
        now.is_some_and(|now| self.fixations.angle_between(point, now) > self.config.leave_deg)
    }

    /// Arms again; a selection that was announced is cancelled aloud. A committed selection outlasts a lost eye, so that
    /// gaze that returns to it does not select it twice.
    fn give_up(&mut self, at: Timestamp, reason: CancelReason) -> Option<SelectEvent> {
        match self.state {
            State::Committed { .. } if reason == CancelReason::EyeLost => None,
            State::Dwelling(Dwell { announced: true, .. }) => {
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
