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
    /// 4:2:0, a plane of Y, then a plane of interleaved U V at half size.
    Nv12,
    /// One JPEG picture per frame; camera streams may leave out the Huffman tables.
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
    pub const ALL: [PixelFormat; 6] = [
        PixelFormat::Yuyv,
        PixelFormat::Nv12,
        PixelFormat::Mjpeg,
        PixelFormat::Rgb24,
        PixelFormat::Bgr24,
        PixelFormat::Grey,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            PixelFormat::Yuyv => "yuyv",
            PixelFormat::Nv12 => "nv12",
            PixelFormat::Mjpeg => "mjpeg",
            PixelFormat::Rgb24 => "rgb24",
            PixelFormat::Bgr24 => "bgr24",
            PixelFormat::Grey => "grey",
        }
    }

    /// Bytes of one row without padding (first plane); 0 for MJPEG. Odd YUYV widths are rounded up to a pixel pair.
    pub const fn min_stride(self, width: u32) -> usize {
        let w = width as usize;
        match self {
            PixelFormat::Yuyv => w.div_ceil(2) * 4,
            PixelFormat::Nv12 => w.div_ceil(2) * 2,
            PixelFormat::Rgb24 | PixelFormat::Bgr24 => w * 3,
            PixelFormat::Grey => w,
            PixelFormat::Mjpeg => 0,
        }
    }

    /// Least buffer length for a frame: the last row needs no padding. 0 for MJPEG.
    pub const fn buffer_len(self, size: Size, stride: usize) -> usize {
        let h = size.height as usize;
        if h == 0 {
            return 0;
        }
        match self {
            PixelFormat::Nv12 => {
                stride.saturating_mul(h + h.div_ceil(2) - 1).saturating_add(self.min_stride(size.width))
            }
            PixelFormat::Mjpeg => 0,
            _ => stride.saturating_mul(h - 1).saturating_add(self.min_stride(size.width)),
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
    pub encoding: ColorEncoding,
    pub range: ColorRange,
}
