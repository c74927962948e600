use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// Those who are connected: a place for each, for as long as its connection lives. When all are taken, the one that has kept
/// the server waiting longest gives its place to a newcomer. Clones share the places.
#[derive(Clone)]
pub struct Connections(Arc<Mutex<Taken>>);

struct Taken {
    limit: usize,
    patience: Duration,
    last_id: u64,
    entries: Vec<Entry>,
}

struct Entry {
    id: u64,
    /// As [`network`] gives it.
    peer: IpAddr,
    waiting: Waiting,
    displace: oneshot::Sender<()>,
}

/// What a client takes its time with. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Waiting(Arc<Mutex<Since>>);

#[derive(Debug, Default)]
struct Since {
    /// No whole request has come since.
    request: Option<Instant>,
    /// It has taken nothing of what is written since.
    reading: Option<Instant>,
}

/// One of [`Connections`]; dropping it makes room.
pub struct Place {
    id: u64,
    taken: Connections,
    waiting: Waiting,
    displaced: oneshot::Receiver<()>,
    is_displaced: bool,
}

/// Who counts as one: an address, and for IPv6 the network of 64 bits that one household has.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(ip) if !ip.is_loopback() => {
            let [a, b, c, d, ..] = ip.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        other => other,
    }
}

impl Connections {
    /// `limit` places; who keeps the server waiting for longer than `patience` may lose theirs to others.
    pub fn new(limit: usize, patience: Duration) -> Self {
        Connections(Arc::new(Mutex::new(Taken { limit, patience, last_id: 0, entries: Vec::with_capacity(limit) })))
    }

    /// How many places there are.
    pub fn limit(&self) -> usize {
        self.taken().limit
    }

    /// A place for `peer`, which may have `share` of them; `None` when there is none.
    pub fn enter(&self, peer: IpAddr, share: usize, now: Instant) -> Option<Place> {
        let peer = network(peer);
        let mut taken = self.taken();
        let own = taken.entries.iter().filter(|entry| entry.peer == peer).count();
        if own >= share {
            taken.displace(now, |entry| entry.peer == peer)?;
        } else if taken.entries.len() >= taken.limit {
            taken.displace(now, |_| true)?;
        }
        taken.last_id += 1;
        let (id, waiting) = (taken.last_id, Waiting::default());
        waiting.for_request(now);
        let (displace, displaced) = oneshot::channel();
        taken.entries.push(Entry { id, peer, waiting: waiting.clone(), displace });
        Some(Place { id, taken: self.clone(), waiting, displaced, is_displaced: false })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // A panic leaves at worst a place that nobody has.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Taken {
    /// Takes the place of the one that has kept the server waiting longest, of those that `may` lose it.
    fn displace(&mut self, now: Instant, may: impl Fn(&Entry) -> bool) -> Option<()> {
        let waited = |entry: &Entry| entry.waiting.since().map(|since| now.saturating_duration_since(since));
        let candidates = self.entries.iter().enumerate().filter(|(_, entry)| may(entry));
        let waiting = candidates.filter_map(|(at, entry)| waited(entry).map(|waited| (waited, at)));
        // Of those that came together the first.
        let (waited, at) = waiting.max_by_key(|(waited, at)| (*waited, std::cmp::Reverse(*at)))?;
        if waited < self.patience {
            return None;
        }
        let _ = self.entries.remove(at).displace.send(());
        Some(())
    }
}

impl Waiting {
    /// The next request is waited for.
    pub fn for_request(&self, now: Instant) {
        self.lock().request = Some(now);
    }

    /// What was asked for is being done: the client waits for us.
    pub fn is_over(&self) {
        self.lock().request = None;
    }

    /// The client does not take what is written.
    pub fn for_reader(&self, now: Instant) {
        self.lock().reading.get_or_insert(now);
    }

    /// The client took something.
    pub fn was_read(&self, now: Instant) {
        let mut since = self.lock();
        since.reading = None;
        if let Some(request) = &mut since.request {
            *request = now;
        }
    }

    fn since(&self) -> Option<Instant> {
        let since = self.lock();
        since.request.into_iter().chain(since.reading).min()
    }

    fn lock(&self) -> MutexGuard<'_, Since> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Place {
    /// What the client takes its time with.
    pub fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// Whether another has this place now; wakes the task when one gets it.
    pub fn poll_displaced(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.is_displaced {
            self.is_displaced = matches!(std::pin::Pin::new(&mut self.displaced).poll(cx), Poll::Ready(_));
        }
        self.is_displaced
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let id = self.id;
        self.taken.taken().entries.retain(|entry| entry.id != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(1);

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn is_displaced(place: &mut Place) -> bool {
        place.poll_displaced(&mut Context::from_waker(std::task::Waker::noop()))
    }

    #[test]
    fn a_place_is_held_until_it_is_dropped() {
        let (all, now) = (Connections::new(3, PATIENCE), Instant::now());
        let mut held: Vec<_> = (0..3).map(|n| all.enter(ip(n), 3, now).unwrap()).collect();
        assert!(all.enter(ip(9), 3, now).is_none());
        held.pop();
        assert!(all.enter(ip(9), 3, now).is_some());
        assert!(all.enter(ip(9), 3, now).is_some(), "its guest has gone again");
        assert!(!is_displaced(&mut held[0]));
    }

    #[test]
    fn an_address_has_its_share() {
        let (all, now) = (Connections::new(8, PATIENCE), Instant::now());
        let _held: Vec<_> = (0..2).map(|_| all.enter(ip(1), 2, now).unwrap()).collect();
        assert!(all.enter(ip(1), 2, now).is_none());
        let _mapped = all.enter("::ffff:10.0.0.2".parse().unwrap(), 1, now).unwrap();
        assert!(all.enter(ip(2), 1, now).is_none(), "an address of IPv4 written as one of IPv6 is the same");
        let _six = all.enter("2001:db8::1".parse().unwrap(), 1, now).unwrap();
        assert!(all.enter("2001:db8::ffff:2".parse().unwrap(), 1, now).is_none(), "a network of 64 bits is one");
        assert!(all.enter("2001:db8:0:1::1".parse().unwrap(), 1, now).is_some());
    }

    #[test]
    fn who_keeps_the_server_waiting_gives_way() {
        let (all, start) = (Connections::new(3, PATIENCE), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let mut busy = all.enter(ip(1), 3, at(0)).unwrap();
        busy.waiting().is_over();
        let mut idle = all.enter(ip(2), 3, at(100)).unwrap();
        let mut deaf = all.enter(ip(3), 3, at(0)).unwrap();
        deaf.waiting().is_over();
        deaf.waiting().for_reader(at(50));
        assert!(all.enter(ip(4), 3, at(900)).is_none(), "nobody has waited for long");
        let mut fourth = all.enter(ip(4), 3, at(1060)).unwrap();
        assert!(is_displaced(&mut deaf) && !is_displaced(&mut idle) && !is_displaced(&mut busy));
        drop(deaf);
        assert!(all.enter(ip(5), 3, at(1099)).is_none(), "one that was displaced frees nothing when it goes");
        let _fifth = all.enter(ip(5), 3, at(1200)).unwrap();
        assert!(is_displaced(&mut idle) && !is_displaced(&mut fourth));
        assert!(!is_displaced(&mut busy), "who waits for us stays");
    }

    #[test]
    fn who_reads_is_not_waited_for() {
        let (all, start) = (Connections::new(1, PATIENCE), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let mut reader = all.enter(ip(1), 1, at(0)).unwrap();
        reader.waiting().for_reader(at(100));
        reader.waiting().was_read(at(900));
        assert!(all.enter(ip(2), 1, at(1500)).is_none());
        assert!(!is_displaced(&mut reader));
        let own = all.enter(ip(1), 1, at(2000));
        assert!(own.is_some() && is_displaced(&mut reader), "beyond its share an address displaces its own");
    }
}
