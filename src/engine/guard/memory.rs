//! What a run holds.

use std::collections::BTreeSet;
use std::path::Path;

use tract_onnx::prelude::{TractResult, TypedModel};
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::konst::Const;

use crate::engine::failure::{reason, unreadable};
use crate::engine::limits::Limits;
use crate::engine::ops::{ConvRegion, ours};
use crate::error::ModelError;

/// Refuses an optimised graph whose constants, workspaces and tensors alive at a time are more than the limit, or than the
/// machine has to give.
pub(in crate::engine) fn check_run(path: &Path, model: &TypedModel, limits: &Limits) -> Result<(), ModelError> {
    let held = held(model).map_err(|e| unreadable(path, reason(&e)))?;
    let limit = match free() {
        // Small graphs are not held up by a number that others change.
        Some(free) if held > 1 << 28 => limits.max_total_bytes.min(free),
        _ => limits.max_total_bytes,
    };
    if held > u128::from(limit) {
        return Err(ModelError::TooMuchMemory { path: path.into(), what: "a run", bytes: held, limit });
    }
    Ok(())
}

/// Bytes of the constants, of the largest workspace, which operators use in turn, and of the outputs that are kept to be filled
/// again, and the most of the other tensors that are alive at a time.
fn held(model: &TypedModel) -> TractResult<u128> {
    let order = model.eval_order()?;
    let mut last_read = vec![0; model.nodes().len()];
    for (time, id) in order.iter().enumerate() {
        for input in &model.node(*id).inputs {
            last_read[input.node] = time;
        }
    }
    for output in &model.outputs {
        last_read[output.node] = order.len();
    }
    let (mut lasting, mut workspace, mut alive, mut most) = (0u128, 0u128, 0u128, 0u128);
    let mut pooled = BTreeSet::new();
    let mut freed: Vec<u128> = vec![0; order.len() + 1];
    for (time, id) in order.iter().enumerate() {
        let node = model.node(*id);
        let made: u128 = node.outputs.iter().map(|output| bytes(&output.fact)).sum();
        if node.op_is::<Const>() {
            lasting += made;
            continue;
        }
        // Outputs of our own operators stay with the graph, one of each length at least.
        let region = node.op_as::<ConvRegion>().map(ConvRegion::bytes);
        if let Some(taken) = region.or_else(|| ours(node).map(|ours| ours.scratch_bytes())) {
            pooled.extend(node.outputs.iter().map(|output| bytes(&output.fact)));
            workspace = workspace.max(taken as u128);
        }
        alive += made;
        most = most.max(alive);
        freed[last_read[*id].max(time)] += made;
        alive -= freed[time];
    }
    Ok(lasting + workspace + most + pooled.iter().sum::<u128>())
}

fn bytes(fact: &TypedFact) -> u128 {
    let elements = fact.shape.as_concrete().map_or(1, |dims| dims.iter().map(|d| *d as u128).product());
    elements * fact.datum_type.size_of() as u128
}

/// Bytes that the system can still give, where it tells.
fn free() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
