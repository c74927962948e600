//! The numbers on nodes: axes, kernels, paddings. The engine builds tables by them and counts up to them, whatever they are.

use std::path::Path;

use tract_onnx::pb::{AttributeProto, NodeProto};

use crate::engine::failure::{node_name, refused_node};
use crate::error::ModelError;

/// Most axes of a tensor.
pub(super) const MAX_AXES: i64 = 32;

/// Largest size, stride or padding.
const MAX_NUMBER: i64 = 1 << 24;

/// Most positions of a kernel: a square of a thousand.
const MAX_KERNEL: i64 = 1 << 20;

/// Attributes that hold values rather than sizes; those of old slices are clipped to what is sliced.
const VALUES: [&str; 5] = ["value_int", "value_ints", "starts", "ends", "seed"];

/// Refuses a node with a number that is out of all proportion.
pub(super) fn check_attributes(path: &Path, node: &NodeProto) -> Result<(), ModelError> {
    let refuse = |name: &str, what: String| {
        Err(refused_node(path, node_name(node), &node.op_type, format!("its `{name}` is {what}")))
    };
    for attribute in &node.attribute {
        let name = attribute.name.as_str();
        if VALUES.contains(&name) {
            continue;
        }
        let limit = if is_axis(name) { MAX_AXES } else { MAX_NUMBER };
        if let Some(number) = numbers(attribute).find(|number| !(-limit..=limit).contains(number)) {
            return refuse(name, format!("{number}, which is not within {limit}"));
        }
        if is_axis(name) && attribute.ints.len() > MAX_AXES as usize {
            return refuse(name, format!("a list of {}, of more than {MAX_AXES} axes", attribute.ints.len()));
        }
        if name == "kernel_shape" {
            // No overflow: each factor is below 2^24, and the product is cut off.
            let positions = attribute.ints.iter().fold(1, |all, side| (all * (*side).max(1)).min(1 << 32));
            if positions > MAX_KERNEL {
                return refuse(name, format!("{:?}, over the limit of {MAX_KERNEL} positions", attribute.ints));
            }
        }
    }
    Ok(())
}

fn is_axis(name: &str) -> bool {
    matches!(name, "axis" | "axes" | "perm" | "batch_dims" | "start" | "end") || name.ends_with("_axes")
}

fn numbers(attribute: &AttributeProto) -> impl Iterator<Item = i64> {
    std::iter::once(attribute.i).chain(attribute.ints.iter().copied())
}
