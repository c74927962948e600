//! The frames that are followed: a folder of photos, or a video.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::capture::list_images;
use crate::error::{ConfigError, Error};
use crate::eval::sequences::open_frame;
use crate::frame::Frame;
use crate::geometry::Size;
use crate::video::{self, Clip};

use super::decoded::DecodedAhead;

/// Frames a second of a folder when nobody says.
pub const DEFAULT_FPS: f64 = 25.0;

/// Where frames come from, and how far one is.
pub enum Frames {
    /// Photos in the order of their names.
    Folder { files: Vec<PathBuf>, next: usize, fps: f64, max_memory: u64 },
    /// A video's own, at their own times.
    Clip(Box<DecodedAhead>),
}

/// One of them.
pub struct Next {
    /// Counted from 0.
    pub number: usize,
    /// The file that shows it: its own, or the video.
    pub file: PathBuf,
    /// The name that its results get, `.png` behind it.
    pub name: PathBuf,
    /// Its pixels, or why it has none.
    pub frame: Result<Arc<Frame>, Error>,
}

impl Frames {
    /// Lists a folder, or begins to decode a video, at `place`. `size_is_known` is told the size of a video's frames as soon as its
    /// headers are read.
    ///
    /// # Errors
    /// A folder without photos, a video that cannot be read, `fps` for one, which has its own.
    pub fn open(
        place: &Path,
        fps: Option<f64>,
        max_memory: u64,
        size_is_known: impl FnOnce(Size),
    ) -> Result<Frames, Error> {
        if place.is_dir() || !place.exists() {
            return Ok(Frames::Folder {
                files: list_images(place)?,
                next: 0,
                fps: fps.unwrap_or(DEFAULT_FPS),
                max_memory,
            });
        }
        if fps.is_some() {
            let reason = format!("{} has frames at times of its own: leave it out", place.display());
            return Err(ConfigError::Invalid { origin: "--fps".into(), reason }.into());
        }
        video::ask_ahead();
        let clip = Clip::open(place)?;
        if let Some(size) = clip.size {
            size_is_known(size);
        }
        Ok(Frames::Clip(Box::new(DecodedAhead::start(clip)?)))
    }

    /// How many there are, as far as is known.
    pub fn count(&self) -> Option<usize> {
        match self {
            Frames::Folder { files, .. } => Some(files.len()),
            Frames::Clip(reader) => reader.clip().frames.map(|frames| frames as usize),
        }
    }

    /// Frames a second, if they are stated.
    pub fn rate(&self) -> Option<f64> {
        match self {
            Frames::Folder { fps, .. } => Some(*fps),
            Frames::Clip(reader) => reader.clip().rate,
        }
    }

    /// The video, if it is one.
    pub fn clip(&self) -> Option<&Clip> {
        match self {
            Frames::Folder { .. } => None,
            Frames::Clip(reader) => Some(reader.clip()),
        }
    }

    /// The photos, if it is a folder.
    pub fn files(&self) -> &[PathBuf] {
        match self {
            Frames::Folder { files, .. } => files,
            Frames::Clip(_) => &[],
        }
    }

    /// The next frame; `None` after the last.
    ///
    /// # Errors
    /// A video that breaks off: the frames before are good.
    pub fn next(&mut self) -> Result<Option<Next>, Error> {
        match self {
            Frames::Folder { files, next, fps, max_memory } => {
                let Some(file) = files.get(*next).cloned() else { return Ok(None) };
                let number = *next;
                *next += 1;
                let frame = open_frame(&file, number, *fps, *max_memory);
                Ok(Some(Next { number, name: file.clone(), file, frame }))
            }
            Frames::Clip(reader) => {
                let Some(frame) = reader.next()? else { return Ok(None) };
                let number = frame.sequence as usize;
                let (file, name) = (reader.clip().path.clone(), clip_frame_name(number));
                Ok(Some(Next { number, file, name, frame: Ok(frame) }))
            }
        }
    }

    /// What was wrong with frames that were given all the same; empty if nothing.
    pub fn complaints(&mut self) -> String {
        match self {
            Frames::Folder { .. } => String::new(),
            Frames::Clip(reader) => reader.complaints().to_owned(),
        }
    }
}

/// The name of the results of a video's frame.
fn clip_frame_name(number: usize) -> PathBuf {
    format!("{number:06}.png").into()
}

/// Whether `name` is one that results of a video's frames get.
pub fn is_clip_frame_name(name: &std::ffi::OsStr) -> bool {
    let digits = name.to_str().and_then(|name| name.strip_suffix(".png"));
    digits.is_some_and(|digits| digits.len() >= 6 && digits.bytes().all(|b| b.is_ascii_digit()))
}
