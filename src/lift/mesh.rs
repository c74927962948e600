//! Triangles over neighbouring pixels.

use glam::Vec3;

use super::patch::are_of_one_surface;
use super::{DepthNoise, SurfacePoint};
use crate::geometry::{Intrinsics, Region, Size};

/// A textured surface in the camera frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mesh {
    /// In metres.
    pub positions: Vec<Vec3>,
    /// Of unit length, to the camera's side.
    pub normals: Vec<Vec3>,
    /// Where each vertex lies on [`Self::region`], from its top-left corner (0, 0) to its bottom-right (1, 1).
    pub uvs: Vec<[f32; 2]>,
    /// Indices of vertices, counter-clockwise as the camera sees them.
    pub triangles: Vec<[u32; 3]>,
    /// The part of the picture that shows it.
    pub region: Region,
}

/// Joins the points of neighbouring pixels of a picture of `size` to triangles, unless depth jumps between them. Points without a
/// triangle are left out.
pub fn mesh(points: &[SurfacePoint], size: Size, lens: &Intrinsics, noise: &DepthNoise) -> Mesh {
    let Some(region) = region(points, size) else { return Mesh::default() };
    let (width, height) = (region.size.width as usize, region.size.height as usize);
    let mut at = vec![u32::MAX; width * height];
    for (index, point) in (0u32..).zip(points) {
        let (x, y) = (point.pixel.0 - region.x, point.pixel.1 - region.y);
        at[y as usize * width + x as usize] = index;
    }
    let z = |index: u32| points[index as usize].position.z;
    let joins = |a: u32, b: u32, steps: f32| are_of_one_surface(z(a), z(b), steps, lens, noise);
    let mut triangles = Vec::new();
    let mut add = |[a, b, c]: [u32; 3], diagonal: [u32; 2]| {
        let is_edge = |i: u32, j: u32| diagonal == [i, j] || diagonal == [j, i];
        let joined = [(a, b), (b, c), (c, a)];
        let joined = joined.iter().all(|&(i, j)| {
            i != u32::MAX && j != u32::MAX && joins(i, j, if is_edge(i, j) { std::f32::consts::SQRT_2 } else { 1.0 })
        });
        if joined {
            triangles.push([a, b, c]);
        }
        joined
    };
    for y in 1..height {
        for x in 1..width {
            let [a, b] = [at[(y - 1) * width + x - 1], at[(y - 1) * width + x]];
            let [c, d] = [at[y * width + x - 1], at[y * width + x]];
            // The diagonal that spans less depth; the other where that has no point.
            let gap = |i: u32, j: u32| if i.max(j) == u32::MAX { f32::INFINITY } else { (z(i) - z(j)).abs() };
            if gap(b, c) <= gap(a, d) {
                add([a, c, b], [c, b]);
                add([b, c, d], [b, c]);
            } else {
                add([a, c, d], [a, d]);
                add([a, d, b], [a, d]);
            }
        }
    }
    let mut number = vec![u32::MAX; points.len()];
    let mut mesh = Mesh { region, ..Mesh::default() };
    for corner in triangles.iter_mut().flatten() {
        let index = *corner as usize;
        if number[index] == u32::MAX {
            number[index] = mesh.positions.len() as u32;
            let point = &points[index];
            mesh.positions.push(point.position);
            mesh.normals.push(point.normal);
            let share = |at: u32, from: u32, side: usize| ((at - from) as f32 + 0.5) / side as f32;
            mesh.uvs.push([share(point.pixel.0, region.x, width), share(point.pixel.1, region.y, height)]);
        }
        *corner = number[index];
    }
    mesh.triangles = triangles;
    mesh
}

/// The part of the picture that holds the points; `None` without any.
fn region(points: &[SurfacePoint], size: Size) -> Option<Region> {
    let inside = points.iter().all(|p| p.pixel.0 < size.width && p.pixel.1 < size.height);
    if points.is_empty() || !inside {
        return None;
    }
    let side = |of: fn(&SurfacePoint) -> u32| {
        let (low, high) = points.iter().map(of).fold((u32::MAX, 0), |(low, high), v| (low.min(v), high.max(v)));
        (low / 2 * 2, high + 1)
    };
    let ((x0, x1), (y0, y1)) = (side(|p| p.pixel.0), side(|p| p.pixel.1));
    Some(Region { x: x0, y: y0, size: Size::new(x1 - x0, y1 - y0) })
}
