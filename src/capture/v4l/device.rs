use std::io;
use std::path::{Path, PathBuf};

use super::arrange::{Arrangement, FORMATS, pixel_format};
use super::find::{Identity, capture_nodes};
use super::rates::rates;
use super::stream::V4lStream;
use super::{SYS, controls, virtual_camera};
use crate::capture::reopen::Driver;
use crate::capture::{Choice, FormatOffer, SourceOptions, Wish, negotiate};
use crate::error::DeviceError;
use crate::frame::PixelFormat;
use crate::geometry::Size;
use crate::v4l2::{Capability, Node, Refusal, SizeRange, device_error};

/// Enough that the driver always has one to fill while one is read, few enough that no old image waits.
const BUFFERS: u32 = 4;

/// What to open and what to ask of it.
pub(crate) struct V4lDriver {
    path: PathBuf,
    wish: Wish,
    options: SourceOptions,
    /// The camera that was opened first; another one is never taken for it.
    camera: Option<Identity>,
}

/// Refuses devices that are no capture devices.
pub(super) fn check_capability(path: &Path, capability: &Capability) -> Result<(), DeviceError> {
    let refuse =
        |reason: &str| Err(DeviceError::Unsupported { device: path.display().to_string(), reason: reason.into() });
    if !capability.captures_images() {
        refuse("not a video capture device")
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
                    offers.push(FormatOffer { format, size, rates: rates(&node.rates(code, size)?) });
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

impl V4lDriver {
    pub(super) fn new(path: PathBuf, wish: Wish, options: &SourceOptions) -> Self {
        V4lDriver { path, wish, options: options.clone(), camera: None }
    }

    /// The node of the camera that was opened first, wherever it is now; at first, the one at the path.
    fn find(&self, warnings: &mut Vec<String>) -> Result<(PathBuf, Node), DeviceError> {
        let path = &self.path;
        let opened = Node::open(path);
        let Some(camera) = &self.camera else {
            let node = opened.map_err(|e| device_error(path, "open it", &e))?;
            return Ok((path.clone(), node));
        };
        match opened {
            Ok(node) if camera.fits(node.capability()) => Ok((path.clone(), node)),
            opened => {
                let gone = || match opened {
                    Err(e) => device_error(path, "open it", &e),
                    Ok(_) => DeviceError::Missing { device: path.display().to_string() },
                };
                let nodes = capture_nodes();
                let found = camera.find(&nodes).ok_or_else(gone)?;
                let node = Node::open(found).map_err(|e| device_error(found, "open it", &e))?;
                warnings.push(format!("the camera of {} is now {}", path.display(), found.display()));
                Ok((found.to_path_buf(), node))
            }
        }
    }
}

impl Driver for V4lDriver {
    type Stream = V4lStream;

    fn open(&mut self, warnings: &mut Vec<String>) -> Result<V4lStream, DeviceError> {
        let (path, node) = self.find(warnings)?;
        let path = path.as_path();
        let fail = |doing: &'static str| move |e: io::Error| device_error(path, doing, &e);
        let refuse = |reason: String| DeviceError::Unsupported { device: path.display().to_string(), reason };

        if let Some(idle) = virtual_camera::idle(path, node.capability(), Path::new(SYS)) {
            return Err(idle);
        }
        check_capability(path, node.capability())?;
        if self.camera.is_none() {
            self.camera = Some(Identity::of(path, node.capability(), &capture_nodes()));
        }
        let offers = offers(&node, path, self.wish.size)?;
        let mut choice = negotiate(&offers, &self.wish).ok_or_else(|| {
            let known: Vec<&str> = PixelFormat::ALL.iter().map(|f| f.name()).collect();
            refuse(format!("it offers none of {}", known.join(", ")))
        })?;

        let code = code(&node, choice.format).map_err(fail("list its formats"))?;
        let layout = node.set_format(code, choice.size).map_err(fail("set the format (VIDIOC_S_FMT)"))?;
        let format = pixel_format(layout.fourcc)
            .ok_or_else(|| refuse(format!("it answers {} with another format", choice.format)))?;
        let arrangement =
            Arrangement::new(format, &layout).map_err(refuse)?.with_end_needed(!self.options.mjpeg_without_end_marker);
        let stated = choice.rate;
        let rate = node.set_rate(stated.unwrap_or(self.wish.fps)).unwrap_or(None);
        choice = Choice { format, size: layout.size, rate: rate.or(stated), ..choice };
        warnings.extend(controls::apply(&node, &self.options));

        let silence = virtual_camera::silence(path, node.capability());
        let buffers = node.stream(BUFFERS).map_err(|Refusal { doing, error }| device_error(path, doing, &error))?;
        Ok(V4lStream::new(buffers, arrangement, choice, silence))
    }
}

/// V4L2's code to ask for. Where the camera has several for one format, the one that it is set to stays: on a board's camera
/// the whole chain from the sensor on is set up for it.
fn code(node: &Node, format: PixelFormat) -> io::Result<u32> {
    let offered = node.formats()?;
    let codes = || FORMATS.iter().filter(|(c, f)| *f == format && offered.contains(c)).map(|(code, _)| *code);
    let present = node.format().map_or(0, |layout| layout.fourcc);
    Ok(codes().find(|code| *code == present).or_else(|| codes().next()).unwrap_or_default())
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
