use std::borrow::Cow;
use std::collections::VecDeque;

use super::SourceEvent;

/// The events of a source that nobody has taken yet: bounded, and like drops add up instead of piling up.
#[derive(Debug, Default)]
pub(super) struct Events(VecDeque<SourceEvent>);

impl Events {
    /// Beyond this many the oldest go.
    const LIMIT: usize = 32;

    pub(super) fn push(&mut self, event: SourceEvent) {
        if self.0.len() == Self::LIMIT {
            self.0.pop_front();
        }
        self.0.push_back(event);
    }

    /// Reports `count` dropped frames; nothing if it is 0.
    pub(super) fn dropped(&mut self, count: u64, reason: impl Into<Cow<'static, str>>) {
        if count == 0 {
            return;
        }
        let reason = reason.into();
        match self.0.back_mut() {
            Some(SourceEvent::Dropped { count: sum, reason: same }) if *same == reason => *sum += count,
            _ => self.push(SourceEvent::Dropped { count, reason }),
        }
    }

    /// Reports what happened `count` times; nothing if it is 0.
    pub(super) fn warned(&mut self, count: u64, message: impl Into<Cow<'static, str>>) {
        if count == 0 {
            return;
        }
        let message = message.into();
        match self.0.back_mut() {
            Some(SourceEvent::Warned { count: sum, message: same }) if *same == message => *sum += count,
            _ => self.push(SourceEvent::Warned { count, message }),
        }
    }

    pub(super) fn take(&mut self) -> Option<SourceEvent> {
        self.0.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_drops_add_up_and_the_queue_is_bounded() {
        let mut events = Events::default();
        events.dropped(0, "late");
        events.dropped(2, "late");
        events.dropped(3, "late");
        events.dropped(1, "spoilt");
        assert_eq!(events.take(), Some(SourceEvent::Dropped { count: 5, reason: "late".into() }));
        assert_eq!(events.take(), Some(SourceEvent::Dropped { count: 1, reason: "spoilt".into() }));
        assert_eq!(events.take(), None);
        for n in 0..1000 {
            events.dropped(1, format!("{n}"));
        }
        assert_eq!(events.0.len(), Events::LIMIT);
    }
}
