use std::time::{Duration, Instant};

use super::arrange::Arrangement;
use crate::capture::reopen::{Arrival, Stream};
use crate::capture::{Choice, SourceOptions};
use crate::frame::Frame;
use crate::time::Clock;
use crate::v4l2::{BufferStream, Filled, Refusal};

/// A V4L2 device that streams.
pub(crate) struct V4lStream {
    buffers: BufferStream,
    arrangement: Arrangement,
    choice: Choice,
    /// Why no image comes, if none does: it is a virtual camera.
    silence: Option<String>,
}

impl V4lStream {
    pub(super) fn new(
        buffers: BufferStream,
        arrangement: Arrangement,
        choice: Choice,
        silence: Option<String>,
    ) -> Self {
        V4lStream { buffers, arrangement, choice, silence }
    }

    /// Takes every filled buffer and keeps the newest whole one, so that a reader that fell behind goes on with the
    /// present; says how many there were. At most one round of the buffers, so that a fast camera cannot hold the reader
    /// for ever.
    fn newest(&mut self, arrival: &mut Arrival) -> Result<(Option<Filled>, usize), Refusal> {
        let take = |error| Refusal { doing: "take an image (VIDIOC_DQBUF)", error };
        let mut newest: Option<Filled> = None;
        let mut taken = 0;
        while taken < self.buffers.len() {
            let Some(filled) = self.buffers.dequeue().map_err(take)? else { break };
            taken += 1;
            if filled.damaged {
                arrival.damaged += 1;
                self.buffers.queue(filled);
            } else if !self.arrangement.is_whole(|plane| self.buffers.bytes(&filled, plane)) {
                arrival.short += 1;
                self.buffers.queue(filled);
            } else if let Some(older) = newest.replace(filled) {
                arrival.passed_over += 1;
                self.buffers.queue(older);
            }
        }
        Ok((newest, taken))
    }

    /// Waits for an image and takes the newest.
    ///
    /// When all buffers are full, the driver has been without one for an unknown time, and even the newest image may be
    /// old. They are given back then and the next image is awaited, if there is time for it.
    fn fresh(&mut self, arrival: &mut Arrival, timeout: Duration) -> Result<Option<Filled>, Refusal> {
        let wait = |error| Refusal { doing: "wait for an image (VIDIOC_DQBUF)", error };
        let began = Instant::now();
        self.hand_back(arrival)?;
        if !self.buffers.wait(timeout).map_err(wait)? {
            return Ok(None);
        }
        let (newest, taken) = self.newest(arrival)?;
        let left = timeout.saturating_sub(began.elapsed());
        if taken < self.buffers.len() || left < self.two_frame_times() {
            return Ok(newest);
        }
        if let Some(stale) = newest {
            arrival.passed_over += 1;
            self.buffers.queue(stale);
        }
        self.hand_back(arrival)?;
        match self.buffers.wait(left).map_err(wait)? {
            true => Ok(self.newest(arrival)?.0),
            false => Ok(None),
        }
    }

    fn hand_back(&mut self, arrival: &mut Arrival) -> Result<(), Refusal> {
        arrival.refused +=
            self.buffers.flush().map_err(|error| Refusal { doing: "hand a buffer back (VIDIOC_QBUF)", error })?;
        Ok(())
    }

    fn two_frame_times(&self) -> Duration {
        let rate = self.choice.rate.unwrap_or(SourceOptions::DEFAULT_FPS);
        Duration::try_from_secs_f64(2.0 / rate).unwrap_or_default()
    }

    fn read_newest(&mut self, frame: &mut Frame, timeout: Duration, clock: &dyn Clock) -> Result<Arrival, Refusal> {
        let mut arrival = Arrival::default();
        if let Some(filled) = self.fresh(&mut arrival, timeout)? {
            self.arrangement.copy(|plane| self.buffers.bytes(&filled, plane), frame);
            frame.captured_at = clock.now();
            arrival.reported = filled.at;
            arrival.sequence = Some(filled.sequence);
            self.buffers.queue(filled);
        }
        // The image is there: an error can wait for the next one.
        let _ = self.hand_back(&mut arrival);
        Ok(arrival)
    }
}

impl Stream for V4lStream {
    fn choice(&self) -> Choice {
        self.choice
    }

    fn read(&mut self, frame: &mut Frame, timeout: Duration, clock: &dyn Clock) -> Result<Arrival, String> {
        self.read_newest(frame, timeout, clock).map_err(|Refusal { doing, error }| match error.raw_os_error() {
            Some(libc::ENODEV) => "unplugged".to_owned(),
            _ => format!("cannot {doing}: {error}"),
        })
    }

    fn silence(&self) -> Option<String> {
        self.silence.clone()
    }

    fn dma_buffers(&self) -> std::io::Result<Vec<std::os::fd::OwnedFd>> {
        self.buffers.export()
    }
}
