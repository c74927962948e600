use std::io;
use std::path::Path;

use crate::error::DeviceError;

/// What an error of the system means for a camera, by what was being done.
pub(crate) fn device_error(path: &Path, doing: &str, error: &io::Error) -> DeviceError {
    let device = path.display().to_string();
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENXIO | libc::ENODEV) => DeviceError::Missing { device },
        Some(libc::EACCES | libc::EPERM) => DeviceError::Permission { device },
        Some(libc::EBUSY) => DeviceError::Busy { device },
        Some(libc::ENOSPC) => DeviceError::Unsupported {
            device,
            reason: format!(
                "cannot {doing}: its USB bus has no bandwidth left; ask for a smaller size or rate, or for mjpeg"
            ),
        },
        _ => DeviceError::Unsupported { device, reason: format!("cannot {doing}: {error}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_have_their_remedies() {
        let row = |code| device_error(Path::new("/dev/video0"), "open", &io::Error::from_raw_os_error(code));
        assert!(matches!(row(libc::EACCES), DeviceError::Permission { .. }));
        assert!(matches!(row(libc::EBUSY), DeviceError::Busy { .. }));
        assert!(matches!(row(libc::ENODEV), DeviceError::Missing { .. }));
        assert!(matches!(row(libc::ENOSPC), DeviceError::Unsupported { reason, .. } if reason.contains("bandwidth")));
        assert!(matches!(row(libc::EINVAL), DeviceError::Unsupported { reason, .. } if reason.contains("cannot open")));
    }
}
