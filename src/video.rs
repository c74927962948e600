//! Video: streams of frames as programs write them (raw, Y4M, JPEG after JPEG), clips and live streams, which ffmpeg decodes and
//! encodes beside this program.
//!
//! Nothing here waits for a frame's time: a source does.

mod clip;
mod counted;
mod decode;
mod encode;
mod ffmpeg;
mod jpegs;
mod live;
mod matroska;
mod output;
mod ppm;
mod raw;
mod stream;
mod y4m;

pub use clip::{Clip, SoundTrack};
pub use decode::ClipReader;
pub use encode::{Pixels, can_be_written};
pub use ffmpeg::{ask_ahead, network_camera};
pub use live::LiveOutput;
pub use output::ClipOutput;
pub use raw::RawLayout;
pub use stream::{FrameReader, StreamFormat};

/// A number above 0, from its numerator and denominator (`30000:1001`).
fn ratio(text: &str, separator: char) -> Option<f64> {
    let (n, d) = text.split_once(separator)?;
    let ratio = n.parse::<f64>().ok()? / d.parse::<f64>().ok()?;
    (ratio.is_finite() && ratio > 0.0).then_some(ratio)
}
