//! GStreamer pipelines: whatever they read, they end in a sink of ours that keeps the newest pictures.

mod loans;
mod picture;
mod presets;
mod stream;

use std::sync::Arc;

use super::SourceAddress;
use super::reopen::CameraSource;
use crate::address::{self, AddressError};
use crate::error::Result;
use crate::text::without_passwords;
use crate::time::Clock;
pub(super) use presets::{csi_address, test_address};
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
        open(Recipe { device: device.clone(), pipeline: pipeline.clone(), max_memory: options.max_memory }, clock)
    }))
}

fn open(recipe: Recipe, clock: Arc<dyn Clock>) -> Result<CameraSource<GstDriver>> {
    Ok(CameraSource::open(recipe.device.clone(), GstDriver::new(recipe), clock)?)
}
