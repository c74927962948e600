use crate::track::ObjectId;

/// Why what a page asked for is not done. The text is for the user, [`Self::code`] for programs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The message is none that is known, or one of its values is out of range.
    #[error("{0}")]
    Invalid(String),
    /// Only a page can do this, not a request by HTTP.
    #[error("only a page can do this")]
    PageOnly,
    /// The stream was started without prompts from the console.
    #[error("this stream takes no prompts from the page: start it with `--prompt console`")]
    ViewOnly,
    /// The stream does not take commands at present.
    #[error("the stream does not keep up with prompts: try again")]
    Busy,
    /// More prompts than one page, or all together, may send.
    #[error("prompts come faster than the stream can answer them: wait a moment")]
    TooMany,
    /// The frame that was seen is kept no more.
    #[error("the frame that you saw is gone: point at the image as it is now, or pause it first")]
    FrameGone,
    /// As many pages hold a frame as can.
    #[error("{0} pages are paused already, and the stream keeps no more frames: let one of them go on")]
    TooManyFrozen(usize),
    /// No object of this number is followed.
    #[error("there is no object {0}")]
    UnknownObject(ObjectId),
    /// The model, precision or source is not among the choices.
    #[error("this {what} is not on offer: {}", offered.join(", "))]
    NotOffered {
        /// What was to be switched.
        what: &'static str,
        /// What can be chosen.
        offered: Vec<String>,
    },
    /// A switch that names nothing.
    #[error("nothing is to be changed: give model, precision or source")]
    NothingToSwitch,
    /// The switch before it is not done yet.
    #[error("the last change is not done yet: try again")]
    SwitchPending,
    /// The switch was tried and failed.
    #[error("{0}")]
    SwitchFailed(String),
}

impl RequestError {
    /// A word that stays the same when the text changes.
    pub fn code(&self) -> &'static str {
        match self {
            RequestError::Invalid(_) => "invalid",
            RequestError::PageOnly => "page_only",
            RequestError::ViewOnly => "view_only",
            RequestError::Busy => "busy",
            RequestError::TooMany => "too_many",
            RequestError::FrameGone => "frame_gone",
            RequestError::TooManyFrozen(_) => "too_many_frozen",
            RequestError::UnknownObject(_) => "unknown_object",
            RequestError::NotOffered { .. } => "not_offered",
            RequestError::NothingToSwitch => "nothing_to_switch",
            RequestError::SwitchPending => "switch_pending",
            RequestError::SwitchFailed(_) => "switch_failed",
        }
    }

    /// The message to a page.
    pub fn message(&self) -> String {
        serde_json::json!({ "type": "refused", "code": self.code(), "reason": self.to_string() }).to_string()
    }
}
