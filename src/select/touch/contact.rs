use crate::geometry::Point;
use crate::time::Timestamp;

/// Identity of a contact from its first touch to its end; a source gives each contact a new one.
pub type ContactId = u32;

/// What a finger, a pen or a mouse button did at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contact {
    /// The same from the contact's first touch to its end.
    pub id: ContactId,
    /// What it did.
    pub phase: Phase,
    /// On the screen as it is seen: x from 0 at its left to 1 at its right edge, y from 0 at its top to 1 at its bottom.
    pub position: Point,
    /// When the device reported it, on the capture clock. What it reported together has one time.
    pub at: Timestamp,
}

/// The part of a contact's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// It began to touch.
    Down,
    /// It moved while it touched.
    Move,
    /// It lifted.
    Up,
    /// It ended otherwise than by lifting: a palm, a lost device, an end that was missed. It means nothing.
    Cancel,
}
