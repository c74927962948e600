use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Timestamp;

/// Frames under way to one page at most.
const CREDIT: usize = 2;
/// A frame that takes longer from here to the screen and back is too large for the way.
const SLOW: Duration = Duration::from_millis(250);
/// One that is faster leaves room for a larger one.
const QUICK: Duration = Duration::from_millis(90);
/// Slow frames in a row before the image gets smaller, quick ones before it gets larger.
const SLOW_ROW: u32 = 3;
const QUICK_ROW: u32 = 60;

/// How fast one page takes frames, and which image suits it. A page reports when a frame is on its screen; one that does
/// not gets no further frame.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    under_way: VecDeque<(u64, Timestamp)>,
    level: usize,
    slow: u32,
    quick: u32,
    /// From sending a frame to learning that it is on the screen, smoothed.
    round_trip: Option<Duration>,
}

impl Pace {
    /// Whether a frame may be sent.
    pub fn is_ready(&self) -> bool {
        self.under_way.len() < CREDIT
    }

    /// The level of the image's size and quality, 0 for the best.
    pub fn level(&self) -> usize {
        self.level
    }

    /// From sending a frame to learning that it is on the screen, smoothed; `None` before the first.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// A frame was sent.
    pub fn sent(&mut self, frame: u64, now: Timestamp) {
        self.under_way.push_back((frame, now));
    }

    /// The page shows `frame`, and thereby has done with all before it; `levels` is how many levels there are. A frame that was never sent changes nothing.
    pub fn shown(&mut self, frame: u64, levels: usize, now: Timestamp) {
        let Some(at) = self.under_way.iter().position(|(sent, _)| *sent == frame) else { return };
        let took = now.since(self.under_way[at].1);
        self.under_way.drain(..=at);
        self.round_trip = Some(self.round_trip.map_or(took, |before| (before * 7 + took) / 8));
        self.slow = if took > SLOW { self.slow + 1 } else { 0 };
        self.quick = if took < QUICK { self.quick + 1 } else { 0 };
        if self.slow >= SLOW_ROW && self.level + 1 < levels {
            self.level += 1;
            (self.slow, self.quick) = (0, 0);
        } else if self.quick >= QUICK_ROW && self.level > 0 {
            self.level -= 1;
            (self.slow, self.quick) = (0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Timestamp {
        Timestamp::from_nanos(n * 1_000_000)
    }

    #[test]
    fn a_page_that_does_not_answer_gets_two_frames() {
        let mut pace = Pace::default();
        let mut sent = 0;
        for frame in 0..100 {
            if pace.is_ready() {
                pace.sent(frame, ms(frame));
                sent += 1;
            }
        }
        assert_eq!(sent, 2);
        pace.shown(77, 4, ms(100));
        assert!(!pace.is_ready(), "a frame that was never sent frees nothing");
        pace.shown(1, 4, ms(100));
        assert!(pace.is_ready());
        assert!(pace.under_way.is_empty(), "the later one stands for the earlier");
    }

    #[test]
    fn a_slow_way_gets_smaller_images_and_a_quick_one_larger_again() {
        let mut pace = Pace::default();
        let mut run = |count: u64, took: u64| {
            for frame in 0..count {
                pace.sent(frame, ms(frame * 1000));
                pace.shown(frame, 3, ms(frame * 1000 + took));
            }
            pace.level()
        };
        assert_eq!(run(2, 900), 0);
        assert_eq!(run(1, 900), 1);
        assert_eq!(run(100, 900), 2, "there is no smaller one");
        assert_eq!(run(100, 150), 2, "in between it stays");
        assert_eq!(run(60, 20), 1);
        assert_eq!(run(500, 20), 0);
    }
}
