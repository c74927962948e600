use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam_channel::Receiver;

use super::meter::{AgeMeter, StageMeter};
use super::shared::{Shared, Stamped};
use super::summary::Summary;
use crate::error::Result;
use crate::sink::{Event, EventKind, FrameRecord, Sink, StreamInfo};
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
    /// Runs until the queue is closed and empty, then lets the sink finish; gives back how many writes failed.
    ///
    /// A sink that fails is told of once and tries again with the next record: a disk that is full for a while must not
    /// end the stream. Only a reader who went away does.
    pub fn run(mut self) -> u64 {
        let begun = self.sink.begin(&self.stream);
        self.survive(begun);
        loop {
            let taken = self.queue.receive(EVENT_WAIT);
            // Events of a frame are sent before its record, so they are written before it.
            while let Ok(event) = self.events.try_recv() {
                let written = self.sink.event(&event);
                self.survive(written);
            }
            match taken {
                Taken::Value(Stamped { value: record, since }) => {
                    let began = self.shared.clock.now();
                    self.meter.begin(began, began.since(since));
                    let written = self.sink.frame(&record);
                    self.survive(written);
                    let now = self.shared.clock.now();
                    self.meter.end(now.since(began));
                    self.age.record(now.since(record.captured_at), now);
                }
                Taken::TimedOut => {}
                Taken::Closed => break,
            }
        }
        if let Some(summary) = self.summary.get() {
            let finished = self.sink.finish(&serde_json::to_value(summary).unwrap_or_default());
            self.survive(finished);
        }
        self.sink.failures()
    }

    fn survive(&mut self, written: Result<()>) {
        let Err(error) = written else { return };
        if error.is_closed_pipe() {
            return self.shared.fail(error);
        }
        tracing::error!("{error}");
        let kind = EventKind::SinkFailed { sink: self.sink.name().to_owned(), reason: error.to_string() };
        self.shared.tell(Event::new(self.shared.stream_time(self.shared.clock.now()), kind));
    }
}
