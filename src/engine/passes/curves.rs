//! Functions of one number that a graph spells out in several nodes, known by their values.
//!
//! Exporters write GELU and its like in many ways: factors first or last, a cube as a power or as products. Whatever nodes lie
//! between a tensor and what is made of it: where each does the same to every number, with constants, they are a function, and
//! one that agrees with an activation everywhere on a grid of numbers is that activation.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{TractResult, TypedOp};
use tract_onnx::tract_core::model::Rewriter;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::math::{
    Add, Div, Erf, Exp, Max, Min, Mul, Neg, Pow, PowConst, Square, Sub, SubF, Tanh,
};
use tract_onnx::tract_core::ops::nn::{GeluApproximate, GeluExact, HardSwish, Sigmoid, Silu};

/// Nodes that a function is made of at most.
const MOST_NODES: usize = 16;

/// What is known: the operator, and the function that it computes.
type Known = (fn() -> Box<dyn TypedOp>, fn(f64) -> f64);

const KNOWN: &[Known] = &[
    (
        || element_wise(GeluApproximate { fast_impl: false }),
        |x| x / (1.0 + (-2.0 * (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).exp()),
    ),
    (|| element_wise(GeluExact {}), |x| x * (1.0 + erf(x / 2f64.sqrt())) / 2.0),
    (|| element_wise(HardSwish {}), |x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0),
    (|| element_wise(Silu {}), |x| x / (1.0 + (-x).exp())),
];

fn element_wise(op: impl tract_onnx::tract_core::ops::element_wise::ElementWiseMiniOp) -> Box<dyn TypedOp> {
    Box::new(ElementWiseOp(Box::new(op), None))
}

/// Puts the activation in the place of each stretch of a decluttered model that computes one.
pub(in crate::engine) fn known_curves(model: &mut TypedModel) -> TractResult<()> {
    Rewriter::default().with_rule_for("known-curve", replace).rewrite(&(), model)
}

fn replace(
    _: &(),
    model: &TypedModel,
    node: &TypedNode,
    name: &str,
    op: &TypedBinOp,
) -> TractResult<Option<TypedModelPatch>> {
    let whole = op.0.is::<Mul>() || op.0.is::<Div>();
    let Some((source, known)) = whole.then(|| found(model, node)).flatten() else { return Ok(None) };
    let mut patch = TypedModelPatch::new("an activation of several nodes");
    let input = patch.tap_model(model, source)?;
    let wire = patch.wire_node(format!("{name}.curve"), known.0(), &[input])?[0];
    patch.shunt_outside(model, node.id.into(), wire)?;
    Ok(Some(patch))
}

/// The tensor that `node` is a known function of.
fn found(model: &TypedModel, node: &TypedNode) -> Option<(OutletId, &'static Known)> {
    let fact = &node.outputs.first()?.fact;
    if fact.datum_type != DatumType::F32 || fact.konst.is_some() {
        return None;
    }
    // Candidates are what the nodes behind this one read.
    let mut seen: Vec<OutletId> = vec![node.id.into()];
    let mut at = 0;
    while at < seen.len() && seen.len() <= MOST_NODES {
        let maker = model.node(seen[at].node);
        if function(model, maker) {
            for input in &maker.inputs {
                let constant = model.outlet_fact(*input).is_ok_and(|fact| fact.konst.is_some());
                if !constant && !seen.contains(input) {
                    seen.push(*input);
                }
            }
        }
        at += 1;
    }
    let same = |outlet: &OutletId| model.outlet_fact(*outlet).is_ok_and(|found| found.shape == fact.shape);
    let candidates = seen.iter().skip(1).filter(|outlet| same(outlet));
    candidates.filter_map(|source| Some((*source, known(model, node.id.into(), *source)?))).next()
}

/// Whether a node does the same to every number.
fn function(model: &TypedModel, node: &TypedNode) -> bool {
    if let Some(op) = node.op_as::<ElementWiseOp>() {
        return op.1.is_none();
    }
    node.op_as::<TypedBinOp>().is_some_and(|op| op.1.is_none())
        && model.node_input_facts(node.id).is_ok_and(|facts| {
            facts.iter().all(|fact| fact.datum_type == DatumType::F32)
                && facts.iter().all(|fact| fact.konst.is_none() || fact.shape.volume() == 1.into())
        })
}

/// The function of `source` at `outlet`, if it is known.
fn known(model: &TypedModel, outlet: OutletId, source: OutletId) -> Option<&'static Known> {
    let mut known: Vec<&Known> = KNOWN.iter().collect();
    for step in -40..=40 {
        let at = f64::from(step) * 0.171;
        let mut left = 4 * MOST_NODES;
        let value = value(model, outlet, source, at, &mut left)?;
        known.retain(|(_, function)| (function(at) - value).abs() < 2e-6);
        if known.is_empty() {
            return None;
        }
    }
    known.first().copied()
}

/// What `outlet` is where `source` is `at`. `left` is how many nodes may still be looked at.
fn value(model: &TypedModel, outlet: OutletId, source: OutletId, at: f64, left: &mut usize) -> Option<f64> {
    if outlet == source {
        return Some(at);
    }
    *left = left.checked_sub(1)?;
    let fact = model.outlet_fact(outlet).ok()?;
    if let Some(constant) = &fact.konst {
        let one = (constant.len() == 1).then(|| constant.cast_to_scalar::<f32>().ok()).flatten()?;
        return Some(f64::from(one));
    }
    let node = model.node(outlet.node);
    if !function(model, node) {
        return None;
    }
    let a = value(model, *node.inputs.first()?, source, at, left)?;
    if let Some(op) = node.op_as::<ElementWiseOp>() {
        return if op.0.is::<Tanh>() {
            Some(a.tanh())
        } else if op.0.is::<Erf>() {
            Some(erf(a))
        } else if op.0.is::<Sigmoid>() {
            Some(1.0 / (1.0 + (-a).exp()))
        } else if op.0.is::<Exp>() {
            Some(a.exp())
        } else if op.0.is::<Neg>() {
            Some(-a)
        } else if op.0.is::<Square>() {
            Some(a * a)
        } else {
            op.0.downcast_ref::<PowConst>().map(|power| a.powf(f64::from(power.exponent)))
        };
    }
    let b = value(model, *node.inputs.get(1)?, source, at, left)?;
    let op = node.op_as::<TypedBinOp>()?;
    if op.0.is::<Add>() {
        Some(a + b)
    } else if op.0.is::<Sub>() {
        Some(a - b)
    } else if op.0.is::<SubF>() {
        Some(b - a)
    } else if op.0.is::<Mul>() {
        Some(a * b)
    } else if op.0.is::<Div>() {
        Some(a / b)
    } else if op.0.is::<Max>() {
        Some(a.max(b))
    } else if op.0.is::<Min>() {
        Some(a.min(b))
    } else if op.0.is::<Pow>() {
        Some(a.powf(b))
    } else {
        None
    }
}

/// The error function by its series (Abramowitz and Stegun 1964, 7.1.6), to 1e-12 where it is not 1 to as much.
fn erf(x: f64) -> f64 {
    if x.abs() > 5.5 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= 2.0 * x * x / f64::from(2 * n + 1);
        sum += term;
    }
    2.0 / std::f64::consts::PI.sqrt() * (-x * x).exp() * sum
}
