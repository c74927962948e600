//! Frame sources: a folder of pictures, the rendered scene, V4L2 and nokhwa cameras.

use std::time::Duration;

use crate::error::Result;
use crate::frame::{Frame, PixelFormat};
use crate::geometry::{Intrinsics, Size};

/// What a source is and what it promises.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceInfo {
    /// The address it was opened by, such as `v4l:/dev/video0`.
    pub address: String,
    pub size: Size,
    pub format: PixelFormat,
    /// Frames per second that the source aims at; `None` if it does not say.
    pub rate: Option<f64>,
    /// The camera's intrinsics where they are known (the rendered scene knows them).
    pub intrinsics: Option<Intrinsics>,
}

/// Outcome of one wait on a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The frame was filled.
    Frame,
    /// Nothing came within the time allowed; call again.
    Idle,
    /// The source has no more frames.
    End,
}

/// Something that happened to a source and that the person should know.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceEvent {
    /// The device went away or stopped sending; it is being reopened.
    Lost { reason: String },
    /// Sending again after `after`.
    Reopened { after: Duration },
    /// `count` frames were lost or spoilt before they reached us.
    Dropped { count: u64, reason: String },
}

/// A source of frames. Sources pace themselves: a camera by its hardware, a folder or the scene by its rate.
pub trait Source: Send {
    fn info(&self) -> &SourceInfo;

    /// Waits at most `timeout` for the next frame and writes it, with its capture time and sequence number, into
    /// `frame`, reusing the buffer.
    ///
    /// # Errors
    /// Only what reopening cannot mend; a camera that went away is reported by [`Self::take_event`] and `Step::Idle`.
    fn next_frame(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Step>;

    /// The oldest event not taken yet.
    fn take_event(&mut self) -> Option<SourceEvent> {
        None
    }
}
