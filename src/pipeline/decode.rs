use std::sync::Arc;

use crossbeam_channel::Sender;

use super::encode::StageItem;
use super::input::{GazeCell, InputStage};
use super::losses::Losses;
use super::meter::{AgeMeter, StageMeter};
use super::output::{Outgoing, SinkQueue};
use super::pairing::PairedCamera;
use super::prompt_budget::PromptBudget;
use super::requests::Requests;
use super::shared::{Shared, Stamped, WAIT};
use super::trace::Tracer;
use crate::error::Result;
use crate::record::{Event, EventKind, FrameRecord};
use crate::session::{GazeRefusal, Session, StepKind};
use crate::sync::{LatestSlot, Pool, Received};
use crate::time::Timestamp;

/// The decode and track stage: hands requests and frames to the session, and each record to every sink.
pub(super) struct DecodeStage {
    pub session: Session,
    /// Where this is one of several cameras whose frames belong together.
    pub paired: Option<PairedCamera>,
    pub requests: Requests,
    pub budget: PromptBudget,
    /// In a replay, the inputs: they are read up to the time of each frame before it is decoded.
    pub inputs: Option<InputStage>,
    pub pool: Pool<FrameRecord>,
    /// Copies that say where the user looks, for the sinks that share it.
    pub with_gaze: Pool<FrameRecord>,
    pub input: LatestSlot<Stamped<StageItem>>,
    pub outputs: Vec<SinkQueue>,
    /// Where a sink records what the session is given.
    pub tracer: Option<Tracer>,
    /// Frames that found no free record.
    pub losses: Losses,
    pub meter: StageMeter,
    pub age: AgeMeter,
    pub shared: Shared,
    pub gaze: GazeCell,
    /// Selections by gaze that selected nothing, for the selector that made them.
    pub gaze_refusals: Sender<GazeRefusal>,
}

impl DecodeStage {
    /// Runs until the input is closed and empty.
    pub fn run(mut self) {
        loop {
            match self.input.take(WAIT) {
                Received::Value(item) => {
                    if let Err(error) = self.take(item) {
                        self.shared.fail(error);
                        break;
                    }
                }
                Received::TimedOut => {}
                Received::Closed => break,
            }
        }
        self.input.close();
        self.losses.emit_all(&self.shared);
        self.outputs.iter_mut().for_each(|sink| sink.losses.emit_all(&self.shared));
        if let Some(inputs) = self.inputs {
            inputs.finish();
        }
    }

    fn take(&mut self, Stamped { value, since, turn }: Stamped<StageItem>) -> Result<()> {
        // Until the record is out.
        let _turn = turn;
        let began = self.shared.clock.now();
        self.meter.begin(began, began.since(since));
        let frame = Arc::clone(value.frame());
        let time_s = self.shared.stream_time(frame.captured_at);
        if let Some(origin) = self.shared.origin() {
            self.session.set_origin(origin);
        }
        if let Some(inputs) = &mut self.inputs {
            inputs.step(frame.captured_at, 0.0);
        }
        if let StageItem::Encoded(present) = &value {
            self.session.set_frame(present);
            // Another camera's first frame may be the stream's zero.
            self.apply_requests(time_s.max(0.0))?;
        }
        let Self { pool, session, shared, requests, .. } = self;
        requests.note_frame(time_s);
        let mut followed = true;
        let record = pool.fill(|record| {
            record.clear();
            match &value {
                StageItem::Encoded(_) => session.follow(record)?,
                StageItem::Unencoded(frame) => followed = session.propagate(frame, record),
            }
            record.sequence = frame.sequence;
            record.captured_at = frame.captured_at;
            record.time_s = time_s;
            record.age = shared.clock.now().since(frame.captured_at);
            record.frame = Some(Arc::clone(&frame));
            Ok::<_, crate::Error>(())
        })?;
        for event in session.drain_events() {
            if matches!(event.kind, EventKind::Rejected { .. }) {
                requests.count_rejected();
            }
            shared.emit(event);
        }
        if let Some(tracer) = &mut self.tracer {
            let kind = match &value {
                StageItem::Encoded(present) if record.is_some() => {
                    Some(StepKind::Followed(present.embedding.identity.clone()))
                }
                StageItem::Encoded(present) => Some(StepKind::Encoded(present.embedding.identity.clone())),
                // Without a record nothing was moved.
                StageItem::Unencoded(_) => (followed && record.is_some()).then_some(StepKind::Propagated),
            };
            if let Some(kind) = kind {
                tracer.end_step(&frame, self.shared.origin().unwrap_or_default(), kind);
            }
        }
        let Some(record) = record.filter(|_| followed) else {
            self.meter.abandon();
            self.losses.add(1, if followed { "every record is in use" } else { "no frame like it was encoded yet" });
            self.losses.emit(&self.shared);
            return Ok(());
        };
        self.send(&record, began);
        if let Some(kind) = self.paired.as_ref().and_then(|camera| camera.note(record.sequence, record.time_s)) {
            self.shared.emit(Event::new(record.time_s, kind));
        }
        Ok(())
    }

    /// Carries out the requests whose time has come on the frame taken `now_s` seconds after the first, as far as there is time
    /// for them.
    fn apply_requests(&mut self, now_s: f64) -> Result<()> {
        let Self { session, requests, budget, gaze_refusals, shared, tracer, .. } = self;
        let mut turn = budget.begin(shared.clock.now());
        while let Some(request) = requests.next_due(now_s) {
            let noted = tracer.is_some().then(|| request.clone());
            // Nobody listens to refusals any more when the stream ends.
            if let Some(refusal) = session.apply(request)? {
                let _ = gaze_refusals.try_send(refusal);
            }
            if let Some((tracer, request)) = tracer.as_mut().zip(noted) {
                tracer.note(request, session);
            }
            if !turn.has_time(shared.clock.now()) || shared.stop.is_stopped() {
                break;
            }
        }
        requests.end_turn(now_s, shared.clock.now(), shared);
        Ok(())
    }

    /// Gaze is added here and nowhere else: a sink that does not share it gets a record that never held it.
    fn add_gaze(&mut self, record: &Arc<FrameRecord>) -> Option<Arc<FrameRecord>> {
        let gaze = self.gaze.at(record.captured_at).filter(|_| self.outputs.iter().any(|sink| sink.shares_gaze))?;
        let dwell = self.gaze.dwell();
        let filled = self.with_gaze.fill(|copy| {
            copy.copy_from(record);
            (copy.gaze, copy.dwell) = (Some(gaze), dwell);
            Ok::<_, std::convert::Infallible>(())
        });
        filled.ok().flatten()
    }

    fn send(&mut self, record: &Arc<FrameRecord>, began: Timestamp) {
        let with_gaze = self.add_gaze(record);
        let now = self.shared.clock.now();
        self.meter.end(now.since(began));
        self.age.record(record.age, now);
        let traces = self.tracer.as_mut().map(Tracer::take).unwrap_or_default();
        let number = self.shared.number_record();
        for sink in &mut self.outputs {
            let record = with_gaze.as_ref().filter(|_| sink.shares_gaze).unwrap_or(record);
            let trace = traces.of(sink);
            let outgoing = Outgoing { record: Arc::clone(record), trace, since: now, number };
            if sink.send(outgoing, self.inputs.is_some(), &self.shared) {
                sink.losses.add(1, "the sink is slower than the stream");
            }
            sink.losses.emit(&self.shared);
        }
    }
}
