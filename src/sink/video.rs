use std::path::{Path, PathBuf};

use crate::address::{self, AddressError};
use crate::error::{ImageError, Result};
use crate::frame;
use crate::record::FrameRecord;
use crate::video::{Clip, ClipWriter, Pixels, can_be_written};

use super::overlay::Painter;
use super::{Place, Sink, SinkAddress};

/// How a [`VideoSink`] draws.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VideoOptions {
    /// Draws boxes too.
    pub boxes: bool,
    /// Draws where the user looks. Off by default: raw gaze is private.
    pub share_gaze: bool,
}

/// Reads the place of `video:FILE`, options `boxes=true`, `share_gaze=true`.
pub(super) fn address(place: Option<&str>) -> Result<SinkAddress, AddressError> {
    let place = address::path(place)?;
    let (path, query) = place.split_once('?').unwrap_or((place, ""));
    let path = PathBuf::from(address::path(Some(path))?);
    let mut options = VideoOptions::default();
    address::options(query, &["boxes", "share_gaze"], |key, value| {
        match key {
            "boxes" => options.boxes = address::yes_or_no(key, value)?,
            _ => options.share_gaze = address::yes_or_no(key, value)?,
        }
        Ok(())
    })?;
    let writes = Place::File(path.clone());
    Ok(SinkAddress::new(format!("video:{place}"), writes, move || VideoSink::create(&path, options)))
}

/// Writes a video of the frames with masks, prompts and labels drawn over them, through ffmpeg: each frame at its own time from the
/// stream's first one on. It plays up to its last frame however the stream ends.
pub struct VideoSink {
    name: String,
    path: PathBuf,
    options: VideoOptions,
    painter: Painter,
    rgb: Vec<u8>,
    rate: Option<f64>,
    sound: Option<Clip>,
    writer: Option<ClipWriter>,
    /// When the first frame was.
    start: f64,
}

impl VideoSink {
    /// Writes to `path`, whose name says in which format; the file is made with the first frame.
    ///
    /// # Errors
    /// [`VideoError`](crate::error::VideoError): a name of no video, no ffmpeg.
    pub fn create(path: &Path, options: VideoOptions) -> Result<Self> {
        can_be_written(path, Pixels::Rgb)?;
        Ok(VideoSink {
            name: format!("video:{}", path.display()),
            path: path.to_path_buf(),
            options,
            painter: Painter::new().with_boxes(options.boxes).with_gaze(options.share_gaze),
            rgb: Vec::new(),
            rate: None,
            sound: None,
            writer: None,
            start: 0.0,
        })
    }

    /// About so many frames come a second.
    #[must_use]
    pub fn with_rate(self, rate: Option<f64>) -> Self {
        VideoSink { rate, ..self }
    }

    /// The video gets the sound of `clip`, in whose time the frames are then.
    #[must_use]
    pub fn with_sound(self, clip: Clip) -> Self {
        VideoSink { sound: Some(clip), ..self }
    }

    /// Waits until all is written.
    ///
    /// # Errors
    /// [`VideoError::Broken`](crate::error::VideoError::Broken).
    pub fn close(&mut self) -> Result<()> {
        Ok(self.writer.take().map_or(Ok(()), ClipWriter::finish)?)
    }
}

impl Sink for VideoSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn shares_gaze(&self) -> bool {
        self.options.share_gaze
    }

    fn frame(&mut self, record: &FrameRecord) -> Result<()> {
        let Some(frame) = &record.frame else { return Ok(()) };
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                self.start = record.time_s;
                // Sound is in the clip's own time.
                let (sound, begin) = (self.sound.as_ref(), if self.sound.is_some() { record.time_s } else { 0.0 });
                none.insert(ClipWriter::create(&self.path, frame.size, Pixels::Rgb, self.rate, begin, sound)?)
            }
        };
        if frame.size != writer.size() {
            let expected_of = "the video, whose frames are all of one size".into();
            return Err(ImageError::SizeMismatch { given: frame.size, expected: writer.size(), expected_of }.into());
        }
        frame::to_rgb(frame, &mut self.rgb)?;
        self.painter.draw(&mut self.rgb, frame.size, record);
        Ok(writer.write(&self.rgb, record.time_s - self.start)?)
    }

    fn finish(&mut self, _: &serde_json::Value) -> Result<()> {
        self.close()
    }
}
