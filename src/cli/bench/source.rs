//! `foveate bench --source`: how a camera's frames arrive, and what bringing them here costs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Serialize;

use crate::board::Board;
use crate::capture::{Source, SourceAddress, SourceEvent, SourceOptions, Step};
use crate::cli::output::{print, print_json};
use crate::cli::progress;
use crate::error::Error;
use crate::frame::{Frame, PixelFormat};
use crate::statistics::Samples;
use crate::sync::Pool;
use crate::time::{Clock, MonotonicClock, Timestamp};

/// Frames before the measurement: exposure settles, buffers are made, a pipeline's pool is tried out.
const WARM_UP: u32 = 60;
/// Frames that are held, as a stream does for prompts that come late.
const HELD: usize = 16;
/// How long no frame may come.
const PATIENCE: Duration = Duration::from_secs(20);
const WAIT: Duration = Duration::from_millis(100);

/// The JSON form of `foveate bench --source`.
#[derive(Debug, Serialize)]
struct Report {
    source: String,
    /// Width and height of the last frame.
    size: [u32; 2],
    format: PixelFormat,
    frames: u32,
    /// Frames a second, as they came.
    fps: Option<f64>,
    /// Bytes of a frame; the mean of JPEG images.
    frame_bytes: f64,
    /// Bytes a frame that were copied on the way here.
    copied_bytes: f64,
    /// How many frames lay in the source's own buffers.
    lent: u32,
    /// From the capture to the frame in hand, as far as the source's times are those of the capture.
    delivery_median_ms: Option<f64>,
    delivery_p99_ms: Option<f64>,
    /// Frames that were lost, by the reason; those of the warm-up do not count.
    dropped: BTreeMap<String, u64>,
}

/// Sums over the measured frames.
#[derive(Default)]
struct Totals {
    frames: u32,
    frame_bytes: u64,
    copied_bytes: u64,
    lent: u32,
    first: Option<Timestamp>,
    last: Timestamp,
    delivery: Samples,
    dropped: BTreeMap<String, u64>,
}

/// Reads `frames` frames, after a warm-up.
pub(super) fn run(address: &SourceAddress, frames: u32, json: bool) -> anyhow::Result<()> {
    let clock = Arc::new(MonotonicClock);
    let board = Board::load("auto")?;
    let options = SourceOptions { looped: true, ..board.source_options() };
    let mut source = address.open(&options, clock.clone())?;
    let report = measure(source.as_mut(), frames, clock.as_ref())?;
    if json { print_json(&report) } else { print(&table(&report)) }
}

fn measure(source: &mut dyn Source, frames: u32, clock: &dyn Clock) -> anyhow::Result<Report> {
    let mut pool = Pool::new(HELD + 2, Frame::default);
    let (mut held, mut totals) = (VecDeque::with_capacity(HELD + 1), Totals::default());
    let (mut came, mut alive) = (0, clock.now());
    let bar = progress::bar((WARM_UP + frames) as usize, "frames");
    while totals.frames < frames {
        pool.tidy(|frame| frame.data.give_back());
        let mut step = Step::Idle;
        let filled = pool.fill(|frame| {
            step = source.next_frame(frame, WAIT)?;
            // What is not filled is not handed out, but its place stays free either way.
            Ok::<_, Error>(())
        })?;
        while let Some(event) = source.take_event() {
            match event {
                SourceEvent::Dropped { count, reason } if came >= WARM_UP => {
                    *totals.dropped.entry(reason.into_owned()).or_default() += count;
                }
                SourceEvent::Lost { reason, .. } => tracing::warn!("{}: {reason}", source.info().address),
                SourceEvent::Warned { message, .. } => tracing::warn!("{}: {message}", source.info().address),
                SourceEvent::Dropped { .. } | SourceEvent::Reopened { .. } => {}
            }
        }
        let now = clock.now();
        match step {
            Step::Frame => {}
            Step::Idle if now.since(alive) < PATIENCE => continue,
            Step::Idle => bail!("{}: no frame for {} s", source.info().address, PATIENCE.as_secs()),
            Step::End => break,
        }
        let frame = filled.context("every frame is in use")?;
        frame.check()?;
        (came, alive) = (came + 1, now);
        if came > WARM_UP {
            totals.add(&frame, now);
        }
        held.push_back(frame);
        if held.len() > HELD {
            held.pop_front();
        }
        bar.advance();
    }
    bar.clear();
    let last = held.back().filter(|_| totals.frames > 0);
    let last = last.with_context(|| {
        format!("{} ended after {came} frames: {WARM_UP} are read before the first that counts", source.info().address)
    })?;
    Ok(totals.report(source.info().address.clone(), last))
}

impl Totals {
    fn add(&mut self, frame: &Frame, now: Timestamp) {
        self.frames += 1;
        self.frame_bytes += frame.data.len() as u64;
        self.copied_bytes += frame.copied_bytes;
        self.lent += u32::from(frame.data.is_lent());
        self.first.get_or_insert(now);
        self.last = now;
        self.delivery.push(now.since(frame.captured_at));
    }

    fn report(self, source: String, last: &Frame) -> Report {
        let each = |sum: u64| sum as f64 / f64::from(self.frames);
        let seconds = self.first.map_or(0.0, |first| self.last.since(first).as_secs_f64());
        Report {
            source,
            size: [last.size.width, last.size.height],
            format: last.format,
            frames: self.frames,
            fps: (seconds > 0.0).then(|| f64::from(self.frames - 1) / seconds),
            frame_bytes: each(self.frame_bytes),
            copied_bytes: each(self.copied_bytes),
            lent: self.lent,
            delivery_median_ms: self.delivery.median_ms(),
            delivery_p99_ms: self.delivery.quantile_ms(0.99),
            dropped: self.dropped,
        }
    }
}

fn table(report: &Report) -> String {
    let Report { source, size: [width, height], format, frames, frame_bytes, copied_bytes, lent, .. } = report;
    let or_zero = |value: Option<f64>| value.unwrap_or_default();
    let copies = copied_bytes / frame_bytes.max(1.0);
    let mut text = format!(
        "{source}: {frames} frames of {width}x{height} {format}, {:.1} a second\n  \
         bytes of a frame  {frame_bytes:>10.0}\n  \
         copied a frame    {copied_bytes:>10.0}  ({copies:.2} times; {lent} frames read where they lay)\n  \
         capture to hand   {:>10.2} ms, p99 {:.2} ms\n",
        or_zero(report.fps),
        or_zero(report.delivery_median_ms),
        or_zero(report.delivery_p99_ms),
    );
    for (reason, count) in &report.dropped {
        text.push_str(&format!("  {count:>8} lost: {reason}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::SourceInfo;
    use crate::geometry::Size;

    /// Frames of which every second is lent; it loses one.
    struct Halves(SourceInfo, u64);

    impl Source for Halves {
        fn info(&self) -> &SourceInfo {
            &self.0
        }

        fn next_frame(&mut self, frame: &mut Frame, _: Duration) -> crate::Result<Step> {
            if self.1 == 100 {
                return Ok(Step::End);
            }
            (frame.size, frame.format, frame.stride) = (Size::new(4, 2), PixelFormat::Grey, 4);
            frame.captured_at = MonotonicClock.now();
            (frame.sequence, frame.copied_bytes) = (self.1, 8 * (self.1 % 2));
            match self.1 % 2 {
                0 => frame.data.lend(Arc::new([0; 8])),
                _ => frame.data.own_mut().resize(8, 0),
            }
            self.1 += 1;
            Ok(Step::Frame)
        }

        fn take_event(&mut self) -> Option<SourceEvent> {
            let is_due = self.1 == 70 && self.0.rate.take().is_some();
            is_due.then(|| SourceEvent::Dropped { count: 3, reason: "late".into() })
        }
    }

    fn halves() -> Halves {
        let (size, format) = (Size::new(4, 2), PixelFormat::Grey);
        Halves(SourceInfo { address: "halves".into(), size, format, rate: Some(1.0), intrinsics: None }, 0)
    }

    #[test]
    fn what_is_copied_lent_and_lost_is_counted_after_the_warm_up() {
        let report = measure(&mut halves(), 20, &MonotonicClock).unwrap();
        assert_eq!((report.frames, report.frame_bytes, report.copied_bytes, report.lent), (20, 8.0, 4.0, 10));
        assert_eq!(report.dropped["late"], 3);
        assert!(table(&report).contains("0.50 times") && table(&report).contains("3 lost: late"));
    }

    #[test]
    fn a_source_that_ends_is_measured_up_to_there_or_refused() {
        assert_eq!(measure(&mut halves(), 1000, &MonotonicClock).unwrap().frames, 40);
        let mut short = halves();
        short.1 = 50;
        let reason = measure(&mut short, 10, &MonotonicClock).unwrap_err().to_string();
        assert!(reason.contains("after 50 frames"), "{reason}");
    }
}
