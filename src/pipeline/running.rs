use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::degrade::{DegradeSummary, Log, Switch};
use super::meter::{AgeMeter, StageMeters, StageReports};
use super::output::{Outputs, SINK};
use super::requests::{PromptReport, Requests};
use super::shared::{self, Shared};
use super::summary::{Summary, Throughput};
use super::threads::Threads;
use super::watchdog::Watchdog;
use crate::capture::SourceInfo;
use crate::error::{PipelineError, Result};
use crate::input::GazeReport;
use crate::model::{Decoder, Encoder};
use crate::sync::LatencySummary;
use crate::time::Timestamp;

/// A stream that runs.
pub struct Running {
    pub(super) shared: Shared,
    pub(super) started: Timestamp,
    pub(super) info: SourceInfo,
    pub(super) threads: Threads,
    pub(super) input_threads: Threads,
    pub(super) meters: StageMeters,
    pub(super) outputs: Outputs,
    pub(super) age: AgeMeter,
    pub(super) requests: Requests,
    pub(super) replay: bool,
    pub(super) inputs_lost: Arc<AtomicU64>,
    pub(super) gaze_report: Arc<OnceLock<GazeReport>>,
    pub(super) watchdog: Watchdog,
    pub(super) degrade: Option<Log>,
    pub(super) switch: Option<Switch>,
}

impl Running {
    /// What the stream reads.
    pub fn source(&self) -> &SourceInfo {
        &self.info
    }

    /// Asks every stage to end after what it holds now.
    pub fn stop(&self) {
        self.shared.stop.stop();
    }

    /// True when the source has ended and every frame is decoded.
    pub fn is_finished(&self) -> bool {
        self.threads.are_finished(|stage| stage != SINK)
    }

    /// True when the stream was asked to end and finishes what it holds.
    pub fn is_stopping(&self) -> bool {
        self.shared.stop.is_stopped()
    }

    /// What keeps the stream from getting on, if anything does: a stage that holds one frame for too long, or frames that go
    /// in while none comes out. A camera that is away and being reopened does not. Judged while [`Self::wait`] runs.
    pub fn stuck(&self) -> Option<std::borrow::Cow<'static, str>> {
        self.watchdog.stuck(self.shared.clock.now())
    }

    /// What is given up at present; `None` without a ladder.
    pub fn degrade(&self) -> Option<DegradeSummary> {
        self.degrade.as_ref().map(|log| log.summary(self.shared.clock.now()))
    }

    /// Goes on with another model between two frames; what is followed stays so. `setting` says for a user what it is. The
    /// ladder, if there is one, is left.
    ///
    /// # Errors
    /// When its masks are more or fewer, or its input of other proportions, than those of the model that the stream began
    /// with, or the stream was not made [`exchangeable`](super::Pipeline::exchangeable).
    pub fn exchange(
        &self,
        model: &str,
        encoder: Box<dyn Encoder>,
        decoder: Box<dyn Decoder>,
        setting: &str,
    ) -> Result<()> {
        let fixed = || PipelineError::NotExchangeable { model: model.to_owned() };
        self.switch.as_ref().ok_or_else(fixed)?.put_by_hand(model, encoder, decoder)?;
        if let Some(log) = &self.degrade {
            log.choose(format!("{setting}, chosen by hand"));
        }
        Ok(())
    }

    /// What became of the prompts so far, and whether they come faster than there is time for.
    pub fn prompts(&self) -> PromptReport {
        self.requests.report(self.shared.clock.now())
    }

    /// From capture to mask, for 95 of 100 frames of the last two seconds; `None` while there are too few.
    pub fn recent_latency(&self) -> Option<Duration> {
        self.age.recent_p95(self.shared.clock.now(), Duration::from_secs(2), self.started)
    }

    /// From capture to mask, over the whole stream so far.
    pub fn age(&self) -> LatencySummary {
        self.age.summary()
    }

    /// Figures of every stage so far.
    pub fn reports(&self) -> StageReports {
        self.meters.reports(self.outputs.meters())
    }

    /// Watches the stages until the stream ends, calling `each` about every 100 ms, and sums it up.
    ///
    /// # Errors
    /// The first error of any stage. The sinks have finished what reached them by then.
    pub fn wait(mut self, mut each: impl FnMut(&Running)) -> Result<Summary> {
        while !self.is_finished() {
            std::thread::sleep(shared::WAIT);
            for event in self.watchdog.check(self.shared.clock.now(), &self.shared) {
                self.shared.emit(event);
            }
            each(&self);
        }
        self.input_threads.stop.stop();
        let stages = self.threads.join(|stage| stage != SINK);
        let input = self.input_threads.join(|_| true);
        self.outputs.finish(self.sum_up());
        // A sink that is given up keeps its thread.
        let sinks = if self.outputs.wait() { self.threads.join(|_| true) } else { Ok(()) };
        stages.and(input).and(sinks)?;
        match self.shared.take_failure() {
            Some(error) => Err(error),
            None => Ok(self.sum_up()),
        }
    }

    fn sum_up(&self) -> Summary {
        let (stages, prompts) = (self.reports(), self.prompts());
        Summary {
            seconds: self.shared.clock.now().since(self.started).as_secs_f64(),
            frames_captured: stages.capture.frames_out,
            frames_out: stages.decode.frames_out,
            frames_dropped: stages.frames_dropped(),
            age: self.age.summary(),
            age_at_sink: self.outputs.slowest_age(),
            sink_failures: self.outputs.failures(),
            prompts_unanswered: usize::try_from(prompts.unanswered()).unwrap_or(usize::MAX),
            prompts,
            replay: self.replay,
            inputs_lost: self.inputs_lost.load(Ordering::Relaxed),
            gaze: self.gaze_report.get().cloned(),
            throughput: Throughput::new(self.age.fps(), stages.chain()),
            degrade: self.degrade(),
            stages,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.stop.stop();
        self.input_threads.stop.stop();
    }
}
