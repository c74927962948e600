//! Builds a world: which objects there are, where they stand, and from where they are seen.

use glam::{Vec3, vec3};

use super::catalogue::SceneObject;
use super::kit::Kit;
use super::motion::{Body, CameraPath, Motion, Wave};
use super::random::Random;
use super::room;
use super::world::{Extent, Light, World};

use crate::geometry::{Intrinsics, Size};

/// Streams of randomness, so that a change to one part of the world leaves the others as they were.
mod stream {
    pub const ROOM: u64 = 1;
    pub const OBJECTS: u64 = 2;
    pub const PLACES: u64 = 3;
    pub const CAMERA: u64 = 4;
    pub const LIGHT: u64 = 5;
}

/// Layouts tried for one that shows every object well.
const LAYOUTS: u64 = 12;

impl World {
    /// Builds the world of a seed; `visible` scores a layout by its worst shown object (share of the image).
    pub fn new(seed: u64, lens: Intrinsics, size: Size, mut worst_share: impl FnMut(&World) -> f32) -> World {
        let mut random = Random::new(seed, stream::OBJECTS);
        let mut kit = Kit::default();
        let count = 4 + random.below(5);
        let objects = SceneObject::assortment(&mut kit, &mut random, count);
        let mut room_random = Random::new(seed, stream::ROOM);
        let place = room::Place::random(&mut room_random);

        let extents = objects.iter().map(|object| {
            let (radius, height) = object.extent();
            Extent { name: object.name, radius, height }
        });
        let mut world = World {
            vertices: Vec::new(),
            triangles: Vec::new(),
            parts: Vec::new(),
            bodies: vec![Body::FIXED],
            kit,
            light: light(&mut Random::new(seed, stream::LIGHT), place),
            camera: CameraPath::random(&mut Random::new(seed, stream::CAMERA)),
            objects: extents.collect(),
            contacts: Vec::new(),
        };
        let rolls: Vec<Option<f32>> = objects.iter().map(|object| object.rolls).collect();
        for (i, object) in objects.into_iter().enumerate() {
            world.bodies.push(Body::FIXED);
            for (mesh, material) in object.pieces {
                world.add(mesh.vertices, &mesh.triangles, material, i as u8 + 1, true);
            }
        }

        let (mut best, mut best_share) = (None, -1.0);
        for layout in 0..LAYOUTS {
            let mut random = Random::new(seed, stream::PLACES + 100 * layout);
            world.arrange(&rolls, &mut random);
            world.frame(lens, size);
            let share = worst_share(&world);
            if share > best_share {
                (best, best_share) = (Some((world.bodies.clone(), world.camera.clone())), share);
            }
            if share > 0.008 {
                break;
            }
        }
        if let Some((bodies, camera)) = best {
            (world.bodies, world.camera) = (bodies, camera);
        }
        room::furnish(&mut world, place, &mut room_random);
        world
    }

    /// Gives every object a motion and a place of its own near the origin, tall ones rather at the back.
    fn arrange(&mut self, rolls: &[Option<f32>], random: &mut Random) {
        let mut order: Vec<usize> = (0..self.objects.len()).collect();
        order.sort_by(|&a, &b| self.objects[b].radius.total_cmp(&self.objects[a].radius));
        let mut settled: Vec<usize> = Vec::new();
        let mut movers = 0;
        for index in order {
            let extent = self.objects[index];
            let heading = random.range(-0.5, 0.5) + if random.chance(0.3) { std::f32::consts::FRAC_PI_2 } else { 0.0 };
            let along = vec3(heading.cos(), 0.0, heading.sin());
            let motion = match random.below(8) {
                _ if movers >= 3 => Motion::Rest,
                0 | 1 => match rolls[index] {
                    Some(radius) => {
                        let amplitude = random.range(0.03, 0.07);
                        Motion::Roll { along, wave: Wave::random(random, amplitude, [5.0, 10.0]), radius }
                    }
                    None => {
                        let amplitude = random.range(0.03, 0.07);
                        Motion::Slide { along, wave: Wave::random(random, amplitude, [6.0, 12.0]) }
                    }
                },
                2 => Motion::Turn { rate: random.range(0.15, 0.55) * if random.chance(0.5) { 1.0 } else { -1.0 } },
                3 => {
                    let amplitude = random.range(0.03, 0.08);
                    Motion::Lift { wave: Wave::random(random, amplitude, [6.0, 11.0]) }
                }
                _ => Motion::Rest,
            };
            let mut body = Body { home: Vec3::ZERO, yaw: random.range(-0.9, 0.9), motion };
            movers += body.moves() as usize;
            let mut spread = 0.20;
            for attempt in 0..400 {
                spread += 0.0007;
                let depth = random.range(-1.0, 1.0);
                // Tall objects block the view of those behind them.
                let depth = if extent.height > 0.13 { depth.min(random.range(-1.0, 1.0)) } else { depth };
                body.home = vec3(random.range(-1.0, 1.0) * spread * 1.25, 0.0, depth * spread);
                let free = settled.iter().all(|&other| {
                    let gap = self.bodies[other + 1].home - body.home;
                    let need = (extent.radius + self.objects[other].radius) * 0.92 + 0.008;
                    gap.length() > need + body.reach() + self.bodies[other + 1].reach()
                });
                if free || attempt == 399 {
                    break;
                }
            }
            self.bodies[index + 1] = body;
            settled.push(index);
        }
    }

    /// Points the camera at the objects and steps back until all are in the image with some room about them.
    fn frame(&mut self, lens: Intrinsics, size: Size) {
        let count = self.objects.len().max(1) as f32;
        let middle = self.bodies[1..].iter().fold(Vec3::ZERO, |sum, body| sum + body.home) * (1.0 / count);
        let height = self.objects.iter().map(|o| o.height).sum::<f32>() / count;
        self.camera.target = middle + vec3(0.0, height * 0.45, 0.0);
        let (w, h) = (size.width as f32, size.height as f32);
        for step in 0..60 {
            self.camera.distance = 0.45 + 0.025 * step as f32;
            let pose = self.camera.at(0.0);
            let inside = self.bodies[1..].iter().zip(&self.objects).all(|(body, extent)| {
                let margin = extent.radius * 0.9 + body.reach();
                [extent.height, 0.0].iter().all(|&y| {
                    let p = pose.to_camera(body.home + vec3(0.0, y, 0.0));
                    let point = lens.project(p.x, p.y, p.z.max(0.05));
                    let border = margin * lens.fx / p.z.max(0.05);
                    point.x > 0.03 * w + border
                        && point.x < 0.97 * w - border
                        && point.y > 0.03 * h + 0.5 * border
                        && point.y < 0.97 * h - 0.5 * border
                })
            });
            if inside {
                break;
            }
        }
    }
}

fn light(random: &mut Random, place: room::Place) -> Light {
    let outdoors = place == room::Place::Garden;
    let azimuth = random.range(-2.6, 2.6);
    let elevation: f32 = random.range(0.7, 1.2);
    let towards = vec3(azimuth.sin() * elevation.cos(), elevation.sin(), azimuth.cos() * elevation.cos());
    let warmth = random.range(-0.10, 0.16);
    let strength = if outdoors { random.range(1.3, 2.2) } else { random.range(0.7, 1.4) };
    let colour = [1.0 + warmth, 1.0, 1.0 - 1.2 * warmth].map(|c| c * strength);
    let cool = random.range(0.0, 0.09);
    let fill = random.range(0.42, 0.62);
    let sky = [1.0 - cool, 1.0, 1.0 + cool].map(|c| c * fill);
    let ground = fill * random.range(0.48, 0.66);
    let bounce = [1.06, 1.0, 0.92].map(|c| c * ground);
    Light { towards, colour, sky, bounce }
}
