use glam::{Vec3, vec3};

use super::raster::Visibility;
use super::view::Geometry;
use super::world::World;

/// Texels along a side of the shadow map, and half the width of the square it covers, in metres.
const SIDE: usize = 512;
const REACH: f32 = 0.78;
/// Texels along a side of a tile of [`ShadowMap::tiles`].
const TILE: usize = 4;
const TILES: usize = SIDE / TILE;
/// Texels beyond a tile that its summary covers; the filter's kernel reaches three.
const BORDER: usize = 4;

/// Cells along a side of the contact map, and half its width in metres.
const CELLS: usize = 128;
const CONTACT_REACH: f32 = 0.8;

/// How far light gets: a depth map from the light, and how much the objects shade the surface they stand on.
#[derive(Debug, Default)]
pub(super) struct ShadowMap {
    depth: Visibility,
    /// The nearest caster within each tile and [`BORDER`] texels about it: most receivers are lit by this one look.
    tiles: Vec<f32>,
    contact: Vec<f32>,
    right: Vec3,
    up: Vec3,
    towards: Vec3,
}

impl ShadowMap {
    /// Draws the casters of a prepared frame.
    pub fn prepare(&mut self, world: &World, geometry: &Geometry, time: f64) {
        self.towards = world.light.towards;
        self.right = Vec3::Y.cross(self.towards).normalize_or_zero();
        self.up = self.towards.cross(self.right);
        self.depth.reset(SIDE, SIDE);
        for part in world.parts.iter().filter(|part| part.casts) {
            for triangle in &world.triangles[part.triangles.clone()] {
                let [a, b, c] = triangle.map(|i| geometry.positions[i as usize]);
                // Sides turned away from the light are inside the shadow of those turned to it, and drawing only the
                // far sides keeps lit sides from shading themselves.
                if (b - a).cross(c - a).dot(self.towards) < 0.0 {
                    self.depth.fill(&[a, b, c].map(|p| self.project(p)), 0);
                }
            }
        }
        self.summarize();
        self.splat_contacts(world, time);
    }

    /// Texel coordinates and nearness to the light; nearness is positive within reach.
    #[inline(always)]
    fn project(&self, p: Vec3) -> [f32; 3] {
        const SCALE: f32 = SIDE as f32 / (2.0 * REACH);
        let half = SIDE as f32 / 2.0;
        [p.dot(self.right) * SCALE + half, p.dot(self.up) * SCALE + half, p.dot(self.towards) + 4.0]
    }

    fn summarize(&mut self) {
        self.tiles.clear();
        self.tiles.resize(TILES * TILES, 0.0);
        for ty in 0..TILES {
            let rows = (ty * TILE).saturating_sub(BORDER)..((ty + 1) * TILE + BORDER).min(SIDE);
            for tx in 0..TILES {
                let columns = (tx * TILE).saturating_sub(BORDER)..((tx + 1) * TILE + BORDER).min(SIDE);
                let nearest = rows.clone().flat_map(|y| &self.depth.nearness[y * SIDE..][columns.clone()]);
                self.tiles[ty * TILES + tx] = nearest.fold(0.0, |most: f32, &n| if n > most { n } else { most });
            }
        }
    }

    /// Where a row of points with normals falls on the map, to be asked for by [`Self::lit`]: texel and nearness.
    pub fn locate(&self, points: &[Vec<f32>; 3], normals: &[Vec<f32>; 3], width: usize, out: &mut [Vec<f32>; 3]) {
        // Texels start half a kernel before the point. Points are lifted off their surface and then brought nearer, so
        // that the map's resolution does not make a surface shade itself.
        const SCALE: f32 = SIDE as f32 / (2.0 * REACH);
        const FIRST: f32 = SIDE as f32 / 2.0 - 1.5;
        const LIFT: f32 = 0.0012;
        const BIAS: f32 = 0.0015;
        let axes = [(self.right * SCALE, FIRST), (self.up * SCALE, FIRST), (self.towards, 4.0 + BIAS)];
        let [px, py, pz] = [0, 1, 2].map(|k| &points[k][..width]);
        let [nx, ny, nz] = [0, 1, 2].map(|k| &normals[k][..width]);
        for (plane, (axis, offset)) in out.iter_mut().zip(axes) {
            let plane = &mut plane[..width];
            for x in 0..width {
                let (qx, qy, qz) = (px[x] + LIFT * nx[x], py[x] + LIFT * ny[x], pz[x] + LIFT * nz[x]);
                plane[x] = axis.x * qx + axis.y * qy + axis.z * qz + offset;
            }
        }
    }

    /// Whether no caster is near a point of [`Self::locate`] or those within [`BORDER`] texels of it.
    #[inline(always)]
    pub fn clear(&self, x: f32, y: f32, near: f32) -> bool {
        let last = (SIDE - 4) as f32;
        let inside = x >= 0.0 && y >= 0.0 && x < last && y < last;
        !inside || self.tiles[(y as i32 as usize / TILE) * TILES + x as i32 as usize / TILE] <= near
    }

    /// Share of the light that reaches a point of [`Self::locate`]: 0 in full shadow, 1 in full light, softened over
    /// three texels (percentage-closer filtering).
    #[inline(always)]
    pub fn lit(&self, x: f32, y: f32, near: f32) -> f32 {
        if self.clear(x, y, near) {
            return 1.0;
        }
        let (ix, iy) = (x as i32 as usize, y as i32 as usize);
        let (fx, fy) = (x - ix as f32, y - iy as f32);
        let (across, down) = ([1.0 - fx, 1.0, 1.0, fx], [1.0 - fy, 1.0, 1.0, fy]);
        let mut columns = [0.0f32; 4];
        for (row, weight) in down.into_iter().enumerate() {
            let texels = &self.depth.nearness[(iy + row) * SIDE + ix..][..4];
            for (column, &caster) in columns.iter_mut().zip(texels) {
                *column += if caster > near { 0.0 } else { weight };
            }
        }
        let open: f32 = columns.iter().zip(across).map(|(column, weight)| column * weight).sum();
        open / 9.0
    }

    /// Darkens the supporting surface softly about each object that stands on it, less as it is lifted.
    fn splat_contacts(&mut self, world: &World, time: f64) {
        self.contact.clear();
        self.contact.resize(CELLS * CELLS, 1.0);
        let objects = world.bodies[1..].iter().zip(&world.objects).map(|(body, o)| (body.place(time), o.radius));
        for (place, radius) in objects.chain(world.contacts.iter().copied()) {
            let strength = 0.62 / (1.0 + place.y.max(0.0) * 22.0);
            let core = radius * 0.55;
            let fade = radius * 0.55 + 0.022;
            let reach = core + 2.0 * fade;
            let cell = |v: f32| {
                ((v + CONTACT_REACH) * (CELLS as f32 / (2.0 * CONTACT_REACH))).clamp(0.0, CELLS as f32) as usize
            };
            for j in cell(place.z - reach)..cell(place.z + reach) {
                for i in cell(place.x - reach)..cell(place.x + reach) {
                    let at = |k: usize| (k as f32 + 0.5) * (2.0 * CONTACT_REACH / CELLS as f32) - CONTACT_REACH;
                    let away = vec3(at(i) - place.x, 0.0, at(j) - place.z).length();
                    let d = ((away - core) / fade).max(0.0);
                    self.contact[j * CELLS + i] *= 1.0 - strength / (1.0 + d * d * 4.0) * (1.0 - d * 0.5).max(0.0);
                }
            }
        }
    }

    /// How open the sky is over a point of the supporting surface, 0 to 1.
    #[inline(always)]
    pub fn openness(&self, x: f32, z: f32) -> f32 {
        const SCALE: f32 = CELLS as f32 / (2.0 * CONTACT_REACH);
        let (x, z) = ((x + CONTACT_REACH) * SCALE - 0.5, (z + CONTACT_REACH) * SCALE - 0.5);
        let last = (CELLS - 1) as f32;
        if !(x >= 0.0 && z >= 0.0 && x < last && z < last) {
            return 1.0;
        }
        let (ix, iz) = (x as i32 as usize, z as i32 as usize);
        let (fx, fz) = (x - ix as f32, z - iz as f32);
        let row = |z: usize| {
            let cells = &self.contact[z * CELLS + ix..][..2];
            cells[0] + (cells[1] - cells[0]) * fx
        };
        let (top, bottom) = (row(iz), row(iz + 1));
        top + (bottom - top) * fz
    }
}
