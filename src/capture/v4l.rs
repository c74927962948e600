//! Video4Linux capture devices, single-planar (webcams) and multi-planar (cameras on a board's own connector).

mod arrange;
mod colour;
mod controls;
mod device;
mod find;
mod rates;
mod stream;
mod virtual_camera;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::reopen::CameraSource;
use super::{CameraInfo, SourceAddress, SourceOptions, Wish, negotiate};
use crate::address::{self, AddressError};
use crate::error::Result;
use crate::time::Clock;
use crate::v4l2::{Node, device_error};
use device::{V4lDriver, check_capability, offers};

/// Where the system describes capture devices.
const SYS: &str = "/sys/class/video4linux";

/// Reads the place of `v4l:PATH`.
pub(super) fn address(place: Option<&str>) -> Result<SourceAddress, AddressError> {
    let path = PathBuf::from(address::path(place)?);
    let reads = path.clone();
    Ok(SourceAddress::new(written(&path), move |options, clock| open(&path, options, clock)).reading(reads))
}

/// The address of a device.
fn written(path: &Path) -> String {
    format!("v4l:{}", path.display())
}

/// Opens the device at `path` and starts streaming.
fn open(path: &Path, options: &SourceOptions, clock: Arc<dyn Clock>) -> Result<CameraSource<V4lDriver>> {
    let driver = V4lDriver::new(path.to_path_buf(), options.wish()?, options);
    Ok(CameraSource::open(written(path), driver, clock)?)
}

/// The capture devices under `/dev`; nodes that carry no images (a webcam's metadata node) are left out.
pub(super) fn list(wish: &Wish) -> Vec<CameraInfo> {
    find::numbers().into_iter().filter_map(|n| describe(&PathBuf::from(format!("/dev/video{n}")), n, wish)).collect()
}

fn describe(path: &Path, number: u32, wish: &Wish) -> Option<CameraInfo> {
    let mut camera = CameraInfo {
        address: written(path),
        name: std::fs::read_to_string(format!("{SYS}/video{number}/name"))
            .map(|name| name.trim().to_owned())
            .unwrap_or_default(),
        bus: String::new(),
        formats: Vec::new(),
        choice: None,
        problem: None,
    };
    match Node::open(path) {
        Err(e) => camera.problem = Some(device_error(path, "open it", &e).into()),
        Ok(node) => {
            camera.name = node.capability().card.clone();
            camera.bus = node.capability().bus.clone();
            if let Some(idle) = virtual_camera::idle(path, node.capability(), Path::new(SYS)) {
                camera.problem = Some(idle.into());
                return Some(camera);
            }
            if !node.capability().captures_images() {
                return None;
            }
            match check_capability(path, node.capability()).and_then(|()| offers(&node, path, wish.size)) {
                Err(error) => camera.problem = Some(error.into()),
                Ok(formats) => {
                    camera.choice = negotiate(&formats, wish);
                    camera.formats = formats;
                }
            }
        }
    }
    Some(camera)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{DeviceError, Error};
    use crate::time::MonotonicClock;

    #[test]
    fn a_missing_device_and_a_file_that_is_no_camera_are_different_errors() {
        let open = |path: &Path| super::open(path, &SourceOptions::default(), Arc::new(MonotonicClock)).err();
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(open(&dir.path().join("video0")), Some(Error::Device(DeviceError::Missing { .. }))));
        let file = dir.path().join("file");
        std::fs::write(&file, "no camera").unwrap();
        assert!(matches!(open(&file), Some(Error::Device(DeviceError::Unsupported { .. }))));
    }
}
