//! A look on its way through the pipeline: every phase is told, with its times.

#[allow(dead_code)]
mod common;
#[allow(dead_code)]
#[path = "common/ends.rs"]
mod ends;

use std::time::Duration;

use common::{FRAME, GeometryDecoder, SteadySource};
use ends::{GeometryEncoder, MemorySink};
use foveate::geometry::{Intrinsics, Point};
use foveate::input::GazeSource;
use foveate::pipeline::Pipeline;
use foveate::select::GazeSample;
use foveate::select::gaze::{DwellConfig, DwellSelector};
use foveate::sink::EventKind;
use foveate::time::Timestamp;

/// Gaze that glances at one point for 0.4 s, and then stays on another.
struct Looking {
    next: u64,
}

impl GazeSource for Looking {
    fn poll(&mut self, origin: Timestamp, until: Timestamp, out: &mut Vec<GazeSample>) {
        loop {
            let time_s = self.next as f64 / 120.0;
            let at = origin + Duration::from_secs_f64(time_s);
            if at > until {
                return;
            }
            let point = if time_s < 0.4 { Point::new(20.0, 20.0) } else { Point::new(90.0, 60.0) };
            out.push(GazeSample { at, point, confidence: 1.0 });
            self.next += 1;
        }
    }
}

#[test]
fn from_the_first_rest_to_the_selection() {
    let camera = Intrinsics::from_horizontal_fov(60.0, FRAME.width, FRAME.height);
    let selector = DwellSelector::new(DwellConfig::default(), camera);
    let (sink, seen) = MemorySink::boxed(Duration::ZERO);
    let source = Box::new(SteadySource::new(50.0, 125));
    let encoder = Box::new(GeometryEncoder { cost: Duration::ZERO });
    let pipeline = Pipeline::new(source, encoder, Box::new(GeometryDecoder), "geometry");
    pipeline.gaze(Box::new(Looking { next: 0 }), selector).sink(sink).start().unwrap().wait(|_| ()).unwrap();

    let seen = seen.lock().unwrap();
    let steps: Vec<_> = seen
        .events
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::Selection { object, from, to, input_time_s, frame_time_s, output_time_s } => {
                Some((object, from, to, input_time_s, frame_time_s, output_time_s))
            }
            _ => None,
        })
        .collect();
    let phases: Vec<_> = steps.iter().map(|s| (s.0, s.1, s.2)).collect();
    let expected = [
        (None, "idle", "hovering"),
        (None, "hovering", "previewing"),
        (None, "previewing", "idle"),
        (None, "idle", "hovering"),
        (None, "hovering", "previewing"),
        (Some(1), "previewing", "selected"),
    ];
    assert_eq!(phases, expected, "{steps:?}");
    for (.., input, frame, output) in &steps {
        let input = input.expect("the eye caused it");
        assert!((0.0..2.5).contains(&input) && *output >= input, "{steps:?}");
        assert!(frame.is_none_or(|frame| frame <= *output), "{steps:?}");
    }
    let (_, bbox) = seen.frames.last().unwrap().objects.first().copied().expect("it is followed");
    assert!(bbox.unwrap().contains(Point::new(90.0, 60.0)), "{bbox:?}");
}
