//! Following selected objects from frame to frame.
//!
//! The state of one object is a [`Follower`]. Between frames its last logits are the next frame's mask prompt and its
//! last box, moved by the box's own velocity, is the box prompt; among the decoder's candidates the one that agrees best
//! with the last mask is taken.

mod follower;
mod motion;

use serde::{Deserialize, Serialize};

pub use follower::{Follower, FollowerConfig, Measured, Outcome, most_confident};

/// Identity of a selected object for the life of its selection; given by the person, the script or the selector.
pub type ObjectId = u32;

/// How sure the tracker is of an object in one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectState {
    /// A prompt was answered on this very frame.
    #[default]
    Selected,
    /// Carried forward from an earlier frame.
    Tracked,
    /// Not found in this frame; its record has no mask.
    Lost,
}
