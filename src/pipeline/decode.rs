use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;

use super::encode::{Encoded, Passed};
use super::gestures::{Gestures, Scene};
use super::history::History;
use super::input::GazeCell;
use super::losses::Losses;
use super::meter::{AgeMeter, StageMeter};
use super::objects::{Asked, Change, ObjectSet};
use super::output::SinkQueue;
use super::pending::Pending;
use super::phases::Phases;
use super::request::{Look, Request, Unanswered};
use super::shared::{Shared, Stamped, WAIT};
use crate::error::{PromptError, Result};
use crate::input::{CommandKind, PromptAction, PromptEvent};
use crate::record::{Event, EventKind, FrameRecord};
use crate::sync::{LatestSlot, Pool, Taken};
use crate::time::Timestamp;
use crate::track::ObjectId;

/// The decode and track stage: answers prompts, carries every object to the latest frame, hands the record to each sink.
pub(super) struct DecodeStage {
    pub objects: ObjectSet,
    pub object_limit: usize,
    pub history: History,
    pub pending: Pending,
    pub pool: Pool<FrameRecord>,
    pub input: LatestSlot<Stamped<Passed>>,
    pub outputs: Vec<SinkQueue>,
    /// Frames that found no free record.
    pub losses: Losses,
    pub meter: StageMeter,
    pub age: AgeMeter,
    pub shared: Shared,
    pub gaze: GazeCell,
    /// Looks that selected nothing, for who made them.
    pub look_answers: Sender<Unanswered>,
    pub gestures: Gestures,
    pub phases: Phases,
    /// The highest object id in use so far; a look or a touch takes the next.
    pub last_id: ObjectId,
    pub changes: Vec<Change>,
}

impl DecodeStage {
    /// Runs until the input is closed and empty; gives back how many prompts were never answered.
    pub fn run(mut self) -> usize {
        loop {
            match self.input.take(WAIT) {
                Taken::Value(passed) => {
                    if let Err(error) = self.take(passed) {
                        self.shared.fail(error);
                        break;
                    }
                }
                Taken::TimedOut => {}
                Taken::Closed => break,
            }
        }
        self.input.close();
        self.losses.tell_all(&self.shared);
        self.outputs.iter_mut().for_each(|sink| sink.losses.tell_all(&self.shared));
        self.pending.unanswered()
    }

    fn take(&mut self, Stamped { value, since }: Stamped<Passed>) -> Result<()> {
        let began = self.shared.clock.now();
        self.meter.begin(began, began.since(since));
        let frame = match &value {
            Passed::Encoded(encoded) => Arc::clone(&encoded.frame),
            Passed::Plain(frame) => Arc::clone(frame),
        };
        let at = frame.captured_at;
        let time_s = self.shared.stream_time(at);
        if let Passed::Encoded(present) = &value {
            self.history.push(Arc::clone(present));
            while let Some(prompt) = self.pending.next_due(time_s) {
                self.answer(prompt, present)?;
            }
        }
        let Self { pool, objects, changes, gaze, gestures, .. } = self;
        let shared = &self.shared;
        let mut followed = true;
        let record = pool.fill(|record| {
            record.clear();
            match &value {
                Passed::Encoded(present) => objects.advance(present, record, changes)?,
                Passed::Plain(frame) => followed = objects.carry(frame, record),
            }
            gestures.annotate(record);
            record.sequence = frame.sequence;
            record.captured_at = frame.captured_at;
            record.time_s = time_s;
            record.gaze = gaze.at(frame.captured_at);
            record.dwell = record.gaze.and_then(|_| gaze.dwell());
            record.age = shared.clock.now().since(frame.captured_at);
            record.frame = Some(frame);
            Ok::<_, crate::Error>(())
        })?;
        self.tell_changes(at, time_s);
        let Some(record) = record.filter(|_| followed) else {
            self.meter.abandon();
            self.losses.add(1, if followed { "every record is in use" } else { "no frame like it was encoded yet" });
            self.losses.tell(&self.shared);
            return Ok(());
        };
        let now = self.shared.clock.now();
        self.meter.end(now.since(began));
        self.age.record(record.age, now);
        for sink in &mut self.outputs {
            if sink.queue.send(Stamped { value: Arc::clone(&record), since: now }).is_some() {
                sink.losses.add(1, "the sink is slower than the stream");
            }
            sink.losses.tell(&self.shared);
        }
        Ok(())
    }

    /// Applies one request to the frame that was captured nearest to its time.
    fn answer(&mut self, request: Request, present: &Arc<Encoded>) -> Result<()> {
        let Some(origin) = self.shared.origin() else { return Ok(()) };
        let request_s = request.time_s().max(0.0);
        let at = origin + Duration::from_secs_f64(request_s);
        let seen = Arc::clone(self.history.nearest(at).unwrap_or(present));
        let time_s = self.shared.stream_time(present.at());
        match request {
            Request::Prompt(PromptEvent { object, action: PromptAction::Release, .. }) => {
                if self.objects.release(object) {
                    self.shared.tell(Event::new(time_s, EventKind::Released { object }));
                    self.phases.released(object, &self.shared);
                }
            }
            Request::Prompt(PromptEvent { object, action: PromptAction::Prompt { points, bbox }, .. }) => {
                self.last_id = self.last_id.max(object);
                self.gestures.select(object);
                let asked = Asked { object, time_s: request_s, points: &points, bbox };
                self.objects.prompt(&asked, &seen, present, &mut self.changes)?;
            }
            Request::Look(look) if self.objects.at_disc(look.disc, &seen).is_some() => {
                self.phases.leave(request_s, &self.shared);
            }
            Request::Look(look) => self.look(&Look { time_s: request_s, ..look }, at, &seen)?,
            Request::Hover { disc, .. } => {
                let free = self.objects.at_disc(disc, &seen).is_none();
                let preview = if free { self.objects.glance(disc, &seen)? } else { None };
                self.phases.hover(request_s, preview, &seen, &self.shared);
            }
            Request::Leave { .. } => self.phases.leave(request_s, &self.shared),
            Request::Unlook { .. } => {
                if let Some(object) = self.phases.take_looked_at()
                    && self.objects.release(object)
                {
                    self.changes.push(Change::Released { object });
                }
            }
            Request::Touch { gesture, .. } => {
                let Self { gestures, objects, last_id, changes, .. } = self;
                let mut scene = Scene { seen: &seen, present, time_s: request_s, objects, last_id, changes };
                gestures.apply(&gesture, &mut scene)?;
            }
            Request::Command { kind: CommandKind::Hold { display }, .. } => self.history.hold(display, at),
            Request::Command { kind: CommandKind::LetGo { display }, .. } => self.history.let_go(display),
            Request::Command { kind, .. } => {
                let Self { gestures, objects, last_id, changes, .. } = self;
                let mut scene = Scene { seen: &seen, present, time_s: request_s, objects, last_id, changes };
                gestures.command(kind, at, &mut scene)?;
            }
        }
        while self.objects.len() > self.object_limit {
            let Some(oldest) = self.objects.oldest() else { break };
            self.objects.release(oldest);
            self.shared.tell(Event::new(time_s, EventKind::Released { object: oldest }));
            self.phases.released(oldest, &self.shared);
        }
        Ok(())
    }

    /// Answers a look, made at `made_at`, at what is not followed yet.
    fn look(&mut self, look: &Look, made_at: Timestamp, seen: &Encoded) -> Result<()> {
        let object = self.last_id + 1;
        let preview = self.phases.preview.as_ref();
        let unanswered = match self.objects.look(object, look, preview, seen, &mut self.changes)? {
            Ok(()) => {
                self.last_id = object;
                self.gestures.looked(object, made_at, self.objects.memory(object));
                self.phases.looked_at(object);
                return Ok(());
            }
            Err(PromptError::Doubtful) => Unanswered::Doubted,
            Err(error) => {
                self.last_id = object;
                self.changes.push(Change::Refused { object, prompt_time_s: look.time_s, error });
                Unanswered::Refused
            }
        };
        // Nobody listens any more when the stream ends.
        let _ = self.look_answers.try_send(unanswered);
        Ok(())
    }

    fn tell_changes(&mut self, at: Timestamp, time_s: f64) {
        for change in self.changes.drain(..) {
            self.phases.follow(&change, at, &self.shared);
            let kind = match change {
                Change::Selected { object, prompt_time_s, frame } => {
                    EventKind::Selected { object, prompt_time_s, frame }
                }
                Change::Refused { object, prompt_time_s, error } => {
                    EventKind::Rejected { object, prompt_time_s, reason: error.to_string() }
                }
                Change::Lost { object } => EventKind::Lost { object },
                Change::Returned { object } => EventKind::Found { object },
                Change::Released { object } => EventKind::Released { object },
                Change::Undone { object } => EventKind::Undone { object },
            };
            self.shared.tell(Event::new(time_s, kind));
        }
    }
}
