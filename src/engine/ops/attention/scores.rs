//! From the weights of an attention back to the product of its queries and keys.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::math::{Add, Div, Mul};
use tract_onnx::tract_core::ops::nn::{Softmax, SoftmaxKind};

use super::axes::{Axes, Factor, Letters, Strides};
use super::view::View;
use super::{constant, read_once, shape_of};

/// What leads to the weights.
pub(super) struct Scores {
    /// The product of queries and keys, and which of its inputs are the queries.
    pub product: Letters,
    pub queries: usize,
    /// What the product's inputs are parts of.
    pub sources: [OutletId; 2],
    pub scale: f32,
    pub terms: Vec<Added>,
    /// What the softmax is over, and the axes of the weights.
    pub softmax: Vec<Factor>,
    pub axes: Axes,
}

/// What is added to the scores.
pub(super) struct Added {
    pub outlet: OutletId,
    pub factor: f32,
    pub strides: Strides,
}

/// One thing that is done to the scores.
enum Change {
    Shape(Box<AxisOp>),
    Scale(f32),
    Add(OutletId),
    Softmax(usize),
}

/// What leads to the weights at `outlet`, if nobody else reads what lies between.
pub(super) fn scores(model: &TypedModel, outlet: OutletId) -> Option<Scores> {
    let (product, changes) = changes(model, outlet, false)?;
    let node = model.node(product);
    let [_, _] = node.inputs[..] else { return None };
    let [(first, of_first), (second, of_second)] = [View::of(model, node.inputs[0])?, View::of(model, node.inputs[1])?];
    let letters = Letters::of(model, node, node.op_as::<EinSum>()?, [of_first, of_second])?;
    let mut axes = letters.axes();
    let (mut scale, mut terms, mut softmax) = (1.0, Vec::<Added>::new(), None);
    for change in changes.into_iter().rev() {
        match change {
            Change::Shape(op) => axes = axes.after(&op)?,
            Change::Softmax(axis) if softmax.is_none() => softmax = Some(axes.0.get(axis)?.clone()),
            // The weights are not changed after it.
            _ if softmax.is_some() => return None,
            Change::Softmax(_) => return None,
            Change::Scale(factor) => {
                scale *= factor;
                terms.iter_mut().for_each(|term| term.factor *= factor);
            }
            Change::Add(outlet) => {
                let strides = axes.strides(&shape_of(model, outlet)?);
                terms.push(Added { outlet, factor: 1.0, strides });
            }
        }
    }
    let softmax = softmax?;
    // Keys are what the softmax is over, so the queries are in the input without them.
    let queries = (0..2).find(|ix| softmax.iter().all(|factor| !letters.inputs[*ix].has(factor.letter)))?;
    Some(Scores { product: letters, queries, sources: [first, second], scale, terms, softmax, axes })
}

/// The product that `outlet` comes from and what is done to it, the last first; `softened` says that the softmax is behind it.
fn changes(model: &TypedModel, outlet: OutletId, mut softened: bool) -> Option<(usize, Vec<Change>)> {
    let mut changes = Vec::new();
    let mut at = outlet;
    loop {
        let node = read_once(model, at).then(|| model.node(at.node))?;
        if softened && node.op_is::<EinSum>() {
            return Some((node.id, changes));
        } else if let Some(op) = node.op_as::<AxisOp>() {
            changes.push(Change::Shape(Box::new(op.clone())));
            at = node.inputs[0];
        } else if let Some(softmax) = node.op_as::<Softmax>() {
            softened = true;
            let plain = softmax.kind == SoftmaxKind::Softmax && softmax.quant_output_dt.is_none();
            let [axis] = softmax.axes[..] else { return None };
            plain.then(|| changes.push(Change::Softmax(axis)))?;
            at = node.inputs[0];
        } else {
            let op = node.op_as::<TypedBinOp>().filter(|op| softened && op.1.is_none())?;
            let facts = model.node_input_facts(node.id).ok()?;
            let one = |ix: usize| constant(model, node.inputs[ix]).filter(|_| facts[ix].shape.volume() == 1.into());
            if op.0.is::<Add>() {
                let whole = |ix: usize| shape_of(model, node.inputs[ix]) == shape_of(model, node.id.into());
                let found = (0..2).filter(|ix| whole(*ix)).find_map(|ix| {
                    let (product, before) = self::changes(model, node.inputs[ix], softened)?;
                    Some((product, before, node.inputs[1 - ix]))
                });
                let (product, before, added) = found?;
                changes.push(Change::Add(added));
                changes.extend(before);
                return Some((product, changes));
            }
            let (ix, factor) = (0..2).find_map(|ix| Some((ix, *one(1 - ix)?.first()?)))?;
            if op.0.is::<Mul>() {
                changes.push(Change::Scale(factor));
            } else if op.0.is::<Div>() && ix == 0 {
                changes.push(Change::Scale(1.0 / factor));
            } else {
                return None;
            }
            at = node.inputs[ix];
        }
    }
}
