use std::time::Duration;

/// Something that happened to an input device and that the user should know.
#[derive(Clone, Debug, PartialEq)]
pub enum InputEvent {
    /// The device went away; its contacts are cancelled, and it is looked for.
    Lost {
        /// What the system or the sender said.
        reason: String,
    },
    /// It is back.
    Returned {
        /// Time since it was lost.
        after: Duration,
    },
    /// The system had no room for all that the device reported: contacts whose end was missed are cancelled.
    Overflowed,
    /// It sent what cannot be used.
    Rejected {
        /// How often since this was last reported.
        count: u64,
        /// Why the last was refused.
        reason: String,
    },
    /// Its clock is compared with the capture clock.
    Clock {
        /// How far it is ahead, in seconds.
        offset_s: f64,
        /// How far that may be off, in seconds.
        uncertainty_s: f64,
    },
}
