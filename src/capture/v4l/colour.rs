//! V4L2's colour fields to ours. The defaults are those of the kernel's `V4L2_MAP_YCBCR_ENC_DEFAULT` and
//! `V4L2_MAP_QUANTIZATION_DEFAULT` (include/uapi/linux/videodev2.h).

use v4l::v4l_sys as sys;

use crate::frame::{ColorEncoding, ColorRange, Colorimetry, PixelFormat};
use crate::v4l2::PixelLayout;

/// # Errors
/// For colours that no matrix gives back.
pub(super) fn colorimetry(format: PixelFormat, layout: &PixelLayout) -> Result<Colorimetry, String> {
    if format == PixelFormat::Mjpeg {
        // JFIF fixes both, whatever the driver claims.
        return Ok(Colorimetry { encoding: ColorEncoding::Bt601, range: ColorRange::Full });
    }
    let rgb = matches!(format, PixelFormat::Rgb24 | PixelFormat::Bgr24);
    let encoding = match encoding(layout) {
        None if !rgb && format != PixelFormat::Grey => {
            return Err("it sends BT.2020 colours of constant luminance: set the source to another encoding".into());
        }
        encoding => encoding.unwrap_or_default(),
    };
    Ok(Colorimetry { encoding, range: range(rgb, layout) })
}

/// `None` for constant luminance, which is not linear.
fn encoding(layout: &PixelLayout) -> Option<ColorEncoding> {
    Some(match layout.ycbcr_encoding {
        sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_DEFAULT => match layout.colorspace {
            sys::v4l2_colorspace_V4L2_COLORSPACE_REC709 | sys::v4l2_colorspace_V4L2_COLORSPACE_DCI_P3 => {
                ColorEncoding::Bt709
            }
            sys::v4l2_colorspace_V4L2_COLORSPACE_BT2020 => ColorEncoding::Bt2020,
            sys::v4l2_colorspace_V4L2_COLORSPACE_SMPTE240M => ColorEncoding::Smpte240m,
            _ => ColorEncoding::Bt601,
        },
        sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_709 | sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_XV709 => {
            ColorEncoding::Bt709
        }
        sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_BT2020 => ColorEncoding::Bt2020,
        sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_SMPTE240M => ColorEncoding::Smpte240m,
        sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_BT2020_CONST_LUM => return None,
        _ => ColorEncoding::Bt601,
    })
}

fn range(rgb: bool, layout: &PixelLayout) -> ColorRange {
    let extended = matches!(
        layout.ycbcr_encoding,
        sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_XV601 | sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_XV709
    );
    match layout.quantization {
        // xvYCC has limited range only, whatever is said.
        _ if extended && !rgb => ColorRange::Limited,
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
            ("wide gamut", PixelFormat::Nv12, layout(10, 0, 0), Bt2020, Limited),
            ("early high definition", PixelFormat::Nv12, layout(2, 0, 0), Smpte240m, Limited),
            ("xvYCC is limited", PixelFormat::Yuyv, layout(8, 4, 1), Bt709, Limited),
            ("limited RGB", PixelFormat::Rgb24, layout(8, 0, 2), Bt601, Limited),
            ("codes of the future", PixelFormat::Yuyv, layout(99, 99, 99), Bt601, Limited),
        ];
        for (name, format, layout, encoding, range) in rows {
            assert_eq!(colorimetry(format, &layout), Ok(Colorimetry { encoding, range }), "{name}");
        }
        assert!(colorimetry(PixelFormat::Yuyv, &layout(10, 7, 0)).unwrap_err().contains("constant luminance"));
        assert!(colorimetry(PixelFormat::Rgb24, &layout(10, 7, 0)).is_ok());
    }
}
