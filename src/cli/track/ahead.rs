use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, bounded};

use crate::error::{Error, IoError, VideoError};
use crate::frame::Frame;
use crate::video::{Clip, ClipReader};

/// Bytes of frames that are decoded before they are asked for.
const AHEAD_BYTES: usize = 32 << 20;
/// Fewest and most of them.
const FRAMES: std::ops::RangeInclusive<usize> = 2..=32;

/// A video's frames, decoded on a thread of its own some frames ahead: while the model loads, and while a frame is followed.
pub struct DecodedAhead {
    clip: Clip,
    first: Option<Frame>,
    /// `None` once nobody reads any more.
    frames: Option<Receiver<Result<Frame, VideoError>>>,
    reader: Option<JoinHandle<ClipReader>>,
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
        let ahead = (AHEAD_BYTES / first.data.len().max(1)).clamp(*FRAMES.start(), *FRAMES.end());
        let (send, frames) = bounded(ahead);
        let read = move || {
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
        };
        let thread = std::thread::Builder::new().name("decode-ahead".into()).spawn(read);
        let thread = thread.map_err(IoError::when("read", &clip.path))?;
        let (first, frames, reader) = (has_first.then_some(first), Some(frames), Some(thread));
        Ok(DecodedAhead { clip, first, frames, reader, complaints: String::new() })
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
        match self.frames.as_ref().map(Receiver::recv) {
            Some(Ok(next)) => Ok(Some(Arc::new(next?))),
            _ => {
                self.join();
                Ok(None)
            }
        }
    }

    /// Ends decoding; says what was wrong with frames that were given all the same, empty if nothing.
    pub fn complaints(&mut self) -> &str {
        // The thread ends with its next frame.
        self.join();
        &self.complaints
    }

    /// Waits for the thread. A panic of it is one of this thread: no video ends that way.
    fn join(&mut self) {
        self.frames = None;
        match self.reader.take().map(JoinHandle::join) {
            Some(Ok(reader)) => self.complaints = reader.complaints(),
            Some(Err(panic)) if !std::thread::panicking() => std::panic::resume_unwind(panic),
            _ => {}
        }
    }
}

impl Drop for DecodedAhead {
    fn drop(&mut self) {
        self.join();
    }
}
