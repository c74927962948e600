//! From a driver's memory planes to the one buffer of a frame.

use v4l::v4l_sys as sys;

use super::colour::colorimetry;
use crate::frame::{ColorRange, Colorimetry, Frame, PixelFormat, Plane};
use crate::geometry::Size;
use crate::picture::jpeg::{self, jpeg_size};
use crate::v4l2::{PixelLayout, fourcc};

/// The formats that can be read, by V4L2's codes. Those with an M keep their colour planes in memory planes of their own.
pub(super) const FORMATS: [(u32, PixelFormat); 16] = [
    (fourcc(b"YUYV"), PixelFormat::Yuyv),
    (fourcc(b"UYVY"), PixelFormat::Uyvy),
    (fourcc(b"YVYU"), PixelFormat::Yvyu),
    (fourcc(b"NV12"), PixelFormat::Nv12),
    (fourcc(b"NM12"), PixelFormat::Nv12),
    (fourcc(b"NV21"), PixelFormat::Nv21),
    (fourcc(b"NM21"), PixelFormat::Nv21),
    (fourcc(b"NV16"), PixelFormat::Nv16),
    (fourcc(b"NM16"), PixelFormat::Nv16),
    (fourcc(b"YU12"), PixelFormat::I420),
    (fourcc(b"YM12"), PixelFormat::I420),
    (fourcc(b"MJPG"), PixelFormat::Mjpeg),
    (fourcc(b"JPEG"), PixelFormat::Mjpeg),
    (fourcc(b"RGB3"), PixelFormat::Rgb24),
    (fourcc(b"BGR3"), PixelFormat::Bgr24),
    (fourcc(b"GREY"), PixelFormat::Grey),
];

pub(super) fn pixel_format(code: u32) -> Option<PixelFormat> {
    FORMATS.iter().find(|(known, _)| *known == code).map(|(_, format)| *format)
}

/// One colour plane: where the driver writes it and where a frame has it.
#[derive(Clone, Copy, Debug)]
struct Part {
    memory_plane: usize,
    source: Plane,
    target: Plane,
}

/// How a driver's buffers become frames.
#[derive(Clone, Debug)]
pub(super) struct Arrangement {
    pub format: PixelFormat,
    pub size: Size,
    stride: usize,
    colorimetry: Colorimetry,
    parts: Vec<Part>,
    /// Whether a JPEG image must end in its marker.
    end_needed: bool,
}

impl Arrangement {
    /// # Errors
    /// Why a layout cannot be read, or would be read wrongly.
    pub(super) fn new(format: PixelFormat, layout: &PixelLayout) -> Result<Self, String> {
        let Size { width, height } = layout.size;
        if width == 0 || height == 0 {
            return Err(format!("it answers with frames of {width}x{height} pixels"));
        }
        if !matches!(layout.field, sys::v4l2_field_V4L2_FIELD_ANY | sys::v4l2_field_V4L2_FIELD_NONE) {
            return Err("it sends interlaced video, of which each image mixes two moments: \
                        choose a progressive input or mode (720p, not 1080i)"
                .into());
        }
        let colorimetry = colorimetry(format, layout)?;
        if format == PixelFormat::Mjpeg {
            let parts = Vec::new();
            return Ok(Arrangement { format, size: layout.size, stride: 0, colorimetry, parts, end_needed: true });
        }
        let stride = layout.strides[0];
        let targets = format.planes(layout.size, stride).into_iter().filter(|plane| plane.rows > 0);
        let parts: Vec<Part> = match layout.memory_planes {
            1 => targets.map(|target| Part { memory_plane: 0, source: target, target }).collect(),
            n if n == targets.clone().count() => targets
                .zip(layout.strides)
                .enumerate()
                .map(|(n, (target, stride))| Part {
                    memory_plane: n,
                    source: Plane { start: 0, stride, ..target },
                    target,
                })
                .collect(),
            n => return Err(format!("it spreads {format} over {n} planes of memory")),
        };
        match parts.iter().find(|part| part.source.stride < part.source.row_bytes) {
            Some(Part { source, .. }) => {
                Err(format!("it states {} bytes per row, too few for {width} pixels of {format}", source.stride))
            }
            None => Ok(Arrangement { format, size: layout.size, stride, colorimetry, parts, end_needed: true }),
        }
    }

    /// Whether JPEG images must end in their marker.
    pub(super) fn with_end_needed(mut self, end_needed: bool) -> Self {
        self.end_needed = end_needed;
        self
    }

    /// Whether a buffer holds a whole image; `bytes` is what the driver wrote into a memory plane.
    pub(super) fn is_whole<'a>(&self, bytes: impl Fn(usize) -> &'a [u8]) -> bool {
        match self.format {
            PixelFormat::Mjpeg => jpeg_size(bytes(0), self.end_needed).is_ok(),
            _ => self.parts.iter().all(|part| bytes(part.memory_plane).len() >= part.source.end()),
        }
    }

    /// Writes a whole buffer's image into `frame`: its pixels and what they mean.
    pub(super) fn copy<'a>(&self, bytes: impl Fn(usize) -> &'a [u8], frame: &mut Frame) {
        frame.size = self.size;
        frame.format = self.format;
        frame.stride = self.stride;
        frame.colorimetry = self.colorimetry;
        let data = frame.data.own_mut();
        data.clear();
        if self.format == PixelFormat::Mjpeg {
            data.extend_from_slice(bytes(0));
            // A camera may send another size than the one it answered with.
            frame.size = jpeg_size(data, self.end_needed).unwrap_or(self.size);
            if !self.end_needed {
                jpeg::complete(data);
            }
            frame.copied_bytes = frame.data.len() as u64;
            return;
        }
        for Part { memory_plane, source, target } in &self.parts {
            let bytes = bytes(*memory_plane);
            data.resize(target.start, 0);
            if source.stride == target.stride {
                data.extend_from_slice(bytes.get(source.start..source.end()).unwrap_or_default());
                continue;
            }
            for y in 0..source.rows {
                data.resize(target.start + y * target.stride, 0);
                let start = source.start + y * source.stride;
                data.extend_from_slice(bytes.get(start..start + source.row_bytes).unwrap_or_default());
            }
        }
        let is_rgb = matches!(self.format, PixelFormat::Rgb24 | PixelFormat::Bgr24);
        if is_rgb && self.colorimetry.range == ColorRange::Limited {
            // A frame's RGB is always of full range.
            data.iter_mut().for_each(|level| *level = expanded(*level));
        }
        frame.copied_bytes = self.parts.iter().map(|part| (part.source.rows * part.source.row_bytes) as u64).sum();
    }
}

/// A level of 16 to 235 as one of 0 to 255, to the nearest.
fn expanded(level: u8) -> u8 {
    let above = u32::from(level.saturating_sub(16));
    ((above * 255 + 109) / 219).min(255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: Size, strides: &[usize]) -> PixelLayout {
        let mut all = [0; 8];
        all[..strides.len()].copy_from_slice(strides);
        PixelLayout { size, strides: all, memory_planes: strides.len(), field: 1, ..PixelLayout::default() }
    }

    #[test]
    fn layouts_that_would_be_read_wrongly_are_refused() {
        let size = Size::new(640, 480);
        let good = layout(size, &[1280]);
        let ok = |format, layout: &PixelLayout| Arrangement::new(format, layout).is_ok();
        assert!(ok(PixelFormat::Yuyv, &good));
        assert!(ok(PixelFormat::Mjpeg, &layout(size, &[0])));
        assert!(!ok(PixelFormat::Yuyv, &layout(size, &[1279])));
        assert!(!ok(PixelFormat::Yuyv, &layout(Size::new(640, 0), &[1280])));
        assert!(ok(PixelFormat::Nv12, &layout(size, &[640, 640])));
        assert!(ok(PixelFormat::I420, &layout(size, &[640, 320, 320])));
        assert!(!ok(PixelFormat::I420, &layout(size, &[640, 640])), "three colour planes in two of memory");
        assert!(!ok(PixelFormat::I420, &layout(size, &[640, 320, 319])));
        // Woven, separate and alternating fields.
        for field in [4, 5, 7, 8, 9] {
            let reason = Arrangement::new(PixelFormat::Yuyv, &PixelLayout { field, ..good }).unwrap_err();
            assert!(reason.contains("interlaced"), "{reason}");
        }
    }

    /// The image that four ways of laying out the same colour planes come to.
    #[test]
    fn planes_come_together_whatever_their_strides() {
        let size = Size::new(6, 4);
        for format in [PixelFormat::Nv12, PixelFormat::Nv21, PixelFormat::Nv16, PixelFormat::I420] {
            let tight = format.min_stride(6);
            let one = format.planes(size, tight);
            let planes = one.iter().filter(|p| p.rows > 0);
            let pixel = |plane: usize, x: usize, y: usize| (plane * 100 + y * 10 + x) as u8;
            let mut reference = Vec::new();
            for paddings in [[0, 0, 0], [2, 2, 1], [0, 10, 4], [6, 0, 0]] {
                let strides: Vec<usize> = planes.clone().zip(paddings).map(|(p, pad)| p.row_bytes + pad).collect();
                let memory: Vec<Vec<u8>> = planes
                    .clone()
                    .zip(&strides)
                    .enumerate()
                    .map(|(n, (p, &stride))| {
                        let mut bytes = vec![255; stride * p.rows];
                        for (x, y) in (0..p.rows).flat_map(|y| (0..p.row_bytes).map(move |x| (x, y))) {
                            bytes[y * stride + x] = pixel(n, x, y);
                        }
                        bytes
                    })
                    .collect();
                let arrangement = Arrangement::new(format, &layout(size, &strides)).unwrap();
                let bytes = |n: usize| memory[n].as_slice();
                assert!(arrangement.is_whole(bytes));
                assert!(!arrangement.is_whole(|n| &memory[n][..memory[n].len().min(13 - n)]), "cut short");
                let mut frame = Frame::default();
                arrangement.copy(bytes, &mut frame);
                frame.check().unwrap();
                let mut rgb = Vec::new();
                crate::frame::to_rgb(&frame, &mut rgb).unwrap();
                if reference.is_empty() {
                    reference = rgb;
                } else {
                    assert_eq!(rgb, reference, "{format} with padding {paddings:?}");
                }
            }
        }
    }

    #[test]
    fn rgb_of_limited_range_is_expanded() {
        assert_eq!([0, 16, 17, 125, 126, 235, 255].map(expanded), [0, 0, 1, 127, 128, 255, 255]);
        let limited = PixelLayout { quantization: 2, ..layout(Size::new(1, 1), &[3]) };
        let mut frame = Frame::default();
        Arrangement::new(PixelFormat::Bgr24, &limited).unwrap().copy(|_| &[16, 235, 126], &mut frame);
        assert_eq!(frame.data, [0, 255, 128]);
    }
}
