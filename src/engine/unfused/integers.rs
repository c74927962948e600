//! Products of integers whose answer is floats.

use tract_onnx::pb::NodeProto;
use tract_onnx::pb::tensor_proto::DataType;

use super::{Made, attribute, input, integer, without};

/// `MatMulIntegerToFloat`: A, B, A's scale, B's scale, A's zero point, B's zero point, bias.
pub(super) fn product(fused: &NodeProto, made: &mut Made<'_>) -> Option<()> {
    let at = |slot| input(fused, slot);
    let codes = [at(0)?, at(1)?, at(4).unwrap_or_default(), at(5).unwrap_or_default()];
    scaled(fused, made, codes, [at(2)?, at(3)?], at(6))
}

/// `DynamicQuantizeMatMul`: A, B, B's scale, B's zero point, bias. A is quantised by its own smallest and largest number.
pub(super) fn dynamic_product(fused: &NodeProto, made: &mut Made<'_>) -> Option<()> {
    let at = |slot| input(fused, slot);
    let [codes, scale, zero_point] = ["codes", "scale", "zero_point"].map(|what| made.tensor(what));
    made.node("DynamicQuantizeLinear", &[at(0)?], &codes, vec![]);
    made.nodes.last_mut()?.output.extend([scale.clone(), zero_point.clone()]);
    scaled(fused, made, [&codes, at(1)?, &zero_point, at(3).unwrap_or_default()], [&scale, at(2)?], at(4))
}

/// The product of two tensors of codes, times both scales, and a bias added.
fn scaled(
    fused: &NodeProto,
    made: &mut Made<'_>,
    codes: [&str; 4],
    [left, right]: [&str; 2],
    bias: Option<&str>,
) -> Option<()> {
    let given = codes.iter().rposition(|name| !name.is_empty())?;
    let whole = made.inner("MatMulInteger", &codes[..=given], vec![]);
    let exact = made.inner("Cast", &[&whole], vec![integer("to", DataType::Float as i64)]);
    let scale = made.inner("Mul", &[left, right], vec![]);
    let output = fused.output.first()?;
    match bias {
        None => made.node("Mul", &[&exact, &scale], output, vec![]),
        Some(bias) => {
            let product = made.inner("Mul", &[&exact, &scale], vec![]);
            made.node("Add", &[&product, bias], output, vec![]);
        }
    }
    Some(())
}

/// `QGemm`: A, its scale and zero point, B, its scale and zero point, C in 32-bit integers, the output's scale and zero point,
/// without which the output is floats. B's scales are one, or one for each of its columns.
pub(super) fn gemm(fused: &NodeProto, made: &mut Made<'_>) -> Option<()> {
    let at = |slot| input(fused, slot);
    let transposed = attribute(fused, "transB").is_some_and(|a| a.i != 0);
    let columns = vec![integer("axis", if transposed { 0 } else { 1 })];
    let a = made.inner("DequantizeLinear", &[at(0)?, at(1)?, at(2)?], vec![]);
    let b = made.inner("DequantizeLinear", &[at(3)?, at(4)?, at(5)?], columns);
    let plain = without(fused, &["alpha"]);
    let mut sum = made.inner("Gemm", &[&a, &b], plain);
    if let Some(c) = at(6) {
        let c = made.inner("Cast", &[c], vec![integer("to", DataType::Float as i64)]);
        let scale = made.inner("Mul", &[at(1)?, at(4)?], vec![]);
        let c = made.inner("Mul", &[&c, &scale], vec![]);
        sum = made.inner("Add", &[&sum, &c], vec![]);
    }
    if let Some(alpha) = attribute(fused, "alpha").filter(|alpha| alpha.f != 1.0) {
        let alpha = made.inner("Constant", &[], vec![super::float("value_float", alpha.f)]);
        sum = made.inner("Mul", &[&sum, &alpha], vec![]);
    }
    let output = fused.output.first()?;
    match (at(7), at(8)) {
        (Some(scale), Some(zero_point)) => made.node("QuantizeLinear", &[&sum, scale, zero_point], output, vec![]),
        (Some(_), None) => return None,
        (None, _) => made.node("Identity", &[&sum], output, vec![]),
    }
    Some(())
}

/// `QLinearSoftmax`: X, its scale and zero point, the output's. Operator sets below 13 normalise over every axis from `axis` on,
/// which is another operator unless that is the last.
pub(super) fn softmax(fused: &NodeProto, made: &mut Made<'_>) -> Option<()> {
    let at = |slot| input(fused, slot);
    let number = |name: &str| attribute(fused, name).map(|attribute| attribute.i);
    let axis = number("axis").unwrap_or(-1);
    if number("opset")? < 13 && axis != -1 {
        return None;
    }
    let x = made.inner("DequantizeLinear", &[at(0)?, at(1)?, at(2)?], vec![]);
    let answer = made.inner("Softmax", &[&x], vec![integer("axis", axis)]);
    made.node("QuantizeLinear", &[&answer, at(3)?, at(4)?], fused.output.first()?, vec![]);
    Some(())
}
