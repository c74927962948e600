use super::in_words;
use crate::geometry::Size;

/// Why the pipeline stopped, when no other part is to blame.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// The system refused a thread.
    #[error("cannot start the {stage} thread: {source}. Raise the process limit (`ulimit -u`)")]
    Spawn {
        /// The stage's name.
        stage: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The system refused a thread's cores or scheduling.
    #[error("the {stage} thread: {reason}")]
    Placement {
        /// The stage's name.
        stage: String,
        /// What it refused, and what to do about it.
        reason: String,
    },
    /// The least that a stream keeps takes more memory than it may.
    #[error("frames of {}x{} pixels take {} each, and a stream of them {} at least, over the limit of {}: give --max-memory {}M, \
             or scale the frames first", .size.width, .size.height, in_words(*.frame), in_words(*.needed), in_words(*.limit),
            .needed.div_ceil(1 << 20))]
    Memory {
        /// The frames' size in pixels.
        size: Size,
        /// Bytes of one frame.
        frame: u64,
        /// Bytes that the stream takes.
        needed: u64,
        /// Most bytes allowed.
        limit: u64,
    },
    /// The stream was not started so that its model can be replaced.
    #[error("model `{model}` cannot be put in while the stream runs: start it with `Pipeline::exchangeable`")]
    NotExchangeable {
        /// The model that was to be put in.
        model: String,
    },
    /// A stage panicked, which is a bug.
    #[error("the {stage} thread panicked: please report this with the message printed above")]
    Panicked {
        /// The stage's name.
        stage: String,
    },
}
