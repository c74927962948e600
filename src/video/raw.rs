use std::io::{self, Read};

use crate::frame::{Colorimetry, Frame, PixelFormat};
use crate::geometry::Size;
use crate::picture::MAX_SIDE;

/// How frames without headers lie in a stream of bytes: plane behind plane, as ffmpeg writes `rawvideo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawLayout {
    /// Width and height in pixels.
    pub size: Size,
    /// How pixels lie. MJPEG has no layout.
    pub format: PixelFormat,
    /// Bytes from the start of a row of the first plane to the start of the next; rows without padding if it is `None`. Planes of
    /// half the width (I420) have half of it.
    pub stride: Option<usize>,
    /// What YUV codes mean.
    pub colorimetry: Colorimetry,
}

/// One plane in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct WirePlane {
    rows: usize,
    /// A row's own bytes.
    row_bytes: usize,
    /// A row's bytes with its padding.
    stride: usize,
}

impl RawLayout {
    /// A layout of rows without padding, BT.601 and limited range.
    pub fn tight(size: Size, format: PixelFormat) -> Self {
        RawLayout { size, format, stride: None, colorimetry: Colorimetry::default() }
    }

    /// Whether frames can lie so.
    ///
    /// # Errors
    /// Sides of 0 or beyond [`MAX_SIDE`], a stride that is shorter than a row, a format without a layout.
    pub fn check(&self) -> Result<(), String> {
        let Size { width, height } = self.size;
        if ![width, height].iter().all(|side| (1..=MAX_SIDE).contains(side)) {
            return Err(format!("frames of {width}x{height} pixels: give sides of 1 to {MAX_SIDE}"));
        }
        if self.format == PixelFormat::Mjpeg {
            return Err("JPEG images have no layout: their own headers say their size".into());
        }
        let [first, ..] = self.planes();
        let least = if first.row_bytes > width as usize { first.row_bytes } else { width as usize };
        match self.stride {
            Some(stride) if stride < least || stride > least.saturating_mul(4).max(4096) => {
                Err(format!("rows of {stride} bytes: a row of {width} pixels in {} takes {least}", self.format))
            }
            _ => Ok(()),
        }
    }

    /// Bytes of a frame in the stream.
    pub fn frame_bytes(&self) -> usize {
        self.planes().iter().map(|plane| plane.rows * plane.stride).sum()
    }

    /// The planes as they come; those that the format does not have are empty.
    fn planes(&self) -> [WirePlane; 3] {
        let (width, rows) = (self.size.width as usize, self.size.height as usize);
        let (half, half_rows) = (width.div_ceil(2), rows.div_ceil(2));
        let plane = |rows, row_bytes: usize, share: usize| {
            let stride = self.stride.map_or(row_bytes, |stride| (stride / share).max(row_bytes));
            WirePlane { rows, row_bytes, stride }
        };
        let none = WirePlane { rows: 0, row_bytes: 0, stride: 0 };
        match self.format {
            PixelFormat::I420 => [plane(rows, width, 1), plane(half_rows, half, 2), plane(half_rows, half, 2)],
            PixelFormat::Nv12 | PixelFormat::Nv21 => [plane(rows, width, 1), plane(half_rows, half * 2, 1), none],
            PixelFormat::Nv16 => [plane(rows, width, 1), plane(rows, half * 2, 1), none],
            format => [plane(rows, format.min_stride(self.size.width), 1), none, none],
        }
    }

    /// Reads one frame into `frame`, whose buffer is reused. What lies in the stream as a frame does is read in one go.
    ///
    /// # Errors
    /// As [`Read::read_exact`].
    pub(super) fn read(&self, input: &mut impl Read, frame: &mut Frame) -> io::Result<()> {
        let stride = self.format.min_stride(self.size.width);
        frame.size = self.size;
        frame.format = self.format;
        frame.stride = stride;
        frame.colorimetry = self.colorimetry;
        let length = self.format.buffer_len(self.size, stride);
        let data = frame.data.own_mut();
        data.truncate(length);
        let (wire, planes) = (self.planes(), self.format.planes(self.size, stride));
        if wire.iter().zip(planes).all(|(w, p)| w.rows == 0 || w.stride == p.stride) {
            let mut at = 0;
            while at < length {
                let end = grow(data, at + 1, length);
                input.read_exact(&mut data[at..end])?;
                at = end;
            }
            return Ok(());
        }
        let mut padding = [0; 256];
        for (wire, plane) in wire.iter().zip(planes) {
            for row in 0..wire.rows {
                let start = plane.start + row * plane.stride;
                grow(data, start + wire.row_bytes, length);
                input.read_exact(&mut data[start..start + wire.row_bytes])?;
                let mut left = wire.stride - wire.row_bytes;
                while left > 0 {
                    let part = left.min(padding.len());
                    input.read_exact(&mut padding[..part])?;
                    left -= part;
                }
            }
        }
        // The last row may have lacked the pixel that makes it a pair.
        grow(data, length, length);
        Ok(())
    }
}

/// Makes room for `needed` bytes of `length` and gives how many there is room for: a header that claims more than comes takes no more
/// memory than twice what came, or a megabyte.
fn grow(data: &mut Vec<u8>, needed: usize, length: usize) -> usize {
    const STEP: usize = 1 << 20;
    if data.len() < needed {
        let ahead = needed.max(data.len() * 2).max(STEP).min(length);
        data.resize(ahead, 0);
    }
    data.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FORMATS: [PixelFormat; 8] = [
        PixelFormat::I420,
        PixelFormat::Nv12,
        PixelFormat::Nv21,
        PixelFormat::Nv16,
        PixelFormat::Yuyv,
        PixelFormat::Rgb24,
        PixelFormat::Bgr24,
        PixelFormat::Grey,
    ];

    #[test]
    fn frames_take_what_ffmpeg_says_that_they_take() {
        let rows = [
            (PixelFormat::I420, (640, 480), None, 460_800),
            (PixelFormat::I420, (5, 3), None, 15 + 2 * 6),
            (PixelFormat::I420, (640, 4), Some(704), 704 * 4 + 2 * 352 * 2),
            (PixelFormat::Nv12, (5, 3), None, 15 + 12),
            (PixelFormat::Yuyv, (6, 2), None, 24),
            (PixelFormat::Rgb24, (5, 2), None, 30),
            (PixelFormat::Grey, (5, 2), Some(8), 16),
        ];
        for (format, (width, height), stride, expected) in rows {
            let layout = RawLayout { stride, ..RawLayout::tight(Size::new(width, height), format) };
            assert_eq!((layout.check(), layout.frame_bytes()), (Ok(()), expected), "{format} {width}x{height}");
        }
    }

    #[test]
    fn what_no_frame_is_is_refused() {
        let tight = |w, h, format| RawLayout::tight(Size::new(w, h), format);
        let short = RawLayout { stride: Some(639), ..tight(640, 480, PixelFormat::Nv12) };
        let endless = RawLayout { stride: Some(1 << 40), ..tight(640, 480, PixelFormat::Nv12) };
        let rows = [
            (tight(0, 4, PixelFormat::Grey), "sides"),
            (tight(4, 99_999, PixelFormat::Grey), "sides"),
            (tight(4, 4, PixelFormat::Mjpeg), "headers"),
            (short, "takes 640"),
            (endless, "takes 640"),
        ];
        for (layout, expected) in rows {
            assert!(layout.check().is_err_and(|reason| reason.contains(expected)), "{layout:?}");
        }
    }

    proptest! {
        /// Every byte of a row comes where a frame of this format has it, whatever the sides and the padding.
        #[test]
        fn rows_come_where_a_frame_has_them(format in 0..FORMATS.len(), w in 1u32..40, h in 1u32..20, pad in 0usize..600) {
            let format = FORMATS[format];
            let (size, own) = (Size::new(w, h), RawLayout::tight(Size::new(w, h), format).planes()[0].row_bytes);
            // Half of a stride is a stride as well.
            let stride = (pad > 0).then_some((own + pad).next_multiple_of(2));
            let layout = RawLayout { stride, ..RawLayout::tight(size, format) };
            let bytes: Vec<u8> = (0..layout.frame_bytes()).map(|i| (i * 31 % 251) as u8).collect();
            let mut frame = Frame::default();
            let mut input = &bytes[..];
            layout.read(&mut input, &mut frame).unwrap();
            prop_assert!(input.is_empty() && frame.check().is_ok());
            let (mut at, planes) = (0, format.planes(size, frame.stride));
            for (wire, plane) in layout.planes().iter().zip(planes) {
                for row in 0..wire.rows {
                    let start = plane.start + row * plane.stride;
                    prop_assert_eq!(&frame.data[start..start + wire.row_bytes], &bytes[at..at + wire.row_bytes]);
                    at += wire.stride;
                }
            }
        }
    }
}
