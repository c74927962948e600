use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::capture::{Source, SourceEvent, SourceOptions, Step};
use crate::frame::Frame;
use crate::geometry::Point;
use crate::time::{ManualClock, Timestamp};

const SIZE: Size = Size::new(160, 120);

#[test]
fn the_same_seed_and_time_give_the_same_bytes() {
    let (mut a, mut b, mut other) = (Rendering::default(), Rendering::default(), Rendering::default());
    Scene::new(3, SIZE).render(1.25, &mut a);
    Scene::new(3, SIZE).render(1.25, &mut b);
    Scene::new(4, SIZE).render(1.25, &mut other);
    assert_eq!((&a.rgb, &a.ids, &a.depth), (&b.rgb, &b.ids, &b.depth));
    assert_ne!(a.rgb, other.rgb);
}

#[test]
fn every_seed_shows_things_and_ids_agree() {
    let (mut picture, mut ids) = (Rendering::default(), Vec::new());
    for seed in 1..=50 {
        let scene = Scene::new(seed, SIZE);
        let objects = scene.objects().count();
        assert!((2..=7).contains(&objects), "seed {seed}: {objects} objects");
        for time in [0.0, 7.7, 19.9] {
            scene.render(time, &mut picture);
            scene.render_ids(time, &mut ids);
            assert_eq!(ids, picture.ids, "seed {seed} at {time}");
            let shown = ids.iter().filter(|id| **id > 0).count() as f32 / ids.len() as f32;
            assert!((0.02..0.75).contains(&shown), "seed {seed} at {time}: {shown}");
            assert!(ids.iter().all(|id| usize::from(*id) <= objects));
            assert!(picture.depth.iter().all(|d| *d > 0.0 && *d < 21.0));
        }
    }
}

#[test]
fn things_are_nearer_than_the_table_behind_them() {
    let scene = Scene::new(5, SIZE);
    let mut picture = Rendering::default();
    scene.render(0.0, &mut picture);
    // Along a column, leaving a thing upwards, depth jumps away from the camera.
    let jumps = (0..SIZE.width as usize).flat_map(|x| (1..SIZE.height as usize).map(move |y| (x, y))).filter_map(|(x, y)| {
        let (above, here) = ((y - 1) * 160 + x, y * 160 + x);
        (picture.ids[here] > 0 && picture.ids[above] == 0).then(|| picture.depth[above] - picture.depth[here])
    });
    let jumps: Vec<f32> = jumps.collect();
    assert!(!jumps.is_empty() && jumps.iter().all(|j| *j > -0.02), "{jumps:?}");
}

#[test]
fn gaze_rests_on_what_it_is_said_to_rest_on() {
    for seed in 1..=12 {
        let scene = Scene::new(seed, SIZE);
        assert!(scene.gaze().fixations().len() > 60);
        let mut ids = Vec::new();
        let (mut right, mut all) = (0, 0);
        for fixation in scene.gaze().fixations().iter().take(12) {
            let middle = (fixation.onset_s + fixation.end_s) / 2.0;
            let samples: Vec<_> = (-4..=4).map(|i| scene.gaze_sample(middle + i as f64 / 120.0).point).collect();
            let mean = |f: fn(&Point) -> f32| samples.iter().map(f).sum::<f32>() / samples.len() as f32;
            let (x, y) = (mean(|p| p.x), mean(|p| p.y));
            scene.render_ids(middle, &mut ids);
            all += 1;
            let inside = x >= 0.0 && y >= 0.0 && x < 160.0 && y < 120.0;
            right += (inside && ids[y as usize * 160 + x as usize] == fixation.object) as usize;
            assert_eq!(scene.gaze().target(middle), Some(fixation.object));
        }
        assert!(right * 100 >= all * 83, "seed {seed}: {right} of {all}");
    }
}

#[test]
fn blinks_have_no_confidence_and_samples_carry_their_time() {
    let scene = Scene::new(1, SIZE);
    let samples: Vec<_> = (0..1200).map(|i| scene.gaze_sample(i as f64 / 120.0)).collect();
    let closed = samples.iter().filter(|s| s.confidence == 0.0).count();
    assert!((20..80).contains(&closed), "{closed}");
    assert_eq!(samples[120].at, Timestamp::from_secs_f64(1.0));
}

#[test]
fn the_source_keeps_real_time_and_counts_what_it_skips() {
    let clock = ManualClock::default();
    let options = SourceOptions { size: Some(SIZE), fps: Some(20.0), ..SourceOptions::default() };
    let mut source = SceneSource::open(2, &options, Arc::new(clock.clone())).unwrap();
    let mut frame = Frame::default();
    assert_eq!(source.next_frame(&mut frame, Duration::ZERO).unwrap(), Step::Frame);
    assert_eq!(source.next_frame(&mut frame, Duration::ZERO).unwrap(), Step::Idle, "the next is not due");
    clock.advance(Duration::from_millis(50));
    assert_eq!(source.next_frame(&mut frame, Duration::ZERO).unwrap(), Step::Frame);
    assert_eq!((frame.sequence, frame.captured_at), (1, Timestamp::from_secs_f64(0.05)));
    clock.advance(Duration::from_millis(1000));
    assert_eq!(source.next_frame(&mut frame, Duration::ZERO).unwrap(), Step::Frame);
    assert_eq!(frame.sequence, 21);
    assert!(matches!(source.take_event(), Some(SourceEvent::Dropped { count: 19, .. })));
    assert!(source.take_event().is_none());
    frame.check().unwrap();
}
