use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use crossbeam_channel::{Receiver, SendTimeoutError, Sender};

use super::request::{Look, Request, Unanswered};
use super::shared::{Shared, WAIT};
use crate::geometry::Point;
use crate::input::{CommandSource, GazeReport, GazeSource, InputEvent, PromptEvent, PromptSource, TouchSource};
use crate::record::{Event, EventKind};
use crate::select::gaze::{Cause, DwellSelector, GazeSelection, SelectEvent};
use crate::select::touch::{Contact, TouchGesture, TouchSelector};
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

    fn dwells(&self, event: &SelectEvent) {
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
pub(super) struct GazeRoad {
    pub source: Box<dyn GazeSource>,
    pub selector: DwellSelector,
    pub cell: GazeCell,
    /// Looks that selected nothing.
    pub answers: Receiver<Unanswered>,
    /// What the source received, once the stage has ended.
    pub report: Arc<OnceLock<GazeReport>>,
}

impl GazeRoad {
    /// Sends on what an event of the selector asks for; false when the pipeline ends.
    fn tell(&self, event: Option<SelectEvent>, origin: Timestamp, output: &Sender<Request>, shared: &Shared) -> bool {
        let Some(event) = event else { return true };
        self.cell.dwells(&event);
        let requests = [request_of(event, origin), also_of(event, origin)];
        requests.into_iter().flatten().all(|request| send(output, shared, request))
    }
}

impl Drop for GazeRoad {
    fn drop(&mut self) {
        if let Some(report) = self.source.report() {
            let _ = self.report.set(report);
        }
    }
}

/// Tells what happened to an input device.
fn tell(event: InputEvent, input: &str, now: Timestamp, shared: &Shared, losses: &AtomicU64) {
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
    shared.tell(Event::new(shared.stream_time(now), kind));
}

/// A touch screen and the selector that turns its contacts into requests.
pub(super) struct TouchRoad {
    pub source: Box<dyn TouchSource>,
    pub selector: TouchSelector,
    contacts: Vec<Contact>,
    gestures: Vec<TouchGesture>,
}

impl TouchRoad {
    pub fn new(source: Box<dyn TouchSource>, selector: TouchSelector) -> Self {
        TouchRoad { source, selector, contacts: Vec::new(), gestures: Vec::new() }
    }

    /// Reads the screen; false when the pipeline ends.
    fn poll(&mut self, now: Timestamp, output: &Sender<Request>, shared: &Shared, losses: &AtomicU64) -> bool {
        self.source.poll(now, &mut self.contacts);
        for report in self.contacts.chunk_by(|a, b| a.at == b.at) {
            self.selector.push(report, &mut self.gestures);
        }
        self.contacts.clear();
        while let Some(event) = self.source.take_event() {
            tell(event, self.source.name(), now, shared, losses);
        }
        // Before the first frame there is nothing to point at.
        let Some(origin) = shared.origin() else {
            self.gestures.clear();
            return true;
        };
        self.gestures.drain(..).all(|gesture| {
            let time_s = gesture.made_at.signed_secs_since(origin);
            send(output, shared, Request::Touch { time_s, gesture })
        })
    }
}

/// The input stage: asks every prompt source, turns gaze and touch into selections, and sends all to the decode stage.
pub(super) struct InputStage {
    pub sources: Vec<Box<dyn PromptSource>>,
    pub touch: Vec<TouchRoad>,
    pub commands: Vec<Box<dyn CommandSource>>,
    pub gaze: Option<GazeRoad>,
    /// How often an input device was lost.
    pub losses: Arc<AtomicU64>,
    pub output: Sender<Request>,
    pub shared: Shared,
}

impl InputStage {
    /// Runs until the pipeline stops or nobody takes requests any more.
    pub fn run(mut self) {
        let mut prompts: Vec<PromptEvent> = Vec::new();
        let (mut samples, mut commands) = (Vec::new(), Vec::new());
        while !self.shared.stop.wait(POLL) {
            let now = self.shared.clock.now();
            let until_s = self.shared.stream_time(now) + LOOK_AHEAD_S;
            for source in &mut self.sources {
                source.poll(until_s, &mut prompts);
            }
            for prompt in prompts.drain(..) {
                if !send(&self.output, &self.shared, Request::Prompt(prompt)) {
                    return;
                }
            }
            for road in &mut self.touch {
                if !road.poll(now, &self.output, &self.shared, &self.losses) {
                    return;
                }
            }
            self.commands.iter_mut().for_each(|source| source.poll(&mut commands));
            for command in commands.drain(..) {
                let time_s = self.shared.stream_time(command.made_at);
                if !send(&self.output, &self.shared, Request::Command { time_s, kind: command.kind }) {
                    return;
                }
            }
            let Some(road) = &mut self.gaze else { continue };
            while let Some(event) = road.source.take_event() {
                tell(event, road.source.name(), now, &self.shared, &self.losses);
            }
            let Some(origin) = self.shared.origin() else { continue };
            for unanswered in road.answers.try_iter() {
                match unanswered {
                    Unanswered::Doubted => road.selector.doubt(now),
                    Unanswered::Refused => road.selector.refuse(now),
                }
            }
            road.source.poll(origin, now, &mut samples);
            for sample in samples.drain(..) {
                road.cell.set((sample.confidence > 0.0).then_some((sample.at, sample.point)));
                let event = road.selector.push(sample);
                if !road.tell(event, origin, &self.output, &self.shared) {
                    return;
                }
            }
            while let Some(signal) = road.source.take_signal() {
                let event = road.selector.signal(signal);
                if event.is_none() {
                    tracing::info!("nothing was looked at that is not selected already: {signal:?} selects nothing");
                }
                if !road.tell(event, origin, &self.output, &self.shared) {
                    return;
                }
            }
        }
    }
}

/// What an event of the gaze selector asks of the decode stage; times count from `origin`, the first frame.
fn request_of(event: SelectEvent, origin: Timestamp) -> Option<Request> {
    let since = |at: Timestamp| at.signed_secs_since(origin);
    match event {
        SelectEvent::Onset { at, disc, .. } => Some(Request::Hover { time_s: since(at), disc }),
        SelectEvent::Progress { .. } => None,
        SelectEvent::Commit(GazeSelection { prompt_at, disc, insistent, .. }) => {
            Some(Request::Look(Look { time_s: since(prompt_at), disc, insistent }))
        }
        SelectEvent::Cancelled { at, .. } => Some(Request::Leave { time_s: since(at) }),
        SelectEvent::Undone { at } => Some(Request::Unlook { time_s: since(at) }),
    }
}

/// What an event asks besides: a confirmation means a moment before gaze came to rest as it does now, and ends that.
fn also_of(event: SelectEvent, origin: Timestamp) -> Option<Request> {
    match event {
        SelectEvent::Commit(GazeSelection { cause: Cause::Confirmed(_), committed_at, .. }) => {
            Some(Request::Leave { time_s: committed_at.signed_secs_since(origin) })
        }
        _ => None,
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
