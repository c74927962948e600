//! Typed errors of the whole library.
//!
//! [`Error`] says which part refused and carries that part's own error, so that a caller can match on the cause. Every
//! message ends with what to do next.

mod contain;
mod device;
mod download;
mod gpu;
mod install;
mod lift;
mod model;
mod pipeline;
mod recording;
mod video;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use crate::geometry::{Point, Region, Size};

pub(crate) use contain::{HELPER_NAME, contain, is_contained};
pub use device::DeviceError;
pub use download::DownloadError;
pub use gpu::GpuError;
pub use install::InstallError;
pub use lift::LiftError;
pub use model::{ModelError, TensorRole};
pub use pipeline::PipelineError;
pub use recording::RecordingError;
pub use video::VideoError;

/// Result with the library's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, by the part that refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A prompt cannot be answered.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// A model file, manifest entry or graph is refused.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// An image or camera frame cannot be read.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A configuration (board, script, source or sink address) is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A camera or input device failed.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A video cannot be read or written.
    #[error(transparent)]
    Video(#[from] VideoError),
    /// A file or stream could not be read or written.
    #[error(transparent)]
    Io(#[from] IoError),
    /// A stage of the pipeline broke.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// A recording cannot be read or written.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// A mask cannot be brought into space.
    #[error(transparent)]
    Lift(#[from] LiftError),
    /// A file could not be fetched.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// A model was not installed.
    #[error(transparent)]
    Install(#[from] InstallError),
}

impl Error {
    /// True when the reader of our output went away, which is their choice and no fault of ours.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Error::Io(io) if io.source.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

/// Why a prompt was refused. Coordinates are pixels of the frame.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PromptError {
    /// No frame has been encoded yet.
    #[error("no frame is set: call `set_frame` before `predict`")]
    NoFrame,
    /// The prompt names nothing: no point, no box, no mask.
    #[error("the prompt is empty: give at least one point, a box or a mask")]
    Empty,
    /// The prompt says only what does not belong to the object.
    #[error("the prompt has only background points: add a foreground point, a box or a mask")]
    OnlyBackground,
    /// A coordinate or a logit is NaN or infinite.
    #[error(
        "{what} has a value that is not a finite number: give numbers in pixels of the frame, or the logits of an answer"
    )]
    NotFinite {
        /// Which part of the prompt: `a point`, `the box`, `the mask prompt`.
        what: &'static str,
    },
    /// A point lies outside the frame.
    #[error("point ({}, {}) lies outside the frame of {}x{} pixels: x is 0 to {}, y is 0 to {}",
            .point.x, .point.y, .frame.width, .frame.height, .frame.width, .frame.height)]
    PointOutside {
        /// The point, in pixels of the frame.
        point: Point,
        /// The frame's size in pixels.
        frame: Size,
    },
    /// The box covers no pixel of the frame.
    #[error("box {x0},{y0},{x1},{y1} has no area inside the frame of {}x{} pixels: give X0,Y0,X1,Y1 with X0<X1 and Y0<Y1",
            .frame.width, .frame.height)]
    EmptyBox {
        /// Left edge, in pixels of the frame.
        x0: f32,
        /// Top edge, in pixels of the frame.
        y0: f32,
        /// Right edge, in pixels of the frame.
        x1: f32,
        /// Bottom edge, in pixels of the frame.
        y1: f32,
        /// The frame's size in pixels.
        frame: Size,
    },
    /// The decoder takes no boxes.
    #[error("this model's decoder takes no boxes: click on the object instead")]
    NoBoxes,
    /// The prompt has more points than the decoder takes.
    #[error("{given} points in one prompt, the model takes at most {limit}: drop the oldest")]
    TooManyPoints {
        /// How many points the prompt has.
        given: usize,
        /// How many the model takes.
        limit: usize,
    },
    /// The mask prompt's grid is not that of the model.
    #[error("mask prompt is {}x{} but this model takes {}x{}: pass the low-resolution logits of an earlier answer",
            .given.width, .given.height, .expected.width, .expected.height)]
    MaskSize {
        /// Columns and rows of the mask prompt.
        given: Size,
        /// Columns and rows that the model takes.
        expected: Size,
    },
    /// The mask prompt does not hold as many logits as its grid has cells.
    #[error("mask prompt holds {given} logits but this model takes {}x{}: pass the low-resolution logits of an earlier answer",
            .expected.width, .expected.height)]
    MaskLength {
        /// How many logits it holds.
        given: usize,
        /// Columns and rows that the model takes.
        expected: Size,
    },
    /// The object's last answer has no other candidate.
    #[error("the last answer has no other mask to switch to: refine it with a point instead")]
    NoAlternative,
    /// Nothing was found where gaze rested, or no candidate of the answer can be chosen.
    #[error("nothing lies where the user looked: look at the middle of the object, or touch it")]
    NothingThere,
    /// What lies where gaze rested is not clear enough to be meant.
    #[error("what lies where the user looked is not clear enough to be meant: look at it for longer, or touch it")]
    Doubtful,
    /// The embedding comes from another model than the decoder.
    #[error(
        "the prompt was made for an embedding of model `{expected}`, this one is of `{given}`: encode the frame again"
    )]
    ForeignEmbedding {
        /// The model that made the embedding.
        given: String,
        /// The decoder's model.
        expected: String,
    },
}

/// Bytes in words, such as `1.5 GB`.
fn in_words(bytes: u64) -> String {
    match bytes as f64 {
        bytes if bytes < 1e6 => format!("{:.0} kB", bytes / 1e3),
        bytes if bytes < 1e9 => format!("{:.0} MB", bytes / 1e6),
        bytes => format!("{:.1} GB", bytes / 1e9),
    }
}

/// Why an image or frame was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The bytes are not an image in a format that is read.
    #[error("{what}: not a readable picture ({reason}): give a complete PNG, JPEG, WebP, BMP, TIFF or GIF file")]
    Undecodable {
        /// The file or stream.
        what: String,
        /// What the decoder says.
        reason: String,
    },
    /// The file is a photo in a format that is known and not read.
    #[error("{what}: a photo in {format}, which is not read: convert it first, as with `{converter}` or ImageMagick")]
    ForeignFormat {
        /// The file.
        what: String,
        /// The format's name.
        format: &'static str,
        /// A command that converts it.
        converter: &'static str,
    },
    /// The file is a photo in a format that is read, but of a kind of it that is not.
    #[error("{what}: {found}, which is not read: {remedy}")]
    UnreadKind {
        /// The file.
        what: String,
        /// What it is, with its article.
        found: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// Decoding it would take more memory than it may.
    #[error("{what}: {}x{} pixels take {} to decode, over the limit of {}: scale the picture first, or, for a photo or frames, raise --max-memory",
            .size.width, .size.height, in_words(*.needed), in_words(*.limit))]
    TooCostly {
        /// The file or image.
        what: String,
        /// Its size in pixels.
        size: Size,
        /// Bytes that it takes.
        needed: u64,
        /// Most bytes allowed.
        limit: u64,
    },
    /// A mask file does not say surely which pixels are meant.
    #[error("{what}: {reason}")]
    Mask {
        /// The file.
        what: String,
        /// What it holds, and what to do.
        reason: String,
    },
    /// The image cannot be written in the format that was asked for.
    #[error("{what}: cannot be encoded ({reason}): choose another format or a smaller size")]
    Unencodable {
        /// The file or image.
        what: String,
        /// What the encoder says.
        reason: String,
    },
    /// A side is zero or longer than the limit.
    #[error("{what}: {}x{} pixels is outside 1x1 to {limit}x{limit}: scale the picture first", .size.width, .size.height)]
    AbsurdSize {
        /// The file or image.
        what: String,
        /// Its size in pixels.
        size: Size,
        /// Longest side allowed, in pixels.
        limit: u32,
    },
    /// The buffer is too short for the size, format and stride.
    #[error("frame of {}x{} {format} needs {needed} bytes, {given} were given: check the stride and format",
            .size.width, .size.height)]
    ShortBuffer {
        /// The pixel format's name.
        format: &'static str,
        /// The frame's size in pixels.
        size: Size,
        /// Bytes that the frame takes.
        needed: usize,
        /// Bytes of the buffer.
        given: usize,
    },
    /// The tensor buffer has another length than the input size asks for.
    #[error("tensor of 3x{}x{} holds {needed} values, {given} were given: pass a buffer of the model's input size",
            .size.height, .size.width)]
    TensorLength {
        /// The model's input size in pixels.
        size: Size,
        /// Values that three planes of this size take.
        needed: usize,
        /// Values of the buffer.
        given: usize,
    },
    /// An image has another size than the one it goes with.
    #[error("picture is {}x{} but {expected_of} is {}x{}: give files of one size",
            .given.width, .given.height, .expected.width, .expected.height)]
    SizeMismatch {
        /// The image's size in pixels.
        given: Size,
        /// The size it should have, in pixels.
        expected: Size,
        /// What has that size.
        expected_of: String,
    },
    /// A region runs off the frame or begins at an odd pixel.
    #[error("region of {}x{} pixels at {},{} does not lie in a frame of {}x{}: give one inside it that begins at even pixels",
            .region.size.width, .region.size.height, .region.x, .region.y, .size.width, .size.height)]
    Region {
        /// The region, in pixels of the frame.
        region: Region,
        /// The frame's size in pixels.
        size: Size,
    },
    /// A run-length encoded mask does not describe a mask of its size.
    #[error("COCO RLE of {}x{} pixels: {reason}: give `size` as [height, width] and `counts` as pycocotools writes them",
            .size.width, .size.height)]
    Rle {
        /// The mask's size in pixels.
        size: Size,
        /// What is wrong with the runs.
        reason: String,
    },
}

/// Why a configuration was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A key is not one of those known.
    #[error("{origin}: unknown key `{key}`{}: board-configs/schema.md lists every key", did_you_mean(.nearest))]
    UnknownKey {
        /// The file, or where else the text came from.
        origin: String,
        /// The key, with the tables that hold it.
        key: String,
        /// The known key that is spelled most like it.
        nearest: Option<String>,
    },
    /// A value or a line is wrong.
    #[error("{origin}: {reason}")]
    Invalid {
        /// The file, address or option.
        origin: String,
        /// What is wrong, and what to give instead.
        reason: String,
    },
    /// No board profile has this name.
    #[error("no board named `{name}`{}: known boards are {known}", did_you_mean(.nearest))]
    UnknownBoard {
        /// The name that was asked for.
        name: String,
        /// The known name that is spelled most like it.
        nearest: Option<String>,
        /// All known names, joined by commas.
        known: String,
    },
    /// An address or option names nothing that is known.
    #[error("`{address}` is not a {what}: use one of {known}")]
    Address {
        /// What it should name, such as `source` or `precision`.
        what: &'static str,
        /// The address as it was given.
        address: String,
        /// What is known, in words.
        known: Cow<'static, str>,
    },
    /// The address is known, but this build or system does not have what serves it.
    #[error("`{address}` takes a build with {needs}: this one has {known}")]
    NotInBuild {
        /// The address as it was given.
        address: String,
        /// The feature or system that has it.
        needs: &'static str,
        /// What this build has.
        known: String,
    },
}

/// A failed read or write, with the path it concerned.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot {action}: {source}{}", .path.display(), io_remedy(.source))]
pub struct IoError {
    /// What was tried: `read`, `write`, `create`.
    pub action: &'static str,
    /// The file, folder or device.
    pub path: PathBuf,
    /// What the system says.
    #[source]
    pub source: std::io::Error,
}

impl IoError {
    /// An adapter for `map_err`: `.map_err(IoError::when("read", path))`.
    pub fn when(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| IoError { action, path, source }
    }
}

fn io_remedy(source: &std::io::Error) -> &'static str {
    use std::io::ErrorKind as K;
    match source.kind() {
        K::NotFound => ". Check the path",
        K::PermissionDenied => ". Check who owns the file, or choose another place",
        K::StorageFull => ". Free some space, or choose another place",
        K::BrokenPipe => ". The reader closed the stream",
        _ => "",
    }
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|n| format!(" (did you mean `{n}`?)")).unwrap_or_default()
}

/// The candidate most like `given`, if any is close enough to be a slip of the hand.
pub fn nearest_name<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    candidates
        .into_iter()
        .map(|c| {
            // Two swapped letters of a short name are far apart by the first measure.
            let swapped = given.len() >= 3 && strsim::osa_distance(given, c) == 1;
            (strsim::jaro_winkler(given, c).max(if swapped { 0.9 } else { 0.0 }), c)
        })
        .filter(|(score, _)| *score > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, c)| c.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_name_finds_slips_and_ignores_strangers() {
        assert_eq!(nearest_name("thread", ["threads", "model"]).as_deref(), Some("threads"));
        assert_eq!(nearest_name("fsp", ["size", "fps"]).as_deref(), Some("fps"));
        assert_eq!(nearest_name("zzz", ["threads", "model"]), None);
    }

    #[test]
    fn messages_name_the_culprit_and_the_remedy() {
        let e = PromptError::PointOutside { point: Point::new(700.0, 5.0), frame: Size::new(640, 480) };
        let text = e.to_string();
        assert!(text.contains("(700, 5)") && text.contains("640x480"), "{text}");
        let io = IoError::when("write", "/nowhere/x.png")(std::io::ErrorKind::NotFound.into());
        assert!(io.to_string().contains("/nowhere/x.png") && io.to_string().contains("Check the path"));
    }
}
