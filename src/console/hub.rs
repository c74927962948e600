//! What the stream's thread and the server's thread share. Every lock is short, and nobody waits for a page.

mod demand;
mod holds;
mod pages;
mod pulse;
mod readers;
mod snapshot;
mod state;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::Bytes;
use crossbeam_channel::Sender;
use tokio::sync::{mpsc, oneshot};

pub use demand::{Demand, FrameTimes};
pub use pages::{Outgoing, PagesFigures};
pub use pulse::Vitals;
pub use snapshot::{Snapshot, SnapshotObject};
pub use state::ObjectFigures;

use super::figures::Figures;
use super::message::{Naming, SwitchRequest};
use super::names::Names;
use super::request_error::RequestError;
use crate::input::Command;
use crate::session::{Intent, Origin};
use crate::sink::StreamInfo;
use crate::time::Clock;
use crate::track::ObjectId;

use holds::Holds;
use pages::Pages;
use pulse::Pulse;
use readers::Readers;
use snapshot::SnapshotRequests;
use state::StreamState;

/// See the module.
pub struct Hub {
    /// The stream's clock.
    pub clock: Arc<dyn Clock>,
    /// Pages may prompt.
    pub takes_prompts: bool,
    commands: Sender<Command>,
    switches: Sender<SwitchRequest>,
    shared: Mutex<Shared>,
}

#[derive(Default)]
struct Shared {
    state: StreamState,
    pages: Pages,
    readers: Readers,
    snapshots: SnapshotRequests,
    holds: Holds,
    pulse: Pulse,
}

impl Hub {
    /// A hub whose pages' commands and switches go into these queues.
    pub fn new(
        clock: Arc<dyn Clock>,
        takes_prompts: bool,
        commands: Sender<Command>,
        switches: Sender<SwitchRequest>,
    ) -> Self {
        Hub { clock, takes_prompts, commands, switches, shared: Mutex::default() }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // What a panic leaves behind is at worst a page that learns too little.
        self.shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    // The stream's side.

    /// Notes that the stream begins; `header` is the first line of its NDJSON.
    pub fn begin(&self, stream: &StreamInfo, header: Arc<str>) {
        let mut shared = self.shared();
        shared.state.info = stream.clone();
        shared.readers.begin(header);
    }

    /// Notes a frame, and gives back what is wanted of it.
    pub fn next_frame(&self, objects: impl Iterator<Item = ObjectFigures>, times: FrameTimes) -> Demand {
        let now = self.clock.now();
        let mut shared = self.shared();
        self.let_go(&mut shared.holds);
        let Shared { state, pages, readers, snapshots, holds, pulse } = &mut *shared;
        state.frame(objects, times.time_s, now);
        holds.frame(times.captured_at);
        pulse.frame(times.age);
        pages.keep_answers(|id| state.is_followed(id));
        let demand = Demand { levels: pages.next_frame(), lines: readers.len() > 0, snapshot: !snapshots.is_empty() };
        if state.forget_names() {
            pages.broadcast(&state.names.text());
        }
        demand
    }

    /// Sends a frame to every page that takes one at `level`.
    pub fn send_frame(&self, frame: u64, level: usize, message: &Bytes) {
        let now = self.clock.now();
        self.shared().pages.send_frame(frame, level, message, now);
    }

    /// Sends a line to the readers of the stream; one that is slow misses it.
    pub fn send_line(&self, line: &Arc<str>) {
        self.shared().readers.send(line);
    }

    /// Sends an event to the pages, those that open later included.
    pub fn send_event(&self, line: Arc<str>) {
        self.shared().pages.send_event(line);
    }

    /// Sends an object's last answer to the pages, those that open later included; `None` forgets it.
    pub fn set_answer(&self, object: ObjectId, text: Option<Arc<str>>) {
        self.shared().pages.set_answer(object, text);
    }

    /// Answers the requests that wait for a frame.
    pub fn give_snapshot(&self, snapshot: &Arc<Snapshot>) {
        self.shared().snapshots.answer(snapshot);
    }

    /// Sets what the panels show, and sends the state to the pages.
    pub fn set_figures(&self, figures: Figures) {
        let now = self.clock.now();
        let mut shared = self.shared();
        let before = &shared.state.figures;
        if (&before.source, &before.model) != (&figures.source, &figures.model) {
            shared.pulse.restart();
        }
        if let Some(capture) = figures.stages.iter().find(|stage| stage.stage == "capture") {
            shared.pulse.tick(capture.frames_out, now);
        }
        shared.state.figures = figures;
        let text = self.json(&shared, "state").into();
        shared.pages.broadcast(&text);
    }

    /// Sends an error to every page.
    pub fn refuse(&self, error: &RequestError) {
        self.shared().pages.broadcast(&error.message().into());
    }

    /// The stream has ended: the server hangs up on everyone.
    pub fn end(&self) {
        let mut shared = self.shared();
        shared.state.ended = true;
        shared.pages.clear();
        shared.readers.clear();
        shared.snapshots.clear();
    }

    // The server's side.

    /// Lets a page in, unless the stream has ended: its number, and what it gets.
    pub fn join(&self) -> Option<(u32, mpsc::Receiver<Outgoing>)> {
        let mut shared = self.shared();
        if shared.state.ended {
            return None;
        }
        let greeting = self.json(&shared, "hello").into();
        let names = shared.state.names.text();
        Some(shared.pages.join(greeting, names))
    }

    /// Lets a page go, and the frame that it held.
    pub fn leave(&self, id: u32) {
        let mut shared = self.shared();
        shared.pages.leave(id);
        shared.holds.leave(id.into());
        self.let_go(&mut shared.holds);
    }

    /// Lets the frames go whose pages have gone. If the stream does not keep up with commands, another time.
    fn let_go(&self, holds: &mut Holds) {
        for display in holds.left() {
            let intent = Intent::ReleaseFrame { display };
            let origin = u32::try_from(display).map_or(Origin::LOCAL, Origin::page);
            let command = Command { made_at: self.clock.now(), origin, intent };
            if self.commands.try_send(command.clone()).is_err() {
                return;
            }
            holds.passed_on(&command);
        }
    }

    /// Lets a reader of the stream in, unless it has ended.
    pub fn subscribe(&self) -> Option<mpsc::Receiver<Arc<str>>> {
        let mut shared = self.shared();
        shared.readers.prune();
        if shared.state.ended { None } else { Some(shared.readers.subscribe()) }
    }

    /// The next frame, for one request; `None` when too many wait already.
    pub fn snapshot(&self) -> Option<oneshot::Receiver<Arc<Snapshot>>> {
        let mut shared = self.shared();
        if shared.state.ended { None } else { shared.snapshots.add() }
    }

    /// A page shows a frame.
    pub fn shown(&self, id: u32, frame: u64) {
        let now = self.clock.now();
        self.shared().pages.shown(id, frame, now);
    }

    /// Passes a command on to the stream.
    ///
    /// # Errors
    /// If the stream takes no prompts or does not keep up with them, or the frame that a page means is gone or cannot be held.
    pub fn command(&self, command: Command) -> Result<(), RequestError> {
        if !self.takes_prompts {
            return Err(RequestError::ViewOnly);
        }
        let mut shared = self.shared();
        self.let_go(&mut shared.holds);
        if let Some(page) = command.origin.page_number().filter(|page| *page > 0) {
            shared.holds.check(page.into(), &command)?;
        }
        let changes = !command.intent.keeps_frames();
        shared.state.used |= changes;
        self.commands.try_send(command.clone()).map_err(|_| RequestError::Busy)?;
        shared.holds.passed_on(&command);
        if changes {
            shared.pulse.prompt();
        }
        Ok(())
    }

    /// Whether the stream has ended.
    pub fn has_ended(&self) -> bool {
        self.shared().state.ended
    }

    /// Whether a command or a switch has come from a page or by HTTP.
    pub fn was_used(&self) -> bool {
        self.shared().state.used
    }

    /// Names an object that is followed.
    ///
    /// # Errors
    /// If there is no such object.
    pub fn name(&self, naming: Naming) -> Result<(), RequestError> {
        let mut shared = self.shared();
        if !shared.state.is_followed(naming.object) {
            return Err(RequestError::UnknownObject(naming.object));
        }
        shared.state.names.set(naming);
        shared.pages.broadcast(&shared.state.names.text());
        Ok(())
    }

    /// The names and colours that pages gave the objects.
    pub fn names(&self) -> Names {
        self.shared().state.names.clone()
    }

    /// Asks for another model, precision or source.
    ///
    /// # Errors
    /// If it is not on offer, or the last switch is not done yet.
    pub fn switch(&self, request: SwitchRequest) -> Result<(), RequestError> {
        let mut shared = self.shared();
        shared.state.figures.choices.check(&request)?;
        shared.state.used = true;
        self.switches.try_send(request).map_err(|_| RequestError::SwitchPending)
    }

    /// What the panels show.
    pub fn figures(&self) -> Figures {
        self.shared().state.figures.clone()
    }

    /// How long ago the last frame was; `None` before the first.
    pub fn idle(&self) -> Option<Duration> {
        let now = self.clock.now();
        self.shared().state.last_frame_at().map(|at| now.since(at))
    }

    /// How fast the stream goes; `None` before it is known.
    pub fn vitals(&self) -> Option<Vitals> {
        self.shared().pulse.vitals()
    }

    /// How many frames the console saw.
    pub fn frame_count(&self) -> u64 {
        self.shared().state.frames
    }

    /// How many objects are followed.
    pub fn object_count(&self) -> usize {
        self.shared().state.objects.len()
    }

    /// How the pages are served.
    pub fn pages(&self) -> PagesFigures {
        self.shared().pages.figures()
    }

    /// The state as JSON, `kind` its `type`.
    pub fn state_json(&self, kind: &str) -> String {
        self.json(&self.shared(), kind)
    }

    fn json(&self, shared: &Shared, kind: &str) -> String {
        shared.state.json(kind, self.takes_prompts, shared.pages.figures())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::StageMeter;
    use crate::time::{ManualClock, Timestamp};

    /// The source's frames are those of the pipeline's first stage.
    #[test]
    fn a_stream_that_prompts_starve_is_noticed() {
        let clock = ManualClock::default();
        clock.set(Timestamp::from_secs_f64(100.0));
        let (commands, taken) = crossbeam_channel::bounded(1000);
        let hub = Hub::new(Arc::new(clock.clone()), true, commands, crossbeam_channel::bounded(1).0);
        let capture = StageMeter::new("capture");
        let run = |half_seconds: u64, shown: u64, prompts: u64| {
            for _ in 0..half_seconds {
                clock.advance(Duration::from_millis(500));
                let captured_at = hub.clock.now();
                (0..12).for_each(|_| capture.end(Duration::ZERO));
                let times = FrameTimes { time_s: 0.0, captured_at, age: Duration::from_millis(40) };
                for _ in 0..shown {
                    hub.next_frame(std::iter::empty(), times);
                }
                for _ in 0..prompts {
                    hub.command(Command { made_at: captured_at, origin: Origin::page(1), intent: Intent::Undo })
                        .unwrap();
                }
                taken.try_iter().for_each(drop);
                hub.set_figures(Figures { stages: vec![capture.report()], ..Figures::default() });
            }
            hub.vitals().and_then(|vitals| vitals.starved())
        };
        assert_eq!(run(20, 12, 1), None);
        assert!(run(10, 3, 50).is_some_and(|reason| reason.contains("100 prompts")));
    }
}
