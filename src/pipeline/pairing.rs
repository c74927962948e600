use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::record::{CameraFrame, EventKind};

/// Frames of one camera that wait for those of the others.
const WAITING: usize = 16;

/// Finds the frames of several cameras that were taken together, by their times alone: one of each camera, none of them further from
/// the newest than the tolerance, and each in one set at most. With a tolerance of at most half the time between two frames there is
/// never a choice.
#[derive(Debug)]
struct Pairing {
    cameras: Vec<Camera>,
    /// In seconds.
    tolerance: f64,
}

#[derive(Debug)]
struct Camera {
    name: String,
    /// Sequence number and time in seconds, oldest first.
    waiting: VecDeque<(u64, f64)>,
}

impl Pairing {
    /// Adds a frame of a camera: the set that it completes, with the times of its first and last frame apart.
    fn add(&mut self, camera: usize, frame: u64, time_s: f64) -> Option<(Vec<CameraFrame>, f64)> {
        let waiting = &mut self.cameras[camera].waiting;
        if waiting.len() == WAITING {
            waiting.pop_front();
        }
        waiting.push_back((frame, time_s));
        let nearest = |camera: &Camera| {
            let apart = |at: usize| (camera.waiting[at].1 - time_s).abs();
            let best = (0..camera.waiting.len()).min_by(|a, b| apart(*a).total_cmp(&apart(*b)))?;
            (apart(best) <= self.tolerance).then_some(best)
        };
        let chosen = self.cameras.iter().map(nearest).collect::<Option<Vec<_>>>()?;
        let times = || self.cameras.iter().zip(&chosen).map(|(camera, at)| camera.waiting[*at].1);
        let apart = times().fold(f64::MIN, f64::max) - times().fold(f64::MAX, f64::min);
        if apart > self.tolerance {
            return None;
        }
        let take = |(camera, at): (&mut Camera, usize)| {
            // What came before can only be further away.
            let (frame, _) = camera.waiting.drain(..=at).next_back()?;
            Some(CameraFrame { camera: camera.name.clone(), frame })
        };
        let frames = self.cameras.iter_mut().zip(chosen).filter_map(take).collect();
        // No clock vouches for more than microseconds.
        Some((frames, (apart * 1e6).round() / 1e6))
    }
}

/// One of several cameras whose frames are paired; each goes to a [`Pipeline`](super::Pipeline).
#[derive(Clone, Debug)]
pub struct PairedCamera {
    pairing: Arc<Mutex<Pairing>>,
    camera: usize,
}

impl PairedCamera {
    /// One for each of the cameras called `names`. Frames belong together that were taken within `tolerance_s` seconds; half the time
    /// between two frames is the most that leaves no doubt.
    pub fn new(names: impl IntoIterator<Item = String>, tolerance_s: f64) -> Vec<PairedCamera> {
        let cameras = names.into_iter().map(|name| Camera { name, waiting: VecDeque::with_capacity(WAITING) });
        let cameras: Vec<_> = cameras.collect();
        let count = cameras.len();
        let pairing = Arc::new(Mutex::new(Pairing { cameras, tolerance: tolerance_s }));
        (0..count).map(|camera| PairedCamera { pairing: Arc::clone(&pairing), camera }).collect()
    }

    /// Notes that `frame` is out, and tells of the set that it completes.
    pub(super) fn note(&self, frame: u64, time_s: f64) -> Option<EventKind> {
        // Its queues are whole after any panic.
        let mut pairing = self.pairing.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (frames, apart_s) = pairing.add(self.camera, frame, time_s)?;
        Some(EventKind::FramesPaired { frames, apart_s })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cameras(count: usize, tolerance_s: f64) -> Vec<PairedCamera> {
        PairedCamera::new((0..count).map(|n| n.to_string()), tolerance_s)
    }

    fn numbers(kind: Option<EventKind>) -> Option<(Vec<u64>, f64)> {
        match kind? {
            EventKind::FramesPaired { frames, apart_s } => Some((frames.iter().map(|f| f.frame).collect(), apart_s)),
            _ => None,
        }
    }

    #[test]
    fn frames_pair_by_time_however_late_they_come() {
        let [left, right] = &cameras(2, 0.016)[..] else { panic!("two cameras") };
        assert_eq!(left.note(10, 0.000), None);
        assert_eq!(left.note(11, 0.033), None);
        // The first of the right was dropped.
        let (frames, apart) = numbers(right.note(5, 0.040)).unwrap();
        assert_eq!(frames, [11, 5]);
        assert!((apart - 0.007).abs() < 1e-9);
        assert_eq!(right.note(6, 0.073), None);
        assert_eq!(numbers(left.note(12, 0.066)).unwrap().0, [12, 6]);
        assert_eq!(left.note(13, 0.100), None);
        assert_eq!(right.note(7, 0.120), None, "too far apart");
    }

    #[test]
    fn three_cameras_need_all_three() {
        let cameras = cameras(3, 0.01);
        assert_eq!(cameras[0].note(0, 0.0), None);
        assert_eq!(cameras[2].note(0, 0.004), None);
        assert_eq!(numbers(cameras[1].note(0, 0.002)).unwrap().0, [0, 0, 0]);
        // Each is near the newest, and two are too far from each other.
        assert_eq!(cameras[0].note(1, 1.000), None);
        assert_eq!(cameras[1].note(1, 1.014), None);
        assert_eq!(cameras[2].note(1, 1.007), None);
    }

    proptest! {
        /// Two cameras of one rate, out of step by less than the tolerance, with frames missing from either: every frame whose partner
        /// came is paired with it, and with nothing else.
        #[test]
        fn whatever_has_a_partner_finds_it(
            kept in prop::collection::vec((any::<bool>(), any::<bool>(), -0.004..0.004f64), 1..60),
            late in 0usize..6,
        ) {
            let [left, right] = &cameras(2, 0.016)[..] else { panic!("two cameras") };
            let mut found = Vec::new();
            for step in 0..kept.len() + late {
                if let Some((true, ..)) = kept.get(step) {
                    found.extend(numbers(left.note(step as u64, step as f64 * 0.033)));
                }
                let Some(step) = step.checked_sub(late) else { continue };
                if let Some((_, true, jitter)) = kept.get(step) {
                    found.extend(numbers(right.note(step as u64, step as f64 * 0.033 + 0.005 + jitter)));
                }
            }
            let found: Vec<_> = found.into_iter().map(|(frames, _)| (frames[0], frames[1])).collect();
            let both = kept.iter().enumerate().filter(|(_, (left, right, _))| *left && *right);
            let expected: Vec<_> = both.map(|(step, _)| (step as u64, step as u64)).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
