use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many frames of the source each encoding stands for at least; clones share it, and it may change while the stream
/// runs.
#[derive(Clone, Debug)]
pub struct EncodeEvery(Arc<AtomicU32>);

impl EncodeEvery {
    /// `frames` of 1 encodes every frame that the encoder finds time for; 0 counts as 1.
    pub fn new(frames: u32) -> Self {
        EncodeEvery(Arc::new(AtomicU32::new(frames.max(1))))
    }

    /// One of how many frames is encoded at most.
    pub fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Encodes at most one of so many frames from now on; 0 counts as 1.
    pub fn set(&self, frames: u32) {
        self.0.store(frames.max(1), Ordering::Relaxed);
    }
}

/// Chooses the frames that are encoded, by their sequence numbers: frames lost before count as passed over.
pub(super) struct Pace {
    every: EncodeEvery,
    last: Option<u64>,
}

impl Pace {
    pub fn new(every: EncodeEvery) -> Self {
        Pace { every, last: None }
    }

    /// Whether the frame numbered `sequence` is to be encoded; it then counts as encoded.
    pub fn takes(&mut self, sequence: u64) -> bool {
        // Signed: a source that starts again counts from zero.
        let passed = |last: u64| sequence.wrapping_sub(last) as i64;
        let due = self.last.is_none_or(|last| passed(last) <= 0 || passed(last) >= i64::from(self.every.get()));
        if due {
            self.last = Some(sequence);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_nth_frame_is_taken_and_the_number_may_change() {
        let every = EncodeEvery::new(1);
        let mut pace = Pace::new(every.clone());
        let mut taken = |sequences: std::ops::Range<u64>| sequences.filter(|s| pace.takes(*s)).collect::<Vec<_>>();
        assert_eq!(taken(0..3), [0, 1, 2]);
        every.set(3);
        assert_eq!(taken(3..12), [5, 8, 11]);
        assert_eq!(taken(20..24), [20, 23], "frames lost on the way count");
        assert_eq!(taken(0..7), [0, 3, 6], "a source that starts again starts a new count");
        every.set(0);
        assert_eq!(taken(7..9), [7, 8]);
    }
}
