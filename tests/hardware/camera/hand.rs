//! A second handle on a device, to turn its knobs while a `Source` streams from it.

use std::ffi::c_void;
use std::fs::{File, OpenOptions};
use std::io;
use std::mem;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::ptr;

use v4l::v4l_sys as sys;
use v4l::v4l2::vidioc::{self, _IOC_TYPE};

/// An open device node and its controls by name.
pub struct Hand {
    pub file: File,
    controls: Vec<(String, u32)>,
    capture: u32,
}

impl Hand {
    pub fn open(path: impl AsRef<Path>) -> Result<Self, String> {
        let path = path.as_ref();
        let open = || -> io::Result<Self> {
            let file = OpenOptions::new().read(true).write(true).open(path)?;
            let mut c: sys::v4l2_capability = zeroed();
            ioctl(&file, vidioc::VIDIOC_QUERYCAP, &mut c)?;
            let single = c.device_caps & sys::V4L2_CAP_VIDEO_CAPTURE != 0;
            let capture = match single {
                true => sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE,
                false => sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE,
            };
            let controls = controls(&file);
            Ok(Hand { file, controls, capture })
        };
        open().map_err(|e| format!("{}: {e}", path.display()))
    }

    pub fn is_multi_planar(&self) -> bool {
        self.capture == sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
    }

    fn id(&self, name: &str) -> Result<u32, String> {
        let found = self.controls.iter().find(|(known, _)| known == name);
        found.map(|(_, id)| *id).ok_or_else(|| format!("no control \"{name}\""))
    }

    /// Sets a control by its name; a button is pressed.
    pub fn set(&self, name: &str, value: i32) -> Result<(), String> {
        let mut c = sys::v4l2_control { id: self.id(name)?, value };
        ioctl(&self.file, vidioc::VIDIOC_S_CTRL, &mut c).map_err(|e| format!("{name} = {value}: {e}"))
    }

    pub fn get(&self, name: &str) -> Result<i32, String> {
        let mut c = sys::v4l2_control { id: self.id(name)?, value: 0 };
        ioctl(&self.file, vidioc::VIDIOC_G_CTRL, &mut c).map_err(|e| format!("{name}: {e}"))?;
        Ok(c.value)
    }

    /// Chooses an input.
    pub fn input(&self, mut number: i32) -> Result<(), String> {
        ioctl(&self.file, vidioc::VIDIOC_S_INPUT, &mut number).map_err(|e| format!("input {number}: {e}"))
    }

    /// The codes of the formats on offer.
    pub fn fourccs(&self) -> Vec<[u8; 4]> {
        let one = |index| {
            let mut d = sys::v4l2_fmtdesc { index, type_: self.capture, ..zeroed() };
            ioctl(&self.file, vidioc::VIDIOC_ENUM_FMT, &mut d).ok()?;
            Some(d.pixelformat.to_le_bytes())
        };
        (0..256).map_while(one).collect()
    }

    /// The code of the format that is set.
    pub fn fourcc(&self) -> Result<[u8; 4], String> {
        let mut f = sys::v4l2_format { type_: self.capture, ..zeroed() };
        ioctl(&self.file, vidioc::VIDIOC_G_FMT, &mut f).map_err(|e| format!("format: {e}"))?;
        // SAFETY: the kernel fills the member that belongs to the buffer type; both are integers in any case.
        let code = unsafe { if self.is_multi_planar() { f.fmt.pix_mp.pixelformat } else { f.fmt.pix.pixelformat } };
        Ok(code.to_le_bytes())
    }

    pub fn set_fourcc(&self, code: [u8; 4]) -> Result<(), String> {
        let mut f = sys::v4l2_format { type_: self.capture, ..zeroed() };
        ioctl(&self.file, vidioc::VIDIOC_G_FMT, &mut f).map_err(|e| format!("format: {e}"))?;
        if self.is_multi_planar() {
            f.fmt.pix_mp.pixelformat = u32::from_le_bytes(code);
        } else {
            f.fmt.pix.pixelformat = u32::from_le_bytes(code);
        }
        ioctl(&self.file, vidioc::VIDIOC_S_FMT, &mut f).map_err(|e| format!("format: {e}"))
    }

    /// Sets what a program that feeds the device writes: images of this code and size, of at most so many bytes.
    pub fn set_output(&self, code: &[u8; 4], (width, height): (u32, u32), bytes: u32) -> Result<(), String> {
        let mut f = sys::v4l2_format { type_: sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_OUTPUT, ..zeroed() };
        f.fmt.pix = sys::v4l2_pix_format {
            width,
            height,
            pixelformat: u32::from_le_bytes(*code),
            field: sys::v4l2_field_V4L2_FIELD_NONE,
            sizeimage: bytes,
            colorspace: sys::v4l2_colorspace_V4L2_COLORSPACE_JPEG,
            ..zeroed()
        };
        ioctl(&self.file, vidioc::VIDIOC_S_FMT, &mut f).map_err(|e| format!("output format: {e}"))
    }
}

fn controls(file: &File) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    let mut id = sys::V4L2_CTRL_FLAG_NEXT_CTRL;
    loop {
        let mut q = sys::v4l2_query_ext_ctrl { id, ..zeroed() };
        if ioctl(file, vidioc::VIDIOC_QUERY_EXT_CTRL, &mut q).is_err() {
            return found;
        }
        let name = q.name.iter().take_while(|c| **c != 0).map(|c| *c as u8 as char).collect();
        found.push((name, q.id));
        id = q.id | sys::V4L2_CTRL_FLAG_NEXT_CTRL;
    }
}

/// A structure of videodev2.h with nothing in it.
fn zeroed<T: Copy>() -> T {
    // SAFETY: every type that this file asks for holds integers and unions of integers only.
    unsafe { mem::zeroed() }
}

fn ioctl<T>(file: &File, request: _IOC_TYPE, argument: &mut T) -> io::Result<()> {
    // SAFETY: the descriptor is open as long as `file`, `argument` is a live structure of the type that the caller pairs
    // with the request, and no request here makes the kernel follow a pointer in it.
    unsafe { v4l::v4l2::ioctl(file.as_raw_fd(), request, ptr::from_mut(argument).cast::<c_void>()) }
}
