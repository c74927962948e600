//! Gaze sources: recordings in the formats of three makers, and what arrives over the network.

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
