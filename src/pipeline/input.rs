use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use crossbeam_channel::{Receiver, SendTimeoutError, Sender};

use super::shared::{Shared, WAIT};
use crate::geometry::Point;
use crate::input::{CommandSource, GazeReport, GazeSource, InputEvent, PromptSource, TouchSource};
use crate::record::{Event, EventKind};
use crate::select::gaze::{DwellSelector, SelectEvent};
use crate::select::touch::{Contact, TouchGesture, TouchSelector};
use crate::session::{GazeRefusal, Request};
use crate::time::Timestamp;

/// How often sources are asked. A gaze sample waits at most so long.
const POLL: Duration = Duration::from_millis(5);

/// A script's prompts are asked for before their time comes, so that they wait for their frame rather than it for them.
const LOOK_AHEAD_S: f64 = 1.0;

/// The gaze point last measured, and how much of a dwell is done, for the records.
#[derive(Clone, Debug, Default)]
pub(super) struct GazeCell(Arc<Mutex<Option<(Timestamp, Point)>>>, Arc<Mutex<Option<f32>>>);

impl GazeCell {
    /// Older than this, a gaze point says nothing about the present frame.
    const FRESH: Duration = Duration::from_millis(250);

    fn set(&self, value: Option<(Timestamp, Point)>) {
        *self.0.lock().unwrap_or_else(|p| p.into_inner()) = value;
    }

    fn set_dwell(&self, event: &SelectEvent) {
        let done = match event {
            SelectEvent::Onset { .. } => Some(0.0),
            SelectEvent::Progress { fraction, .. } => Some(*fraction),
            _ => None,
        };
        *self.1.lock().unwrap_or_else(|p| p.into_inner()) = done;
    }

    /// Share of the dwell that is done, while one is under way.
    pub fn dwell(&self) -> Option<f32> {
        *self.1.lock().unwrap_or_else(|p| p.into_inner())
    }

    /// The point measured near `at`.
    pub fn at(&self, at: Timestamp) -> Option<Point> {
        let value = *self.0.lock().unwrap_or_else(|p| p.into_inner());
        value.filter(|(then, _)| then.abs_diff(at) < Self::FRESH).map(|(_, point)| point)
    }
}

/// Gaze and the selector that turns it into requests.
pub(super) struct GazeInput {
    pub source: Box<dyn GazeSource>,
    pub selector: DwellSelector,
    pub cell: GazeCell,
    /// Selections that selected nothing.
    pub refusals: Receiver<GazeRefusal>,
    /// What the source received, once the stage has ended.
    pub report: Arc<OnceLock<GazeReport>>,
}

impl GazeInput {
    /// Sends on what an event of the selector asks for; false when the pipeline ends.
    fn send(&self, event: Option<SelectEvent>, origin: Timestamp, output: &Sender<Request>, shared: &Shared) -> bool {
        let Some(event) = event else { return true };
        self.cell.set_dwell(&event);
        Request::of_gaze(event, |at| at.signed_secs_since(origin)).all(|request| send(output, shared, request))
    }
}

impl Drop for GazeInput {
    fn drop(&mut self) {
        if let Some(report) = self.source.report() {
            let _ = self.report.set(report);
        }
    }
}

/// Emits what happened to an input device.
fn emit(event: InputEvent, input: &str, now: Timestamp, shared: &Shared, losses: &AtomicU64) {
    let input = input.to_owned();
    let kind = match event {
        InputEvent::Lost { reason } => {
            losses.fetch_add(1, Ordering::Relaxed);
            EventKind::InputLost { input, reason }
        }
        InputEvent::Returned { after } => EventKind::InputReturned { input, after_s: after.as_secs_f64() },
        InputEvent::Overflowed => EventKind::InputOverflowed { input },
        InputEvent::Rejected { count, reason } => EventKind::InputRejected { input, count, reason },
        InputEvent::Clock { offset_s, uncertainty_s } => EventKind::InputClock { input, offset_s, uncertainty_s },
    };
    shared.emit(Event::new(shared.stream_time(now), kind));
}

/// A touch screen and the selector that turns its contacts into requests.
pub(super) struct TouchInput {
    pub source: Box<dyn TouchSource>,
    pub selector: TouchSelector,
    contacts: Vec<Contact>,
    gestures: Vec<TouchGesture>,
}

impl TouchInput {
    pub fn new(source: Box<dyn TouchSource>, selector: TouchSelector) -> Self {
        TouchInput { source, selector, contacts: Vec::new(), gestures: Vec::new() }
    }

    /// Reads the screen; false when the pipeline ends.
    fn poll(&mut self, now: Timestamp, output: &Sender<Request>, shared: &Shared, losses: &AtomicU64) -> bool {
        self.source.poll(now, &mut self.contacts);
        for report in self.contacts.chunk_by(|a, b| a.at == b.at) {
            self.selector.push(report, &mut self.gestures);
        }
        self.contacts.clear();
        while let Some(event) = self.source.take_event() {
            emit(event, self.source.name(), now, shared, losses);
        }
        // Before the first frame there is nothing to point at.
        let Some(origin) = shared.origin() else {
            self.gestures.clear();
            return true;
        };
        self.gestures.drain(..).all(|gesture| {
            let request = Request::of_touch(gesture, |at| at.signed_secs_since(origin));
            send(output, shared, request)
        })
    }
}

/// The input stage: asks every prompt source, turns gaze and touch into selections, and sends all to the decode stage.
pub(super) struct InputStage {
    pub sources: Vec<Box<dyn PromptSource>>,
    pub touch: Vec<TouchInput>,
    pub commands: Vec<Box<dyn CommandSource>>,
    pub gaze: Option<GazeInput>,
    /// How often an input device was lost.
    pub losses: Arc<AtomicU64>,
    pub output: Sender<Request>,
    pub shared: Shared,
}

impl InputStage {
    /// Runs until the pipeline stops or nobody takes requests any more.
    pub fn run(mut self) {
        let mut requests: Vec<Request> = Vec::new();
        let (mut samples, mut commands) = (Vec::new(), Vec::new());
        while !self.shared.stop.wait(POLL) {
            let now = self.shared.clock.now();
            let until_s = self.shared.stream_time(now) + LOOK_AHEAD_S;
            for source in &mut self.sources {
                source.poll(until_s, &mut requests);
            }
            for request in requests.drain(..) {
                if !send(&self.output, &self.shared, request) {
                    return;
                }
            }
            for touch in &mut self.touch {
                if !touch.poll(now, &self.output, &self.shared, &self.losses) {
                    return;
                }
            }
            self.commands.iter_mut().for_each(|source| source.poll(&mut commands));
            for command in commands.drain(..) {
                let time_s = self.shared.stream_time(command.made_at);
                if !send(&self.output, &self.shared, Request { time_s, intent: command.intent }) {
                    return;
                }
            }
            let Some(gaze) = &mut self.gaze else { continue };
            while let Some(event) = gaze.source.take_event() {
                emit(event, gaze.source.name(), now, &self.shared, &self.losses);
            }
            let Some(origin) = self.shared.origin() else { continue };
            for refusal in gaze.refusals.try_iter() {
                match refusal {
                    GazeRefusal::Doubtful => gaze.selector.doubt(now),
                    GazeRefusal::Nothing => gaze.selector.refuse(now),
                }
            }
            gaze.source.poll(origin, now, &mut samples);
            for sample in samples.drain(..) {
                gaze.cell.set((sample.confidence > 0.0).then_some((sample.at, sample.point)));
                let event = gaze.selector.push(sample);
                if !gaze.send(event, origin, &self.output, &self.shared) {
                    return;
                }
            }
            while let Some(signal) = gaze.source.take_signal() {
                let event = gaze.selector.signal(signal);
                if event.is_none() {
                    tracing::info!("gaze rested on nothing that is not selected already: {signal:?} selects nothing");
                }
                if !gaze.send(event, origin, &self.output, &self.shared) {
                    return;
                }
            }
        }
    }
}

/// Waits for room; false when the pipeline ends.
fn send(output: &Sender<Request>, shared: &Shared, mut request: Request) -> bool {
    while !shared.stop.is_stopped() {
        match output.send_timeout(request, WAIT) {
            Ok(()) => return true,
            Err(SendTimeoutError::Timeout(back)) => request = back,
            Err(SendTimeoutError::Disconnected(_)) => return false,
        }
    }
    false
}
