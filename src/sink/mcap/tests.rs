//! A recording in memory, damaged in every way.

use std::io::Cursor;
use std::sync::Arc;

use super::*;
use crate::frame::Frame;
use crate::geometry::{LabeledPoint, Size};
use crate::recording::{Item, Reader};
use crate::session::{Applied, Intent, Looked, Request, Setup, StepKind};

const FRAMES: u64 = 12;

fn frame(n: u64) -> Arc<Frame> {
    let size = Size::new(16, 8);
    let data = (0..size.area() as u64 * 3).map(|at| (at * (n + 3)) as u8).collect();
    Arc::new(Frame {
        sequence: n,
        captured_at: Timestamp::from_nanos(n * 40_000_000),
        ..Frame::from_rgb(size, data).unwrap()
    })
}

fn applied(n: u64) -> Vec<Applied> {
    let points = vec![LabeledPoint::foreground(0.1 + n as f32, 7.3)];
    let prompt = Intent::Prompt { object: Some(3), points, bbox: None };
    let logits =
        crate::mask::LowResLogits { size: Size::new(2, 2), data: vec![0.1, -3.7, f32::MIN_POSITIVE, n as f32] };
    let found = Some(crate::model::Candidate { logits, predicted_iou: 0.1 + n as f32 });
    vec![
        Applied::Request(Request::new(0.1 * n as f64, prompt), None),
        Applied::Request(Request::new(1.0 / 3.0, Intent::NextCandidate { since_s: 0.1 + 0.2 }), None),
        Applied::Looked(Looked { time_s: 0.7, found }),
        Applied::Looked(Looked { time_s: 0.8, found: None }),
    ]
}

/// A recording of [`FRAMES`] frames, a chunk each.
fn recording() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.mcap");
    let mut sink = McapSink::create(&path, McapOptions::default()).unwrap();
    sink.begin(&StreamInfo { source: "scene:1".into(), model: "none".into(), ..StreamInfo::default() }).unwrap();
    let setup = Arc::new(Setup::default());
    for n in 0..FRAMES {
        let kind = if n % 3 == 2 { StepKind::Propagated } else { StepKind::Followed(None) };
        let step = Step { number: n, frame: frame(n), origin: Timestamp::ZERO, kind, applied: applied(n) };
        sink.trace(&Trace { setup: Arc::clone(&setup), steps: vec![step] }).unwrap();
        let mut record = FrameRecord::default();
        (record.sequence, record.frame) = (n, Some(frame(n)));
        sink.frame(&record).unwrap();
        let State::Open(file) = &mut sink.state else { panic!("it records") };
        file.write_chunk().unwrap();
    }
    sink.finish(&json!({ "frames_out": FRAMES })).unwrap();
    std::fs::read(path).unwrap()
}

/// Frames that came back, all of which are as they were, with whether anything was damaged or missing at the end.
fn read(bytes: &[u8]) -> Option<(Vec<u64>, usize, bool)> {
    let mut reader = Reader::new(Path::new("x"), Cursor::new(bytes), bytes.len() as u64).ok()?;
    let (mut frames, mut damage, mut is_cut) = (Vec::new(), 0, false);
    while let Some(item) = reader.next_item().ok()? {
        match item {
            Item::Frame(recorded) => {
                let step = recorded.step;
                let n = step.frame.sequence;
                assert_eq!((&*step.frame.data, step.frame.captured_at), (&*frame(n).data, frame(n).captured_at));
                assert_eq!((step.number, step.applied), (n, applied(n)));
                frames.push(n);
            }
            Item::Damage(found) if found.is_cut => is_cut = true,
            Item::Damage(_) => damage += 1,
            _ => {}
        }
    }
    Some((frames, damage, is_cut))
}

#[test]
fn everything_comes_back() {
    let all: Vec<u64> = (0..FRAMES).collect();
    assert_eq!(read(&recording()), Some((all, 0, false)));
}

#[test]
fn a_file_that_is_cut_anywhere_gives_what_came_before() {
    let bytes = recording();
    let whole = bytes.len();
    let mut most = 0;
    for length in (0..whole).step_by(61).chain(whole - 40..whole) {
        let Some((frames, damage, _)) = read(&bytes[..length]) else {
            assert!(length < 100, "{length}");
            continue;
        };
        assert!(frames.iter().copied().eq(0..frames.len() as u64), "{length}: {frames:?}");
        assert!(frames.len() >= most && damage == 0, "{length}: {frames:?} {damage}");
        most = frames.len();
    }
    assert_eq!(most as u64, FRAMES);
}

#[test]
fn damage_loses_a_chunk_and_no_more() {
    let bytes = recording();
    for at in (60..bytes.len()).step_by(37) {
        for change in [0x01, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= change;
            // Another program's profile, or a compression.
            let Some((frames, ..)) = read(&damaged) else { continue };
            let lost = FRAMES as usize - frames.len();
            // A changed length may hide the next chunk too.
            assert!(lost <= 2 && frames.is_sorted(), "byte {at} ^ {change:#x}: {frames:?}");
        }
    }
}

#[test]
fn giant_lengths_take_no_memory_and_lose_a_chunk() {
    let bytes = recording();
    let starts = |opcode: u8| {
        let (mut found, mut at) = (Vec::new(), mcap::MAGIC.len());
        while at + 9 <= bytes.len() - mcap::MAGIC.len() {
            let length = u64::from_le_bytes(bytes[at + 1..at + 9].try_into().unwrap()) as usize;
            found.extend((bytes[at] == opcode).then_some(at));
            at += 9 + length;
        }
        found
    };
    let chunks = starts(mcap::records::op::CHUNK);
    assert!(chunks.len() as u64 >= FRAMES);
    for at in [starts(mcap::records::op::MESSAGE_INDEX), chunks].concat() {
        for length in [u64::MAX, u64::MAX / 2, 1 << 40, bytes.len() as u64, 0, 1] {
            let mut damaged = bytes.clone();
            damaged[at + 1..at + 9].copy_from_slice(&length.to_le_bytes());
            let (frames, ..) = read(&damaged).expect("it is still a recording");
            assert!(FRAMES as usize - frames.len() <= 2, "{length} at {at}: {frames:?}");
        }
    }
}

#[test]
fn addresses_say_how_it_is_recorded() {
    let options = |query: &str| McapOptions::parse(query);
    let all = options("max_size=1.5G&max_files=3&segment_seconds=60&frames=raw&share_gaze=true").unwrap();
    assert_eq!((all.max_size, all.max_files), (Some(3 << 29), Some(3)));
    assert_eq!((all.segment, all.frames, all.share_gaze), (Some(Duration::from_secs(60)), ImageForm::Raw, true));
    assert_eq!(options("").unwrap(), McapOptions::default());
    for wrong in ["max_size=5", "max_size=x", "max_files=2", "max_files=0&max_size=1M", "frames=jpeg", "gaze=true"] {
        assert!(options(wrong).is_err(), "{wrong}");
    }
}
