//! Cameras that programs read for us, and videos: each with what goes wrong. `make test-cameras` runs these; they need ffmpeg.

#[path = "../common/program.rs"]
mod program;

mod clips;
mod live;
mod out;
