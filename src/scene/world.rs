use glam::Vec3;

use super::kit::Kit;
use super::mesh::Vertex;
use super::motion::{Body, CameraPath};

/// The sun or window, and the light that comes from everywhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Light {
    /// Unit vector towards the light.
    pub towards: Vec3,
    pub colour: [f32; 3],
    /// Ambient light from above and from below.
    pub sky: [f32; 3],
    pub bounce: [f32; 3],
}

/// A run of triangles that share a material and move together.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub material: u16,
    /// 0 for what is no object.
    pub object: u8,
    /// Index into [`World::bodies`].
    pub body: u16,
    /// Whether it throws a shadow.
    pub casts: bool,
    pub vertices: std::ops::Range<usize>,
    pub triangles: std::ops::Range<usize>,
}

/// Everything that is there, and how it moves.
#[derive(Debug)]
pub(super) struct World {
    pub vertices: Vec<Vertex>,
    /// Indices into `vertices`.
    pub triangles: Vec<[u32; 3]>,
    pub parts: Vec<Part>,
    /// The first is the room.
    pub bodies: Vec<Body>,
    pub kit: Kit,
    pub light: Light,
    pub camera: CameraPath,
    /// Name, radius and height of each object; object `i` has the id `i + 1` and the body `i + 1`.
    pub objects: Vec<Extent>,
    /// Circles on the supporting surface that fixed clutter darkens: centre and radius.
    pub contacts: Vec<(Vec3, f32)>,
}

/// What is known of an object's size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub name: &'static str,
    /// Of the upright cylinder that holds it, in metres.
    pub radius: f32,
    pub height: f32,
}

impl World {
    /// Adds a part; objects move with the body of their number.
    pub fn add(&mut self, vertices: Vec<Vertex>, triangles: &[[u32; 3]], material: u16, object: u8, casts: bool) {
        let (first_vertex, first_triangle) = (self.vertices.len(), self.triangles.len());
        self.triangles.extend(triangles.iter().map(|t| t.map(|i| i + first_vertex as u32)));
        self.vertices.extend(vertices);
        self.parts.push(Part {
            material,
            object,
            body: object as u16,
            casts,
            vertices: first_vertex..self.vertices.len(),
            triangles: first_triangle..self.triangles.len(),
        });
    }
}
