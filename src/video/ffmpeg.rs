//! ffmpeg and ffprobe, which run beside this program: nothing of them is linked.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::error::VideoError;
use crate::process;

/// The version from which a stream's frames are passed on by `-fps_mode`; earlier ones say `-vsync`.
const FPS_MODE: (u32, u32) = (5, 1);

/// A command of `program`, which is `ffmpeg` or `ffprobe`, that asks nothing and reads nothing.
///
/// # Errors
/// [`VideoError::NoProgram`].
pub(super) fn command(program: &'static str) -> Result<Command, VideoError> {
    let path = process::find(program).ok_or(VideoError::NoProgram { program })?;
    let mut command = Command::new(path);
    command.arg("-hide_banner").stdin(Stdio::null());
    Ok(command)
}

/// Reads a camera in the network, as soon as its pictures come, and writes them to standard output as Y4M; `udp` takes packets
/// that may be lost instead of a connection.
///
/// # Errors
/// [`VideoError::NoProgram`].
pub fn network_camera(url: &str, udp: bool) -> Result<Command, VideoError> {
    let mut command = command("ffmpeg")?;
    command.args(["-nostdin", "-nostats", "-loglevel", "error", "-rtsp_transport", if udp { "udp" } else { "tcp" }]);
    // Pictures are not to be collected before the first is shown.
    command.args(["-fflags", "nobuffer", "-flags", "low_delay", "-analyzeduration", "500000", "-probesize", "500000"]);
    if is_new()? {
        // In microseconds; before, it meant to wait for a caller.
        command.args(["-timeout", "10000000"]);
    }
    command.args(["-i", url, "-map", "0:v:0", "-vf", FORMAT]).args(mode("passthrough")?);
    command.args(["-flush_packets", "1", "-f", "yuv4mpegpipe", "-strict", "-1", "pipe:1"]);
    Ok(command)
}

/// The filter that makes frames 8-bit 4:2:0, in the range that they have.
pub(super) const FORMAT: &str = "format=yuv420p|yuvj420p";

/// A path as ffmpeg takes it: never as an option, an address or a pattern.
pub(super) fn file(path: &Path) -> OsString {
    let mut file = OsString::from("file:");
    file.push(path);
    file
}

/// The arguments that choose how frames are handed on: `passthrough`, each as it is, once, or `cfr`, at a steady rate.
///
/// # Errors
/// [`VideoError::NoProgram`].
pub(super) fn mode(mode: &'static str) -> Result<[&'static str; 2], VideoError> {
    Ok([if is_new()? { "-fps_mode" } else { "-vsync" }, mode])
}

fn is_new() -> Result<bool, VideoError> {
    Ok(traits()?.is_new)
}

/// Whether this ffmpeg writes H.264 by libx264.
///
/// # Errors
/// [`VideoError::NoProgram`].
pub(super) fn has_x264() -> Result<bool, VideoError> {
    Ok(traits()?.has_x264)
}

/// What is asked of an ffmpeg before it is used.
#[derive(Clone, Copy)]
struct Traits {
    is_new: bool,
    has_x264: bool,
}

/// Asks ffmpeg once; whoever comes meanwhile waits for the answer.
fn traits() -> Result<Traits, VideoError> {
    static KNOWN: Mutex<Option<Traits>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = *known {
        return Ok(known);
    }
    let missing = VideoError::NoProgram { program: "ffmpeg" };
    let path = process::find("ffmpeg").ok_or(missing)?;
    // Its version stands above whatever it is asked for.
    let asked = Command::new(path).arg("-encoders").stdin(Stdio::null()).output();
    let said = asked.map_err(|_| VideoError::NoProgram { program: "ffmpeg" })?;
    let (listed, above) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    let is_new = parse_version(&above).is_none_or(|version| version >= FPS_MODE);
    let has_x264 = listed.lines().any(|line| line.split_whitespace().nth(1) == Some("libx264"));
    Ok(*known.insert(Traits { is_new, has_x264 }))
}

/// Begins to ask ffmpeg what must be known of it, for those who will need it soon; nothing happens where there is none.
pub fn ask_ahead() {
    // Whoever needs it is told what is wrong.
    drop(std::thread::Builder::new().name("ask-ffmpeg".into()).spawn(|| traits().map(drop)));
}

/// The release; `None` for a build from its sources.
fn parse_version(said: &str) -> Option<(u32, u32)> {
    let word = said.strip_prefix("ffmpeg version ")?.split_whitespace().next()?.trim_start_matches('n');
    let mut numbers = word.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    match (numbers.next()?, numbers.next()) {
        (Ok(major), Some(Ok(minor))) => Some((major, minor)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_they_are_written() {
        let rows = [
            ("ffmpeg version 5.1.9-0+deb12u1 Copyright (c)", Some((5, 1))),
            ("ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright", Some((4, 4))),
            ("ffmpeg version n7.0 Copyright", Some((7, 0))),
            ("ffmpeg version N-112233-gabcdef Copyright", None),
            ("avconv 11", None),
        ];
        for (said, expected) in rows {
            assert_eq!(parse_version(said), expected, "{said}");
        }
    }

    #[test]
    fn a_path_is_no_option() {
        assert_eq!(file(Path::new("-i")), OsString::from("file:-i"));
        assert_eq!(file(Path::new("http://x/y.mp4")), OsString::from("file:http://x/y.mp4"));
    }
}
