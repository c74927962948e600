use std::process::{ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::clip::{Clip, PROTOCOLS};
use super::ffmpeg;
use super::stream::{FrameReader, StreamFormat};
use crate::error::VideoError;
use crate::frame::Frame;
use crate::process::Program;
use crate::time::Timestamp;

/// A frame's time is said before the frame is written; if none comes for so long, none will.
const TIME_PATIENCE: Duration = Duration::from_secs(10);
/// Frames a second of a video that says neither that nor its frames' times.
const DEFAULT_RATE: f64 = 25.0;
/// How long ffmpeg may take to end once its last frame is read.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// The frames of a [`Clip`] in their order, each once and with its own time, decoded by ffmpeg and turned upright. Dropping it ends
/// ffmpeg.
#[derive(Debug)]
pub struct ClipReader {
    clip: Clip,
    frames: FrameReader<ChildStdout>,
    /// The time of each frame, in its order.
    times: Receiver<Said>,
    next: u64,
    /// The time of the frame before, in seconds.
    last: Option<f64>,
    ended: bool,
    /// Dropped last: the streams above are its own.
    program: Program,
}

impl ClipReader {
    /// Starts to decode.
    ///
    /// # Errors
    /// [`VideoError`]: ffmpeg is missing, or cannot read the file's first frame.
    pub fn open(clip: Clip) -> Result<ClipReader, VideoError> {
        let unreadable = |reason: String| VideoError::Unreadable { path: clip.path.clone(), reason };
        let mut command = ffmpeg::command("ffmpeg")?;
        command.args(["-nostdin", "-nostats", "-loglevel", "level+info", "-protocol_whitelist", PROTOCOLS]);
        command.arg("-i").arg(ffmpeg::file(&clip.path));
        // Pictures without YUV would lose half of their colours by it.
        let (format, output, stream): (_, &[&str], _) = match clip.is_rgb {
            true => ("format=rgb24", &["-f", "image2pipe", "-c:v", "ppm"], StreamFormat::Ppm),
            false => (ffmpeg::FORMAT, &["-f", "yuv4mpegpipe", "-strict", "-1"], StreamFormat::Y4m),
        };
        let filters = format!("{format},{ANNOUNCE}");
        command.args(["-map", &format!("0:{}", clip.stream), "-vf", &filters]).args(ffmpeg::mode("passthrough")?);
        command.args(output).arg("pipe:1").stdout(Stdio::piped());
        let (send, times) = channel();
        let hear = move |line: &str| match time_of(line) {
            Some(time) => send.send(time).is_ok(),
            // Its account of the file is no last word.
            None => !is_complaint(line),
        };
        let mut program = Program::start(command, hear).map_err(|e| unreadable(e.to_string()))?;
        let stdout = program.take_stdout().ok_or_else(|| unreadable("ffmpeg has no output".into()))?;
        let mut frames = match FrameReader::new(stdout, stream) {
            Ok(frames) => frames,
            Err(reason) => return Err(unreadable(format!("{reason}; {}", program.obituary(END_PATIENCE)))),
        };
        frames.set_encoding(Some(clip.encoding));
        Ok(ClipReader { clip, frames, times, next: 0, last: None, ended: false, program })
    }

    /// The clip that is read.
    pub fn clip(&self) -> &Clip {
        &self.clip
    }

    /// Waits for the next frame and reads it, with its number and its time in the clip as capture time, into `frame`, whose buffer
    /// is reused; false after the last.
    ///
    /// # Errors
    /// [`VideoError::Unreadable`] where ffmpeg gave up; the frames before are good.
    pub fn read(&mut self, frame: &mut Frame) -> Result<bool, VideoError> {
        if self.ended {
            return Ok(false);
        }
        match self.frames.read(frame) {
            Ok(true) => {}
            Ok(false) => return self.end(String::new()),
            Err(reason) => return self.end(reason),
        }
        let Ok(time) = self.times.recv_timeout(TIME_PATIENCE) else {
            return self.end(format!("frame {} has no time", self.next));
        };
        let time = self.time(time);
        self.last = Some(time);
        frame.captured_at = Timestamp::from_secs_f64(time);
        frame.sequence = self.next;
        self.next += 1;
        Ok(true)
    }

    /// A frame's time in seconds, from what was said of it. A frame without one comes a frame's time after the one before.
    fn time(&self, said: Said) -> f64 {
        // The seconds that are said have six digits, which are few in a long video.
        let exact = said.units.zip(self.clip.time_base).map(|(units, base)| units as f64 * base);
        let near = |exact: &f64| said.seconds.is_none_or(|said| (exact - said).abs() <= 1e-4 * said.abs().max(1.0));
        let step = 1.0 / self.clip.rate.unwrap_or(DEFAULT_RATE);
        exact.filter(near).or(said.seconds).unwrap_or_else(|| self.last.map_or(0.0, |last| last + step))
    }

    /// What ffmpeg complained about although it went on, such as damaged frames; empty if nothing.
    pub fn complaints(&self) -> String {
        self.program.last_words()
    }

    fn end(&mut self, reason: String) -> Result<bool, VideoError> {
        self.ended = true;
        let well = self.program.wait(END_PATIENCE).is_some_and(|status| status.success());
        if well && reason.is_empty() && self.next > 0 {
            return Ok(false);
        }
        let obituary = self.program.obituary(Duration::ZERO);
        let reason = match (self.next, reason.as_str()) {
            (0, "") => format!("it holds no frame that can be decoded; {obituary}"),
            (frames, "") => format!("after {frames} frames, {obituary}"),
            (frames, reason) => format!("after {frames} frames, {reason}; {obituary}"),
        };
        Err(VideoError::Unreadable { path: self.clip.path.clone(), reason })
    }
}

/// Announces each frame with its time. A frame's data is printed only if it has some.
const ANNOUNCE: &str = "metadata=add:key=frame:value=1,metadata=print";

/// What is said of a frame's time.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Said {
    /// In the stream's own units.
    units: Option<i64>,
    seconds: Option<f64>,
}

/// A frame's time, from the line that announces it.
fn time_of(line: &str) -> Option<Said> {
    let rest = line.strip_prefix("[Parsed_metadata_")?;
    let (_, said) = rest.split_once("] frame:")?;
    let value = |name: &str| Some(said.split_once(name)?.1.split_whitespace().next()?.to_owned());
    let (units, seconds) = (value("pts:")?, value("pts_time:")?);
    Some(Said { units: units.parse().ok(), seconds: seconds.parse().ok().filter(|s: &f64| s.is_finite()) })
}

/// Whether a line, which begins with where it comes from and how grave it is, says that something is wrong.
fn is_complaint(line: &str) -> bool {
    ["[error]", "[fatal]", "[panic]"].iter().any(|level| line.contains(level))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_times_complaints_or_nothing() {
        let at = |line| time_of(line).map(|said| (said.units, said.seconds));
        let known = "[Parsed_metadata_2 @ 0x55d] [info] frame:12   pts:512     pts_time:0.48";
        assert_eq!(at(known), Some((Some(512), Some(0.48))));
        assert_eq!(at("[Parsed_metadata_2 @ 0x5] [info] frame:0 pts:NOPTS   pts_time:NOPTS"), Some((None, None)));
        assert_eq!(at("[Parsed_metadata_2 @ 0x55d] [info] frame=1"), None);
        assert_eq!(at("    title           : [Parsed_metadata_2 @ 0] [info] frame:1 pts:1 pts_time:9"), None);
        assert!(is_complaint("[h264 @ 0x1] [error] error while decoding MB 3 4"));
        assert!(!is_complaint("[info] Stream mapping:"));
    }
}
