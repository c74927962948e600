//! A rendered, textured 3D scene with a moving camera and moving objects, and the truth about every frame of it
//! ([`Scene`]); and simulated users who look at it ([`user`]).
//!
//! One seed is one world: its objects, their motion, the camera's path, the light and a plausible gaze. Any moment of it
//! can be rendered on its own, in any order; the same seed and time give the same image.
//!
//! A frame is rendered in three steps. Triangles are drawn into a visibility buffer that holds the nearest triangle of
//! each pixel (`raster`); each pixel is then lit once (`shade`, with shadows of `shadow`); edges are smoothed
//! against a second visibility buffer that lies on the pixel corners, and `sensor` turns light into bytes.

mod catalogue;
mod kit;
mod layout;
mod limit;
mod mesh;
mod motion;
mod noise;
mod pattern;
mod random;
mod raster;
mod room;
mod sensor;
mod shade;
mod shadow;
#[cfg(test)]
mod tests;
mod texture;
pub mod user;
mod view;
mod world;

use std::sync::{Arc, Mutex, PoisonError};

use crate::geometry::{Intrinsics, Size};

use raster::{NOTHING, Visibility};
use sensor::{CornerRow, MAX_SIDE, Sensor};
use shade::{ColourRow, Shader};
use shadow::ShadowMap;
use view::{Geometry, View};
use world::World;

pub use random::Random;

/// Horizontal field of view of the scene's camera, in degrees.
const FIELD_OF_VIEW: f32 = 58.0;

/// A world, and the size of the images taken of it. Cloning shares the world.
#[derive(Clone, Debug)]
pub struct Scene {
    shared: Arc<Shared>,
    size: Size,
}

#[derive(Debug)]
struct Shared {
    seed: u64,
    world: World,
    sensor: Sensor,
    objects: Vec<ObjectInfo>,
    /// Buffers of finished renderings, for the next.
    scratch: Mutex<Vec<Scratch>>,
}

/// An object of a scene.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its value in id maps, from 1.
    pub id: u8,
    /// What it is, in English.
    pub name: &'static str,
}

/// An image and the truth about it; rows top to bottom without padding. Buffers are reused from frame to frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rendering {
    /// Three bytes a pixel.
    pub rgb: Vec<u8>,
    /// The object seen in each pixel's centre; 0 for none.
    pub ids: Vec<u8>,
    /// Distance along the viewing axis in metres.
    pub depth: Vec<f32>,
}

/// Everything that a rendering needs and that the next one can use again.
#[derive(Debug, Default)]
struct Scratch {
    geometry: Geometry,
    visible: Visibility,
    corners: Visibility,
    shadow: ShadowMap,
    shader: Shader,
    colours: [ColourRow; 2],
    blended: [CornerRow; 2],
    line: [Vec<f32>; 3],
}

impl Scene {
    /// The world of a seed, seen in images of `size`; sides are held to 1 to 4096 pixels.
    ///
    /// Building takes some hundred milliseconds: textures are painted and layouts tried until every object shows.
    pub fn new(seed: u64, size: Size) -> Scene {
        let side = |n: u32| n.clamp(1, MAX_SIDE as u32);
        let size = Size::new(side(size.width), side(size.height));
        let probe = probe_size(size);
        let mut scratch = Scratch::default();
        let mut ids = Vec::new();
        let world = World::new(seed, lens(probe), probe, |world| {
            let worst = |time: f64| {
                draw_ids(world, &view(world, probe, time), time, &mut scratch, &mut ids);
                world.shares(&ids)
            };
            [0.0, 4.0, 9.0, 15.0, 22.0].into_iter().map(worst).fold(1.0, f32::min)
        });
        let objects = (1u8..).zip(&world.objects).map(|(id, o)| ObjectInfo { id, name: o.name }).collect();
        let mut sensor = Sensor::new(seed);
        let mut image = Rendering::default();
        for _ in 0..2 {
            paint(&world, &sensor, &view(&world, probe, 0.0), 0.0, &mut scratch, &mut image);
            sensor.meter(&image.rgb, random::Random::new(seed, 78).range(0.40, 0.52));
        }
        Scene { shared: Arc::new(Shared { seed, world, sensor, objects, scratch: Mutex::default() }), size }
    }

    /// The same world in images of another size.
    pub fn resized(&self, size: Size) -> Scene {
        let side = |n: u32| n.clamp(1, MAX_SIDE as u32);
        Scene { shared: Arc::clone(&self.shared), size: Size::new(side(size.width), side(size.height)) }
    }

    /// The number that this world was made from.
    pub fn seed(&self) -> u64 {
        self.shared.seed
    }

    /// Size of its images, in pixels.
    pub fn size(&self) -> Size {
        self.size
    }

    /// The camera's intrinsics, the same for every frame.
    pub fn intrinsics(&self) -> Intrinsics {
        lens(self.size)
    }

    /// Every object; ids count up from 1.
    pub fn objects(&self) -> &[ObjectInfo] {
        &self.shared.objects
    }

    /// Renders the world at `time_s` seconds after the stream's start, the same on every call.
    pub fn render(&self, time_s: f64, out: &mut Rendering) {
        self.with_scratch(|scratch| {
            let world = &self.shared.world;
            paint(world, &self.shared.sensor, &view(world, self.size, time_s), time_s, scratch, out);
        });
    }

    /// The `ids` of [`Self::render`] alone, at a fraction of its cost.
    pub fn render_ids(&self, time_s: f64, ids: &mut Vec<u8>) {
        self.with_scratch(|scratch| {
            let world = &self.shared.world;
            draw_ids(world, &view(world, self.size, time_s), time_s, scratch, ids);
        });
    }

    fn with_scratch(&self, render: impl FnOnce(&mut Scratch)) {
        let pool = &self.shared.scratch;
        let mut scratch = pool.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        render(&mut scratch);
        pool.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
    }
}

impl World {
    /// The share of an id map that its least visible object takes.
    fn shares(&self, ids: &[u8]) -> f32 {
        let mut counts = [0u32; 256];
        ids.iter().for_each(|&id| counts[id as usize] += 1);
        let least = counts[1..].iter().take(self.objects.len()).min();
        least.map_or(0.0, |&n| n as f32 / ids.len().max(1) as f32)
    }
}

fn lens(size: Size) -> Intrinsics {
    Intrinsics::from_horizontal_fov(FIELD_OF_VIEW, size.width, size.height)
}

fn view(world: &World, size: Size, time: f64) -> View {
    View { pose: world.camera.at(time), lens: lens(size), size }
}

/// A small size of the same shape, for questions that need no detail.
fn probe_size(size: Size) -> Size {
    let scale = 160.0 / size.width.max(size.height) as f32;
    let side = |n: u32| ((n as f32 * scale).round() as u32).max(1);
    if scale < 1.0 { Size::new(side(size.width), side(size.height)) } else { size }
}

fn draw_ids(world: &World, view: &View, time: f64, scratch: &mut Scratch, ids: &mut Vec<u8>) {
    let Scratch { geometry, visible, .. } = scratch;
    geometry.prepare(world, view, time, false);
    visible.reset(view.size.width as usize, view.size.height as usize);
    geometry.draw_parts(visible);
    ids.clear();
    ids.extend(visible.surface.iter().map(|&part| world.parts.get(part as usize).map_or(0, |p| p.object)));
}

fn paint(world: &World, sensor: &Sensor, view: &View, time: f64, scratch: &mut Scratch, out: &mut Rendering) {
    let (width, height) = (view.size.width as usize, view.size.height as usize);
    let Scratch { geometry, visible, corners, shadow, shader, colours, blended, line } = scratch;
    geometry.prepare(world, view, time, true);
    shadow.prepare(world, geometry, time);

    visible.reset(width, height);
    for (index, facing) in geometry.facing.iter().enumerate() {
        visible.fill(&facing.corners, index as u32);
    }
    // The centre of the corner buffer's pixel (x, y) is the image's point (x, y), a pixel's corner.
    corners.reset(width + 1, height + 1);
    for facing in geometry.facing.iter().filter(|facing| world.parts[facing.part as usize].object > 0) {
        corners.fill(&facing.corners.map(|[x, y, near]| [x + 0.5, y + 0.5, near]), facing.part);
    }

    out.ids.clear();
    out.ids.extend(visible.surface.iter().map(|&surface| match geometry.facing.get(surface as usize) {
        Some(facing) => world.parts[facing.part as usize].object,
        None => 0,
    }));
    out.rgb.resize(width * height * 3, 0);
    out.depth.resize(width * height, 0.0);
    colours.iter_mut().for_each(|row| row.resize(width));
    blended.iter_mut().for_each(|row| row.resize(width));
    line.iter_mut().for_each(|plane| plane.resize(width, 0.0));
    shader.resize(width);

    // Frames of one scene differ in their noise, frames of one moment do not.
    let frame = time.to_bits();
    for y in 0..=height {
        let [even, odd] = colours;
        let (this, last) = if y % 2 == 0 { (even, odd) } else { (odd, even) };
        if y < height {
            let depths = &mut out.depth[y * width..][..width];
            shader.row(world, view, (geometry, visible, shadow), y, this, depths);
        }
        let above: &ColourRow = if y > 0 { last } else { this };
        let below: &ColourRow = if y < height { this } else { last };
        let [even, odd] = blended;
        let (corner, previous) = if y % 2 == 0 { (even, odd) } else { (odd, even) };
        corner.blend(above, below, &corners.surface[y * (width + 1)..][..width + 1]);
        if y > 0 {
            let bytes = &mut out.rgb[(y - 1) * width * 3..][..width * 3];
            sensor.expose(frame, (y - 1, height), above, [previous, corner], line, bytes);
        }
    }
    debug_assert!(visible.surface.iter().all(|&s| s == NOTHING || (s as usize) < geometry.facing.len()));
}
