//! The part of a depth image around a mask, and which of its pixels are of one surface.

use std::f32::consts::SQRT_2;

use glam::{Vec3, vec3};

use super::{DepthMap, DepthNoise};
use crate::geometry::{Intrinsics, Size};
use crate::mask::Mask;

/// Tangent of the steepest angle, between ray and normal, at which a surface is still one: 78 degrees.
const STEEPEST: f32 = 4.7;
/// Standard deviations by which two depths of one surface may differ.
const SIGMAS: f32 = 3.0;
/// Neighbours of its own surface that a pixel has at least; one at a straight edge has five.
const LEAST_NEIGHBOURS: usize = 3;

/// Side of a pixel at depth `z`, in metres.
pub(super) fn footprint(z: f32, lens: &Intrinsics) -> f32 {
    z / lens.fx.min(lens.fy)
}

/// The largest difference of depth between two points of one surface that are `steps` pixels apart, the nearer at depth `z`.
pub(super) fn tolerance(z: f32, steps: f32, lens: &Intrinsics, noise: &DepthNoise) -> f32 {
    STEEPEST * footprint(z, lens) * steps + SIGMAS * SQRT_2 * noise.axial(z)
}

/// Whether two depths, so many pixels apart, may be of one surface.
pub(super) fn are_of_one_surface(a: f32, b: f32, steps: f32, lens: &Intrinsics, noise: &DepthNoise) -> bool {
    (a - b).abs() <= tolerance(a.min(b), steps, lens, noise)
}

/// A rectangle of a depth image. Its pixels are numbered row by row.
pub(super) struct Patch {
    pub x0: usize,
    pub y0: usize,
    pub width: usize,
    pub height: usize,
    /// Metres, 0 for none.
    pub z: Vec<f32>,
    pub lens: Intrinsics,
    pub noise: DepthNoise,
}

impl Patch {
    /// What lies within `margin` pixels around the set pixels of `mask`; `None` if none is set.
    pub fn around(mask: &Mask, margin: usize, depth: &DepthMap, lens: &Intrinsics, noise: DepthNoise) -> Option<Self> {
        let bounds = mask.bounding_box()?;
        let full = (depth.size().width as usize, depth.size().height as usize);
        let (x0, y0) = ((bounds.x0 as usize).saturating_sub(margin), (bounds.y0 as usize).saturating_sub(margin));
        let (x1, y1) = ((bounds.x1 as usize + margin).min(full.0), (bounds.y1 as usize + margin).min(full.1));
        let z = (y0..y1).flat_map(|y| &depth.metres()[y * full.0 + x0..y * full.0 + x1]).copied().collect();
        Some(Patch { x0, y0, width: x1 - x0, height: y1 - y0, z, lens: *lens, noise })
    }

    /// The same part of a mask.
    pub fn cut(&self, mask: &Mask) -> Mask {
        let size = Size::new(self.width as u32, self.height as u32);
        Mask::from_fn(size, |x, y| mask.row(y + self.y0 as u32)[x as usize + self.x0] != 0)
    }

    pub fn len(&self) -> usize {
        self.z.len()
    }

    /// Column and row of a pixel in the whole picture.
    pub fn pixel(&self, i: usize) -> (usize, usize) {
        (self.x0 + i % self.width, self.y0 + i / self.width)
    }

    /// What a pixel's centre sees at a depth of one metre.
    pub fn ray(&self, i: usize) -> Vec3 {
        let ((x, y), lens) = (self.pixel(i), &self.lens);
        vec3((x as f32 + 0.5 - lens.cx) / lens.fx, (y as f32 + 0.5 - lens.cy) / lens.fy, 1.0)
    }

    /// The point that a pixel sees, in the camera frame.
    pub fn point(&self, i: usize) -> Vec3 {
        self.ray(i) * self.z[i]
    }

    /// Whether two pixels, so many pixels apart, see one surface as far as their depths say. Both have a depth.
    pub fn are_continuous(&self, i: usize, j: usize, steps: f32) -> bool {
        are_of_one_surface(self.z[i], self.z[j], steps, &self.lens, &self.noise)
    }

    /// The pixels at most `reach` columns and rows away, with their distance in pixels.
    pub fn around_pixel(&self, i: usize, reach: usize) -> impl Iterator<Item = (usize, f32)> + use<> {
        let (x, y, width) = (i % self.width, i / self.width, self.width);
        let (columns, rows) = (
            x.saturating_sub(reach)..(x + reach + 1).min(self.width),
            y.saturating_sub(reach)..(y + reach + 1).min(self.height),
        );
        rows.flat_map(move |v| columns.clone().map(move |u| (u, v))).filter_map(move |(u, v)| {
            let (dx, dy) = (u.abs_diff(x) as f32, v.abs_diff(y) as f32);
            (dx + dy > 0.0).then(|| (v * width + u, dx.hypot(dy)))
        })
    }

    /// How many of a pixel's eight neighbours among those that `takes` takes are of its surface.
    pub fn supporters(&self, i: usize, takes: impl Fn(usize) -> bool) -> usize {
        self.around_pixel(i, 1).filter(|&(j, steps)| takes(j) && self.are_continuous(i, j, steps)).count()
    }

    /// Which pixels have a depth that is no mixture of two surfaces. Where an edge falls into a pixel, many sensors
    /// give a depth between the two: such a pixel has too few neighbours of its own surface, or lies behind the one on one side of it
    /// and before the one on the other.
    pub fn reliable(&self) -> Vec<bool> {
        (0..self.len())
            .map(|i| {
                let supporters = || self.supporters(i, |j| self.z[j] > 0.0);
                self.z[i] > 0.0 && supporters() >= LEAST_NEIGHBOURS && !self.lies_between(i)
            })
            .collect()
    }

    /// Whether opposite neighbours lie before and behind the pixel, each apart from it.
    fn lies_between(&self, i: usize) -> bool {
        let (x, y) = (i % self.width, i / self.width);
        if x == 0 || y == 0 || x + 1 == self.width || y + 1 == self.height {
            return false;
        }
        [1, self.width - 1, self.width, self.width + 1].into_iter().any(|step| {
            let (a, b) = (i - step, i + step);
            let apart = |j: usize| self.z[j] > 0.0 && !self.are_continuous(i, j, SQRT_2);
            apart(a) && apart(b) && (self.z[a] < self.z[i]) != (self.z[b] < self.z[i])
        })
    }
}
