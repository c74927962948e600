//! The system calls of V4L2 capture, wrapped so that the rest of the crate needs no `unsafe`.
//!
//! The structures and request numbers are the `v4l` crate's. Its own stream and format types are not used, because they
//! panic on what a device may well say or do: a name cut in the middle of a character, a colour space it does not know,
//! a camera unplugged while its stream is dropped.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io;
use std::mem;
use std::os::fd::AsRawFd;
use std::os::raw::c_void;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::time::Duration;

use v4l::v4l_sys as sys;
use v4l::v4l2::vidioc::{self, _IOC_TYPE};

use crate::capture::Rates;
use crate::geometry::Size;
use crate::time::Timestamp;

/// A four-character code as V4L2 packs it.
pub(super) const fn fourcc(code: &[u8; 4]) -> u32 {
    u32::from_le_bytes(*code)
}

/// More entries than this in one enumeration are a driver's fault.
const MAX_ENTRIES: u32 = 256;
const CAPTURE: u32 = sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE;
const MMAP: u32 = sys::v4l2_memory_V4L2_MEMORY_MMAP;

/// C structures of V4L2 that hold only integers and unions of integers.
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
        // SAFETY: these structures of videodev2.h consist of integers, arrays and unions of them, and pointers that
        // are never followed here.
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
);

/// Names of devices, as far as they are text.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).trim().to_owned()
}

/// What a device says of itself.
#[derive(Clone, Debug)]
pub(super) struct Capability {
    pub card: String,
    pub bus: String,
    flags: u32,
}

impl Capability {
    /// True for single-planar and multi-planar picture capture alike.
    pub(super) fn captures_pictures(&self) -> bool {
        self.flags & (sys::V4L2_CAP_VIDEO_CAPTURE | sys::V4L2_CAP_VIDEO_CAPTURE_MPLANE) != 0
    }

    pub(super) fn single_planar(&self) -> bool {
        self.flags & sys::V4L2_CAP_VIDEO_CAPTURE != 0
    }

    pub(super) fn streams(&self) -> bool {
        self.flags & sys::V4L2_CAP_STREAMING != 0
    }
}

/// The sizes that a device has for one format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SizeRange {
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
pub(super) struct PixelLayout {
    pub fourcc: u32,
    pub size: Size,
    /// Bytes from row to row; 0 for compressed formats.
    pub stride: usize,
    pub field: u32,
    pub colorspace: u32,
    pub ycbcr_encoding: u32,
    pub quantization: u32,
}

/// An open device node.
#[derive(Debug)]
pub(super) struct Node(File);

impl Node {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path).map(Node)
    }

    /// Runs one request, again if a signal interrupts it.
    fn ioctl<T: Plain>(&self, request: _IOC_TYPE, argument: &mut T) -> io::Result<()> {
        loop {
            // SAFETY: the descriptor is open as long as `self`, and `argument` is a live structure of the type that
            // each caller pairs with its request, so the kernel reads and writes within it. None of the requests used
            // here makes the kernel follow or keep a pointer in it.
            let result =
                unsafe { v4l::v4l2::ioctl(self.0.as_raw_fd(), request, ptr::from_mut(argument).cast::<c_void>()) };
            match result {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
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

    pub(super) fn capability(&self) -> io::Result<Capability> {
        let mut c = sys::v4l2_capability::zeroed();
        self.ioctl(vidioc::VIDIOC_QUERYCAP, &mut c)?;
        let flags = if c.capabilities & sys::V4L2_CAP_DEVICE_CAPS != 0 { c.device_caps } else { c.capabilities };
        Ok(Capability { card: text(&c.card), bus: text(&c.bus_info), flags })
    }

    /// Codes of the pixel formats on offer.
    pub(super) fn formats(&self) -> io::Result<Vec<u32>> {
        self.enumerate(|index| {
            let mut d = sys::v4l2_fmtdesc { index, type_: CAPTURE, ..Plain::zeroed() };
            self.ioctl(vidioc::VIDIOC_ENUM_FMT, &mut d)?;
            Ok(d.pixelformat)
        })
    }

    pub(super) fn sizes(&self, pixel_format: u32) -> io::Result<Vec<SizeRange>> {
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

    pub(super) fn rates(&self, pixel_format: u32, size: Size) -> io::Result<Rates> {
        let rate = |f: sys::v4l2_fract| f64::from(f.denominator) / f64::from(f.numerator);
        let ranges = self.enumerate(|index| {
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
        })?;
        Ok(match ranges[..] {
            [(lowest, highest)] if lowest != highest => Rates::Range { lowest, highest },
            _ => Rates::List(ranges.into_iter().map(|(_, highest)| highest).filter(|r| r.is_finite()).collect()),
        })
    }

    /// Asks for a format, progressive scan; the driver answers with the nearest that it has.
    pub(super) fn set_format(&self, pixel_format: u32, size: Size) -> io::Result<PixelLayout> {
        let mut f = sys::v4l2_format { type_: CAPTURE, ..Plain::zeroed() };
        f.fmt.pix = sys::v4l2_pix_format {
            width: size.width,
            height: size.height,
            pixelformat: pixel_format,
            field: sys::v4l2_field_V4L2_FIELD_NONE,
            // SAFETY: integers and a union of integers, for which zeros are valid.
            ..unsafe { mem::zeroed() }
        };
        self.ioctl(vidioc::VIDIOC_S_FMT, &mut f)?;
        // SAFETY: for this buffer type the kernel fills `pix`; all members are integers in any case.
        let (p, ycbcr_encoding) = unsafe { (f.fmt.pix, f.fmt.pix.__bindgen_anon_1.ycbcr_enc) };
        // The colour fields after `priv` are only meaningful with the magic that says the driver knows them.
        let extended = p.priv_ == sys::V4L2_PIX_FMT_PRIV_MAGIC;
        Ok(PixelLayout {
            fourcc: p.pixelformat,
            size: Size::new(p.width, p.height),
            stride: p.bytesperline as usize,
            field: p.field,
            colorspace: p.colorspace,
            ycbcr_encoding: if extended { ycbcr_encoding } else { 0 },
            quantization: if extended { p.quantization } else { 0 },
        })
    }

    /// Asks for a frame rate; returns the one in force, `None` if the device has no say in it.
    pub(super) fn set_rate(&self, rate: f64) -> io::Result<Option<f64>> {
        let mut s = sys::v4l2_streamparm { type_: CAPTURE, ..Plain::zeroed() };
        self.ioctl(vidioc::VIDIOC_G_PARM, &mut s)?;
        // SAFETY: for this buffer type the kernel fills `capture`; all members are integers in any case.
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

    /// Maps `count` buffers (or as many as the driver grants), queues them and starts streaming.
    pub(super) fn stream(self, count: u32) -> io::Result<BufferStream> {
        let mut request = sys::v4l2_requestbuffers { count, type_: CAPTURE, memory: MMAP, ..Plain::zeroed() };
        self.ioctl(vidioc::VIDIOC_REQBUFS, &mut request)?;
        let mut buffers = Vec::new();
        for index in 0..request.count.min(MAX_ENTRIES) {
            let mut b = sys::v4l2_buffer { index, type_: CAPTURE, memory: MMAP, ..Plain::zeroed() };
            self.ioctl(vidioc::VIDIOC_QUERYBUF, &mut b)?;
            // SAFETY: for mapped memory the kernel fills `offset`; all members are plain values in any case.
            let offset = unsafe { b.m.offset };
            buffers.push(Mapping::new(&self.0, b.length as usize, offset)?);
        }
        if buffers.len() < 2 {
            return Err(io::Error::other("the driver grants fewer than two buffers"));
        }
        let stream = BufferStream { node: self, buffers };
        for index in 0..stream.buffers.len() as u32 {
            stream.queue_index(index)?;
        }
        stream.switch(vidioc::VIDIOC_STREAMON)?;
        Ok(stream)
    }
}

/// Memory that the kernel and we share. Unmapped on drop.
struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to this value alone and is not tied to a thread.
unsafe impl Send for Mapping {}

impl Mapping {
    fn new(file: &File, len: usize, offset: u32) -> io::Result<Self> {
        // SAFETY: a fresh read-only mapping at an address that the kernel chooses; it touches no memory of ours. The
        // result is checked before use, and the mapping outlives a closed descriptor.
        let start = unsafe {
            libc::mmap(ptr::null_mut(), len, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), offset.into())
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("a buffer was mapped at address 0"))?;
        Ok(Mapping { start, len })
    }

    /// The first `len` bytes, or all if there are fewer.
    ///
    /// # Safety
    /// The buffer must be dequeued and stay so while the slice lives: the driver writes into queued buffers.
    unsafe fn bytes(&self, len: usize) -> &[u8] {
        // SAFETY: `start` is valid for `self.len` bytes until drop; the caller keeps the driver from writing.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), len.min(self.len)) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: exactly the range that `new` mapped, which no slice outlives.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// A filled buffer that is ours until it is queued again. There is never a second one of the same index.
#[derive(Debug)]
pub(super) struct Filled {
    index: u32,
    used: usize,
    pub sequence: u32,
    /// The driver says that the contents are damaged.
    pub damaged: bool,
    /// Capture time, if the driver stamps with the monotonic clock.
    pub at: Option<Timestamp>,
}

/// A device that streams into mapped buffers. Stops on drop.
pub(super) struct BufferStream {
    node: Node,
    buffers: Vec<Mapping>,
}

impl BufferStream {
    /// Waits at most `timeout` for a filled buffer.
    ///
    /// # Errors
    /// Also when the device reports that it is gone or broken.
    pub(super) fn wait(&self, timeout: Duration) -> io::Result<bool> {
        let mut poll = libc::pollfd { fd: self.node.0.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let millis = i32::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(i32::MAX);
        // SAFETY: one live structure, and the count says one.
        match unsafe { libc::poll(&mut poll, 1, millis) } {
            -1 => match io::Error::last_os_error() {
                e if e.kind() == io::ErrorKind::Interrupted => Ok(false),
                e => Err(e),
            },
            0 => Ok(false),
            _ if poll.revents & libc::POLLIN != 0 => Ok(true),
            _ => Err(io::Error::other("the device reports an error")),
        }
    }

    /// The oldest filled buffer; `None` if no buffer is filled yet.
    pub(super) fn dequeue(&mut self) -> io::Result<Option<Filled>> {
        let mut b = sys::v4l2_buffer { type_: CAPTURE, memory: MMAP, ..Plain::zeroed() };
        match self.node.ioctl(vidioc::VIDIOC_DQBUF, &mut b) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            other => other?,
        }
        if b.index as usize >= self.buffers.len() {
            return Err(io::Error::other(format!("the driver returned buffer {} of {}", b.index, self.buffers.len())));
        }
        let monotonic = b.flags & sys::V4L2_BUF_FLAG_TIMESTAMP_MASK == sys::V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
        Ok(Some(Filled {
            index: b.index,
            used: b.bytesused as usize,
            sequence: b.sequence,
            damaged: b.flags & sys::V4L2_BUF_FLAG_ERROR != 0,
            at: if monotonic { timestamp(&b.timestamp) } else { None },
        }))
    }

    /// The bytes that the driver wrote.
    pub(super) fn bytes(&self, filled: &Filled) -> &[u8] {
        // SAFETY: `filled` proves that the buffer is dequeued, and queueing it again takes `&mut self` and the proof.
        self.buffers.get(filled.index as usize).map_or(&[], |b| unsafe { b.bytes(filled.used) })
    }

    /// Hands a buffer back to the driver.
    pub(super) fn queue(&mut self, filled: Filled) -> io::Result<()> {
        self.queue_index(filled.index)
    }

    fn queue_index(&self, index: u32) -> io::Result<()> {
        let mut b = sys::v4l2_buffer { index, type_: CAPTURE, memory: MMAP, ..Plain::zeroed() };
        self.node.ioctl(vidioc::VIDIOC_QBUF, &mut b)
    }

    fn switch(&self, request: _IOC_TYPE) -> io::Result<()> {
        let mut kind = StreamKind(CAPTURE);
        self.node.ioctl(request, &mut kind)
    }
}

impl Drop for BufferStream {
    fn drop(&mut self) {
        // A device that is gone cannot be stopped, and closing it stops it anyway.
        let _ = self.switch(vidioc::VIDIOC_STREAMOFF);
    }
}

/// The argument of `VIDIOC_STREAMON` and `VIDIOC_STREAMOFF`, a C `int` as large as the buffer type.
#[repr(transparent)]
struct StreamKind(u32);

// SAFETY: an integer.
unsafe impl Plain for StreamKind {}

fn timestamp(t: &sys::timeval) -> Option<Timestamp> {
    let (seconds, micros) = (u64::try_from(t.tv_sec).ok()?, u64::try_from(t.tv_usec).ok()?);
    Some(Timestamp::from_nanos(seconds.checked_mul(1_000_000_000)?.checked_add(micros.checked_mul(1000)?)?))
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

    #[test]
    fn timestamps_convert_and_refuse_nonsense() {
        let t = |tv_sec, tv_usec| timestamp(&sys::timeval { tv_sec, tv_usec });
        assert_eq!(t(2, 500_000), Some(Timestamp::from_secs_f64(2.5)));
        assert_eq!((t(-1, 0), t(i64::MAX as _, 0)), (None, None));
    }
}
