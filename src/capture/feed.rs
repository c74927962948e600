use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::frame::Frame;

/// Which frames are kept for a reader that comes late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// The newest, and no other.
    Newest,
    /// All: after so many the feed waits, and whoever writes it does.
    All(usize),
}

/// What came out of one [`Feed::take`].
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken<E> {
    /// A frame, before which so many were passed over.
    Frame { passed_over: u64 },
    /// None came in time.
    Nothing,
    /// None will come: the stream's end, or what it failed with; told once.
    Ended(Result<(), E>),
}

/// Frames that a thread of its own reads from where reading waits, such as a pipe: its writer is never held up by a reader who is
/// slow, unless [`Keep::All`] asks for that. Buffers go round, so that a stream which runs allocates nothing.
#[derive(Debug)]
pub(super) struct Feed<E> {
    shared: Arc<Shared<E>>,
}

#[derive(Debug)]
struct Shared<E> {
    state: Mutex<State<E>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<E> {
    ready: VecDeque<Frame>,
    spare: Vec<Frame>,
    passed_over: u64,
    outcome: Option<Result<(), E>>,
    /// Nobody takes frames any more.
    is_left: bool,
}

impl<E> Shared<E> {
    fn state(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E: Send + 'static> Feed<E> {
    /// Starts to read with `read`, which fills the frame that it is given and returns false at the end. Dropping the feed ends it
    /// once `read` returns: what it reads must end then.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub(super) fn start(
        keep: Keep,
        mut read: impl FnMut(&mut Frame) -> Result<bool, E> + Send + 'static,
    ) -> io::Result<Self> {
        let state = State { ready: VecDeque::new(), spare: Vec::new(), passed_over: 0, outcome: None, is_left: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let own = Arc::clone(&shared);
        std::thread::Builder::new().name("feed".into()).spawn(move || {
            let mut frame = Frame::default();
            let outcome = loop {
                match read(&mut frame) {
                    Ok(true) => {}
                    Ok(false) => break Ok(()),
                    Err(error) => break Err(error),
                }
                match own.hand_over(std::mem::take(&mut frame), keep) {
                    Some(spare) => frame = spare,
                    None => return,
                }
            };
            own.state().outcome = Some(outcome);
            own.changed.notify_all();
        })?;
        Ok(Feed { shared })
    }

    /// Waits at most `timeout` for a frame and writes it into `frame`, whose own buffer is read into next.
    pub(super) fn take(&self, frame: &mut Frame, timeout: Duration) -> Taken<E> {
        let mut state = self.wait(timeout);
        if let Some(next) = state.ready.pop_front() {
            let spare = std::mem::replace(frame, next);
            state.spare.push(spare);
            let passed_over = std::mem::take(&mut state.passed_over);
            drop(state);
            self.shared.changed.notify_all();
            return Taken::Frame { passed_over };
        }
        state.outcome.take().map_or(Taken::Nothing, Taken::Ended)
    }

    /// Waits at most `timeout` for a frame and shows it to `look`, without taking it; `None` if none came.
    pub(super) fn peek<T>(&self, timeout: Duration, look: impl FnOnce(&Frame) -> T) -> Option<T> {
        self.wait(timeout).ready.front().map(look)
    }

    /// What is there once a frame is, or the stream's end, at the latest after `timeout`.
    fn wait(&self, timeout: Duration) -> MutexGuard<'_, State<E>> {
        let began = Instant::now();
        let mut state = self.shared.state();
        while state.ready.is_empty() && state.outcome.is_none() {
            let left = timeout.saturating_sub(began.elapsed());
            if left.is_zero() {
                break;
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state
    }
}

impl<E> Shared<E> {
    /// Makes `frame` ready and gives a buffer for the next one; `None` when nobody takes frames any more.
    fn hand_over(&self, frame: Frame, keep: Keep) -> Option<Frame> {
        let mut state = self.state();
        let limit = match keep {
            Keep::All(limit) => limit.max(1),
            Keep::Newest => 1,
        };
        while keep != Keep::Newest && state.ready.len() >= limit && !state.is_left {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_left {
            return None;
        }
        if state.ready.len() >= limit
            && let Some(older) = state.ready.pop_front()
        {
            state.passed_over += 1;
            state.spare.push(older);
        }
        state.ready.push_back(frame);
        let spare = state.spare.pop().unwrap_or_default();
        drop(state);
        self.changed.notify_all();
        Some(spare)
    }
}

impl<E> Drop for Feed<E> {
    fn drop(&mut self) {
        self.shared.state().is_left = true;
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    /// A feed of the numbers that are sent, and where they are sent to; an end where the sender is gone.
    fn fed(keep: Keep) -> (Sender<u64>, Feed<&'static str>, Receiver<usize>) {
        let (send, numbers) = channel::<u64>();
        let (tell, capacities) = channel();
        let feed = Feed::start(keep, move |frame: &mut Frame| {
            let _ = tell.send(frame.data.own_mut().capacity());
            let Ok(number) = numbers.recv() else { return Ok(false) };
            if number == 99 {
                return Err("broken");
            }
            frame.sequence = number;
            frame.data.own_mut().resize(100, 0);
            Ok(true)
        });
        (send, feed.unwrap(), capacities)
    }

    #[test]
    fn the_newest_frame_wins_and_the_end_comes_after_it() {
        let (send, feed, asked) = fed(Keep::Newest);
        let mut frame = Frame::default();
        assert_eq!(feed.take(&mut frame, Duration::ZERO), Taken::Nothing);
        (1..=3).for_each(|n| send.send(n).unwrap());
        // It asks for the fourth once it has handed over the third.
        (0..4).for_each(|_| assert!(asked.recv_timeout(LONG).is_ok()));
        assert_eq!(feed.peek(LONG, |frame| frame.sequence), Some(3));
        send.send(99).unwrap();
        assert_eq!((feed.take(&mut frame, LONG), frame.sequence), (Taken::Frame { passed_over: 2 }, 3));
        assert_eq!(feed.take(&mut frame, LONG), Taken::Ended(Err("broken")));
        assert_eq!(feed.take(&mut frame, Duration::ZERO), Taken::Nothing);
    }

    #[test]
    fn every_frame_comes_when_all_are_kept_and_buffers_go_round() {
        let (send, feed, asked) = fed(Keep::All(2));
        (0..50).for_each(|n| send.send(n).unwrap());
        drop(send);
        let mut frame = Frame::default();
        for expected in 0..50 {
            assert_eq!((feed.take(&mut frame, LONG), frame.sequence), (Taken::Frame { passed_over: 0 }, expected));
        }
        assert_eq!(feed.take(&mut frame, LONG), Taken::Ended(Ok(())));
        // Two wait, one is read into, one is being looked at.
        assert!(asked.try_iter().filter(|capacity| *capacity == 0).count() <= 5);
    }

    #[test]
    fn a_feed_that_waits_for_its_reader_ends_with_it() {
        let (send, feed, asked) = fed(Keep::All(1));
        (0..5).for_each(|n| send.send(n).unwrap());
        drop(feed);
        // Its thread is gone once nobody can be told any more.
        while asked.recv_timeout(LONG).is_ok() {}
        assert!(asked.try_recv() == Err(std::sync::mpsc::TryRecvError::Disconnected));
        drop(send);
    }
}
