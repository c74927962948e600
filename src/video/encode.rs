use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

use super::clip::{Clip, PROTOCOLS, SoundTrack};
use super::ffmpeg;
use super::matroska;
use crate::error::VideoError;
use crate::geometry::Size;
use crate::process::Program;

/// How long the end of a file is waited for; ffmpeg goes on by itself then.
const END_PATIENCE: Duration = Duration::from_secs(300);

/// What the pixels that are written hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pixels {
    /// Bytes R G B.
    Rgb,
    /// Bytes R G B and opacity, not multiplied.
    Rgba,
}

impl Pixels {
    /// Bytes of one pixel.
    pub const fn bytes(self) -> usize {
        match self {
            Pixels::Rgb => 3,
            Pixels::Rgba => 4,
        }
    }

    pub(super) const fn fourcc(self) -> [u8; 4] {
        match self {
            Pixels::Rgb => [b'R', b'G', b'B', 24],
            Pixels::Rgba => *b"RGBA",
        }
    }
}

/// The names that videos which are written end in.
const WRITTEN_EXTENSIONS: &[&str] = &["mp4", "mov", "mkv", "webm", "avi", "gif"];

/// Writes a video through ffmpeg, each frame at its own time. The file is made with the first frame; when this is dropped without
/// [`Self::finish`], or this program is killed, ffmpeg ends it by itself and it plays up to there.
#[derive(Debug)]
pub(super) struct ClipWriter {
    path: PathBuf,
    size: Size,
    pixels: Pixels,
    /// Microseconds that two frames are at least apart.
    tick: u64,
    /// The time of the frame before.
    last: Option<u64>,
    input: Option<BufWriter<ChildStdin>>,
    program: Program,
}

/// Whether a video of `pixels` can be written to a file of this name.
///
/// # Errors
/// [`VideoError::Unwritable`] with the names that can, [`VideoError::NoProgram`].
pub fn can_be_written(path: &Path, pixels: Pixels) -> Result<(), VideoError> {
    encoding(path, pixels).map(drop)
}

impl ClipWriter {
    /// Starts a video of frames of `size` at about `rate` frames a second, of which the first is to come `start` seconds after the
    /// beginning, with the sound of `clip`; what lies at `path` is replaced with the first frame.
    ///
    /// # Errors
    /// As [`can_be_written`]; ffmpeg cannot be started.
    pub fn create(
        path: &Path,
        size: Size,
        pixels: Pixels,
        rate: Option<f64>,
        start: f64,
        clip: Option<&Clip>,
    ) -> Result<ClipWriter, VideoError> {
        let unwritable = |reason: String| VideoError::Unwritable { path: path.to_path_buf(), reason };
        let Encoding { arguments, tick, is_steady } = encoding(path, pixels)?;
        let mut command = ffmpeg::command("ffmpeg")?;
        command.args(["-nostats", "-loglevel", "error", "-y"]);
        // What is read begins at 0 for ffmpeg, whatever its first time is.
        command.args(["-itsoffset", &format!("{start:.6}"), "-f", "matroska", "-i", "pipe:0"]);
        let sound = clip.and_then(|clip| Some((clip, clip.sound.as_ref()?)));
        if let Some((clip, _)) = sound {
            command.args(["-protocol_whitelist", PROTOCOLS, "-i"]).arg(ffmpeg::file(&clip.path));
        }
        command.args(["-map", "0:v"]);
        if let Some((_, sound)) = sound {
            add_sound(&mut command, path, sound);
        }
        command.args(arguments);
        command.args(ffmpeg::mode(if is_steady { "cfr" } else { "passthrough" })?);
        command.arg(ffmpeg::file(path)).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut program = Program::start(command, |_| false).map_err(|e| unwritable(e.to_string()))?;
        // It ends the file by itself once its input ends, whatever becomes of this program.
        program.leave();
        let input = program.take_stdin().ok_or_else(|| unwritable("ffmpeg has no input".into()))?;
        let mut writer = ClipWriter {
            path: path.to_path_buf(),
            size,
            pixels,
            tick,
            last: None,
            input: Some(BufWriter::new(input)),
            program,
        };
        writer.send(|input| matroska::write_header(input, size, pixels.fourcc(), rate))?;
        Ok(writer)
    }

    /// Width and height of its frames.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Appends a frame, `seconds` after the video's start: rows from top to bottom, without padding. A frame that is not later than
    /// the one before comes as soon after it as the file's times allow.
    ///
    /// # Errors
    /// [`VideoError::Broken`] where ffmpeg gave up: a full disk, for one.
    ///
    /// # Panics
    /// If `pixels` are not those of a frame.
    pub fn write(&mut self, pixels: &[u8], seconds: f64) -> Result<(), VideoError> {
        assert_eq!(pixels.len(), self.size.area() * self.pixels.bytes(), "a frame's pixels");
        let micros = (seconds.max(0.0) * 1e6).round() as u64;
        let micros = self.last.map_or(micros, |last| micros.max(last + self.tick));
        self.last = Some(micros);
        self.send(|input| matroska::write_frame(input, pixels, micros))
    }

    /// Waits until all is written.
    ///
    /// # Errors
    /// [`VideoError::Broken`].
    pub fn finish(mut self) -> Result<(), VideoError> {
        let flushed = self.input.take().map_or(Ok(()), |mut input| input.flush());
        let ended = self.program.wait(END_PATIENCE);
        match flushed {
            Ok(()) if ended.is_some_and(|status| status.success()) => Ok(()),
            _ => Err(self.broken()),
        }
    }

    fn send(&mut self, write: impl FnOnce(&mut BufWriter<ChildStdin>) -> io::Result<()>) -> Result<(), VideoError> {
        let sent = self.input.as_mut().map_or(Err(io::ErrorKind::BrokenPipe.into()), write);
        sent.map_err(|_| {
            self.input = None;
            self.broken()
        })
    }

    fn broken(&mut self) -> VideoError {
        VideoError::Broken { path: self.path.clone(), reason: self.program.obituary(Duration::from_secs(2)) }
    }
}

/// How a file of one name is encoded.
struct Encoding {
    /// Encoder and container.
    arguments: Vec<String>,
    /// Microseconds of one unit of its times: two frames are at least so far apart.
    tick: u64,
    /// Whether it has frames at one rate only, so that frames are repeated and left out.
    is_steady: bool,
}

/// Colours that players expect of a stream that says so.
pub(super) const BT709: &str = "-colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv";

/// The filter that makes sides even, as 4:2:0 has them, and the colours BT.709.
pub(super) fn even(fill: &str, format: &str) -> String {
    format!("pad=ceil(iw/2)*2:ceil(ih/2)*2:color={fill},scale=out_color_matrix=bt709:out_range=tv,format={format}")
}

fn encoding(path: &Path, pixels: Pixels) -> Result<Encoding, VideoError> {
    let extension = extension(path);
    let refused = |reason: String| VideoError::Unwritable { path: path.to_path_buf(), reason };
    let vp9 = "-c:v libvpx-vp9 -deadline realtime -cpu-used 6 -row-mt 1 -b:v 0";
    let (encoder, filter, base) = match (pixels, extension.as_str()) {
        (Pixels::Rgba, "webm" | "mkv") => {
            (format!("{vp9} -crf 24 -auto-alt-ref 0 {BT709}"), even("black@0", "yuva420p"), Some(1000))
        }
        (Pixels::Rgba, "mov") => {
            ("-c:v png -video_track_timescale 60000".to_owned(), "format=rgba".to_owned(), Some(60_000))
        }
        (Pixels::Rgba, _) => {
            let reason =
                "no video of this name keeps transparency: give one that ends in .webm, .mkv or .mov, or a folder";
            return Err(refused(reason.into()));
        }
        (Pixels::Rgb, "mp4" | "mov" | "mkv") => {
            let encoder =
                if ffmpeg::has_x264()? { "-c:v libx264 -preset superfast -crf 20" } else { "-c:v mpeg4 -q:v 3" };
            // Matroska counts milliseconds; MPEG-4 no finer than 65,535 to the second.
            let (track, base) = if extension == "mkv" { ("", 1000) } else { (" -video_track_timescale 60000", 60_000) };
            (format!("{encoder}{track} {BT709}"), even("black", "yuv420p"), Some(base))
        }
        (Pixels::Rgb, "webm") => (format!("{vp9} -crf 30 {BT709}"), even("black", "yuv420p"), Some(1000)),
        (Pixels::Rgb, "avi") => ("-c:v mjpeg -q:v 3".to_owned(), "format=yuvj420p".to_owned(), None),
        // A palette a frame: one for all would take the memory of all.
        (Pixels::Rgb, "gif") => {
            let palette = "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1";
            (String::new(), palette.to_owned(), Some(100))
        }
        (Pixels::Rgb, _) => return Err(refused(format!("a video's name ends in {}", listed(WRITTEN_EXTENSIONS)))),
    };
    let mut arguments: Vec<String> = encoder.split_whitespace().map(str::to_owned).collect();
    arguments.extend(["-vf".to_owned(), filter]);
    if let Some(base) = base {
        arguments.extend(["-enc_time_base".to_owned(), format!("1:{base}")]);
    }
    let tick = base.map_or(1, |base: u64| 1_000_000_u64.div_ceil(base));
    Ok(Encoding { arguments, tick, is_steady: base.is_none() })
}

fn extension(path: &Path) -> String {
    path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).unwrap_or_default()
}

/// `.a, .b or .c`.
fn listed(extensions: &[&str]) -> String {
    let dotted: Vec<String> = extensions.iter().map(|e| format!(".{e}")).collect();
    match dotted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => dotted.concat(),
    }
}

/// The clip's sound: as it is where the file of this name can hold it, else encoded anew. It ends with the pictures where it is
/// the longer: a run that was stopped has fewer of them.
fn add_sound(command: &mut Command, path: &Path, sound: &SoundTrack) {
    let (kept, other): (&[&str], &[&str]) = match extension(path).as_str() {
        "mp4" => (&["aac", "mp3", "ac3", "eac3", "alac", "opus"], &["aac"]),
        "mov" => (&["aac", "mp3", "ac3", "eac3", "alac"], &["aac"]),
        "mkv" => (&["aac", "mp3", "ac3", "eac3", "alac", "opus", "flac", "vorbis", "pcm_s16le"], &["flac"]),
        "webm" => (&["opus", "vorbis"], &["libopus", "-ac", "2"]),
        "avi" => (&["mp3", "ac3", "pcm_s16le"], &["mp3", "-ac", "2"]),
        _ => return,
    };
    command.args(["-map", "1:a:0", "-c:a"]);
    match kept.contains(&sound.codec.as_str()) {
        true => command.arg("copy"),
        false => command.args(other),
    };
    if sound.outlasts_pictures {
        command.arg("-shortest");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_no_video_has_are_refused_with_those_that_one_has() {
        let refused = |name: &str, pixels| can_be_written(Path::new(name), pixels).unwrap_err().to_string();
        assert!(refused("a.txt", Pixels::Rgb).contains(".mp4, .mov, .mkv, .webm, .avi or .gif"));
        assert!(refused("mp4", Pixels::Rgb).contains(".mp4"));
        assert!(refused("a.mp4", Pixels::Rgba).contains(".webm, .mkv or .mov"));
    }
}
