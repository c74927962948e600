use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Timestamp;

/// What is judged: the last so long.
const WINDOW: Duration = Duration::from_secs(3);
/// Ticks that are kept at most, should they come faster than they do.
const TICKS: usize = 64;

/// How fast the stream goes, and how fast it usually does, by its counts twice a second.
#[derive(Debug, Default)]
pub struct Pulse {
    counts: Counts,
    ticks: VecDeque<(Timestamp, Counts)>,
    /// From capture to mask, smoothed.
    age: Option<Duration>,
    usual: Option<(f64, Duration)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    captured: u64,
    shown: u64,
    prompts: u64,
}

/// The stream's rates over the last seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vitals {
    /// Frames that get their masks.
    pub frames_per_s: f64,
    /// Frames that the source gives.
    pub source_per_s: f64,
    /// Prompts that are passed on.
    pub prompts_per_s: f64,
    /// The best of `frames_per_s` since this source and model run.
    pub usual_per_s: f64,
    /// From capture to mask.
    pub age: Duration,
    /// The best of `age` since this source and model run.
    pub usual_age: Duration,
}

impl Pulse {
    /// Another source or model runs from now on: what was usual is so no more.
    pub fn restart(&mut self) {
        self.ticks.clear();
        (self.age, self.usual) = (None, None);
    }

    /// A frame has its masks, `age` after its capture.
    pub fn frame(&mut self, age: Duration) {
        self.counts.shown += 1;
        self.age = Some(self.age.map_or(age, |before| (before * 7 + age) / 8));
    }

    /// A prompt was passed on to the stream.
    pub fn prompt(&mut self) {
        self.counts.prompts += 1;
    }

    /// The source has given `captured` frames by `now`.
    pub fn tick(&mut self, captured: u64, now: Timestamp) {
        if captured < self.counts.captured {
            self.restart();
        }
        self.counts.captured = captured;
        self.ticks.push_back((now, self.counts));
        // The first of those that are kept is as old as the window, or older.
        while self.ticks.len() > TICKS || self.ticks.get(1).is_some_and(|(at, _)| now.since(*at) >= WINDOW) {
            self.ticks.pop_front();
        }
        if let Some((now, age)) = self.vitals().map(|vitals| (vitals.frames_per_s, vitals.age)) {
            let (best, youngest) = self.usual.unwrap_or((now, age));
            self.usual = Some((best.max(now), youngest.min(age)));
        }
    }

    /// The rates; `None` before there are enough counts.
    pub fn vitals(&self) -> Option<Vitals> {
        let ((from, first), (to, last)) = (self.ticks.front()?, self.ticks.back()?);
        let (passed, age) = (to.since(*from), self.age?);
        if passed < WINDOW {
            return None;
        }
        let rate = |count: fn(&Counts) -> u64| (count(last) - count(first)) as f64 / passed.as_secs_f64();
        let frames_per_s = rate(|counts| counts.shown);
        let (usual_per_s, usual_age) = self.usual.unwrap_or((frames_per_s, age));
        Some(Vitals {
            frames_per_s,
            source_per_s: rate(|counts| counts.captured),
            prompts_per_s: rate(|counts| counts.prompts),
            usual_per_s,
            age,
            usual_age,
        })
    }
}

impl Vitals {
    /// Why the stream is starved, if it is: it shows less than half of the frames that it could, or they come late, beside
    /// what it did before. A source that gives fewer frames starves nothing.
    pub fn starved(&self) -> Option<String> {
        let Vitals { frames_per_s, source_per_s, prompts_per_s, usual_per_s, age, usual_age } = self;
        let prompts =
            if *prompts_per_s >= 1.0 { format!(", with {prompts_per_s:.0} prompts a second") } else { String::new() };
        if *frames_per_s < 0.5 * usual_per_s.min(*source_per_s) {
            return Some(format!(
                "{frames_per_s:.1} frames a second of the source's {source_per_s:.1}, usually {usual_per_s:.1}{prompts}"
            ));
        }
        let (age, usual) = (age.as_secs_f64(), usual_age.as_secs_f64());
        let late = age > 1.0 + 4.0 * usual;
        late.then(|| format!("masks come {age:.1} s after their frames, usually {usual:.2} s{prompts}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream by the half second: frames captured, shown, and prompts in each.
    #[derive(Default)]
    struct Stream {
        pulse: Pulse,
        ticks: u64,
        captured: u64,
    }

    impl Stream {
        fn run(&mut self, seconds: u64, [captured, shown, prompts]: [u64; 3], age_ms: u64) -> Option<Vitals> {
            for _ in 0..seconds * 2 {
                self.ticks += 1;
                self.captured += captured;
                (0..shown).for_each(|_| self.pulse.frame(Duration::from_millis(age_ms)));
                (0..prompts).for_each(|_| self.pulse.prompt());
                self.pulse.tick(self.captured, Timestamp::from_nanos(self.ticks * 500_000_000));
            }
            self.pulse.vitals()
        }
    }

    #[test]
    fn prompts_that_starve_the_stream_are_told() {
        let mut stream = Stream::default();
        assert_eq!(stream.run(2, [12, 12, 0], 40), None, "too early to tell");
        let vitals = stream.run(10, [12, 12, 0], 40).unwrap();
        assert!((vitals.frames_per_s - 24.0).abs() < 1e-9 && vitals.starved().is_none(), "{vitals:?}");
        let starved = stream.run(4, [12, 4, 60], 300).unwrap().starved().unwrap();
        assert!(
            starved.contains("8.0 frames a second of the source's 24.0") && starved.contains("120 prompts"),
            "{starved}"
        );
        let vitals = stream.run(600, [12, 4, 60], 300).unwrap();
        assert!(vitals.starved().is_some(), "however long it lasts");
        assert_eq!(stream.run(5, [12, 12, 2], 40).unwrap().starved(), None);
    }

    #[test]
    fn a_slow_board_and_a_slow_source_starve_nothing() {
        let mut slow_board = Stream::default();
        assert_eq!(slow_board.run(20, [15, 3, 0], 400).unwrap().starved(), None);
        let mut source = Stream::default();
        source.run(20, [15, 15, 0], 40);
        assert_eq!(source.run(20, [2, 2, 0], 40).unwrap().starved(), None);
        let mut switched = Stream::default();
        switched.run(20, [15, 15, 0], 40);
        switched.pulse.restart();
        assert_eq!(switched.run(20, [15, 3, 0], 2_000).unwrap().starved(), None);
    }

    #[test]
    fn masks_that_come_late_are_told_and_memory_is_bounded() {
        let mut stream = Stream::default();
        stream.run(10, [12, 12, 0], 50);
        let late = stream.run(10, [12, 12, 0], 3_000).unwrap().starved().unwrap();
        assert!(late.contains("3.0 s"), "{late}");
        (0..1000).for_each(|n| stream.pulse.tick(stream.captured, Timestamp::from_nanos(20_000_000_000 + n)));
        assert!(stream.pulse.ticks.len() <= TICKS);
    }
}
