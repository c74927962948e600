use std::sync::Arc;

use super::ahead::Ahead;
use crate::error::{Error, IoError, VideoError};
use crate::frame::Frame;
use crate::video::{Clip, ClipReader};

/// Bytes of frames that are decoded before they are asked for.
const AHEAD_BYTES: usize = 32 << 20;
/// Fewest and most of them.
const FRAMES: std::ops::RangeInclusive<usize> = 2..=32;

/// A video's frames, decoded some frames ahead: while the model loads, and while a frame is followed. No video ends the thread by
/// a panic.
pub struct DecodedAhead {
    clip: Clip,
    first: Option<Frame>,
    frames: Ahead<Result<Frame, VideoError>, ClipReader>,
    complaints: String,
}

impl DecodedAhead {
    /// Waits for the first frame and goes on to decode.
    ///
    /// # Errors
    /// A video that cannot be read.
    pub fn start(clip: Clip) -> Result<Self, Error> {
        let mut reader = ClipReader::open(clip.clone())?;
        let mut first = Frame::default();
        let has_first = reader.read(&mut first)?;
        let count = (AHEAD_BYTES / first.data.len().max(1)).clamp(*FRAMES.start(), *FRAMES.end());
        let frames = Ahead::start("decode-ahead", count, move |send| {
            loop {
                let mut frame = Frame::default();
                let next = match reader.read(&mut frame) {
                    Ok(true) => Ok(frame),
                    Ok(false) => return reader,
                    Err(error) => Err(error),
                };
                let is_last = next.is_err();
                if send.send(next).is_err() || is_last {
                    return reader;
                }
            }
        });
        let frames = frames.map_err(IoError::when("read", &clip.path))?;
        Ok(DecodedAhead { clip, first: has_first.then_some(first), frames, complaints: String::new() })
    }

    /// The video.
    pub fn clip(&self) -> &Clip {
        &self.clip
    }

    /// The next frame; `None` after the last.
    ///
    /// # Errors
    /// A video that breaks off: the frames before are good.
    pub fn next(&mut self) -> Result<Option<Arc<Frame>>, VideoError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(Arc::new(first)));
        }
        match self.frames.next() {
            Some(next) => Ok(Some(Arc::new(next?))),
            None => {
                self.end();
                Ok(None)
            }
        }
    }

    /// Ends decoding; says what was wrong with frames that were given all the same, empty if nothing.
    pub fn complaints(&mut self) -> &str {
        self.end();
        &self.complaints
    }

    fn end(&mut self) {
        if let Some(reader) = self.frames.end() {
            self.complaints = reader.complaints();
        }
    }
}
