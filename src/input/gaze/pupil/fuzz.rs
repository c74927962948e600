//! What the fuzz targets call of the parsers of a phone's messages: see `crate::fuzz`.

use super::description::Description;
use super::message::{Message, Messages};
use super::packet::GazePacket;
use super::rtp::{Control, RtpPacket, parse_control};
use super::status::Status;

/// The answer to `GET /api/status`.
pub fn phone_status(data: &[u8]) {
    if let Ok(status) = Status::parse("neon.local", data) {
        assert_eq!(status.host(), Some("neon.local"));
        assert!(!status.gaze_url.contains(['\r', '\n', ' ']));
    }
}

/// The messages and packets of one connection, in pieces.
pub fn rtsp(data: &[u8]) {
    let mut messages = Messages::default();
    for piece in data.chunks(61) {
        messages.push(piece);
        loop {
            match messages.next() {
                Ok(Some(Message::Response(response))) => {
                    let _ = (response.cseq(), response.header("session"));
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}

/// The description of a stream.
pub fn sdp(data: &[u8]) {
    for base in [None, Some("rtsp://10.0.0.2:8086/")] {
        if let Ok(found) = Description::parse("rtsp://10.0.0.2:8086/?camera=gaze", base, data) {
            assert!(found.rate > 0 && !found.setup_url.contains(['\r', '\n', ' ']));
        }
    }
}

/// A packet of gaze, and a control packet.
pub fn rtp(data: &[u8]) {
    if let Some(packet) = RtpPacket::parse(data) {
        let _ = GazePacket::parse(packet.payload);
    }
    let _ = GazePacket::parse(data);
    for part in parse_control(data).unwrap_or_default() {
        if let Control::Report(report) = part {
            for timestamp in [0, report.timestamp, report.timestamp ^ (1 << 31)] {
                let _ = (report.unix_ns_at(timestamp, 90_000), report.unix_ns_at(timestamp, 1));
            }
        }
    }
}
