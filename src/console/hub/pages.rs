use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Bytes;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::console::jpeg::LEVEL_COUNT;
use crate::console::pace::Pace;
use crate::time::Timestamp;
use crate::track::ObjectId;

/// Messages that wait for one page; frames among them are two at most.
const OUTBOX: usize = 64;
/// Events that a new page gets.
const RECENT: usize = 40;

/// What goes to a page.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// A message of JSON.
    Text(Arc<str>),
    /// A frame, as `frame_message` lays it out.
    Frame(Bytes),
}

/// The pages that are open, and what a page that opens must know.
#[derive(Default)]
pub struct Pages {
    last_id: u32,
    pages: Vec<Page>,
    events: VecDeque<Arc<str>>,
    answers: Vec<(ObjectId, Arc<str>)>,
    sent: u64,
    skipped: u64,
}

struct Page {
    id: u32,
    outbox: mpsc::Sender<Outgoing>,
    pace: Pace,
}

/// How the pages are served.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct PagesFigures {
    /// Pages that are open.
    pub open: usize,
    /// Frames sent to pages so far.
    pub sent: u64,
    /// Frames that a page was too slow for, so far.
    pub skipped: u64,
    /// From sending a frame to learning that it is on the screen, smoothed, of the fastest page.
    pub round_trip_ms: Option<f64>,
}

impl Pages {
    /// Adds a page, which first gets `greeting`, the recent events, every object's last answer, and `names`.
    pub fn join(&mut self, greeting: Arc<str>, names: Arc<str>) -> (u32, mpsc::Receiver<Outgoing>) {
        let (outbox, messages) = mpsc::channel(OUTBOX + RECENT);
        // 0 stands for those that are no pages.
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        let answers = self.answers.iter().map(|(_, text)| Arc::clone(text));
        let first = std::iter::once(greeting).chain(self.events.iter().cloned()).chain(answers).chain([names]);
        first.for_each(|text| drop(outbox.try_send(Outgoing::Text(text))));
        self.pages.push(Page { id: self.last_id, outbox, pace: Pace::default() });
        (self.last_id, messages)
    }

    /// Removes a page.
    pub fn leave(&mut self, id: u32) {
        self.pages.retain(|page| page.id != id);
    }

    /// Hangs up on every page.
    pub fn clear(&mut self) {
        self.pages.clear();
    }

    /// Sends a text to every page. One whose outbox is full is slow, and misses it.
    pub fn broadcast(&self, text: &Arc<str>) {
        for page in &self.pages {
            // A queue that frames cannot fill: room is left only by a page that reads.
            let _ = page.outbox.try_send(Outgoing::Text(Arc::clone(text)));
        }
    }

    /// Sends an event to every page, and keeps it for pages to come.
    pub fn send_event(&mut self, line: Arc<str>) {
        if self.events.len() == RECENT {
            self.events.pop_front();
        }
        self.broadcast(&line);
        self.events.push_back(line);
    }

    /// Sends an object's last answer to every page, and keeps it for pages to come; `None` forgets it.
    pub fn set_answer(&mut self, object: ObjectId, text: Option<Arc<str>>) {
        self.answers.retain(|(id, _)| *id != object);
        if let Some(text) = text {
            self.broadcast(&text);
            self.answers.push((object, text));
        }
    }

    /// Forgets the answers of objects that are not `wanted`.
    pub fn keep_answers(&mut self, wanted: impl Fn(ObjectId) -> bool) {
        self.answers.retain(|(id, _)| wanted(*id));
    }

    /// The levels at which the next frame is wanted. Pages that are not ready for it skip it.
    pub fn next_frame(&mut self) -> [bool; LEVEL_COUNT] {
        let mut levels = [false; LEVEL_COUNT];
        for page in &self.pages {
            if page.pace.is_ready() {
                levels[page.pace.level()] = true;
            } else {
                self.skipped += 1;
            }
        }
        levels
    }

    /// Sends a frame to every page that takes one at `level`.
    pub fn send_frame(&mut self, frame: u64, level: usize, message: &Bytes, now: Timestamp) {
        for page in self.pages.iter_mut().filter(|p| p.pace.level() == level && p.pace.is_ready()) {
            if page.outbox.try_send(Outgoing::Frame(message.clone())).is_ok() {
                page.pace.sent(frame, now);
                self.sent += 1;
            }
        }
    }

    /// Notes that page `id` shows `frame`.
    pub fn shown(&mut self, id: u32, frame: u64, now: Timestamp) {
        if let Some(page) = self.pages.iter_mut().find(|page| page.id == id) {
            page.pace.shown(frame, LEVEL_COUNT, now);
        }
    }

    /// How the pages are served at present.
    pub fn figures(&self) -> PagesFigures {
        let round_trip = self.pages.iter().filter_map(|page| page.pace.round_trip()).min();
        PagesFigures {
            open: self.pages.len(),
            sent: self.sent,
            skipped: self.skipped,
            round_trip_ms: round_trip.map(|d| d.as_secs_f64() * 1e3),
        }
    }
}
