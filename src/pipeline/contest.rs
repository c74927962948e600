use super::object::Object;
use crate::geometry::{BoundingBox, Letterbox};
use crate::model::Candidate;
use crate::time::Timestamp;
use crate::track::ObjectState;
use crate::track::rivals::{Claim, are_apart, settle};

/// Keeps objects that were apart from taking each other's place on the present frame.
#[derive(Default)]
pub(super) struct Contest {
    /// Pairs that were apart, and where each should be.
    pairs: Vec<(Contestant, Contestant)>,
}

#[derive(Clone, Copy)]
struct Contestant {
    /// Place among the objects.
    at: usize,
    foreseen: BoundingBox,
}

impl Contest {
    /// Finds the rivals of the present frame, taken at `now`, and settles what they expect of it.
    pub fn begin(&mut self, objects: &mut [Object], now: Timestamp, letterbox: &Letterbox) {
        self.pairs.clear();
        for second in 1..objects.len() {
            let Some(b) = contestant(objects, second, now, letterbox) else { continue };
            for first in 0..second {
                let Some(a) = contestant(objects, first, now, letterbox) else { continue };
                if are_apart(objects[first].follower.memory(), objects[second].follower.memory()) {
                    self.pairs.push((a, b));
                }
            }
        }
        for object in objects.iter_mut().filter(|object| object.turn) {
            object.follower.dispute(false);
        }
        for (a, b) in &self.pairs {
            let Some((first, second)) = two(objects, a.at, b.at) else { continue };
            if !first.is_sought() || !second.is_sought() {
                continue;
            }
            if let (Some(x), Some(y)) = (first.follower.expected_mut(), second.follower.expected_mut()) {
                settle(&mut a.claim(x), &mut b.claim(y));
            }
        }
    }

    /// Settles what the chosen candidates of rivals claim.
    pub fn settle(&self, objects: &mut [Object], candidates: &mut [Candidate]) {
        for (a, b) in &self.pairs {
            let Some((first, second)) = two(objects, a.at, b.at) else { continue };
            if !first.is_sought() || !second.is_sought() {
                continue;
            }
            let Some((x, y)) = two(candidates, first.chosen, second.chosen) else { continue };
            if settle(&mut a.claim(&mut x.logits), &mut b.claim(&mut y.logits)) {
                first.follower.dispute(true);
                second.follower.dispute(true);
            }
        }
    }
}

impl Contestant {
    fn claim<'a>(&self, logits: &'a mut crate::mask::LowResLogits) -> Claim<'a> {
        Claim { logits, foreseen: self.foreseen }
    }
}

fn contestant(objects: &[Object], at: usize, now: Timestamp, letterbox: &Letterbox) -> Option<Contestant> {
    let follower = &objects[at].follower;
    let foreseen = follower.foreseen(now, letterbox).filter(|_| follower.state() != ObjectState::Lost)?;
    Some(Contestant { at, foreseen })
}

/// Two elements at once, the first before the second.
fn two<T>(all: &mut [T], first: usize, second: usize) -> Option<(&mut T, &mut T)> {
    let (before, after) = all.split_at_mut_checked(second)?;
    Some((before.get_mut(first)?, after.first_mut()?))
}
