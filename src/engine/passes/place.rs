use super::build::{Draft, Kind, Operation, Shape};
use crate::engine::kernels::{
    Action, Blocked, Convolution, Depthwise, Ending, MaxPool, Place, Program, Resize, Step, Variant, Window, Winograd,
    whole_lines,
};

/// With fewer tiles than this, reading the transformed weights takes longer than they save.
const FEWEST_TILES: usize = 16;
/// With fewer channels than this, transforming takes longer than it saves.
const FEWEST_CHANNELS: usize = 16;

/// Lays a draft's pictures out, plans its operations for `variant` and puts them together.
pub(super) fn place(draft: &Draft, variant: Variant) -> Result<Program, String> {
    let layouts = layouts(draft, variant);
    let mut room = Room::default();
    let last = draft.operations.len();
    let mut lives: Vec<Life> = layouts.iter().map(|p| Life { from: last, to: 0, len: p.len() }).collect();
    for (_, picture) in &draft.inputs {
        lives[*picture].from = 0;
    }
    for (_, picture) in &draft.outputs {
        lives[*picture].to = last + 1;
    }
    let mut actions = Vec::new();
    for (at, op) in draft.operations.iter().enumerate() {
        let time = at + 1;
        lives[op.output].from = lives[op.output].from.min(time);
        let factor = if let Kind::Scale { pixel } = op.kind { Some(pixel) } else { None };
        for read in [Some(op.input), op.residual, op.shift, factor, Some(op.output)].into_iter().flatten() {
            lives[read].to = lives[read].to.max(time);
        }
        actions.push(action(op, &layouts, at)?);
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
        ending: Ending { residual: op.residual.map(at), shift: op.shift.map(at), activation: op.activation },
    });
    let inputs = draft.inputs.iter().map(|(_, p)| at(*p)).collect();
    let outputs = draft.outputs.iter().map(|(_, p)| at(*p)).collect();
    Program::new(variant, inputs, steps.collect(), outputs)
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

/// Each picture's layout, with the border that its readers need.
fn layouts(draft: &Draft, variant: Variant) -> Vec<Blocked> {
    let lanes = variant.lanes();
    let blocked = |[channels, height, width]: Shape| Blocked::new(channels, height, width, lanes);
    let mut layouts: Vec<Blocked> = draft.pictures.iter().map(|shape| blocked(*shape)).collect();
    for op in &draft.operations {
        let Kind::Convolution { window, depthwise, .. } = &op.kind else { continue };
        let (input, output) = (layouts[op.input], layouts[op.output]);
        let (before, after) = if suits_winograd(window, *depthwise, &input, &output) {
            Winograd::border(&input, &output, window.padding)
        } else {
            window.borders(&input, &output)
        };
        let picture = &mut layouts[op.input];
        (picture.before, picture.after) = (picture.before.max(before), picture.after.max(after));
    }
    // Few colours from outside stay planar: a register would be mostly empty.
    for (_, picture) in &draft.inputs {
        let directly = |op: &Operation| match &op.kind {
            Kind::Convolution { window, depthwise, .. } => {
                !depthwise && !suits_winograd(window, *depthwise, &layouts[op.input], &layouts[op.output])
            }
            _ => false,
        };
        let planar = draft.operations.iter().all(|op| {
            let factor = matches!(op.kind, Kind::Scale { pixel } if pixel == *picture);
            let added = factor || op.residual == Some(*picture) || op.shift == Some(*picture);
            !added && (op.input != *picture || directly(op))
        });
        let given = draft.outputs.iter().any(|(_, output)| output == picture);
        if planar && !given && 2 * draft.pictures[*picture][0] <= lanes {
            layouts[*picture].lanes = 1;
        }
    }
    layouts
}

/// Whether a convolution is faster by Winograd's way.
fn suits_winograd(window: &Window, depthwise: bool, input: &Blocked, output: &Blocked) -> bool {
    let tiles = output.height.div_ceil(4) * output.width.div_ceil(4);
    !depthwise
        && window.kernel == [3, 3]
        && window.stride == 1
        && tiles >= FEWEST_TILES
        && input.channels.min(output.channels) >= FEWEST_CHANNELS
}

fn action(op: &Operation, layouts: &[Blocked], at: usize) -> Result<Action, String> {
    let (input, output) = (layouts[op.input], layouts[op.output]);
    let planned = match &op.kind {
        Kind::Convolution { window, depthwise: true, weights, bias } => {
            Depthwise::new(input, output, *window, weights, bias).map(Action::Depthwise)
        }
        Kind::Convolution { window, depthwise, weights, bias }
            if suits_winograd(window, *depthwise, &input, &output) =>
        {
            Winograd::new(input, output, window.padding, weights, bias).map(|plan| Action::Winograd(plan, 0..0))
        }
        Kind::Convolution { window, weights, bias, .. } => {
            Convolution::new(input, output, *window, weights, bias).map(Action::Convolve)
        }
        Kind::Resize { rows, columns } => Resize::new(input, output, rows.clone(), columns.clone()).map(Action::Resize),
        Kind::MaxPool { window } => MaxPool::new(input, output, *window).map(Action::MaxPool),
        // The pixel's place is known later.
        Kind::Scale { pixel } => Some(Action::Scale(Place { offset: 0, picture: layouts[*pixel] })),
        Kind::Copy => Some(Action::Copy),
        Kind::Mean => Some(Action::Mean),
    };
    planned.ok_or_else(|| format!("operation {at} ({}): shapes {input:?} and {output:?} do not fit", op.name))
}
