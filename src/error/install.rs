use std::path::PathBuf;

/// Why a model was not installed. Nothing is left of what was begun.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// The name cannot be a model's.
    #[error(
        "`{name}` is no name for a model ({reason}): take up to 64 lower-case letters, digits, `-`, `_` and `.`, the first a letter or a digit"
    )]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There is a model of this name.
    #[error("there is a model `{name}` in {place}: {remedy}")]
    Exists {
        /// The name.
        name: String,
        /// Where its manifest is.
        place: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The model's folder is there, and is not wholly a model's.
    #[error("{}: {reason}: move it away, or choose another name", .path.display())]
    Occupied {
        /// The folder, or what lies in it.
        path: PathBuf,
        /// What it is.
        reason: &'static str,
    },
    /// There is no folder for a user's models.
    #[error("there is no folder for models, because neither HOME nor XDG_DATA_HOME is set: give one with --models-dir")]
    NoFolder,
    /// The two files were given the wrong way round.
    #[error("{} is the decoder and {} the encoder of family `{family}`: exchange the two", .encoder.display(), .decoder.display())]
    Swapped {
        /// What was given as the encoder.
        encoder: PathBuf,
        /// What was given as the decoder.
        decoder: PathBuf,
        /// Whose files they are.
        family: &'static str,
    },
    /// No family has these files.
    #[error(
        "these files are of no family that foveate knows.\n{report}Export them with these tensors, name the family with --family if the \
         names alone differ, or see docs/adding-a-model-family.md"
    )]
    NotRecognized {
        /// What the files have, and what each family lacks in them, one line each.
        report: String,
    },
    /// The encoder's input is not of the size that was asked for.
    #[error("{}: its input is fixed at {}x{} pixels, and {}x{} was asked for: leave --input-size out, or export it for that size",
            .path.display(), .found[0], .found[1], .asked[0], .asked[1])]
    FixedInput {
        /// The encoder's file.
        path: PathBuf,
        /// Width and height of its input.
        found: [usize; 2],
        /// What was asked for.
        asked: [u32; 2],
    },
    /// The licence forbids something that users must know of.
    #[error("`{name}` is under a licence for {terms}. Give --accept-licence if you agree")]
    Terms {
        /// The model.
        name: String,
        /// What it is for, and what it forbids.
        terms: String,
    },
    /// The model ran on a photo, and what it gave is no answer.
    #[error("the model does not prove itself on {photo}: {reason}")]
    Unproven {
        /// The photo.
        photo: String,
        /// What is wrong with the masks, and what to try.
        reason: String,
    },
    /// Ctrl-C.
    #[error("stopped before the end: nothing was installed")]
    Stopped,
}
