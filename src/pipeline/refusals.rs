use super::shared::Shared;
use crate::record::EventKind;
use crate::session::Request;
use crate::time::Timestamp;

/// Unanswered prompts that are told one by one within a second; of more only the number is told.
const TOLD: u32 = 64;

/// Tells of prompts that no frame answers: those that name an object one by one, as `rejected`, of the others and of a flood
/// the number, as `prompts_refused`, at most once a second for one reason.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// When the present second began.
    began: Option<Timestamp>,
    told: u32,
    untold: u64,
    reason: &'static str,
}

impl Refusals {
    /// Tells of `request`, which is not answered for `reason`.
    pub fn tell(&mut self, request: &Request, reason: &'static str, shared: &Shared) {
        if reason != self.reason {
            self.tell_all(shared);
            self.reason = reason;
        }
        self.tell_due(shared);
        match request.intent.object().filter(|_| self.told < TOLD) {
            Some(object) => {
                self.told += 1;
                let prompt_time_s = request.time_s;
                shared.emit_now(EventKind::Rejected { object, prompt_time_s, reason: reason.to_owned() });
            }
            None => self.untold += 1,
        }
    }

    /// Tells the number of those not told yet, unless the present second has begun less than a second ago.
    pub fn tell_due(&mut self, shared: &Shared) {
        let now = shared.stream_clock.now();
        if self.began.is_none_or(|began| now.since(began).as_secs() >= 1) {
            self.tell_all(shared);
            (self.began, self.told) = (Some(now), 0);
        }
    }

    /// Tells the number of those not told yet.
    pub fn tell_all(&mut self, shared: &Shared) {
        let count = std::mem::take(&mut self.untold);
        if count > 0 {
            shared.emit_now(EventKind::PromptsRefused { count, reason: self.reason.into() });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::session::Intent;
    use crate::sync::StopToken;
    use crate::time::ManualClock;

    #[test]
    fn every_refused_prompt_is_told_one_by_one_or_by_number() {
        let clock = ManualClock::default();
        let (sender, receiver) = crossbeam_channel::unbounded();
        let shared = Shared::new(Arc::new(clock.clone()), StopToken::new(), vec![sender]);
        let mut refusals = Refusals::default();
        let (mut given, mut singly, mut counted) = (0, 0, 0);
        for n in 0..2000u32 {
            let object = (n % 3 > 0).then_some(n);
            let intent = Intent::Prompt { object, points: Vec::new(), bbox: None };
            refusals.tell(&Request::new(f64::from(n), intent), if n < 1000 { "first" } else { "second" }, &shared);
            given += 1;
            clock.advance(Duration::from_millis(3));
        }
        refusals.tell_all(&shared);
        let events: Vec<_> = receiver.try_iter().map(|(_, event)| event.kind).collect();
        for event in &events {
            match event {
                EventKind::Rejected { object, prompt_time_s, .. } => {
                    assert_eq!(f64::from(*object), *prompt_time_s);
                    singly += 1;
                }
                EventKind::PromptsRefused { count, .. } => counted += count,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(singly + counted, given);
        assert!((64..=64 * 8).contains(&singly) && events.len() < 64 * 8 + 16, "{singly} in {} events", events.len());
    }
}
