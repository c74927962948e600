use std::sync::Arc;

use super::meter::StageMeter;
use super::shared::{Feed, Shared, WAIT};
use crate::capture::{Source, SourceEvent, Step};
use crate::error::Error;
use crate::frame::Frame;
use crate::sink::{Event, EventKind};
use crate::sync::Pool;
use crate::time::Timestamp;

/// The capture stage: fills pooled frames and makes each the latest.
pub(super) struct CaptureStage {
    pub source: Box<dyn Source>,
    pub pool: Pool<Frame>,
    pub output: Feed<Arc<Frame>>,
    pub meter: StageMeter,
    /// The next stage's meter: a frame that is replaced before it is taken is that stage's drop.
    pub next: StageMeter,
    pub shared: Shared,
}

/// Why a pooled frame was not filled.
enum Unfilled {
    Step(Step),
    Error(Error),
}

impl CaptureStage {
    /// Runs until the source ends, fails, or the pipeline stops.
    pub fn run(mut self) {
        let mut losses = Losses::default();
        let mut began = self.shared.clock.now();
        while !self.shared.stop.is_stopped() {
            let Self { source, pool, .. } = &mut self;
            let filled = pool.fill(|frame| match source.next_frame(frame, WAIT) {
                Ok(Step::Frame) => Ok(()),
                Ok(step) => Err(Unfilled::Step(step)),
                Err(error) => Err(Unfilled::Error(error)),
            });
            while let Some(event) = self.source.take_event() {
                self.pass_on(event, &mut losses);
            }
            match filled {
                Ok(Some(frame)) => {
                    let now = self.shared.clock.now();
                    self.shared.set_origin(frame.captured_at);
                    // Waiting for the camera is this stage's work: its service time is the time between frames.
                    self.meter.begin(began, std::time::Duration::ZERO);
                    self.meter.end(now.since(began));
                    began = now;
                    if self.output.put(frame, now) {
                        self.next.drop_frames(1);
                    }
                }
                Ok(None) => {
                    // Every frame is still held downstream; the pool is sized so that this passes within a frame.
                    losses.add(1, "every frame buffer is in use", &self.meter);
                    self.shared.stop.wait(std::time::Duration::from_millis(2));
                }
                Err(Unfilled::Step(Step::End)) => break,
                Err(Unfilled::Step(_)) => {}
                Err(Unfilled::Error(error)) => {
                    self.shared.fail(error);
                    break;
                }
            }
            losses.tell(&self.shared, false);
        }
        losses.tell(&self.shared, true);
    }

    fn pass_on(&self, event: SourceEvent, losses: &mut Losses) {
        let time_s = self.shared.stream_time(self.shared.clock.now());
        match event {
            SourceEvent::Dropped { count, reason } => losses.add(count, &reason, &self.meter),
            SourceEvent::Lost { reason } => self.shared.tell(Event::new(time_s, EventKind::SourceLost { reason })),
            SourceEvent::Reopened { after } => {
                self.shared.tell(Event::new(time_s, EventKind::SourceReopened { after_s: after.as_secs_f64() }))
            }
        }
    }
}

/// Frames lost before they reached us, told at most once a second.
#[derive(Default)]
struct Losses {
    untold: u64,
    reason: String,
    told_at: Option<Timestamp>,
}

impl Losses {
    fn add(&mut self, count: u64, reason: &str, meter: &StageMeter) {
        self.untold += count;
        meter.drop_frames(count);
        if self.reason != reason {
            reason.clone_into(&mut self.reason);
        }
    }

    fn tell(&mut self, shared: &Shared, last: bool) {
        if self.untold == 0 {
            return;
        }
        let now = shared.clock.now();
        if last || self.told_at.is_none_or(|t| now.since(t).as_secs() >= 1) {
            let count = std::mem::take(&mut self.untold);
            let reason = self.reason.clone();
            let kind = EventKind::Dropped { stage: "capture".into(), count, reason };
            shared.tell(Event::new(shared.stream_time(now), kind));
            self.told_at = Some(now);
        }
    }
}
