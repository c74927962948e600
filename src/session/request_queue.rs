use std::collections::VecDeque;

use super::intent::Request;
use super::origin::Origin;

/// Requests that wait for the frame of their time, or for their turn.
///
/// Each origin has a queue of its own, in the order of its requests' times, and there is a bound on each and on all
/// together: a request too many is refused, and of all of them together it is the longest queue that gives way. What displays
/// hold is never refused, or a display would mean a frame that is gone; of several in a row the last one counts. While
/// everything that is due is served, requests leave in the order of their times. Once some had to stay for a later frame, origins
/// take turns: in each, every origin that waits is served once (start-time fair queueing, Goyal, Vin and Cheng 1996, with one
/// request as the unit).
#[derive(Debug, Default)]
pub struct RequestQueue {
    lanes: Vec<Lane>,
    len: usize,
    /// The turn that was served last, while requests wait for turns.
    turn: u64,
    /// Requests that were due had to stay behind.
    crowded: bool,
    unbounded: bool,
}

#[derive(Debug)]
struct Lane {
    origin: Origin,
    requests: VecDeque<Request>,
    /// The earliest turn in which the lane is served again.
    turn: u64,
}

impl Lane {
    /// The time of its earliest request, if that has come by `now_s`.
    fn due(&self, now_s: f64) -> Option<f64> {
        self.requests.front().map(|request| request.time_s).filter(|time_s| time_s.total_cmp(&now_s).is_le())
    }
}

impl RequestQueue {
    /// Requests of one origin that there is room for.
    pub const PER_ORIGIN: usize = 256;
    /// Requests of all origins together that there is room for.
    pub const TOTAL: usize = 1024;

    /// A queue that has room for every request, for sources that bound what they say themselves.
    pub fn unbounded() -> Self {
        RequestQueue { unbounded: true, ..RequestQueue::default() }
    }

    /// Requests that wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if none waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Requests whose time has come by `now_s` (seconds from the first frame).
    pub fn due(&self, now_s: f64) -> usize {
        let due = |lane: &Lane| lane.requests.partition_point(|request| request.time_s.total_cmp(&now_s).is_le());
        self.lanes.iter().map(due).sum()
    }

    /// Lets a request wait; those of one origin and time keep the order in which they came.
    ///
    /// # Errors
    /// The request that there is no room for: this one, or the latest of the origin that has most of them waiting.
    pub fn push(&mut self, request: Request) -> Result<(), Request> {
        let at = self.lane(request.origin);
        let keeps_frames = request.intent.keeps_frames();
        if !self.unbounded && !keeps_frames && self.lanes[at].requests.len() >= Self::PER_ORIGIN {
            return Err(request);
        }
        let lane = &mut self.lanes[at];
        let place = lane.requests.partition_point(|other| other.time_s.total_cmp(&request.time_s).is_le());
        let before = place.checked_sub(1).and_then(|before| lane.requests.get_mut(before));
        if let Some(before) = before.filter(|before| keeps_frames && before.intent.keeps_frames()) {
            *before = request;
            return Ok(());
        }
        lane.requests.insert(place, request);
        self.len += 1;
        if self.unbounded || self.len <= Self::TOTAL {
            return Ok(());
        }
        let gives_way = |request: &Request| !request.intent.keeps_frames();
        let lanes = self.lanes.iter_mut().filter(|lane| lane.requests.iter().any(gives_way));
        let longest = lanes.max_by_key(|lane| lane.requests.len());
        match longest.and_then(|lane| lane.requests.remove(lane.requests.iter().rposition(gives_way)?)) {
            Some(refused) => {
                self.len -= 1;
                Err(refused)
            }
            None => Ok(()),
        }
    }

    /// The request that is served next, of those whose time has come by `now_s`; `None` once all are.
    pub fn next_due(&mut self, now_s: f64) -> Option<Request> {
        let (crowded, turn) = (self.crowded, self.turn);
        let key = |lane: &Lane| lane.due(now_s).map(|time_s| (if crowded { lane.turn.max(turn) } else { 0 }, time_s));
        let keys = self.lanes.iter().enumerate().filter_map(|(at, lane)| Some((at, key(lane)?)));
        let order = |a: &(u64, f64), b: &(u64, f64)| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1));
        let Some((at, (turn, _))) =
            keys.min_by(|(a, x), (b, y)| order(x, y).then_with(|| self.lanes[*a].origin.cmp(&self.lanes[*b].origin)))
        else {
            self.begin_anew();
            return None;
        };
        let lane = &mut self.lanes[at];
        let request = lane.requests.pop_front()?;
        self.len -= 1;
        if crowded {
            (lane.turn, self.turn) = (turn + 1, turn);
            // One that was served in this turn keeps its place, or it could come again and again before the others.
            self.lanes.retain(|lane| !lane.requests.is_empty() || lane.turn > turn);
        }
        Some(request)
    }

    /// What is due by `now_s` and was not served stays for a later frame.
    pub fn leave_rest(&mut self, now_s: f64) {
        if self.lanes.iter().any(|lane| lane.due(now_s).is_some()) {
            self.crowded = true;
        } else {
            self.begin_anew();
        }
    }

    /// True if something that was due had to stay for a later frame.
    pub fn is_crowded(&self) -> bool {
        self.crowded
    }

    /// Takes out everything that waits, origin by origin.
    pub fn drain(&mut self) -> impl Iterator<Item = Request> {
        self.len = 0;
        self.lanes.drain(..).flat_map(|lane| lane.requests)
    }

    /// Nobody waits for a turn.
    fn begin_anew(&mut self) {
        (self.crowded, self.turn) = (false, 0);
        self.lanes.retain(|lane| !lane.requests.is_empty() || lane.origin == Origin::LOCAL);
        self.lanes.iter_mut().for_each(|lane| lane.turn = 0);
    }

    fn lane(&mut self, origin: Origin) -> usize {
        self.lanes.iter().position(|lane| lane.origin == origin).unwrap_or_else(|| {
            self.lanes.push(Lane { origin, requests: VecDeque::new(), turn: 0 });
            self.lanes.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::session::Intent;

    fn request(origin: Origin, time_s: f64, object: u32) -> Request {
        Request::new(time_s, Intent::Release { object }).with_origin(origin)
    }

    fn object(request: &Request) -> u32 {
        match request.intent {
            Intent::Release { object } => object,
            _ => unreachable!("only releases are pushed"),
        }
    }

    #[test]
    fn what_displays_hold_is_never_refused_and_the_last_of_a_row_counts() {
        let page = Origin::page(1);
        let hold = |time_s, display| Request::new(time_s, Intent::HoldFrame { display }).with_origin(page);
        let mut queue = RequestQueue::default();
        (0..RequestQueue::PER_ORIGIN as u32).for_each(|n| queue.push(request(page, 1.0, n)).unwrap());
        queue.push(request(page, 1.0, 0)).expect_err("there is no room for a prompt");
        for n in 0..1000 {
            queue.push(hold(f64::from(n) / 1e3, 1)).unwrap();
            queue.push(hold(2.0 + f64::from(n) / 1e3, 1)).unwrap();
        }
        assert_eq!(queue.len(), RequestQueue::PER_ORIGIN + 2);
        for n in 0..2 * RequestQueue::TOTAL as u32 {
            let refused = queue.push(request(Origin::page(2 + n % 32), 3.0, n)).err();
            assert!(refused.is_none_or(|refused| refused.intent.is_prompt()));
        }
        assert_eq!(queue.len(), RequestQueue::TOTAL);
        let held: Vec<f64> = queue.drain().filter(|r| r.intent.keeps_frames()).map(|r| r.time_s).collect();
        assert_eq!(held, [0.999, 2.999]);
    }

    #[test]
    fn requests_come_in_the_order_of_their_times_whoever_made_them() {
        let mut queue = RequestQueue::default();
        let rows =
            [(Origin::LOCAL, 0.5, 1), (Origin::page(1), 0.2, 2), (Origin::LOCAL, 0.5, 3), (Origin::page(2), 0.9, 4)];
        for (origin, time_s, object) in rows {
            queue.push(request(origin, time_s, object)).unwrap();
        }
        let mut due = |now_s| std::iter::from_fn(|| queue.next_due(now_s)).map(|r| object(&r)).collect::<Vec<_>>();
        assert!(due(0.1).is_empty());
        assert_eq!(due(0.5), [2, 1, 3]);
        assert_eq!((queue.len(), queue.due(0.5), queue.due(0.9)), (1, 0, 1));
    }

    #[test]
    fn a_page_with_one_request_waits_for_one_of_each_other_page_and_not_for_a_flood() {
        let mut queue = RequestQueue::default();
        for n in 0..200 {
            queue.push(request(Origin::page(1), 0.0, n)).unwrap();
        }
        queue.leave_rest(0.0);
        queue.next_due(0.0).unwrap();
        // It is later than all of the others.
        queue.push(request(Origin::page(2), 0.9, 777)).unwrap();
        assert_eq!(object(&queue.next_due(1.0).unwrap()), 777);
        // Nor does it get on by coming again at once, with an early time.
        queue.push(request(Origin::page(2), 0.0, 778)).unwrap();
        queue.push(request(Origin::page(2), 0.0, 779)).unwrap();
        let mut of_flood = || (0..2).filter(|_| queue.next_due(1.0).unwrap().origin == Origin::page(1)).count();
        assert_eq!([of_flood(), of_flood()], [1, 1]);
    }

    #[test]
    fn an_unbounded_queue_has_room_for_all() {
        let (mut queue, mut bounded) = (RequestQueue::unbounded(), RequestQueue::default());
        let refused = (0..2000).filter(|n| bounded.push(request(Origin::LOCAL, 0.0, *n)).is_err()).count();
        assert_eq!((refused, bounded.len()), (2000 - RequestQueue::PER_ORIGIN, RequestQueue::PER_ORIGIN));
        assert!((0..2000).all(|n| queue.push(request(Origin::LOCAL, 0.0, n)).is_ok()));
        assert_eq!(std::iter::from_fn(|| queue.next_due(0.0)).count(), 2000);
    }

    #[test]
    fn the_longest_queue_gives_way_when_all_is_full() {
        let mut queue = RequestQueue::default();
        let mut refused = HashMap::<Origin, usize>::new();
        for n in 0..40_000u32 {
            if let Err(request) = queue.push(request(Origin::page(n % 32), f64::from(n), n)) {
                *refused.entry(request.origin).or_default() += 1;
            }
        }
        assert_eq!(queue.len(), RequestQueue::TOTAL);
        queue.push(request(Origin::LOCAL, 0.0, 1)).expect_err("one of the pages gives way");
        let left: Vec<Request> = queue.drain().collect();
        assert_eq!(left.iter().filter(|r| r.origin == Origin::LOCAL).count(), 1);
        for page in 0..32 {
            let of_page = left.iter().filter(|r| r.origin == Origin::page(page)).count();
            assert!((31..=32).contains(&of_page), "page {page} has {of_page}");
            assert_eq!(refused[&Origin::page(page)], 1250 - 32);
        }
        assert!(queue.is_empty() && queue.drain().next().is_none());
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push {
            origin: u32,
            time_s: f64,
        },
        /// A frame at this time serves so many requests.
        Frame {
            now_s: f64,
            served: usize,
        },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..5u32, 0..20u32).prop_map(|(origin, t)| Step::Push { origin, time_s: f64::from(t) }),
            1 => (0..25u32, 0..6usize).prop_map(|(t, served)| Step::Frame { now_s: f64::from(t), served }),
        ]
    }

    proptest! {
        /// Against a plain list: nothing is lost or made up, what leaves is due, each origin keeps the order of its times, and what
        /// has no time limit leaves in the order of time.
        #[test]
        fn nothing_is_lost_and_each_origin_keeps_its_order(steps in proptest::collection::vec(step(), 0..120)) {
            let (mut queue, mut waiting, mut next) = (RequestQueue::default(), Vec::<Request>::new(), 0);
            for step in steps {
                match step {
                    Step::Push { origin, time_s } => {
                        next += 1;
                        let request = request(Origin::page(origin), time_s, next);
                        waiting.push(request.clone());
                        prop_assert!(queue.push(request).is_ok());
                    }
                    Step::Frame { now_s, served } => {
                        for _ in 0..served {
                            let due = waiting.iter().any(|r| r.time_s <= now_s);
                            let Some(request) = queue.next_due(now_s) else {
                                prop_assert!(!due);
                                break;
                            };
                            prop_assert!(request.time_s <= now_s);
                            let own = waiting.iter().filter(|r| r.origin == request.origin);
                            let first = own.min_by(|a, b| a.time_s.total_cmp(&b.time_s)).unwrap();
                            prop_assert_eq!(first, &request);
                            waiting.retain(|r| r != &request);
                        }
                        queue.leave_rest(now_s);
                    }
                }
                prop_assert_eq!(queue.len(), waiting.len());
            }
            let mut rest: Vec<_> = queue.drain().map(|r| object(&r)).collect();
            rest.sort();
            prop_assert_eq!(rest, waiting.iter().map(object).collect::<Vec<_>>());
        }

        /// Of two origins that wait all the while, neither is served more than once more often than the other, whatever
        /// others do, and whoever comes waits for one request of each other origin at most.
        #[test]
        fn origins_take_turns(floods in 2..12u32, each in 5..60u32, late in 0..40usize, times in 0..7u32) {
            let mut queue = RequestQueue::default();
            for n in 0..each {
                for origin in 0..floods {
                    queue.push(request(Origin::page(origin), f64::from(n * (origin * times % 7)), 0)).unwrap();
                }
            }
            let now_s = 1e9;
            queue.leave_rest(now_s);
            let mut served = vec![0u32; floods as usize];
            let total = (each * floods) as usize;
            let late = late.min(total - 1);
            let mut waited = None;
            for n in 0..total {
                if n == late {
                    queue.push(request(Origin::LOCAL, 1e8, 1)).unwrap();
                    waited = Some(0);
                }
                let one = queue.next_due(now_s).unwrap();
                if one.origin == Origin::LOCAL {
                    prop_assert!(waited.take().is_some_and(|turns| turns <= floods));
                    continue;
                }
                waited = waited.map(|turns| turns + 1);
                let at = (0..floods).position(|origin| Origin::page(origin) == one.origin).unwrap();
                served[at] += 1;
                let (least, most) = (served.iter().min().unwrap(), served.iter().max().unwrap());
                prop_assert!(most - least <= 1, "{:?}", served);
            }
        }
    }
}
