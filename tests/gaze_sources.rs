//! Gaze sources: recordings in the formats of three makers, and what arrives over the network.

#[allow(dead_code)]
mod common;
#[allow(dead_code)]
#[path = "common/ends.rs"]
mod ends;
#[path = "gaze/phone.rs"]
mod phone;
#[path = "gaze/pupil.rs"]
mod pupil;
#[path = "gaze/recordings.rs"]
mod recordings;
#[path = "gaze/sent_lines.rs"]
mod sent_lines;
#[path = "gaze/watch.rs"]
mod watch;
#[path = "gaze/whole.rs"]
mod whole;
