use std::thread::{Builder, JoinHandle};

use crossbeam_channel::bounded;

use super::affinity::Placement;
use crate::board::OnFailure;
use crate::error::{PipelineError, Result};
use crate::sync::StopToken;

/// Threads that stop together.
pub(super) struct Threads {
    pub stop: StopToken,
    handles: Vec<(&'static str, JoinHandle<()>)>,
}

impl Threads {
    pub fn new(stop: StopToken) -> Self {
        Threads { stop, handles: Vec::new() }
    }

    /// Starts a named thread, placed as `placement` says.
    pub fn spawn(
        &mut self,
        stage: &'static str,
        placement: &Placement,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<()> {
        let placement = placement.clone();
        let stop = self.stop.clone();
        let (report, placed) = bounded(1);
        let spawned = Builder::new().name(format!("foveate-{stage}")).spawn(move || {
            // A panic in one stage must not leave the others waiting for it.
            let _stop = StopOnPanic(stop);
            match placement.apply() {
                Err(reason) if placement.on_failure == OnFailure::Fail => return drop(report.send(reason)),
                Err(reason) => tracing::warn!("{stage}: {reason}"),
                Ok(()) => {}
            }
            drop(report);
            work();
        });
        let failure = match spawned {
            Ok(handle) => {
                self.handles.push((stage, handle));
                // The channel closes without a message once the thread is placed.
                let Ok(reason) = placed.recv() else { return Ok(()) };
                PipelineError::Placement { stage: stage.to_owned(), reason }
            }
            Err(source) => PipelineError::Spawn { stage: stage.to_owned(), source },
        };
        self.stop.stop();
        Err(failure.into())
    }

    /// True when every thread of a stage that is `wanted` has ended.
    pub fn are_finished(&self, wanted: impl Fn(&str) -> bool) -> bool {
        self.handles.iter().all(|(stage, handle)| !wanted(stage) || handle.is_finished())
    }

    /// Waits for every thread of a stage that is `wanted`; a panic in one of them is the error.
    pub fn join(&mut self, wanted: impl Fn(&str) -> bool) -> Result<()> {
        let mut panicked = None;
        for at in (0..self.handles.len()).rev() {
            if wanted(self.handles[at].0) {
                let (stage, handle) = self.handles.remove(at);
                if handle.join().is_err() {
                    panicked = Some(PipelineError::Panicked { stage: stage.to_owned() });
                }
            }
        }
        panicked.map_or(Ok(()), |error| Err(error.into()))
    }
}

/// Asks for a stop when its thread unwinds.
struct StopOnPanic(StopToken);

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}
