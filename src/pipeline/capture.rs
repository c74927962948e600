use std::sync::Arc;

use super::losses::Losses;
use super::meter::StageMeter;
use super::shared::{Shared, SlotSender, Turnstile, WAIT};
use crate::capture::{Source, SourceEvent, Step};
use crate::error::Error;
use crate::frame::{Frame, FrameData};
use crate::geometry::Size;
use crate::record::EventKind;
use crate::sync::Pool;
use crate::time::ManualClock;

/// How many times [`WAIT`] the second frame waits at most for the end of the first.
const FIRST_WAITS: usize = 10;

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
            // A source may be short of the buffers that it lent.
            pool.tidy(|frame| frame.data.give_back());
            let filled = pool.fill(|frame| match source.next_frame(frame, WAIT) {
                Ok(Step::Frame) if frame.data.len() as u64 > *frame_bytes => {
                    frame.data = FrameData::default();
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
                    // The first frame is not to be replaced: prompts may be for it. A camera cannot be left alone for long.
                    let waits = match (&self.replay, std::mem::take(&mut first)) {
                        (Some(_), _) => usize::MAX,
                        (None, true) => FIRST_WAITS,
                        (None, false) => 0,
                    };
                    if self.output.put(frame, now, (waits > 0).then(|| self.turnstile.turn())) {
                        self.replaced.add(1, "encoding takes longer than the time between frames");
                    }
                    self.turnstile.wait(&self.shared.stop, waits);
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
        match event {
            SourceEvent::Dropped { count, reason } => self.losses.add(count, reason),
            SourceEvent::Lost { reason, count } => self.shared.emit_now(EventKind::SourceLost { reason, count }),
            SourceEvent::Warned { count, message } => self.shared.emit_now(EventKind::SourceWarned { count, message }),
            SourceEvent::Reopened { after } => {
                self.shared.emit_now(EventKind::SourceReopened { after_s: after.as_secs_f64() });
            }
        }
    }
}
