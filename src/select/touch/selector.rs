use super::stroke::Stroke;
use super::{Contact, ContactId, GestureKind, Phase, TouchConfig, TouchGesture, Viewport};
use crate::geometry::{BoundingBox, Point};
use crate::time::Timestamp;

/// More contacts at once than hands have fingers are a palm or a broken screen.
const MAX_FINGERS: usize = 10;

/// Turns contacts into gestures; no clock and no device of its own.
///
/// From the first finger down to the last one up the fingers make at most one gesture each: one finger a tap, a long press
/// or a stroke; two that come together one tap of both; a finger that rests before the second comes is its anchor, makes no
/// gesture itself, and may follow a moving object. Three fingers, two that move, a cancelled contact, and a touch that begins
/// beside the image mean nothing.
#[derive(Clone, Debug)]
pub struct TouchSelector {
    config: TouchConfig,
    view: Viewport,
    fingers: Vec<Finger>,
    hand: Hand,
    last_tap: Option<LastTap>,
    /// The contacts of one report, in the order in which they are taken.
    report: Vec<Contact>,
}

#[derive(Clone, Debug)]
struct Finger {
    id: ContactId,
    down_at: Timestamp,
    /// Where it came down, on the screen.
    origin: Point,
    /// Where it is now, on the screen.
    position: Point,
    /// Where its partner rested when it came down, on the screen.
    resting: Point,
    stroke: Stroke,
}

/// What the fingers on the screen are together.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Hand {
    /// At most one finger.
    Single,
    /// A finger that rests, and others that tap one after the other.
    Anchored { anchor: ContactId },
    /// Two that came together; `since` the first of them came.
    Pair { since: Timestamp },
    /// Nothing any more, until all are gone.
    Spoiled,
}

#[derive(Clone, Copy, Debug)]
struct LastTap {
    /// When the first tap of the row came down.
    first_at: Timestamp,
    lifted_at: Timestamp,
    /// In dp.
    point: Point,
}

impl TouchSelector {
    /// A selector for a screen that shows frames as `view` says.
    pub fn new(config: TouchConfig, view: Viewport) -> Self {
        TouchSelector { config, view, fingers: Vec::new(), hand: Hand::Single, last_tap: None, report: Vec::new() }
    }

    /// Takes what the device reported at one moment, in any order, and appends the gestures that it completes to `out`.
    /// Reports come in the order of their time.
    pub fn push(&mut self, report: &[Contact], out: &mut Vec<TouchGesture>) {
        // Neither the order of slots in a report nor the numbers of contacts may make a difference: contacts that there
        // are go first, so that a lift and a touch at one moment are two fingers one after the other. An anchor outlasts
        // what lifts with it.
        let mut ordered = std::mem::take(&mut self.report);
        ordered.clear();
        ordered.extend_from_slice(report);
        let rank = |contact: &Contact| {
            let known = self.fingers.iter().any(|f| f.id == contact.id);
            let anchor = self.hand == Hand::Anchored { anchor: contact.id };
            (!known, contact.phase, anchor)
        };
        ordered.sort_by(|a, b| {
            let place = a.position.x.total_cmp(&b.position.x).then(a.position.y.total_cmp(&b.position.y));
            rank(a).cmp(&rank(b)).then(place).then(a.id.cmp(&b.id))
        });
        for contact in &ordered {
            self.take(contact, out);
        }
        self.report = ordered;
    }

    fn take(&mut self, contact: &Contact, out: &mut Vec<TouchGesture>) {
        let known = self.fingers.iter().position(|f| f.id == contact.id);
        match (contact.phase, known) {
            (Phase::Down, None) => self.down(contact),
            // A contact that comes down twice has lost its end.
            (Phase::Down, Some(at)) => {
                self.fingers.remove(at);
                self.hand = Hand::Spoiled;
                self.down(contact);
            }
            (Phase::Move, Some(at)) => self.moved(at, contact.position),
            (Phase::Up, Some(at)) => {
                self.moved(at, contact.position);
                let finger = self.fingers.remove(at);
                self.lifted(&finger, contact.at, out);
                self.rest();
            }
            (Phase::Cancel, Some(at)) => {
                self.fingers.remove(at);
                self.spoil();
                self.rest();
            }
            (Phase::Move | Phase::Up | Phase::Cancel, None) => {}
        }
    }

    fn down(&mut self, contact: &Contact) {
        if self.fingers.len() >= MAX_FINGERS {
            return self.spoil();
        }
        let resting = self.fingers.first().map_or(contact.position, |f| f.position);
        match (self.hand, self.fingers.as_slice()) {
            (Hand::Single, []) => {}
            (Hand::Single, [first]) if first.stroke.moved() => self.spoil(),
            (Hand::Single, [first]) if contact.at.since(first.down_at) >= self.config.pressed => {
                self.hand = Hand::Anchored { anchor: first.id };
            }
            (Hand::Single, [first]) => self.hand = Hand::Pair { since: first.down_at },
            (Hand::Anchored { anchor }, [first]) if first.id == anchor => {}
            _ => self.spoil(),
        }
        if !contact.position.is_finite() {
            self.spoil();
        }
        let stroke = Stroke::new(self.view.to_dp(contact.position), self.config.slop_dp);
        let position = contact.position;
        let finger = Finger { id: contact.id, down_at: contact.at, origin: position, position, resting, stroke };
        self.fingers.push(finger);
    }

    fn moved(&mut self, at: usize, to: Point) {
        if !to.is_finite() {
            return;
        }
        let to_dp = self.view.to_dp(to);
        let Some(finger) = self.fingers.get_mut(at) else { return };
        finger.position = to;
        finger.stroke.extend(to_dp);
        let (id, moved) = (finger.id, finger.stroke.moved());
        match self.hand {
            Hand::Pair { .. } if moved => self.spoil(),
            Hand::Anchored { anchor } if moved && id != anchor => self.spoil(),
            _ => {}
        }
    }

    fn lifted(&mut self, finger: &Finger, at: Timestamp, out: &mut Vec<TouchGesture>) {
        let soon = at.since(finger.down_at) < self.config.long_press;
        match self.hand {
            Hand::Single if !self.view.shows(finger.origin) => self.last_tap = None,
            Hand::Single if finger.stroke.moved() => {
                self.last_tap = None;
                out.push(TouchGesture { made_at: finger.down_at, kind: self.stroke(finger) });
            }
            Hand::Single if soon => out.push(self.tap(finger, at)),
            Hand::Single => {
                self.last_tap = None;
                let point = self.view.to_frame_clamped(finger.origin);
                out.push(TouchGesture { made_at: finger.down_at, kind: GestureKind::LongPress { point } });
            }
            // The anchor leaves: what is still down has nothing to rest on.
            Hand::Anchored { anchor } if finger.id == anchor => self.spoil(),
            Hand::Anchored { .. } if soon && self.view.shows(finger.origin) => {
                self.last_tap = None;
                let point = self.view.to_frame_clamped(finger.origin);
                let resting = self.view.to_frame_clamped(finger.resting);
                out.push(TouchGesture { made_at: finger.down_at, kind: GestureKind::SecondTap { point, resting } });
            }
            Hand::Anchored { .. } => {}
            Hand::Pair { since } if self.fingers.is_empty() => {
                self.last_tap = None;
                if at.since(since) < self.config.long_press {
                    out.push(TouchGesture { made_at: since, kind: GestureKind::TwoFingerTap });
                }
            }
            Hand::Pair { .. } | Hand::Spoiled => {}
        }
    }

    /// The next sequence starts afresh when no finger is left.
    fn rest(&mut self) {
        if self.fingers.is_empty() {
            self.hand = Hand::Single;
        }
    }

    fn spoil(&mut self) {
        self.hand = Hand::Spoiled;
        self.last_tap = None;
    }

    fn tap(&mut self, finger: &Finger, lifted_at: Timestamp) -> TouchGesture {
        let at_dp = self.view.to_dp(finger.origin);
        let point = self.view.to_frame_clamped(finger.origin);
        let before = self.last_tap.filter(|tap| {
            finger.down_at.since(tap.lifted_at) <= self.config.double_tap
                && tap.point.distance(at_dp) <= self.config.double_tap_slop_dp
        });
        let first_at = before.map_or(finger.down_at, |tap| tap.first_at);
        self.last_tap = Some(LastTap { first_at, lifted_at, point: at_dp });
        let kind = match before {
            Some(_) => GestureKind::DoubleTap { point, first_at },
            None => GestureKind::Tap { point },
        };
        TouchGesture { made_at: finger.down_at, kind }
    }

    fn stroke(&self, finger: &Finger) -> GestureKind {
        if finger.stroke.is_drag() {
            let (a, b) = (self.view.to_frame_clamped(finger.origin), self.view.to_frame_clamped(finger.position));
            let bbox = BoundingBox::new(a.x.min(b.x), a.y.min(b.y), a.x.max(b.x), a.y.max(b.y));
            return GestureKind::Drag { bbox };
        }
        let to_frame = |dp: Point| self.view.to_frame_clamped(self.view.from_dp(dp));
        let points = finger.stroke.sample(self.config.scribble_points).into_iter().map(to_frame).collect();
        GestureKind::Scribble { points }
    }
}
