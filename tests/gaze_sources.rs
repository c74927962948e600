//! Gaze sources: recordings in the formats of three makers, and what arrives over the network.

#[path = "gaze/recordings.rs"]
mod recordings;
