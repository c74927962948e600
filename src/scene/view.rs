use glam::Vec3;

use super::motion::CameraPose;
use super::raster::{Corner, Visibility};
use super::world::World;

use crate::geometry::{Intrinsics, Size};

/// Nearest distance that is drawn, in metres.
const NEAR: f32 = 0.06;

/// A camera at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub pose: CameraPose,
    pub lens: Intrinsics,
    pub size: Size,
}

/// Attributes that are interpolated over a triangle: texture coordinates, normal, and 1.
pub(super) const ATTRIBUTES: usize = 6;

/// A triangle that faces the camera, on the image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facing {
    pub corners: [Corner; 3],
    pub part: u32,
}

/// The attributes of a [`Facing`] triangle divided by depth, which are linear on the image (Heckbert and Moreton
/// 1991): `value + dx * (x - x0) + dy * (y - y0)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planes {
    pub origin: [f32; 2],
    pub value: [f32; ATTRIBUTES],
    pub dx: [f32; ATTRIBUTES],
    pub dy: [f32; ATTRIBUTES],
}

/// The world's triangles in one view. Its buffers are reused from frame to frame.
#[derive(Debug, Default)]
pub(super) struct Geometry {
    /// Vertices in the world.
    pub positions: Vec<Vec3>,
    normals: Vec<Vec3>,
    camera: Vec<Vec3>,
    pub facing: Vec<Facing>,
    /// One entry per entry of `facing` if asked for, else empty.
    pub planes: Vec<Planes>,
}

/// A vertex in camera space with its attributes.
#[derive(Clone, Copy, Default)]
struct Clipped {
    position: Vec3,
    attributes: [f32; 5],
}

impl Geometry {
    /// Moves every body to its place at `time` and finds the triangles that the view can see; `with_planes` when the
    /// surfaces are to be shaded.
    pub fn prepare(&mut self, world: &World, view: &View, time: f64, with_planes: bool) {
        self.positions.clear();
        self.normals.clear();
        self.camera.clear();
        self.facing.clear();
        self.planes.clear();
        for part in &world.parts {
            let pose = world.bodies[part.body as usize].pose(time);
            let vertices = &world.vertices[part.vertices.clone()];
            self.positions.extend(vertices.iter().map(|v| pose.apply(v.position)));
            if with_planes {
                self.normals.extend(vertices.iter().map(|v| pose.rotation * v.normal));
            }
        }
        self.camera.extend(self.positions.iter().map(|&p| view.pose.to_camera(p)));
        for (index, part) in world.parts.iter().enumerate() {
            for &triangle in &world.triangles[part.triangles.clone()] {
                let [a, b, c] = triangle.map(|i| self.camera[i as usize]);
                if a.z.max(b.z).max(c.z) < NEAR || (b - a).cross(c - a).dot(a) >= 0.0 {
                    continue;
                }
                let vertex = |i: u32| {
                    let i = i as usize;
                    let position = self.camera[i];
                    if !with_planes {
                        return Clipped { position, attributes: [0.0; 5] };
                    }
                    let (uv, n) = (world.vertices[i].uv, self.normals[i]);
                    Clipped { position, attributes: [uv[0], uv[1], n.x, n.y, n.z] }
                };
                let vertices = triangle.map(vertex);
                if a.z.min(b.z).min(c.z) >= NEAR {
                    put(&mut self.facing, &mut self.planes, view, vertices, index as u32, with_planes);
                } else {
                    let (polygon, count) = clip(vertices);
                    for i in 2..count {
                        let fan = [polygon[0], polygon[i - 1], polygon[i]];
                        put(&mut self.facing, &mut self.planes, view, fan, index as u32, with_planes);
                    }
                }
            }
        }
    }

    /// Draws every facing triangle with its part as the surface.
    pub fn draw_parts(&self, into: &mut Visibility) {
        for facing in &self.facing {
            into.fill(&facing.corners, facing.part);
        }
    }
}

/// The part of a triangle at or beyond [`NEAR`]: up to four corners.
fn clip(triangle: [Clipped; 3]) -> ([Clipped; 4], usize) {
    let mut out = [Clipped::default(); 4];
    let mut count = 0;
    let mut push = |vertex: Clipped| {
        out[count] = vertex;
        count += 1;
    };
    for i in 0..3 {
        let (from, to) = (triangle[i], triangle[(i + 1) % 3]);
        if from.position.z >= NEAR {
            push(from);
        }
        if (from.position.z >= NEAR) != (to.position.z >= NEAR) {
            let t = (NEAR - from.position.z) / (to.position.z - from.position.z);
            let mut cut = from;
            cut.position = from.position + (to.position - from.position) * t;
            cut.position.z = NEAR;
            for (value, end) in cut.attributes.iter_mut().zip(to.attributes) {
                *value += (end - *value) * t;
            }
            push(cut);
        }
    }
    (out, count)
}

fn put(
    facing: &mut Vec<Facing>,
    planes: &mut Vec<Planes>,
    view: &View,
    vertices: [Clipped; 3],
    part: u32,
    with_planes: bool,
) {
    let lens = view.lens;
    let corners = vertices.map(|v| {
        let near = 1.0 / v.position.z;
        [lens.cx + lens.fx * v.position.x * near, lens.cy + lens.fy * v.position.y * near, near]
    });
    let [a, b, c] = corners;
    let off = |axis: usize, limit: f32| {
        a[axis].max(b[axis]).max(c[axis]) < -1.0 || a[axis].min(b[axis]).min(c[axis]) > limit + 1.0
    };
    if off(0, view.size.width as f32) || off(1, view.size.height as f32) {
        return;
    }
    if with_planes {
        let [bx, by, cx, cy] = [b[0] - a[0], b[1] - a[1], c[0] - a[0], c[1] - a[1]];
        let inverse = 1.0 / (bx * cy - cx * by);
        if !inverse.is_finite() {
            return;
        }
        let over_depth = |v: &Clipped, near: f32| {
            let [u, w, x, y, z] = v.attributes;
            [u, w, x, y, z, 1.0].map(|q| q * near)
        };
        let [qa, qb, qc] = [0, 1, 2].map(|i| over_depth(&vertices[i], corners[i][2]));
        let mut entry = Planes { origin: [a[0], a[1]], value: qa, dx: [0.0; ATTRIBUTES], dy: [0.0; ATTRIBUTES] };
        for k in 0..ATTRIBUTES {
            let (to_b, to_c) = (qb[k] - qa[k], qc[k] - qa[k]);
            entry.dx[k] = (to_b * cy - to_c * by) * inverse;
            entry.dy[k] = (to_c * bx - to_b * cx) * inverse;
        }
        planes.push(entry);
    }
    facing.push(Facing { corners, part });
}
