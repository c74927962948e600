//! Video: streams of frames as programs write them (raw, Y4M, JPEG after JPEG), and clips, which ffmpeg decodes and encodes beside
//! this program.
//!
//! Nothing here waits for a frame's time: a source does.

mod clip;
mod decode;
mod encode;
mod ffmpeg;
mod jpegs;
mod matroska;
mod raw;
mod stream;
mod y4m;

pub use clip::{Clip, SoundTrack};
pub use decode::ClipReader;
pub use encode::{ClipWriter, Pixels, WRITTEN_EXTENSIONS, can_be_written};
pub use ffmpeg::network_camera;
pub use raw::RawLayout;
pub use stream::{FrameReader, StreamFormat};
