//! A stream on a board: the ladder with the bundled model, placement of threads, pace, what shows as stuck.

mod common;
#[path = "common/ends.rs"]
mod ends;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{GeometryDecoder, SteadySource};
use ends::{GeometryEncoder, MemorySink, Seen};
use foveate::board::{Budgets, OnFailure, Policy, Reading, Rung, Thermometer};
use foveate::capture::SourceOptions;
use foveate::capture::scene::SceneSource;
use foveate::engine::Precision;
use foveate::error::{Error, PipelineError};
use foveate::frame::Frame;
use foveate::geometry::{BoundingBox, Region, Size};
use foveate::input::PromptSource;
use foveate::model::{Decoder, Embedding, Encoder, LoadedModel, ModelOptions, Registry};
use foveate::pipeline::{Degrade, ModelVariants, Pipeline, PipelineConfig, Placement, Summary, Variant, Variants};
use foveate::record::{EventKind, FrameRecord};
use foveate::session::{Intent, Request};
use foveate::sync::StopToken;
use foveate::time::MonotonicClock;
use foveate::{Result, sink};

/// Takes its time at the full size.
struct Slow {
    encoder: Box<dyn Encoder>,
    cost: Duration,
}

impl Encoder for Slow {
    fn input_size(&self) -> Size {
        self.encoder.input_size()
    }

    fn encode_region(&mut self, frame: &Frame, region: Region, out: &mut Embedding) -> Result<()> {
        if self.input_size() == Size::new(288, 224) {
            std::thread::sleep(self.cost);
        }
        self.encoder.encode_region(frame, region, out)
    }
}

struct SlowVariants(ModelVariants, Duration);

impl Variants for SlowVariants {
    fn load(&mut self, variant: Variant) -> Result<(Box<dyn Encoder>, Box<dyn Decoder>)> {
        let (encoder, decoder) = self.0.load(variant)?;
        Ok((Box::new(Slow { encoder, cost: self.1 }), decoder))
    }
}

struct Cool;

impl Thermometer for Cool {
    fn read(&mut self) -> Reading {
        Reading { celsius: Some(40.0), throttled: None }
    }
}

/// One prompt, given out at its time.
struct One(Option<Request>);

impl PromptSource for One {
    fn poll(&mut self, until_s: f64, out: &mut Vec<Request>) {
        if self.0.as_ref().is_some_and(|p| p.time_s <= until_s) {
            out.extend(self.0.take());
        }
    }

    fn is_finished(&self) -> bool {
        self.0.is_none()
    }
}

fn box_of(ids: &[u8], id: u8, size: Size) -> BoundingBox {
    let at = |i: usize| (i as f32 % size.width as f32, (i as u32 / size.width) as f32);
    let set = ids.iter().enumerate().filter(|(_, v)| **v == id).map(|(i, _)| at(i));
    let (mut b, mut any) = (BoundingBox::new(f32::MAX, f32::MAX, 0.0, 0.0), false);
    for (x, y) in set {
        b = BoundingBox::new(b.x0.min(x), b.y0.min(y), b.x1.max(x.trunc() + 1.0), b.y1.max(y + 1.0));
        any = true;
    }
    assert!(any, "object {id} is in the image");
    b
}

#[test]
fn an_overloaded_stream_goes_down_with_its_selection_and_says_so() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let installed = Registry::from_dirs(&[models]).unwrap().get("foveate").unwrap().clone();
    let mut options = ModelOptions::default();
    let size = Size::new(320, 240);
    (options.precision, options.threads, options.frame) = (Some(Precision::F32), 1, Some(size));
    let model = LoadedModel::load(&installed, &options).unwrap();
    // A frame takes more than the budget at the full size, whatever else the machine does.
    let cost = Duration::from_millis(400);
    let encoder = Box::new(Slow { encoder: model.encoder().unwrap(), cost });
    let decoder = model.decoder().unwrap();
    let rung = |pixels| {
        let mut rung = Rung::default();
        rung.pixels = Some(pixels);
        rung
    };
    let rungs = vec![rung(192 * 192), rung(40_000)];
    let variants = ModelVariants::new(model, options, Placement::default());
    let (ladder, left_out) = variants.ladder(1, &rungs);
    assert_eq!((ladder.last(), left_out.len()), (1, 1), "40,000 pixels are no step down: {left_out:?}");
    let mut budgets = Budgets::default();
    (budgets.latency_ms, budgets.ladder) = (Some(300.0), rungs);
    let degrade =
        Degrade { budgets, ladder, variants: Box::new(SlowVariants(variants, cost)), thermometer: Box::new(Cool) };

    let mut source_options = SourceOptions::default();
    (source_options.fps, source_options.size) = (Some(8.0), Some(size));
    let source = SceneSource::open(3, &source_options, Arc::new(MonotonicClock)).unwrap();
    let scene = source.scene();
    let mut ids = Vec::new();
    scene.render_ids(0.0, &mut ids);
    let area = |id: u8| ids.iter().filter(|i| **i == id).count();
    let target = scene.objects().iter().map(|o| o.id).max_by_key(|id| area(*id)).unwrap();
    let bbox = Some(box_of(&ids, target, size));
    let prompt = Request::new(0.0, Intent::Prompt { object: Some(7), points: Vec::new(), bbox });

    let (sink, seen) = MemorySink::boxed(Duration::ZERO);
    let stop = StopToken::new();
    let running = Pipeline::new(Box::new(source), encoder, decoder, "foveate")
        .prompts(Box::new(One(Some(prompt))))
        .sink(sink)
        .degrade(degrade)
        .stop_token(stop.clone())
        .start()
        .unwrap();
    let mut out_at_switch = None;
    let summary = running
        .wait(|running| {
            let out = running.reports().decode.frames_out;
            if running.degrade().is_some_and(|d| d.rung == 1) && out > *out_at_switch.get_or_insert(out) + 6 {
                stop.stop();
            }
        })
        .unwrap();

    let seen = seen.lock().unwrap();
    let steps: Vec<_> = seen.events.iter().filter(|e| matches!(e.kind, EventKind::Degraded { .. })).collect();
    let [step] = &steps[..] else { panic!("{:?}", seen.events) };
    let EventKind::Degraded { rung, setting, reason } = &step.kind else { unreachable!() };
    assert_eq!((*rung, setting.as_str()), (1, "224x160 f32, every frame"));
    assert!(reason.starts_with("latency ") && reason.ends_with(" ms > 300 ms"), "{reason}");
    let degrade = summary.degrade.unwrap();
    assert_eq!((degrade.rung, degrade.steps, degrade.history[0].reason.as_str()), (1, 1, reason.as_str()));

    // The selection is the same one before and after, and on its object.
    let after: Vec<_> = seen.frames.iter().filter(|f| f.time_s > step.time_s).collect();
    assert!(after.len() >= 2, "{} frames after the step at {}", after.len(), step.time_s);
    let events: Vec<_> = seen.events.iter().map(|e| &e.kind).collect();
    assert!(events.iter().all(|e| !matches!(e, EventKind::Lost { .. } | EventKind::Rejected { .. })), "{events:?}");
    assert!(seen.frames.is_sorted_by(|a, b| a.sequence < b.sequence), "no frame twice, none out of order");
    for frame in &seen.frames[1..] {
        assert!(frame.age > Duration::ZERO);
        let [(7, Some(found))] = frame.objects[..] else { panic!("at {}: {:?}", frame.time_s, frame.objects) };
        scene.render_ids(frame.time_s, &mut ids);
        let truth = box_of(&ids, target, size);
        assert!(found.iou(truth) > 0.5, "at {}: {found:?} for {truth:?}", frame.time_s);
    }
}

fn placed(cores: Vec<usize>, on_failure: OnFailure) -> (Result<Summary>, Arc<Mutex<Seen>>) {
    let mut config = PipelineConfig::default();
    config.affinity.encode = cores;
    (config.scheduling.on_failure, config.scheduling.sink) = (on_failure, Policy::Nice(5));
    let (sink, seen) = MemorySink::boxed(Duration::ZERO);
    let source = Box::new(SteadySource::new(50.0, 5));
    let encoder = Box::new(GeometryEncoder { cost: Duration::ZERO });
    let pipeline = Pipeline::new(source, encoder, Box::new(GeometryDecoder), "geometry").config(config).sink(sink);
    (pipeline.start().and_then(|running| running.wait(|_| {})), seen)
}

#[cfg(target_os = "linux")]
#[test]
fn a_placement_that_is_refused_warns_or_fails_as_the_profile_says() {
    let (summary, _) = placed(vec![1000], OnFailure::Warn);
    assert!(summary.unwrap().frames_out > 0);
    let (refused, seen) = placed(vec![1000], OnFailure::Fail);
    match refused.unwrap_err() {
        Error::Pipeline(PipelineError::Placement { stage, reason }) => {
            assert_eq!(stage, "encode");
            assert!(reason.contains("[1000]") && reason.contains("`affinity`"), "{reason}");
        }
        other => panic!("{other}"),
    }
    assert!(seen.lock().unwrap().frames.is_empty());
}

/// Notes the niceness of its thread.
#[cfg(target_os = "linux")]
struct Niceness(Arc<Mutex<Option<i32>>>);

#[cfg(target_os = "linux")]
impl sink::Sink for Niceness {
    fn name(&self) -> &str {
        "niceness"
    }
    fn begin(&mut self, _: &sink::StreamInfo) -> Result<()> {
        // The 19th field; the second, the thread's name, has no space here.
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        *self.0.lock().unwrap() = stat.split(' ').nth(18).and_then(|n| n.parse().ok());
        Ok(())
    }
    fn frame(&mut self, _: &FrameRecord) -> Result<()> {
        Ok(())
    }
}

#[cfg(target_os = "linux")]
#[test]
fn policies_reach_the_threads() {
    let found = Arc::new(Mutex::new(None));
    let mut config = PipelineConfig::default();
    (config.scheduling.on_failure, config.scheduling.sink) = (OnFailure::Fail, Policy::Nice(7));
    let encoder = Box::new(GeometryEncoder { cost: Duration::ZERO });
    Pipeline::new(Box::new(SteadySource::new(50.0, 3)), encoder, Box::new(GeometryDecoder), "geometry")
        .config(config)
        .sink(Box::new(Niceness(Arc::clone(&found))))
        .start()
        .and_then(|running| running.wait(|_| {}))
        .unwrap();
    assert_eq!(*found.lock().unwrap(), Some(7));
}

#[test]
fn fewer_frames_are_encoded_when_one_stands_for_several() {
    let run = |encode_every| {
        let encoder = Box::new(GeometryEncoder { cost: Duration::ZERO });
        let source = Box::new(SteadySource::new(60.0, 40));
        let mut config = PipelineConfig::default();
        config.encode_every = encode_every;
        let pipeline = Pipeline::new(source, encoder, Box::new(GeometryDecoder), "geometry").config(config);
        pipeline.start().and_then(|running| running.wait(|_| {})).unwrap()
    };
    let third = run(3);
    let encoded = third.stages.encode.frames_out;
    assert!((1..=14).contains(&encoded) && encoded < third.frames_out, "the others are propagated: {third:?}");
    assert_eq!(third.frames_out + third.frames_dropped, 40, "every frame is a record or a counted drop");
}

#[test]
fn a_stream_that_hangs_shows_as_stuck_while_it_does() {
    let mut config = PipelineConfig::default();
    config.stall_after = Duration::from_millis(200);
    let encoder = Box::new(GeometryEncoder { cost: Duration::from_millis(900) });
    let source = Box::new(SteadySource::new(50.0, 3));
    let mut stuck = Vec::new();
    Pipeline::new(source, encoder, Box::new(GeometryDecoder), "geometry")
        .config(config)
        .start()
        .unwrap()
        .wait(|running| stuck.extend(running.stuck()))
        .unwrap();
    assert!(stuck.iter().any(|what| what == "encode"), "{stuck:?}");
}
