//! The surroundings: what the objects stand on, walls, and clutter that is nobody's object.

use std::f32::consts::{FRAC_PI_2, TAU};

use glam::{Mat3, Vec3, vec3};

use super::kit::MaterialId;
use super::mesh::Mesh;
use super::pattern::{self, Weave};
use super::random::Random;
use super::world::World;

/// Where a scene takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Table,
    Counter,
    Floor,
    Garden,
}

/// Half the side of the outdoor ground and of a floor, in metres.
const GROUND: f32 = 5.0;

impl Place {
    pub fn random(random: &mut Random) -> Place {
        use Place::*;
        random.pick([Table, Table, Table, Table, Counter, Counter, Floor, Floor, Garden, Garden])
    }
}

/// Adds the surroundings to a world whose objects are placed.
pub(super) fn furnish(world: &mut World, place: Place, random: &mut Random) {
    match place {
        Place::Table => {
            table(world, random);
            room(world, random, -0.74);
            desk_clutter(world, random);
        }
        Place::Counter => {
            counter(world, random);
            desk_clutter(world, random);
        }
        Place::Floor => {
            room(world, random, 0.0);
            if random.chance(0.6) {
                rug(world, random);
            }
        }
        Place::Garden => garden(world, random),
    }
}

fn put(world: &mut World, mesh: Mesh, material: MaterialId, casts: bool) {
    world.add(mesh.vertices, &mesh.triangles, material, 0, casts);
}

fn upright_box(centre: Vec3, half: Vec3, radius: f32) -> Mesh {
    Mesh::rounded_box(half, radius).moved(centre + vec3(0.0, half.y, 0.0))
}

/// A horizontal rectangle seen from above.
fn level(centre: Vec3, half_x: f32, half_z: f32) -> Mesh {
    Mesh::rectangle(centre, vec3(half_x, 0.0, 0.0), vec3(0.0, 0.0, -half_z))
}

/// The top of a table or counter.
fn worktop(world: &mut World, random: &mut Random) -> MaterialId {
    let kit = &mut world.kit;
    match random.below(8) {
        0..=3 => {
            let (colour, planks) = (pattern::timber(random), random.pick([0, 4, 6, 8]));
            let texture = pattern::wood(random, colour, planks, true);
            if random.chance(0.3) { kit.glossy(texture) } else { kit.satin(texture) }
        }
        4 => {
            let colour = pattern::pale(random);
            let texture = pattern::marble(random, colour, true);
            kit.glossy(texture)
        }
        5 => {
            let (ground, grain) = (pattern::pale(random), pattern::pigment(random));
            let dark = random.range(0.35, 1.0);
            let texture = pattern::speckle(random, pattern::shade(ground, dark), pattern::shade(grain, 0.7), 128, true);
            kit.satin(texture)
        }
        6 => {
            let colour = pattern::pale(random);
            let texture = pattern::plaster(random, colour);
            kit.satin(texture)
        }
        _ => kit.cloth(random, 10, true),
    }
}

fn table(world: &mut World, random: &mut Random) {
    let top = worktop(world, random);
    let (w, d) = (random.range(0.62, 0.95), random.range(0.42, 0.6));
    let slab = Mesh::rounded_box(vec3(w, 0.018, d), 0.006).moved(vec3(0.0, -0.018, 0.0));
    put(world, slab.tiled(w / 0.45, d / 0.45), top, false);
    let leg = world.kit.wooden(random);
    for (x, z) in [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)] {
        let foot = vec3(x * (w - 0.07), -0.74, z * (d - 0.07));
        put(world, upright_box(foot, vec3(0.025, 0.35, 0.025), 0.004), leg, false);
    }
}

fn counter(world: &mut World, random: &mut Random) {
    let top = worktop(world, random);
    let (w, back) = (1.6, -random.range(0.42, 0.6));
    let slab = Mesh::rounded_box(vec3(w, 0.02, 0.5), 0.005).moved(vec3(0.0, -0.02, back + 0.5));
    put(world, slab.tiled(w / 0.45, 0.5 / 0.45), top, false);
    let (stone, joint) = (pattern::pale(random), pattern::pale(random));
    let joint = pattern::shade(joint, random.range(0.6, 1.0));
    let tiled = random.chance(0.7);
    let wall = if tiled {
        let stone = if random.chance(0.35) { pattern::pigment(random) } else { stone };
        let (columns, rows, bond) = random.pick([(4, 8, 0.5), (6, 6, 0.0), (8, 8, 0.0), (3, 8, 0.5)]);
        let texture = pattern::masonry(random, stone, joint, columns, rows, bond);
        world.kit.glossy(texture)
    } else {
        let texture = pattern::plaster(random, stone);
        world.kit.matte(texture)
    };
    let wall = world.kit.blurred(wall, 0.6);
    let panel = Mesh::rectangle(vec3(0.0, 0.7, back), vec3(1.8, 0.0, 0.0), vec3(0.0, 0.9, 0.0));
    put(world, panel.tiled(4.0, 2.0), wall, false);
    for side in [-1.0, 1.0] {
        let panel = Mesh::rectangle(vec3(side * 1.6, 0.7, 0.6), vec3(0.0, 0.0, side * 1.4), vec3(0.0, 0.9, 0.0))
            .tiled(3.0, 2.0);
        put(world, panel, wall, false);
    }
    let colour = if random.chance(0.5) { pattern::pale(random) } else { pattern::pigment(random) };
    let front = world.kit.painted(random, colour);
    put(world, upright_box(vec3(0.0, -0.9, back + 0.47), vec3(w, 0.43, 0.47), 0.003), front, false);
    let tiles = pattern::masonry(random, [0.6, 0.57, 0.52], [0.4, 0.38, 0.36], 4, 4, 0.0);
    let floor = world.kit.satin(tiles);
    put(world, level(vec3(0.0, -0.9, 0.5), 3.0, 3.0).tiled(5.0, 5.0), floor, false);
    // What stands along the wall.
    let mut x = -1.1;
    while x < 1.1 {
        let half = vec3(random.range(0.03, 0.09), random.range(0.05, 0.16), random.range(0.03, 0.06));
        if random.chance(0.6) {
            let material = clutter_material(world, random);
            let foot = vec3(x, 0.0, back + half.z + 0.02);
            let mesh = match random.below(3) {
                0 => Mesh::cylinder(half.x.min(half.z), half.y * 2.0, 0.004, 20).moved(foot),
                1 => Mesh::rounded_box(vec3(half.x * 1.4, half.y, 0.008), 0.006)
                    .rotated(Mat3::from_rotation_x(-0.12))
                    .moved(vec3(x, half.y + 0.002, back + 0.035)),
                _ => upright_box(foot, half, 0.006),
            };
            world.contacts.push((foot, half.x.max(half.z)));
            put(world, mesh, material, true);
        }
        x += half.x * 2.0 + random.range(0.05, 0.25);
    }
}

fn clutter_material(world: &mut World, random: &mut Random) -> MaterialId {
    let kit = &mut world.kit;
    let id = match random.below(4) {
        0 => kit.wooden(random),
        1 => kit.labelled(random),
        2 => kit.steel(random),
        _ => {
            let colour = if random.chance(0.4) { pattern::pale(random) } else { pattern::pigment(random) };
            kit.painted(random, colour)
        }
    };
    kit.blurred(id, 0.7)
}

/// Floor, walls and furniture; the floor lies at height `y`.
fn room(world: &mut World, random: &mut Random, y: f32) {
    let floor = match random.below(4) {
        0 | 1 => {
            let (colour, planks) = (pattern::timber(random), random.pick([6, 8, 10]));
            let texture = pattern::wood(random, colour, planks, true);
            world.kit.satin(texture)
        }
        2 => {
            let colour = if random.chance(0.5) { pattern::muted(random) } else { pattern::pale(random) };
            let texture = pattern::carpet(random, pattern::shade(colour, 0.85), None);
            world.kit.matte(texture)
        }
        _ => {
            let (stone, joint) = (pattern::pale(random), pattern::pale(random));
            let texture = pattern::masonry(random, pattern::shade(stone, 0.8), pattern::shade(joint, 0.5), 3, 3, 0.0);
            world.kit.glossy(texture)
        }
    };
    put(world, level(vec3(0.0, y, 0.0), GROUND, GROUND).tiled(10.0, 10.0), floor, false);

    let back = -random.range(1.2, 2.4);
    let side = random.range(1.5, 2.6);
    let (colour, strong) = (pattern::pale(random), pattern::muted(random));
    let tone = if random.chance(0.3) { pattern::mix(colour, strong, 0.6) } else { colour };
    let texture = if random.chance(0.12) {
        pattern::masonry(random, [0.58, 0.35, 0.28], [0.62, 0.58, 0.54], 6, 16, 0.5)
    } else {
        pattern::plaster(random, tone)
    };
    let wall = world.kit.matte(texture);
    let wall = world.kit.blurred(wall, 1.0);
    let middle = y + 1.3;
    let up = vec3(0.0, 1.3, 0.0);
    put(world, Mesh::rectangle(vec3(0.0, middle, back), vec3(side, 0.0, 0.0), up).tiled(2.0, 1.5), wall, false);
    for s in [-1.0, 1.0] {
        let panel = Mesh::rectangle(vec3(s * side, middle, back + 3.0), vec3(0.0, 0.0, s * 3.0), up);
        put(world, panel.tiled(3.0, 1.5), wall, false);
    }
    let trim = world.kit.painted(random, [0.85, 0.84, 0.81]);
    put(world, upright_box(vec3(0.0, y, back + 0.01), vec3(side, 0.05, 0.01), 0.003), trim, false);

    if random.chance(0.45) {
        let texture = pattern::window(random);
        let pane = world.kit.luminous(texture, random.range(1.1, 1.9));
        let pane = world.kit.blurred(pane, 1.0);
        let x = random.range(-0.9, 0.9);
        let centre = vec3(x, y + random.range(1.0, 1.5), back + 0.005);
        put(world, Mesh::rectangle(centre, vec3(0.45, 0.0, 0.0), vec3(0.0, 0.55, 0.0)), pane, false);
    }
    for _ in 0..random.below(4) {
        let texture = pattern::painting(random);
        let image = world.kit.satin(texture);
        let half = vec3(random.range(0.12, 0.3), random.range(0.12, 0.3), 0.012);
        let centre = vec3(random.range(-1.3, 1.3), y + random.range(0.8, 1.6), back + 0.012);
        let image = world.kit.blurred(image, 1.0);
        put(world, Mesh::rounded_box(half, 0.004).moved(centre), image, false);
    }
    let mut x = -side + 0.3;
    while x < side - 0.3 {
        let width = random.range(0.15, 0.5);
        if random.chance(0.65) {
            furniture(world, random, vec3(x + width, y, back), width);
        }
        x += 2.0 * width + random.range(0.05, 0.3);
    }
}

/// A cabinet, a shelf of books, a sofa or a chest with its back to the wall.
fn furniture(world: &mut World, random: &mut Random, foot: Vec3, half_width: f32) {
    let depth = random.range(0.12, 0.24);
    let at = foot + vec3(0.0, 0.0, depth + 0.02);
    match random.below(4) {
        0 => {
            let material = world.kit.wooden(random);
            let material = world.kit.blurred(material, 0.8);
            let height = random.range(0.45, 0.95);
            for (i, shelf) in [0.0, 0.33, 0.66, 1.0].into_iter().enumerate() {
                let board = vec3(at.x, at.y + shelf * 2.0 * height, at.z);
                put(world, upright_box(board, vec3(half_width, 0.012, depth), 0.002), material, false);
                let mut x = at.x - half_width + 0.03;
                while i < 3 && x < at.x + half_width - 0.04 {
                    let half = vec3(random.range(0.01, 0.028), height * random.range(0.18, 0.29), depth * 0.7);
                    let cover = clutter_material(world, random);
                    put(world, upright_box(vec3(x, board.y + 0.024, at.z), half, 0.002), cover, false);
                    x += half.x * 2.0 + if random.chance(0.2) { 0.12 } else { 0.003 };
                }
            }
            for s in [-1.0, 1.0] {
                let side = vec3(at.x + s * half_width, at.y, at.z);
                put(world, upright_box(side, vec3(0.012, height + 0.01, depth), 0.002), material, false);
            }
        }
        1 => {
            let cloth = world.kit.cloth(random, 5, false);
            let cloth = world.kit.blurred(cloth, 0.8);
            put(world, upright_box(at, vec3(half_width, 0.2, depth), 0.06), cloth, false);
            let back = at + vec3(0.0, 0.25, -depth * 0.6);
            put(world, upright_box(back, vec3(half_width, 0.25, depth * 0.4), 0.06), cloth, false);
        }
        _ => {
            let material = clutter_material(world, random);
            let half = vec3(half_width, random.range(0.2, 0.6), depth);
            put(world, upright_box(at, half, 0.01), material, false);
            let handle = world.kit.steel(random);
            for s in [-0.3, 0.3] {
                let knob = at + vec3(s * half_width, half.y * 1.4, depth + 0.005);
                put(world, upright_box(knob, vec3(0.012, 0.03, 0.008), 0.004), handle, false);
            }
        }
    }
}

fn rug(world: &mut World, random: &mut Random) {
    let (a, b) = (pattern::muted(random), pattern::muted(random));
    let texture = pattern::carpet(random, a, Some(b));
    let material = world.kit.matte(texture);
    let (w, d) = (random.range(0.6, 1.0), random.range(0.45, 0.7));
    put(world, Mesh::rounded_box(vec3(w, 0.004, d), 0.003).moved(vec3(0.0, -0.0038, 0.0)), material, false);
}

/// Paper, a mat, pens, a keyboard: what lies flat among the objects.
fn desk_clutter(world: &mut World, random: &mut Random) {
    if random.chance(0.45) {
        let material = if random.chance(0.5) {
            world.kit.cloth(random, 6, false)
        } else {
            let (a, b) = (pattern::muted(random), pattern::pale(random));
            let texture = pattern::fabric(random, Weave::Plain, a, b, 4, false);
            world.kit.matte(texture)
        };
        let mat = Mesh::rounded_box(vec3(random.range(0.16, 0.24), 0.0012, random.range(0.11, 0.16)), 0.001);
        lay(world, random, mat, material, 0.12);
    }
    for _ in 0..random.below(3) {
        let texture = pattern::sheet(random);
        let material = world.kit.matte(texture);
        lay(world, random, Mesh::rounded_box(vec3(0.085, 0.0009, 0.12), 0.0), material, 0.3);
    }
    for _ in 0..random.below(3) {
        let colour = pattern::pigment(random);
        let material = world.kit.painted(random, colour);
        let pen = Mesh::cylinder(0.0042, 0.14, 0.0015, 12).moved(vec3(0.0, -0.07, 0.0));
        lay(world, random, pen.rotated(Mat3::from_rotation_z(FRAC_PI_2)).moved(vec3(0.0, 0.0048, 0.0)), material, 0.3);
    }
    if random.chance(0.3) {
        let (ground, key) =
            random.pick([([0.14, 0.14, 0.15], [0.22, 0.22, 0.23]), ([0.7, 0.7, 0.71], [0.85, 0.85, 0.84])]);
        let texture = pattern::keys(random, ground, key, 14, 5);
        let material = world.kit.satin(texture);
        let board = Mesh::rounded_box(vec3(0.18, 0.008, 0.06), 0.004);
        let place = vec3(random.range(-0.2, 0.2), 0.008, -0.36);
        put(world, board.moved(place), material, true);
    }
}

/// Lays a flat mesh somewhere on the supporting surface, turned at random.
fn lay(world: &mut World, random: &mut Random, mesh: Mesh, material: MaterialId, spread: f32) {
    let turn = Mat3::from_rotation_y(random.range(0.0, TAU));
    let place = vec3(random.range(-spread, spread) * 1.3, 0.0011, random.range(-spread, spread));
    put(world, mesh.rotated(turn).moved(place), material, false);
}

fn garden(world: &mut World, random: &mut Random) {
    let ground = match random.below(4) {
        0 => pattern::grass(random),
        1 => {
            let (columns, rows) = random.pick([(3, 3), (4, 8), (2, 4)]);
            pattern::masonry(random, [0.60, 0.57, 0.53], [0.36, 0.35, 0.30], columns, rows, 0.5)
        }
        2 => {
            let colour = pattern::timber(random);
            pattern::wood(random, pattern::mix(colour, [0.5, 0.48, 0.45], 0.4), 6, true)
        }
        _ => pattern::speckle(random, [0.50, 0.48, 0.45], [0.72, 0.70, 0.66], 80, true),
    };
    let ground = world.kit.matte(ground);
    put(world, level(vec3(0.0, 0.0, 0.0), GROUND, GROUND).tiled(12.0, 12.0), ground, false);

    let texture = pattern::sky(random);
    let sky = world.kit.luminous(texture, 1.7);
    put(world, Mesh::rectangle(vec3(0.0, 4.0, -8.0), vec3(14.0, 0.0, 0.0), vec3(0.0, 5.0, 0.0)), sky, false);
    for s in [-1.0, 1.0] {
        let panel = Mesh::rectangle(vec3(s * 8.0, 4.0, 0.0), vec3(0.0, 0.0, s * 12.0), vec3(0.0, 5.0, 0.0));
        put(world, panel, sky, false);
    }
    let texture = match random.below(3) {
        0 => pattern::masonry(random, [0.56, 0.34, 0.27], [0.60, 0.57, 0.53], 6, 16, 0.5),
        1 => {
            let colour = pattern::timber(random);
            pattern::wood(random, colour, 8, true)
        }
        _ => pattern::grass(random),
    };
    let fence = world.kit.matte(texture);
    let fence = world.kit.blurred(fence, 1.2);
    let back = -random.range(2.0, 4.0);
    let half = vec3(5.0, random.range(0.4, 1.1), 0.15);
    put(world, upright_box(vec3(0.0, 0.0, back), half, 0.02).tiled(5.0, 1.0), fence, false);
    for s in [-1.0, 1.0] {
        let panel = upright_box(vec3(s * 4.6, 0.0, 0.0), vec3(0.15, half.y, 4.5), 0.02).tiled(5.0, 1.0);
        put(world, panel, fence, false);
    }
    let stone = pattern::speckle(random, [0.52, 0.50, 0.47], [0.3, 0.29, 0.28], 32, false);
    let stone = world.kit.matte(stone);
    for _ in 0..3 + random.below(6) {
        let angle = random.range(0.0, TAU);
        let reach = random.range(0.55, 1.8);
        let radii = vec3(random.range(0.02, 0.12), random.range(0.015, 0.06), random.range(0.02, 0.1));
        let place = vec3(angle.sin() * reach, radii.y * 0.5, -angle.cos().abs() * reach);
        world.contacts.push((place, radii.x.max(radii.z)));
        put(world, Mesh::ellipsoid(radii, 20).rotated(Mat3::from_rotation_y(angle * 3.0)).moved(place), stone, true);
    }
}
