use std::borrow::Cow;

use serde::Serialize;

use crate::track::ObjectId;

/// Something that happened between frames and that a reader of the output should know.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
    /// When it happened, in seconds since the source's first frame.
    pub time_s: f64,
}

impl Event {
    /// An event at `time_s` seconds since the source's first frame.
    pub fn new(time_s: f64, kind: EventKind) -> Self {
        Event { kind, time_s }
    }
}

/// A frame of one of several cameras.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CameraFrame {
    /// The camera's name.
    pub camera: String,
    /// Sequence number of the frame.
    pub frame: u64,
}

/// What happened. In JSON `"event"` names the variant in snake case, beside the variant's fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// A prompt was answered with a mask.
    Selected {
        /// The object that was selected or refined.
        object: ObjectId,
        /// When the user made the prompt, in seconds since the first frame.
        prompt_time_s: f64,
        /// Sequence number of the frame that the prompt was applied to.
        frame: u64,
    },
    /// A selection, or the pointer that may become one, went from one phase to another: `idle`, `hovering`, `previewing`,
    /// `selected`, `refining`, `lost`, `released`. Times are in seconds since the first frame.
    Selection {
        /// The selected object; `None` while nothing is selected yet.
        object: Option<ObjectId>,
        /// The phase that ended.
        from: &'static str,
        /// The phase that began.
        to: &'static str,
        /// When the user did what caused it.
        input_time_s: Option<f64>,
        /// When the frame was captured that it is about.
        frame_time_s: Option<f64>,
        /// When it is reported.
        output_time_s: f64,
    },
    /// A prompt could not be answered.
    Rejected {
        /// The object that the prompt named, or that it would have made.
        object: ObjectId,
        /// When the user made the prompt, in seconds since the first frame.
        prompt_time_s: f64,
        /// Why, and what to do instead.
        reason: String,
    },
    /// Prompts were not answered, beside those that were told one by one: they named no object, or were too many.
    PromptsRefused {
        /// How many, since this was reported last.
        count: u64,
        /// Why, and what to do instead.
        reason: Cow<'static, str>,
    },
    /// The object was let go on request.
    Released {
        /// The object.
        object: ObjectId,
    },
    /// A gesture was taken back: the object's mask is what it was before it.
    Undone {
        /// The object.
        object: ObjectId,
    },
    /// The object was not found any more; it stays selected.
    Lost {
        /// The object.
        object: ObjectId,
    },
    /// A lost object was found again.
    Found {
        /// The object.
        object: ObjectId,
    },
    /// Frames were dropped before `stage`, one of the pipeline; a source's own losses count for `capture`.
    Dropped {
        /// The stage before which they were dropped.
        stage: Cow<'static, str>,
        /// How many, since this was reported last.
        count: u64,
        /// Why they were dropped.
        reason: Cow<'static, str>,
    },
    /// The source stopped sending, the `count`th time; it is being reopened.
    SourceLost {
        /// What was seen of the source last.
        reason: String,
        /// How often the source has been lost so far.
        count: u64,
    },
    /// The source sends again after so many seconds.
    SourceReopened {
        /// How long the source was gone, in seconds.
        after_s: f64,
    },
    /// An input device went away; it is looked for.
    InputLost {
        /// The address by which the device was opened, such as `touch:auto`.
        input: String,
        /// What was seen of it last.
        reason: String,
    },
    /// A lost input device is back after so many seconds.
    InputReturned {
        /// The address by which the device was opened, such as `touch:auto`.
        input: String,
        /// How long it was gone, in seconds.
        after_s: f64,
    },
    /// An input device reported more than the system kept: contacts whose end was missed are cancelled.
    InputOverflowed {
        /// The address by which the device was opened, such as `touch:auto`.
        input: String,
    },
    /// An eye tracker sent what cannot be used, `count` times since this was reported last.
    InputRejected {
        /// The address by which the eye tracker was opened.
        input: String,
        /// How many messages, since this was reported last.
        count: u64,
        /// Why the newest was refused.
        reason: String,
    },
    /// An eye tracker's clock is ahead of the capture clock by `offset_s`, known to `uncertainty_s`. It is reported once it is
    /// known, and when it has changed.
    InputClock {
        /// The address by which the eye tracker was opened.
        input: String,
        /// Its clock minus the capture clock, in seconds.
        offset_s: f64,
        /// How far the offset may be off, in seconds.
        uncertainty_s: f64,
    },
    /// The source sends, but not as it should, `count` times for one cause: a control that it refuses, another size.
    SourceWarned {
        /// How often, for this one cause.
        count: u64,
        /// What is wrong.
        message: Cow<'static, str>,
    },
    /// These frames of several cameras were taken together, one of each, `apart_s` seconds from the first to the last.
    FramesPaired {
        /// In the order of the cameras.
        frames: Vec<CameraFrame>,
        /// How far apart they were taken, in seconds.
        apart_s: f64,
    },
    /// A stage holds one frame for longer than it should; `busy_s` is how long so far.
    Stalled {
        /// The stage.
        stage: Cow<'static, str>,
        /// For how long it has held the frame, in seconds.
        busy_s: f64,
    },
    /// A budget is exceeded: the stream went down to this rung of the board's ladder. `setting` says what that means.
    Degraded {
        /// The ladder's rung, counted from 0.
        rung: u32,
        /// What the rung runs with, in words.
        setting: String,
        /// The budget that is exceeded.
        reason: String,
    },
    /// Every budget was calm: the stream went back up to this rung; 0 is full quality.
    Recovered {
        /// The ladder's rung, counted from 0.
        rung: u32,
        /// What the rung runs with, in words.
        setting: String,
        /// Why.
        reason: String,
    },
    /// A rung cannot be gone to; the stream goes on as it was.
    DegradeFailed {
        /// The rung that was tried.
        rung: u32,
        /// What failed.
        reason: String,
    },
    /// A sink failed to write for the first time; it goes on trying.
    SinkFailed {
        /// The address by which the sink was opened, such as `ndjson:-`.
        sink: String,
        /// What failed.
        reason: String,
    },
}
