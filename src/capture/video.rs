//! A video file as a source, decoded by ffmpeg beside this program.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::events::Events;
use super::feed::{Feed, Keep, Taken};
use super::pace::wait_until;
use super::{Source, SourceAddress, SourceEvent, SourceInfo, SourceOptions, Step};
use crate::address::{self, AddressError};
use crate::error::{Result, VideoError};
use crate::frame::Frame;
use crate::time::{Clock, Timestamp};
use crate::video::{Clip, ClipReader};

/// A clip, played at its own pace: a frame that lies `t` seconds behind the first is due `t` seconds after the first call of
/// [`Source::next_frame`], carries that moment as its capture time, and its place in the clip as its sequence number.
///
/// A reader that falls behind still gets every frame as long as it lags by less than [`Self::CATCH_UP`]; beyond that frames are
/// passed over and reported as dropped, as a camera would, unless every frame is asked for ([`SourceOptions::every_frame`]).
pub struct VideoSource {
    info: SourceInfo,
    clip: Clip,
    looped: bool,
    every_frame: bool,
    clock: Arc<dyn Clock>,
    feed: Feed<VideoError>,
    /// When the present round began.
    start: Option<Timestamp>,
    /// The time in the clip of the round's first frame.
    first: Option<Timestamp>,
    /// A frame that is not due yet.
    waiting: Option<Frame>,
    /// Frames of the rounds before.
    before: u64,
    /// The number after that of the last frame, and when that frame was due.
    next: u64,
    last: Timestamp,
    ended: bool,
    events: Events,
}

/// Reads the place of `video:FILE`.
pub(super) fn address(place: Option<&str>) -> Result<SourceAddress, AddressError> {
    let path = PathBuf::from(address::path(place)?);
    let reads = path.clone();
    let address = SourceAddress::new(written(&path), move |options, clock| VideoSource::open(&path, options, clock));
    Ok(address.reading(reads))
}

fn written(path: &Path) -> String {
    format!("video:{}", path.display())
}

impl VideoSource {
    /// How far the reader may lag behind before frames are passed over.
    pub const CATCH_UP: Duration = Duration::from_millis(130);
    /// Frames that are decoded ahead.
    const AHEAD: usize = 3;

    /// Looks at the clip and decodes its first frame.
    ///
    /// # Errors
    /// [`VideoError`]; a senseless rate.
    pub fn open(path: &Path, options: &SourceOptions, clock: Arc<dyn Clock>) -> Result<Self> {
        options.rate()?;
        let clip = Clip::open(path)?;
        let feed = decode(&clip)?;
        let found = feed.peek(Duration::from_secs(60), |frame| (frame.size, frame.format));
        let Some((size, format)) = found else {
            let reason = match feed.take(&mut Frame::default(), Duration::ZERO) {
                Taken::Ended(Err(error)) => return Err(error.into()),
                _ => "no frame was decoded within a minute".to_owned(),
            };
            return Err(VideoError::Unreadable { path: path.to_path_buf(), reason }.into());
        };
        let info = SourceInfo { address: written(path), size, format, rate: clip.rate, intrinsics: None };
        Ok(VideoSource {
            info,
            clip,
            looped: options.looped,
            every_frame: options.every_frame,
            clock,
            feed,
            start: None,
            first: None,
            waiting: None,
            before: 0,
            next: 0,
            last: Timestamp::ZERO,
            ended: false,
            events: Events::default(),
        })
    }

    /// Begins the next round, a frame's time after the last frame.
    fn again(&mut self) -> Result<()> {
        let rate = self.clip.rate.unwrap_or(SourceOptions::DEFAULT_FPS);
        self.feed = decode(&self.clip)?;
        (self.before, self.first) = (self.next, None);
        self.start = Some(self.last.after_secs(1.0 / rate));
        Ok(())
    }

    /// The next frame that is decoded within `timeout`.
    fn decoded(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Step> {
        match self.feed.take(frame, timeout) {
            Taken::Frame { .. } => Ok(Step::Frame),
            Taken::Nothing => Ok(Step::Idle),
            Taken::Ended(Ok(())) if self.looped && self.next > self.before => {
                self.again()?;
                Ok(Step::Idle)
            }
            Taken::Ended(Ok(())) => {
                self.ended = true;
                Ok(Step::End)
            }
            // The frames before are good, and the user is told that more were expected.
            Taken::Ended(Err(error)) => {
                self.ended = true;
                self.events.warned(1, error.to_string());
                Ok(Step::End)
            }
        }
    }
}

/// Decodes on a thread of its own, a few frames ahead.
fn decode(clip: &Clip) -> Result<Feed<VideoError>> {
    let mut reader = ClipReader::open(clip.clone())?;
    let feed = Feed::start(Keep::All(VideoSource::AHEAD), move |frame: &mut Frame| reader.read(frame));
    Ok(feed.map_err(crate::error::IoError::when("read", &clip.path))?)
}

impl Source for VideoSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Step> {
        let entered = self.clock.now();
        let deadline = entered + timeout;
        loop {
            if self.ended {
                return Ok(Step::End);
            }
            match self.waiting.take() {
                Some(mut waiting) => std::mem::swap(frame, &mut waiting),
                None => match self.decoded(frame, deadline.since(self.clock.now()))? {
                    Step::Frame => {}
                    other => return Ok(other),
                },
            }
            let start = *self.start.get_or_insert(entered);
            let first = *self.first.get_or_insert(frame.captured_at);
            let due = start + frame.captured_at.since(first);
            let now = self.clock.now();
            if !wait_until(due, deadline, self.clock.as_ref()) {
                self.waiting = Some(std::mem::take(frame));
                return Ok(Step::Idle);
            }
            self.next = self.before + frame.sequence + 1;
            self.last = due;
            if !self.every_frame && now.since(due) > Self::CATCH_UP {
                self.events.dropped(1, "the reader is slower than the rate of the video");
                continue;
            }
            frame.sequence = self.next - 1;
            frame.captured_at = due;
            return Ok(Step::Frame);
        }
    }

    fn gives_every_frame(&self) -> bool {
        self.every_frame
    }

    fn take_event(&mut self) -> Option<SourceEvent> {
        self.events.take()
    }
}
