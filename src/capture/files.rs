mod list;
mod natural;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::events::Events;
use super::pace::wait_until;
use super::{Source, SourceAddress, SourceEvent, SourceInfo, SourceOptions, Step};
use crate::address::{self, AddressError};
use crate::error::{Error, ImageError, Result};
use crate::frame::{Frame, PixelFormat, read_photo};
use crate::picture;
use crate::time::{Clock, Timestamp};

pub use list::list_images;

/// A folder of photos ([`PHOTO_EXTENSIONS`](crate::frame::PHOTO_EXTENSIONS)), played like a camera: in natural order of
/// their names (`2.png` before `10.png`), at a steady rate, as RGB.
///
/// Image n is due at `start + n / fps`, where start is the first call of [`Source::next_frame`], and carries that moment
/// as its capture time and n as its sequence number. Images are decoded on demand. A reader that falls behind still
/// gets every image as long as it lags by less than [`Self::CATCH_UP`] of them; beyond that the source goes on with the
/// newest image that is due and reports the rest as dropped, as a camera would, unless every frame is asked for
/// ([`SourceOptions::every_frame`]).
///
/// An image that cannot be decoded is reported as dropped; its sequence number stays unused.
pub struct FilesSource {
    info: SourceInfo,
    images: Vec<PathBuf>,
    /// What decoding an image may take.
    max_bytes: u64,
    fps: f64,
    looped: bool,
    every_frame: bool,
    clock: Arc<dyn Clock>,
    start: Option<Timestamp>,
    /// Sequence number of the next image; it goes on counting when a looped folder starts again.
    next: u64,
    /// Images that failed in a row.
    failed: usize,
    events: Events,
}

/// Reads the place of `files:DIR`.
pub(super) fn address(place: Option<&str>) -> Result<SourceAddress, AddressError> {
    let dir = PathBuf::from(address::path(place)?);
    let reads = dir.clone();
    let address = SourceAddress::new(written(&dir), move |options, clock| FilesSource::open(&dir, options, clock));
    Ok(address.reading(reads))
}

/// The address of a folder.
fn written(dir: &Path) -> String {
    format!("files:{}", dir.display())
}

impl FilesSource {
    /// How many images the reader may lag behind before images are skipped; as many as a camera driver has buffers.
    pub const CATCH_UP: u64 = 4;

    /// Lists the images of `dir` and reads the size of the first that is readable.
    ///
    /// # Errors
    /// A folder that cannot be read, has no images or none that is readable; a senseless rate.
    pub fn open(dir: &Path, options: &SourceOptions, clock: Arc<dyn Clock>) -> Result<Self> {
        let fps = options.rate()?;
        let address = written(dir);
        let images = list_images(dir)?;

        let max_bytes = options.max_memory.unwrap_or(picture::DEFAULT_DECODE_BYTES);
        let (mut size, mut first) = (None, None);
        for path in &images {
            match picture::read(path).and_then(|b| Ok(picture::size(&b, &path.display().to_string(), max_bytes)?)) {
                Ok(found) => {
                    size = Some(found);
                    break;
                }
                Err(error) => drop(first.get_or_insert(error)),
            }
        }
        let Some(size) = size else { return Err(no_readable_image(&address, first).into()) };
        let info = SourceInfo { address, size, format: PixelFormat::Rgb24, rate: Some(fps), intrinsics: None };
        Ok(FilesSource {
            info,
            images,
            max_bytes,
            fps,
            looped: options.looped,
            every_frame: options.every_frame,
            clock,
            start: None,
            next: 0,
            failed: 0,
            events: Events::default(),
        })
    }

    /// Number of images in the folder.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// A source always has at least one image.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    fn due(&self, start: Timestamp, sequence: u64) -> Timestamp {
        start.after_secs(sequence as f64 / self.fps)
    }

    /// Leaves out what can no longer be caught up with.
    fn skip_late(&mut self, start: Timestamp, now: Timestamp) {
        let newest_due = (now.since(start).as_secs_f64() * self.fps) as u64;
        if newest_due < self.next + Self::CATCH_UP {
            return;
        }
        let last = if self.looped { u64::MAX } else { self.images.len() as u64 - 1 };
        let target = newest_due.min(last);
        if target > self.next {
            self.events.dropped(target - self.next, "the reader is slower than the rate of the folder");
            self.next = target;
        }
    }
}

impl Source for FilesSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Step> {
        let entered = self.clock.now();
        let start = *self.start.get_or_insert(entered);
        let deadline = entered + timeout;
        loop {
            if !self.looped && self.next >= self.images.len() as u64 {
                return Ok(Step::End);
            }
            if !self.every_frame {
                self.skip_late(start, self.clock.now());
            }
            let due = self.due(start, self.next);
            if !wait_until(due, deadline, self.clock.as_ref()) {
                return Ok(Step::Idle);
            }
            let sequence = self.next;
            self.next += 1;
            let path = &self.images[(sequence % self.images.len() as u64) as usize];
            match read_photo(path, self.max_bytes, frame) {
                Ok(()) => {
                    self.failed = 0;
                    frame.sequence = sequence;
                    frame.captured_at = due;
                    return Ok(Step::Frame);
                }
                Err(error) => {
                    self.events.dropped(1, error.to_string());
                    self.failed += 1;
                    if self.failed >= self.images.len() {
                        return Err(no_readable_image(&self.info.address, Some(error)).into());
                    }
                }
            }
        }
    }

    fn gives_every_frame(&self) -> bool {
        self.every_frame
    }

    fn take_event(&mut self) -> Option<SourceEvent> {
        self.events.take()
    }
}

/// None of the images can be read, and why one of them cannot.
fn no_readable_image(address: &str, one: Option<Error>) -> ImageError {
    let why = one.map(|error| format!("; {error}")).unwrap_or_default();
    ImageError::Undecodable { what: address.to_owned(), reason: format!("none of the images can be decoded{why}") }
}

#[cfg(test)]
mod tests;
