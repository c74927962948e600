use std::time::Duration;

use crate::time::Timestamp;

/// The share of the time between two frames that prompts may take; the rest is for following what is selected.
const SHARE: u32 = 4;

/// How long the prompts of one frame may take. One is always carried out, so that all are in the end.
pub(super) struct PromptBudget {
    /// `None` has no limit.
    limit: Option<Duration>,
    /// What the last prompt took.
    cost: Duration,
}

/// The time for prompts on one frame.
pub(super) struct Turn<'a> {
    budget: &'a mut PromptBudget,
    began: Timestamp,
    at: Timestamp,
}

impl PromptBudget {
    /// For frames at `fps`.
    pub fn for_rate(fps: f64) -> Self {
        let period = Duration::try_from_secs_f64(1.0 / fps).unwrap_or(Duration::MAX);
        PromptBudget { limit: Some(period / SHARE), cost: Duration::ZERO }
    }

    /// Every prompt on the frame of its time, however long that takes.
    pub fn unlimited() -> Self {
        PromptBudget { limit: None, cost: Duration::ZERO }
    }

    /// A frame begins on its prompts at `now`.
    pub fn begin(&mut self, now: Timestamp) -> Turn<'_> {
        Turn { budget: self, began: now, at: now }
    }
}

impl Turn<'_> {
    /// A prompt was carried out by `now`. Whether there is time for another like it.
    pub fn has_time(&mut self, now: Timestamp) -> bool {
        self.budget.cost = now.since(std::mem::replace(&mut self.at, now));
        self.budget.limit.is_none_or(|limit| now.since(self.began) + self.budget.cost <= limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many prompts of such costs, in milliseconds, one frame at `fps` carries out.
    fn carried_out(mut budget: PromptBudget, costs: &[u64]) -> usize {
        let mut now = Timestamp::from_secs_f64(7.0);
        let mut turn = budget.begin(now);
        let another = |cost: &&u64| {
            now = now + Duration::from_millis(**cost);
            turn.has_time(now)
        };
        costs.len().min(1 + costs.iter().take_while(another).count())
    }

    #[test]
    fn prompts_take_a_quarter_of_the_time_between_frames_and_one_is_always_carried_out() {
        let at_25 = || PromptBudget::for_rate(25.0);
        assert_eq!(carried_out(at_25(), &[2; 100]), 5);
        assert_eq!(carried_out(at_25(), &[500; 100]), 1);
        assert_eq!(carried_out(at_25(), &[0; 100]), 100);
        assert_eq!(carried_out(at_25(), &[1, 5, 4]), 2, "one more like the last would be too much");
        assert_eq!(carried_out(PromptBudget::for_rate(0.0), &[500; 100]), 100);
        assert_eq!(carried_out(PromptBudget::unlimited(), &[500; 100]), 100);
    }
}
