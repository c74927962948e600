use std::sync::Arc;

use super::losses::Losses;
use super::meter::StageMeter;
use super::pace::Pace;
use super::shared::{Shared, SlotSender, Stamped, WAIT};
use crate::error::Error;
use crate::frame::Frame;
use crate::model::Encoder;
use crate::session::Encoded;
use crate::sync::{LatestSlot, Pool, Received};

/// A frame on its way to the decode stage.
pub(super) enum StageItem {
    Encoded(Arc<Encoded>),
    /// It was not its turn to be encoded: the masks of the frames before are propagated to it.
    Unencoded(Arc<Frame>),
}

impl StageItem {
    pub fn frame(&self) -> &Arc<Frame> {
        match self {
            StageItem::Encoded(encoded) => &encoded.frame,
            StageItem::Unencoded(frame) => frame,
        }
    }
}

/// The encode stage: takes the latest frame, encodes it, and makes the result the latest embedding. Frames whose turn it is not
/// go on as they are.
pub(super) struct EncodeStage {
    pub encoder: Box<dyn Encoder>,
    pub pace: Pace,
    pub pool: Pool<Encoded>,
    pub input: LatestSlot<Stamped<Arc<Frame>>>,
    pub output: SlotSender<StageItem>,
    pub meter: StageMeter,
    /// Frames that found no free embedding.
    pub losses: Losses,
    /// Embeddings replaced before the next stage took them, and unencoded frames that it had no time for.
    pub replaced: Losses,
    /// Frames in a row that could not be read.
    pub unreadable: u32,
    pub shared: Shared,
}

const TOO_SLOW: &str = "decoding takes longer than encoding";

/// A stream of which so many frames in a row cannot be read has no other.
const MAX_UNREADABLE: u32 = 30;

impl EncodeStage {
    /// Runs until the input is closed and empty.
    pub fn run(mut self) {
        loop {
            match self.input.take(WAIT) {
                Received::Value(frame) => {
                    if let Err(error) = self.encode(frame) {
                        self.shared.fail(error);
                        break;
                    }
                }
                Received::TimedOut => {}
                Received::Closed => break,
            }
        }
        self.input.close();
        self.losses.emit_all(&self.shared);
        self.replaced.emit_all(&self.shared);
    }

    fn encode(&mut self, Stamped { value: frame, since, turn }: Stamped<Arc<Frame>>) -> crate::Result<()> {
        if !self.pace.takes(frame.sequence) {
            // It must not take the place of an embedding.
            if !self.output.offer(StageItem::Unencoded(frame), self.shared.clock.now(), turn) {
                self.replaced.add(1, TOO_SLOW);
                self.replaced.emit(&self.shared);
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
            // A frame that came damaged through a cable; the next may be whole.
            Err(Error::Image(error)) if self.unreadable < MAX_UNREADABLE => {
                self.unreadable += 1;
                self.meter.abandon();
                self.losses.add(1, error.to_string());
                self.losses.emit(&self.shared);
                return Ok(());
            }
            other => other?,
        };
        self.unreadable = 0;
        match filled {
            Some(encoded) => {
                self.meter.end(now.since(began));
                if self.output.put(StageItem::Encoded(encoded), now, turn) {
                    self.replaced.add(1, TOO_SLOW);
                }
            }
            None => {
                self.meter.abandon();
                self.losses.add(1, "every embedding is in use");
            }
        }
        self.losses.emit(&self.shared);
        self.replaced.emit(&self.shared);
        Ok(())
    }
}
