use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::{Rendering, Scene};
use crate::capture::{Source, SourceAddress, SourceEvent, SourceInfo, SourceOptions, Step};
use crate::error::{ConfigError, Result};
use crate::frame::{Frame, PixelFormat};
use crate::geometry::Size;
use crate::time::{Clock, Timestamp};

/// The rendered scene as a camera: frame n shows the world at n divided by the rate, and is stamped with the time at which it
/// was due. A consumer that is late loses frames, as with a camera.
pub struct SceneSource {
    info: SourceInfo,
    scene: Arc<Scene>,
    clock: Arc<dyn Clock>,
    rate: f64,
    start: Option<Timestamp>,
    next: u64,
    rendering: Rendering,
    dropped: u64,
}

/// Frames that a consumer may be late without losing one.
const PATIENCE: u64 = 2;

impl SceneSource {
    /// The scene of `seed`.
    ///
    /// # Errors
    /// A rate or size that makes no sense.
    pub fn open(seed: u64, options: &SourceOptions, clock: Arc<dyn Clock>) -> Result<Self> {
        let rate = options.rate()?;
        let size = options.size.unwrap_or(SourceOptions::DEFAULT_SIZE);
        let sides = 16..=4096;
        if !sides.contains(&size.width) || !sides.contains(&size.height) {
            let reason = format!("{}x{} pixels cannot be rendered: give sides of 16 to 4096", size.width, size.height);
            return Err(ConfigError::Invalid { origin: "scene".into(), reason }.into());
        }
        let scene = Arc::new(Scene::new(seed, size));
        let info = SourceInfo {
            address: SourceAddress::Scene(seed).to_string(),
            size,
            format: PixelFormat::Rgb24,
            rate: Some(rate),
            intrinsics: Some(scene.intrinsics()),
        };
        Ok(SceneSource { info, scene, clock, rate, start: None, next: 0, rendering: Rendering::default(), dropped: 0 })
    }

    /// The scene, for whoever holds masks against its truth.
    pub fn scene(&self) -> Arc<Scene> {
        Arc::clone(&self.scene)
    }
}

impl Source for SceneSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Step> {
        let now = self.clock.now();
        let start = *self.start.get_or_insert(now);
        let newest = (now.since(start).as_secs_f64() * self.rate) as u64;
        if newest > self.next + PATIENCE {
            self.dropped += newest - self.next;
            self.next = newest;
        }
        let due = start + Duration::from_secs_f64(self.next as f64 / self.rate);
        let wait = due.since(now);
        std::thread::sleep(wait.min(timeout));
        if wait > timeout {
            return Ok(Step::Idle);
        }
        self.scene.render(self.next as f64 / self.rate, &mut self.rendering);
        let Size { width, .. } = self.info.size;
        frame.sequence = self.next;
        frame.captured_at = due;
        frame.size = self.info.size;
        frame.format = PixelFormat::Rgb24;
        frame.stride = width as usize * 3;
        // The frame's old buffer becomes the next rendering's.
        std::mem::swap(&mut frame.data, &mut self.rendering.rgb);
        self.next += 1;
        Ok(Step::Frame)
    }

    fn take_event(&mut self) -> Option<SourceEvent> {
        let count = std::mem::take(&mut self.dropped);
        (count > 0).then(|| SourceEvent::Dropped { count, reason: Cow::Borrowed("the renderer was late") })
    }
}
