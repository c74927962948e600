//! Which exit code an error has.

use std::io;
use std::process::ExitCode;

use crate::error::{
    ConfigError, DeviceError, DownloadError, Error, GpuError, InstallError, IoError, ModelError, PromptError,
    VideoError,
};

/// How the program ends. The numbers are part of the command line's contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    Failed = 1,
    /// Arguments, a script or a board profile are wrong.
    Usage = 2,
    DeviceLost = 3,
    ModelRejected = 4,
}

impl Exit {
    /// The code of the first error in the chain that says what kind it is.
    pub fn of(error: &anyhow::Error) -> Exit {
        error.chain().find_map(of_one).unwrap_or(Exit::Failed)
    }

    /// True when the reader of our output went away, which is their choice and no error of ours.
    pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
        error.chain().filter_map(|e| e.downcast_ref::<io::Error>()).any(|e| e.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

fn of_one(error: &(dyn std::error::Error + 'static)) -> Option<Exit> {
    if let Some(error) = error.downcast_ref::<Error>() {
        return Some(match error {
            Error::Prompt(_) | Error::Config(_) | Error::Video(VideoError::Unwritable { .. }) => Exit::Usage,
            Error::Model(error) => of_model(error),
            Error::Device(_) => Exit::DeviceLost,
            Error::Download(error) => of_download(error),
            Error::Install(error) => of_install(error),
            _ => Exit::Failed,
        });
    }
    if error.is::<PromptError>() || error.is::<ConfigError>() {
        return Some(Exit::Usage);
    }
    if let Some(error) = error.downcast_ref::<ModelError>() {
        return Some(of_model(error));
    }
    if let Some(error) = error.downcast_ref::<DownloadError>() {
        return Some(of_download(error));
    }
    if let Some(error) = error.downcast_ref::<InstallError>() {
        return Some(of_install(error));
    }
    if error.is::<DeviceError>() {
        return Some(Exit::DeviceLost);
    }
    error.is::<IoError>().then_some(Exit::Failed)
}

/// A GPU that is not there is a device that is not there.
fn of_model(error: &ModelError) -> Exit {
    match error {
        ModelError::Gpu(GpuError::NotBuilt | GpuError::Precision) => Exit::Usage,
        ModelError::Gpu(_) => Exit::DeviceLost,
        _ => Exit::ModelRejected,
    }
}

/// A file that is not the one that was wanted is a model that is rejected.
fn of_download(error: &DownloadError) -> Exit {
    match error {
        DownloadError::Address { .. } | DownloadError::Proxy { .. } | DownloadError::NotAmong { .. } => Exit::Usage,
        DownloadError::Mismatch { .. } | DownloadError::TooLarge { .. } => Exit::ModelRejected,
        _ => Exit::Failed,
    }
}

fn of_install(error: &InstallError) -> Exit {
    match error {
        InstallError::NotRecognized { .. } | InstallError::Swapped { .. } | InstallError::Unproven { .. } => {
            Exit::ModelRejected
        }
        InstallError::Stopped => Exit::Failed,
        _ => Exit::Usage,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn the_kind_of_error_decides_through_any_context() {
        let wrap = |e: Error| Err::<(), _>(e).context("while testing").unwrap_err();
        assert_eq!(Exit::of(&wrap(PromptError::Empty.into())), Exit::Usage);
        assert_eq!(Exit::of(&wrap(DeviceError::Missing { device: "x".into() }.into())), Exit::DeviceLost);
        let unknown = ModelError::Unknown { name: "x".into(), nearest: None };
        assert_eq!(Exit::of(&wrap(unknown.into())), Exit::ModelRejected);
        assert_eq!(Exit::of(&wrap(ModelError::from(GpuError::NoDriver).into())), Exit::DeviceLost);
        assert_eq!(Exit::of(&wrap(ModelError::from(GpuError::NotBuilt).into())), Exit::Usage);
        assert_eq!(Exit::of(&anyhow::anyhow!("something else")), Exit::Failed);
    }

    #[test]
    fn a_closed_pipe_is_found_below_our_own_error() {
        let broken = IoError::when("write", "-")(io::ErrorKind::BrokenPipe.into());
        assert!(Exit::is_closed_pipe(&Error::from(broken).into()));
        assert!(!Exit::is_closed_pipe(&anyhow::anyhow!("other")));
    }
}
