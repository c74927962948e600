use std::path::{Path, PathBuf};

use crate::address::{self, AddressError};
use crate::error::Result;
use crate::frame;
use crate::record::FrameRecord;
use crate::video::{Clip, ClipOutput, Pixels};

use super::overlay::Painter;
use super::{Place, Sink, SinkAddress};

/// What sinks that show moving pictures draw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VideoOptions {
    /// Draws boxes too.
    pub boxes: bool,
    /// Draws where the user looks. Off by default: raw gaze is private.
    pub share_gaze: bool,
}

impl VideoOptions {
    /// Reads `boxes=true&share_gaze=true`.
    ///
    /// # Errors
    /// Unknown options and wrong values.
    pub(super) fn parse(query: &str) -> Result<Self, AddressError> {
        let mut options = VideoOptions::default();
        address::options(query, &["boxes", "share_gaze"], |key, value| {
            match key {
                "boxes" => options.boxes = address::yes_or_no(key, value)?,
                _ => options.share_gaze = address::yes_or_no(key, value)?,
            }
            Ok(())
        })?;
        Ok(options)
    }

    /// A painter that draws so.
    pub(super) fn painter(self) -> Painter {
        Painter::new().with_boxes(self.boxes).with_gaze(self.share_gaze)
    }
}

/// Reads the place of `video:FILE`, options as [`VideoOptions`].
pub(super) fn address(place: Option<&str>) -> Result<SinkAddress, AddressError> {
    let (path, query) = address::path_and_query(place)?;
    let (path, options) = (PathBuf::from(path), VideoOptions::parse(query)?);
    let writes = Place::File(path.clone());
    Ok(SinkAddress::new(format!("video:{}", place.unwrap_or_default()), writes, move || {
        VideoSink::create(&path, options)
    }))
}

/// Writes a video of the frames with masks, prompts and labels drawn over them, through ffmpeg: each frame at its own time from the
/// stream's first one on. It plays up to its last frame however the stream ends.
pub struct VideoSink {
    name: String,
    options: VideoOptions,
    painter: Painter,
    rgb: Vec<u8>,
    output: ClipOutput,
}

impl VideoSink {
    /// Writes to `path`, whose name says in which format; the file is made with the first frame.
    ///
    /// # Errors
    /// [`VideoError`](crate::error::VideoError): a name of no video, no ffmpeg.
    pub fn create(path: &Path, options: VideoOptions) -> Result<Self> {
        let output = ClipOutput::new(path, Pixels::Rgb)?;
        Ok(VideoSink {
            name: format!("video:{}", path.display()),
            options,
            painter: options.painter(),
            rgb: Vec::new(),
            output,
        })
    }

    /// About `rate` frames come a second, and the video gets the sound of `clip`, in whose time they are then.
    #[must_use]
    pub fn for_clip(self, rate: Option<f64>, clip: Option<Clip>) -> Self {
        VideoSink { output: self.output.with_rate(rate).with_sound(clip), ..self }
    }

    /// Waits until all is written.
    ///
    /// # Errors
    /// [`VideoError::Broken`](crate::error::VideoError::Broken).
    pub fn close(&mut self) -> Result<()> {
        Ok(self.output.finish()?)
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
        frame::to_rgb(frame, &mut self.rgb)?;
        self.painter.draw(&mut self.rgb, frame.size, record);
        self.output.write(&self.rgb, frame.size, record.time_s)
    }

    fn finish(&mut self, _: &serde_json::Value) -> Result<()> {
        self.close()
    }
}
