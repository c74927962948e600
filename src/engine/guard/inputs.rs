//! What a node is given, before the engine looks at it: the engine reads the first element of what should be one number also
//! where there is none, and counts to an axis whatever it is.

use std::cmp::Ordering;
use std::path::Path;

use tract_onnx::prelude::{DatumType, Tensor, TractResult};
use tract_onnx::tract_hir::infer::{Factoid, InferenceFact};

use super::attributes::MAX_AXES;
use crate::engine::failure::refused_node;
use crate::error::ModelError;

/// Inputs that may have no elements: lists of dimensions, and what carries such lists. `None` is every input.
const MAY_BE_EMPTY: [(&str, Option<usize>); 24] = [
    ("Reshape", Some(1)),
    ("Resize", Some(1)),
    ("Resize", Some(2)),
    ("Resize", Some(3)),
    ("ConstantOfShape", Some(0)),
    ("Expand", Some(1)),
    ("Tile", Some(1)),
    ("Pad", Some(1)),
    ("Pad", Some(3)),
    ("Squeeze", Some(1)),
    ("Unsqueeze", Some(1)),
    ("ReduceL1", Some(1)),
    ("ReduceL2", Some(1)),
    ("ReduceMax", Some(1)),
    ("ReduceMean", Some(1)),
    ("ReduceMin", Some(1)),
    ("ReduceProd", Some(1)),
    ("ReduceSum", Some(1)),
    ("ReduceSumSquare", Some(1)),
    ("Cast", Some(0)),
    ("Concat", None),
    ("Identity", None),
    ("Shape", None),
    ("Size", None),
];

/// Inputs that are lists of axes, or one.
const AXES: [(&str, usize); 14] = [
    ("CumSum", 1),
    ("Pad", 3),
    ("ReduceL1", 1),
    ("ReduceL2", 1),
    ("ReduceLogSum", 1),
    ("ReduceLogSumExp", 1),
    ("ReduceMax", 1),
    ("ReduceMean", 1),
    ("ReduceMin", 1),
    ("ReduceProd", 1),
    ("ReduceSum", 1),
    ("Slice", 3),
    ("Squeeze", 1),
    ("Unsqueeze", 1),
];

/// Inputs that sizes are made of. The engine keeps some of them in 32 bits, and others not.
const SIZES: [(&str, usize); 13] = [
    ("ConstantOfShape", 0),
    ("Expand", 1),
    ("OneHot", 1),
    ("Pad", 1),
    ("Range", 0),
    ("Range", 1),
    ("Range", 2),
    ("Reshape", 1),
    ("Resize", 3),
    ("Split", 1),
    ("Tile", 1),
    ("TopK", 1),
    ("Trilu", 1),
];

/// Inputs of indices, whose last axis is counted.
const INDICES: [(&str, usize); 2] = [("GatherND", 1), ("ScatterND", 1)];

/// Refuses a node whose input at one of `slots` (the node's own numbers of its inputs) has no elements where some are needed,
/// or names an axis that no tensor has, or a size beyond 32 bits, or whose range would have no end.
pub(super) fn check_inputs(
    path: &Path,
    node: &str,
    operator: &str,
    inputs: &[&InferenceFact],
    slots: &[usize],
) -> Result<(), ModelError> {
    let refuse = |slot: usize, what: &str| {
        Err(refused_node(path, node, operator, format!("its input {slot}, counted from 0, {what}")))
    };
    for (fact, slot) in inputs.iter().zip(slots) {
        let may_be_empty = || MAY_BE_EMPTY.iter().any(|(op, at)| *op == operator && at.is_none_or(|at| at == *slot));
        if is_empty(fact) && !may_be_empty() {
            return refuse(*slot, "has no elements");
        }
        if AXES.contains(&(operator, *slot))
            && let Some(value) = fact.value.concretize()
            && integers(&value).is_ok_and(|axes| !are_axes(&axes))
        {
            return refuse(*slot, "names an axis that no tensor has");
        }
        if SIZES.contains(&(operator, *slot))
            && let Some(value) = fact.value.concretize()
            && integers(&value).is_ok_and(|sizes| sizes.iter().any(|size| i32::try_from(*size).is_err()))
        {
            return refuse(*slot, "is a size beyond 32 bits");
        }
        if INDICES.contains(&(operator, *slot)) && fact.shape.rank().concretize() == Some(0) {
            return refuse(*slot, "is one number, where a list of indices is needed");
        }
    }
    if operator == "Range"
        && let [start, end, step] = inputs
        && let [Some(start), Some(end), Some(step)] = [start, end, step].map(|fact| number(fact))
        && ((end - start) / step).abs().partial_cmp(&f64::from(u32::MAX)).is_none_or(Ordering::is_gt)
    {
        return refuse(2, "makes a range without an end");
    }
    Ok(())
}

/// Whether a tensor is known to have no elements.
fn is_empty(fact: &InferenceFact) -> bool {
    fact.value.concretize().map_or_else(
        || fact.shape.dims().any(|dim| dim.concretize().is_some_and(|d| d.to_i64().is_ok_and(|d| d == 0))),
        |value| value.len() == 0,
    )
}

fn are_axes(axes: &[i64]) -> bool {
    axes.len() <= MAX_AXES as usize && axes.iter().all(|axis| (-MAX_AXES..=MAX_AXES).contains(axis))
}

fn integers(value: &Tensor) -> TractResult<Vec<i64>> {
    Ok(value.cast_to_dt(DatumType::I64)?.try_as_plain_ram()?.as_slice::<i64>()?.to_vec())
}

/// The one number that a constant is.
fn number(fact: &InferenceFact) -> Option<f64> {
    let value = fact.value.concretize()?;
    let value = value.cast_to_dt(DatumType::F64).ok()?;
    value.try_as_plain_ram().ok()?.as_slice::<f64>().ok()?.first().copied()
}
