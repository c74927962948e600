//! Devices that take pictures.

use std::io::{self, Write};
use std::mem;

use v4l::v4l_sys as sys;
use v4l::v4l2::vidioc;

use super::buffers::StreamKind;
use super::{Node, Plain, fourcc};
use crate::geometry::Size;

const OUTPUT: u32 = sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_OUTPUT;

/// The format in which a driver takes pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OutputLayout {
    pub fourcc: u32,
    pub size: Size,
    /// Bytes from row to row of the first plane.
    pub stride: usize,
    /// Most bytes of one picture; drivers round it up.
    pub bytes: usize,
}

impl Node {
    /// Asks that pictures be taken in a format, progressive, in sRGB: RGB of full range, or YUV by BT.601 in limited
    /// range. The driver answers with the nearest that it takes.
    pub(crate) fn set_output_format(&self, pixelformat: u32, size: Size) -> io::Result<OutputLayout> {
        let mut f = sys::v4l2_format { type_: OUTPUT, ..Plain::zeroed() };
        let quantization = match pixelformat == fourcc(b"RGB3") {
            true => sys::v4l2_quantization_V4L2_QUANTIZATION_FULL_RANGE,
            false => sys::v4l2_quantization_V4L2_QUANTIZATION_LIM_RANGE,
        };
        // SAFETY: integers and unions of integers, for which zeros are valid.
        let zeros: sys::v4l2_pix_format = unsafe { mem::zeroed() };
        let mut pix = sys::v4l2_pix_format {
            width: size.width,
            height: size.height,
            pixelformat,
            field: sys::v4l2_field_V4L2_FIELD_NONE,
            colorspace: sys::v4l2_colorspace_V4L2_COLORSPACE_SRGB,
            // Without it the kernel clears the fields behind it.
            priv_: sys::V4L2_PIX_FMT_PRIV_MAGIC,
            quantization,
            ..zeros
        };
        pix.__bindgen_anon_1.ycbcr_enc = sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_601;
        f.fmt.pix = pix;
        self.ioctl(vidioc::VIDIOC_S_FMT, &mut f)?;
        // SAFETY: for this buffer type the kernel fills `pix`; all members are integers in any case.
        let p = unsafe { f.fmt.pix };
        Ok(OutputLayout {
            fourcc: p.pixelformat,
            size: Size::new(p.width, p.height),
            stride: p.bytesperline as usize,
            bytes: p.sizeimage as usize,
        })
    }

    /// Says that pictures will be written. v4l2loopback up to 0.12 must be told, or with `exclusive_caps=1` it stays no output after
    /// who wrote to it has left; later versions find out by themselves and refuse to be told.
    pub(crate) fn announce_writer(&self) {
        let _ = self.ioctl(vidioc::VIDIOC_STREAMON, &mut StreamKind(OUTPUT));
    }

    /// Hands over one picture.
    ///
    /// # Errors
    /// `WouldBlock` where the driver has no room for it now.
    pub(crate) fn write(&self, picture: &[u8]) -> io::Result<usize> {
        loop {
            match (&self.file).write(picture) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }
}
