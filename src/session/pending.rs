use super::intent::Request;

/// Requests that wait for the frame of their time, earliest first.
pub(super) struct Pending(Vec<Request>);

impl Default for Pending {
    fn default() -> Self {
        Pending(Vec::with_capacity(Self::LIMIT))
    }
}

impl Pending {
    /// Requests that there is room for; more are the caller's to hold back.
    pub const LIMIT: usize = 256;

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes a request; those of one time keep the order in which they came.
    pub fn push(&mut self, request: Request) {
        let at = self.0.partition_point(|other| other.time_s <= request.time_s);
        self.0.insert(at, request);
    }

    /// The earliest request whose time is not after `now_s` (seconds from the first frame).
    pub fn next_due(&mut self, now_s: f64) -> Option<Request> {
        (self.0.first()?.time_s <= now_s).then(|| self.0.remove(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Intent;

    #[test]
    fn requests_come_in_the_order_of_their_times() {
        let mut pending = Pending::default();
        let release = |time_s, object| Request { time_s, intent: Intent::Release { object } };
        for (time_s, object) in [(0.5, 1), (0.2, 2), (0.5, 3), (0.9, 4)] {
            pending.push(release(time_s, object));
        }
        let mut due = |now_s| std::iter::from_fn(|| pending.next_due(now_s)).map(|r| r.intent).collect::<Vec<_>>();
        assert_eq!(due(0.1), []);
        assert_eq!(due(0.5), [2, 1, 3].map(|object| Intent::Release { object }));
        assert_eq!(pending.len(), 1);
    }
}
