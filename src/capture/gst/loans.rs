//! Whether a pipeline can spare the pictures that frames hold.
//!
//! A stream holds many frames for a while, for prompts that come late, and a pipeline whose pool of pictures is small stands still
//! when they are all held, or breaks. Nothing says how large a pool is. So it is tried out first: as many pictures as may be lent are
//! held here, and given back at once when no more come. A pipeline that broke meanwhile is not tried again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gstreamer as gst;

/// Most pictures that are lent at a time; a stream rarely holds more frames.
const MOST: usize = 48;
/// Most bytes of them together: of large pictures fewer would be kept than a stream holds.
const MOST_BYTES: usize = 256 << 20;
/// A pipeline that gives no picture for so long while pictures are held has none left.
const STARVED_AFTER: Duration = Duration::from_millis(400);

/// What is known of a pipeline's pool.
enum Pool {
    /// These pictures are held to see whether others come.
    Tried(Vec<gst::Sample>),
    Ample,
    Scarce,
}

/// Whether a pipeline may be tried out, from one time that it is played to the next.
#[derive(Clone)]
pub(super) struct MayTry(Arc<AtomicBool>);

impl MayTry {
    pub(super) fn new() -> Self {
        MayTry(Arc::new(AtomicBool::new(true)))
    }
}

/// The pictures that a pipeline lends.
pub(super) struct Loans {
    /// Most bytes of all together.
    most_bytes: usize,
    pool: Pool,
    may_try: MayTry,
    /// When the last picture came.
    last: Instant,
    lent: Arc<AtomicUsize>,
}

/// Counts a picture as lent until it is dropped.
pub(super) struct Lent(Arc<AtomicUsize>);

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Loans {
    /// Nothing is known yet; `max_memory` bytes is what frames may take.
    pub(super) fn new(may_try: MayTry, max_memory: Option<u64>) -> Self {
        let most_bytes =
            max_memory.map_or(MOST_BYTES, |most| MOST_BYTES.min(usize::try_from(most).unwrap_or(MOST_BYTES)));
        let pool = if may_try.0.load(Ordering::Relaxed) { Pool::Tried(Vec::new()) } else { Pool::Scarce };
        Loans { most_bytes, pool, may_try, last: Instant::now(), lent: Arc::default() }
    }

    /// Notes that `sample` came; gives what is to be kept with it if it may be lent.
    pub(super) fn came(&mut self, sample: &gst::Sample) -> Option<Lent> {
        self.last = Instant::now();
        if let Pool::Tried(held) = &mut self.pool {
            self.may_try.0.store(false, Ordering::Relaxed);
            let bytes = sample.buffer().map_or(0, |buffer| buffer.size());
            held.push(sample.clone());
            if bytes.saturating_mul(MOST) > self.most_bytes {
                self.pool = Pool::Scarce;
            } else if held.len() > MOST {
                self.may_try.0.store(true, Ordering::Relaxed);
                self.pool = Pool::Ample;
            }
        }
        let is_free = matches!(self.pool, Pool::Ample) && self.lent.load(Ordering::Relaxed) < MOST;
        is_free.then(|| {
            self.lent.fetch_add(1, Ordering::Relaxed);
            Lent(Arc::clone(&self.lent))
        })
    }

    /// Notes that none came.
    pub(super) fn none_came(&mut self) {
        if self.last.elapsed() < STARVED_AFTER {
            return;
        }
        if let Pool::Tried(held) = &mut self.pool {
            // A camera that is only slow is taken for one of a small pool: its pictures are copied, which is never wrong.
            if !held.is_empty() {
                self.pool = Pool::Scarce;
            }
        }
    }
}
