//! Frame sources: cameras by V4L2, rpicam and nokhwa, what programs write, videos, folders of images, the rendered scene.

mod address;
mod camera;
mod child;
mod controls;
mod events;
mod exchange;
mod feed;
mod files;
#[cfg(feature = "gstreamer")]
mod gst;
mod negotiate;
#[cfg(all(feature = "camera", any(not(target_os = "linux"), feature = "nokhwa-linux")))]
mod nokhwa;
mod pace;
mod pipe;
mod reopen;
mod rpicam;
mod rtsp;
pub mod scene;
mod stamps;
#[cfg(all(feature = "camera", target_os = "linux"))]
mod v4l;
mod video;

use std::borrow::Cow;
use std::time::Duration;

use crate::address::{Row, Table, built};
use crate::error::{ConfigError, Result};
use crate::frame::{Frame, PixelFormat};
use crate::geometry::{Intrinsics, Size};

pub use address::SourceAddress;
pub use camera::{CameraInfo, CameraProblem, list_cameras};
pub use controls::{Controls, Hdr, PowerLine, Setting};
pub use exchange::{Exchange, Exchangeable};
pub use files::{FilesSource, list_images};
pub use negotiate::{Choice, FormatOffer, Rates, Wish, negotiate};
pub use rpicam::program as rpicam_program;
pub use video::VideoSource;

/// Every kind of source; `docs/adding-a-source.md` shows how one is added.
pub static SOURCES: Table<SourceAddress> = Table::new(
    "source",
    &[
        Row {
            scheme: "v4l",
            forms: &["v4l:PATH"],
            help: "a Video4Linux camera such as /dev/video0",
            page: "docs/sources.md",
            needs: "feature `camera`, on Linux",
            parse: built!(all(feature = "camera", target_os = "linux") => v4l::address),
        },
        Row {
            scheme: "rpicam",
            forms: &["rpicam[:N]"],
            help: "the camera of that number, from 0, on a Raspberry Pi's own connectors",
            page: "docs/cameras.md",
            needs: "",
            parse: Some(rpicam::address),
        },
        Row {
            scheme: "csi",
            forms: &["csi[:N]"],
            help: "the camera of that number, from 0, on a Jetson's or a Raspberry Pi's own connectors, by GStreamer",
            page: "docs/cameras.md",
            needs: "feature `gstreamer`",
            parse: built!(feature = "gstreamer" => gst::csi_address),
        },
        Row {
            scheme: "test",
            forms: &["test[:PATTERN]"],
            help: "GStreamer's test pictures",
            page: "docs/cameras.md",
            needs: "feature `gstreamer`",
            parse: built!(feature = "gstreamer" => gst::test_address),
        },
        Row {
            scheme: "gst",
            forms: &["gst:PIPELINE"],
            help: "a GStreamer pipeline up to its pictures",
            page: "docs/cameras.md",
            needs: "feature `gstreamer`",
            parse: built!(feature = "gstreamer" => gst::address),
        },
        Row {
            scheme: "pipe",
            forms: &["pipe:COMMAND", "pipe:-"],
            help: "what a program writes, or standard input: Y4M, JPEG images, raw frames",
            page: "docs/cameras.md",
            needs: "",
            parse: Some(pipe::address),
        },
        Row {
            scheme: "rtsp",
            forms: &["rtsp://HOST/PATH"],
            help: "a camera in the network, read by ffmpeg",
            page: "docs/cameras.md",
            needs: "",
            parse: Some(rtsp::address),
        },
        Row {
            scheme: "video",
            forms: &["video:FILE"],
            help: "a video, decoded by ffmpeg",
            page: "docs/sources.md",
            needs: "",
            parse: Some(video::address),
        },
        Row {
            scheme: "nokhwa",
            forms: &["nokhwa:INDEX"],
            help: "the system's camera of that number, counted from 0",
            page: "docs/sources.md",
            needs: "feature `camera`, on Linux feature `nokhwa-linux`",
            parse: built!(all(feature = "camera", any(not(target_os = "linux"), feature = "nokhwa-linux")) => nokhwa::address),
        },
        Row {
            scheme: "files",
            forms: &["files:DIR"],
            help: "a folder of photos",
            page: "docs/sources.md",
            needs: "",
            parse: Some(files::address),
        },
        Row {
            scheme: "scene",
            forms: &["scene[:SEED]"],
            help: "the rendered scene of that seed",
            page: "docs/sources.md",
            needs: "",
            parse: Some(scene::address),
        },
    ],
);

/// What is asked of a source. A source that cannot have it so takes the nearest and says so in its [`SourceInfo`].
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SourceOptions {
    /// Frames per second; 30 if not given.
    pub fps: Option<f64>,
    /// Starts a folder again after its last image.
    pub looped: bool,
    /// Frame size for cameras and the scene; 640x480 if not given. A folder keeps the size of its images.
    pub size: Option<Size>,
    /// The only pixel format that a camera may choose, if it offers it.
    pub format: Option<PixelFormat>,
    /// Gives every frame, however late the reader comes; cameras cannot.
    pub every_frame: bool,
    /// Whether a camera mirrors its pictures from left to right; as the camera has it if not given.
    pub hflip: Option<bool>,
    /// Whether it turns them upside down.
    pub vflip: Option<bool>,
    /// How it brings bright and dark together.
    pub hdr: Option<Hdr>,
    /// What to set a camera's controls to; other sources have none.
    pub controls: Controls,
    /// Takes a camera's JPEG images that lack their end marker, as long as none of their data is missing.
    pub mjpeg_without_end_marker: bool,
    /// Memory in bytes that decoding one image of a folder may take; 2 GiB if not given.
    pub max_memory: Option<u64>,
}

impl SourceOptions {
    /// Frames per second when nobody asks for a rate.
    pub const DEFAULT_FPS: f64 = 30.0;
    /// Frame size when nobody asks for one.
    pub const DEFAULT_SIZE: Size = Size::new(640, 480);
    /// Least frames a second.
    pub const MIN_FPS: f64 = 0.001;
    /// Most frames a second.
    pub const MAX_FPS: f64 = 100_000.0;

    /// The rate asked for.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for rates that are not [`Self::MIN_FPS`] to [`Self::MAX_FPS`].
    pub fn rate(&self) -> Result<f64, ConfigError> {
        let fps = self.fps.unwrap_or(Self::DEFAULT_FPS);
        if (Self::MIN_FPS..=Self::MAX_FPS).contains(&fps) {
            return Ok(fps);
        }
        let reason = format!("{fps} is no frame rate: give {} to {}", Self::MIN_FPS, Self::MAX_FPS);
        Err(ConfigError::Invalid { origin: "fps".into(), reason })
    }

    /// What a camera is asked for.
    ///
    /// # Errors
    /// As [`Self::rate`].
    pub fn wish(&self) -> Result<Wish, ConfigError> {
        Ok(Wish { size: self.size.unwrap_or(Self::DEFAULT_SIZE), fps: self.rate()?, format: self.format })
    }
}

/// What a source is and what it promises.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceInfo {
    /// The address it was opened by, such as `v4l:/dev/video0`.
    pub address: String,
    /// Size of the frames.
    pub size: Size,
    /// Pixel format of the frames.
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
    Lost {
        /// What the system said.
        reason: String,
        /// How often this has happened, this time included.
        count: u64,
    },
    /// It sends again.
    Reopened {
        /// Time since it was lost.
        after: Duration,
    },
    /// Frames were lost or spoilt before they reached us.
    Dropped {
        /// How many.
        count: u64,
        /// Why.
        reason: Cow<'static, str>,
    },
    /// The stream goes on, but not as it should.
    Warned {
        /// How often, for this one cause.
        count: u64,
        /// What is wrong.
        message: Cow<'static, str>,
    },
}

/// A source of frames. Sources pace themselves: a camera by its hardware, a folder or the scene by its rate.
pub trait Source: Send {
    /// What it is and what it promises.
    fn info(&self) -> &SourceInfo;

    /// Waits at most `timeout` for the next frame and writes it, with its capture time and sequence number, into
    /// `frame`, reusing the buffer.
    ///
    /// # Errors
    /// Only what reopening cannot mend; a camera that went away is reported by [`Self::take_event`] and `Step::Idle`.
    fn next_frame(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Step>;

    /// True if no frame is lost on a reader that comes late. A camera's are.
    fn gives_every_frame(&self) -> bool {
        false
    }

    /// The oldest event not taken yet.
    fn take_event(&mut self) -> Option<SourceEvent> {
        None
    }

    /// The buffers that the kernel fills, as DMA buffers that another device can read without a copy: buffer by buffer,
    /// each with as many as it has planes of memory. Empty for sources without such buffers and while a camera is away;
    /// after a reopening there are others.
    ///
    /// # Errors
    /// A driver that does not export its buffers (`VIDIOC_EXPBUF`).
    #[cfg(target_os = "linux")]
    fn dma_buffers(&self) -> std::io::Result<Vec<std::os::fd::OwnedFd>> {
        Ok(Vec::new())
    }
}
