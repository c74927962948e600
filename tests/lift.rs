//! Masks in space, against worlds that are known by formulas.

#[path = "lift/world.rs"]
mod world;

use foveate::Error;
use foveate::error::LiftError;
use foveate::geometry::{Intrinsics, Point, Size};
use foveate::lift::{DepthMap, LiftConfig, Texture, VoxelMap, lift, mesh, texture, write_glb, write_ply};
use foveate::mask::Mask;
use foveate::scene::{Random, Rendering, Scene};
use glam::{Vec3, vec3};
use proptest::prelude::*;

use world::{LENS, Shape, World, camera};

/// The middle of three or more numbers.
fn median(values: &mut [f32]) -> f32 {
    values.sort_unstable_by(f32::total_cmp);
    values[values.len() / 2]
}

/// Height above the table, and the sides of the least rectangle around the visible points as seen from above, the shorter first:
/// by trying every degree.
fn naive_box(world: &World, points: &[Vec3]) -> [f32; 3] {
    let placed: Vec<Vec3> = points.iter().map(|p| world.pose.to_world(*p)).collect();
    let top = placed.iter().map(|p| p.y).fold(0.0, f32::max);
    let sides = (0..90).map(|degrees| {
        let (sin, cos) = (degrees as f32).to_radians().sin_cos();
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
    assert!(size < 0.05, "sides off by {size}");
    assert!(largest < 0.08, "the worst sides off by {largest}");
}

/// Many frames of a camera that goes round the object: each adds what the others do not see.
#[test]
fn a_moving_camera_sees_the_whole_object() {
    let mut random = Random::new(3, 1);
    let shape = Shape::Block { half: vec3(0.06, 0.05, 0.04), yaw: 0.4 };
    let mut map = VoxelMap::new(VoxelMap::DEFAULT_SIDE, VoxelMap::DEFAULT_LIMIT);
    let mut spread = Vec::new();
    for number in 0..12 {
        let pose = camera(1.0, 0.6, number as f32 * 0.52, vec3(0.0, 0.04, 0.0));
        let world = World { shape, pose };
        let depth = world.sensed(&mut random);
        let found = lift(&world.segmented(&mut random), &depth, &LENS, None, &LiftConfig::default()).unwrap();
        map.add(&found, &pose);
        if number == 0 {
            spread = map.points().iter().map(|p| p.sigma).collect();
        }
    }
    let found = map.measures().unwrap();
    let size = found.bbox.size;
    let sides = [size.x.min(size.y), size.x.max(size.y), size.z];
    println!("12 frames around a block of 80 x 120 x 100 mm: {sides:.3?} m, centre {:?}", found.bbox.center);
    for (side, known) in sides.into_iter().zip([0.08, 0.12, 0.1]) {
        assert!((side / known - 1.0).abs() < 0.08, "{sides:?}");
    }
    assert!(found.bbox.center.distance(vec3(0.0, 0.05, 0.0)) < 0.008, "{:?}", found.bbox.center);
    let after: Vec<f32> = map.points().iter().map(|p| p.sigma).collect();
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
    assert!(mean(&after) < mean(&spread), "more frames are surer");
    assert!(map.len() <= VoxelMap::DEFAULT_LIMIT);
}

/// The rendered scene knows its depth: what is lifted are its own points.
#[test]
fn the_scenes_own_objects_are_lifted_to_their_points() {
    let size = Size::new(320, 240);
    let scene = Scene::new(4, size);
    let (lens, mut rendering) = (scene.intrinsics(), Rendering::default());
    scene.render(1.0, &mut rendering);
    let depth = DepthMap::new(size, rendering.depth.clone()).unwrap();
    let mut lifted = 0;
    for object in scene.objects() {
        let mask = Mask::from_fn(size, |x, y| rendering.ids[(y * size.width + x) as usize] == object.id);
        if mask.area() < 400 {
            continue;
        }
        let found = lift(&mask, &depth, &lens, Some(&rendering.rgb), &LiftConfig::default()).unwrap();
        // The same by hand: every pixel of the object.
        let pixels = (0..size.area()).filter(|&i| mask.data()[i] != 0);
        let naive: Vec<Vec3> = pixels
            .map(|i| {
                let at = Point::new((i % 320) as f32 + 0.5, (i / 320) as f32 + 0.5);
                let ray = Vec3::from_array(lens.ray(at));
                ray * (rendering.depth[i] / ray.z)
            })
            .collect();
        let truth = naive.iter().sum::<Vec3>() / naive.len() as f32;
        assert!(found.measures.centroid.distance(truth) < 0.01, "{}: {:?} of {truth}", object.name, found.measures);
        assert!(found.measures.coverage > 0.6, "{}: {:?}", object.name, found.measures);
        for point in &found.points {
            let i = (point.pixel.1 * 320 + point.pixel.0) as usize;
            assert!((point.position.z - rendering.depth[i]).abs() < 0.01);
            assert_eq!(point.color[..], rendering.rgb[i * 3..][..3]);
            let again = lens.project(point.position.x, point.position.y, point.position.z);
            let centre = Point::new(point.pixel.0 as f32 + 0.5, point.pixel.1 as f32 + 0.5);
            assert!(again.distance(centre) < 1e-2, "{again:?} of {centre:?}");
            assert!(point.normal.dot(point.position) < 0.0 && (point.normal.length() - 1.0).abs() < 1e-4);
            assert!(found.measures.bbox.contains(point.position, 0.012), "{}: {point:?}", object.name);
        }
        lifted += 1;
    }
    assert!(lifted >= 2, "{lifted} objects");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A plane in any direction: each point lies on it, each normal is its own, and the box is as thin as noise.
    #[test]
    fn a_plane_has_its_own_normals(x in -0.9f32..0.9, y in -0.9f32..0.9, z in 0.5f32..2.0) {
        let size = Size::new(64, 48);
        let lens = Intrinsics { fx: 80.0, fy: 82.0, cx: 32.0, cy: 24.0 };
        let normal = vec3(x, y, -1.0).normalize();
        let offset = normal.dot(vec3(0.0, 0.0, z));
        let depth = (0..size.area()).map(|i| {
            let ray = vec3(((i % 64) as f32 + 0.5 - lens.cx) / lens.fx, ((i / 64) as f32 + 0.5 - lens.cy) / lens.fy, 1.0);
            offset / normal.dot(ray)
        });
        let depth = DepthMap::new(size, depth.collect()).unwrap();
        let mask = Mask::from_fn(size, |x, y| (16..48).contains(&x) && (12..36).contains(&y));
        let found = lift(&mask, &depth, &lens, None, &LiftConfig::default()).unwrap();
        prop_assert!(found.points.len() > 600, "{}", found.points.len());
        for point in &found.points {
            prop_assert!(point.normal.dot(normal) > 0.9999, "{} of {normal}", point.normal);
            prop_assert!((normal.dot(point.position) - offset).abs() < 1e-4);
        }
        prop_assert!(found.measures.bbox.size.min_element() < 0.02, "{:?}", found.measures.bbox);
    }

    /// Hostile depth gives points or a refusal, never a number that is none.
    #[test]
    fn any_depth_gives_points_or_a_refusal(seed in any::<u64>(), share in 0u32..101) {
        let mut random = Random::new(seed, 9);
        let size = Size::new(24, 20);
        let depth = (0..size.area()).map(|_| match random.below(100) as u32 {
            n if n < share => random.range(0.2, 6.0),
            n if n % 3 == 0 => f32::NAN,
            n if n % 3 == 1 => 0.0,
            _ => 1.0,
        });
        let depth = DepthMap::new(size, depth.collect()).unwrap();
        let mask = Mask::from_fn(size, |_, _| random.chance(0.6));
        let lens = Intrinsics { fx: 30.0, fy: 30.0, cx: 12.0, cy: 10.0 };
        match lift(&mask, &depth, &lens, None, &LiftConfig::default()) {
            Err(Error::Lift(LiftError::TooFewPoints { .. } | LiftError::EmptyMask)) => {}
            Err(other) => prop_assert!(false, "{other}"),
            Ok(found) => {
                let text = serde_json::to_string(&found.measures).unwrap();
                let nulls = text.matches("null").count() - usize::from(found.measures.support.is_none());
                prop_assert_eq!(nulls, 0, "{}", text);
                prop_assert!(found.points.iter().all(|p| p.position.is_finite() && p.normal.is_finite()));
            }
        }
    }
}

#[test]
fn what_cannot_be_lifted_is_refused_by_its_cause() {
    let size = Size::new(40, 30);
    let flat = |z: f32| DepthMap::new(size, vec![z; size.area()]).unwrap();
    let lens = Intrinsics { fx: 50.0, fy: 50.0, cx: 20.0, cy: 15.0 };
    let disc = Mask::from_fn(size, |x, y| (x as f32 - 20.0).hypot(y as f32 - 15.0) < 9.0);
    let refused = |mask: &Mask, depth: &DepthMap, lens: &Intrinsics| {
        lift(mask, depth, lens, None, &LiftConfig::default()).unwrap_err().to_string()
    };
    let few = Mask::from_fn(size, |x, y| x < 4 && y < 4);
    for (message, says) in [
        (refused(&disc, &flat(0.0), &lens), "0 of the mask's"),
        (refused(&few, &flat(1.0), &lens), "30 are needed"),
        (refused(&Mask::new(size), &flat(1.0), &lens), "empty"),
        (refused(&Mask::new(Size::new(4, 4)), &flat(1.0), &lens), "40x30"),
        (refused(&disc, &flat(1.0), &Intrinsics { fx: 0.0, ..lens }), "focal"),
        (refused(&disc, &flat(1.0), &Intrinsics { cy: f32::NAN, ..lens }), "finite"),
    ] {
        assert!(message.contains(says), "{message}");
    }
}

/// What a file of points and one of a surface hold, read by the letter of their formats.
#[test]
fn files_hold_the_points_and_the_surface() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random::new(5, 2);
    let world = World {
        shape: Shape::Block { half: vec3(0.05, 0.04, 0.03), yaw: 0.7 },
        pose: camera(0.9, 0.7, 0.3, vec3(0.0, 0.04, 0.0)),
    };
    let (depth, mask) = (world.sensed(&mut random), world.mask());
    let rgb: Vec<u8> = (0..world::SIZE.area() * 3).map(|i| (i % 251) as u8).collect();
    let config = LiftConfig::default();
    let found = lift(&mask, &depth, &LENS, Some(&rgb), &config).unwrap();

    let path = dir.path().join("a.ply");
    write_ply(&path, &found.points, "camera frame").unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let end = bytes.windows(11).position(|w| w == b"end_header\n").unwrap() + 11;
    let header = std::str::from_utf8(&bytes[..end]).unwrap();
    assert!(header.starts_with("ply\nformat binary_little_endian 1.0\n"), "{header}");
    assert!(header.contains(&format!("element vertex {}\n", found.points.len())), "{header}");
    let rows: Vec<&[u8]> = bytes[end..].chunks(31).collect();
    assert_eq!((rows.len(), rows.last().unwrap().len()), (found.points.len(), 31));
    let float = |bytes: &[u8], at: usize| f32::from_le_bytes(bytes[at * 4..at * 4 + 4].try_into().unwrap());
    for (row, point) in rows.iter().zip(&found.points) {
        assert_eq!(vec3(float(row, 0), float(row, 1), float(row, 2)), point.position);
        assert_eq!(vec3(float(row, 3), float(row, 4), float(row, 5)), point.normal);
        assert_eq!((&row[24..27], float(&row[27..], 0)), (&point.color[..], point.sigma));
    }

    let surface = mesh(&found.points, world::SIZE, &LENS, &config.noise);
    assert!(surface.triangles.len() > found.points.len(), "{} triangles", surface.triangles.len());
    for triangle in &surface.triangles {
        let [a, b, c] = triangle.map(|i| surface.positions[i as usize]);
        // Counter-clockwise as the camera sees it: x right, y down, z forward.
        assert!((b - a).cross(c - a).dot(a) < 0.0, "{triangle:?}");
        assert!(a.distance(b) < 0.05 && b.distance(c) < 0.05);
    }
    let picture = texture(&rgb, world::SIZE, surface.region).unwrap();
    let path = dir.path().join("a.glb");
    write_glb(&path, &surface, Texture { bytes: &picture, mime: "image/jpeg" }).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    assert_eq!((&bytes[..4], word(4), word(8)), (&b"glTF"[..], 2, bytes.len()));
    let text = word(12);
    assert_eq!((&bytes[16..20], text % 4), (&b"JSON"[..], 0));
    let document: serde_json::Value = serde_json::from_slice(&bytes[20..20 + text]).unwrap();
    let binary = 20 + text;
    assert_eq!((&bytes[binary + 4..binary + 8], binary + 8 + word(binary)), (&b"BIN\0"[..], bytes.len()));
    let data = &bytes[binary + 8..];
    let view = |index: usize| {
        let view = &document["bufferViews"][index];
        let number = |key: &str| view[key].as_u64().unwrap() as usize;
        assert_eq!(number("byteOffset") % 4, 0);
        &data[number("byteOffset")..][..number("byteLength")]
    };
    let count = |index: usize| document["accessors"][index]["count"].as_u64().unwrap() as usize;
    assert_eq!((count(0), count(3)), (surface.positions.len(), surface.triangles.len() * 3));
    for (i, position) in surface.positions.iter().enumerate() {
        let [x, y, z] = [0, 1, 2].map(|k| float(view(0), i * 3 + k));
        // y up and z towards the viewer.
        assert_eq!(vec3(x, -y, -z), *position);
        assert!([0, 1].iter().all(|&k| (0.0..=1.0).contains(&float(view(2), i * 2 + k))));
    }
    let low = (0..surface.positions.len()).map(|i| float(view(0), i * 3)).fold(f32::MAX, f32::min);
    assert_eq!(document["accessors"][0]["min"][0].as_f64().unwrap() as f32, low);
    let indices: Vec<u32> = view(3).chunks(4).map(|b| u32::from_le_bytes(b.try_into().unwrap())).collect();
    assert_eq!(indices, surface.triangles.concat());
    assert_eq!(view(4), picture);
    let decoded = image::load_from_memory(view(4)).unwrap();
    assert_eq!((decoded.width(), decoded.height()), (surface.region.size.width, surface.region.size.height));
}
