use std::sync::Arc;

use super::losses::Losses;
use super::meter::StageMeter;
use super::pace::Pace;
use super::shared::{Feed, Shared, Stamped, WAIT};
use crate::error::Error;
use crate::frame::Frame;
use crate::model::{Embedding, Encoder};
use crate::sync::{LatestSlot, Pool, Taken};
use crate::time::Timestamp;

/// A frame on its way to the decode stage.
pub(super) enum Passed {
    Encoded(Arc<Encoded>),
    /// It was not its turn to be encoded: the masks of the frames before are carried to it.
    Plain(Arc<Frame>),
}

/// A frame and its embedding.
pub(super) struct Encoded {
    pub frame: Arc<Frame>,
    pub embedding: Embedding,
}

impl Encoded {
    /// A place for the pool to fill.
    pub fn empty() -> Self {
        Encoded { frame: Arc::default(), embedding: Embedding::empty() }
    }

    pub fn at(&self) -> Timestamp {
        self.frame.captured_at
    }
}

/// The encode stage: takes the latest frame, encodes it, and makes the result the latest embedding. Frames whose turn it is not
/// go on as they are.
pub(super) struct EncodeStage {
    pub encoder: Box<dyn Encoder>,
    pub pace: Pace,
    pub pool: Pool<Encoded>,
    pub input: LatestSlot<Stamped<Arc<Frame>>>,
    pub output: Feed<Passed>,
    pub meter: StageMeter,
    /// Frames that found no free embedding.
    pub losses: Losses,
    /// Embeddings replaced before the next stage took them, and plain frames that it had no time for.
    pub replaced: Losses,
    /// Pictures in a row that could not be read.
    pub unreadable: u32,
    pub shared: Shared,
}

const TOO_SLOW: &str = "decoding takes longer than encoding";

/// A stream of which so many pictures in a row cannot be read has no other.
const MOST_UNREADABLE: u32 = 30;

impl EncodeStage {
    /// Runs until the input is closed and empty.
    pub fn run(mut self) {
        loop {
            match self.input.take(WAIT) {
                Taken::Value(frame) => {
                    if let Err(error) = self.encode(frame) {
                        self.shared.fail(error);
                        break;
                    }
                }
                Taken::TimedOut => {}
                Taken::Closed => break,
            }
        }
        self.input.close();
        self.losses.tell_all(&self.shared);
        self.replaced.tell_all(&self.shared);
    }

    fn encode(&mut self, Stamped { value: frame, since }: Stamped<Arc<Frame>>) -> crate::Result<()> {
        if !self.pace.takes(frame.sequence) {
            // It must not take the place of an embedding.
            if !self.output.offer(Passed::Plain(frame), self.shared.clock.now()) {
                self.replaced.add(1, TOO_SLOW);
                self.replaced.tell(&self.shared);
            }
            return Ok(());
        }
        let began = self.shared.clock.now();
        self.meter.begin(began, began.since(since));
        let Self { encoder, pool, .. } = self;
        let filled = pool.fill(|encoded| {
            encoder.encode(&frame, &mut encoded.embedding)?;
            encoded.frame = frame;
            Ok::<_, crate::Error>(())
        });
        let now = self.shared.clock.now();
        let filled = match filled {
            // A picture that came damaged through a cable; the next may be whole.
            Err(Error::Image(error)) if self.unreadable < MOST_UNREADABLE => {
                self.unreadable += 1;
                self.meter.abandon();
                self.losses.add(1, error.to_string());
                self.losses.tell(&self.shared);
                return Ok(());
            }
            other => other?,
        };
        self.unreadable = 0;
        match filled {
            Some(encoded) => {
                self.meter.end(now.since(began));
                if self.output.put(Passed::Encoded(encoded), now) {
                    self.replaced.add(1, TOO_SLOW);
                }
            }
            None => {
                self.meter.abandon();
                self.losses.add(1, "every embedding is in use");
            }
        }
        self.losses.tell(&self.shared);
        self.replaced.tell(&self.shared);
        Ok(())
    }
}
