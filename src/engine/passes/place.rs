use super::build::{Draft, Kind};
use super::plan::{Planned, plan};
use super::refusal::Refusal;
use crate::engine::kernels::{Action, Element, Ending, Place, Program, Step, Variant, whole_lines};
use crate::engine::quantized::WeightGrids;

/// Plans a draft's operations for `variant`, finds every picture its room and puts them together. `grids` are those
/// of the file's weights. Also says which convolutions of rounded pictures are computed on floats.
pub(super) fn place(draft: &Draft, variant: Variant, grids: &WeightGrids) -> Result<(Program, Vec<Refusal>), String> {
    let Planned { layouts, mut actions, refused } = plan(draft, variant, grids)?;
    let mut room = Room::default();
    let last = draft.operations.len();
    let mut lives: Vec<Life> = layouts.iter().map(|p| Life { from: last, to: 0, len: p.floats() }).collect();
    for (_, picture) in &draft.inputs {
        lives[*picture].from = 0;
    }
    for (_, picture) in &draft.outputs {
        lives[*picture].to = last + 1;
    }
    for (at, op) in draft.operations.iter().enumerate() {
        let time = at + 1;
        lives[op.output].from = lives[op.output].from.min(time);
        let factor = if let Kind::Scale { pixel } = op.kind { Some(pixel) } else { None };
        for read in [Some(op.input), op.residual, op.shift, factor, Some(op.output)].into_iter().flatten() {
            lives[read].to = lives[read].to.max(time);
        }
    }
    let mut wanted: Vec<(Owner, Life)> = lives.into_iter().enumerate().map(|(ix, l)| (Owner::Picture(ix), l)).collect();
    for (at, action) in actions.iter().enumerate() {
        if let Action::Winograd(plan, _) = action {
            wanted.push((Owner::Scratch(at), Life { from: at + 1, to: at + 1, len: plan.transformed_len() }));
        }
    }
    // Large first: small ones fit between.
    wanted.sort_by_key(|(_, life)| std::cmp::Reverse(life.len));
    let mut offsets = vec![0; layouts.len()];
    for (owner, life) in wanted {
        let offset = room.take(life);
        match owner {
            Owner::Picture(ix) => offsets[ix] = offset,
            Owner::Scratch(at) => {
                if let Action::Winograd(_, range) = &mut actions[at] {
                    *range = offset..offset + life.len;
                }
            }
        }
    }
    let at = |ix: usize| Place { offset: offsets[ix], picture: layouts[ix] };
    let steps = draft.operations.iter().zip(actions).map(|(op, action)| Step {
        action: if let Kind::Scale { pixel } = op.kind { Action::Scale(at(pixel)) } else { action },
        input: at(op.input),
        output: at(op.output),
        ending: Ending {
            residual: op.residual.map(at),
            shift: op.shift.map(at),
            activation: op.activation,
            rounding: op.grid.filter(|_| layouts[op.output].element == Element::Float),
        },
    });
    let inputs = draft.inputs.iter().map(|(_, p)| at(*p)).collect();
    let outputs = draft.outputs.iter().map(|(_, p)| at(*p)).collect();
    Ok((Program::new(variant, inputs, steps.collect(), outputs)?, refused))
}

enum Owner {
    Picture(usize),
    /// The transformed input of an operation.
    Scratch(usize),
}

/// From which step to which, both included, memory of `len` floats is in use.
#[derive(Clone, Copy)]
struct Life {
    from: usize,
    to: usize,
    len: usize,
}

/// What is taken of the workspace, and when.
#[derive(Default)]
struct Room {
    taken: Vec<(usize, Life)>,
}

impl Room {
    /// The lowest offset at which `life` meets nothing that lives at the same time.
    fn take(&mut self, life: Life) -> usize {
        let mut rivals: Vec<(usize, usize)> = self
            .taken
            .iter()
            .filter(|(_, other)| other.from <= life.to && life.from <= other.to)
            .map(|(offset, other)| (*offset, offset + whole_lines(other.len)))
            .collect();
        rivals.sort_unstable();
        let mut offset = 0;
        for (from, to) in rivals {
            if offset + life.len <= from {
                break;
            }
            offset = offset.max(to);
        }
        self.taken.push((offset, life));
        offset
    }
}
