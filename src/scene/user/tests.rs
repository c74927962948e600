use super::*;

use crate::geometry::Size;
use crate::scene::Scene;
use crate::time::Timestamp;

const SMALL: Size = Size::new(160, 120);

#[test]
fn gaze_rests_on_its_target() {
    let (mut on, mut all) = (0, 0);
    let mut ids = Vec::new();
    for seed in [1, 2, 3, 4, 5, 6] {
        let scene = Scene::new(seed, Size::new(640, 480));
        let mut gaze = GazeTrace::new(&scene);
        let fixations: Vec<Fixation> = gaze.fixations(12.0).cloned().collect();
        for fixation in &fixations {
            // The mean over a fixation's middle tenth of a second, with its drift and measuring error.
            let middle = (fixation.onset_s + fixation.end_s) / 2.0;
            let samples: Vec<_> = (-6..=6).map(|i| gaze.sample(middle + i as f64 / 120.0)).collect();
            let mean =
                |pick: fn(crate::geometry::Point) -> f32| samples.iter().map(|s| pick(s.point)).sum::<f32>() / 13.0;
            let (x, y) = (mean(|p| p.x) as usize, mean(|p| p.y) as usize);
            scene.render_ids(middle, &mut ids);
            on += (ids.get(y * 640 + x) == Some(&fixation.object)) as u32;
            all += 1;
            assert_eq!(gaze.target(middle), Some(fixation.object));
        }
    }
    assert!(on * 100 >= all * 95, "{on} of {all} fixations on their objects");
}

#[test]
fn gaze_moves_as_eyes_do() {
    let scene = Scene::new(7, Size::new(640, 480));
    let lens = scene.intrinsics();
    let mut gaze = GazeTrace::new(&scene);
    let fixations: Vec<Fixation> = gaze.fixations(60.0).cloned().collect();
    let long = fixations.iter().filter(|f| f.end_s - f.onset_s >= 0.9).count();
    assert!(long * 2 > fixations.len());
    for pair in fixations.windows(2) {
        let (rest, flight) = (pair[0].end_s - pair[0].onset_s, pair[1].onset_s - pair[0].end_s);
        assert!((0.4..=1.5).contains(&rest) && (0.029..=0.081).contains(&flight), "{rest} {flight}");
        assert_ne!(pair[0].object, pair[1].object);
        assert_eq!(gaze.target(pair[0].end_s + flight / 2.0), None);
    }
    let samples: Vec<_> = (0..7200).map(|i| gaze.sample(i as f64 / 120.0)).collect();
    let blinked = samples.iter().filter(|s| s.confidence == 0.0).count();
    assert!((20..600).contains(&blinked), "{blinked} samples in blinks");
    assert!(samples.iter().all(|s| s.point.is_finite() && (0.0..=1.0).contains(&s.confidence)));
    // Deviation from the true direction during fixations.
    let mut squares = 0.0;
    for sample in &samples {
        let truth = gaze.true_point(sample.at.as_secs_f64());
        squares += lens.angle_deg(sample.point, truth).powi(2) as f64;
    }
    let error = (squares / 7200.0).sqrt();
    assert!((0.25..0.6).contains(&error), "{error} degrees");
}

#[test]
fn gaze_does_not_depend_on_the_order_of_questions() {
    let scene = Scene::new(8, SMALL);
    let (mut forward, mut late_first) = (GazeTrace::new(&scene), GazeTrace::new(&scene));
    let late = late_first.sample(20.0);
    for i in 0..=200 {
        let time = i as f64 / 10.0;
        assert_eq!(forward.sample(time), late_first.sample(time));
    }
    assert_eq!(forward.sample(20.0), late);
    let odd = [forward.sample(f64::NAN), forward.sample(-1.0)];
    assert!(odd.iter().all(|s| s.at == Timestamp::ZERO));
}

#[test]
fn a_viewer_looks_around_as_users_do_and_at_what_is_asked_for() {
    let scene = Scene::new(5, Size::new(640, 480));
    let lens = scene.intrinsics();
    let mut viewer = Viewer::new(&scene, 9, 0.0);
    let mut fastest: f32 = 0.0;
    let mut last = viewer.at(0.0);
    for i in 1..=60_000 {
        let eyes = viewer.at(i as f64 / 1000.0);
        fastest = fastest.max(1000.0 * lens.angle_deg(eyes.point, last.point));
        last = eyes;
    }
    assert!((150.0..1100.0).contains(&fastest), "{fastest} degrees a second");
    let rests = viewer.take_rests();
    let mut lengths: Vec<f64> = rests.iter().skip(1).map(|(_, from, to)| to - from).collect();
    lengths.sort_by(f64::total_cmp);
    assert!((120..240).contains(&lengths.len()), "{} rests in a minute", lengths.len());
    let median = lengths[lengths.len() / 2];
    assert!((0.23..0.34).contains(&median), "{median} s");
    let usual = lengths.iter().filter(|l| (0.15..=0.6).contains(*l)).count();
    assert!(usual * 100 > 80 * lengths.len(), "{usual} of {}", lengths.len());
    assert!(rests.iter().any(|r| r.0 == 0) && rests.iter().any(|r| r.0 > 0), "objects and what lies around them");

    let target = viewer.visible()[0];
    viewer.set_task(ViewingTask::LookAt(target));
    assert_eq!(viewer.arrived_at(), None);
    let mut on = 0;
    let mut ids = Vec::new();
    for i in 0..30 {
        let time = 60.7 + i as f64 / 15.0;
        let eyes = viewer.at(time);
        scene.render_ids(time, &mut ids);
        on += usize::from(ids.get(eyes.point.y as usize * 640 + eyes.point.x as usize) == Some(&target));
    }
    assert!(on >= 26, "{on} of 30 moments on the object");
    assert!(viewer.arrived_at().is_some_and(|at| (60.1..60.7).contains(&at)), "{:?}", viewer.arrived_at());
}

#[test]
fn an_eye_tracker_errs_by_what_is_asked_for() {
    let scene = Scene::new(5, Size::new(640, 480));
    let lens = scene.intrinsics();
    for (rate_hz, noise_deg) in [(30.0, 0.5), (120.0, 1.0), (200.0, 1.5)] {
        let config = EyeTrackerConfig {
            rate_hz,
            noise_deg,
            clock_offset_s: 0.015,
            missing: 0.0,
            missing_pattern: MissingPattern::Single,
        };
        let (mut viewer, mut truth) = (Viewer::new(&scene, 4, 1.0), Viewer::new(&scene, 4, 1.0));
        let mut tracker = EyeTracker::new(config, &scene, 4, 1.0);
        let (mut squares, mut count, mut hidden, mut all) = (0.0, 0, 0, 0);
        let mut last = 0.0;
        while last < 61.0 {
            let (time, sample) = tracker.next(&mut viewer);
            assert!(time > last && sample.point.is_finite(), "{time}");
            let stamp = sample.at.as_secs_f64() - time - config.clock_offset_s;
            assert!(stamp.abs() < 0.0021, "{stamp}");
            let eyes = truth.at(time);
            if sample.confidence < 0.6 {
                hidden += 1;
            } else if eyes.closed == 0.0 {
                squares += (lens.angle_deg(eyes.point, sample.point) as f64).powi(2);
                count += 1;
            }
            all += 1;
            last = time;
        }
        let deviation = (squares / count as f64 / 2.0).sqrt();
        assert!((0.8..1.35).contains(&(deviation / noise_deg)), "{deviation} for {noise_deg}");
        assert!(hidden * 100 < 12 * all && hidden > 0, "{hidden} of {all} hidden");
        let silent = 1.0 - all as f64 / (60.0 * rate_hz);
        assert!((0.0..0.08).contains(&silent), "{silent} of the time silent");
    }
}

#[test]
fn samples_are_lost_in_the_share_and_order_that_is_asked_for() {
    let scene = Scene::new(5, SMALL);
    for (missing_pattern, longest_s) in
        [(MissingPattern::Single, 0.2), (MissingPattern::Alternating, 0.02), (MissingPattern::Bursts, 0.16)]
    {
        for seed in 0..6 {
            // A tracker with nothing but the losses: what both give is the same.
            let config = |missing| EyeTrackerConfig {
                rate_hz: 120.0,
                noise_deg: 0.0,
                clock_offset_s: 0.0,
                missing,
                missing_pattern,
            };
            let mut viewers = [0, 1].map(|_| Viewer::new(&scene, 4, 1.0));
            let [whole, lossy] = [0.0, 0.3].map(|missing| EyeTracker::new(config(missing), &scene, seed, 1.0));
            let (mut whole, mut lossy) = (whole, lossy);
            let (mut all, mut good) = (0, Vec::new());
            while whole.next(&mut viewers[0]).0 < 41.0 {
                all += 1;
            }
            loop {
                let (time, sample) = lossy.next(&mut viewers[1]);
                if time >= 41.0 {
                    break;
                }
                if sample.confidence > 0.0 {
                    good.push(time);
                }
            }
            let lost = 1.0 - good.len() as f64 / f64::from(all);
            assert!((0.25..0.37).contains(&lost), "{missing_pattern:?}: {lost}");
            let long = good.windows(2).filter(|pair| pair[1] - pair[0] > longest_s).count();
            // Silences and blinks are as before.
            assert!(long < 40, "{missing_pattern:?}: {long} gaps above {longest_s} s");
        }
    }
}
