use std::collections::HashMap;
use std::sync::Arc;

use half::f16;
use serde::{Deserialize, Serialize};
use tract_onnx::prelude::{DatumType, Tensor as TractTensor, TypedModel};
use tract_onnx::tract_core::floats::FloatPrecisionTranslator;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::cast::cast;
use tract_onnx::tract_core::ops::konst::Const;

use super::steps::Steps;
use crate::error::GpuError;

/// What a graph is asked to compute in. Inputs and outputs are `f32` either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Weights and arithmetic in 32-bit floats.
    #[default]
    F32,
    /// Weights in half floats; the arithmetic too where the processor has it (ARMv8.2 and later). Elsewhere the
    /// arithmetic stays in 32 bits, because emulated half arithmetic is hundreds of times slower.
    F16,
    /// Convolutions on 8-bit integers, as far as the file quantises them; what lies between in 32-bit floats.
    Int8,
}

impl Precision {
    /// The name on the command line, in the manifest and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::F16 => "f16",
            Precision::Int8 => "int8",
        }
    }
}

impl std::str::FromStr for Precision {
    type Err = crate::error::ConfigError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "f32" => Ok(Precision::F32),
            "f16" => Ok(Precision::F16),
            "int8" => Ok(Precision::Int8),
            _ => Err(crate::error::ConfigError::Address {
                what: "precision",
                address: s.into(),
                known: "f32, f16, int8".into(),
            }),
        }
    }
}

/// How a precision is carried out on this processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Single,
    /// Weights rounded to half, arithmetic in single.
    SingleWithHalfWeights,
    Half,
}

impl Arithmetic {
    pub(super) fn on_this_cpu(precision: Precision) -> Self {
        match precision {
            // A quantised file says itself which of its convolutions are integers'.
            Precision::F32 | Precision::Int8 => Arithmetic::Single,
            Precision::F16 if tract_linalg::has_fp16() => Arithmetic::Half,
            Precision::F16 => Arithmetic::SingleWithHalfWeights,
        }
    }

    /// On a GPU, which computes with either width of floats.
    ///
    /// # Errors
    /// [`GpuError::Precision`] for integers.
    pub(super) fn on_a_gpu(precision: Precision) -> Result<Self, GpuError> {
        match precision {
            Precision::F32 => Ok(Arithmetic::Single),
            Precision::F16 => Ok(Arithmetic::Half),
            Precision::Int8 => Err(GpuError::Precision),
        }
    }

    /// The same for a graph that sums integers: half floats hold none beyond 65,504, and not every one beyond 2,048.
    pub(super) fn of_whole_numbers(self) -> Self {
        match self {
            Arithmetic::Half => Arithmetic::SingleWithHalfWeights,
            single => single,
        }
    }

    /// The words of the audit.
    pub(super) const fn describe(self) -> &'static str {
        match self {
            Arithmetic::Single => "f32",
            Arithmetic::SingleWithHalfWeights => "f16 weights, f32 arithmetic",
            Arithmetic::Half => "f16",
        }
    }
}

/// Brings a decluttered model of any float width to `arithmetic`, with `f32` at its edges.
pub(super) fn apply(model: &mut TypedModel, arithmetic: Arithmetic, steps: &Steps) -> TractResult<()> {
    match arithmetic {
        Arithmetic::Single => Ok(()),
        Arithmetic::SingleWithHalfWeights => round_weights(model),
        Arithmetic::Half => into_half(model, steps),
    }
}

/// Turns a model with half (or double) floats anywhere into one of single floats, edges included.
pub(super) fn into_single(model: &mut TypedModel, steps: &Steps) -> TractResult<()> {
    for from in [DatumType::F16, DatumType::F64] {
        let present = model.nodes().iter().any(|n| n.outputs.iter().any(|o| o.fact.datum_type == from));
        if present {
            model.transform(&FloatPrecisionTranslator::new(from, DatumType::F32))?;
            steps.declutter(model)?;
        }
    }
    Ok(())
}

/// Rounds every constant to the nearest half float. A constant beyond the range of half floats is kept as it is: it is
/// a bound or a mask value, not a weight.
fn round_weights(model: &mut TypedModel) -> TractResult<()> {
    let mut rounded: HashMap<usize, Arc<TractTensor>> = HashMap::new();
    for node in model.nodes() {
        let Some(values) = node.op_as::<Const>().map(|k| k.val()) else { continue };
        let Some(Ok(data)) = values.as_plain_ram().map(|v| v.as_slice::<f32>()) else { continue };
        if data.iter().any(|v| v.is_finite() && !f16::from_f32(*v).is_finite()) {
            continue;
        }
        let data: Vec<f32> = data.iter().map(|v| f16::from_f32(*v).to_f32()).collect();
        rounded.insert(node.id, TractTensor::from_shape(values.shape(), &data)?.into_arc_tensor());
    }
    for (id, values) in rounded {
        let node = model.node_mut(id);
        node.op = Box::new(Const::new(values.clone())?);
        node.outputs[0].fact = TypedFact::try_from(values)?;
    }
    // Facts that were derived from a constant's value follow it.
    model.refresh_output_facts()
}

/// Half arithmetic inside, `f32` at the edges.
pub(super) fn into_half(model: &mut TypedModel, steps: &Steps) -> TractResult<()> {
    model.transform(&FloatPrecisionTranslator::new(DatumType::F32, DatumType::F16))?;
    for ix in 0..model.inputs.len() {
        let inner = model.inputs[ix];
        let fact = model.outlet_fact(inner)?.clone();
        if fact.datum_type != DatumType::F16 {
            continue;
        }
        let name = model.node(inner.node).name.clone();
        model.rename_node(inner.node, &format!("{name}.half"))?;
        let readers = model.node(inner.node).outputs[inner.slot].successors.clone();
        let outer = model.add_source(&name, DatumType::F32.fact(fact.shape.clone()))?;
        // `add_source` appends to the inputs; the new one takes the old one's place.
        model.inputs.pop();
        model.inputs[ix] = outer;
        let narrowed = model.wire_node(format!("{name}.to-half"), cast(DatumType::F16), &[outer])?[0];
        for reader in readers {
            model.add_edge(narrowed, reader)?;
        }
    }
    for ix in 0..model.outputs.len() {
        let inner = model.outputs[ix];
        if model.outlet_fact(inner)?.datum_type != DatumType::F16 {
            continue;
        }
        let name = format!("{}.to-single-{ix}", model.node(inner.node).name);
        model.outputs[ix] = model.wire_node(name, cast(DatumType::F32), &[inner])?[0];
    }
    model.compact()?;
    // Folds the casts of the weights.
    steps.declutter(model)
}
