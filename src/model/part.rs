use serde::{Deserialize, Serialize};

/// Which of a model's two graphs a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// From an image to its embedding.
    Encoder,
    /// From an embedding and prompts to masks.
    Decoder,
}

impl Part {
    /// `encoder` or `decoder`.
    pub const fn name(self) -> &'static str {
        match self {
            Part::Encoder => "encoder",
            Part::Decoder => "decoder",
        }
    }
}
