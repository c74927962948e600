//! What of a small rendering shows where, and where a point of an object falls on the image.

use glam::{Vec3, vec3};

use crate::geometry::{Intrinsics, Point};
use crate::scene::motion::CameraPose;
use crate::scene::{Scene, draw_ids, view};

/// What shows where at one moment, at the small scene's size.
#[derive(Clone, Debug, Default)]
pub(super) struct Map {
    pub ids: Vec<u8>,
    pub depth: Vec<f32>,
    /// City-block distance to the nearest pixel that shows something else.
    pub clearance: Vec<u16>,
}

impl Map {
    /// Clearance of the object's pixel that has most; 0 if it is not seen.
    pub fn widest(&self, object: u8) -> u16 {
        self.ids.iter().zip(&self.clearance).filter(|(id, _)| **id == object).map(|(_, c)| *c).max().unwrap_or(0)
    }

    /// Indices of an object's pixels with at least this clearance.
    pub fn pixels(&self, object: u8, least: u16) -> impl Iterator<Item = usize> {
        let of_object = self.ids.iter().zip(&self.clearance).enumerate();
        of_object.filter(move |(_, (id, c))| **id == object && **c >= least).map(|(at, _)| at)
    }

    pub fn depth_at(&self, pixel: usize) -> f32 {
        self.depth.get(pixel).copied().unwrap_or(1.0)
    }

    pub fn draw(&mut self, scene: &Scene, time: f64) {
        let world = &scene.shared.world;
        scene.with_scratch(|scratch| {
            draw_ids(world, &view(world, scene.size(), time), time, scratch, &mut self.ids);
            self.depth.clear();
            self.depth.extend(scratch.visible.nearness.iter().map(|&n| 1.0 / n.max(1e-6)));
        });
        let (width, height) = (scene.size().width as usize, scene.size().height as usize);
        let ids = &self.ids;
        self.clearance.clear();
        self.clearance.resize(ids.len(), 0);
        let clearance = &mut self.clearance;
        // Two sweeps, each from two of the four neighbours; beyond the image everything is something else.
        for i in 0..ids.len() {
            let from = |inside: bool, j: usize| if inside && ids[j] == ids[i] { clearance[j] + 1 } else { 1 };
            let (x, y) = (i % width, i / width);
            clearance[i] = from(x > 0, i.wrapping_sub(1)).min(from(y > 0, i.wrapping_sub(width)));
        }
        for i in (0..ids.len()).rev() {
            let from = |inside: bool, j: usize| if inside && ids[j] == ids[i] { clearance[j] + 1 } else { 1 };
            let (x, y) = (i % width, i / width);
            clearance[i] = clearance[i].min(from(x + 1 < width, i + 1)).min(from(y + 1 < height, i + width));
        }
    }
}

/// Where a point that keeps its distance from an object's place falls on the image.
pub(super) fn project(scene: &Scene, object: u8, anchor: Vec3, time: f64) -> Point {
    let world = &scene.shared.world;
    let Some(body) = world.bodies.get(object as usize) else { return Point::default() };
    let p = world.camera.at(time).to_camera(body.place(time) + anchor);
    scene.intrinsics().project(p.x, p.y, p.z.max(0.05))
}

pub(super) fn unproject(lens: Intrinsics, x: usize, y: usize, depth: f32, pose: &CameraPose) -> Vec3 {
    let (rx, ry) = ((x as f32 + 0.5 - lens.cx) / lens.fx, (y as f32 + 0.5 - lens.cy) / lens.fy);
    let camera = vec3(rx * depth, ry * depth, depth);
    pose.to_world(camera)
}
