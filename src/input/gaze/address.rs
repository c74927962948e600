use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::feed::ToFrame;
use super::pupil::{self, Transport};
use super::{GazeRecording, GazeReplay, GazeSource, tcp, udp};
use crate::error::Result;
use crate::geometry::Size;
use crate::time::Clock;

/// Where gaze comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GazeAddress {
    /// A recording, see [`GazeRecording`].
    File(PathBuf),
    /// Lines of JSON at this local `ADDRESS:PORT`.
    Udp(String),
    /// Lines of JSON from the server at `HOST:PORT`.
    Tcp(String),
    /// Neon or Invisible, by the `HOST[:PORT]` of the phone.
    Pupil { host: String, transport: Transport },
}

impl GazeAddress {
    /// Reads what stands behind `gaze:`; `None` if it is none of the forms.
    pub fn parse(address: &str) -> Option<Self> {
        if let Some(path) = address.strip_prefix("file:") {
            return (!path.is_empty() && !path.contains('\0')).then(|| GazeAddress::File(path.into()));
        }
        let (scheme, rest) = address.split_once("://")?;
        let plain = |host: &str| !host.is_empty() && !host.contains(|c: char| c.is_control() || " /?#@".contains(c));
        match scheme {
            "udp" | "tcp" => {
                let (host, port) = rest.rsplit_once(':')?;
                if !plain(host) || port.parse::<u16>().is_err() {
                    return None;
                }
                let address = rest.to_owned();
                Some(if scheme == "udp" { GazeAddress::Udp(address) } else { GazeAddress::Tcp(address) })
            }
            "pupil" => {
                let (host, transport) = match rest.split_once('?') {
                    None | Some((_, "transport=udp")) => (rest.trim_end_matches("?transport=udp"), Transport::Udp),
                    Some((host, "transport=tcp")) => (host, Transport::Tcp),
                    Some(_) => return None,
                };
                let host = host.trim_end_matches('/');
                plain(host).then(|| GazeAddress::Pupil { host: host.to_owned(), transport })
            }
            _ => None,
        }
    }

    /// Opens the source. Samples are given in pixels of a frame of `frame` and with the times of `clock`.
    ///
    /// # Errors
    /// A recording that cannot be read; an address that is in use or cannot be reached.
    pub fn open(&self, frame: Size, clock: Arc<dyn Clock>) -> Result<Box<dyn GazeSource>> {
        let (name, to_frame) = (self.to_string(), ToFrame::new(frame));
        Ok(match self {
            GazeAddress::File(path) => Box::new(GazeReplay::new(name, GazeRecording::read(path)?, frame)),
            GazeAddress::Udp(address) => Box::new(udp::open(name, address, to_frame, clock)?),
            GazeAddress::Tcp(address) => Box::new(tcp::open(name, address, to_frame, clock)?),
            GazeAddress::Pupil { host, transport } => Box::new(pupil::open(name, host, *transport, to_frame, clock)?),
        })
    }
}

impl fmt::Display for GazeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GazeAddress::File(path) => write!(f, "gaze:file:{}", path.display()),
            GazeAddress::Udp(address) => write!(f, "gaze:udp://{address}"),
            GazeAddress::Tcp(address) => write!(f, "gaze:tcp://{address}"),
            GazeAddress::Pupil { host, transport: Transport::Udp } => write!(f, "gaze:pupil://{host}"),
            GazeAddress::Pupil { host, transport: Transport::Tcp } => write!(f, "gaze:pupil://{host}?transport=tcp"),
        }
    }
}
