//! Following selected objects from frame to frame.

use serde::{Deserialize, Serialize};

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
