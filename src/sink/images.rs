use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::address::{self, AddressError};
use crate::error::{ImageError, IoError, Result};
use crate::geometry::Size;
use crate::output::{claim_folder, write_whole};

use super::overlay::Painter;
use super::{Place, Sink, SinkAddress, StreamInfo};
use crate::record::FrameRecord;

/// File format of overlay images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImageFormat {
    /// Without loss.
    Png,
    /// Smaller, with loss.
    #[default]
    Jpeg,
}

impl ImageFormat {
    const fn extension(self) -> &'static str {
        match self {
            ImageFormat::Png => "png",
            ImageFormat::Jpeg => "jpg",
        }
    }
}

/// How an [`OverlaySink`] writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OverlayOptions {
    /// Writes each n-th record; at least 1.
    pub every: u32,
    /// File format of what is written.
    pub format: ImageFormat,
    /// Most images kept; the oldest makes room. A stream that runs for days must not fill the disk.
    pub keep: u32,
    /// Draws boxes too.
    pub boxes: bool,
    /// Draws where the user looks. Off by default: raw gaze is private.
    pub share_gaze: bool,
}

impl Default for OverlayOptions {
    fn default() -> Self {
        OverlayOptions { every: 1, format: ImageFormat::Jpeg, keep: 10_000, boxes: false, share_gaze: false }
    }
}

/// Reads the place of `overlay:DIR`, options `every=N` (each n-th frame), `format=png|jpg`, `keep=N` (most images kept),
/// `boxes=true`, `share_gaze=true`.
pub(super) fn address(place: Option<&str>) -> Result<SinkAddress, AddressError> {
    let (folder, query) = address::path_and_query(place)?;
    let (folder, options) = (PathBuf::from(folder), OverlayOptions::parse(query)?);
    let writes = Place::Folder(folder.clone(), is_overlay);
    Ok(SinkAddress::new(format!("overlay:{}", place.unwrap_or_default()), writes, move || {
        OverlaySink::create(&folder, options)
    }))
}

impl OverlayOptions {
    fn parse(query: &str) -> Result<Self, AddressError> {
        let mut options = OverlayOptions::default();
        address::options(query, &["every", "format", "keep", "boxes", "share_gaze"], |key, value| {
            match key {
                "every" => options.every = address::count(key, value)?,
                "keep" => options.keep = address::count(key, value)?,
                "boxes" => options.boxes = address::yes_or_no(key, value)?,
                "share_gaze" => options.share_gaze = address::yes_or_no(key, value)?,
                _ => options.format = image_format(value)?,
            }
            Ok(())
        })?;
        Ok(options)
    }
}

fn image_format(value: &str) -> Result<ImageFormat, String> {
    match value {
        "png" => Ok(ImageFormat::Png),
        "jpg" | "jpeg" => Ok(ImageFormat::Jpeg),
        _ => Err(format!("`format={value}`: give png or jpg")),
    }
}

const JPEG_QUALITY: u8 = 90;

/// Writes frames with their masks, prompts and labels drawn over them as `overlay-000123.jpg` into a folder.
pub struct OverlaySink {
    name: String,
    folder: PathBuf,
    options: OverlayOptions,
    painter: Painter,
    rgb: Vec<u8>,
    encoded: Vec<u8>,
    written: VecDeque<PathBuf>,
    seen: u64,
    /// The images of an earlier stream are gone.
    is_begun: bool,
    /// Holds the folder for this sink alone.
    _claim: Option<File>,
}

impl OverlaySink {
    /// Writes into `folder`, which is made if it is missing. Images that an earlier stream left there stay until the stream begins.
    ///
    /// # Errors
    /// If the folder cannot be made or written to, or another run writes into it.
    pub fn create(folder: &Path, options: OverlayOptions) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(IoError::when("create", folder))?;
        let claim = claim_folder(folder).map_err(IoError::when("write", folder))?;
        Ok(OverlaySink {
            name: format!("overlay:{}", folder.display()),
            folder: folder.to_path_buf(),
            options,
            painter: Painter::new().with_boxes(options.boxes).with_gaze(options.share_gaze),
            rgb: Vec::new(),
            encoded: Vec::new(),
            written: VecDeque::new(),
            seen: 0,
            is_begun: false,
            _claim: claim,
        })
    }

    /// Removes what an earlier stream left.
    fn clear(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.is_begun, true) {
            return Ok(());
        }
        let folder = &self.folder;
        for entry in std::fs::read_dir(folder).map_err(IoError::when("read", folder))?.flatten() {
            if is_overlay(&entry.file_name()) {
                let path = entry.path();
                std::fs::remove_file(&path).map_err(IoError::when("replace", &path))?;
            }
        }
        Ok(())
    }

    fn write(&mut self, record: &FrameRecord) -> Result<()> {
        let Some(frame) = &record.frame else { return Ok(()) };
        crate::frame::to_rgb(frame, &mut self.rgb)?;
        self.painter.draw(&mut self.rgb, frame.size, record);
        self.encode(frame.size)?;
        let file = format!("overlay-{:06}.{}", record.sequence, self.options.format.extension());
        let path = self.folder.join(file);
        write_whole(&path, &self.encoded).map_err(IoError::when("write", &path))?;
        self.written.push_back(path);
        while self.written.len() > self.options.keep.max(1) as usize {
            if let Some(oldest) = self.written.pop_front() {
                std::fs::remove_file(&oldest).map_err(IoError::when("remove", &oldest))?;
            }
        }
        Ok(())
    }

    fn encode(&mut self, Size { width, height }: Size) -> Result<(), ImageError> {
        self.encoded.clear();
        let written = match self.options.format {
            ImageFormat::Png => {
                PngEncoder::new(&mut self.encoded).write_image(&self.rgb, width, height, ExtendedColorType::Rgb8)
            }
            ImageFormat::Jpeg => JpegEncoder::new_with_quality(&mut self.encoded, JPEG_QUALITY).write_image(
                &self.rgb,
                width,
                height,
                ExtendedColorType::Rgb8,
            ),
        };
        written.map_err(|e| ImageError::Unencodable { what: "overlay".into(), reason: e.to_string() })
    }
}

/// Whether a file of that name was written by an [`OverlaySink`]. A prefix of their own keeps the images of a source, often
/// `frame-000001.jpg`, from being taken for ours and removed.
pub fn is_overlay(name: &OsStr) -> bool {
    let number = name.to_str().and_then(|name| name.strip_prefix("overlay-"));
    let number = number.and_then(|n| n.strip_suffix(".png").or(n.strip_suffix(".jpg")));
    number.is_some_and(|n| n.len() >= 6 && n.bytes().all(|b| b.is_ascii_digit()))
}

impl Sink for OverlaySink {
    fn name(&self) -> &str {
        &self.name
    }

    fn shares_gaze(&self) -> bool {
        self.options.share_gaze
    }

    fn begin(&mut self, _: &StreamInfo) -> Result<()> {
        self.clear()
    }

    fn frame(&mut self, record: &FrameRecord) -> Result<()> {
        self.clear()?;
        let due = self.seen.is_multiple_of(self.options.every.max(1).into());
        self.seen += 1;
        if !due {
            return Ok(());
        }
        self.write(record)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::frame::Frame;

    fn record(sequence: u64) -> FrameRecord {
        let size = Size::new(32, 24);
        let frame = Frame::from_rgb(size, vec![90; size.area() * 3]).unwrap();
        let mut record = FrameRecord::default();
        (record.frame, record.sequence) = (Some(Arc::new(frame)), sequence);
        record
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn each_nth_frame_is_a_image_and_old_ones_make_room() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("overlay-000099.jpg"), "of an earlier stream").unwrap();
        std::fs::write(folder.path().join("notes.txt"), "not ours").unwrap();
        let options = OverlayOptions { every: 2, keep: 2, format: ImageFormat::Png, ..OverlayOptions::default() };
        let mut sink = OverlaySink::create(folder.path(), options).unwrap();
        for sequence in 0..7 {
            sink.frame(&record(sequence)).unwrap();
        }
        assert_eq!(names(folder.path()), ["notes.txt", "overlay-000004.png", "overlay-000006.png"]);
        let image = image::open(folder.path().join("overlay-000006.png")).unwrap();
        assert_eq!((image.width(), image.height()), (32, 24));
    }

    #[test]
    fn options_are_read() {
        assert_eq!(OverlayOptions::parse(""), Ok(OverlayOptions::default()));
        let expected = OverlayOptions { every: 10, format: ImageFormat::Jpeg, keep: 5, boxes: true, share_gaze: true };
        assert_eq!(OverlayOptions::parse("every=10&format=jpg&keep=5&boxes=true&share_gaze=true"), Ok(expected));
        assert_eq!(OverlayOptions::parse("format=png").map(|options| options.format), Ok(ImageFormat::Png));
    }

    #[test]
    fn every_failure_is_returned() {
        let folder = tempfile::tempdir().unwrap();
        let mut sink = OverlaySink::create(&folder.path().join("gone"), OverlayOptions::default()).unwrap();
        std::fs::remove_dir(folder.path().join("gone")).unwrap();
        let failed: Vec<_> = (0..3).map(|n| sink.frame(&record(n)).is_err()).collect();
        assert_eq!(failed, [true, true, true]);
    }
}
