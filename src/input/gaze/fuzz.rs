//! What the fuzz targets call of the parsers of gaze: see `crate::fuzz`.

use super::clock::ClockOffset;
use super::feed::{MeasuredAt, Said, ToFrame};
use super::ndjson::{self, LineSplitter};
use super::neon;
use crate::geometry::Size;
use crate::time::Timestamp;

pub use super::pupil::fuzz::{phone_status, rtp, rtsp, sdp};

/// Lines of JSON as they come over TCP, in pieces, and what their times do to the estimate of the sender's clock.
pub fn gaze_lines(data: &[u8]) {
    let to_frame = ToFrame::new(Size::new(640, 480));
    let mut lines = LineSplitter::new(ndjson::MAX_LINE);
    let (mut offset, mut now) = (ClockOffset::default(), Timestamp::from_nanos(1_000_000_000));
    for piece in data.chunks(61) {
        lines.push(piece, |line| {
            let Some(Ok(said)) = line.map(|line| ndjson::parse(line, to_frame)) else { return };
            let time = match said {
                Said::Measured(measured) => {
                    assert!(measured.point.is_finite() && (0.0..=1.0).contains(&measured.confidence));
                    measured.time
                }
                Said::Confirmed { time, .. } | Said::Undone { time } => time,
            };
            now = now + std::time::Duration::from_millis(400);
            if let MeasuredAt::Sender(sent_ns) = time
                && offset.arrival(sent_ns, now)
            {
                let _ = offset.to_capture(sent_ns);
            }
            let _ = (offset.news(now), offset.estimate());
        });
    }
}

/// The calibration file of Neon's scene camera. Its checksum is mended, or no input would come past it.
pub fn calibration(data: &[u8]) {
    let _ = neon::scene_camera(data);
    let Some((content, _)) = data.split_last_chunk::<4>() else { return };
    let mended = [content, &crc32fast::hash(content).to_le_bytes()].concat();
    if let Ok(camera) = neon::scene_camera(&mended) {
        assert!([camera.fx, camera.fy, camera.cx, camera.cy].iter().all(|value| value.is_finite()));
    }
}
