use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use super::connect::{self, BackOff};
use super::feed::{Feed, ReceivedGaze, ToFrame};
use super::ndjson::{self, LineSplitter};
use crate::address::AddressError;
use crate::error::{DeviceError, Result};
use crate::input::PromptAddress;
use crate::time::{Clock, Timestamp};

/// How often the thread looks whether it should end.
const WAKE: Duration = Duration::from_millis(50);
/// A server that is silent for so long is connected to anew: it may be gone without a word.
const SILENCE: Duration = Duration::from_secs(5);
/// A connection that lasts so long was a good one.
const GOOD: Duration = Duration::from_secs(5);

/// Reads the place of `gaze:tcp://HOST:PORT`.
pub fn address(place: Option<&str>) -> Result<PromptAddress, AddressError> {
    let address = connect::host_and_port(place)?.to_owned();
    let name = format!("gaze:tcp://{address}");
    Ok(PromptAddress::gaze(name.clone(), move |frame, clock| open(name.clone(), &address, ToFrame::new(frame), clock)))
}

/// Receives lines of JSON from a server. A connection that breaks is made anew.
///
/// # Errors
/// If the server cannot be reached now.
fn open(name: String, address: &str, to_frame: ToFrame, clock: Arc<dyn Clock>) -> Result<ReceivedGaze> {
    let stream = connect::tcp(address, WAKE)
        .map_err(|e| DeviceError::Unreachable { device: name.clone(), reason: e.to_string() })?;
    let address = address.to_owned();
    ReceivedGaze::start(name, None, clock, move |feed| run(feed, &address, stream, to_frame))
}

fn run(mut feed: Feed, address: &str, stream: TcpStream, to_frame: ToFrame) {
    let mut back_off = BackOff::default();
    let mut connected: std::io::Result<TcpStream> = Ok(stream);
    while !feed.stop.is_stopped() {
        let reason = match connected {
            Ok(stream) => {
                let began = feed.clock.now();
                let reason = receive(&mut feed, stream, to_frame);
                if feed.clock.now().since(began) > GOOD {
                    back_off.reset();
                }
                reason
            }
            Err(error) => error.to_string(),
        };
        let now = feed.clock.now();
        feed.lost(reason, now);
        feed.tend(now);
        if feed.stop.wait(back_off.next()) {
            return;
        }
        connected = connect::tcp(address, WAKE);
    }
}

/// Receives until the connection breaks; says why it did.
fn receive(feed: &mut Feed, mut stream: TcpStream, to_frame: ToFrame) -> String {
    feed.forget_clock();
    let mut lines = LineSplitter::new(ndjson::MAX_LINE);
    let mut buffer = [0; 8192];
    let mut heard = feed.clock.now();
    while !feed.stop.is_stopped() {
        let read = stream.read(&mut buffer);
        let now = feed.clock.now();
        match read {
            Ok(0) => return "the server closed the connection".into(),
            Ok(length) => {
                heard = now;
                let bytes = buffer.get(..length).unwrap_or_default();
                lines.push(bytes, |line| take(feed, line, to_frame, now));
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return error.to_string(),
        }
        if now.since(heard) > SILENCE {
            return format!("silent for {} s", SILENCE.as_secs());
        }
        feed.tend(now);
    }
    "stopped".into()
}

fn take(feed: &mut Feed, line: Option<&[u8]>, to_frame: ToFrame, now: Timestamp) {
    let said = match line {
        Some(line) => ndjson::parse(line, to_frame),
        None => Err(ndjson::too_long()),
    };
    match said {
        Ok(said) => {
            feed.present(now);
            feed.say(said, now);
        }
        Err(reason) => feed.reject(reason, now),
    }
}
