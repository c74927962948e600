use std::collections::VecDeque;
use std::time::Duration;

use crate::console::request_error::RequestError;
use crate::input::Command;
use crate::session::{Intent, Session};
use crate::time::Timestamp;

/// Frames that a prompt may mean, beside those that are held: the stream keeps as many.
const RECENT: usize = 8;
/// So far before the oldest of them a prompt may lie, as on a slow way; its answer says on which frame it is.
const LATE: Duration = Duration::from_secs(1);

/// Which frames pages may still mean. The stream answers on the nearest frame that it keeps: a page whose frame is gone is
/// refused instead, and no page's frozen frame gives way to another's.
#[derive(Default)]
pub struct Holds {
    held: Vec<Hold>,
    /// Capture times of the last frames, the oldest first.
    recent: VecDeque<Timestamp>,
}

struct Hold {
    display: u64,
    at: Timestamp,
    /// Its page has gone; the stream does not know yet.
    is_left: bool,
}

impl Holds {
    /// Notes a frame that was captured at `at`.
    pub fn frame(&mut self, at: Timestamp) {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(at);
    }

    /// Whether what a page of `display` asks can be done on the frame that it means.
    ///
    /// # Errors
    /// If that frame is gone, or as many displays are frozen as can be.
    pub fn check(&self, display: u64, command: &Command) -> Result<(), RequestError> {
        let own = self.held.iter().find(|hold| hold.display == display);
        let is_held = own.is_some_and(|hold| hold.at == command.made_at);
        let oldest = self.recent.iter().min();
        if !is_held && oldest.is_some_and(|oldest| command.made_at + LATE < *oldest) {
            return Err(RequestError::FrameGone);
        }
        let others = self.held.iter().filter(|hold| hold.display != display).count();
        if matches!(command.intent, Intent::HoldFrame { .. }) && others >= Session::HELD_FRAMES {
            return Err(RequestError::TooManyFrozen(Session::HELD_FRAMES));
        }
        Ok(())
    }

    /// Notes a command that went to the stream.
    pub fn passed_on(&mut self, command: &Command) {
        match command.intent {
            Intent::HoldFrame { display } => {
                self.held.retain(|hold| hold.display != display);
                self.held.push(Hold { display, at: command.made_at, is_left: false });
            }
            Intent::ReleaseFrame { display } => self.held.retain(|hold| hold.display != display),
            _ => {}
        }
    }

    /// The page of `display` has gone.
    pub fn leave(&mut self, display: u64) {
        self.held.iter_mut().filter(|hold| hold.display == display).for_each(|hold| hold.is_left = true);
    }

    /// Displays whose page has gone and whose frame the stream still holds.
    pub fn left(&self) -> Vec<u64> {
        self.held.iter().filter(|hold| hold.is_left).map(|hold| hold.display).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;
    use crate::session::Origin;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_nanos((100_000 + ms) * 1_000_000)
    }

    fn hold(display: u64, ms: u64) -> Command {
        Command { made_at: at(ms), origin: Origin::page(1), intent: Intent::HoldFrame { display } }
    }

    fn tap(ms: u64) -> Command {
        Command { made_at: at(ms), origin: Origin::page(1), intent: Intent::Select { point: Point::new(1.0, 2.0) } }
    }

    #[test]
    fn a_fifth_is_refused_until_one_goes_on() {
        let mut holds = Holds::default();
        for display in 1..=Session::HELD_FRAMES as u64 {
            assert_eq!(holds.check(display, &hold(display, 0)), Ok(()));
            holds.passed_on(&hold(display, 0));
        }
        assert_eq!(holds.check(9, &hold(9, 0)), Err(RequestError::TooManyFrozen(Session::HELD_FRAMES)));
        assert_eq!(holds.check(1, &hold(1, 40)), Ok(()), "its own gives way");
        holds.leave(2);
        assert!(holds.check(9, &hold(9, 0)).is_err(), "the stream still holds it");
        assert_eq!(holds.left(), [2]);
        holds.passed_on(&Command {
            made_at: at(0),
            origin: Origin::page(2),
            intent: Intent::ReleaseFrame { display: 2 },
        });
        assert_eq!(holds.check(9, &hold(9, 0)), Ok(()));
        assert!(holds.left().is_empty());
    }

    #[test]
    fn a_frame_that_is_gone_is_not_meant() {
        let mut holds = Holds::default();
        assert_eq!(holds.check(1, &tap(0)), Ok(()), "no frame is known yet");
        holds.passed_on(&hold(1, 0));
        (0..100).for_each(|n| holds.frame(at(n * 40)));
        assert_eq!(holds.check(1, &tap(0)), Ok(()), "it holds the frame");
        assert_eq!(holds.check(2, &tap(0)), Err(RequestError::FrameGone), "that is another's");
        assert_eq!(holds.check(1, &tap(40)), Err(RequestError::FrameGone));
        assert_eq!(holds.check(2, &tap(3_900)), Ok(()));
        assert_eq!(holds.check(2, &tap(2_900)), Ok(()), "late by less than a second");
        assert_eq!(holds.check(2, &hold(2, 2_000)), Err(RequestError::FrameGone));
    }
}
