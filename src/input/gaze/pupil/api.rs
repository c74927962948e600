use std::net::{IpAddr, ToSocketAddrs};
use std::time::Duration;

use super::status::Status;
use crate::geometry::Intrinsics;
use crate::input::gaze::glasses::Glasses;
use crate::input::gaze::neon::scene_camera;

/// Longest wait for a whole answer.
const TIMEOUT: Duration = Duration::from_secs(4);
/// Longest answer.
const MAX_BYTES: u64 = 1 << 20;

/// The phone's interface for control, at `HOST:PORT`.
pub struct Api {
    agent: ureq::Agent,
    base: String,
    /// The host, in brackets if it is an address of version 6.
    host: String,
    address: String,
}

impl Api {
    pub fn new(address: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            // A phone may close a connection that lies idle just when it is used again.
            .max_idle_connections(0)
            .proxy(None)
            .user_agent(concat!("foveate/", env!("CARGO_PKG_VERSION")))
            .build();
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host).to_owned();
        Api { agent: config.into(), base: format!("http://{address}"), host, address: address.to_owned() }
    }

    /// What is connected, and where it streams.
    ///
    /// # Errors
    /// Why there is no answer, or what is missing from it.
    pub fn status(&self) -> Result<Status, String> {
        let status = Status::parse(&self.host, &self.get("/api/status")?)?;
        if !self.is_ours(&status.own_address) {
            tracing::warn!(
                "the phone at {} says that it streams from {}: only the host that was asked is used; give that address where the two \
                 are not the same phone",
                self.address,
                status.own_address
            );
        }
        Ok(status)
    }

    /// Whether `own_address`, as the phone calls itself, is the host that we asked.
    fn is_ours(&self, own_address: &str) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let mut ours = self.address.to_socket_addrs().into_iter().flatten();
        own_address == host || own_address.parse::<IpAddr>().is_ok_and(|own| ours.any(|ours| ours.ip() == own))
    }

    /// The scene camera, if the glasses know it.
    ///
    /// # Errors
    /// Why there is no answer, or why it is no calibration.
    pub fn scene_camera(&self, glasses: Glasses) -> Result<Option<Intrinsics>, String> {
        match glasses {
            Glasses::Neon => scene_camera(&self.get("/calibration.bin")?).map(Some),
            Glasses::Invisible => Ok(None),
        }
    }

    fn get(&self, path: &str) -> Result<Vec<u8>, String> {
        let mut answer = self.agent.get(format!("{}{path}", self.base)).call().map_err(|e| format!("{path}: {e}"))?;
        answer.body_mut().with_config().limit(MAX_BYTES).read_to_vec().map_err(|e| format!("{path}: {e}"))
    }
}
