use serde::{Deserialize, Serialize};

use crate::engine::{Device, Precision};
use crate::geometry::Size;

/// Which files an encoder and its decoder are of, and how they run: two of equal identities give the same masks for the same frames on
/// one machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ModelIdentity {
    /// The model's name in its manifest.
    pub name: String,
    /// SHA-256 of the encoder's file, or of all its parts' ([`FileSpec::hash_of_all`](super::FileSpec::hash_of_all)).
    pub encoder_sha256: String,
    /// The same of the decoder's.
    pub decoder_sha256: String,
    /// What the encoder computes in.
    pub precision: Precision,
    /// What the encoder runs on.
    pub device: Device,
    /// The encoder's input in pixels.
    pub input: Size,
}

impl ModelIdentity {
    /// Whether the files are those of `other`, however they run.
    pub fn has_files_of(&self, other: &ModelIdentity) -> bool {
        (&self.encoder_sha256, &self.decoder_sha256) == (&other.encoder_sha256, &other.decoder_sha256)
    }
}
