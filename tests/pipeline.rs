//! The pipeline's promises, with stand-ins at its ends: order, drops, bounded age, prompts on the frame of their time,
//! and an end that loses nothing, whatever breaks.

mod common;
#[path = "common/ends.rs"]
mod ends;

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{FRAME, GeometryDecoder, INPUT, SteadySource};
use ends::{GeometryEncoder, MemorySink, Seen};
use foveate::Result;
use foveate::capture::{Source, SourceInfo, Step};
use foveate::error::{DeviceError, Error, ImageError, IoError, PipelineError};
use foveate::frame::Frame;
use foveate::geometry::{LabeledPoint, Region, Size};
use foveate::input::PromptSource;
use foveate::model::{Embedding, Encoder};
use foveate::pipeline::{Pipeline, PipelineConfig, Summary};
use foveate::record::{Event, EventKind, FrameRecord};
use foveate::session::{Intent, Request};
use foveate::sink::Sink;
use foveate::sync::StopToken;

/// Prompts given out when they are asked for.
struct Prompts(Vec<Request>);

impl PromptSource for Prompts {
    fn poll(&mut self, until_s: f64, out: &mut Vec<Request>) {
        let due = self.0.partition_point(|p| p.time_s <= until_s);
        out.extend(self.0.drain(..due));
    }

    fn is_finished(&self) -> bool {
        self.0.is_empty()
    }
}

fn point(time_s: f64, object: u32, x: f32, y: f32) -> Request {
    let points = vec![LabeledPoint::foreground(x, y)];
    Request::new(time_s, Intent::Prompt { object: Some(object), points, bbox: None })
}

fn pipeline(source: SteadySource, encode: Duration) -> Pipeline {
    Pipeline::new(Box::new(source), Box::new(GeometryEncoder { cost: encode }), Box::new(GeometryDecoder), "geometry")
}

fn run(pipeline: Pipeline, sink_cost: Duration) -> (Result<Summary>, Arc<Mutex<Seen>>) {
    let (sink, seen) = MemorySink::boxed(sink_cost);
    let result = pipeline.sink(sink).start().and_then(|running| running.wait(|_| {}));
    (result, seen)
}

#[test]
fn an_unhurried_stream_loses_nothing_and_keeps_order() {
    let (summary, seen) = run(pipeline(SteadySource::new(40.0, 30), Duration::ZERO), Duration::ZERO);
    let summary = summary.unwrap();
    let seen = seen.lock().unwrap();
    let sequences: Vec<_> = seen.frames.iter().map(|f| f.sequence).collect();
    assert!(sequences.is_sorted_by(|a, b| a < b), "{sequences:?}");
    assert_eq!(summary.frames_captured, 30);
    assert_eq!(summary.frames_out + summary.frames_dropped, 30, "every frame is a record or a counted drop");
    assert_eq!(seen.frames.len() as u64, summary.frames_out);
    assert!(seen.frames.iter().all(|f| f.age > Duration::ZERO));
    assert_eq!(seen.summary.as_ref().unwrap()["frames_out"], summary.frames_out);
}

#[test]
fn a_slow_encoder_drops_frames_and_age_stays_bounded() {
    let encode = Duration::from_millis(40);
    let (summary, seen) = run(pipeline(SteadySource::new(200.0, 100), encode), Duration::ZERO);
    let summary = summary.unwrap();
    assert!(summary.frames_dropped > 50, "{summary:?}");
    assert_eq!(summary.frames_out + summary.frames_dropped, 100);
    assert_eq!(summary.throughput.slowest_stage, "encode");
    // Without the newest-wins rule the last frame would wait for all before it: ages grow with the stream's length.
    let ages: Vec<_> = seen.lock().unwrap().frames.iter().map(|f| f.age).collect();
    let mut second_half = ages[ages.len() / 2..].to_vec();
    second_half.sort();
    // A machine that is busy with other work sleeps longer than it was asked to.
    let encoding = Duration::from_secs_f64(summary.stages.encode.service.mean_ms / 1e3).max(encode);
    assert!(second_half[second_half.len() / 2] < encoding * 6, "{ages:?} with {encoding:?} an encoding");
    assert_eq!(seen.lock().unwrap().frames.last().unwrap().sequence, 99, "the newest frame is never the dropped one");
}

/// Frames between the encoded ones come out too, with the objects propagated to them.
#[test]
fn frames_that_are_not_encoded_carry_the_objects() {
    let mut config = PipelineConfig::default();
    config.encode_every = 3;
    let prompts = Prompts(vec![point(0.2, 1, 40.0, 30.0)]);
    let stream =
        pipeline(SteadySource::new(40.0, 40), Duration::from_millis(2)).config(config).prompts(Box::new(prompts));
    let (summary, seen) = run(stream, Duration::ZERO);
    let summary = summary.unwrap();
    let encoded = summary.stages.encode.frames_out;
    assert!(encoded <= 14, "{encoded} of 40 frames encoded");
    assert_eq!(summary.frames_out + summary.frames_dropped, 40);
    assert!(summary.frames_out > 2 * encoded, "{} records of {encoded} encoded frames", summary.frames_out);
    let seen = seen.lock().unwrap();
    let selected = seen.frames.iter().position(|f| !f.objects.is_empty()).expect("the prompt is answered");
    assert!(seen.frames[selected..].iter().all(|f| matches!(f.objects[..], [(1, Some(_))])));
}

#[test]
fn a_slow_sink_stalls_nobody() {
    let (summary, seen) = run(pipeline(SteadySource::new(100.0, 60), Duration::ZERO), Duration::from_millis(60));
    let summary = summary.unwrap();
    let sink = summary.stages.iter().find(|s| s.stage == "sink memory").unwrap();
    assert!(sink.dropped > 0, "{summary:?}");
    assert_eq!(sink.frames_out + sink.dropped, summary.frames_out);
    assert_eq!(sink.frames_out, seen.lock().unwrap().frames.len() as u64);
    assert!(summary.frames_out > 2 * sink.frames_out);
}

#[test]
fn a_prompt_selects_and_the_object_is_carried_until_released() {
    let release = Request::new(0.8, Intent::Release { object: 3 });
    let prompts = Prompts(vec![point(0.3, 3, 60.0, 40.0), release]);
    let (summary, seen) =
        run(pipeline(SteadySource::new(30.0, 36), Duration::ZERO).prompts(Box::new(prompts)), Duration::ZERO);
    assert_eq!(summary.unwrap().prompts_unanswered, 0);
    let seen = seen.lock().unwrap();
    for frame in &seen.frames {
        let expected = frame.time_s >= 0.3 && frame.time_s < 0.8;
        assert_eq!(frame.objects.len(), expected as usize, "at {}", frame.time_s);
        for (id, bbox) in &frame.objects {
            assert_eq!(*id, 3);
            assert!(bbox.unwrap().contains(LabeledPoint::foreground(60.0, 40.0).point));
        }
    }
    let selected = seen.events.iter().filter(|e| matches!(e.kind, EventKind::Selected { object: 3, .. })).count();
    let released = seen.events.iter().filter(|e| matches!(e.kind, EventKind::Released { object: 3 })).count();
    assert_eq!((selected, released), (1, 1), "{:?}", seen.events);
}

/// Gives its prompt out `late_by` seconds after its time, as a gesture that takes time to recognise does.
struct Late(Option<Request>, f64);

impl PromptSource for Late {
    fn poll(&mut self, until_s: f64, out: &mut Vec<Request>) {
        // The pipeline asks one second ahead.
        if self.0.as_ref().is_some_and(|p| p.time_s + self.1 <= until_s - 1.0) {
            out.extend(self.0.take());
        }
    }

    fn is_finished(&self) -> bool {
        self.0.is_none()
    }
}

#[test]
fn a_late_prompt_is_answered_on_the_frame_of_its_time() {
    let late = Late(Some(point(0.5, 1, 60.0, 40.0)), 0.12);
    let (summary, seen) =
        run(pipeline(SteadySource::new(50.0, 50), Duration::ZERO).prompts(Box::new(late)), Duration::ZERO);
    summary.unwrap();
    let seen = seen.lock().unwrap();
    let on_frame = seen.events.iter().find_map(|e| match e.kind {
        EventKind::Selected { frame, .. } => Some(frame),
        _ => None,
    });
    let on_frame = on_frame.expect("the prompt is answered");
    assert!((24..=26).contains(&on_frame), "asked at 0.5 s, answered on frame {on_frame} of 50 a second");
    let first = seen.frames.iter().find(|f| !f.objects.is_empty()).unwrap();
    assert!(first.time_s >= 0.6, "the present cannot know it earlier: {}", first.time_s);
}

#[test]
fn a_bad_prompt_is_refused_and_the_stream_goes_on() {
    let prompts = Prompts(vec![point(0.05, 1, 9_000.0, 40.0), point(0.1, 2, f32::NAN, 1.0)]);
    let (summary, seen) =
        run(pipeline(SteadySource::new(60.0, 20), Duration::ZERO).prompts(Box::new(prompts)), Duration::ZERO);
    assert!(summary.unwrap().frames_out > 10);
    let seen = seen.lock().unwrap();
    let refused: Vec<_> = seen.events.iter().filter(|e| matches!(e.kind, EventKind::Rejected { .. })).collect();
    assert_eq!(refused.len(), 2, "{:?}", seen.events);
    assert!(seen.frames.iter().all(|f| f.objects.is_empty()));
}

#[test]
fn too_many_objects_release_the_oldest() {
    let prompts = Prompts((1..=4).map(|id| point(0.05 * id as f64, id, 20.0 * id as f32, 40.0)).collect());
    let mut config = PipelineConfig::default();
    config.max_objects = 2;
    let (summary, seen) = run(
        pipeline(SteadySource::new(60.0, 30), Duration::ZERO).prompts(Box::new(prompts)).config(config),
        Duration::ZERO,
    );
    summary.unwrap();
    let seen = seen.lock().unwrap();
    let last: Vec<_> = seen.frames.last().unwrap().objects.iter().map(|o| o.0).collect();
    assert_eq!(last, [3, 4]);
    assert!(seen.frames.iter().all(|f| f.objects.len() <= 2));
}

#[test]
fn stopping_from_outside_finishes_the_sinks() {
    let stop = StopToken::new();
    let (sink, seen) = MemorySink::boxed(Duration::ZERO);
    let running =
        pipeline(SteadySource::new(50.0, 1_000_000), Duration::ZERO).sink(sink).stop_token(stop.clone()).start();
    let summary = running
        .unwrap()
        .wait(|running| {
            if running.reports().decode.frames_out > 5 {
                stop.stop();
            }
        })
        .unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.summary.is_some());
    assert_eq!(seen.frames.len() as u64, summary.frames_out, "what was decoded is written");
}

/// Frames of twice the size from number 20 on, as a camera may send after it was away.
struct Growing(SteadySource);

impl Source for Growing {
    fn info(&self) -> &SourceInfo {
        self.0.info()
    }

    fn next_frame(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Step> {
        let step = self.0.next_frame(frame, timeout)?;
        if frame.sequence >= 20 {
            frame.size = Size::new(2 * FRAME.width, 2 * FRAME.height);
            frame.stride = frame.size.width as usize;
            frame.data.own_mut().resize(frame.size.area(), 128);
        }
        Ok(step)
    }
}

#[test]
fn an_object_is_carried_into_frames_of_another_size() {
    let source = Growing(SteadySource::new(40.0, 40));
    let encoder = Box::new(GeometryEncoder { cost: Duration::ZERO });
    let prompts = Prompts(vec![point(0.1, 7, 40.0, 48.0)]);
    let pipeline =
        Pipeline::new(Box::new(source), encoder, Box::new(GeometryDecoder), "geometry").prompts(Box::new(prompts));
    let (summary, seen) = run(pipeline, Duration::ZERO);
    summary.unwrap();
    let seen = seen.lock().unwrap();
    assert!(!seen.events.iter().any(|e| matches!(e.kind, EventKind::Lost { .. })), "{:?}", seen.events);
    let boxes = |from: u64, to: u64| {
        let frames = seen.frames.iter().filter(move |f| (from..to).contains(&f.sequence));
        frames.filter_map(|f| f.objects.first()?.1).map(|b| b.center()).collect::<Vec<_>>()
    };
    let (before, after) = (boxes(10, 20), boxes(20, 40));
    assert!(!before.is_empty() && !after.is_empty());
    let (b, a) = (before[before.len() - 1], after[after.len() - 1]);
    assert!((a.x - 2.0 * b.x).abs() < 6.0 && (a.y - 2.0 * b.y).abs() < 6.0, "{b:?} became {a:?}");
}

/// Finds every image of number `from` or later unreadable, up to number `to`.
struct Torn {
    from: u64,
    to: u64,
}

impl Encoder for Torn {
    fn input_size(&self) -> Size {
        INPUT
    }

    fn encode_region(&mut self, frame: &Frame, region: Region, out: &mut Embedding) -> Result<()> {
        if (self.from..self.to).contains(&frame.sequence) {
            return Err(ImageError::Undecodable { what: "JPEG frame".into(), reason: "test".into() }.into());
        }
        GeometryEncoder { cost: Duration::ZERO }.encode_region(frame, region, out)
    }
}

#[test]
fn damaged_images_are_drops_unless_there_is_nothing_else() {
    let torn = |encoder: Torn| {
        let source = Box::new(SteadySource::new(100.0, 60));
        run(Pipeline::new(source, Box::new(encoder), Box::new(GeometryDecoder), "geometry"), Duration::ZERO)
    };
    let (summary, seen) = torn(Torn { from: 10, to: 13 });
    let summary = summary.unwrap();
    assert_eq!(summary.frames_out + summary.frames_dropped, 60);
    assert!(summary.frames_dropped >= 1);
    assert!(seen.lock().unwrap().frames.iter().any(|f| f.sequence > 13));
    let (error, seen) = torn(Torn { from: 3, to: 1000 });
    assert!(matches!(error.unwrap_err(), Error::Image(ImageError::Undecodable { .. })));
    assert!(seen.lock().unwrap().summary.is_some(), "the sinks still finish");
}

/// Fails, or panics, at the third frame.
struct Breaking {
    frames: u32,
    panics: bool,
}

impl Encoder for Breaking {
    fn input_size(&self) -> Size {
        INPUT
    }

    fn encode_region(&mut self, frame: &Frame, region: Region, out: &mut Embedding) -> Result<()> {
        self.frames += 1;
        if self.frames < 3 {
            return GeometryEncoder { cost: Duration::ZERO }.encode_region(frame, region, out);
        }
        assert!(!self.panics, "the test asked for a panic");
        Err(DeviceError::Lost { device: "encoder".into(), reason: "test".into() }.into())
    }
}

fn broken(panics: bool) -> (Error, Arc<Mutex<Seen>>) {
    let source = SteadySource::new(50.0, 1_000_000);
    let encoder = Box::new(Breaking { frames: 0, panics });
    let pipeline = Pipeline::new(Box::new(source), encoder, Box::new(GeometryDecoder), "geometry");
    let (result, seen) = run(pipeline, Duration::ZERO);
    (result.unwrap_err(), seen)
}

#[test]
fn an_error_in_a_stage_ends_the_stream_with_that_error() {
    let (error, seen) = broken(false);
    assert!(matches!(error, Error::Device(DeviceError::Lost { .. })), "{error}");
    assert!(seen.lock().unwrap().summary.is_some(), "the sinks still finish");
}

#[test]
fn a_panic_in_a_stage_ends_the_stream_and_names_the_stage() {
    let (error, seen) = broken(true);
    assert!(matches!(&error, Error::Pipeline(PipelineError::Panicked { stage }) if stage == "encode"), "{error}");
    assert!(seen.lock().unwrap().summary.is_some(), "the sinks still finish");
}

/// Fails with every write as a full disk or a closed pipe does.
struct Failing {
    kind: std::io::ErrorKind,
}

impl Sink for Failing {
    fn name(&self) -> &str {
        "failing"
    }
    fn frame(&mut self, _: &FrameRecord) -> Result<()> {
        Err(IoError::when("write", "/full/disk")(self.kind.into()).into())
    }
}

#[test]
fn a_full_disk_is_told_once_and_the_stream_goes_on() {
    let failing = Box::new(Failing { kind: ErrorKind::StorageFull });
    let (summary, seen) = run(pipeline(SteadySource::new(50.0, 20), Duration::ZERO).sink(failing), Duration::ZERO);
    let summary = summary.unwrap();
    assert!(summary.sink_failures > 1, "{summary:?}");
    let seen = seen.lock().unwrap();
    assert_eq!(seen.frames.len() as u64, summary.frames_out, "the other sink gets every record");
    let reported: Vec<_> = seen.events.iter().filter(|e| matches!(e.kind, EventKind::SinkFailed { .. })).collect();
    assert_eq!(reported.len(), 1, "{:?}", seen.events);
    let text = format!("{reported:?}");
    assert!(text.contains("/full/disk") && text.contains("Free some space"), "{text}");
}

#[test]
fn a_reader_who_goes_away_ends_its_sink_and_no_other() {
    let failing = Box::new(Failing { kind: ErrorKind::BrokenPipe });
    let (summary, seen) = run(pipeline(SteadySource::new(50.0, 40), Duration::ZERO).sink(failing), Duration::ZERO);
    let summary = summary.unwrap();
    assert_eq!(summary.sink_failures, 1, "nothing more is written: {summary:?}");
    let seen = seen.lock().unwrap();
    assert_eq!(seen.frames.len() as u64, summary.frames_out, "the other sink gets every record");
    let failed = |e: &Event| matches!(&e.kind, EventKind::SinkFailed { sink, .. } if sink == "failing");
    assert_eq!(seen.events.iter().filter(|e| failed(e)).count(), 1, "{:?}", seen.events);
    assert!(seen.summary.is_some());
}

#[test]
fn a_stream_that_nobody_reads_any_more_ends() {
    let failing = || Box::new(Failing { kind: ErrorKind::BrokenPipe });
    let pipeline = pipeline(SteadySource::new(50.0, 1_000_000), Duration::ZERO).sink(failing()).sink(failing());
    assert!(pipeline.start().unwrap().wait(|_| {}).unwrap_err().is_closed_pipe());
}

/// Never comes back from its first frame.
struct Stuck;

impl Sink for Stuck {
    fn name(&self) -> &str {
        "stuck"
    }
    fn frame(&mut self, _: &FrameRecord) -> Result<()> {
        loop {
            std::thread::park();
        }
    }
}

#[test]
fn a_sink_that_never_comes_back_does_not_keep_the_stream_from_ending() {
    let (summary, seen) =
        run(pipeline(SteadySource::new(50.0, 20), Duration::ZERO).sink(Box::new(Stuck)), Duration::ZERO);
    assert_eq!(summary.unwrap().sink_failures, 1, "what it held is lost");
    assert!(seen.lock().unwrap().summary.is_some());
}

#[test]
fn a_stage_that_hangs_is_named() {
    let mut config = PipelineConfig::default();
    config.stall_after = Duration::from_millis(150);
    let (summary, seen) =
        run(pipeline(SteadySource::new(50.0, 3), Duration::from_millis(600)).config(config), Duration::ZERO);
    summary.unwrap();
    let seen = seen.lock().unwrap();
    let stalled = seen.events.iter().any(|e| matches!(&e.kind, EventKind::Stalled { stage, .. } if stage == "encode"));
    assert!(stalled, "{:?}", seen.events);
}
