//! After warm-up the pipeline's own stages allocate nothing per frame.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use common::{GeometryDecoder, INPUT, SteadySource};
use foveate::Result;
use foveate::frame::{Frame, Normalization, Preprocessor};
use foveate::geometry::{LabeledPoint, Region, Size};
use foveate::input::PromptSource;
use foveate::model::{Embedding, Encoder};
use foveate::pipeline::{Pipeline, PipelineConfig};
use foveate::record::FrameRecord;
use foveate::session::{Intent, Request};
use foveate::sink::overlay::Painter;
use foveate::sink::{NdjsonOptions, NdjsonSink, Sink};

static COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, counting while [`COUNTING`] is set.
struct Counting;

impl Counting {
    fn note(&self, layout: Layout) {
        if COUNTING.load(Ordering::Relaxed) {
            ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
            BYTES.fetch_add(layout.size() as u64, Ordering::Relaxed);
        }
    }
}

// SAFETY: every call is passed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.note(layout);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.note(layout);
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Makes the real tensor from each frame; the network itself is the engine's.
struct PreprocessingEncoder {
    preprocessor: Preprocessor,
    tensor: Vec<f32>,
}

impl Encoder for PreprocessingEncoder {
    fn input_size(&self) -> Size {
        INPUT
    }

    fn encode_region(&mut self, frame: &Frame, region: Region, out: &mut Embedding) -> Result<()> {
        out.letterbox = self.preprocessor.run_region(frame, region, &mut self.tensor)?;
        Ok(())
    }
}

/// Two objects, selected on the first frame.
struct TwoObjects(bool);

impl PromptSource for TwoObjects {
    fn poll(&mut self, _until_s: f64, out: &mut Vec<Request>) {
        if !std::mem::replace(&mut self.0, true) {
            for (object, x) in [(1, 40.0), (2, 90.0)] {
                let points = vec![LabeledPoint::foreground(x, 40.0)];
                out.push(Request::new(0.0, Intent::Prompt { object: Some(object), points, bbox: None }));
            }
        }
    }
    fn is_finished(&self) -> bool {
        self.0
    }
}

/// Paints each frame, and counts allocations between two frames.
struct PaintAndCount {
    painter: Painter,
    rgb: Vec<u8>,
    seen: u64,
}

const WARM: u64 = 60;
const COUNTED: u64 = 120;

impl Sink for PaintAndCount {
    fn name(&self) -> &str {
        "count"
    }
    fn frame(&mut self, record: &FrameRecord) -> Result<()> {
        if let Some(frame) = &record.frame {
            foveate::frame::to_rgb(frame, &mut self.rgb)?;
            self.painter.draw(&mut self.rgb, frame.size, record);
        }
        self.seen += 1;
        if self.seen == WARM {
            assert_eq!(record.objects().len(), 2);
            COUNTING.store(true, Ordering::SeqCst);
        } else if self.seen == WARM + COUNTED {
            COUNTING.store(false, Ordering::SeqCst);
        }
        Ok(())
    }
}

#[test]
fn a_running_stream_allocates_nothing() {
    let encoder = PreprocessingEncoder {
        preprocessor: Preprocessor::new(INPUT, Normalization::IMAGENET),
        tensor: vec![0.0; 3 * INPUT.area()],
    };
    let source = SteadySource::new(120.0, WARM + COUNTED + 60);
    let ndjson = NdjsonSink::new("test".into(), Path::new("test"), std::io::sink(), NdjsonOptions::default());
    let counter = PaintAndCount { painter: Painter::new(), rgb: Vec::new(), seen: 0 };
    let mut config = PipelineConfig::default();
    config.sink_queue = 16;
    let running = Pipeline::new(Box::new(source), Box::new(encoder), Box::new(GeometryDecoder), "geometry")
        .prompts(Box::new(TwoObjects(false)))
        .sink(Box::new(ndjson))
        .sink(Box::new(counter))
        .config(config)
        .start()
        .unwrap();
    // The waiting thread is this test's own; it must not disturb the count.
    while !running.is_finished() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let summary = running.wait(|_| {}).unwrap();
    assert!(!COUNTING.load(Ordering::SeqCst), "the stream was too short: {summary:?}");
    let (count, bytes) = (ALLOCATIONS.load(Ordering::SeqCst), BYTES.load(Ordering::SeqCst));
    assert_eq!(count, 0, "{count} allocations of {bytes} bytes in {COUNTED} frames");
}
