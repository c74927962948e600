use serde::{Deserialize, Serialize};

use crate::track::FollowerConfig;

/// How many objects are followed, and how.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SessionConfig {
    /// Objects followed at once, at least one; a further selection releases the oldest.
    pub max_objects: usize,
    /// Objects decoded on one frame, at least one; more take turns, and are moved with the image in between.
    pub decodes_per_frame: usize,
    /// Encoded frames kept for requests that arrive late; each holds a frame and an embedding.
    pub prompt_history: usize,
    /// When an object counts as lost.
    pub follower: FollowerConfig,
}

impl SessionConfig {
    /// Objects that are decoded on one frame where nobody says otherwise.
    pub const DECODES_PER_FRAME: usize = 3;
}

impl Default for SessionConfig {
    fn default() -> Self {
        SessionConfig {
            max_objects: 12,
            decodes_per_frame: Self::DECODES_PER_FRAME,
            prompt_history: 8,
            follower: FollowerConfig::default(),
        }
    }
}
