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
    // Where the functions bend, and far out, where a limit that a file sets would show.
    let near = (-40..=40).map(|step| f64::from(step) * 0.171);
    let far = (0..48).flat_map(|step| [7.0 * 1.3f64.powi(step), -7.0 * 1.3f64.powi(step)]);
    for at in near.chain(far) {
        let mut left = 4 * MOST_NODES;
        let value = value(model, outlet, source, at, &mut left)?;
        known.retain(|(_, function)| (function(at) - value).abs() < 2e-6 * at.abs().max(1.0));
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

#[cfg(test)]
mod tests {
    use tract_onnx::tract_core::ops::math::{add, min, mul, pow, square, tanh};
    use tract_onnx::tract_core::ops::nn::sigmoid;

    use super::*;

    /// `x` with what `build` makes of it, after the pass: the names of its operators, and its values.
    fn rewritten(build: impl Fn(&mut TypedModel, OutletId) -> OutletId) -> (Vec<String>, Vec<f32>, Vec<f32>) {
        let mut model = TypedModel::default();
        let source = model.add_source("x", f32::fact([8, 25])).unwrap();
        let wire = build(&mut model, source);
        model.select_output_outlets(&[wire]).unwrap();
        let input: Vec<f32> = (0..200).map(|i| (i as f32 - 100.0) / 17.0).collect();
        let run = |model: TypedModel| {
            let input = Tensor::from_shape(&[8, 25], &input).unwrap().into_tvalue();
            let made = model.into_optimized().unwrap().into_runnable().unwrap().run(tvec!(input)).unwrap();
            made[0].try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec()
        };
        let before = run(model.clone());
        known_curves(&mut model).unwrap();
        let names = model.nodes().iter().map(|node| node.op.name().into_owned()).collect();
        (names, before, run(model))
    }

    fn one(model: &mut TypedModel, value: f32) -> OutletId {
        model.add_const(format!("{value}"), Tensor::from_shape(&[1, 1], &[value]).unwrap()).unwrap()
    }

    /// `factor * (x + 0.044715 x^3)`, the cube as `cube` makes it.
    fn inner(model: &mut TypedModel, x: OutletId, factor: f32, cube: OutletId) -> OutletId {
        let [small, factor] = [one(model, 0.044_715), one(model, factor)];
        let small = model.wire_node("small", mul(), &[cube, small]).unwrap()[0];
        let sum = model.wire_node("sum", add(), &[small, x]).unwrap()[0];
        model.wire_node("inner", mul(), &[sum, factor]).unwrap()[0]
    }

    #[test]
    fn gelu_is_known_in_any_order_of_its_factors() {
        for form in 0..4 {
            let (names, before, after) = rewritten(|model, x| {
                let cube = if form % 2 == 0 {
                    let squared = model.wire_node("squared", square(), &[x]).unwrap()[0];
                    model.wire_node("cube", mul(), &[squared, x]).unwrap()[0]
                } else {
                    let three = one(model, 3.0);
                    model.wire_node("cube", pow(), &[x, three]).unwrap()[0]
                };
                let inner = inner(model, x, 0.797_884_6, cube);
                let tanh = model.wire_node("tanh", tanh(), &[inner]).unwrap()[0];
                let [half, unit] = [one(model, 0.5), one(model, 1.0)];
                let gate = model.wire_node("gate", add(), &[tanh, unit]).unwrap()[0];
                let (first, second) = if form < 2 { (x, gate) } else { (gate, x) };
                let halved = model.wire_node("halved", mul(), &[first, half]).unwrap()[0];
                model.wire_node("made", mul(), &[halved, second]).unwrap()[0]
            });
            assert!(
                names.iter().any(|name| name.contains("Gelu")) && !names.iter().any(|n| n == "Tanh"),
                "{form}: {names:?}"
            );
            assert!(before.iter().zip(&after).all(|(a, b)| (a - b).abs() < 1e-5), "{form}");
        }
    }

    #[test]
    fn a_limit_far_out_stays() {
        for limit in [7.0f32, 20.0, 3000.0] {
            let (names, before, after) = rewritten(|model, x| {
                let limit = one(model, limit);
                let limited = model.wire_node("limited", min(), &[x, limit]).unwrap()[0];
                let gate = model.wire_node("gate", sigmoid(), &[x]).unwrap()[0];
                model.wire_node("made", mul(), &[limited, gate]).unwrap()[0]
            });
            assert!(names.iter().any(|name| name == "Min"), "{limit}: {names:?}");
            assert_eq!(before, after);
        }
    }

    #[test]
    fn what_only_resembles_it_stays() {
        let (names, before, after) = rewritten(|model, x| {
            let squared = model.wire_node("squared", square(), &[x]).unwrap()[0];
            let cube = model.wire_node("cube", mul(), &[squared, x]).unwrap()[0];
            // Another factor than GELU's.
            let inner = inner(model, x, 0.81, cube);
            let tanh = model.wire_node("tanh", tanh(), &[inner]).unwrap()[0];
            let unit = one(model, 1.0);
            let gate = model.wire_node("gate", add(), &[tanh, unit]).unwrap()[0];
            model.wire_node("made", mul(), &[gate, x]).unwrap()[0]
        });
        assert!(names.iter().any(|name| name == "Tanh"), "{names:?}");
        assert_eq!(before, after);
    }
}
