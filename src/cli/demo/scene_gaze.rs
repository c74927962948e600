use crate::geometry::{Point, Size};
use crate::input::GazeSource;
use crate::scene::Scene;
use crate::scene::user::GazeTrace;
use crate::select::GazeSample;
use crate::time::Timestamp;

use crate::cli::console::Used;

/// Samples a second, as a head-worn eye tracker gives them.
const RATE: f64 = 120.0;

/// The rendered scene's own gaze trace, as if an eye tracker measured it while the stream runs.
pub struct SceneGaze {
    trace: GazeTrace,
    next: u64,
}

impl SceneGaze {
    pub fn new(scene: &Scene) -> Self {
        SceneGaze { trace: GazeTrace::new(scene), next: 0 }
    }
}

impl GazeSource for SceneGaze {
    fn poll(&mut self, origin: Timestamp, now: Timestamp, out: &mut Vec<GazeSample>) {
        loop {
            let time_s = self.next as f64 / RATE;
            let at = origin.after_secs(time_s);
            if at > now {
                break;
            }
            let sample = self.trace.sample(time_s);
            out.push(GazeSample { at, ..sample });
            self.next += 1;
        }
    }
}

/// A made-up gaze that stops when a user takes over.
pub struct UntilUsed<G> {
    pub gaze: G,
    pub used: Used,
}

impl<G: GazeSource> GazeSource for UntilUsed<G> {
    fn poll(&mut self, origin: Timestamp, now: Timestamp, out: &mut Vec<GazeSample>) {
        if !(self.used)() {
            self.gaze.poll(origin, now, out);
        }
    }
}

/// A user who keeps looking at the middle of the image: with a camera in hand one points it at the object.
pub struct CentreGaze {
    centre: Point,
    next: u64,
}

impl CentreGaze {
    pub fn new(size: Size) -> Self {
        let centre = Point::new(size.width as f32 / 2.0, size.height as f32 / 2.0);
        CentreGaze { centre, next: 0 }
    }
}

impl GazeSource for CentreGaze {
    fn poll(&mut self, origin: Timestamp, now: Timestamp, out: &mut Vec<GazeSample>) {
        loop {
            let at = origin.after_secs(self.next as f64 / RATE);
            if at > now {
                break;
            }
            out.push(GazeSample { at, point: self.centre, confidence: 1.0 });
            self.next += 1;
        }
    }
}
