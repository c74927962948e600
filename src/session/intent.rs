use serde::{Deserialize, Serialize};

use super::origin::Origin;
use crate::geometry::{BoundingBox, LabeledPoint, Point};
use crate::select::gaze::{Cause, GazeDisc, GazeSelection, SelectEvent};
use crate::select::touch::{GestureKind, TouchGesture};
use crate::time::Timestamp;
use crate::track::ObjectId;

/// What a user wants done with the objects of a stream, by whatever channel it was said: touch, gaze, a page in the
/// browser or a script. Coordinates are pixels of the frame that the user saw, which lies at the request's time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "intent", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Intent {
    /// Selects or refines the object that is named, or selects a new one, by points, a box or both.
    Prompt {
        /// The object; `None` selects a new one.
        object: Option<ObjectId>,
        /// Foreground and background points.
        points: Vec<LabeledPoint>,
        /// A box around the object.
        bbox: Option<BoundingBox>,
    },
    /// Adds a foreground point to the followed object at `point`, or selects what lies there.
    Select {
        /// The point.
        point: Point,
    },
    /// Adds a background point at `point` to the followed object at `on`, or else to the one selected last.
    Exclude {
        /// A point on the object.
        on: Point,
        /// A point that does not belong to it.
        point: Point,
    },
    /// Selects a new object by its box.
    Box {
        /// The box.
        bbox: BoundingBox,
    },
    /// Selects by points along a stroke, or refines the followed object on which the stroke begins.
    Stroke {
        /// Points along the stroke, in order.
        points: Vec<Point>,
    },
    /// Goes on to the next candidate of the object that the intent of `since_s` (seconds from the first frame) meant; if
    /// that was a refinement by [`Intent::Select`], it is taken back first.
    NextCandidate {
        /// Time of that intent, in seconds from the first frame.
        since_s: f64,
    },
    /// Goes over to one candidate of the object's last answer, by its index.
    Choose {
        /// The object.
        object: ObjectId,
        /// Index of the candidate in the answer.
        candidate: usize,
    },
    /// Gaze came to rest on `disc`: something may be meant.
    Hover {
        /// Where gaze rests, and how surely.
        disc: GazeDisc,
    },
    /// Gaze went on before it had selected anything.
    Leave,
    /// Selects a new object where gaze rested, unless one that is followed lies there already. An `insistent` selection, such
    /// as a confirmed one, is meant however doubtful what lies there seems.
    GazeSelection {
        /// Where gaze rested, and how surely.
        disc: GazeDisc,
        /// Whether it is meant even where nothing clear lies.
        insistent: bool,
    },
    /// Takes back the last selection by gaze whose object is still followed.
    UndoGazeSelection,
    /// Takes back the last intent that selected or changed an object which is still followed.
    Undo,
    /// Lets an object go.
    Release {
        /// The object.
        object: ObjectId,
    },
    /// Lets every object go.
    ReleaseAll,
    /// Keeps the frame for later intents although it grows old: the display is frozen. Each `display` holds one frame.
    HoldFrame {
        /// Which display: a number that its owner chose.
        display: u64,
    },
    /// Lets the frame go that the display holds.
    ReleaseFrame {
        /// Which display, as in [`Intent::HoldFrame`].
        display: u64,
    },
}

impl Intent {
    /// Whether a user waits for its answer. What gaze passes over and what displays hold is nobody's loss.
    pub fn is_prompt(&self) -> bool {
        !matches!(self, Intent::Hover { .. } | Intent::Leave) && !self.keeps_frames()
    }

    /// Whether it says which frame a display holds.
    pub fn keeps_frames(&self) -> bool {
        matches!(self, Intent::HoldFrame { .. } | Intent::ReleaseFrame { .. })
    }

    /// Whether it comes of where a user looked, which is private.
    pub fn is_of_gaze(&self) -> bool {
        matches!(self, Intent::Hover { .. } | Intent::Leave | Intent::GazeSelection { .. })
    }

    /// The object that it names.
    pub fn object(&self) -> Option<ObjectId> {
        match self {
            Intent::Prompt { object, .. } => *object,
            Intent::Choose { object, .. } | Intent::Release { object } => Some(*object),
            _ => None,
        }
    }
}

/// An intent, when the user had it, and by which channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Seconds from the stream's first frame: the frame captured nearest to it is the one that is meant.
    pub time_s: f64,
    /// By which channel it came.
    pub origin: Origin,
    /// What the user wants.
    pub intent: Intent,
}

impl Request {
    /// A request of the machine's own user, made `time_s` seconds after the stream's first frame.
    pub fn new(time_s: f64, intent: Intent) -> Request {
        Request { time_s, origin: Origin::LOCAL, intent }
    }

    /// The same request by another channel.
    pub fn with_origin(self, origin: Origin) -> Request {
        Request { origin, ..self }
    }

    /// The request that a touch gesture makes; `seconds` gives a time in seconds from the first frame.
    pub fn of_touch(gesture: TouchGesture, seconds: impl Fn(Timestamp) -> f64) -> Request {
        let intent = match gesture.kind {
            GestureKind::Tap { point } => Intent::Select { point },
            GestureKind::DoubleTap { first_at, .. } => Intent::NextCandidate { since_s: seconds(first_at) },
            GestureKind::LongPress { point } => Intent::Exclude { on: point, point },
            GestureKind::SecondTap { point, resting } => Intent::Exclude { on: resting, point },
            GestureKind::TwoFingerTap => Intent::Undo,
            GestureKind::Drag { bbox } => Intent::Box { bbox },
            GestureKind::Scribble { points } => Intent::Stroke { points },
        };
        Request::new(seconds(gesture.made_at), intent)
    }

    /// The requests that an event of the gaze selector makes, in their order; `seconds` gives a time in seconds from the first
    /// frame. A confirmation means a moment before gaze came to rest as it does now, and ends that rest.
    pub fn of_gaze(event: SelectEvent, seconds: impl Fn(Timestamp) -> f64) -> impl Iterator<Item = Request> {
        let at = |time: Timestamp, intent: Intent| Some(Request::new(seconds(time), intent));
        let requests = match event {
            SelectEvent::Onset { at: time, disc, .. } => [at(time, Intent::Hover { disc }), None],
            SelectEvent::Progress { .. } => [None, None],
            SelectEvent::Commit(GazeSelection { prompt_at, disc, insistent, cause, committed_at, .. }) => {
                let ends = matches!(cause, Cause::Confirmed(_)).then(|| at(committed_at, Intent::Leave)).flatten();
                [at(prompt_at, Intent::GazeSelection { disc, insistent }), ends]
            }
            SelectEvent::Cancelled { at: time, .. } => [at(time, Intent::Leave), None],
            SelectEvent::Undone { at: time } => [at(time, Intent::UndoGazeSelection), None],
        };
        requests.into_iter().flatten()
    }
}

/// Why a selection by gaze selected nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GazeRefusal {
    /// Nothing clear lies there: a user who means it looks for longer.
    Doubtful,
    /// Nothing lies there at all.
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: GestureKind) -> Request {
        let seconds = |at: Timestamp| at.signed_secs_since(Timestamp::from_secs_f64(10.0));
        Request::of_touch(TouchGesture { made_at: Timestamp::from_secs_f64(11.5), kind }, seconds)
    }

    #[test]
    fn every_gesture_is_an_intent_at_its_time() {
        let (point, resting) = (Point::new(3.0, 4.0), Point::new(5.0, 6.0));
        let first_at = Timestamp::from_secs_f64(11.25);
        let bbox = BoundingBox::new(1.0, 2.0, 3.0, 4.0);
        let rows = [
            (GestureKind::Tap { point }, Intent::Select { point }),
            (GestureKind::DoubleTap { point, first_at }, Intent::NextCandidate { since_s: 1.25 }),
            (GestureKind::LongPress { point }, Intent::Exclude { on: point, point }),
            (GestureKind::SecondTap { point, resting }, Intent::Exclude { on: resting, point }),
            (GestureKind::TwoFingerTap, Intent::Undo),
            (GestureKind::Drag { bbox }, Intent::Box { bbox }),
            (GestureKind::Scribble { points: vec![point] }, Intent::Stroke { points: vec![point] }),
        ];
        for (kind, intent) in rows {
            assert_eq!(of(kind), Request::new(1.5, intent));
        }
    }
}
