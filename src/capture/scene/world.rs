//! What is in the scene and how it moves: everything follows from the seed and the time.

use super::material::{Material, NoiseTable, surface};
use super::random::Random;
use super::shape::Shape;
use super::vector::{Pose, Rotation, Vec3, vec3};
use crate::geometry::{Intrinsics, Point, Size};

/// Field of view of the rendered camera.
const FOV_DEG: f32 = 58.0;

/// One object of the scene.
#[derive(Debug)]
pub(super) struct Body {
    pub name: &'static str,
    pub parts: Vec<(Shape, Material)>,
    /// Distance from the body's origin to its farthest point.
    pub reach: f32,
    /// Where it stands (x, z) on the table, and how far above the table its origin is.
    home: (f32, f32),
    height: f32,
    turn: f32,
    spin: f32,
    /// Radius in metres and angular speed of the path it slides along.
    slide: (f32, f32),
    phase: f32,
}

impl Body {
    /// Where the body is at `time` seconds.
    pub fn pose(&self, time: f32) -> Pose {
        let angle = self.phase + self.slide.1 * time;
        let (x, z) = (self.home.0 + self.slide.0 * angle.cos(), self.home.1 + self.slide.0 * 0.6 * angle.sin());
        Pose { rotation: Rotation::about_y(self.turn + self.spin * time), translation: vec3(x, self.height, z) }
    }
}

/// The camera at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub intrinsics: Intrinsics,
    pub position: Vec3,
    /// Rows are the camera's x, y (down) and z (forward) axes in the world.
    pub axes: Rotation,
}

impl View {
    /// Direction of the ray through a point of the frame, one metre deep.
    pub fn ray(&self, p: Point) -> Vec3 {
        let k = &self.intrinsics;
        self.axes.apply_inverse(vec3((p.x - k.cx) / k.fx, (p.y - k.cy) / k.fy, 1.0))
    }

    /// A point of the world in camera space: x right, y down, z forward.
    pub fn to_camera(&self, p: Vec3) -> Vec3 {
        self.axes.apply(p - self.position)
    }

    /// The same view on a frame of another size.
    pub fn scaled(&self, factor: f32) -> View {
        let k = self.intrinsics;
        let intrinsics = Intrinsics { fx: k.fx * factor, fy: k.fy * factor, cx: k.cx * factor, cy: k.cy * factor };
        View { intrinsics, ..*self }
    }
}

/// Everything that does not change with time.
#[derive(Debug)]
pub(super) struct World {
    pub bodies: Vec<Body>,
    pub table: Material,
    pub walls: [Material; 2],
    /// Direction to the light, of unit length.
    pub light: Vec3,
    pub warmth: f32,
    pub noise: NoiseTable,
    camera: [f32; 8],
    intrinsics: Intrinsics,
}

impl World {
    pub fn new(seed: u64, size: Size) -> Self {
        let mut random = Random::new(seed, 1);
        let count = 4 + random.below(4);
        let mut bodies: Vec<Body> = Vec::new();
        let mut tries = 0;
        while bodies.len() < count && tries < 400 {
            tries += 1;
            let body = make(&mut random);
            let free = |other: &Body| {
                let (dx, dz) = (body.home.0 - other.home.0, body.home.1 - other.home.1);
                dx.hypot(dz) > (body.reach + other.reach) * 0.72 + body.slide.0 + other.slide.0
            };
            if bodies.iter().all(free) {
                bodies.push(body);
            }
        }
        let light = vec3(random.range(-0.8, 0.8), random.range(0.9, 1.5), random.range(-0.9, 0.1)).normalized();
        World {
            bodies,
            table: surface(&mut random, false),
            walls: [surface(&mut random, true), surface(&mut random, true)],
            light,
            warmth: random.range(-0.08, 0.08),
            noise: NoiseTable::new(seed as u32 ^ 0x5bd1),
            camera: std::array::from_fn(|_| random.unit()),
            intrinsics: Intrinsics::from_horizontal_fov(FOV_DEG, size.width, size.height),
        }
    }

    pub fn intrinsics(&self) -> Intrinsics {
        self.intrinsics
    }

    /// The camera at `time`: it sways around the table as in a hand, a little each way.
    pub fn view(&self, time: f32) -> View {
        let c = &self.camera;
        let sway = |rate: f32, phase: f32| (time * rate + phase * std::f32::consts::TAU).sin();
        let azimuth = (c[0] - 0.5) * 1.2 + 0.12 * sway(0.31, c[1]) + 0.012 * sway(2.3, c[2]);
        let elevation = 0.5 + 0.25 * c[3] + 0.04 * sway(0.23, c[4]) + 0.006 * sway(3.1, c[5]);
        let distance = 1.15 + 0.3 * c[6] + 0.06 * sway(0.17, c[7]);
        let target = vec3(0.02 * sway(0.4, c[2]), 0.08 + 0.008 * sway(1.7, c[4]), 0.0);
        let (sin_a, cos_a) = azimuth.sin_cos();
        let (sin_e, cos_e) = elevation.sin_cos();
        let position = target + vec3(sin_a * cos_e, sin_e, -cos_a * cos_e) * distance;
        let forward = (target - position).normalized();
        let right = Vec3::UP.cross(forward).normalized();
        let down = forward.cross(right) * -1.0;
        View { intrinsics: self.intrinsics, position, axes: Rotation { rows: [right, down, forward] } }
    }
}

/// A random body at a random place on the table.
fn make(random: &mut Random) -> Body {
    let skin = Material::random(random);
    let other = Material::random(random);
    let r = random.range(0.075, 0.14);
    let at = |y: f32| vec3(0.0, y, 0.0);
    let frustum = |y: f32, half_height: f32, bottom: f32, top: f32| Shape::Frustum { centre: at(y), half_height, bottom, top };
    let ball = |y: f32, radii: Vec3| Shape::Ellipsoid { centre: at(y), radii };
    let (name, parts, height): (_, Vec<(Shape, Material)>, f32) = match random.below(9) {
        0 => ("ball", vec![(ball(0.0, vec3(r, r, r)), skin)], r),
        1 => {
            let half = vec3(r * random.range(0.7, 1.2), r * random.range(0.6, 1.3), r * random.range(0.5, 1.0));
            ("carton", vec![(Shape::Box { centre: Vec3::ZERO, half }, skin)], half.y)
        }
        2 => {
            let h = r * random.range(0.9, 1.1);
            let bar = |y: f32, half: Vec3| (Shape::Box { centre: vec3(r * 1.12, y, 0.0), half }, skin);
            let long = vec3(r * 0.2, r * 0.08, r * 0.09);
            let grip = (Shape::Box { centre: vec3(r * 1.3, 0.0, 0.0), half: vec3(r * 0.08, h * 0.45, r * 0.09) }, skin);
            let cup = (frustum(0.0, h, r * 0.82, r * 0.92), skin);
            let drink = (frustum(h * 0.93, h * 0.08, r * 0.78, r * 0.8), other);
            ("mug", vec![cup, drink, bar(h * 0.4, long), bar(-h * 0.4, long), grip], h)
        }
        3 => {
            let h = r * random.range(1.2, 1.6);
            let body = (frustum(0.0, h, r * 0.62, r * 0.62), skin);
            let shoulder = (frustum(h * 1.2, h * 0.2, r * 0.62, r * 0.24), skin);
            let neck = (frustum(h * 1.5, h * 0.12, r * 0.22, r * 0.2), skin);
            let cap = (frustum(h * 1.68, h * 0.08, r * 0.25, r * 0.25), other);
            ("bottle", vec![body, shoulder, neck, cap], h)
        }
        4 => {
            let fruit = (ball(0.0, vec3(r, r * random.range(0.8, 1.15), r)), skin);
            ("fruit", vec![fruit, (frustum(r * 1.05, r * 0.16, r * 0.05, r * 0.07), other)], r * 0.85)
        }
        5 => {
            let base = (Shape::Box { centre: at(-r), half: vec3(r, r * 0.35, r * 0.8) }, skin);
            let middle = (frustum(-r * 0.3, r * 0.36, r * 0.75, r * 0.6), other);
            ("toy tower", vec![base, middle, (ball(r * 0.5, vec3(r * 0.5, r * 0.5, r * 0.5)), skin)], r * 1.35)
        }
        6 => {
            let half = vec3(r * 1.3, r * random.range(0.18, 0.4), r * 0.95);
            let pages = (Shape::Box { centre: vec3(r * 0.04, 0.0, 0.0), half: half.scaled(vec3(1.0, 0.8, 0.96)) }, Material {
                base: [0.88, 0.86, 0.8],
                second: [0.8, 0.78, 0.72],
                ..other
            });
            let lid = |y: f32| (Shape::Box { centre: at(y), half: vec3(half.x, half.y * 0.12, half.z) }, skin);
            ("book", vec![pages, lid(half.y * 0.88), lid(-half.y * 0.88)], half.y)
        }
        7 => {
            let body = (ball(0.0, vec3(r * 0.75, r * 0.95, r * 0.7)), skin);
            let head = (ball(r * 1.25, vec3(r * 0.52, r * 0.5, r * 0.5)), skin);
            let ear = |x: f32| {
                let centre = vec3(x, r * 1.68, 0.0);
                (Shape::Ellipsoid { centre, radii: vec3(r * 0.16, r * 0.26, r * 0.1) }, other)
            };
            ("plush", vec![body, head, ear(r * 0.32), ear(-r * 0.32)], r * 0.93)
        }
        _ => {
            let foot = (frustum(-r, r * 0.1, r * 0.7, r * 0.6), other);
            let stem = (frustum(-r * 0.1, r * 0.85, r * 0.1, r * 0.08), other);
            ("lamp", vec![foot, stem, (frustum(r * 0.95, r * 0.45, r * 0.85, r * 0.45), skin)], r * 1.1)
        }
    };
    let moving = random.chance(0.35);
    let slide = if moving { (random.range(0.02, 0.06), random.range(0.25, 0.6)) } else { (0.0, 0.0) };
    Body {
        name,
        reach: parts.iter().map(|(shape, _)| shape.reach()).fold(0.0, f32::max),
        parts,
        home: (random.range(-0.42, 0.42), random.range(-0.3, 0.4)),
        height,
        turn: random.range(0.0, std::f32::consts::TAU),
        spin: if random.chance(0.3) { random.range(-0.35, 0.35) } else { 0.0 },
        slide,
        phase: random.range(0.0, std::f32::consts::TAU),
    }
}
