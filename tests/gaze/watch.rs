//! Watches a source until something has come of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use foveate::error::Error;
use foveate::geometry::Size;
use foveate::input::{GazeSource, InputEvent, OpenedPrompts, PromptAddress, TouchOptions};
use foveate::select::GazeSample;
use foveate::select::gaze::GazeSignal;
use foveate::time::{Clock, MonotonicClock, Timestamp};

/// Longer than anything here takes, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// Our frame in these tests.
pub const FRAME: Size = Size::new(640, 480);

/// A source and all that has come of it.
pub struct Watch {
    pub source: Box<dyn GazeSource>,
    pub samples: Vec<GazeSample>,
    pub signals: Vec<GazeSignal>,
    pub events: Vec<InputEvent>,
}

/// The eye tracker at `address`, with or without `gaze:`, for frames of this size.
pub fn open(address: &str, frame: Size) -> Result<Box<dyn GazeSource>, Error> {
    let address: PromptAddress = format!("gaze:{}", address.trim_start_matches("gaze:")).parse()?;
    match address.open(&TouchOptions::default(), frame, Arc::new(MonotonicClock))? {
        OpenedPrompts::Gaze(source) => Ok(source),
        _ => panic!("`{address}` is no eye tracker"),
    }
}

impl Watch {
    /// Watches what `address`, with or without `gaze:`, gives.
    pub fn open(address: &str) -> Result<Watch, Error> {
        let source = open(address, FRAME)?;
        Ok(Watch { source, samples: Vec::new(), signals: Vec::new(), events: Vec::new() })
    }

    /// Asks the source until `done`, calling `meanwhile` between.
    pub fn until(&mut self, what: &str, mut meanwhile: impl FnMut(), done: impl Fn(&Watch) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(Instant::now() < end, "{what}: {:?} {:?}", self.events, self.samples.last());
            meanwhile();
            self.source.poll(Timestamp::ZERO, MonotonicClock.now(), &mut self.samples);
            self.signals.extend(std::iter::from_fn(|| self.source.take_signal()));
            self.events.extend(std::iter::from_fn(|| self.source.take_event()));
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub fn until_samples(&mut self, count: usize) {
        self.until("samples", || (), |watch| watch.samples.len() >= count);
    }

    /// Waits for a loss, and says its reason.
    pub fn until_lost(&mut self) -> String {
        self.until("a loss", || (), |watch| watch.lost().is_some());
        self.lost().unwrap()
    }

    pub fn until_returned(&mut self) {
        self.until("a return", || (), |watch| watch.events.iter().any(|e| matches!(e, InputEvent::Returned { .. })));
    }

    pub fn lost(&self) -> Option<String> {
        self.events.iter().find_map(|e| match e {
            InputEvent::Lost { reason } => Some(reason.clone()),
            _ => None,
        })
    }

    /// How often something was rejected, and the reasons given.
    pub fn rejected(&self) -> (u64, String) {
        let mut all = (0, String::new());
        for event in &self.events {
            if let InputEvent::Rejected { count, reason } = event {
                all = (all.0 + count, all.1 + reason + "; ");
            }
        }
        all
    }

    /// Offset and uncertainty, once reported.
    pub fn clock(&self) -> Option<(f64, f64)> {
        self.events.iter().find_map(|e| match e {
            InputEvent::Clock { offset_s, uncertainty_s } => Some((*offset_s, *uncertainty_s)),
            _ => None,
        })
    }
}

/// What opening an address is refused with.
pub fn refusal(address: &str) -> String {
    Watch::open(address).err().unwrap_or_else(|| panic!("{address} was opened")).to_string()
}
