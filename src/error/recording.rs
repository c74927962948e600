use std::path::PathBuf;

use crate::geometry::Size;

/// Why a recording cannot be read, or why it ends.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// A file is no recording of a run.
    #[error("{}: not a recording ({reason}): give a file that `foveate record` or the sink `mcap:FILE` wrote", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A recording that cannot be given to a session again.
    #[error("{}: it cannot be replayed: {reason}", .path.display())]
    NotReplayable {
        /// The file.
        path: PathBuf,
        /// What it lacks, and what to do.
        reason: String,
    },
    /// A new recording would take the name of something that is there.
    #[error("{}: it exists, and a recording is never written over what is there: give another name, or delete it", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Writing failed; the recording ends before what could not be written.
    #[error(
        "{}: the recording stopped ({source}); {lost} frames that waited to be written are not in it, nor is what follows. What was \
         written before is whole. Free some space, or record to another disk", .path.display()
    )]
    Stopped {
        /// The file.
        path: PathBuf,
        /// Frames that were lost with the part that could not be written.
        lost: u64,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A frame is too large to be recorded.
    #[error("{}: frames of {}x{} pixels are too large to be recorded: scale them first", .path.display(), .size.width, .size.height)]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The frame's size in pixels.
        size: Size,
    },
    /// A frame came after the recording had stopped.
    #[error("{}: the recording has stopped, see above: this is not in it", .path.display())]
    After {
        /// The file.
        path: PathBuf,
    },
}
