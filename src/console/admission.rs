use std::net::IpAddr;
use std::time::Duration;

use super::bucket::Bucket;
use crate::time::Timestamp;

/// Prompts of one page: a second in the long run, and at once. A hand is slower.
const PAGE: (f64, f64) = (12.0, 12.0);
/// Prompts of one address by HTTP.
const HTTP: (f64, f64) = (50.0, 100.0);
/// Prompts at once of one that has just come: connecting anew wins nothing.
const FIRST: f64 = 4.0;
/// Prompts of all together.
const ALL: (f64, f64) = (60.0, 120.0);
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

/// Lets prompts in at a rate that the stream can bear. While several ask, each has an equal share of it, so that a hasty one
/// does not keep the others out.
#[derive(Debug)]
pub struct Admission {
    all: Bucket,
    askers: Vec<Known>,
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
        Admission { all: Bucket::new(ALL.0, ALL.1, now), askers: Vec::new() }
    }

    /// Whether a prompt of `asker` is let in at `now`.
    pub fn admit(&mut self, asker: Asker, now: Timestamp) -> bool {
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
        let share = ALL.0 / active.max(1) as f64;
        let bucket = &mut self.askers[at].bucket;
        bucket.set_rate(asker.limit().0.min(share), now);
        bucket.take(now) && self.all.take(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_nanos((10_000 + ms) * 1_000_000)
    }

    #[test]
    fn a_hand_is_never_too_quick() {
        let mut admission = Admission::new(at(0));
        assert!((0..100).all(|n| admission.admit(Asker::Page(1), at(n * 125))));
    }

    #[test]
    fn a_hasty_page_is_slowed_down() {
        let mut admission = Admission::new(at(0));
        let admitted = (0..1400).filter(|n| admission.admit(Asker::Page(1), at(n * 1000 / 140))).count();
        assert!((120..130).contains(&admitted), "{admitted} in ten seconds");
    }

    #[test]
    fn among_hasty_pages_a_calm_one_is_heard() {
        let mut admission = Admission::new(at(0));
        let (mut hostile, mut calm) = (0, 0);
        for ms in 0..20_000u64 {
            if ms % 7 == 0 {
                hostile += (1..33).filter(|page| admission.admit(Asker::Page(*page), at(ms))).count();
            }
            if ms % 1000 == 500 {
                calm += usize::from(admission.admit(Asker::Page(99), at(ms)));
            }
        }
        assert!(hostile <= 20 * 60 + 120, "{hostile} in twenty seconds");
        assert!(calm >= 18, "{calm} of 20");
    }

    #[test]
    fn who_comes_anew_wins_little_and_is_forgotten() {
        let mut admission = Admission::new(at(0));
        assert_eq!((0..100).filter(|_| admission.admit(Asker::Page(1), at(0))).count(), FIRST as usize);
        for n in 0..10_000 {
            admission.admit(Asker::Http(IpAddr::from([10, 0, (n / 256) as u8, n as u8])), at(0));
        }
        assert_eq!(admission.askers.len(), ASKERS);
        assert!(admission.admit(Asker::Page(7), at(60_000)));
        assert_eq!(admission.askers.len(), 1);
    }
}
