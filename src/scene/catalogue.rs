//! The objects that lie about in a scene, each built of a few meshes: [`SceneObject::assortment`] draws from them.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use glam::{Mat3, Vec3, vec3};

use super::kit::{Kit, Piece};
use super::mesh::Mesh;
use super::pattern;
use super::random::Random;

/// Segments about round bodies, and about small round parts.
const ROUND: usize = 24;
const SMALL: usize = 12;

/// An object at rest on the xz plane, about the y axis, in metres.
pub(super) struct SceneObject {
    pub name: &'static str,
    pub pieces: Vec<Piece>,
    /// Set for balls: the radius they roll on.
    pub rolls: Option<f32>,
}

type Maker = fn(&mut Kit, &mut Random) -> SceneObject;

/// Every kind of object.
const CATALOGUE: [Maker; 26] = [
    mug, bottle, can, carton, ball, apple, pear, citrus, ring_stack, bowl, vase, tower, ring, car, duck, bear, books,
    plant, teapot, cone, jar, camera, mushroom, robot, house, bolster,
];

impl SceneObject {
    /// `count` objects of different kinds.
    pub fn assortment(kit: &mut Kit, random: &mut Random, count: usize) -> Vec<SceneObject> {
        let mut makers = CATALOGUE;
        random.shuffle(&mut makers);
        makers.iter().take(count).map(|make| make(kit, random)).collect()
    }

    /// Radius of the upright cylinder about the y axis that holds the object, and its height.
    pub fn extent(&self) -> (f32, f32) {
        let vertices = self.pieces.iter().flat_map(|(mesh, _)| &mesh.vertices);
        vertices.fold((0.0, 0.0), |(radius, height): (f32, f32), v| {
            (radius.max(v.position.x.hypot(v.position.z)), height.max(v.position.y))
        })
    }
}

fn object(name: &'static str, pieces: Vec<Piece>) -> SceneObject {
    SceneObject { name, pieces, rolls: None }
}

fn at_height(mesh: Mesh, y: f32) -> Mesh {
    mesh.moved(vec3(0.0, y, 0.0))
}

/// Segments that make a ball of a radius look round at arm's length.
fn facets(radius: f32) -> usize {
    (8 + (radius * 320.0) as usize * 2).min(ROUND)
}

/// A box standing on the plane `y = 0`.
fn block(half: Vec3, radius: f32) -> Mesh {
    at_height(Mesh::rounded_box(half, radius), half.y)
}

fn ball_at(centre: Vec3, radii: Vec3) -> Mesh {
    Mesh::ellipsoid(radii, facets(radii.x.max(radii.y))).moved(centre)
}

/// A cup's wall, outside and inside, open at the top. `outline` is the outer profile from the foot up.
fn hollow(outline: &[[f32; 2]], wall: f32, segments: usize) -> Mesh {
    let foot = outline[0];
    let mut profile = vec![[0.0, foot[1]]];
    profile.extend_from_slice(outline);
    profile.extend(outline.iter().rev().map(|&[r, y]| [(r - wall).max(0.001), y.max(foot[1] + wall)]));
    profile.push([0.0, foot[1] + wall]);
    Mesh::lathe(&profile, segments)
}

/// A handle in the xy plane, its ends on the y axis at the given height.
fn handle(reach: f32, tube: f32, y: f32) -> Mesh {
    let arc = 1.15 * PI;
    let bow = Mesh::torus(reach, tube, arc, 1.4, 14, 8).rotated(Mat3::from_rotation_y(arc / 2.0));
    at_height(bow.rotated(Mat3::from_rotation_x(FRAC_PI_2)), y)
}

fn mug(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let (r, h) = (random.range(0.036, 0.046), random.range(0.085, 0.115));
    let (foot, lip) = (random.range(0.8, 1.0), random.range(0.95, 1.08));
    let body = hollow(
        &[[r * foot * 0.9, 0.0], [r * foot, 0.004], [r * 0.99, h * 0.4], [r, h * 0.7], [r * lip, h]],
        0.004,
        ROUND,
    );
    let glaze = kit.decorated(random);
    let plain = pattern::pale(random);
    let plain = if random.chance(0.5) { glaze } else { kit.painted(random, plain) };
    let grip = handle(h * 0.28, 0.0062, h * 0.52).moved(vec3(r * 0.98, 0.0, 0.0));
    object("mug", vec![(body, glaze), (grip, plain)])
}

fn bottle(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let (r, h) = (random.range(0.028, 0.04), random.range(0.19, 0.27));
    let shoulder = random.range(0.55, 0.7) * h;
    let neck = r * random.range(0.32, 0.45);
    let body = Mesh::lathe(
        &[
            [0.0, 0.0],
            [r * 0.9, 0.0],
            [r, 0.006],
            [r, shoulder],
            [r * 0.93, shoulder + 0.02],
            [r * 0.7, shoulder + 0.04],
            [neck, shoulder + 0.065],
            [neck, h],
            [0.0, h],
        ],
        ROUND,
    );
    let cap = at_height(Mesh::cylinder(neck * 1.18, 0.02, 0.002, SMALL), h - 0.014);
    let body_material = kit.labelled(random);
    let cap_colour = pattern::pigment(random);
    object("bottle", vec![(body, body_material), (cap, kit.painted(random, cap_colour))])
}

fn can(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let (r, h) = (random.range(0.031, 0.044), random.range(0.085, 0.135));
    let body = Mesh::lathe(
        &[
            [0.0, 0.0],
            [r * 0.85, 0.0],
            [r, 0.007],
            [r, h - 0.008],
            [r * 0.9, h],
            [r * 0.86, h - 0.004],
            [0.0, h - 0.004],
        ],
        ROUND,
    );
    let top = at_height(Mesh::cylinder(r * 0.865, 0.002, 0.0005, SMALL), h - 0.0045);
    let label = kit.labelled(random);
    object("can", vec![(body, label), (top, kit.steel(random))])
}

fn carton(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let half = vec3(random.range(0.03, 0.06), random.range(0.03, 0.09), random.range(0.02, 0.05));
    let material = match random.below(4) {
        0 => {
            let texture = pattern::cardboard(random);
            kit.matte(texture)
        }
        1 => kit.wooden(random),
        2 => {
            let (a, b) = (pattern::pigment(random), pattern::pale(random));
            let n = random.pick([2, 3, 4]);
            let texture = pattern::checker(random, a, b, n);
            kit.glossy(texture)
        }
        _ => kit.labelled(random),
    };
    object("box", vec![(block(half, 0.003), material)])
}

fn ball(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let r = random.range(0.033, 0.062);
    let material = kit.decorated(random);
    let mesh = at_height(Mesh::ellipsoid(vec3(r, r, r), ROUND), r);
    SceneObject { name: "ball", pieces: vec![(mesh, material)], rolls: Some(r) }
}

fn apple(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let r = random.range(0.034, 0.043);
    let profile = [
        [0.0, 0.14],
        [0.25, 0.04],
        [0.5, 0.02],
        [0.78, 0.3],
        [0.97, 0.75],
        [1.0, 1.1],
        [0.86, 1.5],
        [0.55, 1.74],
        [0.25, 1.68],
        [0.08, 1.5],
        [0.0, 1.45],
    ];
    let (a, b) = random.pick([
        ([0.72, 0.14, 0.13], [0.80, 0.62, 0.25]),
        ([0.48, 0.62, 0.20], [0.66, 0.72, 0.32]),
        ([0.62, 0.10, 0.14], [0.50, 0.08, 0.10]),
    ]);
    let texture = pattern::skin(random, a, b);
    let peel = kit.glossy(texture);
    let body = Mesh::lathe(&profile.map(|[x, y]| [x * r, y * r]), ROUND);
    let stem = Mesh::cylinder(0.0016, 0.022, 0.0004, 8).rotated(Mat3::from_rotation_z(-0.25));
    object("apple", vec![(body, peel), (at_height(stem, 1.45 * r), kit.wooden(random))])
}

fn pear(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let r = random.range(0.034, 0.04);
    let profile = [
        [0.0, 0.06],
        [0.4, 0.0],
        [0.8, 0.3],
        [1.0, 0.85],
        [0.93, 1.35],
        [0.68, 1.8],
        [0.48, 2.2],
        [0.42, 2.5],
        [0.28, 2.68],
        [0.0, 2.66],
    ];
    let texture = pattern::skin(random, [0.68, 0.68, 0.26], [0.76, 0.60, 0.28]);
    let peel = kit.satin(texture);
    let body = Mesh::lathe(&profile.map(|[x, y]| [x * r, y * r]), ROUND);
    let stem = at_height(Mesh::cylinder(0.0018, 0.02, 0.0004, 8).rotated(Mat3::from_rotation_z(0.3)), 2.6 * r);
    object("pear", vec![(body, peel), (stem, kit.wooden(random))])
}

fn citrus(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let r = random.range(0.032, 0.042);
    let lemon = random.chance(0.4);
    let colour = if lemon { [0.90, 0.78, 0.24] } else { [0.90, 0.52, 0.13] };
    let texture = pattern::speckle(random, colour, pattern::shade(colour, 0.82), 56, false);
    let peel = kit.glossy(texture);
    if lemon {
        let profile =
            [[0.0, -1.45], [0.14, -1.3], [0.5, -1.0], [0.9, -0.4], [0.95, 0.2], [0.7, 0.8], [0.2, 1.25], [0.0, 1.35]];
        let body = Mesh::lathe(&profile.map(|[x, y]| [x * r * 0.8, y * r * 0.8]), ROUND);
        let lying = at_height(body.rotated(Mat3::from_rotation_z(FRAC_PI_2)), r * 0.76);
        return object("lemon", vec![(lying, peel)]);
    }
    let mesh = at_height(Mesh::ellipsoid(vec3(r, r * 0.96, r), ROUND), r * 0.96);
    SceneObject { name: "orange", pieces: vec![(mesh, peel)], rolls: Some(r) }
}

fn ring_stack(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let base = kit.wooden(random);
    let mut pieces = vec![
        (Mesh::cylinder(0.045, 0.014, 0.004, ROUND), base),
        (at_height(Mesh::cylinder(0.007, 0.12, 0.003, SMALL), 0.01), base),
    ];
    let (count, hue) = (random.pick([3, 4, 5]), random.unit());
    let tube = 0.088 / (2.0 * count as f32);
    for i in 0..count {
        let ring = 0.040 - 0.022 * i as f32 / count as f32 - tube * 0.6;
        let colour = pattern::hsv(hue + i as f32 * 0.21, random.range(0.4, 0.7), random.range(0.5, 0.8));
        let mesh = Mesh::torus(ring, tube, TAU, 1.0, 24, 10);
        pieces.push((at_height(mesh, 0.014 + tube * (1.0 + 2.0 * i as f32)), kit.painted(random, colour)));
    }
    let knob = pattern::hsv(hue + 0.5, 0.5, 0.7);
    pieces.push((ball_at(vec3(0.0, 0.134, 0.0), vec3(0.015, 0.015, 0.015)), kit.painted(random, knob)));
    object("ring stacker", pieces)
}

fn bowl(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let (r, h) = (random.range(0.05, 0.078), random.range(0.04, 0.06));
    let outline = [[r * 0.42, 0.0], [r * 0.45, 0.006], [r * 0.7, h * 0.25], [r * 0.9, h * 0.6], [r, h]];
    let material = kit.decorated(random);
    object("bowl", vec![(hollow(&outline, 0.004, ROUND), material)])
}

fn vase(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let (r, h) = (random.range(0.034, 0.05), random.range(0.13, 0.21));
    let (belly, neck, lip) = (random.range(0.9, 1.1), random.range(0.35, 0.6), random.range(0.5, 0.8));
    let outline = [
        [r * 0.55, 0.0],
        [r * 0.7, h * 0.06],
        [r * belly * 0.95, h * 0.24],
        [r * belly, h * 0.4],
        [r * 0.8, h * 0.6],
        [r * neck, h * 0.8],
        [r * neck, h * 0.9],
        [r * lip, h],
    ];
    let material = kit.decorated(random);
    object("vase", vec![(hollow(&outline, 0.004, ROUND), material)])
}

/// Toy blocks on top of each other.
fn tower(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let mut pieces = Vec::new();
    let (mut y, count) = (0.0, random.pick([2, 3, 4]));
    for _ in 0..count {
        let half = vec3(random.range(0.02, 0.032), random.range(0.014, 0.026), random.range(0.02, 0.032));
        let turn = Mat3::from_rotation_y(random.range(-0.6, 0.6));
        let colour = pattern::pigment(random);
        let material = if random.chance(0.3) { kit.wooden(random) } else { kit.painted(random, colour) };
        pieces.push((at_height(block(half, 0.002).rotated(turn), y), material));
        y += 2.0 * half.y;
    }
    if random.chance(0.6) {
        let tip = Mesh::lathe(&[[0.0, 0.0], [0.024, 0.0], [0.002, 0.045], [0.0, 0.046]], ROUND);
        let colour = pattern::pigment(random);
        pieces.push((at_height(tip, y), kit.painted(random, colour)));
    }
    object("block tower", pieces)
}

fn ring(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let (ring, tube) = (random.range(0.036, 0.05), random.range(0.012, 0.021));
    let material = kit.decorated(random);
    let mesh = Mesh::torus(ring, tube, TAU, 1.0, 32, 12).tiled(2.0, 1.0);
    if random.chance(0.5) {
        let standing = mesh.rotated(Mat3::from_rotation_x(FRAC_PI_2 - 0.12));
        return object("standing ring", vec![(at_height(standing, ring + tube), material)]);
    }
    object("ring", vec![(at_height(mesh, tube), material)])
}

fn car(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let colour = pattern::pigment(random);
    let body = kit.painted(random, colour);
    let (tyre, cabin) = (kit.painted(random, [0.13, 0.13, 0.14]), kit.painted(random, [0.25, 0.3, 0.35]));
    let hub = kit.steel(random);
    let length = random.range(0.055, 0.072);
    let mut pieces = vec![
        (at_height(Mesh::rounded_box(vec3(length, 0.014, 0.027), 0.007), 0.028), body),
        (at_height(Mesh::rounded_box(vec3(length * 0.52, 0.014, 0.023), 0.009), 0.050), cabin),
        (at_height(Mesh::rounded_box(vec3(length * 0.45, 0.003, 0.021), 0.003), 0.065), body),
    ];
    for (x, z) in [(-0.6, -1.0), (-0.6, 1.0), (0.6, -1.0), (0.6, 1.0)] {
        let upright = Mat3::from_rotation_x(FRAC_PI_2);
        let place = vec3(x * length, 0.016, z * 0.026);
        let turned = |mesh: Mesh, height: f32| mesh.moved(vec3(0.0, -height / 2.0, 0.0)).rotated(upright).moved(place);
        pieces.push((turned(Mesh::cylinder(0.016, 0.012, 0.003, 20), 0.012), tyre));
        pieces.push((turned(Mesh::cylinder(0.008, 0.0145, 0.002, 12), 0.0145), hub));
    }
    object("toy car", pieces)
}

fn duck(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let colour = random.pick([[0.90, 0.74, 0.18], [0.88, 0.86, 0.80], [0.45, 0.62, 0.75], [0.82, 0.5, 0.55]]);
    let k = random.range(0.8, 1.15);
    let rubber = pattern::paint(random, colour);
    let (body, beak, eye) =
        (kit.glossy(rubber), kit.painted(random, [0.85, 0.42, 0.12]), kit.painted(random, [0.07, 0.07, 0.08]));
    let ball = |x: f32, y: f32, z: f32, rx: f32, ry: f32, rz: f32| {
        Mesh::ellipsoid(vec3(rx, ry, rz), facets(rx.max(ry))).moved(vec3(x, y, z)).scaled(vec3(k, k, k))
    };
    let wing = |z: f32| ball(-0.008, 0.036, z, 0.026, 0.014, 0.008);
    object(
        "duck",
        vec![
            (ball(0.0, 0.031, 0.0, 0.048, 0.031, 0.034), body),
            (ball(-0.042, 0.045, 0.0, 0.018, 0.011, 0.016), body),
            (ball(0.026, 0.073, 0.0, 0.025, 0.025, 0.024), body),
            (wing(0.031), body),
            (wing(-0.031), body),
            (ball(0.054, 0.069, 0.0, 0.013, 0.005, 0.011), beak),
            (ball(0.043, 0.082, 0.014, 0.005, 0.005, 0.004), eye),
            (ball(0.043, 0.082, -0.014, 0.005, 0.005, 0.004), eye),
        ],
    )
}

fn bear(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let colour = random.pick([[0.55, 0.38, 0.24], [0.72, 0.58, 0.42], [0.62, 0.60, 0.58], [0.40, 0.28, 0.22]]);
    let (fur, pale) =
        (pattern::plush(random, colour), pattern::plush(random, pattern::mix(colour, [0.9, 0.85, 0.75], 0.6)));
    let (fur, pale) = (kit.matte(fur), kit.matte(pale));
    let black = kit.painted(random, [0.08, 0.07, 0.07]);
    let k = random.range(0.85, 1.2);
    let ball = |x: f32, y: f32, z: f32, rx: f32, ry: f32, rz: f32| {
        Mesh::ellipsoid(vec3(rx, ry, rz), facets(rx.max(ry))).moved(vec3(x, y, z)).scaled(vec3(k, k, k))
    };
    let mut pieces = vec![
        (ball(0.0, 0.046, 0.0, 0.038, 0.046, 0.033), fur),
        (ball(0.0, 0.112, 0.0, 0.034, 0.031, 0.031), fur),
        (ball(0.0, 0.103, 0.028, 0.015, 0.012, 0.013), pale),
        (ball(0.0, 0.108, 0.041, 0.005, 0.004, 0.003), black),
        (ball(0.0, 0.046, 0.026, 0.024, 0.03, 0.012), pale),
    ];
    for side in [-1.0, 1.0] {
        pieces.push((ball(side * 0.027, 0.138, 0.0, 0.013, 0.013, 0.008), fur));
        pieces.push((ball(side * 0.041, 0.064, 0.012, 0.014, 0.027, 0.014), fur));
        pieces.push((ball(side * 0.026, 0.014, 0.035, 0.016, 0.014, 0.027), fur));
        pieces.push((ball(side * 0.013, 0.118, 0.029, 0.004, 0.004, 0.003), black));
    }
    object("bear", pieces)
}

fn books(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let texture = pattern::pages(random);
    let paper = kit.matte(texture);
    let (mut pieces, mut y) = (Vec::new(), 0.0);
    for _ in 0..random.pick([1, 2, 3]) {
        let (w, d, t) = (random.range(0.055, 0.085), random.range(0.04, 0.058), random.range(0.008, 0.016));
        let turn = Mat3::from_rotation_y(random.range(-0.4, 0.4));
        let cover = kit.labelled(random);
        let board = |y: f32| at_height(block(vec3(w, 0.0015, d), 0.001), y);
        let spine = Mesh::rounded_box(vec3(0.0016, t, d), 0.001).moved(vec3(-w, t, 0.0));
        for (mesh, material) in [
            (board(0.0), cover),
            (board(2.0 * t - 0.003), cover),
            (spine, cover),
            (Mesh::rounded_box(vec3(w - 0.003, t - 0.002, d - 0.003), 0.0).moved(vec3(-0.001, t, 0.0)), paper),
        ] {
            pieces.push((at_height(mesh.rotated(turn), y), material));
        }
        y += 2.0 * t;
    }
    object("books", pieces)
}

fn plant(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let (r, h) = (random.range(0.032, 0.045), random.range(0.05, 0.075));
    let clay = random.chance(0.5);
    let pot = if clay {
        let texture = pattern::speckle(random, [0.70, 0.40, 0.28], [0.55, 0.30, 0.20], 40, false);
        kit.matte(texture)
    } else {
        kit.decorated(random)
    };
    let outline = [[r * 0.7, 0.0], [r * 0.95, h * 0.8], [r * 1.08, h * 0.8], [r * 1.08, h]];
    let earth = pattern::speckle(random, [0.22, 0.16, 0.12], [0.4, 0.32, 0.25], 32, false);
    let mut pieces = vec![
        (hollow(&outline, 0.004, 28), pot),
        (at_height(Mesh::cylinder(r * 0.98, 0.004, 0.001, 20), h * 0.82), kit.matte(earth)),
    ];
    let green = pattern::hsv(random.range(0.22, 0.38), random.range(0.4, 0.65), random.range(0.32, 0.58));
    let texture = pattern::skin(random, green, pattern::shade(green, 1.3));
    let leaf = kit.satin(texture);
    let (count, length) = (7 + random.below(5), random.range(0.035, 0.06));
    for i in 0..count {
        let (lean, turn) = (random.range(0.2, 1.15), TAU * (i as f32 + random.unit() * 0.5) / count as f32);
        let l = length * random.range(0.75, 1.2);
        let blade = Mesh::ellipsoid(vec3(l * 0.30, l, 0.0022), 8).moved(vec3(0.0, l * 0.95, 0.0));
        let placed = blade.rotated(Mat3::from_rotation_x(lean)).rotated(Mat3::from_rotation_y(turn));
        pieces.push((at_height(placed, h * 0.82), leaf));
    }
    object("potted plant", pieces)
}

fn teapot(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let r = random.range(0.045, 0.058);
    let glaze = kit.decorated(random);
    let profile = [
        [0.0, 0.0],
        [0.6, 0.0],
        [0.68, 0.06],
        [0.95, 0.4],
        [1.0, 0.75],
        [0.86, 1.12],
        [0.55, 1.3],
        [0.45, 1.36],
        [0.2, 1.42],
        [0.0, 1.43],
    ];
    let body = Mesh::lathe(&profile.map(|[x, y]| [x * r, y * r]), ROUND);
    let spout = Mesh::lathe(
        &[[0.0, 0.0], [0.30, 0.0], [0.20, 0.5], [0.13, 0.95], [0.0, 0.95]].map(|[x, y]| [x * r, y * r]),
        16,
    )
    .rotated(Mat3::from_rotation_z(-0.85))
    .moved(vec3(0.78 * r, 0.5 * r, 0.0));
    let grip =
        handle(r * 0.48, r * 0.085, r * 0.75).rotated(Mat3::from_rotation_y(PI)).moved(vec3(-0.92 * r, 0.0, 0.0));
    let knob = ball_at(vec3(0.0, 1.53 * r, 0.0), vec3(0.14 * r, 0.13 * r, 0.14 * r));
    object("teapot", vec![(body, glaze), (spout, glaze), (grip, glaze), (knob, glaze)])
}

fn cone(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let (r, h) = (random.range(0.034, 0.046), random.range(0.10, 0.16));
    let (a, b) = (pattern::pigment(random), pattern::pale(random));
    let texture = pattern::bands(random, [a, b, a]);
    let (skin, base) = (kit.satin(texture), kit.painted(random, pattern::shade(a, 0.6)));
    let hull = Mesh::lathe(&[[0.0, 0.0], [r, 0.0], [r * 0.12, h], [r * 0.09, h + 0.003], [0.0, h + 0.004]], ROUND);
    object("cone", vec![(block(vec3(r * 1.2, 0.004, r * 1.2), 0.003), base), (at_height(hull, 0.008), skin)])
}

fn jar(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let (r, h) = (random.range(0.034, 0.048), random.range(0.07, 0.12));
    let body = Mesh::lathe(
        &[[0.0, 0.0], [r * 0.92, 0.0], [r, 0.008], [r, h * 0.82], [r * 0.9, h * 0.95], [r * 0.86, h], [0.0, h]],
        ROUND,
    );
    let lid = at_height(Mesh::cylinder(r * 0.93, 0.018, 0.003, ROUND), h - 0.002);
    let contents = if random.chance(0.6) { kit.labelled(random) } else { kit.decorated(random) };
    let top = if random.chance(0.5) { kit.steel(random) } else { kit.wooden(random) };
    object("jar", vec![(body, contents), (lid, top)])
}

fn camera(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let colour = if random.chance(0.6) { [0.16, 0.16, 0.17] } else { pattern::pigment(random) };
    let leather = pattern::speckle(random, colour, pattern::shade(colour, 1.5), 96, false);
    let (body, metal, glass) = (kit.satin(leather), kit.steel(random), kit.painted(random, [0.08, 0.09, 0.14]));
    let facing = |mesh: Mesh, z: f32| mesh.rotated(Mat3::from_rotation_x(FRAC_PI_2)).moved(vec3(0.006, 0.036, z));
    object(
        "camera",
        vec![
            (block(vec3(0.058, 0.032, 0.019), 0.005), body),
            (at_height(Mesh::rounded_box(vec3(0.058, 0.006, 0.0185), 0.003), 0.069), metal),
            (at_height(Mesh::rounded_box(vec3(0.017, 0.007, 0.016), 0.004), 0.079), metal),
            (facing(Mesh::cylinder(0.026, 0.026, 0.003, 20), 0.017), metal),
            (facing(Mesh::cylinder(0.021, 0.028, 0.006, 20), 0.017), glass),
            (Mesh::cylinder(0.007, 0.006, 0.001, 14).moved(vec3(-0.04, 0.074, 0.0)), metal),
        ],
    )
}

fn mushroom(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let (r, h) = (random.range(0.038, 0.052), random.range(0.055, 0.085));
    let (a, b) = (pattern::pigment(random), pattern::pale(random));
    let texture = pattern::fabric(random, pattern::Weave::Dots, a, b, 6, false);
    let (cap, stem) = (kit.glossy(texture), kit.painted(random, b));
    let stalk = [[0.0, 0.0], [r * 0.48, 0.0], [r * 0.4, h * 0.2], [r * 0.3, h], [0.0, h]];
    let hood = [[0.0, 0.08], [0.9, 0.0], [1.0, 0.1], [0.92, 0.42], [0.65, 0.72], [0.3, 0.88], [0.0, 0.92]];
    let hood = Mesh::lathe(&hood.map(|[x, y]| [x * r, y * r]), ROUND);
    object("mushroom", vec![(Mesh::lathe(&stalk, 24), stem), (at_height(hood, h * 0.85), cap)])
}

fn robot(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let (a, b) = (pattern::pigment(random), pattern::pigment(random));
    let (body, trim) = (kit.painted(random, a), kit.painted(random, b));
    let (eye, panel) = (kit.painted(random, [0.9, 0.88, 0.7]), pattern::keys(random, pattern::shade(a, 0.6), b, 4, 3));
    let panel = kit.glossy(panel);
    let part = |x: f32, y: f32, z: f32, half: Vec3| Mesh::rounded_box(half, 0.003).moved(vec3(x, y, z));
    let mut pieces = vec![
        (part(0.0, 0.062, 0.0, vec3(0.026, 0.03, 0.018)), body),
        (part(0.0, 0.064, 0.018, vec3(0.018, 0.017, 0.0015)), panel),
        (part(0.0, 0.112, 0.0, vec3(0.02, 0.017, 0.016)), trim),
        (at_height(Mesh::cylinder(0.002, 0.02, 0.0005, 8), 0.127), body),
        (ball_at(vec3(0.0, 0.149, 0.0), vec3(0.005, 0.005, 0.005)), trim),
    ];
    for side in [-1.0, 1.0] {
        pieces.push((part(side * 0.014, 0.017, 0.004, vec3(0.009, 0.017, 0.014)), trim));
        pieces.push((part(side * 0.034, 0.062, 0.0, vec3(0.006, 0.024, 0.008)), trim));
        pieces.push((ball_at(vec3(side * 0.009, 0.115, 0.015), vec3(0.005, 0.005, 0.004)), eye));
    }
    object("robot", pieces)
}

fn house(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let (w, h, d) = (random.range(0.032, 0.045), random.range(0.028, 0.04), random.range(0.026, 0.038));
    let (wall, roof, door) = (pattern::pale(random), pattern::pigment(random), pattern::pigment(random));
    let tiles = pattern::masonry(random, roof, pattern::shade(roof, 0.5), 8, 8, 0.5);
    let (walls, roof) = (kit.painted(random, wall), kit.satin(tiles));
    let (door, glass) = (kit.painted(random, door), kit.painted(random, [0.25, 0.33, 0.42]));
    let panel = |x: f32, y: f32, half: Vec3| Mesh::rounded_box(half, 0.001).moved(vec3(x, y, d));
    object(
        "toy house",
        vec![
            (block(vec3(w, h, d), 0.001), walls),
            (at_height(Mesh::gable(w * 1.2, h * 1.1, d * 1.15), 2.0 * h), roof),
            (block(vec3(0.006, h * 0.45, 0.006), 0.001).moved(vec3(w * 0.5, 2.5 * h, 0.0)), walls),
            (panel(-w * 0.4, h * 0.6, vec3(w * 0.24, h * 0.6, 0.0015)), door),
            (panel(w * 0.45, h * 1.1, vec3(w * 0.25, h * 0.35, 0.0015)), glass),
        ],
    )
}

/// A stuffed or wooden roll lying on its side.
fn bolster(kit: &mut Kit, random: &mut Random) -> SceneObject {
    let (r, l) = (random.range(0.024, 0.036), random.range(0.08, 0.13));
    let material = if random.chance(0.5) { kit.cloth(random, 6, false) } else { kit.decorated(random) };
    let roll =
        Mesh::cylinder(r, l, r * 0.35, ROUND).moved(vec3(0.0, -l / 2.0, 0.0)).rotated(Mat3::from_rotation_z(FRAC_PI_2));
    object("roll", vec![(at_height(roll, r), material)])
}
