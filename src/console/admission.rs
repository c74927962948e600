use std::net::IpAddr;
use std::time::Duration;

use super::bucket::Bucket;
use crate::time::Timestamp;

/// Prompts of one page: a second in the long run, and at once. A hand is slower.
const PAGE: (f64, f64) = (12.0, 12.0);
/// Prompts of one address by HTTP.
const HTTP: (f64, f64) = (50.0, 100.0);
/// Prompts at once of a page that has just come: connecting anew wins nothing.
const FIRST: f64 = 1.0;
/// Prompts of all together on a quick stream, a second.
const ALL: f64 = 60.0;
/// Prompts of all together for each frame, and at once: a stream that is slow answers fewer.
const PER_FRAME: f64 = 2.0;
const AT_ONCE: f64 = 48.0;
/// The rate of all is measured over so long.
const MEASURED: Duration = Duration::from_secs(1);
/// Who has asked within so long shares in the rate of all.
const ACTIVE: Duration = Duration::from_secs(1);
/// Who has not asked for so long is forgotten.
const FORGET: Duration = Duration::from_secs(30);
/// Most askers that are remembered.
const ASKERS: usize = 256;

/// Who prompts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A page, by its number.
    Page(u32),
    /// A program at an address.
    Http(IpAddr),
}

/// Lets prompts in at a rate that the stream can bear, by the frames that it shows. While several ask, each has an equal share of it, so that a hasty one
/// does not keep the others out.
#[derive(Debug)]
pub struct Admission {
    askers: Vec<Known>,
    /// Prompts that the frames so far leave room for.
    room: f64,
    frames: u64,
    /// How many prompts a second the stream can bear, and since which frame and time that is measured anew.
    all: f64,
    measured: (u64, Timestamp),
}

#[derive(Debug)]
struct Known {
    asker: Asker,
    bucket: Bucket,
    asked_at: Timestamp,
}

impl Asker {
    fn limit(self) -> (f64, f64) {
        match self {
            Asker::Page(_) => PAGE,
            Asker::Http(_) => HTTP,
        }
    }

    /// What it may ask at once when it comes; a program does not come and go.
    fn first(self) -> f64 {
        match self {
            Asker::Page(_) => FIRST,
            Asker::Http(_) => HTTP.1,
        }
    }
}

impl Admission {
    /// Nobody has asked by `now`.
    pub fn new(now: Timestamp) -> Self {
        Admission { askers: Vec::new(), room: AT_ONCE, frames: 0, all: ALL, measured: (0, now) }
    }

    /// Whether a prompt of `asker` is let in at `now`, when the stream has shown so many `frames`.
    pub fn admit(&mut self, asker: Asker, frames: u64, now: Timestamp) -> bool {
        self.measure(frames, now);
        self.askers.retain(|known| known.asker == asker || now.since(known.asked_at) < FORGET);
        let at = match self.askers.iter().position(|known| known.asker == asker) {
            Some(at) => at,
            None if self.askers.len() >= ASKERS => return false,
            None => {
                let (per_second, burst) = asker.limit();
                let bucket = Bucket::new(per_second, burst, now).holding(asker.first());
                self.askers.push(Known { asker, bucket, asked_at: now });
                self.askers.len() - 1
            }
        };
        self.askers[at].asked_at = now;
        let active = self.askers.iter().filter(|known| now.since(known.asked_at) < ACTIVE).count();
        let share = self.all / active.max(1) as f64;
        let bucket = &mut self.askers[at].bucket;
        bucket.set_rate(asker.limit().0.min(share), now);
        let admitted = bucket.take(now) && self.room >= 1.0;
        if admitted {
            self.room -= 1.0;
        }
        admitted
    }

    fn measure(&mut self, frames: u64, now: Timestamp) {
        self.room = (self.room + PER_FRAME * frames.saturating_sub(self.frames) as f64).min(AT_ONCE);
        self.frames = frames;
        let (first, since) = self.measured;
        let passed = now.since(since);
        if passed >= MEASURED {
            let rate = PER_FRAME * frames.saturating_sub(first) as f64 / passed.as_secs_f64();
            self.all = rate.clamp(PER_FRAME, ALL);
            self.measured = (frames, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_nanos((10_000 + ms) * 1_000_000)
    }

    /// A stream of `fps` frames a second, and who is admitted in it.
    struct Stream {
        admission: Admission,
        fps: u64,
    }

    impl Stream {
        fn new(fps: u64) -> Self {
            Stream { admission: Admission::new(at(0)), fps }
        }

        fn admits(&mut self, asker: Asker, ms: u64) -> bool {
            self.admission.admit(asker, ms * self.fps / 1000, at(ms))
        }
    }

    #[test]
    fn a_hand_is_never_too_quick() {
        let mut stream = Stream::new(24);
        assert!((0..100).all(|n| stream.admits(Asker::Page(1), n * 125)));
    }

    #[test]
    fn a_hasty_page_is_slowed_down() {
        let mut stream = Stream::new(24);
        let admitted = (0..1400).filter(|n| stream.admits(Asker::Page(1), n * 1000 / 140)).count();
        assert!((120..130).contains(&admitted), "{admitted} in ten seconds");
    }

    #[test]
    fn among_hasty_pages_a_calm_one_is_heard() {
        let mut stream = Stream::new(24);
        let (mut hostile, mut calm) = (0, 0);
        for ms in 0..20_000u64 {
            if ms % 7 == 0 {
                hostile += (1..33).filter(|page| stream.admits(Asker::Page(*page), ms)).count();
            }
            if ms % 1000 == 500 {
                calm += usize::from(stream.admits(Asker::Page(99), ms));
            }
        }
        assert!(hostile <= 20 * 48 + 48, "{hostile} in twenty seconds");
        assert!(calm >= 18, "{calm} of 20");
    }

    #[test]
    fn a_slow_stream_takes_fewer_and_one_that_stands_still_none() {
        let mut slow = Stream::new(2);
        let mut admitted = |from: u64| {
            let times = (from..from + 10_000).step_by(7);
            times.filter(|ms| (1..9).any(|page| slow.admits(Asker::Page(page), *ms))).count()
        };
        admitted(0);
        let later = admitted(10_000);
        assert!((30..=41).contains(&later), "{later} in ten seconds of two frames each");
        let mut still = Admission::new(at(0));
        let admitted = (0..60_000).filter(|ms| (1..9).any(|page| still.admit(Asker::Page(page), 0, at(*ms)))).count();
        assert_eq!(admitted, AT_ONCE as usize);
    }

    #[test]
    fn who_comes_anew_wins_little_and_is_forgotten() {
        let mut admission = Admission::new(at(0));
        assert_eq!((0..100).filter(|_| admission.admit(Asker::Page(1), 0, at(0))).count(), FIRST as usize);
        for n in 0..10_000 {
            admission.admit(Asker::Http(IpAddr::from([10, 0, (n / 256) as u8, n as u8])), 0, at(0));
        }
        assert_eq!(admission.askers.len(), ASKERS);
        assert!(admission.admit(Asker::Page(7), 1, at(60_000)));
        assert_eq!(admission.askers.len(), 1);
    }
}
