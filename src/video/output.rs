use std::path::{Path, PathBuf};

use super::clip::Clip;
use super::encode::{ClipWriter, Pixels, can_be_written};
use crate::error::{Error, ImageError, VideoError};
use crate::geometry::Size;

/// A video that is made with its first frame, whose size all of them have. Times count from that frame on, or, where the video gets a
/// clip's sound, from the clip's beginning.
#[derive(Debug)]
pub struct ClipOutput {
    path: PathBuf,
    pixels: Pixels,
    rate: Option<f64>,
    sound: Option<Clip>,
    opened: Option<Opened>,
}

#[derive(Debug)]
struct Opened {
    writer: ClipWriter,
    /// The time of the first frame.
    start: f64,
}

impl ClipOutput {
    /// A video of `pixels` at `path`, whose name says in which format.
    ///
    /// # Errors
    /// As [`can_be_written`].
    pub fn new(path: &Path, pixels: Pixels) -> Result<Self, VideoError> {
        can_be_written(path, pixels)?;
        Ok(ClipOutput { path: path.to_path_buf(), pixels, rate: None, sound: None, opened: None })
    }

    /// About so many frames come a second.
    #[must_use]
    pub fn with_rate(self, rate: Option<f64>) -> Self {
        ClipOutput { rate, ..self }
    }

    /// The video gets the sound of `clip`, in whose time the frames are then.
    #[must_use]
    pub fn with_sound(self, clip: Option<Clip>) -> Self {
        ClipOutput { sound: clip, ..self }
    }

    /// Appends a frame of `size`, rows from top to bottom without padding, at `time_s`.
    ///
    /// # Errors
    /// [`VideoError`]; [`ImageError::SizeMismatch`] for a frame of another size than the first.
    ///
    /// # Panics
    /// If `pixels` are not those of a frame of `size`.
    pub fn write(&mut self, pixels: &[u8], size: Size, time_s: f64) -> Result<(), Error> {
        let Opened { writer, start } = match &mut self.opened {
            Some(opened) => opened,
            none => {
                let begin = if self.sound.is_some() { time_s } else { 0.0 };
                let writer = ClipWriter::create(&self.path, size, self.pixels, self.rate, begin, self.sound.as_ref())?;
                none.insert(Opened { writer, start: time_s })
            }
        };
        if size != writer.size() {
            let expected_of = "the video, whose frames are all of one size".into();
            return Err(ImageError::SizeMismatch { given: size, expected: writer.size(), expected_of }.into());
        }
        Ok(writer.write(pixels, time_s - *start)?)
    }

    /// Waits until all is written.
    ///
    /// # Errors
    /// [`VideoError::Broken`].
    pub fn finish(&mut self) -> Result<(), VideoError> {
        self.opened.take().map_or(Ok(()), |opened| opened.writer.finish())
    }
}
