use super::object::Object;
use crate::geometry::{BoundingBox, Letterbox};
use crate::mask::LowResLogits;
use crate::model::Candidate;
use crate::time::Timestamp;
use crate::track::ObjectState;
use crate::track::overlap::{Claim, are_apart, resolve};

/// Keeps objects that were apart from taking each other's place on the present frame.
#[derive(Default)]
pub(super) struct OverlapResolver {
    /// Pairs that were apart, and where each should be.
    pairs: Vec<(Contender, Contender)>,
}

#[derive(Clone, Copy)]
struct Contender {
    /// Place among the objects.
    at: usize,
    predicted: BoundingBox,
}

impl OverlapResolver {
    /// Finds the pairs that may overlap on the present frame, taken at `now`, and resolves what they expect of it.
    pub fn begin(&mut self, objects: &mut [Object], now: Timestamp, letterbox: &Letterbox) {
        self.pairs.clear();
        for second in 1..objects.len() {
            let Some(b) = contender(objects, second, now, letterbox) else { continue };
            for first in 0..second {
                let Some(a) = contender(objects, first, now, letterbox) else { continue };
                if are_apart(objects[first].follower.memory(), objects[second].follower.memory()) {
                    self.pairs.push((a, b));
                }
            }
        }
        for object in objects.iter_mut().filter(|object| object.searching) {
            object.follower.set_disputed(false);
        }
        for (a, b) in &self.pairs {
            let Some((first, second)) = two(objects, a.at, b.at) else { continue };
            if !first.searching || !second.searching {
                continue;
            }
            if let (Some(x), Some(y)) = (first.follower.expected_mut(), second.follower.expected_mut()) {
                resolve(&mut a.claim(x), &mut b.claim(y));
            }
        }
    }

    /// Resolves what the chosen candidates of each pair claim.
    pub fn resolve(&self, objects: &mut [Object], candidates: &mut [Candidate]) {
        for (a, b) in &self.pairs {
            let Some((first, second)) = two(objects, a.at, b.at) else { continue };
            if !first.searching || !second.searching {
                continue;
            }
            let Some((x, y)) = two(candidates, first.chosen, second.chosen) else { continue };
            if resolve(&mut a.claim(&mut x.logits), &mut b.claim(&mut y.logits)) {
                first.follower.set_disputed(true);
                second.follower.set_disputed(true);
            }
        }
    }
}

impl Contender {
    fn claim<'a>(&self, logits: &'a mut LowResLogits) -> Claim<'a> {
        Claim { logits, predicted: self.predicted }
    }
}

fn contender(objects: &[Object], at: usize, now: Timestamp, letterbox: &Letterbox) -> Option<Contender> {
    let follower = &objects[at].follower;
    let predicted = follower.predicted_box(now, letterbox).filter(|_| follower.state() != ObjectState::Lost)?;
    Some(Contender { at, predicted })
}

/// Two elements at once, the first before the second.
fn two<T>(all: &mut [T], first: usize, second: usize) -> Option<(&mut T, &mut T)> {
    let (before, after) = all.split_at_mut_checked(second)?;
    Some((before.get_mut(first)?, after.first_mut()?))
}
