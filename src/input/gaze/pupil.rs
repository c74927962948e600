//! Pupil Labs' real-time API: Neon and Invisible with their phone, over the local network.
//!
//! `api` asks the phone what is connected (`status`); `rtsp` sets the stream of gaze up, of `message`s and a `description`;
//! `stream` receives its packets (`rtp`, `packet`); `echo` compares the clocks.

mod api;
mod description;
mod echo;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod message;
#[cfg(test)]
mod oracle;
mod packet;
mod rtp;
mod rtsp;
mod status;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use super::connect::{self, BackOff};
use super::feed::{Feed, ReceivedGaze, ToFrame};
use crate::address::AddressError;
use crate::error::{DeviceError, Result};
use crate::input::PromptAddress;
use crate::sync::StopToken;
use crate::time::Clock;

use api::Api;
use status::Status;

pub use packet::GazePacket;

/// The phone's port for control.
const PORT: u16 = 8080;
/// A stream that lasts so long was a good one.
const GOOD: Duration = Duration::from_secs(5);

/// Reads the place of `gaze:pupil://HOST[:PORT]`, option `transport=udp|tcp`.
pub fn address(place: Option<&str>) -> Result<PromptAddress, AddressError> {
    let (host, query) = place.unwrap_or_default().split_once('?').unwrap_or((place.unwrap_or_default(), ""));
    let (transport, written) = match query {
        "" | "transport=udp" => (Transport::Udp, ""),
        "transport=tcp" => (Transport::Tcp, "?transport=tcp"),
        _ => return Err(AddressError::Form),
    };
    let host = connect::host(host.trim_end_matches('/'))?.to_owned();
    let name = format!("gaze:pupil://{host}{written}");
    let text = name.clone();
    let open = move |frame, clock| open(name.clone(), &host, transport, ToFrame::new(frame), clock);
    Ok(PromptAddress::gaze(text, open))
}

/// How packets travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    /// By datagrams, as the maker's own client has it: late packets are lost rather than waited for.
    Udp,
    /// On the connection that controls the stream, if the phone offers it.
    Tcp,
}

/// Receives gaze from the phone at `HOST[:PORT]`. A stream that breaks is set up anew.
///
/// # Errors
/// If the phone cannot be reached now, or no glasses are connected to it.
fn open(
    name: String,
    host: &str,
    transport: Transport,
    to_frame: ToFrame,
    clock: Arc<dyn Clock>,
) -> Result<ReceivedGaze> {
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let address = if has_port && !host.ends_with(']') { host.to_owned() } else { format!("{host}:{PORT}") };
    let api = Api::new(&address);
    let unreachable = |reason| DeviceError::Unreachable { device: name.clone(), reason };
    let status = api.status().map_err(unreachable)?;
    // Without its calibration the glasses are as good; only angles are less exact.
    let camera = api.scene_camera(status.glasses).unwrap_or_else(|reason| {
        tracing::warn!("{name}: the scene camera is not known: {reason}");
        None
    });
    let camera = camera.map(|camera| to_frame.camera(camera, status.glasses.scene()));
    ReceivedGaze::start(name, camera, clock, move |feed| run(feed, &api, status, transport, to_frame))
}

fn run(mut feed: Feed, api: &Api, status: Status, transport: Transport, to_frame: ToFrame) {
    let mut back_off = BackOff::default();
    let mut status = Ok(status);
    while !feed.stop.is_stopped() {
        let reason = match status {
            Ok(status) => {
                let began = feed.clock.now();
                feed.forget_clock();
                let reason = with_echo(&mut feed, &status, |feed| {
                    stream::receive(feed, &status.gaze_url, transport, status.glasses.scene(), to_frame)
                });
                if feed.clock.now().since(began) > GOOD {
                    back_off.reset();
                }
                reason
            }
            Err(reason) => reason,
        };
        let now = feed.clock.now();
        feed.lost(reason, now);
        feed.tend(now);
        if feed.stop.wait(back_off.next()) {
            return;
        }
        status = api.status();
    }
}

/// Compares the clocks beside `receive`, on a thread of its own.
fn with_echo(feed: &mut Feed, status: &Status, receive: impl FnOnce(&mut Feed) -> String) -> String {
    let Some(port) = status.echo_port else { return receive(feed) };
    let Some(host) = status.host() else { return receive(feed) };
    let (offset, clock, stop) = (feed.offset(), Arc::clone(&feed.clock), StopToken::new());
    let stop_too = stop.clone();
    std::thread::scope(|scope| {
        let address = format!("{host}:{port}");
        let asking = std::thread::Builder::new().name("gaze-echo".into());
        // Without the thread, arrivals give the offset.
        let _ = asking.spawn_scoped(scope, move || echo::ask(&address, &offset, clock.as_ref(), &stop_too));
        let reason = receive(feed);
        stop.stop();
        reason
    })
}
