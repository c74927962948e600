use crate::session::{Intent, Origin};
use crate::time::Timestamp;

/// An intent of a user who has a display of their own, which shows the stream's frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// When the frame was captured that was shown then: the intent means what is to be seen on it.
    pub made_at: Timestamp,
    /// Whose display it is: users wait for each other in turns. A page has a number of its own while it is open, and 0 stands for
    /// all programs by HTTP.
    pub origin: Origin,
    /// What is wanted.
    pub intent: Intent,
}

/// Where commands come from.
pub trait CommandSource: Send {
    /// Appends the commands given since the last call, in their order. Never waits.
    fn poll(&mut self, out: &mut Vec<Command>);
}
