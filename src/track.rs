//! Following selected objects from frame to frame.
//!
//! The state of one object is a [`Follower`]. What it remembers of earlier frames ([`memory`]) says where it should be in the
//! present one: that is the decoder's mask prompt, and its extent the box prompt; among the decoder's candidates the one
//! that agrees best with it is taken. Where a model's embedding cannot be compared, the last logits are the mask prompt and
//! the last box, moved by its own velocity, is the box prompt. What the user took out of the object ([`Excluded`]) goes along as
//! background points.

mod excluded;
pub mod flow;
mod follower;
pub mod memory;
mod motion;
mod motion_propagator;
pub mod overlap;

use serde::{Deserialize, Serialize};

pub use excluded::Excluded;
pub use follower::{Follower, FollowerConfig, Measured, Outcome};
pub use motion_propagator::MotionPropagator;

/// Identity of a selected object for the life of its selection; given by the user, the script or the selector.
pub type ObjectId = u32;

/// How sure the tracker is of an object in one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectState {
    /// A prompt was answered on this very frame.
    #[default]
    Selected,
    /// Propagated from an earlier frame.
    Tracked,
    /// Not found in this frame; its record has no mask.
    Lost,
}
