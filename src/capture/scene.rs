//! The `scene[:SEED]` source: a rendered scene as a camera.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::events::Events;
use super::{Source, SourceAddress, SourceEvent, SourceInfo, SourceOptions, Step};
use crate::address::AddressError;
use crate::error::{ConfigError, Result};
use crate::frame::{Colorimetry, Frame, PixelFormat};
use crate::scene::{Rendering, Scene};
use crate::time::{Clock, Timestamp};

/// When a stream's frame 0 was due; unknown until the first frame is asked for. Clones share it, so that a simulated
/// gaze can run on the stream's time.
#[derive(Clone, Debug, Default)]
pub struct StreamStart(Arc<OnceLock<Timestamp>>);

impl StreamStart {
    /// The time, once the first frame was asked for.
    pub fn get(&self) -> Option<Timestamp> {
        self.0.get().copied()
    }
}

const SCHEME: &str = "scene";

/// The address of a scene.
fn written(seed: u64) -> String {
    format!("{SCHEME}:{seed}")
}

/// Reads the place of `scene[:SEED]`.
pub(super) fn address(place: Option<&str>) -> Result<SourceAddress, AddressError> {
    let seed = match place {
        Some(seed) => seed.parse().map_err(|_| AddressError::Form)?,
        None => SceneSource::DEFAULT_SEED,
    };
    Ok(SceneSource::address(seed))
}

/// How a source waits for its next frame.
type Wait = Box<dyn FnMut(Duration) + Send>;

/// A rendered scene as a camera: RGB frames at a fixed rate in real time.
///
/// Frame `n` shows the world at `n / fps` seconds and is due, and stamped, so long after the first was asked for. A
/// consumer that comes too late gets the newest frame that is due; those it missed leave a gap in the sequence numbers and
/// are reported as dropped, unless every frame is asked for ([`SourceOptions::every_frame`]).
pub struct SceneSource {
    info: SourceInfo,
    scene: Arc<Scene>,
    fps: f64,
    clock: Arc<dyn Clock>,
    start: StreamStart,
    wait: Wait,
    every_frame: bool,
    next: u64,
    rendering: Rendering,
    events: Events,
}

impl SceneSource {
    /// The scene that is shown where nobody names a seed.
    pub const DEFAULT_SEED: u64 = 1;

    /// The address of the scene of `seed`.
    pub fn address(seed: u64) -> SourceAddress {
        SourceAddress::new(written(seed), move |options, clock| Ok(SceneSource::open(seed, options, clock)?))
    }

    /// The seed of an address, if it is a scene's.
    pub fn seed_of(address: &SourceAddress) -> Option<u64> {
        address.place_in(SCHEME)?.parse().ok()
    }

    /// A camera on the world of `seed`, with the size and rate of `options`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn open(seed: u64, options: &SourceOptions, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let scene = Scene::new(seed, options.size.unwrap_or(SourceOptions::DEFAULT_SIZE));
        let source = Self::new(Arc::new(scene), options.rate()?, clock)?;
        Ok(SceneSource { every_frame: options.every_frame, ..source })
    }

    /// A camera on `scene` with `fps` frames per second.
    ///
    /// # Errors
    /// A rate that is not a number above 0 and up to 1000.
    pub fn new(scene: Arc<Scene>, fps: f64, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let address = written(scene.seed());
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
            every_frame: false,
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
        let sequence = if self.every_frame { self.next } else { self.next.max(newest) };
        let due = start.after_secs(self.frame_time(sequence));
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
        std::mem::swap(&mut self.rendering.rgb, frame.data.own_mut());
        self.scene.render(self.frame_time(sequence), &mut self.rendering);
        std::mem::swap(&mut self.rendering.rgb, frame.data.own_mut());
        frame.copied_bytes = 0;
        frame.sequence = sequence;
        frame.captured_at = due;
        frame.size = self.info.size;
        frame.format = PixelFormat::Rgb24;
        frame.colorimetry = Colorimetry::default();
        frame.stride = self.info.size.width as usize * 3;
        self.next = sequence + 1;
        Ok(Step::Frame)
    }

    fn gives_every_frame(&self) -> bool {
        self.every_frame
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    use crate::geometry::Size;
    use crate::time::ManualClock;

    const SMALL: Size = Size::new(160, 120);

    /// A source on a manual clock that waiting moves, and the waits so far.
    fn manual_source(fps: f64) -> (SceneSource, ManualClock, Arc<Mutex<Vec<Duration>>>) {
        let clock = ManualClock::default();
        clock.set(Timestamp::from_secs_f64(50.0));
        let waits = Arc::new(Mutex::new(Vec::new()));
        let (hands, log) = (clock.clone(), Arc::clone(&waits));
        let source = SceneSource::new(Arc::new(Scene::new(1, SMALL)), fps, Arc::new(clock.clone())).unwrap();
        let source = source.waiting_by(move |time| {
            hands.advance(time);
            log.lock().unwrap().push(time);
        });
        (source, clock, waits)
    }

    #[test]
    fn frames_come_when_due_and_missed_ones_are_skipped() {
        let (mut source, clock, waits) = manual_source(20.0);
        let mut frame = Frame::default();
        let timeout = Duration::from_millis(500);
        let mut next = |frame: &mut Frame| {
            assert_eq!(source.next_frame(frame, timeout).unwrap(), Step::Frame);
            frame.check().unwrap();
            (frame.sequence, frame.captured_at.as_nanos() / 1_000_000)
        };
        assert_eq!(next(&mut frame), (0, 50_000));
        assert_eq!(next(&mut frame), (1, 50_050));
        assert_eq!(next(&mut frame), (2, 50_100));
        assert_eq!(*waits.lock().unwrap(), [Duration::from_millis(50); 2]);
        // 130 ms later frame 4 is the newest that is due; it comes at once.
        clock.advance(Duration::from_millis(130));
        assert_eq!(next(&mut frame), (4, 50_200));
        assert_eq!(waits.lock().unwrap().len(), 2);
        assert_eq!(next(&mut frame), (5, 50_250));
        assert_eq!(clock.now(), Timestamp::from_secs_f64(50.25));

        let mut truth = Rendering::default();
        source.scene().render(source.frame_time(5), &mut truth);
        assert!(frame.data == truth.rgb);
        assert_eq!(source.start().get(), Some(Timestamp::from_secs_f64(50.0)));
    }

    #[test]
    fn a_short_timeout_idles_and_keeps_the_schedule() {
        let (mut source, _, _) = manual_source(10.0);
        let mut frame = Frame::default();
        let wait = Duration::from_millis(40);
        let steps: Vec<Step> = (0..4).map(|_| source.next_frame(&mut frame, wait).unwrap()).collect();
        assert_eq!(steps, [Step::Frame, Step::Idle, Step::Idle, Step::Frame]);
        assert_eq!((frame.sequence, frame.captured_at), (1, Timestamp::from_secs_f64(50.1)));
    }

    #[test]
    fn absurd_rates_are_refused_with_the_remedy() {
        let scene = Arc::new(Scene::new(1, Size::new(8, 8)));
        for fps in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let refused = SceneSource::new(Arc::clone(&scene), fps, Arc::new(ManualClock::default()));
            assert!(matches!(refused, Err(ConfigError::Invalid { .. })), "{fps}");
        }
    }
}
