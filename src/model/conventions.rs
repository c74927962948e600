use serde::{Deserialize, Serialize};

use crate::geometry::Size;

/// What a model's masks are rated by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ranking {
    /// The decoder's own rating; by stability where its file has none.
    #[default]
    Predicted,
    /// How little a mask depends on its threshold ([`crate::mask::stability_score`]): for decoders whose rating is untrained, as
    /// EdgeSAM's.
    Stability,
}

/// What a manifest says of a model's decoder beyond its files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Conventions {
    /// The plane that it takes points in; `None` leaves it to the file.
    pub coordinates: Option<Size>,
    /// What its masks are rated by.
    pub ranking: Ranking,
}
