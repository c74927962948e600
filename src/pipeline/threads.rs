use std::thread::{Builder, JoinHandle};

use super::affinity;
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

    /// Starts a named thread on `cores`, on all if that is empty.
    pub fn spawn(&mut self, stage: &'static str, cores: &[usize], work: impl FnOnce() + Send + 'static) -> Result<()> {
        let cores = cores.to_vec();
        let stop = self.stop.clone();
        let spawned = Builder::new().name(format!("foveate-{stage}")).spawn(move || {
            // A panic in one stage must not leave the others waiting for it.
            let _stop = StopOnPanic(stop);
            affinity::pin(stage, &cores);
            work();
        });
        match spawned {
            Ok(handle) => {
                self.handles.push((stage, handle));
                Ok(())
            }
            Err(source) => {
                self.stop.stop();
                Err(PipelineError::Spawn { stage: stage.to_owned(), source }.into())
            }
        }
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
