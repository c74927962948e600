use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use crossbeam_channel::Receiver;

use super::requests::Requests;
use super::shared::Shared;
use crate::geometry::Point;
use crate::input::{Command, CommandSource, GazeReport, GazeSource, InputEvent, PromptSource, TouchSource};
use crate::record::{Event, EventKind};
use crate::select::GazeSample;
use crate::select::gaze::{DwellSelector, SelectEvent};
use crate::select::touch::{Contact, TouchGesture, TouchSelector};
use crate::session::{GazeRefusal, Origin, Request};
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
    /// Sends on what an event of the selector asks for.
    fn send(&self, event: Option<SelectEvent>, origin: Timestamp, output: &Requests, shared: &Shared) {
        let Some(event) = event else { return };
        self.cell.set_dwell(&event);
        Request::of_gaze(event, |at| at.signed_secs_since(origin)).for_each(|request| output.push(request, shared));
    }

    /// Reads the eye tracker up to `now`.
    fn poll(&mut self, now: Timestamp, samples: &mut Vec<GazeSample>, stage: &Destination) {
        let Destination { output, shared, losses } = stage;
        while let Some(event) = self.source.take_event() {
            emit(event, self.source.name(), now, shared, losses);
        }
        let Some(origin) = shared.origin() else { return };
        for refusal in self.refusals.try_iter() {
            match refusal {
                GazeRefusal::Doubtful => self.selector.doubt(now),
                GazeRefusal::Nothing => self.selector.refuse(now),
            }
        }
        self.source.poll(origin, now, samples);
        for sample in samples.drain(..) {
            self.cell.set((sample.confidence > 0.0).then_some((sample.at, sample.point)));
            let event = self.selector.push(sample);
            self.send(event, origin, output, shared);
        }
        while let Some(signal) = self.source.take_signal() {
            let event = self.selector.signal(signal);
            if event.is_none() {
                tracing::info!("gaze rested on nothing that is not selected already: {signal:?} selects nothing");
            }
            self.send(event, origin, output, shared);
        }
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

    /// Reads the screen up to `now`.
    fn poll(&mut self, now: Timestamp, stage: &Destination) {
        let Destination { output, shared, losses } = stage;
        self.source.poll(now, &mut self.contacts);
        for report in self.contacts.chunk_by(|a, b| a.at == b.at) {
            self.selector.push(report, &mut self.gestures);
        }
        self.contacts.clear();
        while let Some(event) = self.source.take_event() {
            emit(event, self.source.name(), now, shared, losses);
        }
        // Before the first frame there is nothing to point at.
        let Some(origin) = shared.origin() else { return self.gestures.clear() };
        for gesture in self.gestures.drain(..) {
            output.push(Request::of_touch(gesture, |at| at.signed_secs_since(origin)), shared);
        }
    }
}

/// Where what the inputs say goes.
pub(super) struct Destination {
    pub output: Requests,
    pub shared: Shared,
    /// How often an input device was lost.
    pub losses: Arc<AtomicU64>,
}

/// The input stage: asks every prompt source, turns gaze and touch into selections, and lets all wait for the decode stage.
pub(super) struct InputStage {
    sources: Vec<Box<dyn PromptSource>>,
    touch: Vec<TouchInput>,
    commands: Vec<Box<dyn CommandSource>>,
    gaze: Option<GazeInput>,
    to: Destination,
    requests: Vec<Request>,
    given: Vec<Command>,
    samples: Vec<GazeSample>,
}

impl InputStage {
    /// The inputs of a stream.
    pub fn new(
        sources: Vec<Box<dyn PromptSource>>,
        touch: Vec<TouchInput>,
        commands: Vec<Box<dyn CommandSource>>,
        gaze: Option<GazeInput>,
        to: Destination,
    ) -> Self {
        let (requests, given, samples) = (Vec::new(), Vec::new(), Vec::new());
        InputStage { sources, touch, commands, gaze, to, requests, given, samples }
    }

    /// Takes what the sources of prompts have for the first moments, before the first frame comes.
    pub fn prime(&mut self) {
        self.take_prompts(LOOK_AHEAD_S);
    }

    /// Runs until the pipeline stops.
    pub fn run(mut self) {
        while !self.to.shared.stop.wait(POLL) {
            self.step(self.to.shared.clock.now(), LOOK_AHEAD_S);
        }
        self.finish();
    }

    /// Takes what every input has said up to `now`, and the prompts of the `ahead_s` seconds after it.
    pub fn step(&mut self, now: Timestamp, ahead_s: f64) {
        self.take_prompts(self.to.shared.stream_time(now) + ahead_s);
        let Self { touch, commands, gaze, to, given, samples, .. } = self;
        touch.iter_mut().for_each(|touch| touch.poll(now, to));
        commands.iter_mut().for_each(|source| source.poll(given));
        for Command { made_at, origin, intent } in given.drain(..) {
            let time_s = to.shared.stream_time(made_at);
            to.output.push(Request { time_s, origin, intent }, &to.shared);
        }
        if let Some(gaze) = gaze {
            gaze.poll(now, samples, to);
        }
    }

    /// Counts and tells what the sources of prompts and the queue have left when the stream is over.
    pub fn finish(mut self) {
        self.sources.iter_mut().for_each(|source| source.poll(f64::INFINITY, &mut self.requests));
        self.to.output.end(self.requests, &self.to.shared);
    }

    fn take_prompts(&mut self, until_s: f64) {
        for (number, source) in self.sources.iter_mut().enumerate() {
            source.poll(until_s, &mut self.requests);
            let own = Origin::source(u32::try_from(number).unwrap_or(u32::MAX));
            for request in self.requests.drain(..) {
                // A source may speak for several users.
                let origin = if request.origin == Origin::LOCAL { own } else { request.origin };
                self.to.output.push(request.with_origin(origin), &self.to.shared);
            }
        }
    }
}
