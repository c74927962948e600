use std::collections::HashSet;

use super::*;

const SMALL: Size = Size::new(160, 120);

#[test]
fn one_seed_and_moment_is_one_image_whatever_was_rendered_before() {
    let (mut first, mut again, mut other) = (Rendering::default(), Rendering::default(), Rendering::default());
    Scene::new(3, SMALL).render(2.5, &mut first);
    let scene = Scene::new(3, SMALL);
    scene.render(9.0, &mut other);
    scene.render(2.5, &mut again);
    assert!(first == again);
    assert!(first.rgb != other.rgb && first.ids != other.ids);
    Scene::new(4, SMALL).render(2.5, &mut again);
    assert!(first != again);
}

#[test]
fn fifty_seeds_render_with_every_object_in_sight() {
    let (mut rendering, mut ids) = (Rendering::default(), Vec::new());
    let mut faults = Vec::new();
    for seed in 1..=50 {
        let scene = Scene::new(seed, SMALL);
        let known: HashSet<u8> = scene.objects().iter().map(|o| o.id).collect();
        if !(4..=8).contains(&known.len()) {
            faults.push(format!("seed {seed}: {} objects", known.len()));
        }
        for time in [0.0, 3.3, 17.0, 100.0, 1e6] {
            scene.render(time, &mut rendering);
            scene.render_ids(time, &mut ids);
            if ids != rendering.ids {
                faults.push(format!("seed {seed} at {time}: ids differ from the image's"));
            }
            let mean = rendering.rgb.iter().map(|&b| b as f64).sum::<f64>() / rendering.rgb.len() as f64;
            if !(60.0..200.0).contains(&mean) {
                faults.push(format!("seed {seed} at {time}: mean brightness {mean:.0}"));
            }
            let seen: HashSet<u8> = ids.iter().copied().filter(|&id| id > 0).collect();
            if !seen.is_subset(&known) || seen.len() + 1 < known.len() {
                faults.push(format!("seed {seed} at {time}: sees {seen:?} of {known:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn depth_is_metres_along_the_axis_and_jumps_where_objects_end() {
    let scene = Scene::new(5, SMALL);
    let mut rendering = Rendering::default();
    scene.render(1.0, &mut rendering);
    let world = &scene.shared.world;
    let pose = world.camera.at(1.0);
    let width = SMALL.width as usize;
    let mut checked = 0;
    for (i, (&id, &depth)) in rendering.ids.iter().zip(&rendering.depth).enumerate() {
        assert!(depth > 0.0 && depth.is_finite());
        if id == 0 {
            continue;
        }
        let ray =
            scene.intrinsics().ray(crate::geometry::Point::new((i % width) as f32 + 0.5, (i / width) as f32 + 0.5));
        let camera = glam::vec3(ray[0], ray[1], ray[2]) * (depth / ray[2]);
        let point = pose.to_world(camera);
        let (body, extent) = (&world.bodies[id as usize], &world.objects[id as usize - 1]);
        let offset = point - body.place(1.0);
        // A ball that rolls keeps its upright cylinder; a tolerance for texels at grazing angles.
        assert!(offset.x.hypot(offset.z) < extent.radius + 0.01, "object {id}: {offset:?}, {extent:?}");
        assert!((-0.01..extent.height + 0.01).contains(&offset.y), "object {id}: {offset:?}, {extent:?}");
        checked += 1;
    }
    assert!(checked > 100);
}

#[test]
fn any_size_renders() {
    let scene = Scene::new(2, SMALL);
    let mut rendering = Rendering::default();
    for (w, h) in [(1, 1), (1, 7), (7, 1), (33, 65), (0, 0), (160, 90)] {
        let scene = scene.resized(Size::new(w, h));
        let area = scene.size().area();
        for time in [0.0, -5.0, f64::MAX] {
            scene.render(time, &mut rendering);
            assert_eq!([rendering.rgb.len(), rendering.ids.len() * 3, rendering.depth.len() * 3], [area * 3; 3]);
        }
    }
    let _ = Scene::new(2, Size::new(1, 1));
    scene.render(f64::NAN, &mut rendering);
}
