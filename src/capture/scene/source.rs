use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::{Rendering, Scene};

use crate::capture::events::Events;
use crate::capture::{Source, SourceEvent, SourceInfo, SourceOptions, Step};
use crate::error::{ConfigError, Result};
use crate::frame::{Colorimetry, Frame, PixelFormat};
use crate::time::{Clock, Timestamp};

/// When a stream's frame 0 was due; unknown until the first frame is asked for. Clones share it, so that a simulated
/// gaze can run on the stream's time.
#[derive(Clone, Debug, Default)]
pub struct StreamStart(Arc<OnceLock<Timestamp>>);

impl StreamStart {
    pub fn get(&self) -> Option<Timestamp> {
        self.0.get().copied()
    }
}

/// How a source waits for its next frame.
type Wait = Box<dyn FnMut(Duration) + Send>;

/// A rendered scene as a camera: RGB frames at a fixed rate in real time.
///
/// Frame `n` shows the world at `n / fps` seconds and is due, and stamped, so long after the first was asked for. A
/// consumer that comes too late gets the newest frame that is due; those it missed leave a gap in the sequence numbers and
/// are reported as dropped.
pub struct SceneSource {
    info: SourceInfo,
    scene: Arc<Scene>,
    fps: f64,
    clock: Arc<dyn Clock>,
    start: StreamStart,
    wait: Wait,
    next: u64,
    rendering: Rendering,
    events: Events,
}

impl SceneSource {
    /// A camera on the world of `seed`, with the size and rate of `options`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn open(seed: u64, options: &SourceOptions, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let scene = Scene::new(seed, options.size.unwrap_or(SourceOptions::DEFAULT_SIZE));
        Self::new(Arc::new(scene), options.rate()?, clock)
    }

    /// A camera on `scene` with `fps` frames per second.
    ///
    /// # Errors
    /// A rate that is not a number above 0 and up to 1000.
    pub fn new(scene: Arc<Scene>, fps: f64, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let address = format!("scene:{}", scene.seed());
        if !(fps > 0.0 && fps <= 1000.0) {
            let reason = format!("{fps} frames per second cannot be rendered: give a rate above 0 and up to 1000");
            return Err(ConfigError::Invalid { origin: address, reason });
        }
        let info = SourceInfo {
            address,
            size: scene.size(),
            format: PixelFormat::Rgb24,
            rate: Some(fps),
            intrinsics: Some(scene.intrinsics()),
        };
        Ok(SceneSource {
            info,
            scene,
            fps,
            clock,
            start: StreamStart::default(),
            wait: Box::new(std::thread::sleep),
            next: 0,
            rendering: Rendering::default(),
            events: Events::default(),
        })
    }

    /// Waits by calling `wait` instead of putting the thread to sleep.
    pub fn waiting_by(mut self, wait: impl FnMut(Duration) + Send + 'static) -> Self {
        self.wait = Box::new(wait);
        self
    }

    /// The scene that is filmed, for those who need the truth about it.
    pub fn scene(&self) -> Arc<Scene> {
        Arc::clone(&self.scene)
    }

    /// When the stream starts.
    pub fn start(&self) -> StreamStart {
        self.start.clone()
    }

    /// Seconds from the stream's start to a frame.
    pub fn frame_time(&self, sequence: u64) -> f64 {
        sequence as f64 / self.fps
    }
}

impl Source for SceneSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Step> {
        let now = self.clock.now();
        let start = *self.start.0.get_or_init(|| now);
        // The small addend keeps a frame that is due this very nanosecond from being rounded away.
        let newest = (now.since(start).as_secs_f64() * self.fps + 1e-6) as u64;
        let sequence = self.next.max(newest);
        let due = start + Duration::from_secs_f64(self.frame_time(sequence));
        let ahead = due.since(now);
        if ahead > timeout {
            (self.wait)(timeout);
            return Ok(Step::Idle);
        }
        if !ahead.is_zero() {
            (self.wait)(ahead);
        }
        if sequence > self.next {
            self.events.dropped(sequence - self.next, "the scene is rendered more slowly than its rate");
        }
        std::mem::swap(&mut self.rendering.rgb, &mut frame.data);
        self.scene.render(self.frame_time(sequence), &mut self.rendering);
        std::mem::swap(&mut self.rendering.rgb, &mut frame.data);
        frame.sequence = sequence;
        frame.captured_at = due;
        frame.size = self.info.size;
        frame.format = PixelFormat::Rgb24;
        frame.colorimetry = Colorimetry::default();
        frame.stride = self.info.size.width as usize * 3;
        self.next = sequence + 1;
        Ok(Step::Frame)
    }

    fn take_event(&mut self) -> Option<SourceEvent> {
        self.events.take()
    }
}

impl fmt::Debug for SceneSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SceneSource").field("info", &self.info).field("next", &self.next).finish_non_exhaustive()
    }
}
