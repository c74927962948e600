//! Streaming into mapped buffers.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::time::Duration;

use v4l::v4l_sys as sys;
use v4l::v4l2::vidioc::{self, _IOC_TYPE};

use super::{MAX_ENTRIES, MAX_PLANES, MULTI_PLANAR, Node, Plain, Refusal, refused};
use crate::time::Timestamp;

const MMAP: u32 = sys::v4l2_memory_V4L2_MEMORY_MMAP;

/// A buffer as it goes to the kernel and comes back, with its planes beside it.
struct Exchanged {
    buffer: sys::v4l2_buffer,
    planes: [sys::v4l2_plane; MAX_PLANES],
}

impl Node {
    /// Runs a request about the buffer of this index (of no meaning to `VIDIOC_DQBUF`).
    fn exchange(&self, request: _IOC_TYPE, index: u32) -> io::Result<Exchanged> {
        let mut planes = [sys::v4l2_plane::zeroed(); MAX_PLANES];
        let mut buffer = sys::v4l2_buffer { index, type_: self.buffer_type(), memory: MMAP, ..Plain::zeroed() };
        if buffer.type_ == MULTI_PLANAR {
            // The kernel reads and writes as many planes as `length` says, during the request only.
            buffer.m.planes = planes.as_mut_ptr();
            buffer.length = MAX_PLANES as u32;
        }
        self.ioctl(request, &mut buffer)?;
        if buffer.type_ != MULTI_PLANAR {
            // SAFETY: for mapped memory the kernel fills `offset`; all members are plain values in any case.
            planes[0].m.mem_offset = unsafe { buffer.m.offset };
            (planes[0].bytesused, planes[0].length) = (buffer.bytesused, buffer.length);
            buffer.length = 1;
        }
        Ok(Exchanged { buffer, planes })
    }

    /// Maps `count` buffers (or as many as the driver grants), queues them and starts streaming.
    pub(crate) fn stream(self, count: u32) -> Result<BufferStream, Refusal> {
        let mut request =
            sys::v4l2_requestbuffers { count, type_: self.buffer_type(), memory: MMAP, ..Plain::zeroed() };
        self.ioctl(vidioc::VIDIOC_REQBUFS, &mut request).map_err(refused("get buffers (VIDIOC_REQBUFS)"))?;
        let mut stream = BufferStream { node: self, buffers: Vec::new(), unqueued: Vec::new() };
        for index in 0..request.count.min(MAX_ENTRIES) {
            stream.map(index).map_err(refused("map its buffers (VIDIOC_QUERYBUF)"))?;
        }
        if stream.buffers.len() < 2 {
            let error = io::Error::other("the driver grants fewer than two");
            return Err(Refusal { doing: "get buffers (VIDIOC_REQBUFS)", error });
        }
        for index in 0..stream.buffers.len() as u32 {
            stream.node.exchange(vidioc::VIDIOC_QBUF, index).map_err(refused("queue a buffer (VIDIOC_QBUF)"))?;
        }
        stream.switch(vidioc::VIDIOC_STREAMON).map_err(refused("start streaming (VIDIOC_STREAMON)"))?;
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

    /// All of it.
    ///
    /// # Safety
    /// The buffer must be dequeued and stay so while the slice lives: the driver writes into queued buffers.
    unsafe fn bytes(&self) -> &[u8] {
        // SAFETY: `start` is valid for `self.len` bytes until drop; the caller keeps the driver from writing.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
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
pub(crate) struct Filled {
    index: u32,
    /// What the driver wrote in each plane: from where and up to where.
    used: [(usize, usize); MAX_PLANES],
    pub sequence: u32,
    /// The driver says that the contents are damaged.
    pub damaged: bool,
    /// Capture time, if the driver stamps with the monotonic clock.
    pub at: Option<Timestamp>,
}

/// A device that streams into mapped buffers. Stops on drop.
pub(crate) struct BufferStream {
    node: Node,
    /// The mapped planes of each buffer.
    buffers: Vec<Vec<Mapping>>,
    /// Buffers that are neither filled nor with the driver.
    unqueued: Vec<u32>,
}

impl BufferStream {
    fn map(&mut self, index: u32) -> io::Result<()> {
        let Exchanged { buffer, planes } = self.node.exchange(vidioc::VIDIOC_QUERYBUF, index)?;
        let planes = planes.iter().take(buffer.length as usize);
        let mapped = planes.map(|plane| {
            // SAFETY: for mapped memory the kernel fills `mem_offset`; all members are plain values in any case.
            let offset = unsafe { plane.m.mem_offset };
            Mapping::new(&self.node.file, plane.length as usize, offset)
        });
        self.buffers.push(mapped.collect::<io::Result<_>>()?);
        Ok(())
    }

    /// How many buffers there are.
    pub(crate) fn len(&self) -> usize {
        self.buffers.len()
    }

    /// Waits at most `timeout` for a filled buffer.
    ///
    /// # Errors
    /// Also when the device reports that it is gone or broken.
    pub(crate) fn wait(&self, timeout: Duration) -> io::Result<bool> {
        let mut poll = libc::pollfd { fd: self.node.file.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let millis = i32::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(i32::MAX);
        // SAFETY: one live structure, and the count says one.
        match unsafe { libc::poll(&mut poll, 1, millis) } {
            -1 => match io::Error::last_os_error() {
                e if e.kind() == io::ErrorKind::Interrupted => Ok(false),
                e => Err(e),
            },
            0 => Ok(false),
            _ if poll.revents & libc::POLLIN != 0 => Ok(true),
            // `poll` does not say which error; the next request about a buffer does.
            _ => match self.node.exchange(vidioc::VIDIOC_DQBUF, 0) {
                Err(e) if e.kind() != io::ErrorKind::WouldBlock => Err(e),
                _ => Err(io::Error::other("the device reports an error")),
            },
        }
    }

    /// The oldest filled buffer; `None` if no buffer is filled yet.
    pub(crate) fn dequeue(&mut self) -> io::Result<Option<Filled>> {
        let Exchanged { buffer: b, planes } = match self.node.exchange(vidioc::VIDIOC_DQBUF, 0) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            other => other?,
        };
        if b.index as usize >= self.buffers.len() {
            return Err(io::Error::other(format!("the driver returned buffer {} of {}", b.index, self.buffers.len())));
        }
        let monotonic = b.flags & sys::V4L2_BUF_FLAG_TIMESTAMP_MASK == sys::V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
        Ok(Some(Filled {
            index: b.index,
            used: planes.map(|plane| (plane.data_offset as usize, plane.bytesused as usize)),
            sequence: b.sequence,
            damaged: b.flags & sys::V4L2_BUF_FLAG_ERROR != 0,
            at: if monotonic { timestamp(&b.timestamp) } else { None },
        }))
    }

    /// The bytes that the driver wrote into one plane; none if the buffer has no such plane.
    pub(crate) fn bytes(&self, filled: &Filled, plane: usize) -> &[u8] {
        let mapping = self.buffers.get(filled.index as usize).and_then(|planes| planes.get(plane));
        // SAFETY: `filled` proves that the buffer is dequeued, and queueing it again takes `&mut self` and the proof.
        let bytes = mapping.map_or(&[][..], |mapping| unsafe { mapping.bytes() });
        let (from, to) = filled.used[plane.min(MAX_PLANES - 1)];
        bytes.get(from..to.min(bytes.len())).unwrap_or_default()
    }

    /// Gives a buffer up; [`Self::flush`] hands it back to the driver.
    pub(crate) fn queue(&mut self, filled: Filled) {
        self.unqueued.push(filled.index);
    }

    /// Hands the buffers back that were given up; says how many the driver refused, which are offered again next time.
    ///
    /// # Errors
    /// When the driver refuses every buffer there is, or the device is gone.
    pub(crate) fn flush(&mut self) -> io::Result<u64> {
        let mut refused = 0;
        let mut last = None;
        let Self { node, unqueued, .. } = self;
        unqueued.retain(|&index| match node.exchange(vidioc::VIDIOC_QBUF, index) {
            Ok(_) => false,
            Err(e) => {
                refused += 1;
                last = Some(e);
                true
            }
        });
        match last {
            Some(e) if refused == self.buffers.len() as u64 || e.raw_os_error() == Some(libc::ENODEV) => Err(e),
            _ => Ok(refused),
        }
    }

    /// The buffers as DMA buffers, for a device that reads them without a copy: buffer by buffer, plane by plane. Each
    /// stays valid until it is closed.
    pub(crate) fn export(&self) -> io::Result<Vec<OwnedFd>> {
        let planes =
            self.buffers.iter().zip(0u32..).flat_map(|(b, index)| (0..b.len() as u32).map(move |p| (index, p)));
        let export = |(index, plane): (u32, u32)| {
            let flags = (libc::O_CLOEXEC | libc::O_RDONLY) as u32;
            let type_ = self.node.buffer_type();
            let mut e = sys::v4l2_exportbuffer { type_, index, plane, flags, ..Plain::zeroed() };
            self.node.ioctl(vidioc::VIDIOC_EXPBUF, &mut e)?;
            // SAFETY: the request succeeded, so the kernel made this descriptor for us and nobody else knows it.
            Ok(unsafe { OwnedFd::from_raw_fd(e.fd) })
        };
        planes.map(export).collect()
    }

    fn switch(&self, request: _IOC_TYPE) -> io::Result<()> {
        let mut kind = StreamKind(self.node.buffer_type());
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
pub(super) struct StreamKind(pub(super) u32);

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
    fn timestamps_convert_and_refuse_nonsense() {
        let t = |tv_sec, tv_usec| timestamp(&sys::timeval { tv_sec, tv_usec });
        assert_eq!(t(2, 500_000), Some(Timestamp::from_secs_f64(2.5)));
        assert_eq!((t(-1, 0), t(i64::MAX as _, 0)), (None, None));
    }
}
