use evdevil::event::{Abs, EventKind, InputEvent, Key, KeyState, Rel, Syn};

use super::screen::ScreenMap;
use crate::select::touch::{Contact, ContactId, Phase};
use crate::time::Timestamp;

/// No contact in a slot.
pub const NONE: i32 = -1;

/// The kernel's name for a palm in `ABS_MT_TOOL_TYPE`.
const TOOL_PALM: i32 = 2;

/// How a device reports its contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Multi-touch protocol B: so many slots.
    Slots(usize),
    /// One contact while this key is held, at `ABS_X` and `ABS_Y`.
    Single { touch: Key },
    /// A pointer that moves by steps, and one contact while the left button is held.
    Relative,
}

/// What the kernel knows of a device at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// The slot that the next values belong to.
    pub slot: usize,
    /// Of each slot the tracking id ([`NONE`] for no contact) and the position. A device without slots has one.
    pub slots: Vec<(i32, i32, i32)>,
}

/// What an event asks of the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Go,
    /// Events were lost: read the device's state and give it to [`Tracker::adopt`].
    Resync,
}

/// Turns a device's events into contacts. It keeps the whole state, since the kernel passes on only values that changed.
#[derive(Debug)]
pub struct Tracker {
    protocol: Protocol,
    map: ScreenMap,
    slot: usize,
    slots: Vec<Slot>,
    last_id: ContactId,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    tracking: i32,
    x: i32,
    y: i32,
    /// The contact that was reported and has not ended.
    contact: Option<ContactId>,
    /// How the reported contact ends with the next report, and where it was last.
    ending: Option<(Phase, i32, i32)>,
    /// The contact of this tracking id has ended, though the id stays: a palm.
    over: bool,
    changed: bool,
}

/// A relative pointer's screen, in steps.
pub const POINTER_STEPS: (i32, i32) = (1600, 1000);

impl Tracker {
    pub fn new(protocol: Protocol, map: ScreenMap) -> Self {
        let (x, y) = if protocol == Protocol::Relative { (POINTER_STEPS.0 / 2, POINTER_STEPS.1 / 2) } else { (0, 0) };
        let slot = Slot { tracking: NONE, x, y, contact: None, ending: None, over: false, changed: false };
        let count = if let Protocol::Slots(count) = protocol { count } else { 1 };
        Tracker { protocol, map, slot: 0, slots: vec![slot; count], last_id: 0 }
    }

    /// Takes the next event; contacts of a report that is complete are appended to `out`.
    pub fn take(&mut self, event: &InputEvent, at: Timestamp, out: &mut Vec<Contact>) -> Next {
        match event.kind() {
            EventKind::Syn(syn) if syn.syn() == Syn::REPORT => self.report(at, out),
            EventKind::Syn(syn) if syn.syn() == Syn::DROPPED => return Next::Resync,
            EventKind::Abs(abs) => self.absolute(abs.abs(), abs.value()),
            EventKind::Rel(rel) if self.protocol == Protocol::Relative => self.relative(rel.rel(), rel.value()),
            EventKind::Key(key) => self.key(key.key(), key.state()),
            _ => {}
        }
        Next::Go
    }

    /// Takes the device's state as it is at `at`, after opening it or after lost events. Contacts whose end was missed are
    /// cancelled, those that are new come down.
    pub fn adopt(&mut self, state: &State, at: Timestamp, out: &mut Vec<Contact>) {
        self.slot = state.slot;
        for (slot, &(tracking, x, y)) in self.slots.iter_mut().zip(&state.slots) {
            // A report that was cut off by the loss may have begun to end it.
            let ended = slot.ending.take().is_some();
            if slot.contact.is_some() && (ended || slot.tracking != tracking) {
                slot.ending = Some((Phase::Cancel, slot.x, slot.y));
            }
            slot.over &= slot.tracking == tracking;
            slot.tracking = tracking;
            if self.protocol != Protocol::Relative {
                (slot.x, slot.y) = (x, y);
            }
            slot.changed = true;
        }
        self.report(at, out);
    }

    /// Ends every contact; the device went away.
    pub fn cancel_all(&mut self, at: Timestamp, out: &mut Vec<Contact>) {
        for slot in &mut self.slots {
            slot.tracking = NONE;
            slot.ending = slot.contact.map(|_| (Phase::Cancel, slot.x, slot.y));
        }
        self.report(at, out);
    }

    fn absolute(&mut self, axis: Abs, value: i32) {
        match (self.protocol, axis) {
            (Protocol::Slots(_), Abs::MT_SLOT) => self.slot = usize::try_from(value).unwrap_or(usize::MAX),
            (Protocol::Slots(_), axis) => {
                let Some(slot) = self.slots.get_mut(self.slot) else { return };
                match axis {
                    Abs::MT_TRACKING_ID => slot.track(value),
                    Abs::MT_POSITION_X => (slot.x, slot.changed) = (value, true),
                    Abs::MT_POSITION_Y => (slot.y, slot.changed) = (value, true),
                    Abs::MT_TOOL_TYPE if value == TOOL_PALM => slot.end(Phase::Cancel),
                    _ => {}
                }
            }
            (Protocol::Single { .. }, axis) => {
                let Some(slot) = self.slots.first_mut() else { return };
                match axis {
                    Abs::X => (slot.x, slot.changed) = (value, true),
                    Abs::Y => (slot.y, slot.changed) = (value, true),
                    _ => {}
                }
            }
            (Protocol::Relative, _) => {}
        }
    }

    fn relative(&mut self, axis: Rel, by: i32) {
        let Some(slot) = self.slots.first_mut() else { return };
        match axis {
            Rel::X => slot.x = slot.x.saturating_add(by).clamp(0, POINTER_STEPS.0),
            Rel::Y => slot.y = slot.y.saturating_add(by).clamp(0, POINTER_STEPS.1),
            _ => return,
        }
        slot.changed = true;
    }

    fn key(&mut self, key: Key, state: KeyState) {
        let touch = match self.protocol {
            Protocol::Slots(_) => return,
            Protocol::Single { touch } => touch,
            Protocol::Relative => Key::BTN_LEFT,
        };
        let Some(slot) = self.slots.first_mut().filter(|_| key == touch) else { return };
        match state {
            KeyState::PRESSED => slot.track(0),
            KeyState::RELEASED => slot.track(NONE),
            _ => {}
        }
    }

    /// Gives what the report that ends here changed: ends first, since a slot may hold a new contact in the same report.
    fn report(&mut self, at: Timestamp, out: &mut Vec<Contact>) {
        let map = self.map;
        let contact = |id, phase, (x, y)| Contact { id, phase, position: map.place(x, y), at };
        for slot in &mut self.slots {
            if let (Some((phase, x, y)), Some(id)) = (slot.ending.take(), slot.contact) {
                out.push(contact(id, phase, (x, y)));
                slot.contact = None;
            }
        }
        for slot in &mut self.slots {
            let changed = std::mem::take(&mut slot.changed);
            if slot.tracking == NONE || slot.over {
                continue;
            }
            match slot.contact {
                Some(id) if changed => out.push(contact(id, Phase::Move, (slot.x, slot.y))),
                Some(_) => {}
                None => {
                    self.last_id = self.last_id.wrapping_add(1);
                    slot.contact = Some(self.last_id);
                    out.push(contact(self.last_id, Phase::Down, (slot.x, slot.y)));
                }
            }
        }
    }
}

impl Slot {
    /// Takes a new tracking id; another one than before is another contact, also without a lift between them.
    fn track(&mut self, id: i32) {
        let id = id.max(NONE);
        if id == self.tracking {
            return;
        }
        self.end(Phase::Up);
        self.tracking = id;
        self.over = false;
    }

    /// Ends the contact with the next report, unless it is ending already.
    fn end(&mut self, phase: Phase) {
        self.over = true;
        if self.contact.is_some() && self.ending.is_none() {
            self.ending = Some((phase, self.x, self.y));
        }
    }
}

#[cfg(test)]
mod tests;
