use super::super::{Channel, GazeDisc};
use crate::geometry::Point;
use crate::time::Timestamp;

/// What a [`DwellSelector`](super::DwellSelector) reports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SelectEvent {
    /// Gaze rests; a selection begins.
    Onset {
        /// When this was certain, on the capture clock.
        at: Timestamp,
        /// Where gaze is, in pixels of the frame.
        point: Point,
        /// Where gaze rests, and how surely.
        disc: GazeDisc,
    },
    /// The selection is under way; `fraction` of the dwell is done, at most 1.
    Progress {
        /// When, on the capture clock.
        at: Timestamp,
        /// Where gaze is, in pixels of the frame.
        point: Point,
        /// Share of the dwell that is done, 0 to 1.
        fraction: f32,
    },
    /// The selection is made.
    Commit(GazeSelection),
    /// The selection that had begun is off.
    Cancelled {
        /// When, on the capture clock.
        at: Timestamp,
        /// Why.
        reason: CancelReason,
    },
    /// The last selection is taken back.
    Undone {
        /// When, on the capture clock.
        at: Timestamp,
    },
}

/// Why a begun selection was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelReason {
    /// Gaze moved on.
    Moved,
    /// The eye was not seen for longer than a blink.
    EyeLost,
}

/// What completed a selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Gaze rested for long enough.
    Dwell,
    /// Another channel than gaze confirmed it.
    Confirmed(Channel),
}

/// A selection by gaze.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GazeSelection {
    /// The sample that completed the dwell, or the confirmation.
    pub committed_at: Timestamp,
    /// What completed it.
    pub cause: Cause,
    /// When gaze came to rest.
    pub fixation_started_at: Timestamp,
    /// The moment that `disc` belongs to: apply the prompt to the frame of this time. It lies a little before
    /// the commit, since an object that gaze follows has moved since the fixation began; for a confirmation it is when the hand
    /// began to move.
    pub prompt_at: Timestamp,
    /// The robust centre of gaze around `prompt_at`, and how far off it may be.
    pub disc: GazeDisc,
    /// It was confirmed, or looked at for so long or so often that it is meant, however doubtful it seems.
    pub insistent: bool,
}
