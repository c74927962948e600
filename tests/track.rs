//! Following through what happens to things in front of a camera: motion, something before them, a cut.

use std::path::Path;
use std::sync::Arc;

use foveate::capture::scene::{Rendering, Scene};
use foveate::frame::Frame;
use foveate::geometry::{LabeledPoint, Point, Size};
use foveate::mask::Mask;
use foveate::model::{ModelOptions, Registry};
use foveate::pipeline::Stepper;
use foveate::time::Timestamp;
use foveate::track::{FollowerConfig, ObjectState};

const SIZE: Size = Size::new(480, 360);
const FPS: f64 = 25.0;

fn stepper() -> Stepper {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let model = Registry::from_dirs(&[models]).unwrap().load("foveate", &ModelOptions::default()).unwrap();
    Stepper::new(model.encoder().unwrap(), model.decoder().unwrap(), FollowerConfig::default())
}

/// A scene at one moment, and the mask of each thing.
struct Shot {
    rgb: Vec<u8>,
    ids: Vec<u8>,
}

fn shot(scene: &Scene, frame: u64) -> Shot {
    let mut picture = Rendering::default();
    scene.render(frame as f64 / FPS, &mut picture);
    Shot { rgb: picture.rgb, ids: picture.ids }
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

/// The thing of the scene that shows most of itself without filling it.
fn largest(scene: &Scene) -> u8 {
    let first = shot(scene, 0);
    let area = |id: u8| first.mask(id).area();
    let things = scene.objects().iter().map(|o| o.id).filter(|id| area(*id) * 5 < SIZE.area());
    things.max_by_key(|id| area(*id)).unwrap()
}

fn mean(said: &[Said]) -> f32 {
    said.iter().map(|(_, iou)| iou).sum::<f32>() / said.len() as f32
}

#[test]
fn a_thing_is_followed_while_camera_and_things_move() {
    for seed in [61, 64, 67] {
        let scene = Scene::new(seed, SIZE);
        let said = follow(largest(&scene), (0..75).map(|n| shot(&scene, n)));
        assert!(mean(&said[1..]) > 0.75, "seed {seed}: {said:?}");
        assert!(said.iter().all(|(state, _)| *state != ObjectState::Lost), "seed {seed}: {said:?}");
    }
}

/// Hidden for most of a second, the thing is reported as lost, no mask is laid over what hides it, and it is found again.
#[test]
fn a_thing_that_is_hidden_is_lost_and_found_again() {
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

/// After a cut to another scene the thing is not there, and nothing else is taken for it; after the cut back it is found.
#[test]
fn a_cut_loses_the_thing_and_the_cut_back_finds_it() {
    let (scene, other) = (Scene::new(64, SIZE), Scene::new(5, SIZE));
    let id = largest(&scene);
    let shots = (0..70).map(|n| {
        if (20..45).contains(&n) { Shot { ids: vec![0; SIZE.area()], ..shot(&other, n) } } else { shot(&scene, n) }
    });
    let said = follow(id, shots);
    let lost = said.iter().position(|(state, _)| *state == ObjectState::Lost);
    assert!(lost.is_some_and(|n| (20..30).contains(&n)), "lost on frame {lost:?}: {said:?}");
    let taken = said[30..45].iter().filter(|(state, _)| *state != ObjectState::Lost).count();
    assert_eq!(taken, 0, "another thing was taken for it: {said:?}");
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

/// A part that the person took out of a thing stays out while the thing is followed.
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
        // The camera and the thing rest, so that the part's place is known.
        let held = (1..30).map(|n| {
            stepper.set_frame(first.frame(n)).unwrap();
            let mask = &stepper.follow().unwrap().objects()[0].mask;
            !mask.is_empty() && !mask.contains(part)
        });
        out.push((seed, held.filter(|held| *held).count()));
    }
    assert!(out.iter().all(|(_, held)| *held == 29), "frames of 29 that keep the part out: {out:?}");
}
