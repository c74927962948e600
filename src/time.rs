//! The capture clock: one monotonic time line for frames, prompts and latencies.
//!
//! Kernel capture times (V4L2), input event times (evdev) and our own readings are all `CLOCK_MONOTONIC`, so they can be
//! subtracted from each other. Tests drive a [`ManualClock`] instead.

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A moment on the capture clock, in nanoseconds since the clock's own start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The clock's start.
    pub const ZERO: Timestamp = Timestamp(0);

    /// A moment `nanos` nanoseconds after the clock's start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Timestamp(nanos)
    }

    /// A moment `seconds` after the clock's start; at most the clock's end; negative values and NaN count as zero.
    pub fn from_secs_f64(seconds: f64) -> Self {
        Timestamp((seconds.max(0.0) * 1e9).round() as u64)
    }

    /// The moment `seconds` later, at most the clock's end; negative values and NaN count as zero.
    pub fn after_secs(self, seconds: f64) -> Self {
        Timestamp(self.0.saturating_add(Timestamp::from_secs_f64(seconds).0))
    }

    /// Nanoseconds since the clock's start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the clock's start.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Time since `earlier`, zero if `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Seconds from `other` to `self`, negative when `self` comes first.
    pub fn signed_secs_since(self, other: Timestamp) -> f64 {
        let seconds = self.0.abs_diff(other.0) as f64 / 1e9;
        if self < other { -seconds } else { seconds }
    }

    /// Distance in time, whichever comes first.
    pub fn abs_diff(self, other: Timestamp) -> Duration {
        Duration::from_nanos(self.0.abs_diff(other.0))
    }
}

/// The nanoseconds of a duration, at most as many as the clock counts.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;
    fn add(self, rhs: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(nanos(rhs)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Timestamp;
    fn sub(self, rhs: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(nanos(rhs)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}s", self.as_secs_f64())
    }
}

/// A source of [`Timestamp`]s.
pub trait Clock: Send + Sync {
    /// The present moment, never earlier than one given before.
    fn now(&self) -> Timestamp;
}

/// The system's monotonic clock, the one the kernel stamps frames with.
#[derive(Clone, Copy, Debug, Default)]
pub struct MonotonicClock;

impl Clock for MonotonicClock {
    #[cfg(unix)]
    fn now(&self) -> Timestamp {
        let t = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        Timestamp(t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64)
    }

    #[cfg(not(unix))]
    fn now(&self) -> Timestamp {
        use std::sync::OnceLock;
        use std::time::Instant;
        static START: OnceLock<Instant> = OnceLock::new();
        Timestamp(START.get_or_init(Instant::now).elapsed().as_nanos() as u64)
    }
}

/// A clock that moves only when told to. Clones share the time.
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// Moves the time on.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(nanos(by), Ordering::SeqCst);
    }

    /// Sets the time, backwards too.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_and_signs() {
        let a = Timestamp::from_secs_f64(1.0);
        let b = Timestamp::from_secs_f64(1.5);
        assert_eq!(b.since(a), Duration::from_millis(500));
        assert_eq!(a.since(b), Duration::ZERO);
        assert!((a.signed_secs_since(b) + 0.5).abs() < 1e-9);
        assert_eq!(Timestamp::ZERO - Duration::from_secs(1), Timestamp::ZERO);
        let end = Timestamp::from_nanos(u64::MAX);
        assert_eq!((a + Duration::MAX, end - Duration::MAX), (end, Timestamp::ZERO));
        assert!((end.signed_secs_since(Timestamp::ZERO) - 1.8446744e10).abs() < 1e3);
        assert!((Timestamp::ZERO.signed_secs_since(end) + 1.8446744e10).abs() < 1e3);
        for seconds in [f64::NAN, f64::NEG_INFINITY, -1.0] {
            assert_eq!(Timestamp::from_secs_f64(seconds), Timestamp::ZERO);
        }
        assert_eq!(Timestamp::from_secs_f64(f64::INFINITY), end);
    }

    #[test]
    fn monotonic_clock_never_steps_back() {
        let (a, b) = (MonotonicClock.now(), MonotonicClock.now());
        assert!(b >= a && a > Timestamp::ZERO);
    }

    #[test]
    fn manual_clock_is_shared_by_clones() {
        let clock = ManualClock::default();
        let other = clock.clone();
        clock.advance(Duration::from_millis(3));
        assert_eq!(other.now().as_nanos(), 3_000_000);
    }
}
