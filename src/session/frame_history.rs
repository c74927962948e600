use std::collections::VecDeque;
use std::sync::Arc;

use super::Encoded;
use crate::time::Timestamp;

/// The last few encoded frames, so that a prompt is answered on the frame that the user saw.
///
/// Its length bounds memory: every entry holds one frame and one embedding.
pub(super) struct FrameHistory {
    entries: VecDeque<Arc<Encoded>>,
    capacity: usize,
    /// Frames that frozen displays show, oldest first.
    held: VecDeque<(u64, Arc<Encoded>)>,
}

impl FrameHistory {
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        FrameHistory { entries: VecDeque::with_capacity(capacity + 1), capacity, held: VecDeque::new() }
    }

    /// Most frames that are held for frozen displays.
    pub const HELD: usize = 4;

    /// Keeps the frame captured nearest to `at` for `display`; of too many displays the first loses its frame.
    pub fn hold(&mut self, display: u64, at: Timestamp) {
        let Some(entry) = self.nearest(at).cloned() else { return };
        self.release(display);
        if self.held.len() == Self::HELD {
            self.held.pop_front();
        }
        self.held.push_back((display, entry));
    }

    /// Lets the frame go that `display` holds.
    pub fn release(&mut self, display: u64) {
        self.held.retain(|(held, _)| *held != display);
    }

    pub fn push(&mut self, encoded: Arc<Encoded>) {
        self.entries.push_back(encoded);
        if self.entries.len() > self.capacity {
            self.entries.pop_front();
        }
    }

    /// The entry whose capture time is nearest to `at`.
    pub fn nearest(&self, at: Timestamp) -> Option<&Arc<Encoded>> {
        let all = self.entries.iter().chain(self.held.iter().map(|(_, entry)| entry));
        all.min_by_key(|e| e.frame.captured_at.abs_diff(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Frame;
    use crate::model::Embedding;

    fn at(ms: u64) -> Arc<Encoded> {
        let frame = Frame { captured_at: Timestamp::from_nanos(ms * 1_000_000), ..Frame::default() };
        Arc::new(Encoded { frame: Arc::new(frame), embedding: Embedding::empty() })
    }

    #[test]
    fn nearest_in_time_within_the_bound() {
        let mut history = FrameHistory::new(3);
        assert!(history.nearest(Timestamp::ZERO).is_none());
        for ms in [0, 33, 66, 100] {
            history.push(at(ms));
        }
        let found = |ms: u64| {
            let t = Timestamp::from_nanos(ms * 1_000_000);
            history.nearest(t).map(|e| e.frame.captured_at.as_nanos() / 1_000_000)
        };
        assert_eq!(found(60), Some(66));
        assert_eq!(found(0), Some(33), "the first entry fell out");
        assert_eq!(found(9_000), Some(100));
    }

    #[test]
    fn a_held_frame_stays_until_it_is_release() {
        let mut history = FrameHistory::new(2);
        let nanos = |ms: u64| Timestamp::from_nanos(ms * 1_000_000);
        history.hold(7, nanos(0));
        for ms in (0..100).step_by(10) {
            history.push(at(ms));
            if ms == 20 {
                history.hold(7, nanos(10));
            }
        }
        let found = |history: &FrameHistory, ms| history.nearest(nanos(ms)).map(|e| e.frame.captured_at);
        assert_eq!(found(&history, 12), Some(nanos(10)));
        assert_eq!(found(&history, 70), Some(nanos(80)), "the others are as without it");
        (8..20).for_each(|display| history.hold(display, nanos(90)));
        assert_eq!(history.held.len(), FrameHistory::HELD);
        assert_eq!(found(&history, 12), Some(nanos(80)), "too many displays: the first lost its frame");
        history.hold(1, nanos(80));
        history.release(1);
        assert!(history.held.iter().all(|(display, _)| *display != 1));
    }
}
