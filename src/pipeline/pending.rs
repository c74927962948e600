use crossbeam_channel::Receiver;

use super::request::Request;

/// Requests that wait for the frame of their time, earliest first.
pub(super) struct Pending {
    incoming: Receiver<Request>,
    waiting: Vec<Request>,
    limit: usize,
}

impl Pending {
    /// Takes prompts from `incoming` and holds at most `limit` of them; the rest stays in the channel, which makes their
    /// source wait.
    pub fn new(incoming: Receiver<Request>, limit: usize) -> Self {
        Pending { incoming, waiting: Vec::with_capacity(limit), limit }
    }

    /// The earliest prompt whose time is not after `now_s` (seconds from the first frame).
    pub fn next_due(&mut self, now_s: f64) -> Option<Request> {
        while self.waiting.len() < self.limit {
            let Ok(prompt) = self.incoming.try_recv() else { break };
            // Prompts of one time keep the order in which they came.
            let at = self.waiting.partition_point(|p| p.time_s() <= prompt.time_s());
            self.waiting.insert(at, prompt);
        }
        (self.waiting.first()?.time_s() <= now_s).then(|| self.waiting.remove(0))
    }

    /// Prompts that were never due.
    pub fn unanswered(&self) -> usize {
        self.waiting.len() + self.incoming.len()
    }
}
