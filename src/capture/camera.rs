use serde::Serialize;

use super::{Choice, FormatOffer, SourceOptions};
use crate::error::{ConfigError, DeviceError};

/// A camera of this machine and what it offers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CameraInfo {
    /// What `--source` takes.
    pub address: String,
    /// What the camera calls itself.
    pub name: String,
    /// Where it is plugged in, if the system says.
    pub bus: String,
    /// The formats that can be read.
    pub formats: Vec<FormatOffer>,
    /// What would be chosen for the options asked about.
    pub choice: Option<Choice>,
    /// Why it cannot be used.
    pub problem: Option<CameraProblem>,
}

/// Why a camera cannot be used, and what to do about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CameraProblem {
    /// What is wrong.
    pub reason: String,
    /// What to do.
    pub remedy: &'static str,
}

impl From<DeviceError> for CameraProblem {
    fn from(error: DeviceError) -> Self {
        let (reason, remedy) = match error {
            DeviceError::Missing { .. } => ("no such device".into(), "plug it in again"),
            DeviceError::Permission { .. } => (
                "no permission".into(),
                "add your user to the `video` group (sudo usermod -aG video $USER) and log in again",
            ),
            DeviceError::Busy { .. } => ("busy".into(), "close the program that holds it"),
            DeviceError::IdleVirtual { kind, .. } => (
                format!("an idle virtual camera ({kind}), no program writes to it"),
                "start the program that writes to it, such as OBS or ffmpeg with `-f v4l2`",
            ),
            DeviceError::Unsupported { reason, .. } | DeviceError::Output { reason, .. } => {
                (reason, "use another camera")
            }
            DeviceError::Program { reason, .. } => (reason, "run the program by itself to see what it needs"),
            DeviceError::Lost { reason, .. } | DeviceError::Unreachable { reason, .. } => {
                (reason, "check its cable and power")
            }
        };
        CameraProblem { reason, remedy }
    }
}

/// The cameras of this machine, with the choice that each would make for `options`. Streams nothing.
///
/// # Errors
/// Only for options that make no sense; a camera that cannot be opened is listed with its problem.
#[cfg_attr(not(feature = "camera"), allow(unused_mut))]
pub fn list_cameras(options: &SourceOptions) -> Result<Vec<CameraInfo>, ConfigError> {
    let wish = options.wish()?;
    // A Raspberry Pi's own cameras have V4L2 nodes too, which give no pictures.
    let mut cameras = super::rpicam::list(&wish);
    #[cfg(all(feature = "camera", target_os = "linux"))]
    cameras.extend(super::v4l::list(&wish));
    #[cfg(all(feature = "camera", any(not(target_os = "linux"), feature = "nokhwa-linux")))]
    cameras.extend(super::nokhwa::list(&wish));
    Ok(cameras)
}
