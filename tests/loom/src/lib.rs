//! Every interleaving of small programs over the queue, the slot and the token: their sources, built again over loom's
//! primitives. In loom a timed wait never times out.
#![cfg(test)]
#![allow(dead_code)]

mod primitives {
    pub use loom::sync::atomic::{AtomicBool, Ordering};
    pub use loom::sync::{Arc, Condvar, Mutex, MutexGuard};
}

#[path = "../../../src/sync/drop_oldest.rs"]
mod drop_oldest;
#[path = "../../../src/sync/latest_slot.rs"]
mod latest_slot;
#[path = "../../../src/sync/stop_token.rs"]
mod stop_token;

use std::time::Duration;

use drop_oldest::{DropOldest, Received};
use latest_slot::LatestSlot;
use loom::thread;
use stop_token::StopToken;

const FOREVER: Duration = Duration::MAX;

#[test]
fn slot_two_producers_lose_only_what_they_count() {
    loom::model(|| {
        let slot = LatestSlot::new();
        let producers: Vec<_> = [1u32, 2]
            .map(|value| {
                let slot = slot.clone();
                thread::spawn(move || slot.put(value))
            })
            .into();
        let Received::Value(first) = slot.take(FOREVER) else { panic!("open, so a value") };
        let displaced: Vec<u32> = producers.into_iter().filter_map(|p| p.join().unwrap()).collect();
        slot.close();
        let mut seen = displaced.clone();
        seen.push(first);
        while let Received::Value(value) = slot.take(FOREVER) {
            seen.push(value);
        }
        seen.sort_unstable();
        assert_eq!(seen, [1, 2]);
        assert_eq!(slot.dropped(), displaced.len() as u64);
    });
}

#[test]
fn slot_an_offer_never_replaces() {
    loom::model(|| {
        let slot = LatestSlot::new();
        let putter = {
            let slot = slot.clone();
            thread::spawn(move || slot.put(1u32))
        };
        let refused = slot.offer(2);
        let replaced = putter.join().unwrap();
        slot.close();
        let left = slot.take(FOREVER);
        match (refused, replaced) {
            // It came second, or first and gave way.
            (Some(2), None) | (None, Some(2)) => assert_eq!(left, Received::Value(1)),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn slot_newest_wins() {
    loom::model(|| {
        let slot = LatestSlot::new();
        let producer = {
            let slot = slot.clone();
            thread::spawn(move || {
                for value in 1..=3u32 {
                    slot.put(value);
                }
                slot.close();
            })
        };
        let (mut last, mut taken) = (0, 0);
        while let Received::Value(value) = slot.take(FOREVER) {
            assert!(value > last);
            last = value;
            taken += 1;
        }
        producer.join().unwrap();
        assert_eq!(last, 3);
        assert_eq!(taken + slot.dropped(), 3);
    });
}

#[test]
fn queue_close_wakes_two_receivers_and_drains() {
    loom::model(|| {
        let queue = DropOldest::new(2);
        let receivers: Vec<_> = (0..2)
            .map(|_| {
                let queue = queue.clone();
                thread::spawn(move || {
                    let mut sum = 0u64;
                    while let Received::Value(value) = queue.receive(FOREVER) {
                        sum += value;
                    }
                    sum
                })
            })
            .collect();
        let displaced = queue.send(1u64).unwrap_or(0);
        queue.close();
        assert_eq!(queue.send(100), Some(100));
        let received: u64 = receivers.into_iter().map(|r| r.join().unwrap()).sum();
        assert_eq!(received + displaced, 1);
    });
}

#[test]
fn token_wakes_its_waiter() {
    loom::model(|| {
        let token = StopToken::new();
        let waiter = {
            let token = token.clone();
            thread::spawn(move || token.wait(FOREVER))
        };
        token.stop();
        assert!(waiter.join().unwrap());
        assert!(token.is_stopped());
    });
}
