//! Attention as one operator: scores, what is added to them, softmax and the weighted sum of values.

mod axes;
mod scores;
mod view;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::einsum::EinSum;

use super::outlets::{constant, read_once, replaced, shape_of};
use super::planned::{Kernel, Planned};
use super::resources::Resources;
use crate::engine::kernels::{Attention, AttentionPlan, AttentionRows, Team, Term, TermValues, Variant};
use axes::{Letters, Strides, runs};
use scores::{Scores, scores};
use view::View;

/// Queries, keys, values and what is computed to be added to the scores in, all of `f32`, with axes in any order.
pub(in crate::engine) type Attend = Planned<Attention>;

impl Kernel for Attention {
    fn inputs(&self) -> usize {
        self.inputs()
    }

    fn name(&self) -> [&'static str; 2] {
        ["Attention", "blocks of keys"]
    }

    fn scratch_len(&self) -> usize {
        self.scratch_len()
    }

    fn run(&self, variant: Variant, inputs: &[&[f32]], output: &mut [f32], scratch: &mut [f32], team: &Team) {
        self.run(variant, inputs, output, scratch, team);
    }
}

/// The weighted sum of values at the end of an attention, with all before it: a product of queries and keys over one axis, a
/// factor, sums with what is constant or computed, changes of shape, softmax over the keys, and the product with the values.
pub(super) fn attention(
    resources: &Resources,
    model: &TypedModel,
    node: &TypedNode,
    name: &str,
    op: &EinSum,
) -> TractResult<Option<TypedModelPatch>> {
    let variant = Variant::best();
    let found = (0..2).find_map(|weights| {
        let (plan, inputs) = found(model, node, op, weights)?;
        Some((Attention::new(variant.lanes(), plan)?, inputs))
    });
    let (Some((plan, inputs)), Some(shape)) = (found, shape_of(model, node.id.into())) else { return Ok(None) };
    let op = Attend::new(plan, variant, &shape, resources);
    replaced(model, node.id.into(), format!("{name}.attention"), op, &inputs)
}

/// The plan of the attention that ends in the product `node`, whose input with number `weights` comes from a softmax, and what
/// it reads.
fn found(model: &TypedModel, node: &TypedNode, op: &EinSum, weights: usize) -> Option<(AttentionPlan, Vec<OutletId>)> {
    let [_, _] = node.inputs[..] else { return None };
    let found = scores(model, node.inputs[weights])?;
    let Scores { queries, sources, axes, softmax, product: given, .. } = &found;
    let queries = *queries;
    let (values, of_values) = View::of(model, node.inputs[1 - weights])?;
    let of_weights = View::whole(&shape_of(model, node.inputs[weights])?);
    let views = if weights == 0 { [of_weights, of_values] } else { [of_values, of_weights] };
    let sum = Letters::of(model, node, op, views)?;
    let (of_queries, of_keys) = (&given.inputs[queries], &given.inputs[1 - queries]);

    // The letters of the second product in those of the first: each axis of the weights is one.
    let of_weights = &sum.inputs[weights];
    let of_values = &sum.inputs[1 - weights];
    let shared = |letter: char| {
        let is_of = |axis: &Vec<axes::Factor>| axis.iter().any(|factor| factor.letter == letter);
        sum.sizes().iter().any(|(own, _)| {
            of_values.has(*own)
                && of_weights.axis(*own).is_some_and(|axis| is_of(&axes.0[axis]))
                && sum.output.has(*own)
        })
    };

    // The letters of the scores are those of parts of the batch, of queries and of keys; what is summed over is the depth.
    let (mut batch, mut rows, mut keys, mut depth) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (letter, size) in given.sizes() {
        let place = [of_queries.has(letter), of_keys.has(letter), given.output.has(letter)];
        match place {
            [true, true, false] => depth.push((letter, size)),
            [true, true, true] => batch.push((letter, size)),
            // What values have as well is a part of the batch whose keys are the same.
            [true, false, true] if shared(letter) => batch.push((letter, size)),
            [true, false, true] => rows.push((letter, size)),
            [false, true, true] => keys.push((letter, size)),
            _ => return None,
        }
    }
    let in_keys = |letter: char| keys.iter().any(|(key, _)| *key == letter);
    let softened: usize = softmax.iter().map(|factor| factor.size).product();
    let length: usize = keys.iter().map(|(_, size)| size).product();
    if depth.len() > 1 || keys.len() > 1 || softened != length || !softmax.iter().all(|factor| in_keys(factor.letter)) {
        return None;
    }

    let mut own = None;
    for (letter, size) in sum.sizes() {
        let known = of_weights.axis(letter).map(|axis| &axes.0[axis]);
        match known {
            // Summed over are the keys and nothing else.
            Some(factors) => {
                let of_keys = factors.iter().all(|factor| in_keys(factor.letter));
                (sum.output.has(letter) != of_keys).then_some(())?;
            }
            None if own.is_none() && of_values.has(letter) && sum.output.has(letter) => own = Some((letter, size)),
            None => return None,
        }
    }
    let translate = |tensor: &axes::Tensor| -> Option<Strides> {
        tensor.strides(|letter| match of_weights.axis(letter) {
            Some(axis) => Some(axes.0[axis].clone()),
            None => (own?.0 == letter).then(Vec::new),
        })
    };
    let plain = |tensor: &axes::Tensor| tensor.strides(|letter| Some(given.whole(letter)));
    let channel = |tensor: &axes::Tensor, own: Option<(char, usize)>| {
        own.and_then(|(letter, _)| tensor.stride(letter)).unwrap_or(0)
    };
    let operand = |tensor: &axes::Tensor, strides: Strides, along: &[(char, usize)], own| AttentionRows {
        batch: strides.table(&batch).into_iter().map(|at| at + tensor.offset()).collect(),
        rows: strides.table(along),
        channel: channel(tensor, own),
    };
    let depth = depth.first().copied();
    let mut inputs = vec![sources[queries], sources[1 - queries], values];
    let mut terms = Vec::new();
    for term in &found.terms {
        let (length, stride, jump) = runs(&term.strides, keys.first().copied())?;
        let values = match constant(model, term.outlet) {
            Some(values) => TermValues::Constant(values),
            None => {
                inputs.push(term.outlet);
                TermValues::Computed
            }
        };
        let (batch, rows) = (term.strides.table(&batch), term.strides.table(&rows));
        terms.push(Term { values, factor: term.factor, batch, rows, length, stride, jump });
    }
    let strides_of_values = translate(of_values)?;
    // Each query has all values of its part of the batch, and no others.
    if strides_of_values.varies(&rows) {
        return None;
    }
    let plan = AttentionPlan {
        depth: depth.map_or(1, |(_, size)| size),
        width: own.map_or(1, |(_, size)| size),
        scale: found.scale,
        queries: operand(of_queries, plain(of_queries)?, &rows, depth),
        keys: operand(of_keys, plain(of_keys)?, &keys, depth),
        values: operand(of_values, strides_of_values, &keys, own),
        output: operand(&sum.output, translate(&sum.output)?, &rows, own),
        terms,
    };
    Some((plan, inputs))
}
