use std::fmt;
use std::path::{Path, PathBuf};

use super::{GpuError, did_you_mean};
use crate::geometry::Size;

/// Whether a tensor goes into a graph or comes out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TensorRole {
    /// It goes in.
    Input,
    /// It comes out.
    Output,
}

impl fmt::Display for TensorRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TensorRole::Input => "input",
            TensorRole::Output => "output",
        })
    }
}

/// Why a model was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The graph is to run on the GPU, and cannot.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// The file is missing parts or is not ONNX.
    #[error("{}: not a readable ONNX model ({reason}): export it again or check the download with `foveate models verify`",
            .path.display())]
    Unreadable {
        /// The file that was refused.
        path: PathBuf,
        /// What could not be read.
        reason: String,
    },
    /// The file is longer than the limit.
    #[error("{}: {bytes} bytes, over the limit of {limit}: raise `max_file_bytes` if the file is trusted", .path.display())]
    TooLarge {
        /// The file that was refused.
        path: PathBuf,
        /// Length of the file.
        bytes: u64,
        /// Most bytes allowed.
        limit: u64,
    },
    /// The plane that a decoder takes points in is open.
    #[error("{}: it does not say in which plane it takes points, and the encoder's input of {}x{} is not the {}x{} that its {}x{} cells make in most models: \
             give `coordinates = [W, H]` in the model's entry of the manifest, the image size that the decoder divides points by", .path.display(),
            .input.width, .input.height, 16 * .cells.width, 16 * .cells.height, .cells.width, .cells.height)]
    Coordinates {
        /// The decoder's file.
        path: PathBuf,
        /// The encoder's input.
        input: Size,
        /// The columns and rows of the embedding.
        cells: Size,
    },
    /// The graph has more nodes than the limit.
    #[error("{}: {nodes} nodes, over the limit of {limit}: simplify the model with onnxsim, or raise `max_nodes` if the file is trusted", .path.display())]
    TooManyNodes {
        /// The file that was refused.
        path: PathBuf,
        /// How many nodes the graph has.
        nodes: usize,
        /// Most nodes allowed.
        limit: usize,
    },
    /// The engine has no implementation of an operator in the graph.
    #[error("{}: node `{node}` ({operator}) cannot run: {reason}. {remedy}", .path.display())]
    UnsupportedOperator {
        /// The file that was refused.
        path: PathBuf,
        /// The node's name in the graph.
        node: String,
        /// The operator's ONNX name.
        operator: String,
        /// What the engine says about it.
        reason: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// An input or output is not what the family's models have.
    #[error("{}: {role} tensor `{tensor}`: expected {expected}, found {found}. Is this the right file for family `{family}`?{}",
            .path.display(), likely_family(.likely))]
    // Boxed to keep results small.
    Signature {
        /// The file that was refused.
        path: Box<Path>,
        /// The family that the file was loaded for.
        family: &'static str,
        /// The family whose names the file has, if that is another.
        likely: Option<&'static str>,
        /// Whether it goes in or comes out.
        role: TensorRole,
        /// The tensor's name in the graph.
        tensor: Box<str>,
        /// The family's type and shape of it.
        expected: Box<str>,
        /// The file's type and shape of it, or that it is missing.
        found: Box<str>,
    },
    /// What a graph holds at a time would take more memory than the limit.
    #[error("{}: {what} would take {bytes} bytes, over the limit of {limit}: use a smaller input size, or export a smaller model", .path.display())]
    TooMuchMemory {
        /// The file that was refused.
        path: PathBuf,
        /// What would take it: `its constants`, `a run`.
        what: &'static str,
        /// What it would take.
        bytes: u128,
        /// Most bytes allowed, or free on this machine.
        limit: u64,
    },
    /// A graph takes too long to prepare.
    #[error("{}: the graph is too intricate to prepare ({nodes} nodes, {steps} steps): simplify it with onnxsim, or export a smaller model",
            .path.display())]
    TooManySteps {
        /// The file that was refused.
        path: PathBuf,
        /// How many nodes it has.
        nodes: usize,
        /// The steps after which it was given up.
        steps: u64,
    },
    /// A tensor would take more memory than the limit.
    #[error("{}: tensor `{tensor}` would take {bytes} bytes, over the limit of {limit}: use a smaller input size", .path.display())]
    HostileShape {
        /// The file that was refused.
        path: PathBuf,
        /// The tensor's name in the graph.
        tensor: String,
        /// What it would take.
        bytes: u128,
        /// Most bytes allowed for one tensor.
        limit: u64,
    },
    /// No installed model has this name.
    #[error("no model named `{name}`{}: `foveate models list` shows what is installed", did_you_mean(.nearest))]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The installed name that is spelled most like it.
        nearest: Option<String>,
    },
    /// A manifest is wrong, or does not list what is needed.
    #[error("{}: {reason}: see docs/adding-a-model.md", .path.display())]
    Manifest {
        /// The manifest, or its folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file's SHA-256 is not that of the manifest.
    #[error("{}: SHA-256 is {found}, the manifest says {expected}: fetch the file again, or, if you changed it yourself, put its hash into the manifest", .path.display())]
    Checksum {
        /// The file that was refused.
        path: PathBuf,
        /// The checksum in the manifest, in hexadecimal digits.
        expected: String,
        /// The file's own checksum, in hexadecimal digits.
        found: String,
    },
    /// The manifest lists a file that is not there.
    #[error("{}: missing: fetch the file again, or remove the model from its manifest", .path.display())]
    MissingFile {
        /// The file that is missing.
        path: PathBuf,
    },
    /// The file cannot be converted, for example to 8-bit integers.
    #[error("{}: cannot be rewritten: {reason}", .path.display())]
    Rewrite {
        /// The file that was refused.
        path: PathBuf,
        /// What stands in the way.
        reason: String,
    },
    /// The model does not run at this input size.
    #[error("input size {}x{} does not suit model `{name}`: sides must be multiples of {multiple}, from {min} to {max}",
            .size.width, .size.height)]
    InputSize {
        /// The model's name.
        name: String,
        /// The size that was asked for, in pixels.
        size: Size,
        /// Sides must be multiples of this many pixels.
        multiple: u32,
        /// Shortest side in pixels.
        min: u32,
        /// Longest side in pixels.
        max: u32,
    },
    /// The model cannot replace the one of a stream that runs.
    #[error(
        "model `{name}` cannot take the place of the one that runs: {reason}. Choose another, or start the stream with it"
    )]
    Incompatible {
        /// The model's name.
        name: String,
        /// What differs between the two.
        reason: String,
    },
    /// What a graph makes is no number, or beyond all that a model works with.
    #[error(
        "running `{graph}` failed: its output `{output}` has values that are not finite numbers or beyond 1e12. Its weights \
             are broken or overflow in this precision: try `--precision f32`, or export the model again"
    )]
    NotFinite {
        /// Which graph ran: its file's name.
        graph: String,
        /// The output's name in the graph.
        output: String,
    },
    /// A file holds weights that are no numbers.
    #[error("{}: weights `{tensor}` have values that are not finite numbers: train or export the model again, or fetch the file \
             again", .path.display())]
    BrokenWeights {
        /// The file that was refused.
        path: PathBuf,
        /// The tensor's name in the graph.
        tensor: String,
    },
    /// The engine failed, or the model gave what is no answer.
    #[error("running `{graph}` failed: {reason}. Please report this with the model's name")]
    Run {
        /// Which graph ran.
        graph: String,
        /// What went wrong.
        reason: String,
    },
}

impl ModelError {
    /// The same of the file `now`, where it is of `before`: of the file that a user knows instead of a copy of it.
    pub(crate) fn of_file(mut self, before: &Path, now: &Path) -> Self {
        use ModelError as E;
        match &mut self {
            E::Signature { path, .. } if **path == *before => *path = now.into(),
            E::Unreadable { path, .. }
            | E::TooLarge { path, .. }
            | E::Coordinates { path, .. }
            | E::TooManyNodes { path, .. }
            | E::UnsupportedOperator { path, .. }
            | E::TooMuchMemory { path, .. }
            | E::TooManySteps { path, .. }
            | E::HostileShape { path, .. }
            | E::Rewrite { path, .. }
            | E::BrokenWeights { path, .. }
                if *path == before =>
            {
                *path = now.into();
            }
            _ => {}
        }
        self
    }
}

fn likely_family(likely: &Option<&str>) -> String {
    likely.map(|family| format!(" It looks like one of family `{family}`.")).unwrap_or_default()
}
