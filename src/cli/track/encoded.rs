//! Frames that are read and encoded while the one before is followed.

use crossbeam_channel::{Receiver, Sender, bounded};

use super::ahead::Ahead;
use super::frames::{Frames, Next};
use crate::error::{Error, IoError};
use crate::geometry::Size;
use crate::model::{Embedding, Encoder};

/// Frames that wait to be followed, beside the one that is being encoded.
const AHEAD: usize = 1;

/// A frame, and what the encoder made of it.
pub struct Encoded {
    pub next: Next,
    /// `None` for a frame that cannot be read, and for one that is not to be encoded.
    pub embedding: Option<Embedding>,
}

/// The frames, each encoded before it is asked for.
pub struct EncodedAhead {
    encoded: Ahead<Result<Encoded, Error>, Frames>,
    /// Embeddings whose buffers are free.
    free: Sender<Embedding>,
}

impl EncodedAhead {
    /// Begins with `first`, which was taken from `frames`, and goes on with those. Every `every`th frame is encoded, and those of
    /// another size than the last that was.
    ///
    /// # Errors
    /// When there can be no further thread.
    pub fn start(first: Option<Next>, frames: Frames, encoder: Box<dyn Encoder>, every: u32) -> Result<Self, Error> {
        let (free, buffers) = bounded(AHEAD + 2);
        let mut work = Work { frames, encoder, every: every.max(1) as usize, encoded_size: None, buffers };
        let mut first = first;
        let encoded = Ahead::start("encode-ahead", AHEAD, move |send| {
            loop {
                let next = match first.take() {
                    Some(first) => Ok(Some(first)),
                    None => work.frames.next(),
                };
                let encoded = match next {
                    Ok(Some(next)) => work.encode(next),
                    Ok(None) => return work.frames,
                    Err(error) => Err(error),
                };
                let is_last = encoded.is_err();
                if send.send(encoded).is_err() || is_last {
                    return work.frames;
                }
            }
        });
        Ok(EncodedAhead { encoded: encoded.map_err(IoError::when("encode", "the frames"))?, free })
    }

    /// The next frame; `None` after the last.
    ///
    /// # Errors
    /// A video that breaks off, a model that breaks its own contract: the frames before are good.
    pub fn next(&self) -> Result<Option<Encoded>, Error> {
        self.encoded.next().transpose()
    }

    /// Takes an embedding's buffers for a frame to come.
    pub fn reuse(&self, embedding: Embedding) {
        // More than are in use are not kept.
        let _ = self.free.try_send(embedding);
    }

    /// Ends reading and encoding, and gives back what was read from; `None` after a call before.
    pub fn end(&mut self) -> Option<Frames> {
        self.encoded.end()
    }
}

/// What the thread works with.
struct Work {
    frames: Frames,
    encoder: Box<dyn Encoder>,
    every: usize,
    encoded_size: Option<Size>,
    buffers: Receiver<Embedding>,
}

impl Work {
    fn encode(&mut self, next: Next) -> Result<Encoded, Error> {
        let Ok(frame) = &next.frame else { return Ok(Encoded { next, embedding: None }) };
        if !next.number.is_multiple_of(self.every) && self.encoded_size == Some(frame.size) {
            return Ok(Encoded { next, embedding: None });
        }
        let mut embedding = self.buffers.try_recv().unwrap_or_else(|_| Embedding::empty());
        self.encoder.encode(frame, &mut embedding)?;
        self.encoded_size = Some(frame.size);
        Ok(Encoded { next, embedding: Some(embedding) })
    }
}
