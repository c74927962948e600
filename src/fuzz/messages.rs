//! What a person or a program writes: scripts, addresses, board files, messages of the console's page.

use crate::board::Board;
use crate::capture::SourceAddress;
#[cfg(feature = "console")]
use crate::console::Message;
use crate::input::{PromptAddress, PromptSource, Script};
use crate::lift::parse_poses;
use crate::sink::SinkAddress;
#[cfg(feature = "console")]
use crate::time::Timestamp;

/// A file of a camera's poses: every rotation keeps lengths.
pub fn poses(data: &[u8]) {
    for pose in parse_poses(&String::from_utf8_lossy(data), "poses").unwrap_or_default() {
        let turned = pose.rotation * glam::Vec3::Y;
        assert!((turned.length() - 1.0).abs() < 1e-3 && pose.translation.is_finite());
    }
}

/// A script of prompts.
pub fn script(data: &[u8]) {
    let Ok(mut script) = Script::parse("script", &String::from_utf8_lossy(data)) else { return };
    let mut events = Vec::new();
    script.poll(f64::INFINITY, &mut events);
    assert!(script.is_finished() && events.is_sorted_by(|a, b| a.time_s <= b.time_s));
}

/// The addresses of sources, sinks and prompts: what is accepted comes back as it was written.
pub fn addresses(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(address) = text.parse::<SourceAddress>() {
        assert_eq!(address.to_string().parse::<SourceAddress>().ok(), Some(address));
    }
    if let Ok(address) = text.parse::<PromptAddress>() {
        assert_eq!(address.to_string().parse::<PromptAddress>().ok(), Some(address));
    }
    let _ = text.parse::<SinkAddress>();
}

/// A board file.
pub fn board(data: &[u8]) {
    let Ok(board) = Board::parse(&String::from_utf8_lossy(data), "board.toml") else { return };
    assert!(board.encoder_threads(4) > 0 && board.decoder_threads() > 0);
    let _ = (board.source_options(), board.touch_config(), board.touch_options());
}

/// A message of the console's page.
#[cfg(feature = "console")]
pub fn console_message(data: &[u8]) {
    let now = Timestamp::from_nanos(5_000_000_000);
    if let Ok(message) = Message::parse(&String::from_utf8_lossy(data)) {
        let _ = message.request(now, 1);
    }
}
