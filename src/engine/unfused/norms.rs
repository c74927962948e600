//! A sum and its normalisation.

use tract_onnx::pb::{AttributeProto, NodeProto};

use super::{Made, attribute, float, input, integer};

/// `SkipLayerNormalization`: input, skip, gamma, beta, bias; the outputs are the normalised sum, its mean, its inverse standard
/// deviation and the sum.
pub(super) fn layer_norm(fused: &NodeProto, made: &mut Made<'_>) -> Option<()> {
    let sum = sum(fused, made, input(fused, 4))?;
    let mut operands = vec![sum.as_str(), input(fused, 2)?];
    operands.extend(input(fused, 3));
    normalised(fused, made, "LayerNormalization", &operands)?;
    let further = fused.output.get(1..fused.output.len().min(3)).unwrap_or_default();
    made.nodes.last_mut()?.output.extend(further.iter().cloned());
    Some(())
}

/// `SkipSimplifiedLayerNormalization`: input, skip, gamma, bias; the outputs are as above, without mean and deviation.
pub(super) fn simplified_layer_norm(fused: &NodeProto, made: &mut Made<'_>) -> Option<()> {
    let sum = sum(fused, made, input(fused, 3))?;
    let unasked = fused.output.iter().skip(1).take(2).all(String::is_empty);
    unasked.then_some(())?;
    normalised(fused, made, "SimplifiedLayerNormalization", &[&sum, input(fused, 2)?])
}

/// The sum of input, skip and bias, called as the fused operator's fourth output.
fn sum(fused: &NodeProto, made: &mut Made<'_>, bias: Option<&str>) -> Option<String> {
    let output = match fused.output.get(3).filter(|name| !name.is_empty()) {
        Some(output) => output.clone(),
        None => made.tensor("sum"),
    };
    let operands = [input(fused, 0)?, input(fused, 1)?];
    match bias {
        None => made.node("Add", &operands, &output, vec![]),
        Some(bias) => {
            let both = made.inner("Add", &operands, vec![]);
            made.node("Add", &[&both, bias], &output, vec![]);
        }
    }
    Some(output)
}

fn normalised(fused: &NodeProto, made: &mut Made<'_>, operator: &str, operands: &[&str]) -> Option<()> {
    made.node(operator, operands, fused.output.first()?, vec![integer("axis", -1), epsilon(fused)]);
    Some(())
}

/// ONNX Runtime's where the file gives none.
fn epsilon(fused: &NodeProto) -> AttributeProto {
    float("epsilon", attribute(fused, "epsilon").map_or(1e-12, |attribute| attribute.f))
}
