use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};

use super::encode::StageItem;
use super::input::GazeCell;
use super::losses::Losses;
use super::meter::{AgeMeter, StageMeter};
use super::output::SinkQueue;
use super::shared::{Shared, Stamped, WAIT};
use crate::error::Result;
use crate::record::FrameRecord;
use crate::session::{GazeRefusal, Request, Session};
use crate::sync::{LatestSlot, Pool, Received};
use crate::time::Timestamp;

/// The decode and track stage: hands requests and frames to the session, and each record to every sink.
pub(super) struct DecodeStage {
    pub session: Session,
    pub requests: Receiver<Request>,
    pub pool: Pool<FrameRecord>,
    /// Copies that say where the user looks, for the sinks that share it.
    pub with_gaze: Pool<FrameRecord>,
    pub input: LatestSlot<Stamped<StageItem>>,
    pub outputs: Vec<SinkQueue>,
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
    /// Runs until the input is closed and empty; gives back how many requests were never answered.
    pub fn run(mut self) -> usize {
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
        self.session.pending() + self.requests.len()
    }

    fn take(&mut self, Stamped { value, since }: Stamped<StageItem>) -> Result<()> {
        let began = self.shared.clock.now();
        self.meter.begin(began, began.since(since));
        let frame = Arc::clone(value.frame());
        let time_s = self.shared.stream_time(frame.captured_at);
        if let Some(origin) = self.shared.origin() {
            self.session.set_origin(origin);
        }
        if let StageItem::Encoded(present) = &value {
            self.session.set_frame(present);
            self.apply_requests()?;
        }
        let Self { pool, session, shared, .. } = self;
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
            record.frame = Some(frame);
            Ok::<_, crate::Error>(())
        })?;
        session.drain_events().for_each(|event| shared.emit(event));
        let Some(record) = record.filter(|_| followed) else {
            self.meter.abandon();
            self.losses.add(1, if followed { "every record is in use" } else { "no frame like it was encoded yet" });
            self.losses.emit(&self.shared);
            return Ok(());
        };
        self.send(&record, began);
        Ok(())
    }

    /// Carries out the requests whose time has come; those that find no room stay in the channel, which makes their source
    /// wait.
    fn apply_requests(&mut self) -> Result<()> {
        let Self { session, requests, gaze_refusals, .. } = self;
        loop {
            while session.has_room()
                && let Ok(request) = requests.try_recv()
            {
                session.enqueue(request);
            }
            let before = session.pending();
            // Nobody listens to refusals any more when the stream ends.
            session.apply_due(|refusal| {
                let _ = gaze_refusals.try_send(refusal);
            })?;
            if session.pending() == before || requests.is_empty() {
                return Ok(());
            }
        }
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
        for sink in &mut self.outputs {
            let record = with_gaze.as_ref().filter(|_| sink.shares_gaze).unwrap_or(record);
            if sink.queue.send(Stamped { value: Arc::clone(record), since: now }).is_some() {
                sink.losses.add(1, "the sink is slower than the stream");
            }
            sink.losses.emit(&self.shared);
        }
    }
}
