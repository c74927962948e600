use gstreamer as gst;
use gstreamer_video as gst_video;

use gst_video::prelude::*;
use gst_video::{VideoColorMatrix, VideoColorRange, VideoFormat, VideoFrameRef, VideoInfo};

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

/// Copies a sample's picture into `frame`, whose buffer is reused: plane by plane at once where the rows lie as a frame's do.
///
/// # Errors
/// In words: a picture of another format, or that cannot be mapped.
pub(super) fn copy(sample: &gst::Sample, frame: &mut Frame) -> Result<(), String> {
    let buffer = sample.buffer().ok_or("a sample without a picture")?;
    let caps = sample.caps().ok_or("a picture without a format")?;
    if caps.structure(0).is_some_and(|structure| structure.name() == "image/jpeg") {
        let map = buffer.map_readable().map_err(|e| e.to_string())?;
        frame.data.clear();
        frame.data.extend_from_slice(&map);
        frame.size = jpeg_size(&frame.data, true).map_err(|reason| format!("a damaged JPEG image: {reason}"))?;
        (frame.format, frame.stride) = (PixelFormat::Mjpeg, 0);
        return Ok(());
    }
    let info = VideoInfo::from_caps(caps).map_err(|e| e.to_string())?;
    let known = FORMATS.iter().find(|(format, _)| *format == info.format());
    let (_, format) = known.ok_or_else(|| format!("pictures in {}, which are not read", info.format()))?;
    let picture = VideoFrameRef::from_buffer_ref_readable(buffer, &info).map_err(|e| e.to_string())?;
    let size = Size::new(info.width(), info.height());
    let stride = format.min_stride(size.width);
    (frame.size, frame.format, frame.stride, frame.colorimetry) = (size, *format, stride, colorimetry(&info));
    frame.data.resize(format.buffer_len(size, stride), 0);
    for (number, plane) in format.planes(size, stride).iter().enumerate().filter(|(_, plane)| plane.rows > 0) {
        let given = picture.plane_data(number as u32).map_err(|e| e.to_string())?;
        let given_stride = picture.plane_stride().get(number).copied().unwrap_or_default();
        let given_stride = usize::try_from(given_stride).map_err(|_| "a picture upside down")?;
        if given_stride == plane.stride && given.len() >= plane.end() - plane.start {
            frame.data[plane.start..plane.end()].copy_from_slice(&given[..plane.end() - plane.start]);
            continue;
        }
        // A row of odd width is rounded up to a pair of pixels, which the given one need not hold.
        let row_bytes = plane.row_bytes.min(given_stride);
        for row in 0..plane.rows {
            let from = given.get(row * given_stride..).and_then(|rest| rest.get(..row_bytes));
            let from = from.ok_or("a picture whose memory is too short")?;
            let at = plane.start + row * plane.stride;
            frame.data[at..at + row_bytes].copy_from_slice(from);
        }
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
