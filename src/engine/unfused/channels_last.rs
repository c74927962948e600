//! Operators on pictures whose channels come last, between two transpositions.

use tract_onnx::pb::NodeProto;

use super::{DOMAIN, Made, attribute, input, whole, without};

/// Of pictures, besides batch and channels.
const MOST_AXES: i64 = 3;

/// `NhwcMaxPool`.
pub(super) fn max_pool(fused: &NodeProto, made: &mut Made<'_>) -> Option<()> {
    turned(fused, made, "MaxPool", "", spatial_axes(fused)?)
}

/// `QLinearConv` with the attribute `channels_last`. The weights have the order of ONNX either way.
pub(super) fn convolution(fused: &NodeProto, made: &mut Made<'_>) -> Option<()> {
    let weights = || made.ranks.get(input(fused, 3)?)?.checked_sub(2);
    let axes = spatial_axes(fused).or_else(|| Some(weights()? as i64));
    match is_set(fused) {
        true => turned(fused, made, "QLinearConv", "", axes?),
        false => kept(fused, made, "QLinearConv", ""),
    }
}

/// `QLinearAveragePool`.
pub(super) fn average_pool(fused: &NodeProto, made: &mut Made<'_>) -> Option<()> {
    match is_set(fused) {
        true => turned(fused, made, "QLinearAveragePool", DOMAIN, spatial_axes(fused)?),
        false => kept(fused, made, "QLinearAveragePool", DOMAIN),
    }
}

/// `QLinearGlobalAveragePool`, of pictures of two axes where its channels come last: nothing else tells their number.
pub(super) fn global_average(fused: &NodeProto, made: &mut Made<'_>) -> Option<()> {
    match is_set(fused) {
        true => turned(fused, made, "QLinearGlobalAveragePool", DOMAIN, 2),
        false => kept(fused, made, "QLinearGlobalAveragePool", DOMAIN),
    }
}

fn is_set(node: &NodeProto) -> bool {
    attribute(node, "channels_last").is_some_and(|attribute| attribute.i != 0)
}

fn spatial_axes(node: &NodeProto) -> Option<i64> {
    Some(attribute(node, "kernel_shape")?.ints.len() as i64)
}

fn kept(fused: &NodeProto, made: &mut Made<'_>, operator: &str, domain: &str) -> Option<()> {
    let inputs: Vec<&str> = fused.input.iter().map(String::as_str).collect();
    made.node(operator, &inputs, fused.output.first()?, without(fused, &["channels_last"]));
    made.nodes.last_mut()?.domain = domain.to_owned();
    Some(())
}

/// `operator` on the first input with its channels first, and its output with its channels last again.
fn turned(fused: &NodeProto, made: &mut Made<'_>, operator: &str, domain: &str, axes: i64) -> Option<()> {
    (1..=MOST_AXES).contains(&axes).then_some(())?;
    let channels_first = [0, axes + 1].into_iter().chain(1..=axes).collect();
    let channels_last = [0].into_iter().chain(2..=axes + 1).chain([1]).collect();
    let planes = made.inner("Transpose", &[input(fused, 0)?], vec![whole("perm", channels_first)]);
    let inputs: Vec<&str> =
        [planes.as_str()].into_iter().chain(fused.input.iter().skip(1).map(String::as_str)).collect();
    let answer = made.inner(operator, &inputs, without(fused, &["channels_last"]));
    made.nodes.last_mut()?.domain = domain.to_owned();
    made.node("Transpose", &[&answer], fused.output.first()?, vec![whole("perm", channels_last)]);
    Some(())
}
