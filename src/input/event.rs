use std::time::Duration;

/// Something that happened to an input device and that the user should know.
#[derive(Clone, Debug, PartialEq)]
pub enum InputEvent {
    /// The device went away; its contacts are cancelled, and it is looked for.
    Lost { reason: String },
    /// It is back after `after`.
    Returned { after: Duration },
    /// The system had no room for all that the device reported: contacts whose end was missed are cancelled.
    Overflowed,
    /// It sent what cannot be used, `count` times; the last was refused for `reason`.
    Rejected { count: u64, reason: String },
    /// Its clock is ahead of the capture clock by `offset_s`, known to `uncertainty_s`.
    Clock { offset_s: f64, uncertainty_s: f64 },
}
