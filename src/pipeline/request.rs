use crate::input::{CommandKind, PromptEvent};
use crate::select::gaze::GazeDisc;
use crate::select::touch::TouchGesture;

/// What the input stage asks of the decode stage.
#[derive(Clone, Debug)]
pub(super) enum Request {
    /// A prompt or release of an object that its source names.
    Prompt(PromptEvent),
    /// Selects a new object, unless one that is followed already lies there.
    Look(Look),
    /// Gaze came to rest on `disc`: something may be meant.
    Hover { time_s: f64, disc: GazeDisc },
    /// Gaze went on before it had selected anything.
    Leave { time_s: f64 },
    /// The last selection by gaze is taken back.
    Unlook { time_s: f64 },
    /// A gesture on a touch screen, at `time_s` seconds from the first frame.
    Touch { time_s: f64, gesture: TouchGesture },
    /// A command of a person who sees the frame of `time_s` seconds from the first one.
    Command { time_s: f64, kind: CommandKind },
}

/// The person looked at `disc` long enough.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Seconds from the first frame.
    pub time_s: f64,
    pub disc: GazeDisc,
    /// It is meant, however doubtful what lies there seems.
    pub insistent: bool,
}

/// Why a look selected nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// Nothing clear lies there: somebody who means it looks for longer.
    Doubted,
    /// Nothing lies there at all.
    Refused,
}

impl Request {
    pub fn time_s(&self) -> f64 {
        match self {
            Request::Prompt(prompt) => prompt.time_s,
            Request::Look(Look { time_s, .. })
            | Request::Hover { time_s, .. }
            | Request::Leave { time_s }
            | Request::Unlook { time_s }
            | Request::Touch { time_s, .. }
            | Request::Command { time_s, .. } => *time_s,
        }
    }
}
