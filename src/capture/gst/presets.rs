//! Pipelines that have an address of their own.

use gstreamer as gst;

use super::stream::Recipe;
use crate::address::AddressError;
use crate::capture::{Hdr, SourceAddress, SourceOptions};
use crate::error::{DeviceError, Result};
use crate::geometry::Size;

/// The elements that read a camera on a board's own connector.
const ARGUS: &str = "nvarguscamerasrc";
const LIBCAMERA: &str = "libcamerasrc";

/// Reads the place of `csi[:N]`.
pub(in crate::capture) fn csi_address(place: Option<&str>) -> Result<SourceAddress, AddressError> {
    let number: u32 = place.map_or(Ok(0), |place| place.parse().map_err(|_| AddressError::Form))?;
    let device = place.map_or_else(|| "csi".to_owned(), |place| format!("csi:{place}"));
    Ok(SourceAddress::new(device.clone(), move |options, clock| {
        if let Some(hdr) = options.hdr.filter(|hdr| *hdr != Hdr::Off) {
            tracing::warn!("{device}: hdr = \"{}\" cannot be set on this camera", hdr.name());
        }
        let failed = |reason: String| DeviceError::Program { device: device.clone(), reason };
        gst::init().map_err(|error| failed(format!("GStreamer cannot start: {error}")))?;
        let is_there = |element: &str| gst::ElementFactory::find(element).is_some();
        let pipeline = match (is_there(ARGUS), is_there(LIBCAMERA), number) {
            (true, ..) => argus(number, options)?,
            (false, true, 0) => libcamera(options)?,
            (false, true, _) => {
                let reason = format!(
                    "{LIBCAMERA} calls cameras by their names: give gst:{LIBCAMERA} camera-name=NAME; \
                     `rpicam-hello --list-cameras` lists them"
                );
                return Err(failed(reason).into());
            }
            (false, false, _) => {
                let reason = format!(
                    "GStreamer has neither {ARGUS} (a Jetson's, part of JetPack) nor {LIBCAMERA}: \
                     sudo apt install gstreamer1.0-libcamera"
                );
                return Err(failed(reason).into());
            }
        };
        super::open(Recipe { device: device.clone(), pipeline, max_memory: options.max_memory }, clock)
    }))
}

/// Reads the place of `test[:PATTERN]`, a pattern of `videotestsrc`.
pub(in crate::capture) fn test_address(place: Option<&str>) -> Result<SourceAddress, AddressError> {
    let pattern = place.unwrap_or("smpte");
    let is_name = !pattern.is_empty() && pattern.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
    if !is_name {
        return Err(AddressError::Form);
    }
    let device = place.map_or_else(|| "test".to_owned(), |place| format!("test:{place}"));
    let pattern = pattern.to_owned();
    Ok(SourceAddress::new(device.clone(), move |options, clock| {
        let pipeline = format!("videotestsrc is-live=true pattern={pattern} ! {}", caps("video/x-raw", options)?);
        super::open(Recipe { device: device.clone(), pipeline, max_memory: options.max_memory }, clock)
    }))
}

/// A Jetson's camera, whose pictures lie in the GPU's memory until `nvvidconv` copies them.
fn argus(number: u32, options: &SourceOptions) -> Result<String> {
    let turned = match flips(options) {
        (false, false) => "",
        (true, false) => " flip-method=horizontal-flip",
        (false, true) => " flip-method=vertical-flip",
        (true, true) => " flip-method=rotate-180",
    };
    let caps = caps("video/x-raw(memory:NVMM)", options)?;
    Ok(format!("{ARGUS} sensor-id={number} ! {caps} ! nvvidconv{turned} ! video/x-raw,format=NV12"))
}

/// The first camera of libcamera, as a Raspberry Pi's.
fn libcamera(options: &SourceOptions) -> Result<String> {
    let turned = match flips(options) {
        (false, false) => "",
        (true, false) => " ! videoflip video-direction=horiz",
        (false, true) => " ! videoflip video-direction=vert",
        (true, true) => " ! videoflip video-direction=180",
    };
    Ok(format!("{LIBCAMERA} ! {},format=NV12{turned}", caps("video/x-raw", options)?))
}

/// Whether the pictures are mirrored from left to right, and from top to bottom.
fn flips(options: &SourceOptions) -> (bool, bool) {
    (options.hflip.unwrap_or_default(), options.vflip.unwrap_or_default())
}

/// Pictures of `kind` in the size and rate that are wanted.
fn caps(kind: &str, options: &SourceOptions) -> Result<String> {
    let wish = options.wish()?;
    let (Size { width, height }, rate) = (wish.size, (wish.fps * 1000.0).round() as u64);
    Ok(format!("{kind},width={width},height={height},framerate={rate}/1000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boards_camera_is_asked_for_the_size_and_rate_of_the_board() {
        let options = SourceOptions { fps: Some(29.97), size: Some(Size::new(1280, 720)), ..SourceOptions::default() };
        let pipeline = argus(1, &options).unwrap();
        assert!(pipeline.contains("sensor-id=1") && pipeline.contains("width=1280,height=720,framerate=29970/1000"));
        assert!(pipeline.contains("! nvvidconv ! "));
        let pipeline = libcamera(&options).unwrap();
        assert!(pipeline.ends_with("video/x-raw,width=1280,height=720,framerate=29970/1000,format=NV12"), "{pipeline}");
        let turned = SourceOptions { hflip: Some(true), vflip: Some(true), ..options };
        assert!(argus(1, &turned).unwrap().contains("nvvidconv flip-method=rotate-180 ! "));
        assert!(libcamera(&turned).unwrap().ends_with("! videoflip video-direction=180"));
    }

    #[test]
    fn a_pattern_is_one_word() {
        assert_eq!(test_address(Some("ball")).unwrap().to_string(), "test:ball");
        for wrong in ["", "ball ! filesink location=x", "a b", "a=b"] {
            assert_eq!(test_address(Some(wrong)).err(), Some(AddressError::Form), "{wrong}");
        }
    }
}
