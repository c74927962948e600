//! Frames that a program writes to its standard output, or whoever writes to ours.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use super::child::{self, ChildDriver, Recipe};
use super::reopen::CameraSource;
use super::{SourceAddress, SourceOptions};
use crate::address::{self, AddressError};
use crate::error::Result;
use crate::frame::{ColorEncoding, ColorRange, PixelFormat};
use crate::geometry::Size;
use crate::text::without_passwords;
use crate::time::Clock;
use crate::video::{RawLayout, StreamFormat};

/// The options that follow a command's question mark.
const OPTIONS: &[&str] = &["format", "size", "fps", "stride", "colors", "range", "shell", "timeout"];
/// How long a program may send nothing before it is started again.
const PATIENCE: Duration = Duration::from_secs(10);

/// What `pipe:` says.
#[derive(Clone, Debug, PartialEq)]
struct Pipe {
    /// The words of the command; `None` for standard input.
    command: Option<Vec<String>>,
    kind: Kind,
    size: Option<Size>,
    fps: Option<f64>,
    stride: Option<usize>,
    colors: ColorEncoding,
    range: ColorRange,
    patience: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Y4M or JPEG, as the stream says.
    Own,
    Y4m,
    Mjpeg,
    Raw(PixelFormat),
}

/// Reads the place of `pipe:COMMAND` and `pipe:-`, options behind the last question mark.
pub(super) fn address(place: Option<&str>) -> Result<SourceAddress, AddressError> {
    let place = address::path(place)?;
    let pipe = Pipe::parse(place)?;
    let device = without_passwords(&format!("pipe:{place}"));
    Ok(SourceAddress::new(device.clone(), move |options, clock| open(&device, &pipe, options, clock)))
}

fn open(
    device: &str,
    pipe: &Pipe,
    options: &SourceOptions,
    clock: Arc<dyn Clock>,
) -> Result<CameraSource<ChildDriver>> {
    let rate = options.rate()?;
    let is_timed = pipe.fps.is_some() || options.fps.is_some();
    let words = pipe.command.clone();
    let command = words.map(|words| -> Box<dyn Fn() -> _ + Send> {
        Box::new(move || {
            let mut command = Command::new(&words[0]);
            command.args(&words[1..]);
            Ok(command)
        })
    });
    let recipe = Recipe {
        device: device.to_owned(),
        remedy: match command {
            Some(_) => "Run the command by itself to see what it needs",
            None => "Start it behind the program that writes the frames",
        },
        patience: command.as_ref().map(|_| pipe.patience),
        command,
        format: pipe.format(),
        colors_by_size: false,
        rate: pipe.fps.or(is_timed.then_some(rate)),
        ends: true,
        hear: None,
    };
    Ok(child::open(recipe, clock)?)
}

impl Pipe {
    fn parse(place: &str) -> Result<Self, AddressError> {
        let (command, query) = split(place);
        let mut pipe = Pipe {
            command: None,
            kind: Kind::Own,
            size: None,
            fps: None,
            stride: None,
            colors: ColorEncoding::Bt601,
            range: ColorRange::Limited,
            patience: PATIENCE,
        };
        let mut shell = false;
        address::options(query, OPTIONS, |key, value| {
            match key {
                "format" => pipe.kind = kind(value)?,
                "size" => pipe.size = Some(size(value)?),
                "fps" => pipe.fps = Some(number(key, value)?),
                "stride" => pipe.stride = Some(address::count(key, value)? as usize),
                "colors" => pipe.colors = colors(value)?,
                "range" => pipe.range = range(value)?,
                "shell" => shell = address::yes_or_no(key, value)?,
                _ => pipe.patience = Duration::try_from_secs_f64(number(key, value)?).map_err(|e| e.to_string())?,
            }
            Ok(())
        })?;
        pipe.command = words(command, shell)?;
        pipe.check()?;
        Ok(pipe)
    }

    fn check(&self) -> Result<(), String> {
        match (self.kind, self.size) {
            (Kind::Raw(format), None) => {
                Err(format!("frames in {format} do not say their size: add it, as in `?format={format}&size=640x480`"))
            }
            (Kind::Raw(_), Some(_)) => match self.format() {
                StreamFormat::Raw(layout) => layout.check(),
                _ => Ok(()),
            },
            (_, size) if size.is_some() || self.stride.is_some() => {
                Err("only frames without headers take `size` and `stride`: add their `format`".into())
            }
            _ => Ok(()),
        }
    }

    fn format(&self) -> StreamFormat {
        match self.kind {
            Kind::Own => StreamFormat::Own,
            Kind::Y4m => StreamFormat::Y4m,
            Kind::Mjpeg => StreamFormat::Mjpeg,
            Kind::Raw(format) => {
                let tight = RawLayout::tight(self.size.unwrap_or_default(), format);
                let colorimetry = crate::frame::Colorimetry { encoding: self.colors, range: self.range };
                StreamFormat::Raw(RawLayout { stride: self.stride, colorimetry, ..tight })
            }
        }
    }
}

/// The command and its options: what stands behind the last question mark, if it names one of them. The question mark of a command
/// that ends so itself is kept by another one behind it.
fn split(place: &str) -> (&str, &str) {
    let Some((command, query)) = place.rsplit_once('?') else { return (place, "") };
    let keys = || query.split('&').map(|option| option.split_once('=').map_or(option, |(key, _)| key));
    let is_query = query.is_empty() || keys().any(|key| OPTIONS.contains(&key));
    if is_query { (command, query) } else { (place, "") }
}

/// The words of a command; `None` for standard input.
fn words(command: &str, shell: bool) -> Result<Option<Vec<String>>, AddressError> {
    let command = command.trim();
    if command == "-" {
        return Ok(None);
    }
    if shell && !command.is_empty() {
        return Ok(Some(vec!["sh".into(), "-c".into(), command.into()]));
    }
    let words = shlex::split(command).ok_or_else(|| "the command has a quote without its end".to_owned())?;
    // Nothing but options is no command.
    if words.is_empty() {
        return Err(AddressError::Form);
    }
    if let Some(word) = words.iter().find(|word| ["|", ">", "<", "&&", ";", "||"].contains(&word.as_str())) {
        return Err(format!("`{word}` is a shell's: add `?shell=true` for a command of the shell").into());
    }
    Ok(Some(words))
}

fn kind(value: &str) -> Result<Kind, String> {
    let raw = |name: &str| PixelFormat::ALL.into_iter().find(|format| format.name() == name);
    match value {
        "y4m" => Ok(Kind::Y4m),
        "mjpeg" => Ok(Kind::Mjpeg),
        // Names of ffmpeg.
        "yuv420p" => Ok(Kind::Raw(PixelFormat::I420)),
        "yuyv422" => Ok(Kind::Raw(PixelFormat::Yuyv)),
        "uyvy422" => Ok(Kind::Raw(PixelFormat::Uyvy)),
        "gray" => Ok(Kind::Raw(PixelFormat::Grey)),
        name => raw(name).map(Kind::Raw).ok_or_else(|| {
            let known: Vec<&str> = PixelFormat::ALL.iter().map(|format| format.name()).collect();
            format!("`format={value}`: give y4m, {}", known.join(", "))
        }),
    }
}

fn size(value: &str) -> Result<Size, String> {
    let sides = value.split_once('x').and_then(|(w, h)| Some(Size::new(w.parse().ok()?, h.parse().ok()?)));
    sides.ok_or_else(|| format!("`size={value}`: give WIDTHxHEIGHT, such as 640x480"))
}

fn number(key: &str, value: &str) -> Result<f64, String> {
    let number = value.parse().ok().filter(|n: &f64| (SourceOptions::MIN_FPS..=SourceOptions::MAX_FPS).contains(n));
    number.ok_or_else(|| format!("`{key}={value}`: give a number above 0"))
}

fn colors(value: &str) -> Result<ColorEncoding, String> {
    match value {
        "bt601" => Ok(ColorEncoding::Bt601),
        "bt709" => Ok(ColorEncoding::Bt709),
        "bt2020" => Ok(ColorEncoding::Bt2020),
        _ => Err(format!("`colors={value}`: give bt601, bt709 or bt2020")),
    }
}

fn range(value: &str) -> Result<ColorRange, String> {
    match value {
        "limited" => Ok(ColorRange::Limited),
        "full" => Ok(ColorRange::Full),
        _ => Err(format!("`range={value}`: give limited or full")),
    }
}

#[cfg(test)]
mod tests;
