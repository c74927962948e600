use std::iter::Peekable;

use serde::Serialize;

use super::OffsetEstimate;
use crate::geometry::Intrinsics;
use crate::input::InputEvent;
use crate::select::GazeSample;
use crate::select::gaze::GazeSignal;
use crate::time::Timestamp;

/// Where gaze samples come from.
pub trait GazeSource: Send {
    /// The address it was opened by, such as `gaze:udp://0.0.0.0:5555`.
    fn name(&self) -> &str {
        "gaze"
    }

    /// The camera that the samples' pixels belong to, if the eye tracker knows it.
    fn intrinsics(&self) -> Option<Intrinsics> {
        None
    }

    /// Appends the samples measured up to `until` that were not given out yet, in the order of their time. Never waits.
    /// `origin` is the capture time of the stream's first frame, for traces whose times count from it.
    fn poll(&mut self, origin: Timestamp, until: Timestamp, out: &mut Vec<GazeSample>);

    /// What the user did beside looking, the oldest not taken yet.
    fn take_signal(&mut self) -> Option<GazeSignal> {
        None
    }

    /// The oldest event not taken yet.
    fn take_event(&mut self) -> Option<InputEvent> {
        None
    }

    /// What was received so far; `None` for a source that receives nothing.
    fn report(&self) -> Option<GazeReport> {
        None
    }
}

/// What a source received.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GazeReport {
    /// Its address.
    pub source: String,
    /// Measurements that could be used.
    pub samples: u64,
    /// Of these, lost because nobody took them in time.
    pub dropped: u64,
    /// What came and could not be used.
    pub rejected: u64,
    /// The sender's clock; `None` if it never sent its time.
    pub clock: Option<OffsetEstimate>,
}

/// A known trace as a source: whatever yields samples in the order of their time.
#[derive(Debug)]
pub struct GazeTrace<I: Iterator<Item = GazeSample>> {
    samples: Peekable<I>,
}

impl<I: Iterator<Item = GazeSample>> GazeTrace<I> {
    /// A source that gives out `samples`, which are in the order of their time.
    pub fn new(samples: impl IntoIterator<IntoIter = I>) -> Self {
        GazeTrace { samples: samples.into_iter().peekable() }
    }
}

impl<I: Iterator<Item = GazeSample> + Send> GazeSource for GazeTrace<I> {
    fn poll(&mut self, _origin: Timestamp, until: Timestamp, out: &mut Vec<GazeSample>) {
        while let Some(sample) = self.samples.next_if(|s| s.at <= until) {
            out.push(sample);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;

    #[test]
    fn samples_come_when_their_time_has_come() {
        let sample = |ms: u64| GazeSample {
            at: Timestamp::from_nanos(ms * 1_000_000),
            point: Point::new(1.0, 2.0),
            confidence: 1.0,
        };
        let mut trace = GazeTrace::new((0..10).map(|i| sample(i * 10)));
        let mut out = Vec::new();
        trace.poll(Timestamp::ZERO, Timestamp::from_secs_f64(0.025), &mut out);
        assert_eq!(out.len(), 3);
        trace.poll(Timestamp::ZERO, Timestamp::from_secs_f64(0.025), &mut out);
        assert_eq!(out.len(), 3);
        trace.poll(Timestamp::ZERO, Timestamp::from_secs_f64(9.0), &mut out);
        assert_eq!(out.len(), 10);
    }
}
