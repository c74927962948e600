//! Outputs: NDJSON, overlay images, videos, virtual cameras, streams into the network.
//!
//! A sink is slow by nature (a disk, a pipe, a network), so the pipeline gives each one its own thread behind a queue that
//! drops its oldest record when it is full. A sink may therefore take its time, and never holds up the camera.

mod address;
mod images;
mod mcap;
mod ndjson;
pub mod overlay;
mod rtsp;
#[cfg(all(feature = "camera", target_os = "linux"))]
mod v4l;
mod video;

pub use address::{OpenedSink, Place, SinkAddress};
pub use images::{ImageFormat, OverlayOptions, OverlaySink, is_overlay};
pub use mcap::{McapOptions, McapSink, part_path};
pub use ndjson::{NdjsonOptions, NdjsonSink, WIRE_VERSION, selections};
pub use rtsp::RtspSink;
#[cfg(all(feature = "camera", target_os = "linux"))]
pub use v4l::V4lSink;
pub use video::{VideoOptions, VideoSink};

#[cfg(feature = "console")]
use crate::address::AddressError;
use crate::address::{Row, Table, built};
use crate::error::Result;
use crate::geometry::Size;
use crate::record::{Event, FrameRecord};
use crate::session::Trace;

/// Every kind of sink; `docs/adding-a-sink.md` shows how one is added.
pub static SINKS: Table<SinkAddress> = Table::new(
    "sink",
    &[
        Row {
            scheme: "console",
            forms: &["console"],
            help: "the page in a browser",
            page: "docs/console.md",
            needs: "feature `console`",
            parse: built!(feature = "console" => page),
        },
        Row {
            scheme: "ndjson",
            forms: &["ndjson:PATH", "ndjson:-"],
            help: "a line of JSON for each frame and event, into a file or to standard output",
            page: "docs/wire-format.md",
            needs: "",
            parse: Some(ndjson::address),
        },
        Row {
            scheme: "mcap",
            forms: &["mcap:FILE"],
            help: "a recording of the run, which `foveate replay` reproduces",
            page: "docs/recording.md",
            needs: "",
            parse: Some(mcap::address),
        },
        Row {
            scheme: "overlay",
            forms: &["overlay:DIR"],
            help: "images of the frames with what was found drawn over them",
            page: "docs/sinks.md",
            needs: "",
            parse: Some(images::address),
        },
        Row {
            scheme: "video",
            forms: &["video:FILE"],
            help: "a video of the frames with what was found drawn over them, encoded by ffmpeg",
            page: "docs/sinks.md",
            needs: "",
            parse: Some(video::address),
        },
        Row {
            scheme: "v4l",
            forms: &["v4l:DEVICE"],
            help: "a virtual camera such as /dev/video9 (v4l2loopback) that shows the frames with what was found drawn over them",
            page: "docs/sinks.md",
            needs: "feature `camera`, on Linux",
            parse: built!(all(feature = "camera", target_os = "linux") => v4l::address),
        },
        Row {
            scheme: "rtsp",
            forms: &["rtsp://HOST/PATH"],
            help: "the same as a live stream to an RTSP server, encoded by ffmpeg",
            page: "docs/sinks.md",
            needs: "",
            parse: Some(rtsp::address),
        },
    ],
);

#[cfg(feature = "console")]
fn page(place: Option<&str>) -> Result<SinkAddress, AddressError> {
    place.map_or_else(|| Ok(SinkAddress::page("console".into())), |_| Err(AddressError::Form))
}

/// What a sink learns before the first frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamInfo {
    /// The source's address, such as `v4l:/dev/video0`.
    pub source: String,
    /// The camera's name, where the stream has one.
    pub camera: Option<String>,
    /// Size of the frames.
    pub size: Size,
    /// Name of the model.
    pub model: String,
}

/// An output. Calls come from one thread: `begin`, then frames and events in the order of their time, then `finish`. Only
/// [`Self::name`] and [`Self::frame`] are its duty.
///
/// # Errors
/// Every call returns its own failure, and the next call tries again: a disk that is full for a while must not end the
/// stream. The pipeline counts the failures and reports the first of each sink; a reader who closed the pipe ends the stream.
pub trait Sink: Send {
    /// The address it was opened by, such as `ndjson:-`.
    fn name(&self) -> &str;

    /// Whether the sink passes on where the user looks, because its user asked for that. Raw gaze is private: in the records
    /// that a sink is given there is none unless it says so here.
    fn shares_gaze(&self) -> bool {
        false
    }

    /// Whether the sink wants to know what the session was given for each record ([`Self::trace`]), so that it can be given again.
    fn traces(&self) -> bool {
        false
    }

    /// Another sink that writes what one more camera gives to the same place; [`StreamInfo::camera`] tells them apart. `None` for sinks
    /// that take one camera only.
    fn beside(&self) -> Option<Box<dyn Sink>> {
        None
    }

    /// Called before the first frame.
    fn begin(&mut self, _stream: &StreamInfo) -> Result<()> {
        Ok(())
    }

    /// Takes what the session was given for the record that comes next, if the sink [`traces`](Self::traces). What it holds of gaze is
    /// left out, but for what it selected, unless the sink shares it.
    fn trace(&mut self, _trace: &Trace) -> Result<()> {
        Ok(())
    }

    /// Writes what is known of one frame.
    fn frame(&mut self, record: &FrameRecord) -> Result<()>;

    /// Writes what happened between two frames.
    fn event(&mut self, _event: &Event) -> Result<()> {
        Ok(())
    }

    /// Called about twenty times a second while nothing comes.
    fn idle(&mut self) -> Result<()> {
        Ok(())
    }

    /// `summary` is the object that the program prints at the end with `--json`. What is buffered is written out.
    fn finish(&mut self, _summary: &serde_json::Value) -> Result<()> {
        Ok(())
    }
}
