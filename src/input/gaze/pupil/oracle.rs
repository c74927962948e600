//! The same packets, the same values: `tests/gaze/oracle.py` makes packets and has Pupil Labs' own client read them.

use serde::Deserialize;

use super::packet::GazePacket;
use super::rtp::{Control, RtpPacket, parse_control};

#[derive(Deserialize)]
struct Golden {
    rate: u32,
    payload_type: u8,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    rtcp: String,
    rtp: String,
    /// One point, or one for each eye.
    points: Vec<[f32; 2]>,
    worn: bool,
    unix_seconds: f64,
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn the_makers_client_reads_the_same_values() {
    let golden: Golden = serde_json::from_str(include_str!("../../../../tests/gaze/packets.json")).unwrap();
    assert_eq!(golden.cases.len(), 18);
    let mut wrong = Vec::new();
    for (i, case) in golden.cases.iter().enumerate() {
        let (control, packet) = (bytes(&case.rtcp), bytes(&case.rtp));
        let packet = RtpPacket::parse(&packet).unwrap();
        let Some(&[Control::Report(report)]) = parse_control(&control).as_deref() else {
            panic!("case {i}: no sender report")
        };
        let gaze = GazePacket::parse(packet.payload).unwrap();
        let mean = |axis: usize| case.points.iter().map(|p| p[axis]).sum::<f32>() / case.points.len() as f32;
        let seconds = report.unix_ns_at(packet.timestamp, golden.rate) as f64 / 1e9;
        let same = (gaze.x, gaze.y, gaze.worn) == (mean(0), mean(1), case.worn)
            && packet.payload_type == golden.payload_type
            // The client counts seconds since 1970 in a double, which has steps of a quarter of a microsecond.
            && (seconds - case.unix_seconds).abs() < 1e-6;
        if !same {
            wrong.push(format!("case {i}, {} bytes: {gaze:?} at {seconds}", packet.payload.len()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
