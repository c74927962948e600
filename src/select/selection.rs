//! What becomes of a selection: from the first rest of gaze or finger to its release.
//!
//! ```text
//!           rest            preview                answer             refine
//!  idle ───────────► hovering ─────► previewing ───────────► selected ◄────────► refining
//!    ▲                  │                │                   │      ▲               │
//!    └──────────────────┴────────────────┘              lost │      │ found         │
//!                    give up                                 ▼      │               ▼
//!                                                            lost ──┴──release──► released
//! ```
//!
//! One pointer hovers and previews; any number of selections live beside each other.

use crate::time::Timestamp;

/// Identity of a selection; the same number as that of the object that is followed for it.
pub type SelectionId = u32;

/// Where a selection, or the pointer that may become one, stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Nothing is pointed at.
    Idle,
    /// Gaze rests, or a finger does: something may be meant.
    Hovering,
    /// What seems to be meant is known.
    Previewing,
    /// It is selected and followed.
    Selected,
    /// A further prompt is being answered.
    Refining,
    /// It is selected, but not found.
    Lost,
    /// It is let go; the selection is over.
    Released,
}

impl Phase {
    /// The name in events.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Idle => "idle",
            Phase::Hovering => "hovering",
            Phase::Previewing => "previewing",
            Phase::Selected => "selected",
            Phase::Refining => "refining",
            Phase::Lost => "lost",
            Phase::Released => "released",
        }
    }
}

/// Something that may move a selection on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The pointer came to rest.
    Rest,
    /// What it rests on is known.
    Preview,
    /// The pointer went on, or what it pointed at was refused.
    GiveUp,
    /// A prompt was answered with a mask.
    Answer(SelectionId),
    /// A further prompt was made.
    Refine(SelectionId),
    /// A further prompt was refused: the selection is what it was.
    Refuse(SelectionId),
    /// The selected object is not found any more.
    Lose(SelectionId),
    /// The lost object is found again.
    Find(SelectionId),
    /// The selection is given up.
    Release(SelectionId),
}

/// When a transition was caused, seen and reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// When the user did what caused it; `None` if nobody did anything.
    pub input: Option<Timestamp>,
    /// Capture time of the frame that it is about.
    pub frame: Option<Timestamp>,
    /// When it leaves the pipeline.
    pub output: Timestamp,
}

/// A step from one phase to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// `None` while the pointer has selected nothing.
    pub selection: Option<SelectionId>,
    /// The phase that ended.
    pub from: Phase,
    /// The phase that began.
    pub to: Phase,
    /// When it was caused, seen and reported.
    pub times: Times,
}

/// The state of the pointer and of all selections.
#[derive(Clone, Debug)]
pub struct Selections {
    pointer: Phase,
    all: Vec<(SelectionId, Phase)>,
}

impl Default for Selections {
    fn default() -> Self {
        Selections { pointer: Phase::Idle, all: Vec::new() }
    }
}

impl Selections {
    /// The phase of a selection; `None` if there never was one of that id, or it was released.
    pub fn phase(&self, id: SelectionId) -> Option<Phase> {
        self.all.iter().find(|(other, _)| *other == id).map(|(_, phase)| *phase)
    }

    /// Idle, hovering or previewing.
    pub fn pointer(&self) -> Phase {
        self.pointer
    }

    /// Selections that are not released.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Moves on by `signal`; `None` if it changes nothing, as a second loss of a lost object does.
    pub fn signal(&mut self, signal: Signal, times: Times) -> Option<Transition> {
        use Phase::*;
        let (selection, from, to) = match signal {
            Signal::Rest => (None, self.pointer, Hovering),
            Signal::Preview => (None, self.pointer, Previewing),
            Signal::GiveUp => (None, self.pointer, Idle),
            Signal::Answer(id) => (Some(id), self.phase(id).unwrap_or(self.pointer), Selected),
            Signal::Refine(id) => (Some(id), self.phase(id)?, Refining),
            Signal::Refuse(id) | Signal::Find(id) => (Some(id), self.phase(id)?, Selected),
            Signal::Lose(id) => (Some(id), self.phase(id)?, Lost),
            Signal::Release(id) => (Some(id), self.phase(id)?, Released),
        };
        let allowed = match signal {
            Signal::Rest => from == Idle,
            Signal::Preview => from == Hovering,
            Signal::GiveUp => from != Idle,
            Signal::Answer(_) => from != Selected,
            Signal::Refine(_) => matches!(from, Selected | Lost),
            Signal::Refuse(_) => from == Refining,
            Signal::Lose(_) => matches!(from, Selected | Refining),
            Signal::Find(_) => from == Lost,
            Signal::Release(_) => true,
        };
        if !allowed {
            return None;
        }
        match selection {
            None => self.pointer = to,
            Some(id) if to == Released => self.all.retain(|(other, _)| *other != id),
            Some(id) => match self.all.iter_mut().find(|(other, _)| *other == id) {
                Some(known) => known.1 = to,
                None => {
                    self.all.push((id, to));
                    self.pointer = Idle;
                }
            },
        }
        Some(Transition { selection, from, to, times })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TIMES: Times = Times { input: None, frame: None, output: Timestamp::ZERO };

    fn steps(selections: &mut Selections, signals: &[Signal]) -> Vec<(Phase, Phase)> {
        signals.iter().filter_map(|s| selections.signal(*s, TIMES)).map(|t| (t.from, t.to)).collect()
    }

    #[test]
    fn from_the_first_look_to_the_release() {
        use Phase::*;
        let mut all = Selections::default();
        let way = [
            Signal::Rest,
            Signal::Preview,
            Signal::Answer(1),
            Signal::Refine(1),
            Signal::Answer(1),
            Signal::Lose(1),
            Signal::Find(1),
            Signal::Release(1),
        ];
        let reported = steps(&mut all, &way);
        let phases = [Idle, Hovering, Previewing, Selected, Refining, Selected, Lost, Selected, Released];
        assert_eq!(reported, phases.windows(2).map(|p| (p[0], p[1])).collect::<Vec<_>>());
        assert!(all.is_empty() && all.pointer() == Idle);
    }

    #[test]
    fn several_selections_go_their_own_ways() {
        let mut all = Selections::default();
        steps(&mut all, &[Signal::Answer(1), Signal::Rest, Signal::Answer(2), Signal::Lose(1)]);
        assert_eq!((all.phase(1), all.phase(2), all.len()), (Some(Phase::Lost), Some(Phase::Selected), 2));
        assert_eq!(all.pointer(), Phase::Idle, "what hovered was selected");
        steps(&mut all, &[Signal::Rest, Signal::GiveUp]);
        assert_eq!(all.pointer(), Phase::Idle);
    }

    #[test]
    fn what_changes_nothing_is_not_told() {
        let mut all = Selections::default();
        let nothing = [
            Signal::GiveUp,
            Signal::Preview,
            Signal::Refine(1),
            Signal::Lose(1),
            Signal::Find(1),
            Signal::Release(1),
            Signal::Refuse(1),
        ];
        assert_eq!(steps(&mut all, &nothing), []);
        let reported = steps(&mut all, &[Signal::Answer(1), Signal::Answer(1), Signal::Lose(1), Signal::Lose(1)]);
        assert_eq!(reported.len(), 2);
    }

    fn signals() -> impl Strategy<Value = Signal> {
        let id = 0u32..3;
        prop_oneof![
            Just(Signal::Rest),
            Just(Signal::Preview),
            Just(Signal::GiveUp),
            id.clone().prop_map(Signal::Answer),
            id.clone().prop_map(Signal::Refine),
            id.clone().prop_map(Signal::Refuse),
            id.clone().prop_map(Signal::Lose),
            id.clone().prop_map(Signal::Find),
            id.prop_map(Signal::Release),
        ]
    }

    proptest! {
        /// Each transition begins where the last one of the same selection ended, and changes something.
        #[test]
        fn transitions_form_a_chain(all in prop::collection::vec(signals(), 0..60)) {
            let mut selections = Selections::default();
            for signal in all {
                let before = |id| selections.phase(id).unwrap_or(selections.pointer());
                let known = [before(0), before(1), before(2)];
                let pointer = selections.pointer();
                let Some(step) = selections.signal(signal, TIMES) else { continue };
                prop_assert_ne!(step.from, step.to);
                match step.selection {
                    Some(id) => {
                        prop_assert_eq!(step.from, known[id as usize]);
                        let after = (step.to != Phase::Released).then_some(step.to);
                        prop_assert_eq!(selections.phase(id), after);
                    }
                    None => prop_assert!(step.from == pointer && selections.pointer() == step.to),
                }
            }
        }
    }
}
