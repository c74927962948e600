use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use super::feed::{Feed, ReceivedGaze, ToFrame};
use super::{connect, ndjson};
use crate::address::AddressError;
use crate::error::{DeviceError, Result};
use crate::input::PromptAddress;
use crate::time::{Clock, Timestamp};

/// How often the thread looks whether it should end.
const WAKE: Duration = Duration::from_millis(50);
/// A sender that is silent for so long is away, and another may take its place.
const SILENCE: Duration = Duration::from_secs(2);
/// The largest datagram there is.
const DATAGRAM: usize = 65_536;

/// Reads the place of `gaze:udp://ADDRESS:PORT`.
pub fn address(place: Option<&str>) -> Result<PromptAddress, AddressError> {
    let address = connect::host_and_port(place)?.to_owned();
    let name = format!("gaze:udp://{address}");
    Ok(PromptAddress::gaze(name.clone(), move |frame, clock| open(name.clone(), &address, ToFrame::new(frame), clock)))
}

/// Receives lines of JSON at a local address, one or more in a datagram, from one sender at a time.
///
/// # Errors
/// If the address is no local one or is in use.
fn open(name: String, address: &str, to_frame: ToFrame, clock: Arc<dyn Clock>) -> Result<ReceivedGaze> {
    let socket = UdpSocket::bind(address).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => DeviceError::Busy { device: name.clone() },
        _ => DeviceError::Unreachable { device: name.clone(), reason: error.to_string() },
    })?;
    let unreachable = |e: std::io::Error| DeviceError::Unreachable { device: name.clone(), reason: e.to_string() };
    socket.set_read_timeout(Some(WAKE)).map_err(unreachable)?;
    // Port 0 lets the system choose; the name says what it chose.
    let bound = socket.local_addr().map_err(unreachable)?;
    ReceivedGaze::start(format!("gaze:udp://{bound}"), None, clock, move |feed| receive(feed, &socket, to_frame))
}

fn receive(mut feed: Feed, socket: &UdpSocket, to_frame: ToFrame) {
    let mut buffer = vec![0; DATAGRAM];
    let mut sender: Option<(SocketAddr, Timestamp)> = None;
    while !feed.stop.is_stopped() {
        let received = socket.recv_from(&mut buffer);
        let now = feed.clock.now();
        if let Some((_, heard)) = sender
            && now.since(heard) > SILENCE
        {
            feed.lost(format!("silent for {} s", SILENCE.as_secs()), now);
            sender = None;
        }
        match received {
            Ok((length, from)) => {
                match &mut sender {
                    Some((known, _)) if *known != from => feed.reject("it comes from a second sender", now),
                    known => {
                        if known.is_none() {
                            feed.forget_clock();
                            feed.present(now);
                        }
                        *known = Some((from, now));
                        take(&mut feed, buffer.get(..length).unwrap_or_default(), to_frame, now);
                    }
                }
                feed.tend(now);
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => feed.tend(now),
            // On some systems an earlier answer of ours that was refused shows here. Nothing is lost by going on.
            Err(_) => {
                feed.stop.wait(WAKE);
            }
        }
    }
}

fn take(feed: &mut Feed, datagram: &[u8], to_frame: ToFrame, now: Timestamp) {
    for line in datagram.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        match ndjson::parse(line, to_frame) {
            Ok(said) => feed.say(said, now),
            Err(reason) => feed.reject(reason, now),
        }
    }
}
