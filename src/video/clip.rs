use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;

use super::{ffmpeg, ratio};
use crate::error::VideoError;
use crate::frame::ColorEncoding;
use crate::geometry::Size;
use crate::process::Program;

/// What is known of a video file without decoding it.
#[derive(Clone, Debug, PartialEq)]
pub struct Clip {
    /// The file.
    pub path: PathBuf,
    /// Width and height of its frames, upright, as its headers have them.
    pub size: Option<Size>,
    /// Which of its streams is followed, counted from 0: the first that has pictures and is no cover.
    pub stream: u32,
    /// Mean frames per second, if it is stated.
    pub rate: Option<f64>,
    /// Seconds of one unit of its frames' times, if it is stated.
    pub time_base: Option<f64>,
    /// How many frames it should have: stated, or estimated from rate and duration.
    pub frames: Option<u64>,
    /// Whether its frames hold no YUV.
    pub is_rgb: bool,
    /// Which matrix turns its YUV into RGB.
    pub encoding: ColorEncoding,
    /// Its sound, if it has any.
    pub sound: Option<SoundTrack>,
}

/// A clip's sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoundTrack {
    /// The codec's name, as ffmpeg calls it.
    pub codec: String,
    /// Whether it surely lasts as long as the pictures, or longer.
    pub outlasts_pictures: bool,
}

/// What ffprobe prints.
#[derive(Deserialize)]
struct Probed {
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    format: Format,
}

#[derive(Default, Deserialize)]
struct Format {
    duration: Option<String>,
}

#[derive(Deserialize)]
struct Stream {
    index: u32,
    codec_type: Option<String>,
    codec_name: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    avg_frame_rate: Option<String>,
    time_base: Option<String>,
    nb_frames: Option<String>,
    duration: Option<String>,
    color_space: Option<String>,
    pix_fmt: Option<String>,
    #[serde(default)]
    disposition: Disposition,
    #[serde(default)]
    side_data_list: Vec<SideData>,
}

#[derive(Deserialize)]
struct SideData {
    /// Degrees by which it is shown turned.
    rotation: Option<f64>,
}

#[derive(Default, Deserialize)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
}

const ENTRIES: &str = "stream=index,codec_type,codec_name,width,height,avg_frame_rate,time_base,nb_frames,duration,color_space,pix_fmt:\
                       stream_disposition=attached_pic:stream_side_data=rotation:format=duration";

impl Stream {
    /// Width and height as they are shown.
    fn upright(&self) -> Option<Size> {
        let (width, height) = (self.width?, self.height?);
        let turned = self.side_data_list.iter().find_map(|data| data.rotation);
        let is_on_its_side = turned.is_some_and(|degrees| (degrees / 90.0).round() as i64 % 2 != 0);
        Some(if is_on_its_side { Size::new(height, width) } else { Size::new(width, height) })
    }
}

impl Clip {
    /// Looks at a file's headers.
    ///
    /// # Errors
    /// [`VideoError`]: ffprobe is missing, the file is no video or has only sound.
    pub fn open(path: &Path) -> Result<Clip, VideoError> {
        let unreadable = |reason: String| VideoError::Unreadable { path: path.to_path_buf(), reason };
        // ffprobe's own words about a file that is not there lack the remedy.
        let about = path.metadata().map_err(|e| unreadable(e.to_string()))?;
        if !about.is_file() {
            return Err(unreadable("no file".into()));
        }
        let mut command = ffmpeg::command("ffprobe")?;
        command.args(["-loglevel", "error", "-of", "json", "-show_entries", ENTRIES, "-protocol_whitelist", PROTOCOLS]);
        command.arg("-i").arg(ffmpeg::file(path)).stdout(Stdio::piped());
        let mut program = Program::start(command, |_| false).map_err(|e| unreadable(e.to_string()))?;
        let probed = program.take_stdout().map(serde_json::from_reader::<_, Probed>);
        match probed {
            Some(Ok(probed)) if !probed.streams.is_empty() => Clip::from_probed(path, &probed),
            _ => Err(unreadable(program.obituary(Duration::from_secs(5)))),
        }
    }

    fn from_probed(path: &Path, probed: &Probed) -> Result<Clip, VideoError> {
        let of_kind =
            |kind: &'static str| probed.streams.iter().filter(move |stream| stream.codec_type.as_deref() == Some(kind));
        let Some(stream) = of_kind("video").find(|stream| stream.disposition.attached_pic == 0) else {
            return Err(match of_kind("audio").next() {
                Some(_) => VideoError::OnlySound { path: path.to_path_buf() },
                None => VideoError::Unreadable { path: path.to_path_buf(), reason: "it has no pictures".into() },
            });
        };
        let rate = stream.avg_frame_rate.as_deref().and_then(|rate| ratio(rate, '/'));
        let seconds =
            |text: &Option<String>| text.as_deref()?.parse::<f64>().ok().filter(|s| *s > 0.0 && s.is_finite());
        let duration = seconds(&stream.duration).or_else(|| seconds(&probed.format.duration));
        let stated = stream.nb_frames.as_deref().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
        let estimated = || Some((duration? * rate?).round().max(1.0) as u64);
        let size = Size::new(stream.width.unwrap_or_default(), stream.height.unwrap_or_default());
        Ok(Clip {
            path: path.to_path_buf(),
            size: stream.upright(),
            stream: stream.index,
            rate,
            time_base: stream.time_base.as_deref().and_then(|base| ratio(base, '/')),
            frames: stated.or_else(estimated),
            is_rgb: stream.pix_fmt.as_deref().is_some_and(is_rgb),
            encoding: encoding(stream.color_space.as_deref(), size),
            sound: of_kind("audio").next().map(|sound| SoundTrack {
                codec: sound.codec_name.clone().unwrap_or_default(),
                outlasts_pictures: seconds(&sound.duration)
                    .zip(duration)
                    .is_some_and(|(sound, pictures)| sound >= pictures),
            }),
        })
    }
}

/// Whether ffmpeg's pixel format of this name holds no YUV.
fn is_rgb(format: &str) -> bool {
    ["rgb", "bgr", "gbr", "pal8"].iter().any(|name| format.contains(name))
}

/// What ffmpeg may open on behalf of a file: other files beside it, no network.
pub(super) const PROTOCOLS: &str = "file,crypto,data";

/// What players take a stream's colours for: what it states, else by its size.
pub(super) fn encoding(stated: Option<&str>, size: Size) -> ColorEncoding {
    match stated {
        Some("bt709") => ColorEncoding::Bt709,
        Some("bt2020nc" | "bt2020c") => ColorEncoding::Bt2020,
        Some("smpte240m") => ColorEncoding::Smpte240m,
        Some("smpte170m" | "bt470bg" | "fcc") => ColorEncoding::Bt601,
        _ if size.height.min(size.width) >= 720 => ColorEncoding::Bt709,
        _ => ColorEncoding::Bt601,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(json: &str) -> Result<Clip, VideoError> {
        Clip::from_probed(Path::new("a.mp4"), &serde_json::from_str(json).unwrap())
    }

    #[test]
    fn the_first_stream_with_pictures_that_is_no_cover_is_taken() {
        let found = clip(
            r#"{"streams":[
                {"index":0,"codec_type":"video","codec_name":"mjpeg","width":300,"height":300,"disposition":{"attached_pic":1}},
                {"index":1,"codec_type":"audio","codec_name":"aac","duration":"10.02"},
                {"index":2,"codec_type":"video","codec_name":"h264","width":1280,"height":720,"avg_frame_rate":"30000/1001",
                 "duration":"10.01","disposition":{"attached_pic":0}}],
               "format":{"duration":"10.1"}}"#,
        )
        .unwrap();
        let sound = SoundTrack { codec: "aac".into(), outlasts_pictures: true };
        assert_eq!((found.stream, found.frames, found.sound), (2, Some(300), Some(sound)));
        assert_eq!(found.encoding, ColorEncoding::Bt709);
    }

    #[test]
    fn pictures_without_yuv_are_known_and_so_is_how_a_phone_was_held() {
        for (format, is_rgb) in [("rgba", true), ("gbrp", true), ("pal8", true), ("yuv420p", false), ("gray", false)] {
            let json = r#"{"streams":[{"index":0,"codec_type":"video","width":1280,"height":720,"pix_fmt":"FORMAT"}]}"#;
            let found = clip(&json.replace("FORMAT", format)).unwrap();
            assert_eq!((found.is_rgb, found.size), (is_rgb, Some(Size::new(1280, 720))), "{format}");
        }
        for (degrees, size) in [(-90, Size::new(720, 1280)), (270, Size::new(720, 1280)), (180, Size::new(1280, 720))] {
            let json = r#"{"streams":[{"index":0,"codec_type":"video","width":1280,"height":720,
                "side_data_list":[{},{"rotation":DEGREES}]}]}"#;
            assert_eq!(clip(&json.replace("DEGREES", &degrees.to_string())).unwrap().size, Some(size), "{degrees}");
        }
    }

    #[test]
    fn what_is_unknown_stays_unknown() {
        let found =
            clip(r#"{"streams":[{"index":0,"codec_type":"video","avg_frame_rate":"0/0","nb_frames":"N/A"}]}"#).unwrap();
        assert_eq!((found.rate, found.frames, found.sound), (None, None, None));
        let only = clip(r#"{"streams":[{"index":0,"codec_type":"audio"}]}"#);
        assert!(matches!(only, Err(VideoError::OnlySound { .. })));
        assert!(matches!(clip(r#"{"streams":[{"index":0}]}"#), Err(VideoError::Unreadable { .. })));
    }
}
