//! A table with one object on it, known by formulas, and what a depth sensor makes of it.

use std::ops::Range;

use foveate::geometry::{Intrinsics, Size};
use foveate::lift::{DepthMap, DepthNoise, Pose};
use foveate::mask::{Border, DistanceTransform, Mask};
use foveate::scene::Random;
use glam::{Mat3, Quat, Vec3, vec3};

pub const SIZE: Size = Size::new(640, 480);
/// Centres of pixels lie at halves.
pub const LENS: Intrinsics = Intrinsics { fx: 525.0, fy: 525.0, cx: 320.0, cy: 240.0 };
/// Pixels around the object that are rendered.
const AROUND: usize = 60;
/// Steps of disparity of the simulated sensor, in pixels, and its baseline in metres: a Kinect's (Khoshelham and Elberink 2012).
const DISPARITY_STEP: f32 = 0.125;
const BASELINE: f32 = 0.075;

/// An object that stands on the table at the world's origin, where y is up.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    Sphere {
        radius: f32,
    },
    /// Turned about y by so many radians.
    Block {
        half: Vec3,
        yaw: f32,
    },
    Cylinder {
        radius: f32,
        height: f32,
    },
}

impl Shape {
    /// One of each kind in turn, of a size that a hand takes.
    pub fn random(random: &mut Random, number: usize) -> Shape {
        match number % 3 {
            0 => Shape::Sphere { radius: random.range(0.03, 0.06) },
            1 => Shape::Block {
                half: vec3(random.range(0.025, 0.08), random.range(0.02, 0.08), random.range(0.02, 0.06)),
                yaw: random.range(0.0, 3.0),
            },
            _ => Shape::Cylinder { radius: random.range(0.025, 0.05), height: random.range(0.06, 0.18) },
        }
    }

    pub fn height(&self) -> f32 {
        match *self {
            Shape::Sphere { radius } => 2.0 * radius,
            Shape::Block { half, .. } => 2.0 * half.y,
            Shape::Cylinder { height, .. } => height,
        }
    }

    /// Radius of a ball about the object's middle that holds it.
    fn reach(&self) -> f32 {
        match *self {
            Shape::Sphere { radius } => radius,
            Shape::Block { half, .. } => half.length(),
            Shape::Cylinder { radius, height } => radius.hypot(height / 2.0),
        }
    }

    /// The nearest distance along the ray at which it is hit, and the normal there.
    fn hit(&self, origin: Vec3, ray: Vec3) -> Option<(f32, Vec3)> {
        match *self {
            Shape::Sphere { radius } => {
                let center = vec3(0.0, radius, 0.0);
                let o = origin - center;
                let (a, b, c) = (ray.length_squared(), o.dot(ray), o.length_squared() - radius * radius);
                let root = b * b - a * c;
                let t = (-b - root.max(0.0).sqrt()) / a;
                (root > 0.0 && t > 0.0).then(|| (t, (o + ray * t) / radius))
            }
            Shape::Block { half, yaw } => {
                let turn = Mat3::from_rotation_y(-yaw);
                let (o, d) = (turn * (origin - vec3(0.0, half.y, 0.0)), turn * ray);
                let (mut near, mut far, mut axis) = (f32::NEG_INFINITY, f32::INFINITY, 0);
                for i in 0..3 {
                    let (a, b) = ((-half[i] - o[i]) / d[i], (half[i] - o[i]) / d[i]);
                    if a.min(b) > near {
                        (near, axis) = (a.min(b), i);
                    }
                    far = far.min(a.max(b));
                }
                let mut normal = Vec3::ZERO;
                normal[axis] = -d[axis].signum();
                (near < far && near > 0.0).then(|| (near, turn.transpose() * normal))
            }
            Shape::Cylinder { radius, height } => {
                let (a, b) = (ray.x * ray.x + ray.z * ray.z, origin.x * ray.x + origin.z * ray.z);
                let c = origin.x * origin.x + origin.z * origin.z - radius * radius;
                let root = b * b - a * c;
                let t = (-b - root.max(0.0).sqrt()) / a;
                let side = origin + ray * t;
                if root > 0.0 && t > 0.0 && (0.0..=height).contains(&side.y) {
                    return Some((t, vec3(side.x, 0.0, side.z) / radius));
                }
                let t = (height - origin.y) / ray.y;
                let top = origin + ray * t;
                (t > 0.0 && top.x.hypot(top.z) <= radius).then_some((t, Vec3::Y))
            }
        }
    }
}

/// The table with its object, and a camera that looks at it.
#[derive(Clone, Copy, Debug)]
pub struct World {
    pub shape: Shape,
    pub pose: Pose,
}

/// What a ray meets.
#[derive(Clone, Copy)]
struct Hit {
    z: f32,
    /// Cosine between ray and normal.
    facing: f32,
    is_object: bool,
}

/// A camera at `distance` from a point above the origin, so many radians above the table and about the upright axis.
pub fn camera(distance: f32, elevation: f32, around: f32, aim: Vec3) -> Pose {
    let back = vec3(elevation.cos() * around.sin(), elevation.sin(), elevation.cos() * around.cos());
    let forward = -back;
    let right = forward.cross(Vec3::Y).normalize();
    let down = forward.cross(right);
    let rotation = Quat::from_mat3(&Mat3::from_cols(right, down, forward));
    Pose { time_s: None, rotation, translation: aim + back * distance }
}

impl World {
    /// What the point (`x`, `y`) of the picture sees, in pixels: the object, the table, or the wall behind it.
    fn look(&self, x: f32, y: f32) -> Hit {
        let ray = vec3((x - LENS.cx) / LENS.fx, (y - LENS.cy) / LENS.fy, 1.0);
        let (origin, direction) = (self.pose.translation, self.pose.rotation * ray);
        let facing = |normal: Vec3| normal.dot(direction).abs() / direction.length();
        // The ray's z is 1, so that what it is multiplied by is depth.
        let table = -origin.y / direction.y;
        let on_table = origin + direction * table;
        let has_table = table > 0.0 && on_table.x.hypot(on_table.z) < 0.7;
        match self.shape.hit(origin, direction) {
            Some((z, normal)) if !has_table || z < table => Hit { z, facing: facing(normal), is_object: true },
            _ if has_table => Hit { z: table, facing: facing(Vec3::Y), is_object: false },
            _ => Hit { z: 3.2, facing: 1.0, is_object: false },
        }
    }

    /// The pixels that a test needs: those of the object, and of what lies around it.
    fn window(&self) -> (Range<usize>, Range<usize>) {
        let center = self.pose.to_camera(vec3(0.0, self.shape.height() / 2.0, 0.0));
        let at = LENS.project(center.x, center.y, center.z);
        let reach = self.shape.reach() / (center.z - self.shape.reach()) * LENS.fx + AROUND as f32;
        let side = |middle: f32, limit: u32| {
            ((middle - reach).max(0.0) as usize)..((middle + reach).max(0.0) as usize).min(limit as usize)
        };
        (side(at.x, SIZE.width), side(at.y, SIZE.height))
    }

    /// The pixels whose centres see the object.
    pub fn mask(&self) -> Mask {
        let (columns, rows) = self.window();
        Mask::from_fn(SIZE, |x, y| {
            let near = columns.contains(&(x as usize)) && rows.contains(&(y as usize));
            near && self.look(x as f32 + 0.5, y as f32 + 0.5).is_object
        })
    }

    /// Depth without any fault, around the object.
    pub fn depth(&self) -> DepthMap {
        let mut metres = vec![0.0; SIZE.area()];
        let (columns, rows) = self.window();
        for (x, y) in rows.flat_map(|y| columns.clone().map(move |x| (x, y))) {
            metres[y * SIZE.width as usize + x] = self.look(x as f32 + 0.5, y as f32 + 0.5).z;
        }
        DepthMap::new(SIZE, metres).unwrap()
    }

    /// What is seen of the object, at four times the resolution, in the camera frame.
    pub fn surface(&self) -> Vec<Vec3> {
        let (columns, rows) = self.window();
        let fine = |range: Range<usize>| (range.start * 4..range.end * 4).map(|i| i as f32 / 4.0 + 0.125);
        let pixels = fine(rows).flat_map(|y| fine(columns.clone()).map(move |x| (x, y)));
        let hits = pixels.map(|(x, y)| (x, y, self.look(x, y))).filter(|(.., hit)| hit.is_object);
        hits.map(|(x, y, hit)| vec3((x - LENS.cx) / LENS.fx, (y - LENS.cy) / LENS.fy, 1.0) * hit.z).collect()
    }

    /// What a structured-light sensor gives around the object: each pixel looks beside its centre, by Nguyen's lateral noise; its
    /// depth is off by his axial noise, and in steps of disparity; at edges there are holes and mixtures of both depths, as
    /// there are holes on what is seen at a grazing angle, in a few spots, and here and there.
    pub fn sensed(&self, random: &mut Random) -> DepthMap {
        let noise = DepthNoise::KINECT;
        let exact = self.depth();
        let (width, height) = (SIZE.width as usize, SIZE.height as usize);
        let (columns, rows) = self.window();
        let mut metres = vec![0.0; width * height];
        for (x, y) in rows.clone().flat_map(|y| columns.clone().map(move |x| (x, y))) {
            let (dx, dy) = (normal(random) * noise.lateral_px, normal(random) * noise.lateral_px);
            let hit = self.look(x as f32 + 0.5 + dx.clamp(-2.0, 2.0), y as f32 + 0.5 + dy.clamp(-2.0, 2.0));
            let turned = hit.facing.clamp(0.0, 1.0).acos();
            let mut z = hit.z;
            let around = |i: usize, limit: usize| i.saturating_sub(1)..(i + 2).min(limit);
            let near = around(y, height).flat_map(|v| around(x, width).map(move |u| (u, v)));
            let depths = near.map(|(u, v)| exact.metres()[v * width + u]).filter(|z| *z > 0.0);
            let (low, high) = depths.fold((f32::MAX, 0.0f32), |(l, h), d| (l.min(d), h.max(d)));
            if high - low > 0.03 {
                match random.unit() {
                    u if u < 0.3 => continue,
                    u if u < 0.45 => z = random.range(low, high),
                    _ => {}
                }
            }
            let grazing = (turned.to_degrees() - 70.0) / 15.0;
            if random.chance(grazing.clamp(0.0, 1.0)) || random.chance(0.01) {
                continue;
            }
            z += normal(random) * noise.axial_turned(z, turned);
            let disparity = LENS.fx * BASELINE / z;
            metres[y * width + x] = LENS.fx * BASELINE / ((disparity / DISPARITY_STEP).round() * DISPARITY_STEP);
        }
        // Spots that shine into the sensor.
        let spots = (columns.len() * rows.len()).div_ceil(8000);
        for _ in 0..spots {
            let side = |random: &mut Random, range: &Range<usize>| random.range(range.start as f32, range.end as f32);
            let (cx, cy, r) = (side(random, &columns), side(random, &rows), random.range(2.0, 6.0));
            for (x, y) in rows.clone().flat_map(|y| columns.clone().map(move |x| (x, y))) {
                if (x as f32 - cx).hypot(y as f32 - cy) < r {
                    metres[y * width + x] = 0.0;
                }
            }
        }
        DepthMap::new(SIZE, metres).unwrap()
    }

    /// A mask as a model draws it: larger or smaller by up to two pixels, and wavy.
    pub fn segmented(&self, random: &mut Random) -> Mask {
        let exact = self.mask();
        let (mut inner, mut outer) = (DistanceTransform::default(), DistanceTransform::default());
        inner.compute(&exact, Border::Ignored);
        outer.compute(&Mask::from_fn(SIZE, |x, y| exact.row(y)[x as usize] == 0), Border::Ignored);
        let (grown, phase) = (random.range(-1.5, 1.5), random.range(0.0, 6.0));
        Mask::from_fn(SIZE, |x, y| {
            let i = (y * SIZE.width + x) as usize;
            let wave = 0.8 * ((x as f32 * 0.21 + phase).sin() + (y as f32 * 0.17 - phase).cos());
            inner.distances()[i] - outer.distances()[i] + 0.5 * (1.0 - 2.0 * f32::from(exact.data()[i])) + grown + wave
                > 0.0
        })
    }
}

/// Nearly Gaussian, of mean 0 and deviation 1.
fn normal(random: &mut Random) -> f32 {
    ((0..6).map(|_| random.unit()).sum::<f32>() - 3.0) * 2f32.sqrt()
}
