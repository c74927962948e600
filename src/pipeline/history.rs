use std::collections::VecDeque;
use std::sync::Arc;

use super::encode::Encoded;
use crate::time::Timestamp;

/// The last few encoded frames, so that a prompt is answered on the picture that the person saw.
///
/// Its length bounds memory: every entry holds one frame and one embedding.
pub(super) struct History {
    entries: VecDeque<Arc<Encoded>>,
    capacity: usize,
}

impl History {
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        History { entries: VecDeque::with_capacity(capacity + 1), capacity }
    }

    pub fn push(&mut self, encoded: Arc<Encoded>) {
        self.entries.push_back(encoded);
        if self.entries.len() > self.capacity {
            self.entries.pop_front();
        }
    }

    /// The entry whose capture time is nearest to `at`.
    pub fn nearest(&self, at: Timestamp) -> Option<&Arc<Encoded>> {
        self.entries.iter().min_by_key(|e| e.frame.captured_at.abs_diff(at))
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
        let mut history = History::new(3);
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
}
