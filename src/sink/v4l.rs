//! Virtual cameras (v4l2loopback): what a stream shows as a camera of this machine.

mod device;
mod encode;

use std::path::{Path, PathBuf};

use super::overlay::Painter;
use super::{Place, Sink, SinkAddress, VideoOptions};
use crate::address::{self, AddressError};
use crate::error::Result;
use crate::frame;
use crate::record::FrameRecord;
use device::OutputDevice;

/// Reads the place of `v4l:DEVICE`, options as [`VideoOptions`].
pub(super) fn address(place: Option<&str>) -> Result<SinkAddress, AddressError> {
    let (path, query) = address::path_and_query(place)?;
    let (path, options) = (PathBuf::from(path), VideoOptions::parse(query)?);
    let writes = Place::Device(path.clone());
    Ok(SinkAddress::new(format!("v4l:{}", place.unwrap_or_default()), writes, move || V4lSink::open(&path, options)))
}

/// Shows the frames with masks, prompts and labels drawn over them as a camera, to whatever program reads it. The device takes the
/// size of the frames, made even; it is never waited for.
pub struct V4lSink {
    name: String,
    options: VideoOptions,
    painter: Painter,
    rgb: Vec<u8>,
    device: OutputDevice,
}

impl V4lSink {
    /// Opens the video output device at `path`.
    ///
    /// # Errors
    /// [`DeviceError`](crate::error::DeviceError): there is none, it may not be opened, it takes no pictures.
    pub fn open(path: &Path, options: VideoOptions) -> Result<Self> {
        Ok(V4lSink {
            name: format!("v4l:{}", path.display()),
            options,
            painter: options.painter(),
            rgb: Vec::new(),
            device: OutputDevice::open(path)?,
        })
    }
}

impl Sink for V4lSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn shares_gaze(&self) -> bool {
        self.options.share_gaze
    }

    fn frame(&mut self, record: &FrameRecord) -> Result<()> {
        let Some(frame) = &record.frame else { return Ok(()) };
        frame::to_rgb(frame, &mut self.rgb)?;
        self.painter.draw(&mut self.rgb, frame.size, record);
        Ok(self.device.write(&self.rgb, frame.size)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_a_device_and_keep_gaze_unless_told() {
        let address: SinkAddress = "v4l:/dev/video3?boxes=true".parse().unwrap();
        assert!(matches!(address.place(), Place::Device(path) if path == Path::new("/dev/video3")));
        assert_eq!(address.to_string(), "v4l:/dev/video3?boxes=true");
        let refused = "v4l:/dev/video3?gaze=true".parse::<SinkAddress>().unwrap_err().to_string();
        assert!(refused.contains("share_gaze"), "{refused}");
        assert!("v4l:?boxes=true".parse::<SinkAddress>().is_err());
        assert!(!VideoOptions::parse("boxes=true").unwrap().share_gaze);
    }
}
