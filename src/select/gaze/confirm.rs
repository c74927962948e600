use std::time::Duration;

use serde::Deserialize;

use crate::time::Timestamp;

/// What a user selects with when their eyes only point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A button or key.
    Button,
    /// Two fingers closed in the air.
    Pinch,
    /// A touch on any surface.
    Touch,
    /// A spoken word.
    Voice,
}

impl Channel {
    /// How long before the event the decision shows at the latest: the hand begins to move, the word begins. Gaze often
    /// leaves before the event itself.
    pub fn typical_lead(self) -> Duration {
        Duration::from_millis(match self {
            Channel::Button => 120,
            Channel::Pinch => 180,
            Channel::Touch => 250,
            Channel::Voice => 500,
        })
    }
}

/// "That one": an event of another channel than gaze.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirm {
    /// What the user confirmed with.
    pub channel: Channel,
    /// When the event came: the press, the contact, the end of the word.
    pub at: Timestamp,
    /// When the hand began to move or the word began, if that is known.
    pub began_at: Option<Timestamp>,
}

impl Confirm {
    /// The moment at which gaze was on what is meant.
    pub fn meant_at(&self) -> Timestamp {
        self.began_at.filter(|began| *began <= self.at).unwrap_or(self.at - self.channel.typical_lead())
    }
}

/// What a user does beside looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GazeSignal {
    /// What gaze rested on is meant.
    Confirm(Confirm),
    /// The last selection is not.
    Undo {
        /// When the user took it back, on the capture clock.
        at: Timestamp,
    },
}
