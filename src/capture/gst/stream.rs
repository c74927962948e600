use std::time::Duration;

use gstreamer as gst;
use gstreamer_app as gst_app;

use gst::prelude::*;

use super::loans::{Loans, MayTry};
use super::picture;
use crate::capture::Choice;
use crate::capture::reopen::{Arrival, Driver, Stream};
use crate::error::DeviceError;
use crate::frame::Frame;
use crate::text::without_passwords;
use crate::time::{Clock, Timestamp};

/// How long the first picture may take: a decoder is found, a server answers.
const FIRST_PICTURE: Duration = Duration::from_secs(15);
/// Time between two looks at what the pipeline says, while the first picture is waited for.
const LOOK: Duration = Duration::from_millis(50);
/// How long no picture may come.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pictures that the sink keeps, of which the newest is taken.
const KEPT: u32 = 4;
const SINK: &str = "foveate";

/// What is opened.
pub(super) struct Recipe {
    /// The source's address.
    pub device: String,
    /// All but the sink.
    pub pipeline: String,
    /// Bytes that frames under way may take.
    pub max_memory: Option<u64>,
}

/// Opens a pipeline, again and again.
pub(crate) struct GstDriver {
    recipe: Recipe,
    /// Of the pictures that came last.
    known: Option<Choice>,
    may_try: MayTry,
}

impl GstDriver {
    /// A driver of this pipeline.
    pub(super) fn new(recipe: Recipe) -> Self {
        GstDriver { recipe, known: None, may_try: MayTry::new() }
    }
}

/// A pipeline that plays.
pub(crate) struct GstStream {
    pipeline: gst::Pipeline,
    sink: gst_app::AppSink,
    bus: gst::Bus,
    /// A picture that was waited for and not read yet.
    first: Option<gst::Sample>,
    choice: Choice,
    loans: Loans,
    taken: u32,
    /// Whether its pictures come when they come: a camera's, whose stream has no end of its own.
    is_live: bool,
    /// Whether a picture was read.
    has_begun: bool,
}

impl Driver for GstDriver {
    type Stream = GstStream;

    fn open(&mut self, _: &mut Vec<String>) -> Result<GstStream, DeviceError> {
        let Recipe { device, pipeline, max_memory } = &self.recipe;
        let failed = |reason| DeviceError::Program { device: device.clone(), reason };
        let mut stream = build(pipeline, Loans::new(self.may_try.clone(), *max_memory)).map_err(failed)?;
        stream.play().map_err(failed)?;
        match self.known {
            // The stream runs: its first picture is waited for as every other.
            Some(known) => stream.choice = known,
            None => stream.wait().map_err(failed)?,
        }
        self.known = Some(stream.choice);
        Ok(stream)
    }
}

/// Makes a pipeline that ends in our sink.
fn build(description: &str, loans: Loans) -> Result<GstStream, String> {
    gst::init().map_err(|e| format!("GStreamer cannot start: {e}"))?;
    let full = format!("{description} ! appsink name={SINK}");
    let parsed = gst::parse::launch(&full).map_err(|e| format!("no such pipeline: {}", e.message()))?;
    let pipeline = parsed.downcast::<gst::Pipeline>().map_err(|_| "no pipeline".to_owned())?;
    let sink = pipeline.by_name(SINK).and_then(|sink| sink.downcast::<gst_app::AppSink>().ok());
    let sink = sink.ok_or("the pipeline has a sink of its own: leave it out")?;
    sink.set_caps(Some(&picture::caps()));
    sink.set_property("max-buffers", KEPT);
    sink.set_property("drop", true);
    // Of those that were taken it holds none.
    sink.set_property("enable-last-sample", false);
    // The monotonic clock, which frames are stamped with.
    pipeline.use_clock(Some(&gst::SystemClock::obtain()));
    let bus = pipeline.bus().ok_or("the pipeline has no bus")?;
    let choice = Choice { format: Default::default(), size: Default::default(), rate: None, cost_ms: 0.0 };
    Ok(GstStream { pipeline, sink, bus, first: None, choice, loans, taken: 0, is_live: false, has_begun: false })
}

impl GstStream {
    fn play(&mut self) -> Result<(), String> {
        let paused = self.pipeline.set_state(gst::State::Paused);
        // A live source shows its pictures as they come; one that is not is played at its own pace.
        self.is_live = paused == Ok(gst::StateChangeSuccess::NoPreroll);
        self.sink.set_property("sync", !self.is_live);
        if paused.is_err() || self.pipeline.set_state(gst::State::Playing).is_err() {
            return Err(self.complaint().unwrap_or_else(|| "the pipeline does not play".into()));
        }
        Ok(())
    }

    /// Waits for the first picture.
    fn wait(&mut self) -> Result<(), String> {
        let mut waited = Duration::ZERO;
        let sample = loop {
            if let Some(sample) = self.sink.try_pull_sample(time(LOOK)) {
                break sample;
            }
            if let Some(reason) = self.complaint() {
                return Err(reason);
            }
            if self.sink.is_eos() {
                return Err("it ends without a picture".into());
            }
            waited += LOOK;
            if waited >= FIRST_PICTURE {
                return Err(format!(
                    "no picture came within {} s: play it with `gst-launch-1.0` and `fakesink` to see what it needs",
                    FIRST_PICTURE.as_secs()
                ));
            }
        };
        let mut frame = Frame::default();
        picture::read(&sample, &mut frame, None)?;
        (self.choice.size, self.choice.format) = (frame.size, frame.format);
        self.choice.rate = picture::described(&sample);
        self.first = Some(sample);
        Ok(())
    }

    /// What went wrong, if anything did: the element, what it says, and a remedy where there is one. Everything else that the
    /// pipeline said is passed over.
    fn complaint(&self) -> Option<String> {
        while let Some(message) = self.bus.pop() {
            let gst::MessageView::Error(error) = message.view() else { continue };
            let element = error.src().map(|src| src.name().to_string()).unwrap_or_default();
            let debug = error.debug().map(|debug| debug.to_string()).unwrap_or_default();
            let said = without_passwords(&format!("{element}: {}", error.error()));
            return Some(match debug.contains("not-negotiated") {
                true => format!("{said} (no pixel format that is read: end the pipeline with `! videoconvert`)"),
                false => said,
            });
        }
        None
    }

    /// When a picture was taken, on the clock of the pipeline, which is the monotonic one.
    fn taken_at(&self, sample: &gst::Sample) -> Option<Timestamp> {
        let pts = sample.buffer()?.pts()?;
        let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
        let running = segment.to_running_time(pts)?;
        Some(Timestamp::from_nanos((self.pipeline.base_time()? + running).nseconds()))
    }
}

/// A duration as GStreamer has it.
fn time(duration: Duration) -> gst::ClockTime {
    gst::ClockTime::from_nseconds(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX - 1))
}

impl Stream for GstStream {
    fn choice(&self) -> Choice {
        self.choice
    }

    fn read(&mut self, frame: &mut Frame, timeout: Duration, clock: &dyn Clock) -> Result<Arrival, String> {
        if let Some(reason) = self.complaint() {
            return Err(reason);
        }
        let first = self.first.take();
        let Some(mut newest) = first.or_else(|| self.sink.try_pull_sample(time(timeout))) else {
            self.loans.none_came();
            // An element that fails ends the stream as well.
            if let Some(reason) = self.complaint() {
                return Err(reason);
            }
            return match self.sink.is_eos() {
                true if self.is_live => Err("the camera's stream ended".into()),
                true => Ok(Arrival { ended: true, ..Arrival::default() }),
                false => Ok(Arrival::default()),
            };
        };
        let mut passed_over = 0;
        while let Some(newer) = self.sink.try_pull_sample(gst::ClockTime::ZERO) {
            newest = newer;
            passed_over += 1;
        }
        self.has_begun = true;
        let lent = self.loans.came(&newest);
        picture::read(&newest, frame, lent)?;
        frame.captured_at = clock.now();
        self.taken = self.taken.wrapping_add(passed_over as u32 + 1);
        Ok(Arrival { sequence: Some(self.taken), reported: self.taken_at(&newest), passed_over, ..Arrival::default() })
    }

    fn patience(&self) -> Duration {
        if self.has_begun { PATIENCE } else { FIRST_PICTURE }
    }
}

impl Drop for GstStream {
    fn drop(&mut self) {
        // Nothing can be done about an element that does not stop.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}
