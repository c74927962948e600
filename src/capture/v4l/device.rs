use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use v4l::v4l_sys as sys;

use super::colour::colorimetry;
use super::device_error;
use super::ioctl::{BufferStream, Capability, Filled, Node, PixelLayout, SizeRange, fourcc};
use crate::capture::reopen::{Arrival, Driver, Stream};
use crate::capture::{Choice, FormatOffer, Wish, negotiate};
use crate::error::DeviceError;
use crate::frame::{Frame, PixelFormat};
use crate::geometry::Size;
use crate::time::{Clock, Timestamp};

/// Enough that the driver always has one to fill while one is read, few enough that no old picture waits.
const BUFFERS: u32 = 4;
/// A kernel time further from now than this comes from a broken clock in the camera.
const PLAUSIBLE_AGE: Duration = Duration::from_secs(5);

/// The formats that can be read, by V4L2's codes.
const FORMATS: [(u32, PixelFormat); 7] = [
    (fourcc(b"YUYV"), PixelFormat::Yuyv),
    (fourcc(b"NV12"), PixelFormat::Nv12),
    (fourcc(b"MJPG"), PixelFormat::Mjpeg),
    (fourcc(b"JPEG"), PixelFormat::Mjpeg),
    (fourcc(b"RGB3"), PixelFormat::Rgb24),
    (fourcc(b"BGR3"), PixelFormat::Bgr24),
    (fourcc(b"GREY"), PixelFormat::Grey),
];

fn pixel_format(code: u32) -> Option<PixelFormat> {
    FORMATS.iter().find(|(known, _)| *known == code).map(|(_, format)| *format)
}

/// What to open and what to ask of it.
pub(crate) struct V4lDriver {
    path: PathBuf,
    wish: Wish,
}

impl V4lDriver {
    pub(super) fn new(path: PathBuf, wish: Wish) -> Self {
        V4lDriver { path, wish }
    }
}

/// Refuses devices that are no single-planar capture devices.
pub(super) fn check_capability(path: &Path, capability: &Capability) -> Result<(), DeviceError> {
    let refuse =
        |reason: &str| Err(DeviceError::Unsupported { device: path.display().to_string(), reason: reason.into() });
    if !capability.captures_pictures() {
        refuse("not a video capture device")
    } else if !capability.single_planar() {
        refuse("a multi-planar device, which cannot be read: use its single-planar node or another camera")
    } else if !capability.streams() {
        refuse("the driver cannot stream into mapped buffers")
    } else {
        Ok(())
    }
}

/// Everything readable that the device offers. Where it takes any size in a range, the wanted size and the usual ones
/// are listed, brought into the range.
pub(super) fn offers(node: &Node, path: &Path, wanted: Size) -> Result<Vec<FormatOffer>, DeviceError> {
    let list = || -> io::Result<Vec<FormatOffer>> {
        let mut offers: Vec<FormatOffer> = Vec::new();
        for code in node.formats()? {
            let Some(format) = pixel_format(code) else { continue };
            for size in sizes(&node.sizes(code)?, wanted) {
                if !offers.iter().any(|o| o.format == format && o.size == size) {
                    offers.push(FormatOffer { format, size, rates: node.rates(code, size)? });
                }
            }
        }
        Ok(offers)
    };
    list().map_err(|e| device_error(path, "list its formats", &e))
}

fn sizes(ranges: &[SizeRange], wanted: Size) -> Vec<Size> {
    let usual = [Size::new(320, 240), Size::new(640, 480), Size::new(1280, 720), Size::new(1920, 1080)];
    let mut found = Vec::new();
    let mut add = |size: Size| {
        if size.width > 0 && size.height > 0 && !found.contains(&size) {
            found.push(size);
        }
    };
    if ranges.is_empty() {
        // The driver does not say; it will answer with the nearest it has.
        add(wanted);
    }
    for range in ranges {
        match *range {
            SizeRange::One(size) => add(size),
            SizeRange::Steps { min, max, step } => {
                for size in std::iter::once(wanted).chain(usual) {
                    add(Size::new(
                        snap(size.width, min.width, max.width, step.width),
                        snap(size.height, min.height, max.height, step.height),
                    ));
                }
            }
        }
    }
    found
}

/// The greatest value of `min, min + step, ...` up to `max` that does not exceed `wanted`, or `min`.
fn snap(wanted: u32, min: u32, max: u32, step: u32) -> u32 {
    let limited = wanted.min(max).max(min);
    min + (limited - min) / step.max(1) * step.max(1)
}

impl Driver for V4lDriver {
    type Stream = V4lStream;

    fn open(&mut self) -> Result<V4lStream, DeviceError> {
        let path = self.path.as_path();
        let fail = |doing: &'static str| move |e: io::Error| device_error(path, doing, &e);
        let refuse = |reason: String| DeviceError::Unsupported { device: path.display().to_string(), reason };

        let node = Node::open(path).map_err(fail("open"))?;
        check_capability(path, &node.capability().map_err(fail("ask what it is (VIDIOC_QUERYCAP)"))?)?;
        let offers = offers(&node, path, self.wish.size)?;
        let mut choice = negotiate(&offers, &self.wish).ok_or_else(|| {
            let known: Vec<&str> = PixelFormat::ALL.iter().map(|f| f.name()).collect();
            refuse(format!("it offers none of {}", known.join(", ")))
        })?;

        let wanted_codes = FORMATS.iter().filter(|(_, f)| *f == choice.format).map(|(code, _)| *code);
        let offered = node.formats().map_err(fail("list its formats"))?;
        let code = wanted_codes.into_iter().find(|c| offered.contains(c)).unwrap_or_default();
        let layout = node.set_format(code, choice.size).map_err(fail("set the format"))?;
        let format = pixel_format(layout.fourcc)
            .ok_or_else(|| refuse(format!("it answers {} with another format", choice.format)))?;
        check_layout(format, &layout).map_err(refuse)?;
        let stated = choice.rate;
        let rate = node.set_rate(stated.unwrap_or(self.wish.fps)).unwrap_or(None);
        choice = Choice { format, size: layout.size, rate: rate.or(stated), ..choice };

        let buffers = node.stream(BUFFERS).map_err(fail("start streaming"))?;
        Ok(V4lStream { buffers, layout, choice })
    }
}

/// Refuses layouts that would be read wrongly.
fn check_layout(format: PixelFormat, layout: &PixelLayout) -> Result<(), String> {
    let Size { width, height } = layout.size;
    if width == 0 || height == 0 {
        return Err(format!("it answers with frames of {width}x{height} pixels"));
    }
    if layout.stride < format.min_stride(width) && format != PixelFormat::Mjpeg {
        return Err(format!("it states {} bytes per row, too few for {width} pixels of {format}", layout.stride));
    }
    match layout.field {
        sys::v4l2_field_V4L2_FIELD_ANY
        | sys::v4l2_field_V4L2_FIELD_NONE
        | sys::v4l2_field_V4L2_FIELD_INTERLACED
        | sys::v4l2_field_V4L2_FIELD_INTERLACED_TB
        | sys::v4l2_field_V4L2_FIELD_INTERLACED_BT => Ok(()),
        _ => Err("it sends separate fields of interlaced video".into()),
    }
}

/// A V4L2 device that streams.
pub(crate) struct V4lStream {
    buffers: BufferStream,
    layout: PixelLayout,
    choice: Choice,
}

impl V4lStream {
    /// Whether a buffer holds a whole picture.
    fn is_whole(&self, filled: &Filled) -> bool {
        let bytes = self.buffers.bytes(filled);
        !filled.damaged
            && match self.choice.format {
                PixelFormat::Mjpeg => bytes.starts_with(&[0xff, 0xd8]),
                format => bytes.len() >= format.buffer_len(self.layout.size, self.layout.stride),
            }
    }

    /// Takes every filled buffer and keeps the newest whole one, so that a reader that fell behind goes on with the
    /// present. At most one round of the buffers, so that a fast camera cannot hold the reader for ever.
    fn newest(&mut self, arrival: &mut Arrival) -> io::Result<Option<Filled>> {
        let mut newest: Option<Filled> = None;
        for _ in 0..BUFFERS {
            let Some(filled) = self.buffers.dequeue()? else { break };
            if !self.is_whole(&filled) {
                arrival.spoilt += 1;
                self.buffers.queue(filled)?;
            } else if let Some(older) = newest.replace(filled) {
                arrival.passed_over += 1;
                self.buffers.queue(older)?;
            }
        }
        Ok(newest)
    }

    fn read_newest(&mut self, frame: &mut Frame, timeout: Duration, clock: &dyn Clock) -> io::Result<Arrival> {
        let mut arrival = Arrival::default();
        if !self.buffers.wait(timeout)? {
            return Ok(arrival);
        }
        let Some(filled) = self.newest(&mut arrival)? else { return Ok(arrival) };
        let (format, layout) = (self.choice.format, &self.layout);
        let bytes = self.buffers.bytes(&filled);
        let bytes = match format {
            PixelFormat::Mjpeg => bytes,
            _ => bytes.get(..format.buffer_len(layout.size, layout.stride)).unwrap_or(bytes),
        };
        frame.data.clear();
        frame.data.extend_from_slice(bytes);
        frame.size = layout.size;
        frame.format = format;
        frame.stride = if format == PixelFormat::Mjpeg { 0 } else { layout.stride };
        frame.colorimetry = colorimetry(format, layout);
        frame.captured_at = plausible(filled.at, clock.now());
        arrival.sequence = Some(filled.sequence);
        self.buffers.queue(filled)?;
        Ok(arrival)
    }
}

/// The kernel's capture time, or now if it has none or one that cannot be.
fn plausible(stamped: Option<Timestamp>, now: Timestamp) -> Timestamp {
    stamped.filter(|at| *at <= now && now.since(*at) <= PLAUSIBLE_AGE).unwrap_or(now)
}

impl Stream for V4lStream {
    fn choice(&self) -> Choice {
        self.choice
    }

    fn read(&mut self, frame: &mut Frame, timeout: Duration, clock: &dyn Clock) -> Result<Arrival, String> {
        self.read_newest(frame, timeout, clock).map_err(|e| match e.raw_os_error() {
            Some(libc::ENODEV) => "unplugged".to_owned(),
            _ => e.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_of_sizes_offer_the_wanted_one_first() {
        let range = SizeRange::Steps { min: Size::new(48, 32), max: Size::new(1280, 720), step: Size::new(16, 8) };
        let found = sizes(&[range], Size::new(641, 483));
        assert_eq!(found, [(640, 480), (320, 240), (1280, 720)].map(|(w, h)| Size::new(w, h)));
        assert_eq!(sizes(&[], Size::new(640, 480)), [Size::new(640, 480)]);
        assert_eq!(sizes(&[SizeRange::One(Size::new(0, 5))], Size::new(640, 480)), []);
    }

    #[test]
    fn layouts_that_would_be_read_wrongly_are_refused() {
        let good = PixelLayout { size: Size::new(640, 480), stride: 1280, field: 1, ..PixelLayout::default() };
        assert!(check_layout(PixelFormat::Yuyv, &good).is_ok());
        assert!(check_layout(PixelFormat::Mjpeg, &PixelLayout { stride: 0, ..good }).is_ok());
        assert!(check_layout(PixelFormat::Yuyv, &PixelLayout { stride: 1279, ..good }).is_err());
        assert!(check_layout(PixelFormat::Yuyv, &PixelLayout { size: Size::new(640, 0), ..good }).is_err());
        assert!(check_layout(PixelFormat::Yuyv, &PixelLayout { field: 7, ..good }).is_err());
    }

    #[test]
    fn implausible_kernel_times_give_way_to_now() {
        let now = Timestamp::from_secs_f64(100.0);
        let row = |at: Option<f64>| plausible(at.map(Timestamp::from_secs_f64), now).as_secs_f64();
        assert_eq!([row(Some(99.9)), row(Some(100.1)), row(Some(1.0)), row(None)], [99.9, 100.0, 100.0, 100.0]);
    }

    proptest! {
        #[test]
        fn snapped_sizes_stay_in_the_range(wanted: u32, min in 0..5000u32, span in 0..5000u32, step in 0..100u32) {
            let max = min + span;
            let found = snap(wanted, min, max, step);
            prop_assert!((min..=max).contains(&found));
            prop_assert_eq!((found - min) % step.max(1), 0);
        }

        #[test]
        fn hostile_ranges_do_not_panic(wanted: u32, min: u32, max: u32, step: u32) {
            snap(wanted, min, max, step);
        }
    }
}
