//! What the stream's thread and the server's thread share. Every lock is short, and nobody waits for a page.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Bytes;
use crossbeam_channel::Sender;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::figures::Figures;
use super::message::{Naming, Wish};
use super::names::Names;
use super::pace::Pace;
use super::picture::LEVEL_COUNT;
use crate::geometry::{BoundingBox, Size};
use crate::input::Command;
use crate::mask::Rle;
use crate::session::Intent;
use crate::sink::StreamInfo;
use crate::time::{Clock, Timestamp};
use crate::track::{ObjectId, ObjectState};

/// Pages, and readers of the NDJSON stream, at a time.
pub const READERS: usize = 32;
/// Messages that wait for one page; frames among them are two at most.
const OUTBOX: usize = 64;
/// Lines that wait for one reader of the stream.
const LINES: usize = 256;
/// Events that a new page is told of.
const RECENT: usize = 40;
/// Requests that may wait for the next frame.
const WAITING: usize = 16;

/// What goes to a page.
#[derive(Clone, Debug)]
pub enum Outgoing {
    Text(Arc<str>),
    /// A frame; the number is its sequence.
    Frame(Bytes),
}

/// One frame with its masks, for those who ask for a single one.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub frame: u64,
    pub time_s: f64,
    pub size: Size,
    pub jpeg: Bytes,
    pub objects: Vec<SnapshotObject>,
}

/// An object of a [`Snapshot`].
#[derive(Clone, Debug)]
pub struct SnapshotObject {
    pub object: ObjectId,
    pub score: f32,
    pub bbox: Option<BoundingBox>,
    pub area: usize,
    pub rle: Rle,
}

/// An object in the state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ObjectFigures {
    pub object: ObjectId,
    pub state: ObjectState,
    pub score: f32,
    #[serde(rename = "box")]
    pub bbox: Option<BoundingBox>,
    pub area: usize,
}

/// See the module.
pub struct Hub {
    pub clock: Arc<dyn Clock>,
    /// Pages may prompt.
    pub takes_prompts: bool,
    commands: Sender<Command>,
    wishes: Sender<Wish>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last_id: u64,
    pages: Vec<Page>,
    readers: Vec<mpsc::Sender<Arc<str>>>,
    header: Option<Arc<str>>,
    waiting: Vec<oneshot::Sender<Arc<Snapshot>>>,
    events: VecDeque<Arc<str>>,
    answers: Vec<(ObjectId, Arc<str>)>,
    names: Names,
    stream: StreamInfo,
    figures: Figures,
    objects: Vec<ObjectFigures>,
    frames: u64,
    sent: u64,
    skipped: u64,
    last_frame: Option<(Timestamp, f64)>,
    ended: bool,
    used: bool,
}

struct Page {
    id: u64,
    outbox: mpsc::Sender<Outgoing>,
    pace: Pace,
    skipped: u64,
}

/// What is wanted of the next frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Pictures by level.
    pub levels: [bool; LEVEL_COUNT],
    pub lines: bool,
    pub snapshot: bool,
}

impl Demand {
    /// Whether anybody wants anything.
    pub fn is_none(&self) -> bool {
        *self == Demand::default()
    }
}

impl Hub {
    pub fn new(clock: Arc<dyn Clock>, takes_prompts: bool, commands: Sender<Command>, wishes: Sender<Wish>) -> Self {
        Hub { clock, takes_prompts, commands, wishes, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a panic leaves behind is at worst a page that is told too little.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    // The stream's side.

    pub fn begin(&self, stream: &StreamInfo, header: Arc<str>) {
        let mut state = self.state();
        state.stream = stream.clone();
        // Whoever reads already has been waiting for it.
        state.readers.retain(|reader| reader.try_send(Arc::clone(&header)).is_ok());
        state.header = Some(header);
    }

    /// Notes a frame, and gives back what is wanted of it.
    pub fn next_frame(&self, objects: impl Iterator<Item = ObjectFigures>, time_s: f64) -> Demand {
        let now = self.clock.now();
        let mut state = self.state();
        state.frames += 1;
        state.last_frame = Some((now, time_s));
        state.objects.clear();
        state.objects.extend(objects);
        let State { names, objects, answers, .. } = &mut *state;
        let is_followed = |id: ObjectId| objects.iter().any(|o| o.object == id);
        answers.retain(|(id, _)| is_followed(*id));
        let forgotten = names.keep(is_followed);
        let mut demand = Demand::default();
        let mut skipped = 0;
        for page in &mut state.pages {
            if page.pace.is_ready() {
                demand.levels[page.pace.level()] = true;
            } else {
                page.skipped += 1;
                skipped += 1;
            }
        }
        state.skipped += skipped;
        demand.lines = !state.readers.is_empty();
        demand.snapshot = !state.waiting.is_empty();
        if forgotten {
            state.tell_names();
        }
        demand
    }

    /// Sends a frame to every page that takes one at `level`.
    pub fn send_frame(&self, frame: u64, level: usize, message: &Bytes) {
        let now = self.clock.now();
        let mut state = self.state();
        let mut sent = 0;
        for page in state.pages.iter_mut().filter(|p| p.pace.level() == level && p.pace.is_ready()) {
            if page.outbox.try_send(Outgoing::Frame(message.clone())).is_ok() {
                page.pace.sent(frame, now);
                sent += 1;
            }
        }
        state.sent += sent;
    }

    /// Sends a line to the readers of the stream; one that is slow misses it.
    pub fn send_line(&self, line: &Arc<str>) {
        self.state()
            .readers
            .retain(|reader| !matches!(reader.try_send(Arc::clone(line)), Err(mpsc::error::TrySendError::Closed(_))));
    }

    pub fn send_event(&self, line: Arc<str>) {
        let mut state = self.state();
        if state.events.len() == RECENT {
            state.events.pop_front();
        }
        state.tell(&line);
        state.events.push_back(line);
    }

    pub fn set_answer(&self, object: ObjectId, text: Option<Arc<str>>) {
        let mut state = self.state();
        state.answers.retain(|(id, _)| *id != object);
        if let Some(text) = text {
            state.tell(&text);
            state.answers.push((object, text));
        }
    }

    pub fn give_snapshot(&self, snapshot: &Arc<Snapshot>) {
        for waiting in std::mem::take(&mut self.state().waiting) {
            let _ = waiting.send(Arc::clone(snapshot));
        }
    }

    pub fn set_figures(&self, figures: Figures) {
        self.state().figures = figures;
        let text: Arc<str> = self.state_json("state").into();
        self.state().tell(&text);
    }

    /// The stream has ended: the pages are told and go.
    pub fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        state.pages.clear();
        state.readers.clear();
        state.waiting.clear();
    }

    // The server's side.

    /// Lets a page in, unless there are too many. The page first gets what it must know.
    pub fn join(&self) -> Option<(u64, mpsc::Receiver<Outgoing>)> {
        let text: Arc<str> = self.state_json("hello").into();
        let mut state = self.state();
        if state.ended || state.pages.len() + state.readers.len() >= READERS {
            return None;
        }
        let (outbox, messages) = mpsc::channel(OUTBOX + RECENT);
        state.last_id += 1;
        let id = state.last_id;
        let first = std::iter::once(text).chain(state.events.iter().cloned());
        let first = first.chain(state.answers.iter().map(|(_, text)| Arc::clone(text)));
        first.chain([state.names.text()]).for_each(|text| drop(outbox.try_send(Outgoing::Text(text))));
        state.pages.push(Page { id, outbox, pace: Pace::default(), skipped: 0 });
        Some((id, messages))
    }

    /// Lets a page go, and the frame that it held.
    pub fn leave(&self, id: u64) {
        self.state().pages.retain(|page| page.id != id);
        let let_go = Intent::ReleaseFrame { display: id };
        let _ = self.commands.try_send(Command { made_at: self.clock.now(), intent: let_go });
    }

    /// Lets a reader of the stream in, unless there are too many.
    pub fn subscribe(&self) -> Option<mpsc::Receiver<Arc<str>>> {
        let mut state = self.state();
        state.readers.retain(|reader| !reader.is_closed());
        if state.ended || state.pages.len() + state.readers.len() >= READERS {
            return None;
        }
        let (sender, lines) = mpsc::channel(LINES);
        if let Some(header) = &state.header {
            let _ = sender.try_send(Arc::clone(header));
        }
        state.readers.push(sender);
        Some(lines)
    }

    /// The next frame, for one request; `None` when too many wait already.
    pub fn snapshot(&self) -> Option<oneshot::Receiver<Arc<Snapshot>>> {
        let mut state = self.state();
        state.waiting.retain(|waiting| !waiting.is_closed());
        if state.ended || state.waiting.len() >= WAITING {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        state.waiting.push(sender);
        Some(receiver)
    }

    /// A page shows a frame.
    pub fn shown(&self, id: u64, frame: u64) {
        let now = self.clock.now();
        if let Some(page) = self.state().pages.iter_mut().find(|page| page.id == id) {
            page.pace.shown(frame, LEVEL_COUNT, now);
        }
    }

    /// Passes a command on to the stream.
    ///
    /// # Errors
    /// Why it cannot be, for a person.
    pub fn command(&self, command: Command) -> Result<(), String> {
        if !self.takes_prompts {
            return Err("this stream takes no prompts from the page: start it with `--prompt console`".into());
        }
        if !matches!(command.intent, Intent::HoldFrame { .. } | Intent::ReleaseFrame { .. }) {
            self.state().used = true;
        }
        self.commands.try_send(command).map_err(|_| "the stream does not keep up with prompts: try again".into())
    }

    /// Whether somebody has given a command.
    pub fn was_used(&self) -> bool {
        self.state().used
    }

    /// Names an object that is followed.
    ///
    /// # Errors
    /// If there is no such object.
    pub fn name(&self, naming: Naming) -> Result<(), String> {
        let mut state = self.state();
        if !state.objects.iter().any(|o| o.object == naming.object) {
            return Err(format!("there is no object {}", naming.object));
        }
        state.names.set(naming);
        state.tell_names();
        Ok(())
    }

    pub fn names(&self) -> Names {
        self.state().names.clone()
    }

    /// Asks for another model, precision or source.
    ///
    /// # Errors
    /// If it is not on offer, or the last wish is not done yet.
    pub fn wish(&self, wish: Wish) -> Result<(), String> {
        self.state().figures.choices.check(&wish)?;
        self.state().used = true;
        self.wishes.try_send(wish).map_err(|_| "the last change is not done yet: try again".into())
    }

    /// Tells every page that what was wished for cannot be.
    pub fn refuse(&self, reason: &str) {
        let text = serde_json::json!({ "type": "refused", "reason": reason }).to_string();
        self.state().tell(&text.into());
    }

    pub fn figures(&self) -> Figures {
        self.state().figures.clone()
    }

    /// How long ago the last frame was; `None` before the first.
    pub fn idle(&self) -> Option<std::time::Duration> {
        let now = self.clock.now();
        self.state().last_frame.map(|(at, _)| now.since(at))
    }

    /// Pages, frames noted, frames sent to pages, frames that pages were too slow for.
    pub fn counts(&self) -> [u64; 4] {
        let state = self.state();
        [state.pages.len() as u64, state.frames, state.sent, state.skipped]
    }

    pub fn object_count(&self) -> usize {
        self.state().objects.len()
    }

    /// The state as JSON, `kind` its `type`.
    pub fn state_json(&self, kind: &str) -> String {
        #[derive(Serialize)]
        struct Stream<'a> {
            source: &'a str,
            size: [u32; 2],
            frames: u64,
            time_s: Option<f64>,
        }
        #[derive(Serialize)]
        struct Pages {
            open: usize,
            sent: u64,
            skipped: u64,
            round_trip_ms: Option<f64>,
        }
        #[derive(Serialize)]
        struct Whole<'a> {
            r#type: &'a str,
            version: &'static str,
            takes_prompts: bool,
            stream: Stream<'a>,
            pages: Pages,
            objects: &'a [ObjectFigures],
            names: &'a Names,
            #[serde(flatten)]
            figures: &'a Figures,
        }
        let state = self.state();
        let round_trip = state.pages.iter().filter_map(|page| page.pace.round_trip()).min();
        let size = state.stream.size;
        let whole = Whole {
            r#type: kind,
            version: env!("CARGO_PKG_VERSION"),
            takes_prompts: self.takes_prompts,
            stream: Stream {
                source: if state.figures.source.is_empty() { &state.stream.source } else { &state.figures.source },
                size: [size.width, size.height],
                frames: state.frames,
                time_s: state.last_frame.map(|(_, time_s)| time_s),
            },
            pages: Pages {
                open: state.pages.len(),
                sent: state.sent,
                skipped: state.skipped,
                round_trip_ms: round_trip.map(|d| d.as_secs_f64() * 1e3),
            },
            objects: &state.objects,
            names: &state.names,
            figures: &state.figures,
        };
        serde_json::to_string(&whole).unwrap_or_default()
    }
}

impl State {
    /// Tells every page. One whose outbox is full is slow, and misses it.
    fn tell(&mut self, text: &Arc<str>) {
        for page in &self.pages {
            // A queue that frames cannot fill: room is left only by a page that reads.
            let _ = page.outbox.try_send(Outgoing::Text(Arc::clone(text)));
        }
    }

    fn tell_names(&mut self) {
        let text = self.names.text();
        self.tell(&text);
    }
}
