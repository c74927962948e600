use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

use super::clip::{Clip, PROTOCOLS};
use super::ffmpeg;
use super::matroska;
use crate::error::VideoError;
use crate::geometry::Size;
use crate::process::Program;

/// How long ffmpeg may take to write what it still holds.
const END_PATIENCE: Duration = Duration::from_secs(60);

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

    const fn fourcc(self) -> [u8; 4] {
        match self {
            Pixels::Rgb => [b'R', b'G', b'B', 24],
            Pixels::Rgba => *b"RGBA",
        }
    }
}

/// The names that videos which are written end in.
pub const WRITTEN_EXTENSIONS: &[&str] = &["mp4", "mov", "mkv", "webm", "avi", "gif"];

/// Writes a video through ffmpeg, each frame at its own time. The file is made with the first frame; when this is dropped without
/// [`Self::finish`], or this program is killed, ffmpeg ends it by itself and it plays up to there.
#[derive(Debug)]
pub struct ClipWriter {
    path: PathBuf,
    size: Size,
    pixels: Pixels,
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
    arguments(path, pixels).map(drop)
}

impl ClipWriter {
    /// Starts a video of frames of `size` at about `rate` frames a second, with the sound of the clip `sound`; what lies at `path` is replaced with the first frame.
    ///
    /// # Errors
    /// As [`can_be_written`]; ffmpeg cannot be started.
    pub fn create(
        path: &Path,
        size: Size,
        pixels: Pixels,
        rate: Option<f64>,
        sound: Option<&Clip>,
    ) -> Result<ClipWriter, VideoError> {
        let unwritable = |reason: String| VideoError::Unwritable { path: path.to_path_buf(), reason };
        let mut command = ffmpeg::command("ffmpeg")?;
        command.args(["-nostats", "-loglevel", "error", "-y", "-f", "matroska", "-i", "pipe:0"]);
        if let Some(clip) = sound.filter(|clip| clip.sound.is_some()) {
            command.args(["-protocol_whitelist", PROTOCOLS, "-i"]).arg(ffmpeg::file(&clip.path));
        }
        command.args(["-map", "0:v"]);
        add_sound(&mut command, path, sound);
        command.args(arguments(path, pixels)?).args(ffmpeg::passthrough()?);
        command.arg(ffmpeg::file(path)).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut program = Program::start(command, |_| false).map_err(|e| unwritable(e.to_string()))?;
        let input = program.take_stdin().ok_or_else(|| unwritable("ffmpeg has no input".into()))?;
        let mut writer = ClipWriter {
            path: path.to_path_buf(),
            size,
            pixels,
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
    /// the one before comes a microsecond after it.
    ///
    /// # Errors
    /// [`VideoError::Broken`] where ffmpeg gave up: a full disk, for one.
    ///
    /// # Panics
    /// If `pixels` are not those of a frame.
    pub fn write(&mut self, pixels: &[u8], seconds: f64) -> Result<(), VideoError> {
        assert_eq!(pixels.len(), self.size.area() * self.pixels.bytes(), "a frame's pixels");
        let micros = (seconds.max(0.0) * 1e6).round() as u64;
        let micros = self.last.map_or(micros, |last| micros.max(last + 1));
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

impl Drop for ClipWriter {
    fn drop(&mut self) {
        // The end of its input lets ffmpeg end the file.
        if self.input.take().is_some() {
            self.program.wait(END_PATIENCE);
        }
    }
}

/// Even sides, as 4:2:0 has them, in the colours that players expect of a stream that says so.
const EVEN: &str = "pad=ceil(iw/2)*2:ceil(ih/2)*2,scale=out_color_matrix=bt709:out_range=tv,format=";
const BT709: [&str; 8] =
    ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"];

/// How a file of this name is encoded.
fn arguments(path: &Path, pixels: Pixels) -> Result<Vec<String>, VideoError> {
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).unwrap_or_default();
    let refused = |reason: String| VideoError::Unwritable { path: path.to_path_buf(), reason };
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let colours = |format: &str| [vec!["-vf".to_owned(), format!("{EVEN}{format}")], BT709.map(str::to_owned).to_vec()].concat();
    if pixels == Pixels::Rgba {
        return match extension.as_str() {
            "webm" | "mkv" => {
                Ok([words("-c:v libvpx-vp9 -auto-alt-ref 0 -deadline realtime -cpu-used 6 -row-mt 1 -b:v 0 -crf 24"), colours("yuva420p")].concat())
            }
            "mov" => Ok(words("-c:v png -pix_fmt rgba")),
            _ => Err(refused("no video of this name keeps transparency: give one that ends in .webm, .mkv or .mov, or a folder".into())),
        };
    }
    match extension.as_str() {
        "mp4" | "mov" | "mkv" => {
            let encoder = match ffmpeg::has_x264()? {
                true => words("-c:v libx264 -preset veryfast -crf 20"),
                false => words("-c:v mpeg4 -q:v 3"),
            };
            // Times of any rate, and the index before the pictures, so that it plays while it loads.
            let container = if extension == "mkv" { Vec::new() } else { words("-video_track_timescale 90000 -movflags +faststart") };
            Ok([encoder, words("-enc_time_base 1:90000"), colours("yuv420p"), container].concat())
        }
        "webm" => Ok([words("-c:v libvpx-vp9 -deadline realtime -cpu-used 6 -row-mt 1 -b:v 0 -crf 30"), colours("yuv420p")].concat()),
        "avi" => Ok(words("-c:v mjpeg -q:v 3 -pix_fmt yuvj420p")),
        "gif" => Ok(words("-filter_complex [0:v]split[a][b];[a]palettegen[p];[b][p]paletteuse")),
        _ => Err(refused(format!("a video's name ends in {}", listed(WRITTEN_EXTENSIONS)))),
    }
}

/// `.a, .b or .c`.
fn listed(extensions: &[&str]) -> String {
    let dotted: Vec<String> = extensions.iter().map(|e| format!(".{e}")).collect();
    match dotted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => dotted.concat(),
    }
}

/// The clip's sound: as it is where the file of this name can hold it, else encoded anew.
fn add_sound(command: &mut Command, path: &Path, sound: Option<&Clip>) {
    let Some(codec) = sound.and_then(|clip| clip.sound.as_deref()) else { return };
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).unwrap_or_default();
    let (kept, other): (&[&str], &str) = match extension.as_str() {
        "mp4" | "mov" => (&["aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"], "aac"),
        "mkv" => (&["aac", "mp3", "ac3", "eac3", "alac", "opus", "flac", "vorbis", "pcm_s16le"], "flac"),
        "webm" => (&["opus", "vorbis"], "libopus"),
        "avi" => (&["mp3", "ac3", "pcm_s16le"], "mp3"),
        _ => return,
    };
    command.args(["-map", "1:a:0", "-c:a", if kept.contains(&codec) { "copy" } else { other }]);
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
