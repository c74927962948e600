use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use super::Transport;
use super::description::Description;
use super::message::Message;
use super::packet::GazePacket;
use super::rtp::{Control, RtpPacket, SenderReport, parse_control, receiver_report};
use super::rtsp::Rtsp;
use crate::geometry::Size;
use crate::input::gaze::feed::{Feed, Measured, MeasuredAt, ToFrame};
use crate::time::Timestamp;

/// How long one read waits, and so how soon a stop is noticed.
const WAKE: Duration = Duration::from_millis(50);
/// A stream that is silent for so long is set up anew.
const SILENCE: Duration = Duration::from_secs(4);
/// A stream that does not report its clock for so long is set up anew. Phones report every few seconds.
const UNREPORTED: Duration = Duration::from_secs(12);
/// How often the phone is sent a report that the stream is received.
const REPORT_EVERY: Duration = Duration::from_secs(5);
/// The largest packet there is.
const PACKET: usize = 65_536;
/// Messages beside gaze that are read before gaze has its turn again.
const AT_ONCE: usize = 16;
/// Pairs of ports that are tried.
const PORT_PAIRS: usize = 32;
/// Our number as a receiver; any will do.
const RECEIVER: u32 = 0x0f0e_a7e0;

/// Channels of packets on the connection itself.
const GAZE: u8 = 0;
const CONTROL: u8 = 1;

/// Receives gaze from `url` until the stream breaks or the feed stops; says why it broke.
pub fn receive(feed: &mut Feed, url: &str, transport: Transport, scene: Size, to_frame: ToFrame) -> String {
    let (mut rtsp, description) = match Rtsp::describe(url, &feed.stop) {
        Ok(described) => described,
        Err(reason) => return reason,
    };
    let setup_url = description.setup_url.clone();
    let now = feed.clock.now();
    let stream = Stream { description, scene, to_frame, report: None, heard: now, began: now };
    let ended = match transport {
        Transport::Udp => over_udp(feed, &mut rtsp, &setup_url, stream),
        Transport::Tcp => over_tcp(feed, &mut rtsp, &setup_url, stream),
    };
    rtsp.tear_down();
    ended.err().unwrap_or_else(|| "stopped".into())
}

/// The state of a stream that plays.
struct Stream {
    description: Description,
    scene: Size,
    to_frame: ToFrame,
    /// The last report of the sender's clock.
    report: Option<SenderReport>,
    /// When gaze came last, or the stream began.
    heard: Timestamp,
    began: Timestamp,
}

impl Stream {
    fn packet(&mut self, feed: &mut Feed, bytes: &[u8], now: Timestamp) {
        let Some(packet) = RtpPacket::parse(bytes) else { return feed.reject("no packet of a stream", now) };
        if packet.payload_type != self.description.payload_type {
            return feed.reject(format!("a packet of type {} among those of gaze", packet.payload_type), now);
        }
        let Some(gaze) = GazePacket::parse(packet.payload) else {
            return feed.reject(format!("a measurement of {} bytes", packet.payload.len()), now);
        };
        self.heard = now;
        // Without the sender's clock a measurement has no time.
        let Some(report) = self.report else { return };
        feed.present(now);
        let size = [self.scene.width, self.scene.height].map(f64::from);
        // What is not a number was not seen.
        let seen = gaze.x.is_finite() && gaze.y.is_finite();
        let (x, y) = if seen { (gaze.x.into(), gaze.y.into()) } else { (size[0] / 2.0, size[1] / 2.0) };
        let measured = Measured {
            time: MeasuredAt::Sender(report.unix_ns_at(packet.timestamp, self.description.rate)),
            point: self.to_frame.map(x, y, size),
            confidence: if gaze.worn && seen { 1.0 } else { 0.0 },
        };
        feed.push(measured, now);
    }

    /// # Errors
    /// When the sender says goodbye.
    fn control(&mut self, feed: &mut Feed, bytes: &[u8], now: Timestamp) -> Result<(), String> {
        match parse_control(bytes) {
            None => feed.reject("no control packet", now),
            Some(parts) => {
                for part in parts {
                    match part {
                        Control::Report(report) => self.report = Some(report),
                        Control::Goodbye => return Err("the phone ended the stream".into()),
                    }
                }
            }
        }
        Ok(())
    }

    /// # Errors
    /// When nothing useful has come for too long.
    fn check(&self, now: Timestamp) -> Result<(), String> {
        if now.since(self.heard) > SILENCE {
            return Err(format!("no gaze for {} s", SILENCE.as_secs()));
        }
        if self.report.is_none() && now.since(self.began) > UNREPORTED {
            return Err(format!("gaze, but no report of the sender's clock for {} s", UNREPORTED.as_secs()));
        }
        Ok(())
    }
}

fn over_udp(feed: &mut Feed, rtsp: &mut Rtsp, setup_url: &str, mut stream: Stream) -> Result<(), String> {
    let broken = |error: std::io::Error| error.to_string();
    let phone = rtsp.stream.peer_addr().map_err(broken)?.ip();
    let (gaze, control) = port_pair(rtsp.stream.local_addr().map_err(broken)?.ip())?;
    let port = gaze.local_addr().map_err(broken)?.port();
    let transport = format!("RTP/AVP;unicast;client_port={port}-{}", port + 1);
    let answer = rtsp.set_up(setup_url, &transport, &feed.stop)?;
    let theirs = server_ports(&answer);
    if let Some((gaze_port, control_port)) = theirs {
        // Opens the way through a firewall that lets answers in.
        let _ = gaze.send_to(&receiver_report(RECEIVER), SocketAddr::new(phone, gaze_port));
        let _ = control.send_to(&receiver_report(RECEIVER), SocketAddr::new(phone, control_port));
    }
    rtsp.play(&feed.stop)?;
    gaze.set_read_timeout(Some(WAKE)).map_err(broken)?;
    control.set_nonblocking(true).map_err(broken)?;
    rtsp.stream.set_nonblocking(true).map_err(broken)?;

    let mut buffer = vec![0; PACKET];
    let mut reported = feed.clock.now();
    (stream.heard, stream.began) = (reported, reported);
    while !feed.stop.is_stopped() {
        let received = gaze.recv_from(&mut buffer);
        let now = feed.clock.now();
        if let Ok((length, from)) = received {
            match from.ip() == phone {
                true => stream.packet(feed, buffer.get(..length).unwrap_or_default(), now),
                false => feed.reject("a packet that is not from the phone", now),
            }
        }
        for _ in 0..AT_ONCE {
            let Ok((length, from)) = control.recv_from(&mut buffer) else { break };
            if from.ip() == phone {
                stream.control(feed, buffer.get(..length).unwrap_or_default(), now)?;
            }
        }
        for _ in 0..AT_ONCE {
            if rtsp.next()?.is_none() {
                break;
            }
        }
        if let Some((_, control_port)) = theirs
            && now.since(reported) > REPORT_EVERY
        {
            reported = now;
            let _ = control.send_to(&receiver_report(RECEIVER), SocketAddr::new(phone, control_port));
        }
        stream.check(now)?;
        rtsp.keep_alive()?;
        feed.tend(now);
    }
    Ok(())
}

fn over_tcp(feed: &mut Feed, rtsp: &mut Rtsp, setup_url: &str, mut stream: Stream) -> Result<(), String> {
    let transport = format!("RTP/AVP/TCP;unicast;interleaved={GAZE}-{CONTROL}");
    rtsp.set_up(setup_url, &transport, &feed.stop)?;
    rtsp.play(&feed.stop)?;
    let mut reported = feed.clock.now();
    (stream.heard, stream.began) = (reported, reported);
    while !feed.stop.is_stopped() {
        let message = rtsp.next()?;
        let now = feed.clock.now();
        match message {
            Some(Message::Packet { channel: GAZE, bytes }) => stream.packet(feed, &bytes, now),
            Some(Message::Packet { channel: CONTROL, bytes }) => stream.control(feed, &bytes, now)?,
            Some(Message::Packet { channel, .. }) => feed.reject(format!("a packet of channel {channel}"), now),
            Some(Message::Response(_) | Message::Request) | None => {}
        }
        if now.since(reported) > REPORT_EVERY {
            reported = now;
            rtsp.send_packet(CONTROL, &receiver_report(RECEIVER))?;
        }
        stream.check(now)?;
        rtsp.keep_alive()?;
        feed.tend(now);
    }
    Ok(())
}

/// Two sockets with an even port and the next one.
fn port_pair(local: IpAddr) -> Result<(UdpSocket, UdpSocket), String> {
    for _ in 0..PORT_PAIRS {
        let Ok(first) = UdpSocket::bind((local, 0)) else { continue };
        let Ok(port) = first.local_addr().map(|address| address.port()) else { continue };
        if let Ok(second) = UdpSocket::bind((local, port ^ 1)) {
            return Ok(if port % 2 == 0 { (first, second) } else { (second, first) });
        }
    }
    Err("no two neighbouring ports are free".into())
}

/// Where the server sends from: `…;server_port=A-B;…`.
fn server_ports(transport: &str) -> Option<(u16, u16)> {
    let ports = transport.split(';').find_map(|field| field.trim().strip_prefix("server_port="))?;
    let (gaze, control) = ports.split_once('-')?;
    Some((gaze.trim().parse().ok()?, control.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_come_in_pairs() {
        let (gaze, control) = port_pair(IpAddr::from([127, 0, 0, 1])).unwrap();
        let [even, odd] = [gaze, control].map(|socket| socket.local_addr().unwrap().port());
        assert_eq!((even % 2, odd), (0, even + 1));
        assert_eq!(
            server_ports("RTP/AVP/UDP;unicast;client_port=1-2;server_port=50000-50001;ssrc=1"),
            Some((50000, 50001))
        );
        assert_eq!(server_ports("RTP/AVP;unicast"), None);
        assert_eq!(server_ports("server_port=99999-1"), None);
    }
}
