use crate::session::Intent;
use crate::time::Timestamp;

/// An intent of a user who has a display of their own, which shows the stream's frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// When the frame was captured that was shown then: the intent means what is to be seen on it.
    pub made_at: Timestamp,
    /// What is wanted.
    pub intent: Intent,
    /// Which page asks, by a number that is its own while it is open; 0 stands for all programs by HTTP. `None` if nobody
    /// did but the program itself.
    pub page: Option<u32>,
}

/// Where commands come from.
pub trait CommandSource: Send {
    /// Appends the commands given since the last call, in their order. Never waits.
    fn poll(&mut self, out: &mut Vec<Command>);
}
