//! Outputs: NDJSON and overlay pictures.
//!
//! A sink is slow by nature (a disk, a pipe, a network), so the pipeline gives each one its own thread behind a queue that
//! drops its oldest record when it is full. A sink may therefore take its time, and never holds up the camera.

mod address;
mod failures;
mod ndjson;
pub mod overlay;
mod pictures;

pub use address::SinkAddress;
pub use ndjson::{NdjsonOptions, NdjsonSink, WIRE_VERSION};
pub use pictures::{OverlayOptions, OverlaySink, PictureFormat};

use crate::error::Result;
use crate::geometry::Size;
use crate::record::{Event, FrameRecord};

/// What a sink learns before the first frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamInfo {
    /// The source's address, such as `v4l:/dev/video0`.
    pub source: String,
    /// Size of the frames.
    pub size: Size,
    /// Name of the model.
    pub model: String,
}

/// An output. Calls come from one thread: `begin`, then frames and events in the order of their time, then `finish`.
///
/// # Errors
/// Of frames, events and the summary, only the first write that fails is returned, to be reported once; the sink tries again
/// with each following record and counts the failures.
pub trait Sink: Send {
    /// The address it was opened by, such as `ndjson:-`.
    fn name(&self) -> &str;

    fn begin(&mut self, stream: &StreamInfo) -> Result<()>;

    fn frame(&mut self, record: &FrameRecord) -> Result<()>;

    fn event(&mut self, event: &Event) -> Result<()>;

    /// `summary` is the object that the program prints at the end with `--json`. What is buffered is written out.
    fn finish(&mut self, summary: &serde_json::Value) -> Result<()>;

    /// Writes that failed, the first included.
    fn failures(&self) -> u64;
}
