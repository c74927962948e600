mod config;
mod event;
mod sight;

use std::time::Duration;

use crate::geometry::{Intrinsics, Point};
use crate::select::GazeSample;
use crate::time::Timestamp;

use super::angles::{at_degrees, axis_degrees, distance, pixels_per_degree};
use super::trail::Trail;
use super::{Confirm, GazeDisc, GazeSignal, NoiseEstimate, Rest, RestFilter};

pub use config::DwellConfig;
pub use event::{CancelReason, Cause, GazeSelection, SelectEvent};

use sight::Sight;

/// The tracker's noise until it has been measured, in degrees.
const ASSUMED_NOISE_DEG: f64 = 0.5;

/// A rest is over when it is less probable than this.
const OVER: f64 = 0.1;
/// Gaze is where that is more probable than not, and has arrived there when it was seen for so long.
const LIKELY: f64 = 0.5;
const ARRIVED: Duration = Duration::from_millis(50);
/// A shorter rest is no fixation that another channel can mean.
const FIXATION: Duration = Duration::from_millis(100);

/// A selection by dwell means where gaze was so long before: samples on both sides of that moment show.
const CENTERED: Duration = Duration::from_millis(75);

/// What was looked at, and doubted, for so long is meant when gaze rests there once more.
const DOUBTED_FOR: Duration = Duration::from_secs(3);

/// A confirmation that falls into a saccade means the fixation that ended not longer before.
const GRACE: Duration = Duration::from_millis(150);

/// Selects what gaze rests on: a rest that lasts the commit time becomes a prompt. Travelling gaze selects nothing, a blink pauses
/// the dwell, and after a selection gaze must leave before it can select again.
///
/// Whoever answers the prompt may [`doubt`](Self::doubt) it, where nothing clear lies: then gaze must rest longer, or again. People
/// who look around do neither; those who mean it do.
#[derive(Clone, Debug)]
pub struct DwellSelector {
    config: DwellConfig,
    noise: NoiseEstimate,
    rests: RestFilter,
    trail: Trail,
    lens: Intrinsics,
    state: State,
    sight: Sight,
    /// No rest counts from before.
    ready_at: Timestamp,
    /// The last selection by dwell, which may still be doubted: where it was, in degrees, and `ready_at` before it.
    selected: Option<([f64; 2], Timestamp)>,
    /// What was doubted last, in degrees, and when.
    doubted: Option<(Timestamp, [f64; 2])>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Nothing has been announced.
    Armed,
    /// A selection is under way: so much of it is done, and it takes longer if what lies there was doubted.
    Dwelling { fraction: f32, doubted: bool },
    /// A selection was made and gaze has not left this place yet, in degrees.
    Committed([f64; 2]),
}

impl DwellSelector {
    /// `intrinsics` are those of the frame that the samples' pixels belong to.
    pub fn new(config: DwellConfig, intrinsics: Intrinsics) -> Self {
        DwellSelector {
            config,
            noise: NoiseEstimate::default(),
            rests: RestFilter::new(config.rest),
            trail: Trail::default(),
            lens: intrinsics,
            state: State::Armed,
            sight: Sight::default(),
            ready_at: Timestamp::ZERO,
            selected: None,
            doubted: None,
        }
    }

    /// Takes the next sample. Samples come in the order of their time; one that does not is ignored.
    pub fn push(&mut self, sample: GazeSample) -> Option<SelectEvent> {
        if self.sight.last().is_some_and(|seen| sample.at <= seen) {
            return None;
        }
        let gap = self.sight.last().map_or(Duration::ZERO, |seen| sample.at.since(seen));
        let lost = gap > self.config.max_gap;
        let angle = axis_degrees(&self.lens, sample.point);
        let eye_seen = angle.iter().all(|a| a.is_finite()) && sample.confidence >= self.config.min_confidence;
        if !eye_seen {
            return if lost { self.give_up(sample.at, CancelReason::EyeLost) } else { None };
        }
        let glance = self.sight.see(sample.at);
        if lost {
            self.rests.reset();
        }
        self.noise.push(sample.at, angle);
        self.trail.push(sample.at, angle);
        self.rests.push(sample.at, angle, self.noise.deviation_deg().unwrap_or(ASSUMED_NOISE_DEG), glance);
        if lost { self.give_up(sample.at, CancelReason::EyeLost) } else { self.advance(sample.at) }
    }

    /// Takes a confirmation by another channel: what gaze rested on when the hand began to move is selected, however short the
    /// rest. `None` if gaze did not rest then, or has been selected already.
    pub fn confirm(&mut self, confirm: &Confirm) -> Option<SelectEvent> {
        let meant_at = confirm.meant_at();
        let rest = self.trail.rest_at(meant_at, GRACE)?;
        let prompt_at = meant_at.clamp(rest.from, rest.to);
        // Samples after the hand began to move still are of this rest, and late in it gaze may already be leaving.
        let until = rest.to.min(prompt_at + CENTERED);
        let disc = self.disc(prompt_at, rest.from, until)?;
        if let State::Committed(place) = self.state {
            let again = distance(place, axis_degrees(&self.lens, disc.center)) <= self.config.leave_deg;
            if again && confirm.at < self.ready_at {
                return None;
            }
        }
        Some(self.commit(confirm.at, Cause::Confirmed(confirm.channel), rest.from, prompt_at, (disc, true)))
    }

    /// Takes what the user does beside looking: see [`Self::confirm`] and [`Self::undo`].
    pub fn signal(&mut self, signal: GazeSignal) -> Option<SelectEvent> {
        match signal {
            GazeSignal::Confirm(confirm) => self.confirm(&confirm),
            GazeSignal::Undo { at } => Some(self.undo(at)),
        }
    }

    /// Takes the last selection back. Gaze must leave what it rests on before it selects again.
    pub fn undo(&mut self, at: Timestamp) -> SelectEvent {
        if let Some(rest) = self.rests.rested(LIKELY) {
            self.state = State::Committed(rest.place);
        }
        self.selected = None;
        self.ready_at = at + self.config.cool_down;
        SelectEvent::Undone { at }
    }

    /// The last selection found nothing: gaze may select again without leaving, after the cool-down.
    pub fn refuse(&mut self, at: Timestamp) {
        self.state = State::Armed;
        self.selected = None;
        self.ready_at = at + self.config.cool_down;
    }

    /// What the last selection found may not be what is meant. If gaze still rests there, it selects it after
    /// [`DwellConfig::insist`] nevertheless; if it left, once it rests there again.
    pub fn doubt(&mut self, at: Timestamp) {
        let Some((place, ready_at)) = self.selected.take() else { return };
        self.doubted = Some((at, place));
        self.ready_at = ready_at;
        if let State::Committed(_) = self.state {
            self.state = State::Dwelling { fraction: 0.0, doubted: true };
        }
    }

    /// The tracker's noise as measured so far: deviation per axis of averages over a thirtieth of a second, in degrees; 0 while
    /// too little was seen.
    pub fn noise_deg(&self) -> f64 {
        self.noise.deviation_deg().unwrap_or(0.0)
    }

    fn advance(&mut self, at: Timestamp) -> Option<SelectEvent> {
        let likely = self.rests.rested(LIKELY)?;
        if likely.observed >= FIXATION {
            self.trail.rests(likely.started_at, at);
        }
        if let State::Committed(place) = self.state {
            let away = distance(likely.place, place) > self.config.leave_deg;
            self.state = match likely.observed {
                arrived if arrived >= ARRIVED && away => State::Armed,
                // The object may move with gaze upon it.
                rested if rested >= FIXATION => State::Committed(likely.place),
                _ => State::Committed(place),
            };
            return None;
        }
        let unbroken = self.sight.unbroken();
        let since_ready = at.since(self.ready_at).min(unbroken);
        let settled = |rest: Rest| rest.observed.saturating_sub(self.config.settle).min(since_ready);
        if let State::Dwelling { .. } = self.state
            && self.rests.rested(OVER).map(settled) < Some(self.config.onset)
        {
            let reason = if unbroken < self.config.onset { CancelReason::EyeLost } else { CancelReason::Moved };
            return self.give_up(at, reason);
        }
        let rest = self.rests.rested(self.config.confidence)?;
        self.dwell(at, rest, settled(rest))
    }

    /// Gaze has rested for `rested` without what does not count.
    fn dwell(&mut self, at: Timestamp, rest: Rest, rested: Duration) -> Option<SelectEvent> {
        let (begun, doubted) = match self.state {
            State::Dwelling { fraction, doubted } => (Some(fraction), doubted),
            _ => (None, false),
        };
        let needed = if doubted { self.config.insist } else { self.config.commit };
        if rested >= needed && self.sight.is_clear(at) {
            return Some(self.select(at, rest, doubted));
        }
        let point = at_degrees(&self.lens, rest.place);
        let fraction = (rested.min(needed).as_secs_f32() / needed.as_secs_f32()).max(begun.unwrap_or(0.0));
        if rested < self.config.onset {
            return None;
        }
        self.state = State::Dwelling { fraction, doubted };
        Some(match begun {
            Some(_) => SelectEvent::Progress { at, point, fraction },
            None => SelectEvent::Onset { at, point, disc: self.disc_at(point) },
        })
    }

    /// Selects what gaze rests on.
    fn select(&mut self, at: Timestamp, rest: Rest, doubted: bool) -> SelectEvent {
        // A moment at which the eye was seen: beside a gap nobody knows what is meant.
        let prompt_at = self.trail.nearest(at - CENTERED).unwrap_or(at);
        let settled_at = rest.started_at + self.config.settle;
        let disc = self.disc(prompt_at, settled_at, at).unwrap_or(self.disc_at(at_degrees(&self.lens, rest.place)));
        let recent = self.doubted.take_if(|(then, _)| at.since(*then) <= DOUBTED_FOR);
        let center = axis_degrees(&self.lens, disc.center);
        let again = recent.is_some_and(|(_, place)| distance(place, center) <= self.config.leave_deg);
        let ready_at = self.ready_at;
        let event = self.commit(at, Cause::Dwell, rest.started_at, prompt_at, (disc, doubted || again));
        self.selected = Some((center, ready_at));
        event
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
        self.state = State::Committed(axis_degrees(&self.lens, center));
        self.selected = None;
        self.ready_at = at + self.config.cool_down;
        SelectEvent::Commit(GazeSelection { committed_at: at, cause, fixation_started_at, prompt_at, disc, insistent })
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

    /// Arms again; a selection that was announced is cancelled aloud. A committed selection outlasts a lost eye, so that
    /// gaze that returns to it does not select it twice.
    fn give_up(&mut self, at: Timestamp, reason: CancelReason) -> Option<SelectEvent> {
        match self.state {
            State::Committed(_) => None,
            State::Armed => None,
            State::Dwelling { .. } => {
                self.state = State::Armed;
                Some(SelectEvent::Cancelled { at, reason })
            }
        }
    }
}

#[cfg(test)]
mod tests;
