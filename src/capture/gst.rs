//! GStreamer pipelines: whatever they read, they end in a sink of ours that keeps the newest pictures.

mod loans;
mod picture;
mod stream;

use std::sync::Arc;

use super::reopen::CameraSource;
use super::{Hdr, SourceAddress, SourceOptions};
use crate::address::{self, AddressError};
use crate::error::Result;
use crate::text::without_passwords;
use crate::time::Clock;
use stream::{GstDriver, Recipe};

/// Reads the place of `gst:PIPELINE`, written as `gst-launch-1.0` takes it.
pub(super) fn address(place: Option<&str>) -> Result<SourceAddress, AddressError> {
    let pipeline = address::path(place)?.trim().trim_end_matches('!').trim().to_owned();
    if pipeline.is_empty() {
        return Err(AddressError::Form);
    }
    let device = without_passwords(&format!("gst:{pipeline}"));
    Ok(SourceAddress::new(device.clone(), move |options, clock| {
        options.rate()?;
        open(Recipe { device: device.clone(), pipeline: pipeline.clone() }, clock)
    }))
}

/// Reads the place of `csi[:N]`.
pub(super) fn csi_address(place: Option<&str>) -> Result<SourceAddress, AddressError> {
    let number: u32 = place.map_or(Ok(0), |place| place.parse().map_err(|_| AddressError::Form))?;
    let device = place.map_or_else(|| "csi".to_owned(), |place| format!("csi:{place}"));
    Ok(SourceAddress::new(device.clone(), move |options, clock| {
        if let Some(hdr) = options.hdr.filter(|hdr| *hdr != Hdr::Off) {
            tracing::warn!("{device}: hdr = \"{}\" cannot be set on this camera", hdr.name());
        }
        open(Recipe { device: device.clone(), pipeline: csi_pipeline(number, options)? }, clock)
    }))
}

fn open(recipe: Recipe, clock: Arc<dyn Clock>) -> Result<CameraSource<GstDriver>> {
    Ok(CameraSource::open(recipe.device.clone(), GstDriver::new(recipe), clock)?)
}

/// A Jetson's camera through Argus, whose pictures lie in the GPU's memory until `nvvidconv` copies them.
fn csi_pipeline(number: u32, options: &SourceOptions) -> Result<String> {
    let wish = options.wish()?;
    let (width, height) = (wish.size.width, wish.size.height);
    let rate = (wish.fps * 1000.0).round() as u64;
    let turned = match (options.hflip.unwrap_or_default(), options.vflip.unwrap_or_default()) {
        (false, false) => "",
        (true, false) => " flip-method=horizontal-flip",
        (false, true) => " flip-method=vertical-flip",
        (true, true) => " flip-method=rotate-180",
    };
    Ok(format!(
        "nvarguscamerasrc sensor-id={number} ! video/x-raw(memory:NVMM),width={width},height={height},framerate={rate}/1000 \
         ! nvvidconv{turned} ! video/x-raw,format=NV12"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    #[test]
    fn a_jetsons_camera_is_asked_for_the_size_and_rate_of_the_board() {
        let options = SourceOptions { fps: Some(29.97), size: Some(Size::new(1280, 720)), ..SourceOptions::default() };
        let pipeline = csi_pipeline(1, &options).unwrap();
        assert!(pipeline.contains("sensor-id=1") && pipeline.contains("width=1280,height=720,framerate=29970/1000"));
        assert!(pipeline.contains("! nvvidconv ! "));
        let turned = SourceOptions { hflip: Some(true), vflip: Some(true), ..options };
        assert!(csi_pipeline(1, &turned).unwrap().contains("nvvidconv flip-method=rotate-180 ! "));
    }
}
