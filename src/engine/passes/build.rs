use std::collections::HashMap;

use tract_onnx::tract_core::internal::*;

use super::partition::Region;
use super::recognize::{Recognized, picture};
use super::values::Values;
use crate::engine::kernels::{Activation, Blend, Grid, Window};
use crate::engine::ops::read_once;

/// A picture of the region: [channels, height, width].
pub(super) type Shape = [usize; 3];

/// What an operation does.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Convolution {
        window: Window,
        depthwise: bool,
        weights: Values,
        bias: Vec<f32>,
    },
    Resize {
        rows: Vec<Blend>,
        columns: Vec<Blend>,
    },
    MaxPool {
        window: Window,
    },
    /// Times a picture of one pixel.
    Scale {
        pixel: usize,
    },
    Copy,
    Mean,
}

/// One operation from a picture to another; pictures are numbers in [`Draft::pictures`].
#[derive(Clone, Debug)]
pub(super) struct Operation {
    /// The node that it began as.
    pub name: String,
    pub kind: Kind,
    pub input: usize,
    pub output: usize,
    pub residual: Option<usize>,
    pub shift: Option<usize>,
    pub activation: Activation,
    /// What its output is rounded to, at the very end.
    pub grid: Option<Grid>,
}

/// A region as operations, before they have memory.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub pictures: Vec<Shape>,
    pub operations: Vec<Operation>,
    /// What comes from outside, and what is read there.
    pub inputs: Vec<(OutletId, usize)>,
    pub outputs: Vec<(OutletId, usize)>,
}

/// Puts the nodes of `region` together to operations: additions, clamps and changes of scale go to the end of the
/// operation that they follow, where nothing else reads what lies between.
pub(super) fn build(model: &TypedModel, region: &Region) -> Option<Draft> {
    let mut builder = Builder { model, draft: Draft::default(), known: HashMap::new() };
    for (id, recognized) in region {
        builder.add(*id, recognized)?;
    }
    let inside = |node: usize| region.iter().any(|(id, _)| *id == node);
    for (id, recognized) in region {
        let outlet = OutletId::from(*id);
        let read = model.outlet_successors(outlet).iter().any(|reader| !inside(reader.node));
        // The sum that a mean begins with never exists; nobody else reads it.
        if (read || model.outputs.contains(&outlet)) && !matches!(recognized, Recognized::Mean { .. }) {
            let picture = *builder.known.get(&outlet)?;
            builder.draft.outputs.push((outlet, picture));
        }
    }
    Some(builder.draft)
}

struct Builder<'a> {
    model: &'a TypedModel,
    draft: Draft,
    known: HashMap<OutletId, usize>,
}

impl Builder<'_> {
    /// The picture behind `outlet`, an input of the region if it has not been made.
    fn picture(&mut self, outlet: OutletId) -> Option<usize> {
        if let Some(known) = self.known.get(&outlet) {
            return Some(*known);
        }
        let made = self.new_picture(picture(self.model, outlet)?);
        self.draft.inputs.push((outlet, made));
        self.known.insert(outlet, made);
        Some(made)
    }

    fn new_picture(&mut self, shape: Shape) -> usize {
        self.draft.pictures.push(shape);
        self.draft.pictures.len() - 1
    }

    /// The operation that made `outlet`, if more can be put to its end: only one node reads it, and it is not rounded.
    fn maker(&self, outlet: OutletId) -> Option<usize> {
        let picture = *self.known.get(&outlet).filter(|_| read_once(self.model, outlet))?;
        self.draft.operations.iter().position(|op| op.output == picture && op.grid.is_none())
    }

    /// A new operation from `input` to the outlet of node `id`.
    fn push(&mut self, id: usize, kind: Kind, input: usize) -> Option<&mut Operation> {
        let output = self.new_picture(picture(self.model, id.into())?);
        self.known.insert(id.into(), output);
        let name = self.model.node(id).name.clone();
        self.draft.operations.push(Operation {
            name,
            kind,
            input,
            output,
            residual: None,
            shift: None,
            activation: Activation::None,
            grid: None,
        });
        self.draft.operations.last_mut()
    }

    fn add(&mut self, id: usize, recognized: &Recognized) -> Option<()> {
        let outlet = OutletId::from(id);
        match recognized {
            Recognized::Convolution { input, window, depthwise, weights, bias } => {
                let input = self.picture(*input)?;
                let weights = Values::of(weights)?;
                let kind = Kind::Convolution { window: *window, depthwise: *depthwise, weights, bias: bias.clone() };
                self.push(id, kind, input)?;
            }
            Recognized::Resize { input, rows, columns } => {
                let input = self.picture(*input)?;
                self.push(id, Kind::Resize { rows: rows.clone(), columns: columns.clone() }, input)?;
            }
            Recognized::Mean { input } => {
                let input = self.picture(*input)?;
                self.push(id, Kind::Mean, input)?;
            }
            Recognized::MeanShare { input } => {
                let mean = *self.known.get(input)?;
                self.known.insert(outlet, mean);
            }
            Recognized::Affine { input, scale, shift } => {
                if self.scale_maker(*input, scale, shift).is_some() {
                    self.known.insert(outlet, self.known[input]);
                } else {
                    let input = self.picture(*input)?;
                    let window = Window { kernel: [1, 1], stride: 1, padding: [0, 0] };
                    let (weights, bias) = (Values::Own(scale.clone()), shift.clone());
                    self.push(id, Kind::Convolution { window, depthwise: true, weights, bias }, input)?;
                }
            }
            Recognized::Clamp { input, low, high } => self.activate(id, *input, |was| clamped(was, *low, *high))?,
            Recognized::Activation { input, activation } => {
                self.activate(id, *input, |was| (was == Activation::None).then_some(*activation))?;
            }
            Recognized::MaxPool { input, window } => {
                let input = self.picture(*input)?;
                // The largest of numbers on a grid is on it.
                let grid = self.draft.operations.iter().find(|op| op.output == input).and_then(|op| op.grid);
                self.push(id, Kind::MaxPool { window: *window }, input)?.grid = grid;
            }
            Recognized::Scale { picture, pixel } => {
                let [picture, pixel] = [self.picture(*picture)?, self.picture(*pixel)?];
                self.push(id, Kind::Scale { pixel }, picture)?;
            }
            Recognized::Add { picture, other } => self.addition(id, *picture, *other)?,
            Recognized::Round { input, grid } => {
                if let Some(op) = self.maker(*input) {
                    self.draft.operations[op].grid = Some(*grid);
                    self.known.insert(outlet, self.known[input]);
                } else {
                    let input = self.picture(*input)?;
                    self.push(id, Kind::Copy, input)?.grid = Some(*grid);
                }
            }
        }
        Some(())
    }

    /// Changes the activation of the operation that made `input` to what `after` says, or appends an operation if only
    /// that can have it.
    fn activate(&mut self, id: usize, input: OutletId, after: impl Fn(Activation) -> Option<Activation>) -> Option<()> {
        let maker = self.maker(input).map(|op| &mut self.draft.operations[op]);
        if let Some((op, activation)) = maker.and_then(|op| after(op.activation).map(|a| (op, a))) {
            op.activation = activation;
            self.known.insert(id.into(), self.known[&input]);
        } else {
            let activation = after(Activation::None)?;
            let input = self.picture(input)?;
            self.push(id, Kind::Copy, input)?.activation = activation;
        }
        Some(())
    }

    /// Takes a scale and a shift a channel into the convolution that made `outlet`.
    fn scale_maker(&mut self, outlet: OutletId, scale: &[f32], shift: &[f32]) -> Option<()> {
        let op = self.maker(outlet)?;
        let op = &mut self.draft.operations[op];
        let plain = op.residual.is_none() && op.shift.is_none() && op.activation == Activation::None;
        let Kind::Convolution { weights, bias, .. } = &mut op.kind else { return None };
        let each = (weights.get().len() / scale.len().max(1)).max(1);
        if !plain || scale.len() != bias.len() {
            return None;
        }
        if scale.iter().any(|scale| *scale != 1.0) {
            for (weights, scale) in weights.get_mut().chunks_exact_mut(each).zip(scale) {
                weights.iter_mut().for_each(|w| *w *= scale);
            }
        }
        for ((bias, scale), shift) in bias.iter_mut().zip(scale).zip(shift) {
            *bias = *bias * scale + shift;
        }
        Some(())
    }

    /// The sum of two pictures, or of a picture and a pixel: the end of the operation that made one of them, else an
    /// operation of its own.
    fn addition(&mut self, id: usize, a: OutletId, b: OutletId) -> Option<()> {
        let pixel = picture(self.model, b)? != picture(self.model, a)?;
        let [first, second] = [self.picture(a)?, self.picture(b)?];
        // The later of the two makers takes it: the other's picture is there by then.
        let makers = [(a, second), if pixel { (a, second) } else { (b, first) }];
        let free = |op: &Operation| {
            let place = if pixel { op.shift } else { op.residual };
            place.is_none() && op.activation == Activation::None
        };
        let found = makers
            .into_iter()
            .filter_map(|(made, other)| Some((self.maker(made)?, other)))
            .filter(|(op, _)| a != b && free(&self.draft.operations[*op]))
            .max_by_key(|(op, _)| *op);
        if let Some((at, other)) = found {
            // It moves to the end, where the other picture is known to be made.
            let mut op = self.draft.operations.remove(at);
            if pixel {
                op.shift = Some(other);
            } else {
                op.residual = Some(other);
            }
            self.known.insert(id.into(), op.output);
            self.draft.operations.push(op);
        } else {
            let op = self.push(id, Kind::Copy, first)?;
            if pixel {
                op.shift = Some(second);
            } else {
                op.residual = Some(second);
            }
        }
        Some(())
    }
}

/// `activation` followed by a clamp, if one activation does both.
fn clamped(activation: Activation, low: f32, high: f32) -> Option<Activation> {
    let (was_low, was_high) = match activation {
        Activation::None => (f32::NEG_INFINITY, f32::INFINITY),
        Activation::Relu => (0.0, f32::INFINITY),
        Activation::Clamp(low, high) => (low, high),
        _ => return None,
    };
    if low > was_high || high < was_low {
        return None;
    }
    match (was_low.max(low), was_high.min(high)) {
        (0.0, f32::INFINITY) => Some(Activation::Relu),
        (low, high) => Some(Activation::Clamp(low, high)),
    }
}
