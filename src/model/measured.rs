use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::engine::Precision;
use crate::error::{Error, IoError, ModelError};

/// File beside a manifest with what was measured of its model on this machine. It pins nothing, and may be deleted.
pub const MEASURED_FILE: &str = "measured.toml";

/// How fast a model was when it was installed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// The model that it was measured of.
    pub model: String,
    /// The processor.
    pub machine: String,
    /// The program's version.
    pub foveate: String,
    /// One for each precision that was run.
    #[serde(rename = "run")]
    pub runs: Vec<MeasuredRun>,
}

/// The figures of one precision; each is the median of a few runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasuredRun {
    /// What it computed in.
    pub precision: Precision,
    /// Threads that computed.
    pub threads: usize,
    /// Width and height of the encoder's input.
    pub input: [u32; 2],
    /// Milliseconds of the encoder for one image, preprocessing included.
    pub encoder_ms: f64,
    /// Milliseconds of the decoder for a prompt of one point, with the masks at the photo's size.
    pub decoder_ms: f64,
}

impl Measured {
    /// What is kept in `folder` of the model called `model`; `None` where nothing was measured.
    ///
    /// # Errors
    /// [`ModelError::Manifest`] for a file that cannot be understood.
    pub fn load(folder: &Path, model: &str) -> Result<Option<Self>, Error> {
        let path = folder.join(MEASURED_FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(IoError::when("read", &path)(error).into()),
        };
        let measured: Measured = toml::from_str(&text).map_err(|error| {
            let reason = format!("{} (it may be deleted)", error.to_string().trim().replace('\n', " "));
            ModelError::Manifest { path, reason }
        })?;
        Ok((measured.model == model).then_some(measured))
    }

    /// The fastest run.
    pub fn fastest(&self) -> Option<&MeasuredRun> {
        self.runs.iter().min_by(|a, b| a.encoder_ms.total_cmp(&b.encoder_ms))
    }
}
