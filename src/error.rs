//! Typed errors of the whole library.
//!
//! [`Error`] says which part refused and carries that part's own error, so that a caller can match on the cause. Every
//! message ends with what to do next.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use crate::geometry::{Point, Region, Size};

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
    /// A file or stream could not be read or written.
    #[error(transparent)]
    Io(#[from] IoError),
    /// A stage of the pipeline broke.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
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
    #[error("no frame is set: call `set_frame` before `predict`")]
    NoFrame,
    #[error("the prompt is empty: give at least one point, a box or a mask")]
    Empty,
    #[error("the prompt has only background points: add a foreground point, a box or a mask")]
    OnlyBackground,
    #[error(
        "{what} has a value that is not a finite number: give numbers in pixels of the frame, or the logits of an answer"
    )]
    NotFinite { what: &'static str },
    #[error("point ({}, {}) lies outside the frame of {}x{} pixels: x is 0 to {}, y is 0 to {}",
            .point.x, .point.y, .frame.width, .frame.height, .frame.width, .frame.height)]
    PointOutside { point: Point, frame: Size },
    #[error("box {x0},{y0},{x1},{y1} has no area inside the frame of {}x{} pixels: give X0,Y0,X1,Y1 with X0<X1 and Y0<Y1",
            .frame.width, .frame.height)]
    EmptyBox { x0: f32, y0: f32, x1: f32, y1: f32, frame: Size },
    #[error("{given} points in one prompt, the model takes at most {limit}: drop the oldest")]
    TooManyPoints { given: usize, limit: usize },
    #[error("mask prompt is {}x{} but this model takes {}x{}: pass the low-resolution logits of an earlier answer",
            .given.width, .given.height, .expected.width, .expected.height)]
    MaskSize { given: Size, expected: Size },
    #[error("mask prompt holds {given} logits but this model takes {}x{}: pass the low-resolution logits of an earlier answer",
            .expected.width, .expected.height)]
    MaskLength { given: usize, expected: Size },
    #[error("the last answer has no other mask to switch to: refine it with a point instead")]
    NoAlternative,
    #[error("nothing lies where the user looked: look at the middle of the object, or touch it")]
    NothingThere,
    #[error("what lies where the user looked is not clear enough to be meant: look at it for longer, or touch it")]
    Doubtful,
    #[error(
        "the prompt was made for an embedding of model `{expected}`, this one is of `{given}`: encode the frame again"
    )]
    ForeignEmbedding { given: String, expected: String },
}

/// Why a model was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    #[error("{}: not a readable ONNX model ({reason}): export it again or check the download with `foveate models verify`",
            .path.display())]
    Unreadable { path: PathBuf, reason: String },
    #[error("{}: {bytes} bytes, over the limit of {limit}: raise `max_file_bytes` if the file is trusted", .path.display())]
    TooLarge { path: PathBuf, bytes: u64, limit: u64 },
    #[error("{}: {nodes} nodes, over the limit of {limit}: raise `max_nodes` if the file is trusted", .path.display())]
    TooManyNodes { path: PathBuf, nodes: usize, limit: usize },
    #[error("{}: node `{node}` ({operator}) cannot run: {reason}. Export the model without this operator", .path.display())]
    UnsupportedOperator { path: PathBuf, node: String, operator: String, reason: String },
    #[error("{}: {role} tensor `{tensor}`: expected {expected}, found {found}. Is this the right file for family `{family}`?{}",
            .path.display(), likely_family(.likely))]
    Signature {
        path: PathBuf,
        family: &'static str,
        /// The family whose names the file has, if that is another.
        likely: Option<&'static str>,
        /// `input` or `output`.
        role: &'static str,
        // Boxed to keep results small.
        tensor: Box<str>,
        expected: Box<str>,
        found: Box<str>,
    },
    #[error("{}: tensor `{tensor}` would take {bytes} bytes, over the limit of {limit}: use a smaller input size", .path.display())]
    HostileShape { path: PathBuf, tensor: String, bytes: u128, limit: u64 },
    #[error("no model named `{name}`{}: `foveate models list` shows what is installed", did_you_mean(.nearest))]
    Unknown { name: String, nearest: Option<String> },
    #[error("{}: {reason}: see docs/adding-a-model.md", .path.display())]
    Manifest { path: PathBuf, reason: String },
    #[error("{}: SHA-256 is {found}, the manifest says {expected}: fetch the file again", .path.display())]
    Checksum { path: PathBuf, expected: String, found: String },
    #[error("{}: missing: fetch the file again, or remove the model from its manifest", .path.display())]
    MissingFile { path: PathBuf },
    #[error("{}: cannot be rewritten: {reason}", .path.display())]
    Rewrite { path: PathBuf, reason: String },
    #[error("input size {}x{} does not suit model `{name}`: sides must be multiples of {multiple}, from {min} to {max}",
            .size.width, .size.height)]
    InputSize { name: String, size: Size, multiple: u32, min: u32, max: u32 },
    #[error(
        "model `{name}` cannot take the place of the one that runs: {reason}. Choose another, or start the stream with it"
    )]
    Incompatible { name: String, reason: String },
    #[error("running `{graph}` failed: {reason}. Please report this with the model's name")]
    Run { graph: String, reason: String },
}

/// Why an image or frame was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    #[error("{what}: not a readable picture ({reason}): give a complete PNG, JPEG, WebP, BMP, TIFF or GIF file")]
    Undecodable { what: String, reason: String },
    #[error("{what}: a photo in {format}, which is not read: convert it first, as with `{converter}` or ImageMagick")]
    ForeignFormat { what: String, format: &'static str, converter: &'static str },
    #[error("{what}: cannot be encoded ({reason}): choose another format or a smaller size")]
    Unencodable { what: String, reason: String },
    #[error("{what}: {}x{} pixels is outside 1x1 to {limit}x{limit}: scale the picture first", .size.width, .size.height)]
    AbsurdSize { what: String, size: Size, limit: u32 },
    #[error("frame of {}x{} {format} needs {needed} bytes, {given} were given: check the stride and format",
            .size.width, .size.height)]
    ShortBuffer { format: &'static str, size: Size, needed: usize, given: usize },
    #[error("tensor of 3x{}x{} holds {needed} values, {given} were given: pass a buffer of the model's input size",
            .size.height, .size.width)]
    TensorLength { size: Size, needed: usize, given: usize },
    #[error("picture is {}x{} but {expected_of} is {}x{}: give files of one size",
            .given.width, .given.height, .expected.width, .expected.height)]
    SizeMismatch { given: Size, expected: Size, expected_of: String },
    #[error("region of {}x{} pixels at {},{} does not lie in a frame of {}x{}: give one inside it that begins at even pixels",
            .region.size.width, .region.size.height, .region.x, .region.y, .size.width, .size.height)]
    Region { region: Region, size: Size },
    #[error("COCO RLE of {}x{} pixels: {reason}: give `size` as [height, width] and `counts` as pycocotools writes them",
            .size.width, .size.height)]
    Rle { size: Size, reason: String },
}

/// Why a configuration was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    #[error("{origin}: unknown key `{key}`{}: board-configs/schema.md lists every key", did_you_mean(.nearest))]
    UnknownKey { origin: String, key: String, nearest: Option<String> },
    #[error("{origin}: {reason}")]
    Invalid { origin: String, reason: String },
    #[error("no board named `{name}`{}: known boards are {known}", did_you_mean(.nearest))]
    UnknownBoard { name: String, nearest: Option<String>, known: String },
    #[error("`{address}` is not a {what}: use one of {known}")]
    Address { what: &'static str, address: String, known: Cow<'static, str> },
    #[error("`{address}` takes a build with {needs}: this one has {known}")]
    NotInBuild { address: String, needs: &'static str, known: String },
}

/// Why a device was refused or lost.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    #[error("{device}: no such device: `foveate doctor` lists the devices there are")]
    Missing { device: String },
    #[error("{device}: no permission: add your user to the `video` and `input` groups and log in again")]
    Permission { device: String },
    #[error("{device}: busy: another program holds it; close that program or choose another device")]
    Busy { device: String },
    #[error("{device}: {reason}: `foveate doctor` shows what the device offers")]
    Unsupported { device: String, reason: String },
    #[error(
        "{device}: not reachable ({reason}): check that it runs, its address, and that this machine is in its network"
    )]
    Unreachable { device: String, reason: String },
    #[error("{device}: lost ({reason}): check the cable and power; the stream is reopened while it runs")]
    Lost { device: String, reason: String },
}

/// Why the pipeline stopped, when no other part is to blame.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    #[error("cannot start the {stage} thread: {source}. Raise the process limit (`ulimit -u`)")]
    Spawn {
        stage: String,
        #[source]
        source: std::io::Error,
    },
    #[error("the {stage} thread: {reason}")]
    Placement { stage: String, reason: String },
    #[error("model `{model}` cannot be put in while the stream runs: start it with `Pipeline::exchangeable`")]
    NotExchangeable { model: String },
    #[error("the {stage} thread panicked: please report this with the message printed above")]
    Panicked { stage: String },
}

/// A failed read or write, with the path it concerned.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot {action}: {source}{}", .path.display(), io_remedy(.source))]
pub struct IoError {
    /// What was tried: `read`, `write`, `create`.
    pub action: &'static str,
    pub path: PathBuf,
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

fn likely_family(likely: &Option<&str>) -> String {
    likely.map(|family| format!(" It looks like one of family `{family}`.")).unwrap_or_default()
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
