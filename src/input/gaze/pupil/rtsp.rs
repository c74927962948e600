use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::description::Description;
use super::message::{Message, Messages, Response};
use crate::input::gaze::connect;
use crate::sync::StopToken;

/// The protocol's own port.
const PORT: u16 = 554;
/// How long one read waits, and so how soon a stop is noticed.
const WAKE: Duration = Duration::from_millis(50);
/// Longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(4);
/// How long a session lasts that does not say how long.
const SESSION: u64 = 60;

/// A connection to a server of streams.
pub struct Rtsp {
    pub stream: TcpStream,
    messages: Messages,
    cseq: u32,
    session: Option<String>,
    alive_by: &'static str,
    alive_every: Duration,
    asked: Instant,
    base_url: String,
}

impl Rtsp {
    /// Connects and asks what the stream is.
    ///
    /// # Errors
    /// Why there is no connection or no answer.
    pub fn describe(url: &str, stop: &StopToken) -> Result<(Rtsp, Description), String> {
        let address = address(url).ok_or_else(|| format!("`{url}` is no address of a stream"))?;
        let stream = connect::tcp(&address, WAKE).map_err(|e| format!("{address}: {e}"))?;
        let mut rtsp = Rtsp {
            stream,
            messages: Messages::default(),
            cseq: 0,
            session: None,
            alive_by: "OPTIONS",
            alive_every: Duration::from_secs(SESSION),
            asked: Instant::now(),
            base_url: url.to_owned(),
        };
        let options = rtsp.ask("OPTIONS", url, "", stop)?;
        if options.header("public").is_some_and(|public| public.contains("GET_PARAMETER")) {
            rtsp.alive_by = "GET_PARAMETER";
        }
        let answer = rtsp.ask("DESCRIBE", url, "Accept: application/sdp\r\n", stop)?;
        let description = Description::parse(url, answer.header("content-base"), &answer.body)?;
        rtsp.base_url.clone_from(&description.base_url);
        Ok((rtsp, description))
    }

    /// Sets the stream up for a transport; the server's transport is returned.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn set_up(&mut self, url: &str, transport: &str, stop: &StopToken) -> Result<String, String> {
        let answer = self.ask("SETUP", url, &format!("Transport: {transport}\r\n"), stop)?;
        let session = answer.header("session").ok_or("the phone gives no session")?;
        let (id, options) = session.split_once(';').unwrap_or((session, ""));
        let seconds = options.split(';').find_map(|o| o.trim().strip_prefix("timeout=")?.parse().ok());
        // Half of it, so that one lost question does no harm.
        self.alive_every = Duration::from_secs(seconds.unwrap_or(SESSION).clamp(4, 3600) / 2);
        self.session = Some(id.trim().to_owned());
        Ok(answer.header("transport").unwrap_or_default().to_owned())
    }

    /// Starts the stream.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn play(&mut self, stop: &StopToken) -> Result<(), String> {
        let url = self.base_url.clone();
        self.ask("PLAY", &url, "Range: npt=now-\r\n", stop).map(drop)
    }

    /// Asks to end the session, and does not wait for the answer.
    pub fn tear_down(&mut self) {
        let url = self.base_url.clone();
        let _ = self.send("TEARDOWN", &url, "");
    }

    /// Lets the server know now and then that the stream is still received.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn keep_alive(&mut self) -> Result<(), String> {
        if self.asked.elapsed() < self.alive_every {
            return Ok(());
        }
        let url = self.base_url.clone();
        self.send(self.alive_by, &url, "")
    }

    /// Sends a packet between messages.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn send_packet(&mut self, channel: u8, packet: &[u8]) -> Result<(), String> {
        let [high, low] = (packet.len() as u16).to_be_bytes();
        let framed = [&[b'$', channel, high, low], packet].concat();
        self.stream.write_all(&framed).map_err(|e| e.to_string())
    }

    /// The next message, if one comes before the stream's read time-out.
    ///
    /// # Errors
    /// If the connection is broken, or what comes is no message.
    pub fn next(&mut self) -> Result<Option<Message>, String> {
        if let Some(message) = self.messages.next()? {
            return Ok(Some(message));
        }
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => Err("the phone closed the connection".into()),
            Ok(length) => {
                self.messages.push(buffer.get(..length).unwrap_or_default());
                self.messages.next()
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => Ok(None),
                _ => Err(error.to_string()),
            },
        }
    }

    fn send(&mut self, method: &str, url: &str, headers: &str) -> Result<(), String> {
        self.cseq += 1;
        self.asked = Instant::now();
        let session = self.session.as_ref().map(|id| format!("Session: {id}\r\n")).unwrap_or_default();
        let agent = concat!("foveate/", env!("CARGO_PKG_VERSION"));
        let request =
            format!("{method} {url} RTSP/1.0\r\nCSeq: {}\r\nUser-Agent: {agent}\r\n{session}{headers}\r\n", self.cseq);
        self.stream.write_all(request.as_bytes()).map_err(|e| e.to_string())
    }

    /// Sends a request and waits for its answer; packets that come before it are dropped.
    fn ask(&mut self, method: &str, url: &str, headers: &str, stop: &StopToken) -> Result<Response, String> {
        self.send(method, url, headers)?;
        let until = Instant::now() + ANSWER;
        while Instant::now() < until && !stop.is_stopped() {
            if let Some(Message::Response(response)) = self.next()?
                && response.cseq().is_none_or(|cseq| cseq == self.cseq)
            {
                return match response.status {
                    200..300 => Ok(response),
                    status => Err(format!("the phone answers {method} with {status}")),
                };
            }
        }
        Err(format!("no answer to {method} within {} s", ANSWER.as_secs()))
    }
}

/// `HOST:PORT` of `rtsp://HOST[:PORT]/…`.
fn address(url: &str) -> Option<String> {
    let rest = url.strip_prefix("rtsp://")?;
    let host = rest.split(['/', '?']).next().filter(|host| !host.is_empty())?;
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok() && !host.ends_with(']'));
    Some(if has_port { host.to_owned() } else { format!("{host}:{PORT}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_and_without_port() {
        let rows = [
            ("rtsp://10.0.0.2:8086/?camera=gaze", Some("10.0.0.2:8086")),
            ("rtsp://neon.local?x", Some("neon.local:554")),
            ("rtsp://[fe80::1]:8086/", Some("[fe80::1]:8086")),
            ("rtsp://[fe80::1]/", Some("[fe80::1]:554")),
            ("rtsp:///x", None),
            ("http://10.0.0.2", None),
        ];
        for (url, expected) in rows {
            assert_eq!(address(url).as_deref(), expected, "{url}");
        }
    }
}
