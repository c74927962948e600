//! A gaze selection on its way through the pipeline: every phase is reported, with its times.

#[allow(dead_code)]
mod common;
#[allow(dead_code)]
#[path = "common/ends.rs"]
mod ends;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{FRAME, GeometryDecoder, SteadySource};
use ends::{GeometryEncoder, MemorySink, Seen};
use foveate::geometry::{Intrinsics, Point};
use foveate::input::GazeSource;
use foveate::pipeline::Pipeline;
use foveate::record::{Event, EventKind};
use foveate::select::GazeSample;
use foveate::select::gaze::{Channel, Confirm, DwellConfig, DwellSelector, GazeSignal};
use foveate::time::Timestamp;

/// Gaze that glances at one point for 0.4 s, and then stays on another; and what is done beside looking, by its seconds, the last first:
/// a channel confirms, none undoes.
struct Looking {
    next: u64,
    signals: Vec<(f64, Option<Channel>)>,
    due: Vec<GazeSignal>,
}

impl Looking {
    fn and(signals: &[(f64, Option<Channel>)]) -> Box<Self> {
        Box::new(Looking { next: 0, signals: signals.to_vec(), due: Vec::new() })
    }
}

impl GazeSource for Looking {
    fn poll(&mut self, origin: Timestamp, until: Timestamp, out: &mut Vec<GazeSample>) {
        loop {
            let time_s = self.next as f64 / 120.0;
            let at = origin + Duration::from_secs_f64(time_s);
            if at > until {
                return;
            }
            if let Some((_, channel)) = self.signals.pop_if(|(then, _)| *then <= time_s) {
                self.due.push(match channel {
                    Some(channel) => GazeSignal::Confirm(Confirm { channel, at, began_at: None }),
                    None => GazeSignal::Undo { at },
                });
            }
            let point = if time_s < 0.4 { Point::new(20.0, 20.0) } else { Point::new(90.0, 60.0) };
            out.push(GazeSample { at, point, confidence: 1.0 });
            self.next += 1;
        }
    }

    fn take_signal(&mut self) -> Option<GazeSignal> {
        self.due.pop()
    }
}

fn selector() -> DwellSelector {
    DwellSelector::new(DwellConfig::default(), Intrinsics::from_horizontal_fov(60.0, FRAME.width, FRAME.height))
}

/// Runs the pipeline for 2.5 seconds, and gives what the sink saw.
fn run(gaze: Box<Looking>) -> Arc<Mutex<Seen>> {
    let (sink, seen) = MemorySink::boxed(Duration::ZERO);
    let source = Box::new(SteadySource::new(50.0, 125));
    let encoder = Box::new(GeometryEncoder { cost: Duration::ZERO });
    let pipeline = Pipeline::new(source, encoder, Box::new(GeometryDecoder), "geometry");
    pipeline.gaze(gaze, selector()).sink(sink).start().unwrap().wait(|_| ()).unwrap();
    seen
}

/// The transitions: object, from, to, and the times of input, frame and output.
type Step = (Option<u32>, &'static str, &'static str, Option<f64>, Option<f64>, f64);

fn transitions(seen: &Seen) -> Vec<Step> {
    let step = |event: &Event| match event.kind {
        EventKind::Selection { object, from, to, input_time_s, frame_time_s, output_time_s } => {
            Some((object, from, to, input_time_s, frame_time_s, output_time_s))
        }
        _ => None,
    };
    seen.events.iter().filter_map(step).collect()
}

#[test]
fn from_the_first_rest_to_the_selection() {
    let seen = run(Looking::and(&[]));
    let seen = seen.lock().unwrap();
    let steps = transitions(&seen);
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

#[test]
fn a_button_selects_at_once_and_undo_takes_it_back() {
    let seen = run(Looking::and(&[(1.2, None), (0.8, Some(Channel::Button))]));
    let seen = seen.lock().unwrap();
    let steps = transitions(&seen);
    let selected = steps.iter().find(|s| s.2 == "selected").expect("the button selects");
    // It means what gaze was on when the hand began to move: long before a dwell would be over.
    assert!((0.6..0.8).contains(&selected.3.unwrap()), "{steps:?}");
    let pointer = steps.iter().rfind(|s| s.0.is_none()).expect("gaze rested before");
    assert_eq!(pointer.2, "idle", "what was confirmed is not hovered over any more: {steps:?}");
    let last = steps.last().unwrap();
    assert_eq!((last.0, last.2), (selected.0, "released"), "{steps:?}");
    assert!(seen.frames.last().unwrap().objects.is_empty(), "what was undone is not selected again by staying");
}
