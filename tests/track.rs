//! Following through what happens to objects in front of a camera: motion, something before them, a cut.

use std::path::Path;
use std::sync::Arc;

use foveate::frame::Frame;
use foveate::geometry::{LabeledPoint, Point, Size};
use foveate::mask::Mask;
use foveate::model::{ModelOptions, Registry};
use foveate::scene::{Rendering, Scene};
use foveate::session::Stepper;
use foveate::time::Timestamp;
use foveate::track::{FollowerConfig, ObjectState};

const SIZE: Size = Size::new(480, 360);
const FPS: f64 = 25.0;

fn stepper() -> Stepper {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let model = Registry::from_dirs(&[models]).unwrap().load("foveate", &ModelOptions::default()).unwrap();
    Stepper::new(model.encoder().unwrap(), model.decoder().unwrap(), FollowerConfig::default()).unwrap()
}

/// A scene at one moment, and the mask of each object.
struct Shot {
    rgb: Vec<u8>,
    ids: Vec<u8>,
}

fn shot(scene: &Scene, frame: u64) -> Shot {
    let mut rendering = Rendering::default();
    scene.render(frame as f64 / FPS, &mut rendering);
    Shot { rgb: rendering.rgb, ids: rendering.ids }
}

impl Shot {
    fn mask(&self, id: u8) -> Mask {
        Mask::from_fn(SIZE, |x, y| self.ids[(y * SIZE.width + x) as usize] == id)
    }

    /// Hides what lies within `columns` behind a board of wood-like stripes.
    fn hide(&mut self, columns: std::ops::Range<u32>) {
        for y in 0..SIZE.height {
            for x in columns.clone() {
                let at = (y * SIZE.width + x) as usize;
                let stripe = 90 + ((y / 5) % 4) as u8 * 12;
                self.rgb[3 * at..3 * at + 3].copy_from_slice(&[stripe + 40, stripe, stripe - 40]);
                self.ids[at] = 0;
            }
        }
    }

    fn frame(&self, number: u64) -> Arc<Frame> {
        let frame = Frame::from_rgb(SIZE, self.rgb.clone()).unwrap();
        let captured_at = Timestamp::from_secs_f64(number as f64 / FPS);
        Arc::new(Frame { sequence: number, captured_at, ..frame })
    }
}

/// What was said of the object on one frame: its state, and the IoU with the truth if it had a mask.
type Said = (ObjectState, f32);

/// Follows `id` through the shots; selected on the first by its true mask.
fn follow(id: u8, shots: impl Iterator<Item = Shot>) -> Vec<Said> {
    let mut stepper = stepper();
    let mut said = Vec::new();
    for (number, shot) in shots.enumerate() {
        stepper.set_frame(shot.frame(number as u64)).unwrap();
        if number == 0 {
            stepper.select(1, &shot.mask(id)).unwrap();
        }
        let record = stepper.follow().unwrap();
        let found = &record.objects()[0];
        said.push((found.state, found.mask.iou(&shot.mask(id))));
    }
    said
}

/// The object of the scene that shows most of itself without filling it.
fn largest(scene: &Scene) -> u8 {
    let first = shot(scene, 0);
    let area = |id: u8| first.mask(id).area();
    let objects = scene.objects().iter().map(|o| o.id).filter(|id| area(*id) * 5 < SIZE.area());
    objects.max_by_key(|id| area(*id)).unwrap()
}

fn mean(said: &[Said]) -> f32 {
    said.iter().map(|(_, iou)| iou).sum::<f32>() / said.len() as f32
}

#[test]
fn an_object_is_followed_while_camera_and_objects_move() {
    for seed in [61, 64, 67] {
        let scene = Scene::new(seed, SIZE);
        let said = follow(largest(&scene), (0..75).map(|n| shot(&scene, n)));
        assert!(mean(&said[1..]) > 0.75, "seed {seed}: {said:?}");
        assert!(said.iter().all(|(state, _)| *state != ObjectState::Lost), "seed {seed}: {said:?}");
    }
}

/// An object that is hidden for most of a second is reported as lost, no mask covers what hides it, and it is found again.
#[test]
fn an_object_that_is_hidden_is_lost_and_found_again() {
    let scene = Scene::new(61, SIZE);
    let id = largest(&scene);
    let b = shot(&scene, 0).mask(id).bounding_box().unwrap();
    let columns = (b.x0 as u32).saturating_sub(40)..((b.x1 as u32) + 40).min(SIZE.width);
    let hidden = 15..35;
    let said = follow(
        id,
        (0..60).map(|n| {
            let mut shot = shot(&scene, n);
            if hidden.contains(&n) {
                shot.hide(columns.clone());
            }
            shot
        }),
    );
    let lost = said.iter().position(|(state, _)| *state == ObjectState::Lost).expect("reported as lost");
    assert!((15..25).contains(&lost), "lost on frame {lost}: {said:?}");
    assert!(said[lost..35].iter().all(|(state, _)| *state == ObjectState::Lost), "{said:?}");
    let found = said.iter().skip(lost).position(|(state, _)| *state == ObjectState::Tracked).map(|n| n + lost);
    assert!(found.is_some_and(|n| n < 45), "found again on frame {found:?}: {said:?}");
    assert!(mean(&said[50..]) > 0.7, "{said:?}");
}

/// After a cut to another scene the object is not there, and nothing else is taken for it; after the cut back it is found.
#[test]
fn a_cut_loses_the_object_and_the_cut_back_finds_it() {
    let (scene, other) = (Scene::new(64, SIZE), Scene::new(5, SIZE));
    let id = largest(&scene);
    let shots = (0..70).map(|n| {
        if (20..45).contains(&n) { Shot { ids: vec![0; SIZE.area()], ..shot(&other, n) } } else { shot(&scene, n) }
    });
    let said = follow(id, shots);
    let lost = said.iter().position(|(state, _)| *state == ObjectState::Lost);
    assert!(lost.is_some_and(|n| (20..30).contains(&n)), "lost on frame {lost:?}: {said:?}");
    let taken = said[30..45].iter().filter(|(state, _)| *state != ObjectState::Lost).count();
    assert_eq!(taken, 0, "another object was taken for it: {said:?}");
    assert!(mean(&said[55..]) > 0.7, "{said:?}");
}

#[test]
fn a_click_begins_as_a_mask_does() {
    let scene = Scene::new(67, SIZE);
    let id = largest(&scene);
    let mut stepper = stepper();
    let (mut sum, frames) = (0.0, 30);
    for n in 0..frames {
        let shot = shot(&scene, n);
        stepper.set_frame(shot.frame(n)).unwrap();
        if n == 0 {
            let center = shot.mask(id).bounding_box().unwrap().center();
            stepper.prompt(1, &[LabeledPoint::foreground(center.x, center.y)], None).unwrap();
        }
        sum += stepper.follow().unwrap().objects()[0].mask.iou(&shot.mask(id));
    }
    assert!(sum / frames as f32 > 0.6, "{}", sum / frames as f32);
    let outside = [LabeledPoint::foreground(-5.0, 5.0)];
    assert!(stepper.prompt(2, &outside, None).is_err());
}

/// A part that the user took out of an object stays out while the object is followed.
#[test]
fn what_was_taken_out_stays_out() {
    let mut out = Vec::new();
    for seed in [103, 106, 110, 113] {
        let scene = Scene::new(seed, SIZE);
        let id = largest(&scene);
        let mut stepper = stepper();
        let first = shot(&scene, 0);
        stepper.set_frame(first.frame(0)).unwrap();
        let center = first.mask(id).bounding_box().unwrap().center();
        stepper.prompt(1, &[LabeledPoint::foreground(center.x, center.y)], None).unwrap();
        let b = stepper.follow().unwrap().objects()[0].mask.bounding_box().unwrap();
        let part = Point::new(b.x0 + 0.3 * (b.x1 - b.x0), b.y0 + 0.35 * (b.y1 - b.y0));
        stepper.prompt(1, &[LabeledPoint::background(part.x, part.y)], None).unwrap();
        // The camera and the object rest, so that the part's place is known.
        let held = (1..30).map(|n| {
            stepper.set_frame(first.frame(n)).unwrap();
            let mask = &stepper.follow().unwrap().objects()[0].mask;
            !mask.is_empty() && !mask.contains(part)
        });
        out.push((seed, held.filter(|held| *held).count()));
    }
    assert!(out.iter().all(|(_, held)| *held == 29), "frames of 29 that keep the part out: {out:?}");
}

/// With every third frame encoded, the masks of the frames between move with the image: nearly as good as all encoded.
#[test]
fn between_encoded_frames_the_mask_moves_with_the_image() {
    let (mut all, mut third, mut still) = (0.0, 0.0, 0.0);
    for seed in [61, 64, 67] {
        let scene = Scene::new(seed, SIZE);
        let id = largest(&scene);
        all += mean(&follow(id, (0..45).map(|n| shot(&scene, n)))[1..]) / 3.0;
        let mut stepper = stepper();
        let (mut propagated, mut kept) = (Vec::new(), Vec::new());
        let mut last = Mask::default();
        for n in 0..45 {
            let shot = shot(&scene, n);
            let truth = shot.mask(id);
            if n % 3 == 0 {
                stepper.set_frame(shot.frame(n)).unwrap();
                if n == 0 {
                    stepper.select(1, &truth).unwrap();
                }
                last.clone_from(&stepper.follow().unwrap().objects()[0].mask);
            } else {
                let record = stepper.propagate(&shot.frame(n)).expect("a frame was encoded");
                let found = &record.objects()[0];
                propagated.push((found.state, found.mask.iou(&truth)));
                kept.push((found.state, last.iou(&truth)));
            }
        }
        third += mean(&propagated) / 3.0;
        still += mean(&kept) / 3.0;
    }
    assert!(third > all - 0.03, "{third} between encoded frames, {all} with all encoded");
    assert!(third > still, "{third} moved, {still} left where they were");
}

/// An object that comes from afar to fill four times the width is followed all the way.
#[test]
fn an_object_that_grows_fourfold_is_followed() {
    let scene = Scene::new(64, SIZE);
    let still = shot(&scene, 0);
    let id = largest(&scene);
    let center = still.mask(id).centroid().unwrap();
    let frames = 90u32;
    // The camera goes closer: the same image, enlarged about the object.
    let closer = |n: u64| {
        let zoom = 0.5 * 4f64.powf(n as f64 / f64::from(frames));
        let from = |to: u32, center: f32, limit: u32| {
            let at = (f64::from(to) + 0.5 - f64::from(limit) / 2.0) / zoom + f64::from(center);
            (at >= 0.0 && at < f64::from(limit)).then_some(at)
        };
        let mut shot = Shot { rgb: vec![96; SIZE.area() * 3], ids: vec![0; SIZE.area()] };
        for (i, id) in shot.ids.iter_mut().enumerate() {
            let (x, y) = (i as u32 % SIZE.width, i as u32 / SIZE.width);
            let (Some(u), Some(v)) = (from(x, center.x, SIZE.width), from(y, center.y, SIZE.height)) else { continue };
            let at = v as usize * SIZE.width as usize + u as usize;
            *id = still.ids[at];
            // Bilinear, so that edges stay smooth.
            let (s, t) = ((u - 0.5).max(0.0), (v - 0.5).max(0.0));
            let next = |v: usize, limit: u32| (v + 1).min(limit as usize - 1);
            let (l, r) = (s as usize, next(s as usize, SIZE.width));
            let (a, b) = (t as usize, next(t as usize, SIZE.height));
            for channel in 0..3 {
                let level = |x: usize, y: usize| f64::from(still.rgb[(y * SIZE.width as usize + x) * 3 + channel]);
                let row = |y: usize| level(l, y) + (level(r, y) - level(l, y)) * s.fract();
                shot.rgb[3 * i + channel] = (row(a) + (row(b) - row(a)) * t.fract()).round() as u8;
            }
        }
        shot
    };
    let said = follow(id, (0..=frames.into()).map(closer));
    let (first, last) = (closer(0).mask(id).area(), closer(frames.into()).mask(id).area());
    assert!(last > 10 * first, "{first} to {last} pixels");
    assert!(said.iter().all(|(state, _)| *state != ObjectState::Lost), "{said:?}");
    assert!(mean(&said[1..]) > 0.6 && mean(&said[80..]) > 0.6, "{said:?}");
}

/// Two objects that look the same pass each other, each partly behind the other for a while: each keeps its own identity.
#[test]
fn look_alikes_that_cross_keep_their_identities() {
    let scene = Scene::new(64, SIZE);
    let ground = shot(&scene, 0);
    // A striped disc, drawn twice: at `x`, and the other one in front of it.
    let (radius, y) = (38.0f32, 190.0f32);
    let frames = 60u64;
    let places = |n: u64| {
        let way = 300.0 * n as f32 / frames as f32;
        [(90.0 + way, y - 14.0), (390.0 - way, y + 14.0)]
    };
    let draw = |n: u64| {
        let mut shot = Shot { rgb: ground.rgb.clone(), ids: vec![0; SIZE.area()] };
        for (id, (cx, cy)) in (1u8..).zip(places(n)) {
            for i in 0..SIZE.area() {
                let (dx, dy) = ((i as u32 % SIZE.width) as f32 - cx, (i as u32 / SIZE.width) as f32 - cy);
                if dx.hypot(dy) < radius {
                    let stripe = ((dx * 0.8 + dy * 0.3) / 9.0).rem_euclid(2.0) < 1.0;
                    shot.rgb[3 * i..3 * i + 3].copy_from_slice(if stripe { &[210, 60, 40] } else { &[235, 190, 60] });
                    shot.ids[i] = id;
                }
            }
        }
        shot
    };
    let mut stepper = stepper();
    let mut last = Vec::new();
    for n in 0..=frames {
        let shot = draw(n);
        stepper.set_frame(shot.frame(n)).unwrap();
        if n == 0 {
            for id in [1u8, 2] {
                stepper.select(id.into(), &shot.mask(id)).unwrap();
            }
        }
        let record = stepper.follow().unwrap();
        if n > frames - 10 {
            last.extend(record.objects().iter().map(|o| (o.state, o.mask.iou(&shot.mask(o.object as u8)))));
        }
    }
    assert!(last.iter().all(|(_, iou)| *iou > 0.5) && mean(&last) > 0.7, "after crossing: {last:?}");
}
