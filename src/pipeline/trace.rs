use std::sync::Arc;

use super::output::SinkQueue;
use crate::frame::Frame;
use crate::model::ModelIdentity;
use crate::session::{Applied, Looked, Request, Session, Setup, Step, StepKind, Trace};
use crate::time::Timestamp;

/// Steps without a record that are kept for the next record; each holds a frame.
const MOST_WAITING: usize = 4;

/// Notes what the session is given, for the sinks that record it.
pub(super) struct Tracer {
    setup: Arc<Setup>,
    /// Number of the next step.
    next: u64,
    /// What was applied on the present frame so far.
    applied: Vec<Noted>,
    /// Steps since the last record.
    waiting: Vec<Pending>,
    /// Whether there is a sink that may know where the user looks, and one that may not.
    open: bool,
    private: bool,
}

/// A request that was applied, in both forms in which a sink may know it.
struct Noted {
    request: Request,
    closer: Option<Arc<ModelIdentity>>,
    /// What a selection by gaze came to.
    looked: Option<Looked>,
}

struct Pending {
    number: u64,
    frame: Arc<Frame>,
    origin: Timestamp,
    kind: StepKind,
    noted: Vec<Noted>,
}

/// The trace of one record, in both forms.
#[derive(Default)]
pub(super) struct Traces {
    open: Option<Arc<Trace>>,
    private: Option<Arc<Trace>>,
}

impl Traces {
    /// The form that `sink` is given; `None` if it wants none.
    pub fn of(&self, sink: &SinkQueue) -> Option<Arc<Trace>> {
        let form = if sink.shares_gaze { &self.open } else { &self.private };
        form.clone().filter(|_| sink.traces)
    }
}

impl Tracer {
    /// For `sinks`; `None` if none of them wants traces.
    pub fn new(sinks: &[SinkQueue], setup: Setup) -> Option<Self> {
        let wants = |gaze: bool| sinks.iter().any(|sink| sink.traces && sink.shares_gaze == gaze);
        let (open, private) = (wants(true), wants(false));
        let tracer =
            || Tracer { setup: Arc::new(setup), next: 0, applied: Vec::new(), waiting: Vec::new(), open, private };
        (open || private).then(tracer)
    }

    /// `request` was applied on the present frame of `session`.
    pub fn note(&mut self, request: Request, session: &mut Session) {
        let looked = session.take_looked().filter(|_| request.intent.is_of_gaze());
        self.applied.push(Noted { request, closer: session.closer_identity(), looked });
    }

    /// The session is done with `frame`.
    pub fn end_step(&mut self, frame: &Arc<Frame>, origin: Timestamp, kind: StepKind) {
        if self.waiting.len() == MOST_WAITING {
            // The gap in the numbers tells.
            self.waiting.remove(0);
        }
        let noted = std::mem::take(&mut self.applied);
        self.waiting.push(Pending { number: self.next, frame: Arc::clone(frame), origin, kind, noted });
        self.next += 1;
    }

    /// The steps since the last record.
    pub fn take(&mut self) -> Traces {
        let waiting = std::mem::take(&mut self.waiting);
        let form = |with_gaze: bool| {
            let steps = waiting.iter().map(|pending| pending.step(with_gaze)).collect();
            Arc::new(Trace { setup: Arc::clone(&self.setup), steps })
        };
        Traces { open: self.open.then(|| form(true)), private: self.private.then(|| form(false)) }
    }
}

impl Pending {
    fn step(&self, with_gaze: bool) -> Step {
        let applied = self.noted.iter().filter_map(|noted| match noted.request.intent.is_of_gaze() && !with_gaze {
            true => noted.looked.clone().map(Applied::Looked),
            false => Some(Applied::Request(noted.request.clone(), noted.closer.clone())),
        });
        let (number, origin, kind) = (self.number, self.origin, self.kind.clone());
        Step { number, frame: Arc::clone(&self.frame), origin, kind, applied: applied.collect() }
    }
}
