//! V4L2's colour fields to ours. The defaults are those of the kernel's `V4L2_MAP_YCBCR_ENC_DEFAULT` and
//! `V4L2_MAP_QUANTIZATION_DEFAULT` (include/uapi/linux/videodev2.h).

use v4l::v4l_sys as sys;

use super::ioctl::PixelLayout;
use crate::frame::{ColorEncoding, ColorRange, Colorimetry, PixelFormat};

pub(super) fn colorimetry(format: PixelFormat, layout: &PixelLayout) -> Colorimetry {
    if format == PixelFormat::Mjpeg {
        // JFIF fixes both, whatever the driver claims.
        return Colorimetry { encoding: ColorEncoding::Bt601, range: ColorRange::Full };
    }
    let rgb = matches!(format, PixelFormat::Rgb24 | PixelFormat::Bgr24);
    Colorimetry { encoding: encoding(layout), range: range(rgb, layout) }
}

fn encoding(layout: &PixelLayout) -> ColorEncoding {
    match layout.ycbcr_encoding {
        sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_DEFAULT => match layout.colorspace {
            sys::v4l2_colorspace_V4L2_COLORSPACE_REC709
            | sys::v4l2_colorspace_V4L2_COLORSPACE_DCI_P3
            | sys::v4l2_colorspace_V4L2_COLORSPACE_BT2020
            | sys::v4l2_colorspace_V4L2_COLORSPACE_SMPTE240M => ColorEncoding::Bt709,
            _ => ColorEncoding::Bt601,
        },
        // The matrices of BT.2020 and SMPTE 240M lie far closer to BT.709 than to BT.601.
        sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_709
        | sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_XV709
        | sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_BT2020
        | sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_BT2020_CONST_LUM
        | sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_SMPTE240M => ColorEncoding::Bt709,
        _ => ColorEncoding::Bt601,
    }
}

fn range(rgb: bool, layout: &PixelLayout) -> ColorRange {
    match layout.quantization {
        sys::v4l2_quantization_V4L2_QUANTIZATION_FULL_RANGE => ColorRange::Full,
        sys::v4l2_quantization_V4L2_QUANTIZATION_LIM_RANGE => ColorRange::Limited,
        _ if rgb || layout.colorspace == sys::v4l2_colorspace_V4L2_COLORSPACE_JPEG => ColorRange::Full,
        _ => ColorRange::Limited,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(colorspace: u32, ycbcr_encoding: u32, quantization: u32) -> PixelLayout {
        PixelLayout { colorspace, ycbcr_encoding, quantization, ..PixelLayout::default() }
    }

    #[test]
    fn table_of_colour_fields() {
        use ColorEncoding::*;
        use ColorRange::*;
        let rows = [
            ("webcam: sRGB, all defaults", PixelFormat::Yuyv, layout(8, 0, 0), Bt601, Limited),
            ("webcam: JPEG colours", PixelFormat::Yuyv, layout(7, 0, 0), Bt601, Full),
            ("capture card: Rec. 709", PixelFormat::Nv12, layout(3, 0, 0), Bt709, Limited),
            ("explicit encoding wins", PixelFormat::Nv12, layout(3, 1, 1), Bt601, Full),
            ("explicit 709 under sRGB", PixelFormat::Nv12, layout(8, 2, 2), Bt709, Limited),
            ("RGB is full by default", PixelFormat::Rgb24, layout(8, 0, 0), Bt601, Full),
            ("MJPEG is JFIF", PixelFormat::Mjpeg, layout(3, 2, 2), Bt601, Full),
            ("codes of the future", PixelFormat::Yuyv, layout(99, 99, 99), Bt601, Limited),
        ];
        for (name, format, layout, encoding, range) in rows {
            assert_eq!(colorimetry(format, &layout), Colorimetry { encoding, range }, "{name}");
        }
    }
}
