//! Touch through the whole pipeline: scripted contacts, the bundled model, a rendered picture whose truth is known.

mod common;
#[path = "common/ends.rs"]
mod ends;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{FRAME, GeometryDecoder, SteadySource};
use ends::{GeometryEncoder, MemorySink};
use foveate::Result;
use foveate::capture::scene::{Rendering, Scene};
use foveate::capture::{Source, SourceInfo, Step};
use foveate::frame::{Frame, PixelFormat};
use foveate::geometry::{Point, Size};
use foveate::input::{InputEvent, TouchSource};
use foveate::mask::{Border, DistanceTransform, Mask};
use foveate::model::{ModelOptions, Registry};
use foveate::pipeline::Pipeline;
use foveate::select::touch::{Contact, Fit, Phase, Rotation, TouchConfig, TouchSelector, Viewport};
use foveate::sink::{Event, EventKind, FrameRecord, Sink, StreamInfo};
use foveate::time::{Clock, MonotonicClock, Timestamp};

const SIZE: Size = Size::new(320, 240);

/// When the first frame was asked for.
#[derive(Clone, Default)]
struct Start(Arc<Mutex<Option<Timestamp>>>);

/// One picture of the scene again and again, ten times a second.
struct Still {
    info: SourceInfo,
    picture: Rendering,
    start: Start,
    next: u64,
    count: u64,
}

impl Still {
    fn new(scene: &Scene, count: u64, start: Start) -> (Self, Vec<u8>) {
        let mut picture = Rendering::default();
        scene.render(0.0, &mut picture);
        let info = SourceInfo {
            address: "test:still".into(),
            size: SIZE,
            format: PixelFormat::Rgb24,
            rate: Some(10.0),
            intrinsics: None,
        };
        let ids = picture.ids.clone();
        (Still { info, picture, start, next: 0, count }, ids)
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
        frame.data.clone_from(&self.picture.rgb);
        self.next += 1;
        Ok(Step::Frame)
    }
}

/// Fingers that do as they are told: contacts in milliseconds from the first frame, in pixels of the frame.
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

/// Keeps the last mask of every object, and the events.
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
    fn begin(&mut self, _: &StreamInfo) -> Result<()> {
        Ok(())
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
    fn finish(&mut self, _: &serde_json::Value) -> Result<()> {
        Ok(())
    }
    fn failures(&self) -> u64 {
        0
    }
}

fn truth(ids: &[u8], id: u8) -> Mask {
    Mask::from_fn(SIZE, |x, y| ids[(y * SIZE.width + x) as usize] == id)
}

#[test]
fn explore() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let registry = Registry::from_dirs(&[models]).unwrap();
    let model = registry.load("foveate", &ModelOptions::default()).unwrap();
    use foveate::geometry::*;
    use foveate::model::Prompt;
    use foveate::segment::Predictor;
    let mut predictor = Predictor::new(model.encoder().unwrap(), model.decoder().unwrap());
    for seed in 1..9 {
        let scene = Scene::new(seed, SIZE);
        let mut picture = Rendering::default();
        scene.render(0.0, &mut picture);
        let frame = Frame {
            size: SIZE,
            format: PixelFormat::Rgb24,
            stride: 960,
            data: picture.rgb.clone(),
            ..Frame::default()
        };
        predictor.set_frame(&frame).unwrap();
        let mut deep = Vec::new();
        for o in scene.objects() {
            let t = truth(&picture.ids, o.id);
            if t.area() < 600 {
                continue;
            }
            let Some(p) = deepest(&t) else { continue };
            let prompt = Prompt { points: vec![LabeledPoint::foreground(p.x, p.y)], ..Prompt::default() };
            let a = predictor.predict(&prompt, true).unwrap();
            let ious: Vec<_> = a.iter().map(|c| (c.mask.iou(&t) * 100.0).round()).collect();
            let areas: Vec<_> = a.iter().map(|c| c.area).collect();
            println!("seed {seed} {} {} area {} at {p:?} ious {ious:?} areas {areas:?}", o.id, o.name, t.area());
            deep.push((o.id, p, t));
        }
        for i in 0..deep.len() {
            for j in 0..deep.len() {
                if i == j {
                    continue;
                }
                let (a, b) = (&deep[i], &deep[j]);
                let prompt = Prompt {
                    points: vec![LabeledPoint::foreground(a.1.x, a.1.y), LabeledPoint::foreground(b.1.x, b.1.y)],
                    ..Prompt::default()
                };
                let first = predictor.predict(&prompt, false).unwrap();
                let f = &first[0];
                let covers = f.mask.contains(b.1);
                let next = Prompt {
                    points: vec![LabeledPoint::background(b.1.x, b.1.y)],
                    mask: Some(f.logits.clone()),
                    ..Prompt::default()
                };
                let second = predictor.predict(&next, false).unwrap();
                let ba = a.2.bounding_box().unwrap();
                let bb = b.2.bounding_box().unwrap();
                let u = BoundingBox::new(ba.x0.min(bb.x0), ba.y0.min(bb.y0), ba.x1.max(bb.x1), ba.y1.max(bb.y1));
                let f2 = predictor.predict(&Prompt { bbox: Some(u), ..Prompt::default() }, false).unwrap().remove(0);
                let n2 = Prompt {
                    points: vec![LabeledPoint::background(b.1.x, b.1.y)],
                    mask: Some(f2.logits.clone()),
                    ..Prompt::default()
                };
                let s2 = predictor.predict(&n2, false).unwrap().remove(0);
                println!(
                    "    box: iou a {:.2} covers a {} b {}; after bg {:.2} covers b {}",
                    f2.mask.iou(&a.2),
                    f2.mask.contains(a.1),
                    f2.mask.contains(b.1),
                    s2.mask.iou(&a.2),
                    s2.mask.contains(b.1)
                );
                println!(
                    "  {}+{}: iou a {:.2}, covers b {covers:?}; after bg {:.2}",
                    a.0,
                    b.0,
                    f.mask.iou(&a.2),
                    second[0].mask.iou(&a.2)
                );
            }
        }
    }
}

/// The place in `mask` that lies deepest.
fn deepest(mask: &Mask) -> Option<Point> {
    let mut depth = DistanceTransform::default();
    depth.compute(mask, Border::Background);
    depth.peak().map(|(point, _)| point)
}
