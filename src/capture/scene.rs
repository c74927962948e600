//! A rendered scene: things on a table, a hand-held camera, and somebody who looks around.
//!
//! Everything follows from the seed and the time: pictures, the visible object of each pixel, depth, the camera and the gaze
//! trace. Solids are analytic and each pixel is one ray, so that the truth is exact.

mod gaze;
mod material;
mod noise;
mod random;
mod render;
mod shape;
mod source;
#[cfg(test)]
mod tests;
mod vector;
mod world;

pub use gaze::{Fixation, GazeTrace};
pub use render::Rendering;
pub use source::SceneSource;

use crate::geometry::{Intrinsics, Size};
use crate::select::GazeSample;
use render::Stage;
use world::World;

/// An object of the scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// As in [`Rendering::ids`], from 1.
    pub id: u8,
    pub name: &'static str,
}

/// A world with its camera and its gaze trace.
#[derive(Debug)]
pub struct Scene {
    seed: u64,
    size: Size,
    world: World,
    gaze: GazeTrace,
}

impl Scene {
    /// The scene of `seed` on frames of `size`.
    pub fn new(seed: u64, size: Size) -> Self {
        let mut scene = Scene { seed, size, world: World::new(seed, size), gaze: GazeTrace::default() };
        scene.gaze = GazeTrace::plan(&scene, seed);
        scene
    }

    pub fn size(&self) -> Size {
        self.size
    }

    /// The camera's intrinsics; they do not change.
    pub fn intrinsics(&self) -> Intrinsics {
        self.world.intrinsics()
    }

    /// The objects by id.
    pub fn objects(&self) -> impl Iterator<Item = ObjectInfo> {
        self.world.bodies.iter().enumerate().map(|(i, body)| ObjectInfo { id: i as u8 + 1, name: body.name })
    }

    /// Picture, ids and depth at `time_s` seconds.
    pub fn render(&self, time_s: f64, out: &mut Rendering) {
        let grain = random::hash(self.seed ^ random::hash((time_s * 1e3) as u64));
        self.stage(time_s, self.size).picture(grain, out);
    }

    /// The ids alone, the same as [`Self::render`] gives.
    pub fn render_ids(&self, time_s: f64, out: &mut Vec<u8>) {
        self.stage(time_s, self.size).ids(out);
    }

    /// Who looks where.
    pub fn gaze(&self) -> &GazeTrace {
        &self.gaze
    }

    /// What an eye tracker measures at `time_s` seconds; the sample's time counts from the stream's start.
    pub fn gaze_sample(&self, time_s: f64) -> GazeSample {
        self.gaze.sample(self, time_s)
    }

    fn stage(&self, time_s: f64, size: Size) -> Stage<'_> {
        Stage::new(&self.world, time_s as f32, size)
    }
}
