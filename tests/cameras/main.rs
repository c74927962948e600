//! Cameras that programs read for us, and videos: each with what goes wrong. `make test-cameras` runs these; they need ffmpeg.

#[path = "../common/program.rs"]
mod program;

mod clips;
#[cfg(feature = "gstreamer")]
mod gst;
mod live;
mod out;
mod sent;
