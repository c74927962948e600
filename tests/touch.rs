//! Touch through the whole pipeline: scripted contacts, the bundled model, a rendered image whose truth is known.

mod common;
#[path = "common/ends.rs"]
mod ends;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{FRAME, GeometryDecoder, SteadySource};
use ends::{GeometryEncoder, MemorySink};
use foveate::Result;
use foveate::capture::{Source, SourceInfo, Step};
use foveate::frame::{Frame, PixelFormat};
use foveate::geometry::{Point, Size};
use foveate::input::{InputEvent, TouchSource};
use foveate::mask::{Border, DistanceTransform, Mask};
use foveate::model::{ModelOptions, Registry};
use foveate::pipeline::{Pipeline, Summary};
use foveate::record::{Event, EventKind, FrameRecord};
use foveate::scene::{Rendering, Scene};
use foveate::select::touch::{Contact, Fit, Phase, Rotation, TouchConfig, TouchSelector, Viewport};
use foveate::sink::Sink;
use foveate::time::{Clock, MonotonicClock, Timestamp};

const SIZE: Size = Size::new(320, 240);

/// When the first frame was asked for.
#[derive(Clone, Default)]
struct Start(Arc<Mutex<Option<Timestamp>>>);

/// One image of the scene again and again, ten times a second.
struct Still {
    info: SourceInfo,
    rendering: Rendering,
    start: Start,
    next: u64,
    count: u64,
}

impl Still {
    fn new(scene: &Scene, count: u64, start: Start) -> Self {
        let mut rendering = Rendering::default();
        scene.render(0.0, &mut rendering);
        let info = SourceInfo {
            address: "test:still".into(),
            size: SIZE,
            format: PixelFormat::Rgb24,
            rate: Some(10.0),
            intrinsics: None,
        };
        Still { info, rendering, start, next: 0, count }
    }
}

impl Source for Still {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self, frame: &mut Frame, _timeout: Duration) -> Result<Step> {
        if self.next == self.count {
            return Ok(Step::End);
        }
        let now = MonotonicClock.now();
        let start = *self.start.0.lock().unwrap().get_or_insert(now);
        let due = start + Duration::from_millis(100) * self.next as u32;
        std::thread::sleep(due.since(now));
        (frame.sequence, frame.captured_at) = (self.next, due);
        (frame.size, frame.format, frame.stride) = (SIZE, PixelFormat::Rgb24, SIZE.width as usize * 3);
        frame.data.own_mut().clone_from(&self.rendering.rgb);
        self.next += 1;
        Ok(Step::Frame)
    }
}

/// Scripted fingers: contacts in milliseconds from the first frame, in pixels of the frame.
struct Fingers {
    start: Start,
    script: Vec<(u64, u32, Phase, Point)>,
    size: Size,
    event: Option<InputEvent>,
}

impl Fingers {
    fn touch(&mut self, ms: u64, held_ms: u64, at: Point) {
        let id = self.script.len() as u32;
        self.script.extend([(ms, id, Phase::Down, at), (ms + held_ms, id, Phase::Up, at)]);
        self.script.sort_by_key(|contact| contact.0);
    }
}

impl TouchSource for Fingers {
    fn name(&self) -> &str {
        "touch:test"
    }

    fn size_mm(&self) -> Option<[f32; 2]> {
        Some([160.0, 120.0])
    }

    fn poll(&mut self, now: Timestamp, out: &mut Vec<Contact>) {
        let Some(start) = *self.start.0.lock().unwrap() else { return };
        let at = |ms: u64| start + Duration::from_millis(ms);
        let due = self.script.partition_point(|contact| at(contact.0) <= now);
        out.extend(self.script.drain(..due).map(|(ms, id, phase, p)| {
            let position = Point::new(p.x / self.size.width as f32, p.y / self.size.height as f32);
            Contact { id, phase, position, at: at(ms) }
        }));
    }

    fn take_event(&mut self) -> Option<InputEvent> {
        self.event.take()
    }
}

/// The time and the masks of every record, and the events.
#[derive(Default)]
struct Kept {
    masks: Vec<(f64, Vec<(u32, Mask)>)>,
    events: Vec<Event>,
}

struct KeepingSink(Arc<Mutex<Kept>>);

impl Sink for KeepingSink {
    fn name(&self) -> &str {
        "keeping"
    }
    fn frame(&mut self, record: &FrameRecord) -> Result<()> {
        let masks = record.objects().iter().map(|o| (o.object, o.mask.clone())).collect();
        self.0.lock().unwrap().masks.push((record.time_s, masks));
        Ok(())
    }
    fn event(&mut self, event: &Event) -> Result<()> {
        self.0.lock().unwrap().events.push(event.clone());
        Ok(())
    }
}

fn truth(ids: &[u8], id: u8) -> Mask {
    Mask::from_fn(SIZE, |x, y| ids[(y * SIZE.width + x) as usize] == id)
}

/// Plays `fingers` on a still image of `scene` for `frames` frames through the bundled model.
fn play(scene: &Scene, frames: u64, script: impl FnOnce(&mut Fingers)) -> (Summary, Kept) {
    let start = Start::default();
    let mut fingers = Fingers { start: start.clone(), script: Vec::new(), size: SIZE, event: None };
    script(&mut fingers);
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let model = Registry::from_dirs(&[models]).unwrap().load("foveate", &ModelOptions::default()).unwrap();
    let kept = Arc::new(Mutex::new(Kept::default()));
    let source = Box::new(Still::new(scene, frames, start));
    let summary = Pipeline::new(source, model.encoder().unwrap(), model.decoder().unwrap(), "foveate")
        .touch(Box::new(fingers), selector(SIZE))
        .sink(Box::new(KeepingSink(Arc::clone(&kept))))
        .start()
        .and_then(|running| running.wait(|_| {}))
        .unwrap();
    let kept = std::mem::take(&mut *kept.lock().unwrap());
    (summary, kept)
}

/// A frame of `size` that covers the screen of [`Fingers`].
fn selector(size: Size) -> TouchSelector {
    let view = Viewport::new(size, Some([160.0, 120.0]), Fit::Stretch, Rotation::None);
    TouchSelector::new(TouchConfig::default(), view)
}

impl Kept {
    /// The objects of the last record before `time_s`.
    fn before(&self, time_s: f64) -> &[(u32, Mask)] {
        &self.masks.iter().rfind(|(at, _)| *at < time_s).expect("a record").1
    }

    fn reported(&self, wanted: impl Fn(&EventKind) -> bool) -> usize {
        self.events.iter().filter(|event| wanted(&event.kind)).count()
    }
}

/// The place in `mask` that lies deepest.
fn deepest(mask: &Mask) -> Option<Point> {
    let mut depth = DistanceTransform::default();
    depth.compute(mask, Border::Background);
    depth.peak().map(|(point, _)| point)
}

/// The scene of the tests with the model, and the ids of its objects.
const SEED: u64 = 7;
const CAMERA: u8 = 3;
const APPLE: u8 = 4;
const TOY_HOUSE: u8 = 1;

fn scene() -> (Scene, Vec<u8>) {
    let scene = Scene::new(SEED, SIZE);
    let mut ids = Vec::new();
    scene.render_ids(0.0, &mut ids);
    (scene, ids)
}

#[test]
fn a_tap_selects_what_lies_under_it_and_two_fingers_take_it_back() {
    let (scene, ids) = scene();
    let camera = truth(&ids, CAMERA);
    let at = deepest(&camera).unwrap();
    let (summary, kept) = play(&scene, 45, |fingers| {
        fingers.touch(500, 80, at);
        fingers.touch(2500, 100, Point::new(20.0, 20.0));
        fingers.touch(2500, 100, Point::new(200.0, 20.0));
    });
    assert_eq!(summary.prompts_unanswered, 0);
    let prompted: Vec<_> = kept
        .events
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::Selected { object, prompt_time_s, .. } => Some((object, prompt_time_s)),
            _ => None,
        })
        .collect();
    let [(1, prompt_time_s)] = prompted[..] else { panic!("{:?}", kept.events) };
    assert!((prompt_time_s - 0.5).abs() < 1e-6, "the gesture's time is that of its touch: {prompt_time_s}");
    assert!(kept.before(0.5).is_empty());
    let [(1, mask)] = kept.before(2.5) else { panic!("{:?}", kept.events) };
    let iou = mask.iou(&camera);
    assert!(iou > 0.75, "IoU {iou} with the camera under the finger");
    assert_eq!(kept.reported(|kind| matches!(kind, EventKind::Released { object: 1 })), 1);
    assert!(kept.before(f64::MAX).is_empty());
}

#[test]
fn a_long_press_takes_a_wrong_part_away_and_undo_brings_it_back() {
    let (scene, ids) = scene();
    let (apple, house) = (truth(&ids, APPLE), truth(&ids, TOY_HOUSE));
    let both = Mask::from_fn(SIZE, |x, y| {
        let id = ids[(y * SIZE.width + x) as usize];
        id == APPLE || id == TOY_HOUSE
    });
    let (around, wrong) = (both.bounding_box().unwrap(), deepest(&house).unwrap());
    let (_, kept) = play(&scene, 55, |fingers| {
        let (from, to) = (Point::new(around.x0, around.y0), Point::new(around.x1, around.y1));
        let middle = around.center();
        let id = 77;
        let drag = [(300, Phase::Down, from), (350, Phase::Move, middle), (400, Phase::Move, to), (420, Phase::Up, to)];
        fingers.script.extend(drag.map(|(ms, phase, at)| (ms, id, phase, at)));
        fingers.touch(1500, 600, wrong);
        fingers.touch(3500, 100, Point::new(20.0, 20.0));
        fingers.touch(3500, 100, Point::new(200.0, 20.0));
    });
    let mask_before = |time_s: f64| match kept.before(time_s) {
        [(1, mask)] => mask,
        other => panic!("one object at {time_s}, not {}: {:?}", other.len(), kept.events),
    };
    let (boxed, refined, undone) = (mask_before(1.5), mask_before(3.5), mask_before(f64::MAX));
    assert!(boxed.contains(wrong), "the box takes in the toy house");
    assert!(!refined.contains(wrong), "the long press takes it out");
    let (first, second) = (boxed.iou(&apple), refined.iou(&apple));
    assert!(second > 0.85 && second > first + 0.1, "IoU with the apple {first} before, {second} after");
    assert!(undone.contains(wrong) && undone.iou(boxed) > 0.9, "IoU {} with what it was", undone.iou(boxed));
    assert_eq!(kept.reported(|kind| matches!(kind, EventKind::Undone { object: 1 })), 1);
}

#[test]
fn a_gesture_means_the_frame_of_its_touch_and_a_lost_screen_is_told() {
    let start = Start::default();
    let (sink, seen) = MemorySink::boxed(Duration::ZERO);
    let event = Some(InputEvent::Lost { reason: "unplugged".into() });
    let mut fingers = Fingers { start: start.clone(), script: Vec::new(), size: FRAME, event };
    fingers.touch(500, 120, Point::new(60.0, 40.0));
    let source = Started(SteadySource::new(50.0, 50), start);
    let encoder = Box::new(GeometryEncoder { cost: Duration::ZERO });
    let pipeline = Pipeline::new(Box::new(source), encoder, Box::new(GeometryDecoder), "geometry");
    let running = pipeline.touch(Box::new(fingers), selector(FRAME)).sink(sink).start();
    let summary = running.and_then(|running| running.wait(|_| {})).unwrap();
    let seen = seen.lock().unwrap();
    let on_frame = seen.events.iter().find_map(|e| match e.kind {
        EventKind::Selected { frame, .. } => Some(frame),
        _ => None,
    });
    let on_frame = on_frame.expect("the tap is answered");
    assert!((24..=26).contains(&on_frame), "touched at 0.5 s, answered on frame {on_frame} of 50 a second");
    let first = seen.frames.iter().find(|f| !f.objects.is_empty()).unwrap();
    assert!(first.time_s >= 0.6, "the present cannot know it earlier: {}", first.time_s);
    let lost = |e: &&Event| matches!(&e.kind, EventKind::InputLost { input, reason } if input == "touch:test" && reason == "unplugged");
    assert_eq!(seen.events.iter().filter(lost).count(), 1, "{:?}", seen.events);
    assert_eq!(summary.inputs_lost, 1);
    assert!(seen.frames.last().is_some_and(|f| f.sequence == 49 && f.objects.len() == 1));
    let last = seen.frames.last().unwrap();
    assert!(last.age > Duration::ZERO && seen.summary.as_ref().unwrap()["inputs_lost"] == 1);
    assert!(last.objects[0].1.unwrap().contains(Point::new(60.0, 40.0)));
}

/// A source that reports when it started.
struct Started(SteadySource, Start);

impl Source for Started {
    fn info(&self) -> &SourceInfo {
        self.0.info()
    }

    fn next_frame(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Step> {
        let step = self.0.next_frame(frame, timeout)?;
        self.1.0.lock().unwrap().get_or_insert(frame.captured_at);
        Ok(step)
    }
}
