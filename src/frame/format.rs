use std::fmt;

use serde::{Deserialize, Serialize};

use crate::geometry::Size;

/// How pixels lie in a frame's buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PixelFormat {
    /// 4:2:2, bytes Y0 U Y1 V for two pixels.
    Yuyv,
    /// 4:2:2, bytes U Y0 V Y1 for two pixels.
    Uyvy,
    /// 4:2:2, bytes Y0 V Y1 U for two pixels.
    Yvyu,
    /// 4:2:0, a plane of Y, then a plane of interleaved U V at half width and height.
    Nv12,
    /// 4:2:0 as NV12, with V before U.
    Nv21,
    /// 4:2:2, a plane of Y, then a plane of interleaved U V at half width.
    Nv16,
    /// 4:2:0, planes of Y, U and V, the latter two at half width and height (V4L2's YU12).
    I420,
    /// One JPEG image per frame; camera streams may leave out the Huffman tables.
    Mjpeg,
    /// Bytes R G B.
    #[default]
    Rgb24,
    /// Bytes B G R.
    Bgr24,
    /// One byte of luma per pixel, full range.
    Grey,
}

impl PixelFormat {
    /// Every format.
    pub const ALL: [PixelFormat; 11] = [
        PixelFormat::Yuyv,
        PixelFormat::Uyvy,
        PixelFormat::Yvyu,
        PixelFormat::Nv12,
        PixelFormat::Nv21,
        PixelFormat::Nv16,
        PixelFormat::I420,
        PixelFormat::Mjpeg,
        PixelFormat::Rgb24,
        PixelFormat::Bgr24,
        PixelFormat::Grey,
    ];

    /// The name in messages and reports.
    pub const fn name(self) -> &'static str {
        match self {
            PixelFormat::Yuyv => "yuyv",
            PixelFormat::Uyvy => "uyvy",
            PixelFormat::Yvyu => "yvyu",
            PixelFormat::Nv12 => "nv12",
            PixelFormat::Nv21 => "nv21",
            PixelFormat::Nv16 => "nv16",
            PixelFormat::I420 => "i420",
            PixelFormat::Mjpeg => "mjpeg",
            PixelFormat::Rgb24 => "rgb24",
            PixelFormat::Bgr24 => "bgr24",
            PixelFormat::Grey => "grey",
        }
    }

    /// Bytes of one row without padding (first plane); 0 for MJPEG. Odd widths of YUV are rounded up to a pixel pair.
    pub const fn min_stride(self, width: u32) -> usize {
        let w = width as usize;
        match self {
            PixelFormat::Yuyv | PixelFormat::Uyvy | PixelFormat::Yvyu => w.div_ceil(2) * 4,
            PixelFormat::Nv12 | PixelFormat::Nv21 | PixelFormat::Nv16 | PixelFormat::I420 => w.div_ceil(2) * 2,
            PixelFormat::Rgb24 | PixelFormat::Bgr24 => w * 3,
            PixelFormat::Grey => w,
            PixelFormat::Mjpeg => 0,
        }
    }

    /// The colour planes of a frame of `size` whose first plane has rows of `stride` bytes, one behind the other. A plane
    /// that the format does not have has no rows; MJPEG has none at all.
    pub const fn planes(self, size: Size, stride: usize) -> [Plane; 3] {
        let row_bytes = self.min_stride(size.width);
        let rows = size.height as usize;
        let first = Plane { start: 0, rows, row_bytes, stride };
        let behind = stride.saturating_mul(rows);
        match self {
            PixelFormat::Nv12 | PixelFormat::Nv21 => {
                [first, Plane { start: behind, rows: rows.div_ceil(2), ..first }, Plane::NONE]
            }
            PixelFormat::Nv16 => [first, Plane { start: behind, ..first }, Plane::NONE],
            PixelFormat::I420 => {
                let (stride, rows) = (stride / 2, rows.div_ceil(2));
                let u = Plane { start: behind, rows, row_bytes: row_bytes / 2, stride };
                [first, u, Plane { start: behind.saturating_add(stride.saturating_mul(rows)), ..u }]
            }
            PixelFormat::Mjpeg => [Plane::NONE; 3],
            _ => [first, Plane::NONE, Plane::NONE],
        }
    }

    /// Least buffer length for a frame: the last row needs no padding. 0 for MJPEG.
    pub const fn buffer_len(self, size: Size, stride: usize) -> usize {
        match self.planes(size, stride) {
            [_, _, last] if last.rows > 0 => last.end(),
            [_, last, _] if last.rows > 0 => last.end(),
            [only, ..] => only.end(),
        }
    }
}

/// Where one colour plane lies in a frame's buffer; all in bytes but `rows`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plane {
    /// From the start of the buffer.
    pub start: usize,
    /// How many rows it has; 0 where there is no such plane.
    pub rows: usize,
    /// A row's own bytes, without padding.
    pub row_bytes: usize,
    /// From the start of a row to the start of the next.
    pub stride: usize,
}

impl Plane {
    const NONE: Plane = Plane { start: 0, rows: 0, row_bytes: 0, stride: 0 };

    /// Where the last row ends.
    pub const fn end(&self) -> usize {
        match self.rows {
            0 => self.start,
            rows => self.start.saturating_add(self.stride.saturating_mul(rows - 1)).saturating_add(self.row_bytes),
        }
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which matrix turns YUV into RGB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColorEncoding {
    /// ITU-R BT.601, the default of webcams and JPEG.
    #[default]
    Bt601,
    /// ITU-R BT.709.
    Bt709,
    /// ITU-R BT.2020 with non-constant luminance.
    Bt2020,
    /// SMPTE 240M.
    Smpte240m,
}

impl ColorEncoding {
    /// The shares of red and blue in luma.
    pub(super) const fn luma_weights(self) -> (f64, f64) {
        match self {
            ColorEncoding::Bt601 => (0.299, 0.114),
            ColorEncoding::Bt709 => (0.2126, 0.0722),
            ColorEncoding::Bt2020 => (0.2627, 0.0593),
            ColorEncoding::Smpte240m => (0.212, 0.087),
        }
    }
}

/// Which codes black and white have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColorRange {
    /// Luma 16 to 235, chroma 16 to 240.
    #[default]
    Limited,
    /// 0 to 255.
    Full,
}

/// Meaning of the YUV codes; ignored for RGB, BGR and grey.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Colorimetry {
    /// Which matrix turns YUV into RGB.
    pub encoding: ColorEncoding,
    /// Which codes black and white have.
    pub range: ColorRange,
}
