//! Formats, sizes and rates.

use std::io;
use std::mem;

use v4l::v4l_sys as sys;
use v4l::v4l2::vidioc;

use super::{MAX_PLANES, MULTI_PLANAR, Node, Plain};
use crate::geometry::Size;

/// The sizes that a device has for one format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SizeRange {
    One(Size),
    /// All sizes from `min` to `max` in steps of `step`.
    Steps {
        min: Size,
        max: Size,
        step: Size,
    },
}

/// The format that a driver settled on; the colour fields are V4L2's codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PixelLayout {
    pub fourcc: u32,
    pub size: Size,
    /// Planes of memory: one for single-planar devices.
    pub memory_planes: usize,
    /// Bytes from row to row in each memory plane; 0 for compressed formats.
    pub strides: [usize; MAX_PLANES],
    pub field: u32,
    pub colorspace: u32,
    pub ycbcr_encoding: u32,
    pub quantization: u32,
}

impl Node {
    /// Codes of the pixel formats on offer.
    pub(crate) fn formats(&self) -> io::Result<Vec<u32>> {
        self.enumerate(|index| {
            let mut d = sys::v4l2_fmtdesc { index, type_: self.buffer_type(), ..Plain::zeroed() };
            self.ioctl(vidioc::VIDIOC_ENUM_FMT, &mut d)?;
            Ok(d.pixelformat)
        })
    }

    pub(crate) fn sizes(&self, pixel_format: u32) -> io::Result<Vec<SizeRange>> {
        self.enumerate(|index| {
            let mut e = sys::v4l2_frmsizeenum { index, pixel_format, ..Plain::zeroed() };
            self.ioctl(vidioc::VIDIOC_ENUM_FRAMESIZES, &mut e)?;
            if e.type_ == sys::v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE {
                // SAFETY: both members of the union are plain integers, so either may be read.
                let d = unsafe { e.__bindgen_anon_1.discrete };
                return Ok(SizeRange::One(Size::new(d.width, d.height)));
            }
            // SAFETY: as above.
            let s = unsafe { e.__bindgen_anon_1.stepwise };
            Ok(SizeRange::Steps {
                min: Size::new(s.min_width, s.min_height),
                max: Size::new(s.max_width, s.max_height),
                step: Size::new(s.step_width.max(1), s.step_height.max(1)),
            })
        })
    }

    /// The rates on offer, in frames per second: the lowest and the highest of each entry, which are equal unless it is a range.
    pub(crate) fn rates(&self, pixel_format: u32, size: Size) -> io::Result<Vec<(f64, f64)>> {
        let rate = |f: sys::v4l2_fract| f64::from(f.denominator) / f64::from(f.numerator);
        self.enumerate(|index| {
            let mut e = sys::v4l2_frmivalenum {
                index,
                pixel_format,
                width: size.width,
                height: size.height,
                ..Plain::zeroed()
            };
            self.ioctl(vidioc::VIDIOC_ENUM_FRAMEINTERVALS, &mut e)?;
            if e.type_ == sys::v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_DISCRETE {
                // SAFETY: both members of the union are plain integers, so either may be read.
                let r = rate(unsafe { e.__bindgen_anon_1.discrete });
                return Ok((r, r));
            }
            // SAFETY: as above.
            let s = unsafe { e.__bindgen_anon_1.stepwise };
            Ok((rate(s.max), rate(s.min)))
        })
    }

    /// The format that the device is set to.
    pub(crate) fn format(&self) -> io::Result<PixelLayout> {
        let mut f = sys::v4l2_format { type_: self.buffer_type(), ..Plain::zeroed() };
        self.ioctl(vidioc::VIDIOC_G_FMT, &mut f)?;
        Ok(self.layout(&f))
    }

    /// Asks for a format, progressive scan; the driver answers with the nearest that it has.
    pub(crate) fn set_format(&self, pixelformat: u32, size: Size) -> io::Result<PixelLayout> {
        let Size { width, height } = size;
        let field = sys::v4l2_field_V4L2_FIELD_NONE;
        let mut f = sys::v4l2_format { type_: self.buffer_type(), ..Plain::zeroed() };
        if f.type_ == MULTI_PLANAR {
            // SAFETY: integers and unions of integers, for which zeros are valid.
            let zeros = unsafe { mem::zeroed() };
            f.fmt.pix_mp = sys::v4l2_pix_format_mplane { width, height, pixelformat, field, ..zeros };
        } else {
            // SAFETY: as above.
            let zeros = unsafe { mem::zeroed() };
            f.fmt.pix = sys::v4l2_pix_format { width, height, pixelformat, field, ..zeros };
        }
        self.ioctl(vidioc::VIDIOC_S_FMT, &mut f)?;
        Ok(self.layout(&f))
    }

    fn layout(&self, f: &sys::v4l2_format) -> PixelLayout {
        let mut strides = [0; MAX_PLANES];
        if self.buffer_type() == MULTI_PLANAR {
            // SAFETY: for this buffer type the kernel fills `pix_mp`; all members are integers in any case.
            let (p, ycbcr_encoding) = unsafe { (f.fmt.pix_mp, f.fmt.pix_mp.__bindgen_anon_1.ycbcr_enc) };
            for (stride, plane) in strides.iter_mut().zip(p.plane_fmt) {
                *stride = plane.bytesperline as usize;
            }
            return PixelLayout {
                fourcc: p.pixelformat,
                size: Size::new(p.width, p.height),
                memory_planes: p.num_planes.into(),
                strides,
                field: p.field,
                colorspace: p.colorspace,
                ycbcr_encoding: ycbcr_encoding.into(),
                quantization: p.quantization.into(),
            };
        }
        // SAFETY: for this buffer type the kernel fills `pix`; all members are integers in any case.
        let (p, ycbcr_encoding) = unsafe { (f.fmt.pix, f.fmt.pix.__bindgen_anon_1.ycbcr_enc) };
        // The colour fields after `priv` are only meaningful with the magic that says the driver knows them.
        let extended = p.priv_ == sys::V4L2_PIX_FMT_PRIV_MAGIC;
        strides[0] = p.bytesperline as usize;
        PixelLayout {
            fourcc: p.pixelformat,
            size: Size::new(p.width, p.height),
            memory_planes: 1,
            strides,
            field: p.field,
            colorspace: p.colorspace,
            ycbcr_encoding: if extended { ycbcr_encoding } else { 0 },
            quantization: if extended { p.quantization } else { 0 },
        }
    }

    /// Asks for a frame rate; returns the one in force, `None` if the device has no say in it.
    pub(crate) fn set_rate(&self, rate: f64) -> io::Result<Option<f64>> {
        let mut s = sys::v4l2_streamparm { type_: self.buffer_type(), ..Plain::zeroed() };
        self.ioctl(vidioc::VIDIOC_G_PARM, &mut s)?;
        // SAFETY: for these buffer types the kernel fills `capture`; all members are integers in any case.
        let mut capture = unsafe { s.parm.capture };
        if capture.capability & sys::V4L2_CAP_TIMEPERFRAME == 0 {
            return Ok(None);
        }
        capture.timeperframe = sys::v4l2_fract { numerator: 1000, denominator: (rate * 1000.0).round() as u32 };
        s.parm.capture = capture;
        self.ioctl(vidioc::VIDIOC_S_PARM, &mut s)?;
        // SAFETY: as above.
        let set = unsafe { s.parm.capture }.timeperframe;
        let rate = f64::from(set.denominator) / f64::from(set.numerator);
        Ok((rate.is_finite() && rate > 0.0).then_some(rate))
    }
}
