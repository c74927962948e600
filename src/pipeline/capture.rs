use std::sync::Arc;

use super::losses::Losses;
use super::meter::StageMeter;
use super::shared::{Shared, SlotSender, Turnstile, WAIT};
use crate::capture::{Source, SourceEvent, Step};
use crate::error::Error;
use crate::frame::Frame;
use crate::geometry::Size;
use crate::record::{Event, EventKind};
use crate::sync::Pool;
use crate::time::ManualClock;

/// The capture stage: fills pooled frames and makes each the latest.
pub(super) struct CaptureStage {
    pub source: Box<dyn Source>,
    pub pool: Pool<Frame>,
    /// Most bytes of a frame that is handed on.
    pub frame_bytes: u64,
    pub output: SlotSender<Arc<Frame>>,
    pub meter: StageMeter,
    /// Frames that the source lost.
    pub losses: Losses,
    /// Frames replaced before the next stage took them.
    pub replaced: Losses,
    pub turnstile: Turnstile,
    /// In a replay, the clock that frames set: each passes all stages before the next is read.
    pub replay: Option<ManualClock>,
    pub shared: Shared,
}

/// Why a pooled frame was not filled.
enum Unfilled {
    Step(Step),
    Error(Error),
    /// The frame takes more memory than it may.
    TooLarge(Size),
}

impl CaptureStage {
    /// Runs until the source ends, fails, or the pipeline stops.
    pub fn run(mut self) {
        let mut began = self.shared.clock.now();
        let mut first = true;
        while !self.shared.stop.is_stopped() {
            // A call that does not come back shows as a stalled stage.
            self.meter.occupy(self.shared.clock.now());
            let Self { source, pool, frame_bytes, .. } = &mut self;
            let filled = pool.fill(|frame| match source.next_frame(frame, WAIT) {
                Ok(Step::Frame) if frame.data.len() as u64 > *frame_bytes => {
                    frame.data = Vec::new();
                    Err(Unfilled::TooLarge(frame.size))
                }
                Ok(Step::Frame) => Ok(()),
                Ok(step) => Err(Unfilled::Step(step)),
                Err(error) => Err(Unfilled::Error(error)),
            });
            self.meter.abandon();
            while let Some(event) = self.source.take_event() {
                self.pass_on(event);
            }
            match filled {
                Ok(Some(frame)) => {
                    let now = self.shared.clock.now();
                    self.shared.set_origin(frame.captured_at);
                    // Waiting for the camera is this stage's work: its service time is the time between frames.
                    self.meter.begin(began, std::time::Duration::ZERO);
                    self.meter.end(now.since(began));
                    began = now;
                    if let Some(clock) = &self.replay {
                        clock.set(frame.captured_at);
                    }
                    // The first frame is never replaced: prompts may be for it.
                    let alone = std::mem::take(&mut first) || self.replay.is_some();
                    if self.output.put(frame, now, alone.then(|| self.turnstile.turn())) {
                        self.replaced.add(1, "encoding takes longer than the time between frames");
                    }
                    if alone {
                        self.turnstile.wait(&self.shared.stop);
                    }
                }
                Ok(None) => {
                    // Every frame is still held downstream; the pool is sized so that this passes within a frame.
                    self.losses.add(1, "every frame buffer is in use");
                    self.shared.stop.wait(std::time::Duration::from_millis(2));
                }
                Err(Unfilled::TooLarge(Size { width, height })) => {
                    let reason =
                        format!("frames of {width}x{height} pixels do not fit into --max-memory: scale them first");
                    self.losses.add(1, reason);
                }
                Err(Unfilled::Step(Step::End)) => break,
                Err(Unfilled::Step(_)) => {}
                Err(Unfilled::Error(error)) => {
                    self.shared.fail(error);
                    break;
                }
            }
            self.losses.emit(&self.shared);
            self.replaced.emit(&self.shared);
        }
        self.losses.emit_all(&self.shared);
        self.replaced.emit_all(&self.shared);
    }

    fn pass_on(&mut self, event: SourceEvent) {
        let time_s = self.shared.stream_time(self.shared.stream_clock.now());
        match event {
            SourceEvent::Dropped { count, reason } => self.losses.add(count, reason),
            SourceEvent::Lost { reason, count } => {
                self.shared.emit(Event::new(time_s, EventKind::SourceLost { reason, count }))
            }
            SourceEvent::Warned { count, message } => {
                self.shared.emit(Event::new(time_s, EventKind::SourceWarned { count, message }))
            }
            SourceEvent::Reopened { after } => {
                self.shared.emit(Event::new(time_s, EventKind::SourceReopened { after_s: after.as_secs_f64() }))
            }
        }
    }
}
