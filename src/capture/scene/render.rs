//! A ray for each pixel, shaded once.

use super::material::Color;
use super::noise::smoothstep;
use super::random::{hash, normal};
use super::shape::Hit;
use super::vector::{Pose, Vec3, vec3};
use super::world::{Body, View, World};
use crate::geometry::{Point, Size};

/// Half the room's width, its depth behind the table and its height, in metres.
const ROOM: Vec3 = vec3(2.6, 2.4, 2.4);

/// What one frame shows. Buffers are reused from frame to frame.
#[derive(Clone, Debug, Default)]
pub struct Rendering {
    /// Packed RGB, `size.area() * 3` bytes.
    pub rgb: Vec<u8>,
    /// The visible object at each pixel: 0 for none, else its id.
    pub ids: Vec<u8>,
    /// Distance along the optical axis in metres.
    pub depth: Vec<f32>,
    linear: Vec<Color>,
    blurred: Vec<Color>,
}

/// A body at the time of a frame, with what its pixels share.
struct Placed<'a> {
    body: &'a Body,
    pose: Pose,
    /// The camera in the body's own space.
    origin: Vec3,
    /// Pixel columns and rows that its bounding sphere can cover.
    columns: (usize, usize),
    rows: (usize, usize),
}

/// A ray's first meeting with a body.
pub(super) struct Seen {
    /// Index of the body.
    pub body: usize,
    pub part: usize,
    pub hit: Hit,
}

/// All bodies as `view` sees them on a frame of `size`.
pub(super) struct Stage<'a> {
    world: &'a World,
    view: View,
    size: Size,
    placed: Vec<Placed<'a>>,
}

impl<'a> Stage<'a> {
    pub fn new(world: &'a World, time: f32, size: Size) -> Self {
        let full = world.view(time);
        let view = full.scaled(size.width as f32 / (2.0 * full.intrinsics.cx));
        let placed = world.bodies.iter().map(|body| place(body, time, &view, size)).collect();
        Stage { world, view, size, placed }
    }

    /// The nearest body on the ray through the point `p`.
    pub fn look(&self, p: Point) -> Option<Seen> {
        let (x, y) = (p.x as usize, p.y as usize);
        let direction = self.view.ray(p);
        let covered = |(low, high): (usize, usize), at: usize| (low..high).contains(&at);
        let mut nearest: Option<Seen> = None;
        for (index, placed) in self.placed.iter().enumerate() {
            if !covered(placed.columns, x) || !covered(placed.rows, y) {
                continue;
            }
            let direction = placed.pose.rotation.apply_inverse(direction);
            for (part, (shape, _)) in placed.body.parts.iter().enumerate() {
                if let Some(hit) = shape.hit(placed.origin, direction)
                    && nearest.as_ref().is_none_or(|n| hit.t < n.hit.t)
                {
                    nearest = Some(Seen { body: index, part, hit });
                }
            }
        }
        nearest
    }

    /// A point of a body's surface, found by [`Self::look`], in the body's own space.
    pub fn anchor(&self, p: Point, seen: &Seen) -> Vec3 {
        let placed = &self.placed[seen.body];
        placed.origin + placed.pose.rotation.apply_inverse(self.view.ray(p)) * seen.hit.t
    }

    /// Where a point of a body falls on the frame.
    pub fn project(&self, body: usize, anchor: Vec3) -> Point {
        let c = self.view.to_camera(self.placed[body].pose.apply(anchor));
        self.view.intrinsics.project(c.x, c.y, c.z.max(0.05))
    }

    /// The id of the visible object at each pixel.
    pub fn ids(&self, out: &mut Vec<u8>) {
        out.clear();
        out.resize(self.size.area(), 0);
        let width = self.size.width as usize;
        for (y, row) in out.chunks_exact_mut(width).enumerate() {
            let near = |p: &&Placed| (p.rows.0..p.rows.1).contains(&y);
            let from = self.placed.iter().filter(near).map(|p| p.columns.0).min().unwrap_or(width);
            let to = self.placed.iter().filter(near).map(|p| p.columns.1).max().unwrap_or(0);
            for (x, id) in row.iter_mut().enumerate().take(to).skip(from) {
                *id = self.look(centre(x, y)).map_or(0, |seen| seen.body as u8 + 1);
            }
        }
    }

    /// Picture, ids and depth. `grain` chooses the sensor noise.
    pub fn picture(&self, grain: u64, out: &mut Rendering) {
        let area = self.size.area();
        out.ids.resize(area, 0);
        out.depth.resize(area, 0.0);
        out.linear.resize(area, [0.0; 3]);
        out.blurred.resize(area, [0.0; 3]);
        let width = self.size.width as usize;
        for i in 0..area {
            let p = centre(i % width, i / width);
            let direction = self.view.ray(p);
            let (color, depth, id) = match self.look(p) {
                Some(seen) => (self.body_color(&seen, direction), seen.hit.t, seen.body as u8 + 1),
                None => {
                    let (color, depth) = self.room_color(direction);
                    (color, depth, 0)
                }
            };
            (out.linear[i], out.depth[i], out.ids[i]) = (color, depth, id);
        }
        soften(&out.linear, &mut out.blurred, width);
        develop(&out.blurred, self.world.warmth, grain, &mut out.rgb);
    }

    fn body_color(&self, seen: &Seen, direction: Vec3) -> Color {
        let placed = &self.placed[seen.body];
        let material = &placed.body.parts[seen.part].1;
        let normal = placed.pose.rotation.apply(seen.hit.normal);
        let blur = seen.hit.t / self.view.intrinsics.fx;
        let paint = material.color(seen.hit.uv.0, seen.hit.uv.1, blur, &self.world.noise);
        let point = self.view.position + direction * seen.hit.t;
        // Light from the lamp, from the sky above and bounced back from the table below.
        let lamp = normal.dot(self.world.light).max(0.0);
        let sky = 0.5 + 0.5 * normal.y;
        let near_table = 1.0 - smoothstep(0.0, 0.12, point.y);
        let ambient = 0.26 + 0.2 * sky - 0.16 * near_table;
        let half = (self.world.light - direction.normalized()).normalized();
        let shine = normal.dot(half).max(0.0).powi(if material.gloss > 0.4 { 48 } else { 12 }) * material.gloss;
        paint.map(|c| c * (ambient + 0.72 * lamp) + 0.55 * shine)
    }

    /// Colour and depth where a ray meets the table or a wall.
    fn room_color(&self, direction: Vec3) -> (Color, f32) {
        let from = self.view.position;
        let to = |distance: f32| if distance > 0.0 { distance } else { f32::INFINITY };
        let floor = to(-from.y / direction.y);
        let back = to((ROOM.z - from.z) / direction.z);
        let side = to((ROOM.x * direction.x.signum() - from.x) / direction.x);
        let t = floor.min(back).min(side).min(20.0);
        let p = from + direction * t;
        let blur = t / self.view.intrinsics.fx;
        if floor <= back.min(side) {
            let grazing = blur / direction.normalized().y.abs().max(0.05);
            let paint = self.world.table.color(p.x, p.z, grazing, &self.world.noise);
            let light = self.table_light(p);
            return (paint.map(|c| c * light), t);
        }
        let (u, wall) = if back < side { (p.x, &self.world.walls[0]) } else { (p.z, &self.world.walls[1]) };
        let paint = wall.color(u, p.y, blur, &self.world.noise);
        let shade = if back < side { 0.62 } else { 0.5 } + 0.08 * smoothstep(0.0, ROOM.y, p.y);
        (self.clutter(u, p.y, back < side).unwrap_or(paint).map(|c| c * shade), t)
    }

    /// Light on the table: the lamp less the soft shadows of the bodies, and what they hide of the sky.
    fn table_light(&self, p: Vec3) -> f32 {
        let (mut lamp, mut sky) = (1.0f32, 1.0f32);
        for placed in &self.placed {
            let reach = placed.body.reach;
            let to = placed.pose.translation - p;
            let along = to.dot(self.world.light);
            let past = (to - self.world.light * along).length();
            if along > 0.0 {
                lamp *= smoothstep(0.45 * reach, 0.98 * reach, past);
            }
            let beside = to.x.hypot(to.z);
            sky *= 0.55 + 0.45 * smoothstep(0.35 * reach, 1.3 * reach, beside);
        }
        0.4 * sky + 0.62 * lamp * self.world.light.y
    }

    /// Pictures and boards on the walls: background that is no object.
    fn clutter(&self, u: f32, v: f32, back: bool) -> Option<Color> {
        let (column, row) = ((u / 0.62).floor() as i64, (v / 0.55).floor() as i64);
        let cell = hash((column as u64) << 20 ^ (row as u64) << 2 ^ back as u64 ^ (self.world.light.x * 1e6) as u64);
        let (x, y) = (u / 0.62 - column as f32, v / 0.55 - row as f32);
        let share = |shift: u32| (cell >> shift & 0xff) as f32 / 255.0;
        let (left, low) = (0.1 + 0.25 * share(0), 0.1 + 0.25 * share(8));
        let inside = x > left && x < 0.95 - 0.25 * share(16) && y > low && y < 0.95 - 0.25 * share(24);
        (cell & 3 == 0 && inside).then(|| {
            let tone = 0.25 + 0.5 * share(32);
            [tone, tone * (0.7 + 0.5 * share(40)), tone * (0.6 + 0.6 * share(48))]
        })
    }
}

fn centre(x: usize, y: usize) -> Point {
    Point::new(x as f32 + 0.5, y as f32 + 0.5)
}

fn place<'a>(body: &'a Body, time: f32, view: &View, size: Size) -> Placed<'a> {
    let pose = body.pose(time);
    let origin = pose.rotation.apply_inverse(view.position - pose.translation);
    let c = view.to_camera(pose.translation);
    let span = |centre: f32, radius: f32, limit: u32| {
        let low = (centre - radius).floor().max(0.0) as usize;
        (low, ((centre + radius).ceil().max(0.0) as usize).min(limit as usize))
    };
    let (columns, rows) = if c.z > body.reach + 0.05 {
        let at = view.intrinsics.project(c.x, c.y, c.z);
        // A sphere off the axis is seen as an ellipse, longer than its radius over its depth by up to this factor.
        let off_axis = 1.0 + (c.x * c.x + c.y * c.y) / (c.z * c.z);
        let radius = view.intrinsics.fx * body.reach / (c.z - body.reach) * off_axis.sqrt() + 1.0;
        (span(at.x, radius, size.width), span(at.y, radius, size.height))
    } else {
        ((0, size.width as usize), (0, size.height as usize))
    };
    Placed { body, pose, origin, columns, rows }
}

/// The lens: a slight blur, which also smooths the edges.
fn soften(from: &[Color], to: &mut [Color], width: usize) {
    let height = from.len() / width.max(1);
    for y in 0..height {
        let row = |y: usize| &from[y * width..][..width];
        let (above, here, below) = (row(y.saturating_sub(1)), row(y), row((y + 1).min(height - 1)));
        for x in 0..width {
            let (left, right) = (x.saturating_sub(1), (x + 1).min(width - 1));
            for c in 0..3 {
                let beside = here[left][c] + here[right][c] + above[x][c] + below[x][c];
                to[y * width + x][c] = 0.52 * here[x][c] + 0.12 * beside;
            }
        }
    }
}

/// The sensor: white balance, noise that grows with brightness, gamma and rounding.
fn develop(from: &[Color], warmth: f32, grain: u64, rgb: &mut Vec<u8>) {
    rgb.resize(from.len() * 3, 0);
    let gain = [1.0 + warmth, 1.0, 1.0 - warmth];
    for (i, (pixel, color)) in rgb.chunks_exact_mut(3).zip(from).enumerate() {
        let bits = hash(grain.wrapping_add(i as u64));
        let noise = normal(bits) * 0.008;
        for (c, (out, v)) in pixel.iter_mut().zip(color).enumerate() {
            let v = (v * gain[c]).clamp(0.0, 1.0);
            // A square root is close enough to the sRGB curve for pictures that nobody measures.
            *out = ((v.sqrt() + noise) * 255.0 + 0.5).clamp(0.0, 255.0) as u8;
        }
    }
}
