//! A stream that runs for a very long time: `make soak`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use foveate::Result;
use foveate::capture::{Source, SourceInfo, Step};
use foveate::engine::Precision;
use foveate::frame::{Frame, PixelFormat};
use foveate::geometry::{LabeledPoint, Size};
use foveate::input::PromptSource;
use foveate::model::{ModelOptions, Registry};
use foveate::pipeline::{Pipeline, PipelineConfig};
use foveate::scene::{Rendering, Scene};
use foveate::session::{Intent, Request};
use foveate::sink::{NdjsonOptions, NdjsonSink};
use foveate::time::{Clock, MonotonicClock};

const SIZE: Size = Size::new(320, 240);
/// Frames that reach the sinks, encoded and propagated alike.
const FRAMES: u64 = 100_000;
/// Memory counts from here on: pools are filled, every path was taken.
const WARM: u64 = 1_000;
const LOOP: usize = 75;
const FPS: f64 = 25.0;

/// A few seconds of a scene, over and over. It gives a frame when the one before is out, so that none is dropped.
struct Looped {
    info: SourceInfo,
    images: Vec<Vec<u8>>,
    /// Objects of the first image: a point in each.
    objects: Vec<LabeledPoint>,
    given: u64,
    out: Arc<AtomicU64>,
}

impl Looped {
    fn new(out: Arc<AtomicU64>) -> Self {
        let scene = Scene::new(61, SIZE);
        let mut rendering = Rendering::default();
        let mut objects = Vec::new();
        let images = (0..LOOP)
            .map(|n| {
                scene.render(n as f64 / FPS, &mut rendering);
                if n == 0 {
                    let inside =
                        |id: u8| rendering.ids.iter().enumerate().filter(move |(_, i)| **i == id).map(|(at, _)| at);
                    let middle = |id: u8| inside(id).nth(inside(id).count() / 2);
                    objects = (scene.objects().iter().filter_map(|o| middle(o.id)))
                        .map(|at| {
                            LabeledPoint::foreground((at as u32 % SIZE.width) as f32, (at as u32 / SIZE.width) as f32)
                        })
                        .collect();
                }
                rendering.rgb.clone()
            })
            .collect();
        let address = "test:loop".into();
        let info = SourceInfo { address, size: SIZE, format: PixelFormat::Rgb24, rate: None, intrinsics: None };
        Looped { info, images, objects, given: 0, out }
    }
}

impl Source for Looped {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Step> {
        if self.given == FRAMES {
            return Ok(Step::End);
        }
        let begin = MonotonicClock.now();
        while self.out.load(Ordering::Relaxed) < self.given {
            if MonotonicClock.now().since(begin) > timeout {
                return Ok(Step::Idle);
            }
            std::thread::sleep(Duration::from_micros(100));
        }
        frame.sequence = self.given;
        frame.captured_at = MonotonicClock.now();
        (frame.size, frame.format, frame.stride) = (SIZE, PixelFormat::Rgb24, SIZE.width as usize * 3);
        let data = frame.data.own_mut();
        data.clear();
        data.extend_from_slice(&self.images[self.given as usize % LOOP]);
        self.given += 1;
        Ok(Step::Frame)
    }
}

/// Objects come and go for ever: each time the image is at its beginning something happens to one of six.
struct Restless {
    objects: Vec<LabeledPoint>,
    out: Arc<AtomicU64>,
    round: u64,
}

impl PromptSource for Restless {
    fn poll(&mut self, until_s: f64, out: &mut Vec<Request>) {
        let round = self.out.load(Ordering::Relaxed) / LOOP as u64;
        if round <= self.round {
            return;
        }
        self.round = round;
        let object = 1 + (round % 6) as u32;
        let intent = if round / 6 % 3 == 2 {
            Intent::Release { object }
        } else {
            let point = self.objects[(round / 2) as usize % self.objects.len()];
            Intent::Prompt { object: Some(object), points: vec![point], bbox: None }
        };
        // The stream asks a second ahead.
        out.push(Request::new((until_s - 1.0).max(0.0), intent));
    }

    fn is_finished(&self) -> bool {
        false
    }
}

/// Counts what comes out, and the memory of the process at [`WARM`] and at most afterwards.
struct Watch {
    ndjson: NdjsonSink,
    out: Arc<AtomicU64>,
    seen: Arc<Memory>,
}

#[derive(Default)]
struct Memory {
    warm: AtomicU64,
    last: AtomicU64,
    objects: AtomicU64,
}

impl foveate::sink::Sink for Watch {
    fn name(&self) -> &str {
        "watch"
    }

    fn begin(&mut self, stream: &foveate::sink::StreamInfo) -> Result<()> {
        self.ndjson.begin(stream)
    }

    fn frame(&mut self, record: &foveate::record::FrameRecord) -> Result<()> {
        self.ndjson.frame(record)?;
        self.seen.objects.fetch_max(record.objects().len() as u64, Ordering::Relaxed);
        let out = self.out.fetch_add(1, Ordering::Relaxed) + 1;
        if out == WARM {
            self.seen.warm.store(resident_kb(), Ordering::Relaxed);
        }
        if out.is_multiple_of(WARM) {
            self.seen.last.store(resident_kb(), Ordering::Relaxed);
        }
        if out.is_multiple_of(10 * WARM) {
            eprintln!("soak: {out} frames, {} kB", resident_kb());
        }
        Ok(())
    }

    fn event(&mut self, event: &foveate::record::Event) -> Result<()> {
        self.ndjson.event(event)
    }

    fn finish(&mut self, summary: &serde_json::Value) -> Result<()> {
        self.ndjson.finish(summary)
    }
}

fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).expect("Linux tells the memory of a process")
}

#[test]
#[ignore = "ten minutes and more: make soak"]
fn memory_after_a_hundred_thousand_frames_is_that_after_a_thousand() {
    let out = Arc::new(AtomicU64::new(0));
    let source = Looped::new(Arc::clone(&out));
    let prompts = Restless { objects: source.objects.clone(), out: Arc::clone(&out), round: 0 };
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let mut options = ModelOptions::default();
    options.precision = Some(Precision::Int8);
    let model = Registry::from_dirs(&[models]).unwrap().load("foveate", &options).unwrap();
    let seen = Arc::new(Memory::default());
    let ndjson = NdjsonSink::create(Path::new("/dev/null"), NdjsonOptions::default()).unwrap();
    let watch = Watch { ndjson, out: Arc::clone(&out), seen: Arc::clone(&seen) };
    // Every third frame is encoded, so that the masks of the frames between are propagated.
    let mut config = PipelineConfig::default();
    (config.encode_every, config.max_objects) = (3, 4);
    let pipeline = Pipeline::new(Box::new(source), model.encoder().unwrap(), model.decoder().unwrap(), "foveate");
    let pipeline = pipeline.config(config).prompts(Box::new(prompts)).sink(Box::new(watch));
    let summary = pipeline.start().unwrap().wait(|_| {}).unwrap();
    let [warm, last, objects] = [&seen.warm, &seen.last, &seen.objects].map(|v| v.load(Ordering::Relaxed));
    println!(
        "{} frames, at most {objects} objects: {warm} kB after {WARM} frames, {last} kB at the end",
        summary.frames_out
    );
    assert_eq!(summary.frames_out, FRAMES);
    assert!(objects >= 3, "objects were selected");
    assert!(last as f64 <= 1.05 * warm as f64, "{warm} kB after {WARM} frames, {last} kB at the end");
}
