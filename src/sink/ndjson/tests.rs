use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::geometry::{Intrinsics, Size};
use crate::lift::{DepthMap, LiftConfig, Pose, VoxelMap, lift};
use crate::mask::Mask;
use crate::record::{CameraFrame, EventKind};

const DOCUMENT: &str = include_str!("../../../docs/wire-format.md");

/// A writer whose bytes the test reads, and which can be told to fail after some bytes.
#[derive(Clone, Default)]
struct Tape(Arc<Mutex<(Vec<u8>, Option<usize>)>>);

impl Tape {
    fn lines(&self) -> Vec<Value> {
        let held = self.0.lock().unwrap();
        std::str::from_utf8(&held.0).unwrap().lines().filter_map(|l| serde_json::from_str(l).ok()).collect()
    }

    fn fail_after(&self, bytes: Option<usize>) {
        self.0.lock().unwrap().1 = bytes;
    }
}

impl Write for Tape {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut held = self.0.lock().unwrap();
        let n = match &mut held.1 {
            Some(0) => return Err(io::ErrorKind::StorageFull.into()),
            Some(left) => {
                let n = bytes.len().min(*left);
                *left -= n;
                n
            }
            None => bytes.len(),
        };
        held.0.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn sink(options: NdjsonOptions) -> (NdjsonSink, Tape) {
    let tape = Tape::default();
    (NdjsonSink::new("ndjson:tape".into(), Path::new("tape"), tape.clone(), options), tape)
}

fn stream() -> StreamInfo {
    StreamInfo { source: "scene:1".into(), camera: None, size: Size::new(4, 4), model: "foveate-s".into() }
}

fn record() -> FrameRecord {
    let mut record = FrameRecord::default();
    (record.sequence, record.time_s, record.gaze) = (42, 1.4, Some(Point::new(1.0, 2.0)));
    record.age = Duration::from_micros(38_250);
    let object = record.push_object();
    object.object = 1;
    object.state = ObjectState::Tracked;
    object.score = 0.93;
    object.mask = Mask::from_fn(Size::new(4, 4), |x, y| (1..3).contains(&x) && (1..3).contains(&y));
    object.bbox = object.mask.bounding_box();
    object.area = object.mask.area();
    let lost = record.push_object();
    lost.object = 2;
    lost.state = ObjectState::Lost;
    lost.score = f32::NAN;
    record
}

/// Every kind of event once; a new variant is added here and in the document.
fn events() -> Vec<Event> {
    let (reason, object) = (String::from("cause"), 1);
    [
        EventKind::Selected { object, prompt_time_s: 1.36, frame: 41 },
        EventKind::Selection {
            object: Some(object),
            from: "previewing",
            to: "selected",
            input_time_s: Some(1.36),
            frame_time_s: Some(1.37),
            output_time_s: 1.41,
        },
        EventKind::Rejected { object, prompt_time_s: 1.36, reason: reason.clone() },
        EventKind::PromptsRefused { count: 3, reason: reason.clone().into() },
        EventKind::Released { object },
        EventKind::Undone { object },
        EventKind::Lost { object },
        EventKind::Found { object },
        EventKind::Dropped { stage: "capture".into(), count: 3, reason: reason.clone().into() },
        EventKind::Stalled { stage: "decode".into(), busy_s: 2.5 },
        EventKind::SourceLost { reason: reason.clone(), count: 1 },
        EventKind::SourceReopened { after_s: 0.5 },
        EventKind::Degraded { rung: 1, setting: "192x192 f32, every frame".into(), reason: reason.clone() },
        EventKind::Recovered { rung: 0, setting: "256x256 f32, every frame".into(), reason: reason.clone() },
        EventKind::DegradeFailed { rung: 1, reason: reason.clone() },
        EventKind::InputLost { input: "touch:auto".into(), reason: reason.clone() },
        EventKind::InputReturned { input: "touch:auto".into(), after_s: 0.5 },
        EventKind::InputOverflowed { input: "touch:auto".into() },
        EventKind::InputRejected { input: "gaze:udp://0.0.0.0:5005".into(), count: 3, reason: reason.clone() },
        EventKind::InputClock { input: "gaze:udp://0.0.0.0:5005".into(), offset_s: 0.25, uncertainty_s: 0.001 },
        EventKind::SourceWarned { count: 2, message: reason.clone().into() },
        EventKind::FramesPaired { frames: vec![CameraFrame { camera: "left".into(), frame: 41 }], apart_s: 0.004 },
        EventKind::SinkFailed { sink: "ndjson:-".into(), reason },
    ]
    .map(|kind| Event { kind, time_s: 1.41 })
    .into()
}

fn whole_stream(options: NdjsonOptions) -> Vec<Value> {
    stream_of(&stream(), options)
}

fn stream_of(stream: &StreamInfo, options: NdjsonOptions) -> Vec<Value> {
    let (mut sink, tape) = sink(options);
    sink.begin(stream).unwrap();
    sink.frame(&record()).unwrap();
    events().iter().for_each(|event| sink.event(event).unwrap());
    sink.finish(&json!({"frames": 1})).unwrap();
    tape.lines()
}

/// The document's first-column names by section, and its examples.
fn documented() -> (BTreeMap<String, BTreeSet<String>>, Vec<Value>) {
    let (mut names, mut examples) = (BTreeMap::<String, BTreeSet<String>>::new(), Vec::new());
    let (mut section, mut in_example) = (String::new(), false);
    for line in DOCUMENT.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title.to_lowercase();
        } else if line.starts_with("```") {
            in_example = line == "```json";
        } else if in_example {
            examples.push(serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}")));
        } else if let Some(name) = line.strip_prefix("| `").and_then(|rest| rest.split('`').next()) {
            names.entry(section.clone()).or_default().insert(name.to_owned());
        }
    }
    (names, examples)
}

fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            found.insert(key.clone());
            keys(value, found);
        }),
        Value::Array(list) => list.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

#[test]
fn every_emitted_key_and_event_is_documented_and_the_other_way_round() {
    let (names, _) = documented();
    let mut emitted = BTreeMap::<String, BTreeSet<String>>::new();
    let left = StreamInfo { camera: Some("left".into()), ..stream() };
    for line in stream_of(&left, NdjsonOptions { share_gaze: true }) {
        let found = emitted.entry(line["type"].as_str().unwrap().to_owned()).or_default();
        match line["type"].as_str() {
            Some("summary") => found.extend(line.as_object().unwrap().keys().cloned()),
            _ => keys(&line, found),
        }
        found.extend(line.get("event").and_then(Value::as_str).map(str::to_owned));
    }
    emitted.insert("lift".to_owned(), lifted());
    assert_eq!(emitted, names);
}

/// The keys of what an object in space is said to be.
fn lifted() -> BTreeSet<String> {
    let size = Size::new(48, 40);
    let lens = Intrinsics { fx: 60.0, fy: 60.0, cx: 24.0, cy: 20.0 };
    let mask = Mask::from_fn(size, |x, y| (14..34).contains(&x) && (10..30).contains(&y));
    // A block before a wall, which its box reaches to.
    let metres = mask.data().iter().map(|inside| if *inside != 0 { 0.95 } else { 1.0 }).collect();
    let depth = DepthMap::new(size, metres).unwrap();
    let seen = lift(&mask, &depth, &lens, None, &LiftConfig::default()).unwrap();
    assert!(seen.measures.support.is_some(), "{:?}", seen.measures);
    let mut map = VoxelMap::new(VoxelMap::DEFAULT_SIDE, VoxelMap::DEFAULT_LIMIT);
    map.add(&seen, &Pose::default());
    let mut found = BTreeSet::from(["lift", "lift_refused", "fused"].map(str::to_owned));
    keys(&serde_json::to_value(&seen.measures).unwrap(), &mut found);
    keys(&serde_json::to_value(map.measures()).unwrap(), &mut found);
    found
}

#[test]
fn documented_examples_are_what_is_written() {
    let (_, examples) = documented();
    let written = whole_stream(NdjsonOptions::default());
    let frame = examples.iter().find(|e| e["type"] == "frame").unwrap();
    let mut expected = written.iter().find(|e| e["type"] == "frame").unwrap().clone();
    expected["objects"].as_array_mut().unwrap().truncate(1);
    assert!((expected["objects"][0]["score"].as_f64().unwrap() - 0.93).abs() < 1e-6);
    expected["objects"][0]["score"] = json!(0.93);
    assert_eq!(*frame, expected);
    let rle: Rle = serde_json::from_value(frame["objects"][0]["rle"].clone()).unwrap();
    assert_eq!(rle.area(), 4);
    let selected = examples.iter().find(|e| e["event"] == "selected").unwrap();
    assert_eq!(Some(selected), written.iter().find(|e| e["event"] == "selected"));
    let header = examples.iter().find(|e| e["type"] == "header").unwrap();
    assert_eq!(header["version"], json!(WIRE_VERSION));
}

#[test]
fn gaze_is_private_unless_shared() {
    let gaze = |share_gaze| whole_stream(NdjsonOptions { share_gaze })[1].get("gaze").cloned();
    assert_eq!(gaze(false), None);
    assert_eq!(gaze(true), Some(json!([1.0, 2.0])));
}

#[test]
fn lost_objects_have_neither_mask_nor_false_numbers() {
    let lines = whole_stream(NdjsonOptions::default());
    let lost = &lines[1]["objects"][1];
    assert_eq!(*lost, json!({"object":2,"state":"lost","score":null,"box":null,"area":0,"rle":null}));
}

#[test]
fn every_failure_is_returned_and_later_lines_stay_whole() {
    let (mut sink, tape) = sink(NdjsonOptions::default());
    sink.begin(&stream()).unwrap();
    tape.fail_after(Some(20));
    for _ in 0..4 {
        let error = sink.frame(&record()).unwrap_err().to_string();
        assert!(error.contains("tape") && error.contains("Free some space"), "{error}");
    }
    tape.fail_after(None);
    sink.frame(&record()).unwrap();
    sink.finish(&json!({})).unwrap();
    let kinds: Vec<Value> = tape.lines().iter().map(|l| l["type"].clone()).collect();
    assert_eq!(kinds, ["header", "frame", "summary"]);
}

#[test]
fn cameras_share_a_place_line_by_line() {
    let (mut left, tape) = sink(NdjsonOptions::default());
    let mut right = left.beside().unwrap();
    for (name, sink) in [("left", &mut left as &mut dyn Sink), ("right", &mut *right)] {
        sink.begin(&StreamInfo { camera: Some(name.into()), ..stream() }).unwrap();
    }
    tape.fail_after(Some(9));
    right.frame(&record()).unwrap_err();
    tape.fail_after(None);
    left.frame(&record()).unwrap();
    right.finish(&json!({})).unwrap();
    left.finish(&json!({})).unwrap();
    let lines: Vec<_> = tape.lines().iter().map(|l| format!("{} {}", l["camera"], l["type"])).collect();
    let expected = [
        r#""left" "header""#,
        r#""right" "header""#,
        r#""left" "frame""#,
        r#""right" "summary""#,
        r#""left" "summary""#,
    ];
    assert_eq!(lines, expected);
}

#[test]
fn buffers_are_reused() {
    let (mut sink, _) = sink(NdjsonOptions::default());
    sink.frame(&record()).unwrap();
    let held =
        (sink.line.as_ptr(), sink.line.capacity(), sink.frames.masks.as_ptr(), sink.frames.masks[0].counts().as_ptr());
    sink.frame(&record()).unwrap();
    let again =
        (sink.line.as_ptr(), sink.line.capacity(), sink.frames.masks.as_ptr(), sink.frames.masks[0].counts().as_ptr());
    assert_eq!(held, again);
}

#[test]
fn an_unwritable_file_is_refused_at_once() {
    let error = NdjsonSink::create(Path::new("/nowhere/at/all.ndjson"), NdjsonOptions::default()).err().unwrap();
    assert!(error.to_string().contains("/nowhere/at/all.ndjson"), "{error}");
}

#[test]
fn options_are_read() {
    assert_eq!(NdjsonOptions::parse(""), Ok(NdjsonOptions { share_gaze: false }));
    assert_eq!(NdjsonOptions::parse("share_gaze=true"), Ok(NdjsonOptions { share_gaze: true }));
}
