use std::borrow::Cow;

use serde::Serialize;

use crate::track::ObjectId;

/// Something that happened between frames and that a reader of the output should know.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    #[serde(flatten)]
    pub kind: EventKind,
    /// When it happened, in seconds since the source's first frame.
    pub time_s: f64,
}

impl Event {
    pub fn new(time_s: f64, kind: EventKind) -> Self {
        Event { kind, time_s }
    }
}

/// What happened. In JSON `"event"` names the variant in snake case, beside the variant's fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// A prompt was answered with a mask. `prompt_time_s` is when it was made, `frame` the sequence number of the frame
    /// it was applied to.
    Selected { object: ObjectId, prompt_time_s: f64, frame: u64 },
    /// A selection, or the pointer that may become one, went from one phase to another: `idle`, `hovering`, `previewing`,
    /// `selected`, `refining`, `lost`, `released`. `object` is `None` while nothing is selected yet; `input_time_s` is when the
    /// user did what caused it, `frame_time_s` when the frame was captured that it is about, `output_time_s` when it is reported.
    Selection {
        object: Option<ObjectId>,
        from: &'static str,
        to: &'static str,
        input_time_s: Option<f64>,
        frame_time_s: Option<f64>,
        output_time_s: f64,
    },
    /// A prompt could not be answered.
    Rejected { object: ObjectId, prompt_time_s: f64, reason: String },
    /// The object was let go on request.
    Released { object: ObjectId },
    /// A gesture was taken back: the object's mask is what it was before it.
    Undone { object: ObjectId },
    /// The object was not found any more; it stays selected.
    Lost { object: ObjectId },
    /// A lost object was found again.
    Found { object: ObjectId },
    /// Frames were dropped before `stage`, one of the pipeline; a source's own losses count for `capture`.
    Dropped { stage: Cow<'static, str>, count: u64, reason: Cow<'static, str> },
    /// The source stopped sending, the `count`th time; it is being reopened.
    SourceLost { reason: String, count: u64 },
    /// The source sends again after so many seconds.
    SourceReopened { after_s: f64 },
    /// An input device went away; it is looked for.
    InputLost { input: String, reason: String },
    /// A lost input device is back after so many seconds.
    InputReturned { input: String, after_s: f64 },
    /// An input device reported more than the system kept: contacts whose end was missed are cancelled.
    InputOverflowed { input: String },
    /// An eye tracker sent what cannot be used, so often since this was reported last; `reason` is that of the newest.
    InputRejected { input: String, count: u64, reason: String },
    /// An eye tracker's clock is ahead of the capture clock by `offset_s`, known to `uncertainty_s`. Told once it is known,
    /// and when it has changed.
    InputClock { input: String, offset_s: f64, uncertainty_s: f64 },
    /// The source sends, but not as it should, `count` times for one cause: a control that it refuses, another size.
    SourceWarned { count: u64, message: Cow<'static, str> },
    /// A stage holds one frame for longer than it should; `busy_s` is how long so far.
    Stalled { stage: Cow<'static, str>, busy_s: f64 },
    /// A budget is exceeded: the stream went down to this rung of the board's ladder. `setting` says what that means.
    Degraded { rung: u32, setting: String, reason: String },
    /// Every budget was calm: the stream went back up to this rung; 0 is full quality.
    Recovered { rung: u32, setting: String, reason: String },
    /// A rung cannot be gone to; the stream goes on as it was.
    DegradeFailed { rung: u32, reason: String },
    /// A sink failed to write for the first time; it goes on trying.
    SinkFailed { sink: String, reason: String },
}
