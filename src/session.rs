//! The objects of a stream: what users want done with them, how they are found on each frame, and how an intent is taken
//! back. A session starts no thread and reads no device; who owns one hands it frames and requests.
//!
//! [`Session`] is what a stream runs. [`Stepper`] follows objects through images one after the other, for a folder, a test
//! or an evaluation.

mod answers;
mod apply;
mod change;
mod config;
mod encoded;
mod fovea;
mod frame_history;
mod gaze_search;
mod intent;
mod object;
mod object_set;
mod origin;
mod overlap;
mod phases;
mod request_queue;
mod step;
mod stepper;
#[cfg(test)]
mod tests;
mod undo;

use std::sync::Arc;

use crate::error::Result;
use crate::frame::Frame;
use crate::model::{Decoder, Encoder, ModelIdentity};
use crate::record::{Event, FrameRecord};
use crate::time::{Clock, Timestamp};
use crate::track::ObjectId;

pub use config::SessionConfig;
pub use encoded::Encoded;
pub use intent::{GazeRefusal, Intent, Request};
pub use origin::Origin;
pub use request_queue::RequestQueue;
pub use step::{Applied, Looked, Setup, Step, StepKind, Trace};
pub use stepper::Stepper;

use answers::Answers;
use change::Change;
use frame_history::FrameHistory;
use object_set::ObjectSet;
use phases::{Phases, StreamTimes};
use undo::UndoHistory;

/// The objects of one stream, and everything that is asked about them.
///
/// For each encoded frame: [`Self::set_frame`], [`Self::apply`] what was asked, which waits in a [`RequestQueue`],
/// [`Self::follow`]; for a frame that is not encoded [`Self::propagate`]. [`Self::drain_events`] then gives what happened. With a
/// constant number of objects a frame allocates nothing here.
pub struct Session {
    objects: ObjectSet,
    max_objects: usize,
    frames: FrameHistory,
    answers: Answers,
    undo: UndoHistory,
    phases: Phases,
    /// The object that was selected or refined last, by whatever channel. It may have been released since.
    selected: Option<ObjectId>,
    /// The highest object id in use so far; a selection without a name takes the next.
    last_id: ObjectId,
    clock: Arc<dyn Clock>,
    /// Capture time of the first frame: zero of the stream's own time.
    origin: Option<Timestamp>,
    present: Option<Arc<Encoded>>,
    changes: Vec<Change>,
    events: Vec<Event>,
    /// What the last selection by gaze came to.
    looked: Option<Looked>,
}

impl Session {
    /// Frames that frozen displays hold on to at most, beside those of the history.
    pub const HELD_FRAMES: usize = FrameHistory::HELD;
    /// Frames that measuring motion holds on to.
    pub const MOTION_FRAMES: usize = crate::track::MotionPropagator::FRAMES;

    /// A session without objects. Events carry the times of `clock`. With an `encoder` of the decoder's model, what is selected
    /// gets a second look from nearer by.
    pub fn new(
        encoder: Option<Box<dyn Encoder>>,
        decoder: Box<dyn Decoder>,
        config: SessionConfig,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let max_objects = config.max_objects.max(1);
        Session {
            objects: ObjectSet::new(encoder, decoder, config.follower, config.decodes_per_frame),
            max_objects,
            frames: FrameHistory::new(config.prompt_history),
            answers: Answers::default(),
            undo: UndoHistory::default(),
            phases: Phases::default(),
            selected: None,
            last_id: 0,
            clock,
            origin: None,
            present: None,
            changes: Vec::with_capacity(2 * max_objects + 2),
            events: Vec::new(),
            looked: None,
        }
    }

    /// Sets the stream's zero, the capture time of its first frame; later calls change nothing.
    pub fn set_origin(&mut self, at: Timestamp) {
        self.origin.get_or_insert(at);
    }

    /// Makes `encoded` the present frame. Without [`Self::set_origin`] the first one is the stream's zero.
    pub fn set_frame(&mut self, encoded: &Arc<Encoded>) {
        self.set_origin(encoded.at());
        self.frames.push(Arc::clone(encoded));
        self.present = Some(Arc::clone(encoded));
    }

    /// Finds every object on the present frame and writes it into `record`.
    ///
    /// # Errors
    /// A model that breaks its own contract.
    pub fn follow(&mut self, record: &mut FrameRecord) -> Result<()> {
        let Some(present) = &self.present else { return Ok(()) };
        self.objects.advance(present, record, &mut self.changes)?;
        self.answers.annotate(record);
        self.report_changes(present.at());
        Ok(())
    }

    /// Moves every object to `frame`, which is not encoded, with the image alone and writes it into `record`; false, with
    /// `record` as it was, if no frame of its size was encoded yet.
    pub fn propagate(&mut self, frame: &Arc<Frame>, record: &mut FrameRecord) -> bool {
        let propagated = self.objects.propagate(frame, record);
        self.answers.annotate(record);
        self.report_changes(frame.captured_at);
        propagated
    }

    /// What a selection by gaze came to since the last call, if one was applied and came to something.
    pub fn take_looked(&mut self) -> Option<Looked> {
        self.looked.take()
    }

    /// Which encoder gives second looks at what is selected.
    pub fn closer_identity(&self) -> Option<Arc<ModelIdentity>> {
        self.objects.closer_identity()
    }

    /// What happened since the last call, in its order.
    pub fn drain_events(&mut self) -> impl Iterator<Item = Event> {
        self.events.drain(..)
    }

    /// Makes events of what was found on the frame captured at `at`.
    fn report_changes(&mut self, at: Timestamp) {
        let Session { phases, changes, events, clock, origin, .. } = self;
        let Some(times) = StreamTimes::new(&**clock, *origin) else { return };
        for change in changes.drain(..) {
            phases.follow(&change, at, times, events);
            events.push(Event::new(times.seconds(at), change.into()));
        }
    }
}
