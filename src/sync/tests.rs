use std::thread;
use std::time::Duration;

use super::{DropOldest, LatestSlot, Received, StopToken};

const NOW: Duration = Duration::ZERO;
const FOREVER: Duration = Duration::MAX;

#[test]
fn newest_wins_in_the_slot() {
    let slot = LatestSlot::new();
    assert_eq!(slot.take(NOW), Received::TimedOut);
    assert_eq!(slot.put(1), None);
    assert_eq!(slot.put(2), Some(1));
    assert_eq!(slot.take(NOW), Received::Value(2));
    assert!(slot.is_empty());
    assert_eq!(slot.dropped(), 1);
}

#[test]
fn an_offer_takes_nobodys_place() {
    let slot = LatestSlot::new();
    assert_eq!(slot.offer(1), None);
    assert_eq!((slot.offer(2), slot.dropped()), (Some(2), 1));
    assert_eq!(slot.take(NOW), Received::Value(1));
    assert_eq!(slot.offer(3), None);
    slot.close();
    assert_eq!(slot.offer(4), Some(4));
    assert_eq!((slot.take(NOW), slot.take(NOW)), (Received::Value(3), Received::Closed));
}

#[test]
fn closing_keeps_what_is_left_and_refuses_more() {
    let slot = LatestSlot::new();
    slot.put("left");
    slot.close();
    assert_eq!(slot.put("late"), Some("late"));
    assert_eq!((slot.take(FOREVER), slot.take(FOREVER)), (Received::Value("left"), Received::Closed));
    assert_eq!(slot.dropped(), 1);
}

#[test]
fn full_queue_drops_its_oldest() {
    let queue = DropOldest::new(3);
    let displaced: Vec<u32> = (0..5).filter_map(|v| queue.send(v)).collect();
    assert_eq!((displaced, queue.dropped(), queue.len()), (vec![0, 1], 2, 3));
    queue.close();
    let rest: Vec<u32> = std::iter::from_fn(|| queue.receive(FOREVER).value()).collect();
    assert_eq!(rest, [2, 3, 4]);
}

#[test]
fn capacity_is_at_least_one() {
    let queue = DropOldest::new(0);
    assert_eq!(queue.capacity(), 1);
    assert_eq!((queue.send(1), queue.send(2)), (None, Some(1)));
}

#[test]
fn queue_never_grows_its_memory() {
    let queue = DropOldest::new(4);
    assert_eq!((0..1000).filter_map(|v| queue.send(v)).count(), 996);
    assert_eq!(queue.len(), 4);
}

#[test]
fn waits_end_by_timeout() {
    let pause = Duration::from_millis(1);
    assert_eq!(DropOldest::<()>::new(1).receive(pause), Received::TimedOut);
    assert_eq!(LatestSlot::<()>::new().take(pause), Received::TimedOut);
    assert!(!StopToken::new().wait(pause));
}

#[test]
fn closing_wakes_every_waiter() {
    let queue = DropOldest::<()>::new(1);
    let waiters: Vec<_> = (0..4)
        .map(|_| {
            let queue = queue.clone();
            thread::spawn(move || queue.receive(FOREVER))
        })
        .collect();
    queue.close();
    assert!(waiters.into_iter().all(|w| w.join().unwrap() == Received::Closed));
}

#[test]
fn stopping_wakes_every_waiter() {
    let token = StopToken::new();
    let waiters: Vec<_> = (0..4)
        .map(|_| {
            let token = token.clone();
            thread::spawn(move || token.wait(FOREVER))
        })
        .collect();
    assert!(!token.is_stopped());
    token.stop();
    assert!(waiters.into_iter().all(|w| w.join().unwrap()));
    assert!(token.is_stopped() && token.wait(FOREVER) && token.wait(NOW));
}

/// Producers send distinct values; every value is either received once or handed back as dropped.
fn nothing_is_lost(capacity: usize, producers: u64, consumers: u64) {
    const EACH: u64 = 5_000;
    let queue = DropOldest::new(capacity);
    let receiving: Vec<_> = (0..consumers)
        .map(|_| {
            let queue = queue.clone();
            thread::spawn(move || std::iter::from_fn(|| queue.receive(FOREVER).value()).collect::<Vec<u64>>())
        })
        .collect();
    let sending: Vec<_> = (0..producers)
        .map(|p| {
            let queue = queue.clone();
            thread::spawn(move || (p * EACH..(p + 1) * EACH).filter_map(|v| queue.send(v)).collect::<Vec<u64>>())
        })
        .collect();
    let displaced: Vec<u64> = sending.into_iter().flat_map(|t| t.join().unwrap()).collect();
    queue.close();
    let received: Vec<Vec<u64>> = receiving.into_iter().map(|t| t.join().unwrap()).collect();
    for part in &received {
        for p in 0..producers {
            let mine: Vec<u64> = part.iter().copied().filter(|v| v / EACH == p).collect();
            assert!(mine.is_sorted(), "values of one producer arrive in order");
        }
    }
    assert_eq!(queue.dropped(), displaced.len() as u64);
    let mut all: Vec<u64> = received.into_iter().flatten().chain(displaced).collect();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..producers * EACH));
}

#[test]
fn nothing_is_lost_but_what_is_counted() {
    nothing_is_lost(1, 4, 1);
    nothing_is_lost(1, 4, 3);
    nothing_is_lost(8, 4, 1);
    nothing_is_lost(8, 1, 3);
}
