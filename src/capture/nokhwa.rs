//! The system's cameras through nokhwa: AVFoundation, Media Foundation, and Video4Linux where asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};

use ::nokhwa as backend;
use backend::utils::{
    ApiBackend, CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType, Resolution,
};
use backend::{Buffer, Camera};

use super::reopen::{Arrival, CameraSource, Driver, Stream};
use super::{CameraInfo, Choice, Controls, FormatOffer, Rates, SourceAddress, SourceOptions, Wish, negotiate};
use crate::address::AddressError;
use crate::error::{DeviceError, Result};
use crate::frame::{Colorimetry, Frame, PixelFormat};
use crate::geometry::Size;
use crate::picture::jpeg;
use crate::time::{Clock, Timestamp};

/// How long a camera may take to open, and a user to allow it.
const OPENING: Duration = Duration::from_secs(60);

/// Reads the place of `nokhwa:INDEX`.
pub(super) fn address(place: Option<&str>) -> Result<SourceAddress, AddressError> {
    let index: u32 = place.and_then(|index| index.parse().ok()).ok_or(AddressError::Form)?;
    Ok(SourceAddress::new(written(index), move |options, clock| open(index, options, clock)))
}

/// The address of a camera.
fn written(index: u32) -> String {
    format!("nokhwa:{index}")
}

/// Opens camera `index` and starts streaming.
fn open(index: u32, options: &SourceOptions, clock: Arc<dyn Clock>) -> Result<CameraSource<NokhwaDriver>> {
    let driver = NokhwaDriver { index, wish: options.wish()?, options: options.clone(), clock: Arc::clone(&clock) };
    Ok(CameraSource::open(written(index), driver, clock)?)
}

/// The cameras that the system names.
pub(super) fn list(wish: &Wish) -> Vec<CameraInfo> {
    let Ok(found) = backend::query(ApiBackend::Auto) else { return Vec::new() };
    found
        .into_iter()
        .filter_map(|camera| {
            let index = camera.index().as_index().ok()?;
            let mut info = CameraInfo {
                address: written(index),
                name: camera.human_name(),
                bus: camera.misc(),
                formats: Vec::new(),
                choice: None,
                problem: None,
            };
            match open_camera(index) {
                Ok((_, formats)) => {
                    info.formats = offers(&formats);
                    info.choice = negotiate(&info.formats, wish);
                }
                Err(error) => info.problem = Some(error.into()),
            }
            Some(info)
        })
        .collect()
}

pub(super) struct NokhwaDriver {
    index: u32,
    wish: Wish,
    options: SourceOptions,
    clock: Arc<dyn Clock>,
}

/// One image on its way from the camera's thread.
struct CameraImage {
    buffer: Buffer,
    arrived: Timestamp,
    /// When the system says that it was captured.
    reported: Option<Timestamp>,
    sequence: u32,
}

/// The reading end of a camera that lives on its own thread, because nokhwa's read blocks without a time limit. The thread
/// ends after the image during which the stream is dropped; a camera that never sends again keeps its thread.
pub(super) struct NokhwaStream {
    choice: Choice,
    images: Receiver<std::result::Result<CameraImage, String>>,
    stop: Arc<AtomicBool>,
    last: Option<u32>,
    /// Gives JPEG images the end marker that they lack.
    complete: bool,
}

impl Driver for NokhwaDriver {
    type Stream = NokhwaStream;

    fn open(&mut self, warnings: &mut Vec<String>) -> Result<NokhwaStream, DeviceError> {
        if self.options.controls != Controls::default() {
            warnings.push("[capture.controls] is not applied through nokhwa: use v4l:PATH on Linux".into());
        }
        let (opened, opening) = bounded(1);
        let (sender, images) = bounded(1);
        let stop = Arc::new(AtomicBool::new(false));
        let (index, wish, clock) = (self.index, self.wish, Arc::clone(&self.clock));
        let camera = CameraThread { images: sender, newest: images.clone(), stop: Arc::clone(&stop), clock };
        let unsupported = |reason: String| DeviceError::Unsupported { device: written(index), reason };
        thread::Builder::new()
            .name(format!("nokhwa-{index}"))
            .spawn(move || match start(index, &wish) {
                Ok((stream, choice)) => {
                    if opened.send(Ok(choice)).is_ok() {
                        camera.run(stream);
                    }
                }
                Err(error) => drop(opened.send(Err(error))),
            })
            .map_err(|e| unsupported(format!("cannot start its thread: {e}")))?;
        match opening.recv_timeout(OPENING) {
            Ok(choice) => Ok(NokhwaStream {
                choice: choice?,
                images,
                stop,
                last: None,
                complete: self.options.mjpeg_without_end_marker,
            }),
            Err(_) => Err(unsupported(format!("it does not open within {} s", OPENING.as_secs()))),
        }
    }
}

impl Drop for NokhwaStream {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

struct CameraThread {
    images: Sender<std::result::Result<CameraImage, String>>,
    /// A second reading end, to throw away the image that nobody took when a newer one is there.
    newest: Receiver<std::result::Result<CameraImage, String>>,
    stop: Arc<AtomicBool>,
    clock: Arc<dyn Clock>,
}

impl CameraThread {
    fn run(self, mut camera: Camera) {
        let mut sequence = 0u32;
        while !self.stop.load(Ordering::Relaxed) {
            let result = camera.frame().map_err(|e| e.to_string());
            let broken = result.is_err();
            let now = self.clock.now();
            self.put(result.map(|buffer| {
                let reported = buffer.capture_timestamp().and_then(|since_epoch| on_capture_clock(since_epoch, now));
                CameraImage { arrived: now, reported, buffer, sequence }
            }));
            if broken {
                break;
            }
            sequence = sequence.wrapping_add(1);
        }
    }

    fn put(&self, mut item: std::result::Result<CameraImage, String>) {
        while let Err(TrySendError::Full(back)) = self.images.try_send(item) {
            // Empty if the reader was faster: then the next attempt succeeds.
            let _ = self.newest.try_recv();
            item = back;
        }
    }
}

/// What the capture clock showed at a time of the wall clock; it shows `now` at present.
fn on_capture_clock(since_epoch: Duration, now: Timestamp) -> Option<Timestamp> {
    let at = SystemTime::UNIX_EPOCH.checked_add(since_epoch)?;
    Some(match SystemTime::now().duration_since(at) {
        Ok(age) => now - age,
        Err(ahead) => now + ahead.duration(),
    })
}

fn start(index: u32, wish: &Wish) -> Result<(Camera, Choice), DeviceError> {
    let (mut camera, formats) = open_camera(index)?;
    let unsupported = |reason: String| DeviceError::Unsupported { device: written(index), reason };
    let mut choice =
        negotiate(&offers(&formats), wish).ok_or_else(|| unsupported("it offers no format that can be read".into()))?;
    let nearest = |f: &&CameraFormat| {
        pixel_format(f.format()) == Some(choice.format)
            && size(f.resolution()) == choice.size
            && choice.rate.is_none_or(|r| r == f64::from(f.frame_rate()))
    };
    if let Some(format) = formats.iter().find(nearest) {
        let only = [format.format()];
        let request = RequestedFormat::with_formats(RequestedFormatType::Exact(*format), &only);
        camera.set_camera_requset(request).map_err(|e| unsupported(e.to_string()))?;
    }
    camera.open_stream().map_err(|e| unsupported(e.to_string()))?;
    let set = camera.camera_format();
    let format = pixel_format(set.format()).ok_or_else(|| unsupported(format!("it answers with {}", set.format())))?;
    choice = Choice { format, size: size(set.resolution()), rate: Some(f64::from(set.frame_rate())), ..choice };
    Ok((camera, choice))
}

/// The camera in whatever format it likes best, and all that it offers.
fn open_camera(index: u32) -> Result<(Camera, Vec<CameraFormat>), DeviceError> {
    let device = written(index);
    let (asked, answer) = bounded(1);
    backend::nokhwa_initialize(move |granted| {
        // Nobody waits any more if the answer came too late.
        let _ = asked.try_send(granted);
    });
    if !answer.recv_timeout(OPENING).unwrap_or(false) {
        return Err(DeviceError::Permission { device });
    }
    let known = backend::query(ApiBackend::Auto).unwrap_or_default();
    if !known.iter().any(|c| c.index().as_index().is_ok_and(|i| i == index)) {
        return Err(DeviceError::Missing { device });
    }
    let all = [
        FrameFormat::YUYV,
        FrameFormat::NV12,
        FrameFormat::MJPEG,
        FrameFormat::RAWRGB,
        FrameFormat::RAWBGR,
        FrameFormat::GRAY,
    ];
    let request = RequestedFormat::with_formats(RequestedFormatType::None, &all);
    let unsupported =
        |e: backend::NokhwaError| DeviceError::Unsupported { device: device.clone(), reason: e.to_string() };
    let mut camera = Camera::new(CameraIndex::Index(index), request).map_err(unsupported)?;
    let formats = camera.compatible_camera_formats().map_err(unsupported)?;
    Ok((camera, formats))
}

fn offers(formats: &[CameraFormat]) -> Vec<FormatOffer> {
    let mut offers: Vec<FormatOffer> = Vec::new();
    for f in formats {
        let Some(format) = pixel_format(f.format()) else { continue };
        let (size, rate) = (size(f.resolution()), f64::from(f.frame_rate()));
        match offers.iter_mut().find(|o| o.format == format && o.size == size) {
            Some(FormatOffer { rates: Rates::List(rates), .. }) => rates.push(rate),
            _ => offers.push(FormatOffer { format, size, rates: Rates::List(vec![rate]) }),
        }
    }
    offers
}

fn pixel_format(format: FrameFormat) -> Option<PixelFormat> {
    Some(match format {
        FrameFormat::MJPEG => PixelFormat::Mjpeg,
        FrameFormat::YUYV => PixelFormat::Yuyv,
        FrameFormat::NV12 => PixelFormat::Nv12,
        FrameFormat::GRAY => PixelFormat::Grey,
        FrameFormat::RAWRGB => PixelFormat::Rgb24,
        FrameFormat::RAWBGR => PixelFormat::Bgr24,
    })
}

fn size(resolution: Resolution) -> Size {
    Size::new(resolution.width(), resolution.height())
}

impl Stream for NokhwaStream {
    fn choice(&self) -> Choice {
        self.choice
    }

    fn read(&mut self, frame: &mut Frame, timeout: Duration, _: &dyn Clock) -> std::result::Result<Arrival, String> {
        let image = match self.images.recv_timeout(timeout) {
            Ok(image) => image?,
            Err(RecvTimeoutError::Timeout) => return Ok(Arrival::default()),
            Err(RecvTimeoutError::Disconnected) => return Err("its thread ended".into()),
        };
        let before = self.last.replace(image.sequence);
        let passed_over = before.map_or(0, |b| u64::from(image.sequence.wrapping_sub(b).saturating_sub(1)));
        let format = self.choice.format;
        let image_size = size(image.buffer.resolution());
        let data = frame.data.own_mut();
        data.clear();
        data.extend_from_slice(image.buffer.buffer());
        if self.complete && format == PixelFormat::Mjpeg {
            jpeg::complete(data);
        }
        frame.copied_bytes = frame.data.len() as u64;
        frame.size = image_size;
        frame.format = format;
        frame.stride = format.min_stride(image_size.width);
        frame.colorimetry = Colorimetry::default();
        frame.captured_at = image.arrived;
        if frame.check().is_err() {
            return Ok(Arrival { passed_over, short: 1, ..Arrival::default() });
        }
        Ok(Arrival { sequence: Some(image.sequence), reported: image.reported, passed_over, ..Arrival::default() })
    }
}
