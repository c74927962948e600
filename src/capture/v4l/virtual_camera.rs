//! Cameras that are none: a program has to write what they show.

use std::path::Path;

use crate::error::DeviceError;
use crate::v4l2::Capability;

/// The error for a virtual camera that nobody writes to; `None` for one that somebody does, and for a real one.
///
/// v4l2loopback says `output` in `/sys/class/video4linux/videoN/state` while it waits for a writer and `capture` while there is one,
/// and with `exclusive_caps=1` it is no capture device without one. What it does not say shows when no image comes.
pub(super) fn idle(path: &Path, capability: &Capability, sys: &Path) -> Option<DeviceError> {
    let kind = capability.virtual_kind()?;
    let node = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let state = node.file_name().and_then(|name| std::fs::read_to_string(sys.join(name).join("state")).ok());
    let waits = state.is_some_and(|state| state.trim() == "output") || !capability.captures_images();
    waits.then(|| DeviceError::IdleVirtual { device: path.display().to_string(), kind })
}

/// Why no image comes from a virtual camera.
pub(super) fn silence(path: &Path, capability: &Capability) -> Option<String> {
    let kind = capability.virtual_kind()?;
    Some(DeviceError::IdleVirtual { device: path.display().to_string(), kind }.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loopback_that_nobody_writes_to_is_named_with_its_remedy() {
        let sys = tempfile::tempdir().unwrap();
        let path = Path::new("/dev/video42");
        let loopback = Capability::named("Dummy video device (0x0000)", "platform:v4l2loopback-000");
        let webcam = Capability::named("UVC Camera", "usb-0000:00:14.0-1");
        assert!(idle(path, &loopback, sys.path()).is_none(), "it does not say");
        std::fs::create_dir(sys.path().join("video42")).unwrap();
        let said = |state: &str, capability: &Capability| {
            std::fs::write(sys.path().join("video42/state"), state).unwrap();
            idle(path, capability, sys.path()).map(|error| error.to_string())
        };
        assert_eq!(said("capture\n", &loopback), None);
        assert_eq!(said("output\n", &webcam), None);
        let message = said("output\n", &loopback).unwrap();
        assert!(message.contains("idle virtual camera (v4l2loopback)"), "{message}");
        assert!(message.contains("-f v4l2 /dev/video42"), "{message}");
        assert_eq!(silence(path, &loopback), Some(message));
        assert_eq!(silence(path, &webcam), None);
    }
}
