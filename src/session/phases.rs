use super::change::Change;
use crate::mask::LowResLogits;
use crate::record::{Event, EventKind};
use crate::select::selection::{Phase, Selections, Signal, Times};
use crate::time::{Clock, Timestamp};

/// Tells times of the capture clock in seconds from a stream's first frame, and the other way.
#[derive(Clone, Copy)]
pub(super) struct StreamTimes<'a> {
    clock: &'a dyn Clock,
    origin: Timestamp,
}

impl<'a> StreamTimes<'a> {
    /// `None` before the first frame.
    pub fn new(clock: &'a dyn Clock, origin: Option<Timestamp>) -> Option<Self> {
        origin.map(|origin| StreamTimes { clock, origin })
    }

    /// Seconds from the first frame to `at`.
    pub fn seconds(&self, at: Timestamp) -> f64 {
        at.signed_secs_since(self.origin)
    }

    /// The time that lies so many seconds after the first frame, or on it if they are negative.
    pub fn at(&self, seconds: f64) -> Timestamp {
        self.origin.after_secs(seconds)
    }
}

/// The selection state machine of a stream: follows what happens to objects, and reports every transition.
#[derive(Default)]
pub(super) struct Phases {
    selections: Selections,
    /// What gaze hovers over, on the decoder's grid.
    pub preview: Option<LowResLogits>,
}

impl Phases {
    /// Gaze came to rest at `input_s`, on the frame `seen`; `preview` is what seems to lie there.
    pub fn hover(
        &mut self,
        input_s: f64,
        preview: Option<LowResLogits>,
        seen: Timestamp,
        times: StreamTimes,
        events: &mut Vec<Event>,
    ) {
        self.signal(Signal::Rest, Some(input_s), Some(seen), times, events);
        if preview.is_some() {
            self.signal(Signal::Preview, Some(input_s), Some(seen), times, events);
        }
        self.preview = preview;
    }

    /// Gaze went on at `input_s`.
    pub fn leave(&mut self, input_s: f64, times: StreamTimes, events: &mut Vec<Event>) {
        self.preview = None;
        self.signal(Signal::GiveUp, Some(input_s), None, times, events);
    }

    /// Follows a change that was found on the frame captured at `at`.
    pub fn follow(&mut self, change: &Change, at: Timestamp, times: StreamTimes, events: &mut Vec<Event>) {
        let at = Some(at);
        match *change {
            Change::Selected { object, prompt_time_s, .. } => {
                let input = Some(prompt_time_s);
                self.preview = None;
                self.signal(Signal::Refine(object), input, at, times, events);
                self.signal(Signal::Answer(object), input, at, times, events);
            }
            Change::Refused { object, prompt_time_s, .. } => {
                let signal = match self.selections.phase(object) {
                    Some(_) => Signal::Refuse(object),
                    None => {
                        self.preview = None;
                        Signal::GiveUp
                    }
                };
                self.signal(signal, Some(prompt_time_s), at, times, events);
            }
            Change::Lost { object } => self.signal(Signal::Lose(object), None, at, times, events),
            Change::Returned { object } => self.signal(Signal::Find(object), None, at, times, events),
            Change::Released { object } => self.signal(Signal::Release(object), None, at, times, events),
            Change::Undone { object } => {
                if self.selections.phase(object) == Some(Phase::Lost) {
                    self.signal(Signal::Find(object), None, at, times, events);
                }
            }
        }
    }

    fn signal(
        &mut self,
        signal: Signal,
        input_s: Option<f64>,
        frame: Option<Timestamp>,
        times: StreamTimes,
        events: &mut Vec<Event>,
    ) {
        let output = times.clock.now();
        let input = input_s.map(|s| times.at(s));
        let Some(step) = self.selections.signal(signal, Times { input, frame, output }) else { return };
        let output_time_s = times.seconds(output);
        let kind = EventKind::Selection {
            object: step.selection,
            from: step.from.name(),
            to: step.to.name(),
            input_time_s: input_s,
            frame_time_s: frame.map(|at| times.seconds(at)),
            output_time_s,
        };
        events.push(Event::new(frame.map_or(output_time_s, |at| times.seconds(at)), kind));
    }
}
