//! A replay: every frame in order with its prompts, the same in every run, whatever is slow.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use foveate::capture::{FilesSource, Source, SourceOptions};
use foveate::geometry::{Intrinsics, Point};
use foveate::input::{GazeSource, Script};
use foveate::pipeline::{Pipeline, PipelineConfig, Summary};
use foveate::record::{Event, EventKind};
use foveate::select::GazeSample;
use foveate::select::gaze::{DwellConfig, DwellSelector};
use foveate::time::{MonotonicClock, Timestamp};

use crate::common::GeometryDecoder;
use crate::ends::{GeometryEncoder, MemorySink};

const FRAMES: u32 = 40;

/// A folder of frames of which two cannot be read.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..FRAMES {
        let path = dir.path().join(format!("{n}.png"));
        if n == 3 || n == 20 {
            std::fs::write(path, "no image").unwrap();
        } else {
            image::GrayImage::from_fn(128, 96, |x, y| image::Luma([(x * 2 + y + n) as u8])).save(path).unwrap();
        }
    }
    dir
}

/// Rests on one place from the first frame on, two hundred samples a second; it has measured so many so far.
struct Gaze(u64);

impl GazeSource for Gaze {
    fn poll(&mut self, origin: Timestamp, until: Timestamp, out: &mut Vec<GazeSample>) {
        let at = |n: u64| origin + Duration::from_millis(5 * n);
        while at(self.0) <= until {
            // Not the finest of eye trackers.
            let point = Point::new(30.0 + (self.0 % 3) as f32 * 0.3, 80.0);
            out.push(GazeSample { at: at(self.0), point, confidence: 1.0 });
            self.0 += 1;
        }
    }
}

/// Number and time of a frame, and the boxes on it by object.
type ToldFrame = (u64, f64, Vec<(u32, Option<[f32; 4]>)>);

/// What came out of one run, without what measures the run itself.
#[derive(Debug, PartialEq)]
struct Told {
    frames: Vec<ToldFrame>,
    events: Vec<Event>,
}

fn replay(dir: &Path, fps: f64, encode_ms: u64, sink_ms: u64) -> (Summary, Told) {
    let mut options = SourceOptions::default();
    (options.fps, options.every_frame) = (Some(fps), true);
    let source = FilesSource::open(dir, &options, Arc::new(MonotonicClock)).unwrap();
    assert!(source.gives_every_frame());
    let text = (0..30).map(|n| {
        let time_s = f64::from(n / 3) / fps;
        format!(r#"{{"time_s":{time_s},"object":{},"points":[[{},40]]}}"#, n % 7, 10 + 3 * n)
    });
    let flood = (0..400).map(|n| format!(r#"{{"time_s":0.5,"object":3,"points":[[{},50]]}}"#, 20 + n % 80));
    let script = Script::parse("test", &text.chain(flood).collect::<Vec<_>>().join("\n")).unwrap();
    let late = Script::parse("late", r#"{"time_s":1e3,"object":9,"release":true}"#).unwrap();
    let camera = Intrinsics::assumed(source.info().size);
    let mut config = PipelineConfig::default();
    (config.encode_every, config.sink_queue) = (2, 1);
    let (sink, seen) = MemorySink::boxed(Duration::from_millis(sink_ms));
    let encoder = Box::new(GeometryEncoder { cost: Duration::from_millis(encode_ms) });
    let summary = Pipeline::new(Box::new(source), encoder, Box::new(GeometryDecoder), "geometry")
        .config(config)
        .prompts(Box::new(script))
        .prompts(Box::new(late))
        .gaze(Box::new(Gaze(0)), DwellSelector::new(DwellConfig::default(), camera))
        .sink(sink)
        .replay()
        .start()
        .and_then(|running| running.wait(|_| {}))
        .unwrap();
    let seen = seen.lock().unwrap();
    let frames = seen.frames.iter().map(|f| {
        let objects = f.objects.iter().map(|(id, b)| (*id, b.map(|b| [b.x0, b.y0, b.x1, b.y1]))).collect();
        (f.sequence, f.time_s, objects)
    });
    (summary, Told { frames: frames.collect(), events: seen.events.clone() })
}

#[test]
fn a_replay_is_the_same_in_every_run_and_drops_nothing() {
    let dir = folder();
    let (summary, first) = replay(dir.path(), 30.0, 0, 0);
    assert!(summary.replay);
    assert_eq!(summary.frames_out, u64::from(FRAMES) - 2);
    assert_eq!(summary.frames_dropped, 2, "what cannot be read");
    assert_eq!((summary.prompts.applied >= 430, summary.prompts_unanswered), (true, 1), "{:?}", summary.prompts);
    let sequences: Vec<_> = first.frames.iter().map(|f| f.0).collect();
    assert!(sequences.is_sorted_by(|a, b| a < b));
    assert!(!first.frames[0].2.is_empty(), "a prompt at 0 s is on frame 0");
    let told = |kind: fn(&EventKind) -> bool| first.events.iter().filter(|e| kind(&e.kind)).count();
    let selected = told(|k| matches!(k, EventKind::Selected { .. }));
    assert_eq!(selected, 431, "all by the script and one by gaze, of {} events", first.events.len());
    assert_eq!(told(|k| matches!(k, EventKind::Dropped { .. })), 2);
    assert_eq!(told(|k| matches!(k, EventKind::Rejected { object: 9, .. })), 1);
    for (encode_ms, sink_ms) in [(0, 0), (12, 0), (1, 9)] {
        let (_, other) = replay(dir.path(), 30.0, encode_ms, sink_ms);
        assert_eq!(first.frames, other.frames, "with {encode_ms} ms an encoding, {sink_ms} ms a record");
        assert_eq!(first.events, other.events, "with {encode_ms} ms an encoding, {sink_ms} ms a record");
    }
}
