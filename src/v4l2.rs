//! The system calls of V4L2, for devices that give pictures and for those that take them, wrapped so that the rest of the crate
//! needs no `unsafe`. Single-planar and multi-planar cameras take the same road: a single-planar buffer is one of one plane.
//!
//! The structures and request numbers are the `v4l` crate's. Its own stream and format types are not used, because they
//! know no multi-planar devices and panic on what a device may well say or do: a name cut in the middle of a character,
//! a colour space it does not know, a camera unplugged while its stream is dropped.
#![allow(unsafe_code)]

mod buffers;
mod control;
mod errors;
mod format;
mod output;

use std::fs::{File, OpenOptions};
use std::io;
use std::mem;
use std::os::fd::AsRawFd;
use std::os::raw::c_void;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::ptr;

use v4l::v4l_sys as sys;
use v4l::v4l2::vidioc::{self, _IOC_TYPE};

pub(crate) use buffers::{BufferStream, Filled};
pub(crate) use control::Control;
pub(crate) use errors::device_error;
pub(crate) use format::{PixelLayout, SizeRange};
pub(crate) use output::OutputLayout;

/// A four-character code as V4L2 packs it.
pub(crate) const fn fourcc(code: &[u8; 4]) -> u32 {
    u32::from_le_bytes(*code)
}

/// The driver whose cameras show what a program writes.
pub(crate) const LOOPBACK: &str = "v4l2loopback";

/// More entries than this in one enumeration are a driver's fault.
const MAX_ENTRIES: u32 = 256;
const SINGLE_PLANAR: u32 = sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE;
const MULTI_PLANAR: u32 = sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
/// The most memory planes that one buffer has (`VIDEO_MAX_PLANES`).
const MAX_PLANES: usize = 8;

/// C structures of V4L2 that hold only integers, pointers, and arrays and unions of them.
///
/// # Safety
/// Every bit pattern, all zeros included, must be a valid value of the type.
unsafe trait Plain: Sized {
    fn zeroed() -> Self {
        // SAFETY: the implementor promises that zeros are a valid value.
        unsafe { mem::zeroed() }
    }
}

macro_rules! plain {
    ($($name:ident),* $(,)?) => {
        // SAFETY: these structures of videodev2.h consist of integers, raw pointers, and arrays and unions of them.
        $(unsafe impl Plain for sys::$name {})*
    };
}
plain!(
    v4l2_capability,
    v4l2_fmtdesc,
    v4l2_frmsizeenum,
    v4l2_frmivalenum,
    v4l2_format,
    v4l2_streamparm,
    v4l2_requestbuffers,
    v4l2_buffer,
    v4l2_plane,
    v4l2_exportbuffer,
    v4l2_queryctrl,
    v4l2_control,
    v4l2_querymenu,
);

/// The text up to the first zero byte; anything that is not UTF-8 is replaced.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).trim().to_owned()
}

/// A request that the device refused, by the words for a message.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub doing: &'static str,
    pub error: io::Error,
}

/// An adapter for `map_err`.
fn refused(doing: &'static str) -> impl Fn(io::Error) -> Refusal {
    move |error| Refusal { doing, error }
}

/// What a device is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Capability {
    pub card: String,
    pub bus: String,
    flags: u32,
}

impl Capability {
    fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// Whether it gives images (rather than metadata, sound or radio).
    pub(crate) fn captures_images(&self) -> bool {
        self.has(sys::V4L2_CAP_VIDEO_CAPTURE | sys::V4L2_CAP_VIDEO_CAPTURE_MPLANE)
    }

    /// Whether it takes images that a program writes with `write`.
    pub(crate) fn takes_images(&self) -> bool {
        self.has(sys::V4L2_CAP_VIDEO_OUTPUT) && self.has(sys::V4L2_CAP_READWRITE)
    }

    /// What kind of virtual camera it is, by the place that its driver states: of those a program has to write what they show.
    pub(crate) fn virtual_kind(&self) -> Option<&'static str> {
        let kinds = [("platform:v4l2loopback", LOOPBACK), ("platform:vivid", "vivid")];
        kinds.into_iter().find(|(bus, _)| self.bus.starts_with(bus)).map(|(_, kind)| kind)
    }

    /// Whether its buffers can be mapped.
    pub(crate) fn streams(&self) -> bool {
        self.has(sys::V4L2_CAP_STREAMING)
    }

    /// As a device of this name and place would have it.
    #[cfg(test)]
    pub(crate) fn named(card: &str, bus: &str) -> Self {
        Capability { card: card.into(), bus: bus.into(), flags: sys::V4L2_CAP_VIDEO_CAPTURE }
    }

    /// The type of its capture buffers.
    fn buffer_type(&self) -> u32 {
        if self.has(sys::V4L2_CAP_VIDEO_CAPTURE) { SINGLE_PLANAR } else { MULTI_PLANAR }
    }
}

/// An open device node.
#[derive(Debug)]
pub(crate) struct Node {
    file: File,
    capability: Capability,
}

impl Node {
    /// Opens the node at `path` and asks what it is.
    ///
    /// # Errors
    /// Also for a file that is no V4L2 device (`ENOTTY`).
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        let mut c = sys::v4l2_capability::zeroed();
        ioctl(&file, vidioc::VIDIOC_QUERYCAP, &mut c)?;
        let flags = if c.capabilities & sys::V4L2_CAP_DEVICE_CAPS != 0 { c.device_caps } else { c.capabilities };
        Ok(Node { file, capability: Capability { card: text(&c.card), bus: text(&c.bus_info), flags } })
    }

    pub(crate) fn capability(&self) -> &Capability {
        &self.capability
    }

    fn buffer_type(&self) -> u32 {
        self.capability.buffer_type()
    }

    fn ioctl<T: Plain>(&self, request: _IOC_TYPE, argument: &mut T) -> io::Result<()> {
        ioctl(&self.file, request, argument)
    }

    /// Calls `entry` for index 0, 1, ... until the driver says that there are no more.
    fn enumerate<T>(&self, mut entry: impl FnMut(u32) -> io::Result<T>) -> io::Result<Vec<T>> {
        let mut entries = Vec::new();
        for index in 0..MAX_ENTRIES {
            match entry(index) {
                Ok(found) => entries.push(found),
                Err(e) if e.raw_os_error() == Some(libc::EINVAL) => break,
                // The request itself is unknown to the driver: it states nothing.
                Err(e) if e.raw_os_error() == Some(libc::ENOTTY) && index == 0 => break,
                Err(e) => return Err(e),
            }
        }
        Ok(entries)
    }
}

/// Runs one request, again if a signal interrupts it.
///
/// A pointer inside `argument` is zero or, in the exchange of a buffer, to planes that outlive the call.
fn ioctl<T: Plain>(file: &File, request: _IOC_TYPE, argument: &mut T) -> io::Result<()> {
    loop {
        // SAFETY: the descriptor is open as long as `file`, and `argument` is a live structure of the type that each
        // caller pairs with its request, so the kernel reads and writes within it. The one request that makes the kernel
        // follow a pointer in it is `Node::exchange`, which keeps what it points to alive; none keeps a pointer.
        let result = unsafe { v4l::v4l2::ioctl(file.as_raw_fd(), request, ptr::from_mut(argument).cast::<c_void>()) };
        match result {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_cut_or_not_text_are_read_as_far_as_they_go() {
        assert_eq!(text(b"UVC Camera\0\0garbage"), "UVC Camera");
        assert_eq!(text("Kamera ü".as_bytes().split_at(8).0), "Kamera \u{fffd}");
        assert_eq!(text(&[]), "");
    }
}
