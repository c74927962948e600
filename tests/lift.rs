//! Masks in space, against worlds that are known by formulas.

#[path = "lift/world.rs"]
mod world;

use foveate::lift::{LiftConfig, lift};

use foveate::scene::Random;
use glam::{Vec3, vec3};

use world::{LENS, Shape, World, camera};

/// The middle of three or more numbers.
fn median(values: &mut [f32]) -> f32 {
    values.sort_unstable_by(f32::total_cmp);
    values[values.len() / 2]
}

/// Height above the table, and the sides of the least rectangle around the visible points as seen from above, the shorter first:
/// by trying every quarter of a degree.
fn naive_box(world: &World, points: &[Vec3]) -> [f32; 3] {
    let placed: Vec<Vec3> = points.iter().map(|p| world.pose.to_world(*p)).collect();
    let top = placed.iter().map(|p| p.y).fold(0.0, f32::max);
    let sides = (0..360).map(|step| {
        let (sin, cos) = (step as f32 / 4.0).to_radians().sin_cos();
        let span = |of: &dyn Fn(&Vec3) -> f32| {
            let (low, high) = placed.iter().map(of).fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(v), h.max(v)));
            high - low
        };
        (span(&|p| p.x * cos + p.z * sin), span(&|p| p.z * cos - p.x * sin))
    });
    let (a, b) = sides.min_by(|a, b| (a.0 * a.1).total_cmp(&(b.0 * b.1))).unwrap();
    [a.min(b), a.max(b), top]
}

/// 200 objects at a metre, with noise, holes, mixtures at edges and masks that are off by up to two pixels.
#[test]
fn objects_at_a_metre_are_where_and_as_large_as_they_are() {
    let mut random = Random::new(7, 0);
    let (mut off, mut sizes, mut worst, mut full) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut centers_within, mut sizes_within, mut widths) = (0, 0, Vec::new());
    for number in 0..200 {
        let shape = Shape::random(&mut random, number);
        let aim = vec3(random.range(-0.1, 0.1), shape.height() / 2.0, random.range(-0.1, 0.1));
        let pose = camera(1.0, random.range(0.4, 0.95), random.range(0.0, 6.2), aim);
        let world = World { shape, pose };
        let (depth, mask) = (world.sensed(&mut random), world.segmented(&mut random));
        let found = lift(&mask, &depth, &LENS, None, &LiftConfig::default()).unwrap().measures;
        let surface = world.surface();
        let truth = surface.iter().sum::<Vec3>() / surface.len() as f32;
        let error = found.centroid - truth;
        off.push(error.length());
        centers_within += (0..3).filter(|&i| error[i].abs() <= 2.0 * found.centroid_sigma[i]).count();
        let expected = naive_box(&world, &surface);
        let size = found.bbox.size;
        let measured = [size.x.min(size.y), size.x.max(size.y), size.z];
        let errors: [f32; 3] = std::array::from_fn(|i| (measured[i] / expected[i] - 1.0).abs());
        if std::env::var_os("LIFT_VERBOSE").is_some() {
            println!(
                "{number} {shape:?} support {} off {:.4} measured {measured:.3?} expected {expected:.3?} points {} cov {:.2}",
                found.support.is_some(),
                error.length(),
                found.points,
                found.coverage
            );
        }
        sizes.extend(errors);
        sizes_within += (0..3).filter(|&i| (measured[i] - expected[i]).abs() <= 2.0 * found.size_sigma[i]).count();
        worst.push(errors.into_iter().fold(0.0, f32::max));
        let known = match shape {
            Shape::Sphere { radius } => radius * 2.0,
            Shape::Block { half, .. } => half.x.min(half.z) * 2.0,
            Shape::Cylinder { radius, .. } => radius * 2.0,
        };
        full.push((measured[0] / known - 1.0).abs());
        if !found.grasp.is_hidden {
            widths.push((found.grasp.width / known - 1.0).abs());
        }
    }
    let within = |count: usize| count as f32 / 600.0;
    let (seen, [center, size, largest, full, width]) =
        (widths.len(), [&mut off, &mut sizes, &mut worst, &mut full, &mut widths].map(|values| median(values)));
    println!(
        "200 objects at 1 m, medians: centroid off by {:.1} mm, a side by {:.1} %, the worst of three sides by {:.1} %; within two \
         sigmas {:.0} % of the coordinates and {:.0} % of the sides; against the whole object: shorter side {:.1} %, grasp width {:.1} % \
         where both sides are seen ({seen})",
        center * 1e3,
        size * 100.0,
        largest * 100.0,
        within(centers_within) * 100.0,
        within(sizes_within) * 100.0,
        full * 100.0,
        width * 100.0
    );
    assert!(center < 0.01, "centroid off by {center} m");
    assert!(largest < 0.05, "sizes off by {largest}");
}
