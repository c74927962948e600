use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam_channel::Receiver;

use super::meter::{AgeMeter, StageMeter};
use super::shared::{Shared, Stamped};
use super::summary::Summary;
use crate::error::Result;
use crate::sink::{Event, FrameRecord, Sink, StreamInfo};
use crate::sync::{DropOldest, Taken};

/// Longest wait before events are passed on when no frame comes.
const EVENT_WAIT: Duration = Duration::from_millis(50);

/// One sink on its own thread: a slow sink loses its oldest records and stalls nobody.
pub(super) struct SinkStage {
    pub sink: Box<dyn Sink>,
    pub queue: DropOldest<Stamped<Arc<FrameRecord>>>,
    pub events: Receiver<Event>,
    pub stream: StreamInfo,
    /// Set before the queue is closed.
    pub summary: Arc<OnceLock<Summary>>,
    pub meter: StageMeter,
    pub age: AgeMeter,
    pub shared: Shared,
}

impl SinkStage {
    /// Runs until the queue is closed and empty, then lets the sink finish. A sink that fails is told of once and ends
    /// the stream: what it was asked to keep would be lost silently otherwise.
    pub fn run(mut self) {
        if let Err(error) = self.serve() {
            self.shared.fail(error);
        }
        self.queue.close();
    }

    fn serve(&mut self) -> Result<()> {
        self.sink.begin(&self.stream)?;
        loop {
            let taken = self.queue.receive(EVENT_WAIT);
            // Events of a frame are sent before its record, so they are written before it.
            for event in self.events.try_iter() {
                self.sink.event(&event)?;
            }
            match taken {
                Taken::Value(Stamped { value: record, since }) => {
                    let began = self.shared.clock.now();
                    self.meter.begin(began, began.since(since));
                    self.sink.frame(&record)?;
                    let now = self.shared.clock.now();
                    self.meter.end(now.since(began));
                    self.age.record(now.since(record.captured_at), now);
                }
                Taken::TimedOut => {}
                Taken::Closed => break,
            }
        }
        match self.summary.get() {
            Some(summary) => self.sink.finish(&serde_json::to_value(summary).unwrap_or_default()),
            None => Ok(()),
        }
    }
}
