//! Network cameras by RTSP, read by ffmpeg beside this program.

use std::sync::Arc;
use std::time::Duration;

use super::child::{self, ChildDriver, Recipe};
use super::reopen::CameraSource;
use super::{SourceAddress, SourceOptions};
use crate::address::{self, AddressError};
use crate::error::{DeviceError, Result};
use crate::text::address_without_password;
use crate::time::Clock;
use crate::video::{StreamFormat, network_camera};

/// How long no frame may come.
const PATIENCE: Duration = Duration::from_secs(5);

/// What `rtsp:` says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Camera {
    url: String,
    /// Whether packets come one by one, which may be lost, instead of in a connection.
    udp: bool,
}

/// Reads the place of `rtsp://HOST/PATH`; behind a last question mark `transport=tcp|udp`. A password is not part of what the
/// address is written as.
pub(super) fn address(place: Option<&str>) -> Result<SourceAddress, AddressError> {
    let camera = parse(place)?;
    let device = address_without_password(&camera.url);
    Ok(SourceAddress::new(device.clone(), move |options, clock| open(&device, &camera, options, clock)))
}

fn parse(place: Option<&str>) -> Result<Camera, AddressError> {
    let place = address::path(place)?;
    let (path, query) = place.rsplit_once('?').filter(|(_, q)| q.starts_with("transport")).unwrap_or((place, ""));
    let host = path.strip_prefix("//").filter(|rest| !rest.is_empty() && !rest.starts_with('/'));
    if host.is_none() || path.contains(char::is_whitespace) {
        return Err(AddressError::Form);
    }
    let mut camera = Camera { url: format!("rtsp:{path}"), udp: false };
    address::options(query, &["transport"], |key, value| match value {
        "tcp" | "udp" => {
            camera.udp = value == "udp";
            Ok(())
        }
        _ => Err(format!("`{key}={value}`: give tcp or udp")),
    })?;
    Ok(camera)
}

fn open(
    device: &str,
    camera: &Camera,
    options: &SourceOptions,
    clock: Arc<dyn Clock>,
) -> Result<CameraSource<ChildDriver>> {
    options.rate()?;
    let (named, url, udp) = (device.to_owned(), camera.url.clone(), camera.udp);
    let command = move || {
        let failed =
            |error: crate::error::VideoError| DeviceError::Program { device: named.clone(), reason: error.to_string() };
        network_camera(&url, udp).map_err(failed)
    };
    let recipe = Recipe {
        device: device.to_owned(),
        command: Some(Box::new(command)),
        format: StreamFormat::Y4m,
        colors_by_size: true,
        rate: None,
        remedy: "Check that the camera runs, its address and its password",
        patience: Some(PATIENCE),
        // Whoever switches the camera off ends the connection well.
        ends: false,
        hear: None,
    };
    Ok(child::open(recipe, clock)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_a_camera_and_hide_its_password() {
        let of = |place: &str| parse(Some(place)).map(|camera| (camera.url, camera.udp));
        assert_eq!(of("//cam/live?x=1"), Ok(("rtsp://cam/live?x=1".into(), false)));
        assert_eq!(of("//cam:554/live?transport=udp"), Ok(("rtsp://cam:554/live".into(), true)));
        for place in ["", "//", "cam/live", "///live", "//cam/a b"] {
            assert_eq!(of(place), Err(AddressError::Form), "{place}");
        }
        assert!(matches!(of("//cam?transport=sctp"), Err(AddressError::Value(_))));
        let address: SourceAddress = "rtsp://me:secret@cam:8554/live".parse().unwrap();
        assert_eq!(address.to_string(), "rtsp://me:***@cam:8554/live");
    }
}
