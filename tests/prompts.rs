//! What becomes of prompts: floods of them leave the stream its rate and each other their turn, and every one is answered or
//! told and counted.

mod common;
#[path = "common/ends.rs"]
mod ends;
#[path = "prompts/replay.rs"]
mod replay;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{FRAME, GeometryDecoder, SteadySource};
use ends::{GeometryEncoder, MemorySink, Seen};
use foveate::Result;
use foveate::geometry::{LabeledPoint, Size};
use foveate::input::{Command, CommandSource, PromptSource, Script};
use foveate::model::{Candidate, Decoder, Embedding, Prompt};
use foveate::pipeline::{Pipeline, Summary};
use foveate::record::EventKind;
use foveate::session::{Intent, Origin};
use foveate::sync::StopToken;
use foveate::time::{Clock, MonotonicClock};

/// Takes 4 ms for each prompt of a user; what is followed costs nothing.
struct Costly;

impl Decoder for Costly {
    fn max_points(&self) -> usize {
        GeometryDecoder.max_points()
    }

    fn mask_size(&self) -> Size {
        GeometryDecoder.mask_size()
    }

    fn candidates(&self) -> usize {
        GeometryDecoder.candidates()
    }

    fn decode(&mut self, embedding: &Embedding, prompts: &[Prompt], out: &mut Vec<Candidate>) -> Result<()> {
        if prompts.iter().any(|prompt| !prompt.points.is_empty()) {
            std::thread::sleep(Duration::from_millis(4));
        }
        GeometryDecoder.decode(embedding, prompts, out)
    }
}

fn pipeline(fps: f64, frames: u64) -> Pipeline {
    let encoder = Box::new(GeometryEncoder { cost: Duration::ZERO });
    Pipeline::new(Box::new(SteadySource::new(fps, frames)), encoder, Box::new(Costly), "costly")
}

fn run(pipeline: Pipeline) -> (Summary, Arc<Mutex<Seen>>) {
    let (sink, seen) = MemorySink::boxed(Duration::ZERO);
    let summary = pipeline.sink(sink).start().and_then(|running| running.wait(|_| {})).unwrap();
    (summary, seen)
}

fn selections(seen: &Seen, object: u32) -> usize {
    seen.events.iter().filter(|e| matches!(e.kind, EventKind::Selected { object: o, .. } if o == object)).count()
}

/// Prompts that were told to be unanswered: one by one, and by their number.
fn told(seen: &Seen) -> (u64, u64) {
    seen.events.iter().fold((0, 0), |(singly, counted), event| match &event.kind {
        EventKind::Rejected { reason, .. } if reason.contains("stream") || reason.contains("wait") => {
            (singly + 1, counted)
        }
        EventKind::PromptsRefused { count, .. } => (singly, counted + count),
        _ => (singly, counted),
    })
}

fn script(lines: impl Iterator<Item = String>) -> Box<dyn PromptSource> {
    Box::new(Script::parse("test", &lines.collect::<Vec<_>>().join("\n")).unwrap())
}

fn at_one_moment(count: u32) -> Box<dyn PromptSource> {
    script((0..count).map(|n| format!(r#"{{"time_s":0.5,"object":{n},"points":[[60,50]]}}"#)))
}

#[test]
fn a_script_of_a_hundred_thousand_prompts_at_one_moment_leaves_the_stream_its_frames() {
    let (summary, seen) = run(pipeline(20.0, 30).prompts(at_one_moment(100_000)));
    let seen = seen.lock().unwrap();
    let prompts = &summary.prompts;
    assert_eq!(prompts.applied + prompts.refused + prompts.left, 100_000, "{prompts:?}");
    assert_eq!(summary.prompts_unanswered as u64, prompts.refused + prompts.left);
    assert!(prompts.applied >= 20 && prompts.refused > 90_000, "{prompts:?}");
    let (singly, counted) = told(&seen);
    assert_eq!(singly + counted, prompts.refused + prompts.left, "each is told");
    assert!(seen.events.len() < 3_000, "{} events", seen.events.len());
    // Without a budget the frame at 0.5 s would take 256 prompts, a second of work, and twenty frames would be dropped.
    assert!(summary.frames_out >= 24, "{summary:?}");
    assert!(prompts.waited_s > 0.0);
    assert!(seen.frames.iter().all(|frame| frame.age > Duration::ZERO));
}

#[test]
fn a_flood_of_prompts_ends_at_once_when_it_is_told_to() {
    let stop = StopToken::new();
    let (sink, seen) = MemorySink::boxed(Duration::ZERO);
    let running = pipeline(20.0, 1_000_000).prompts(at_one_moment(20_000)).sink(sink).stop_token(stop.clone()).start();
    let mut starved = false;
    let summary = running
        .unwrap()
        .wait(|running| {
            let prompts = running.prompts();
            starved |= prompts.starved && prompts.pending > 0;
            if running.reports().decode.frames_out > 36 {
                stop.stop();
            }
        })
        .unwrap();
    assert!(starved, "prompts that wait for more than a second are to be seen");
    assert!(summary.prompts.left > 0, "{:?}", summary.prompts);
    assert!(summary.frames_out < 60, "{summary:?}");
    let told = told(&seen.lock().unwrap());
    assert_eq!(told.0 + told.1, summary.prompts.refused + summary.prompts.left);
}

/// Pages that each say the same again and again, and one that taps once.
struct Pages {
    flooding: u32,
    polls: u32,
    tap_at: u32,
}

impl CommandSource for Pages {
    fn poll(&mut self, out: &mut Vec<Command>) {
        self.polls += 1;
        let made_at = MonotonicClock.now();
        let prompt = |object| {
            let points = vec![LabeledPoint::foreground(60.0, 50.0)];
            Intent::Prompt { object: Some(object), points, bbox: None }
        };
        let flood = (0..self.flooding).map(|n| Command { made_at, origin: Origin::page(n), intent: prompt(n) });
        out.extend(flood);
        if self.polls == self.tap_at {
            out.push(Command { made_at, origin: Origin::page(777), intent: prompt(777) });
        }
    }
}

/// Forty prompts for each frame, of which there is time for about two: all pages have their share, and who taps once is answered.
#[test]
fn a_page_that_taps_once_is_answered_beside_pages_that_flood() {
    let (summary, seen) = run(pipeline(25.0, 60).commands(Box::new(Pages { flooding: 5, polls: 0, tap_at: 150 })));
    let seen = seen.lock().unwrap();
    assert_eq!(selections(&seen, 777), 1);
    let shares: Vec<_> = (0..5).map(|page| selections(&seen, page)).collect();
    let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
    assert!(*least > 3 && most - least <= 3, "{shares:?}");
    assert!(summary.frames_out >= 45, "{summary:?}");
    assert!(summary.prompts.refused > 0);
}

/// Stays out of the way of a script that floods, although all of it is older.
#[test]
fn a_touch_of_the_user_is_answered_beside_a_script_that_floods() {
    let late = script(std::iter::once(r#"{"time_s":1.0,"object":100000,"points":[[60,50]]}"#.to_owned()));
    let (_, seen) = run(pipeline(20.0, 40).prompts(at_one_moment(50_000)).prompts(late));
    let seen = seen.lock().unwrap();
    let frame = seen.events.iter().find_map(|e| match e.kind {
        EventKind::Selected { object: 100_000, frame, .. } => Some(frame),
        _ => None,
    });
    assert!(frame.is_some_and(|frame| (19..=22).contains(&frame)), "asked for frame 20, answered on {frame:?}");
}

#[test]
fn prompts_that_come_after_the_end_are_told_and_counted() {
    let lines = [(2.0, 4), (0.99, 5), (0.1, 6), (7.0, 7)];
    let lines = lines.map(|(t, object)| format!(r#"{{"time_s":{t},"object":{object},"points":[[60,50]]}}"#));
    let (summary, seen) = run(pipeline(20.0, 20).prompts(script(lines.into_iter())));
    assert_eq!(summary.prompts_unanswered, 3);
    let seen = seen.lock().unwrap();
    let mut late: Vec<_> = seen
        .events
        .iter()
        .filter_map(|e| match &e.kind {
            EventKind::Rejected { object, prompt_time_s, reason } => {
                assert!(reason.contains("the stream ended"), "{reason}");
                Some((*object, *prompt_time_s))
            }
            _ => None,
        })
        .collect();
    late.sort_by_key(|(object, _)| *object);
    assert_eq!(late, [(4, 2.0), (5, 0.99), (7, 7.0)]);
    assert_eq!(selections(&seen, 6), 1);
}

#[test]
fn a_prompt_that_cannot_be_answered_is_counted() {
    let outside = FRAME.width + 5;
    let line = format!(r#"{{"time_s":0.1,"object":1,"points":[[{outside},50]]}}"#);
    let (summary, _) = run(pipeline(20.0, 10).prompts(script(std::iter::once(line))));
    assert_eq!((summary.prompts.applied, summary.prompts.rejected, summary.prompts_unanswered), (1, 1, 0));
}

#[test]
fn a_prompt_for_the_first_moment_is_answered_on_the_first_frame() {
    for _ in 0..10 {
        let first = script(std::iter::once(r#"{"time_s":0,"object":1,"points":[[60,50]]}"#.to_owned()));
        let (summary, seen) = run(pipeline(500.0, 20).prompts(first));
        let seen = seen.lock().unwrap();
        let first = &seen.frames[0];
        assert_eq!((first.sequence, first.objects.len()), (0, 1), "{summary:?}");
    }
}
