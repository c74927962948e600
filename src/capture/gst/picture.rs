use std::ops::Range;
use std::sync::Arc;

use gstreamer as gst;
use gstreamer_video as gst_video;

use gst_video::prelude::*;
use gst_video::{VideoColorMatrix, VideoColorRange, VideoFormat, VideoFrameRef, VideoInfo};

use super::loans::Lent;
use crate::frame::{ColorEncoding, ColorRange, Colorimetry, Frame, PixelFormat};
use crate::geometry::Size;
use crate::picture::jpeg::jpeg_size;

/// Pixel formats that are read, the cheapest to convert first; grey, which has lost the colours, last.
const FORMATS: [(VideoFormat, PixelFormat); 10] = [
    (VideoFormat::Nv12, PixelFormat::Nv12),
    (VideoFormat::I420, PixelFormat::I420),
    (VideoFormat::Nv21, PixelFormat::Nv21),
    (VideoFormat::Yuy2, PixelFormat::Yuyv),
    (VideoFormat::Uyvy, PixelFormat::Uyvy),
    (VideoFormat::Yvyu, PixelFormat::Yvyu),
    (VideoFormat::Nv16, PixelFormat::Nv16),
    (VideoFormat::Rgb, PixelFormat::Rgb24),
    (VideoFormat::Bgr, PixelFormat::Bgr24),
    (VideoFormat::Gray8, PixelFormat::Grey),
];

/// What the sink takes: the formats in their order, and JPEG images.
pub(super) fn caps() -> gst::Caps {
    let mut caps = gst::Caps::builder_full();
    for (format, _) in FORMATS {
        caps = caps.structure(gst::Structure::builder("video/x-raw").field("format", format.to_str()).build());
    }
    caps.structure(gst::Structure::new_empty("image/jpeg")).build()
}

/// Brings a sample's picture into `frame`: where it lies, if `lent` says that it may be held and a frame can say how it lies; else
/// copied into the frame's own buffer, plane by plane at once where the rows lie as a frame's do.
///
/// # Errors
/// In words: a picture of another format, or that cannot be mapped.
pub(super) fn read(sample: &gst::Sample, frame: &mut Frame, lent: Option<Lent>) -> Result<(), String> {
    let buffer = sample.buffer().ok_or("a sample without a picture")?;
    let caps = sample.caps().ok_or("a picture without a format")?;
    let lent = lent.filter(|_| is_plain(buffer));
    if caps.structure(0).is_some_and(|structure| structure.name() == "image/jpeg") {
        match lent {
            Some(lent) => lend(sample, frame, 0..buffer.size(), lent)?,
            None => {
                let map = buffer.map_readable().map_err(|e| e.to_string())?;
                let data = frame.data.own_mut();
                data.clear();
                data.extend_from_slice(&map);
                frame.copied_bytes = map.len() as u64;
            }
        }
        frame.size = jpeg_size(&frame.data, true).map_err(|reason| format!("a damaged JPEG image: {reason}"))?;
        (frame.format, frame.stride) = (PixelFormat::Mjpeg, 0);
        return Ok(());
    }
    let info = VideoInfo::from_caps(caps).map_err(|e| e.to_string())?;
    let known = FORMATS.iter().find(|(format, _)| *format == info.format());
    let (_, format) = known.ok_or_else(|| format!("pictures in {}, which are not read", info.format()))?;
    let picture = VideoFrameRef::from_buffer_ref_readable(buffer, &info).map_err(|e| e.to_string())?;
    (frame.size, frame.format) = (Size::new(info.width(), info.height()), *format);
    frame.colorimetry = colorimetry(&info);
    if let Some((lent, (place, stride))) = lent.zip(place_in_buffer(&picture, *format, frame.size, buffer.size())) {
        frame.stride = stride;
        drop(picture);
        return lend(sample, frame, place, lent);
    }
    copy(&picture, frame)
}

/// Whether a picture lies in one piece of the program's own memory. That of a device may be slow to read, and is read once.
fn is_plain(buffer: &gst::BufferRef) -> bool {
    buffer.n_memory() == 1 && buffer.peek_memory(0).is_type("SystemMemory")
}

/// Which bytes of its buffer are the picture, and its stride, if its planes follow each other as those of a frame do.
fn place_in_buffer(
    picture: &VideoFrameRef<&gst::BufferRef>,
    format: PixelFormat,
    size: Size,
    bytes: usize,
) -> Option<(Range<usize>, usize)> {
    let stride = usize::try_from(*picture.plane_stride().first()?).ok()?;
    let first = *picture.plane_offset().first()?;
    let planes = format.planes(size, stride);
    let lies_so = planes.iter().enumerate().filter(|(_, plane)| plane.rows > 0).all(|(number, plane)| {
        picture.plane_offset().get(number) == Some(&(first + plane.start))
            && picture.plane_stride().get(number).is_some_and(|given| usize::try_from(*given) == Ok(plane.stride))
    });
    let end = first.checked_add(format.buffer_len(size, stride))?;
    (lies_so && stride >= format.min_stride(size.width) && end <= bytes).then_some((first..end, stride))
}

/// A picture that a frame holds.
struct Held {
    map: gst::MappedBuffer<gst::buffer::Readable>,
    place: Range<usize>,
    _lent: Lent,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        self.map.get(self.place.clone()).unwrap_or_default()
    }
}

/// Has `frame` hold these bytes of a sample's picture.
fn lend(sample: &gst::Sample, frame: &mut Frame, place: Range<usize>, lent: Lent) -> Result<(), String> {
    let buffer = sample.buffer_owned().ok_or("a sample without a picture")?;
    let map = buffer.into_mapped_buffer_readable().map_err(|_| "a picture that cannot be read")?;
    frame.data.lend(Arc::new(Held { map, place, _lent: lent }));
    frame.copied_bytes = 0;
    Ok(())
}

/// Copies a picture whose size and format `frame` has already.
fn copy(picture: &VideoFrameRef<&gst::BufferRef>, frame: &mut Frame) -> Result<(), String> {
    let (size, format) = (frame.size, frame.format);
    let stride = format.min_stride(size.width);
    frame.stride = stride;
    frame.copied_bytes = 0;
    let data = frame.data.own_mut();
    data.resize(format.buffer_len(size, stride), 0);
    for (number, plane) in format.planes(size, stride).iter().enumerate().filter(|(_, plane)| plane.rows > 0) {
        let given = picture.plane_data(number as u32).map_err(|e| e.to_string())?;
        let given_stride = picture.plane_stride().get(number).copied().unwrap_or_default();
        let given_stride = usize::try_from(given_stride).map_err(|_| "a picture upside down")?;
        if given_stride == plane.stride && given.len() >= plane.end() - plane.start {
            data[plane.start..plane.end()].copy_from_slice(&given[..plane.end() - plane.start]);
            frame.copied_bytes += (plane.end() - plane.start) as u64;
            continue;
        }
        // A row of odd width is rounded up to a pair of pixels, which the given one need not hold.
        let row_bytes = plane.row_bytes.min(given_stride);
        for row in 0..plane.rows {
            let from = given.get(row * given_stride..).and_then(|rest| rest.get(..row_bytes));
            let from = from.ok_or("a picture whose memory is too short")?;
            let at = plane.start + row * plane.stride;
            data[at..at + row_bytes].copy_from_slice(from);
        }
        frame.copied_bytes += (plane.rows * row_bytes) as u64;
    }
    Ok(())
}

fn colorimetry(info: &VideoInfo) -> Colorimetry {
    let stated = info.colorimetry();
    let encoding = match stated.matrix() {
        VideoColorMatrix::Bt709 => ColorEncoding::Bt709,
        VideoColorMatrix::Bt2020 => ColorEncoding::Bt2020,
        VideoColorMatrix::Smpte240m => ColorEncoding::Smpte240m,
        _ => ColorEncoding::Bt601,
    };
    let range = if stated.range() == VideoColorRange::Range0_255 { ColorRange::Full } else { ColorRange::Limited };
    Colorimetry { encoding, range }
}

/// Size, pixel format and rate of the pictures of these caps.
pub(super) fn described(sample: &gst::Sample) -> Option<f64> {
    let rate = sample.caps()?.structure(0)?.get::<gst::Fraction>("framerate").ok()?;
    let rate = f64::from(rate.numer()) / f64::from(rate.denom());
    (rate.is_finite() && rate > 0.0).then_some(rate)
}
