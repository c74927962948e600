use std::collections::HashMap;

use tract_onnx::tract_core::internal::*;

use super::build::{Draft, build};
use super::partition::{Region, partition};
use super::place::place;
use super::refusal::{Refusal, refusal};
use crate::engine::kernels::Variant;
use crate::engine::ops::{ConvRegion, Resources};
use crate::engine::quantized::WeightGrids;

/// Replaces every convolutional region of a decluttered model of fixed shapes by one operator. `grids` are those of the
/// file's weights. A region whose workspace would take more than `max_bytes` is left. Says which convolutions stay tract's or,
/// rounded input or not, are computed on floats.
pub(in crate::engine) fn convolutional_regions(
    model: &mut TypedModel,
    resources: &Resources,
    grids: &WeightGrids,
    max_bytes: u64,
) -> TractResult<Vec<Refusal>> {
    let mut refused = Vec::new();
    // All are planned before the first changes the model that the others were found in.
    let mut planned = Vec::new();
    for region in partition(model)? {
        let Some(draft) = build(model, &region) else {
            refused.extend(of_region(model, &region, "its region's nodes do not fit together"));
            continue;
        };
        match place(&draft, Variant::best(), grids) {
            Ok((program, _)) if program.workspace_bytes(resources.threads.count()) as u64 > max_bytes => {
                refused.extend(of_region(model, &region, "its pictures with their margins take too much memory"));
            }
            Ok((program, floats)) => {
                refused.extend(floats);
                let names = draft.operations.iter().map(|op| op.name.clone()).collect();
                let facts = draft.outputs.iter().map(|(outlet, _)| Ok(model.outlet_fact(*outlet)?.without_value()));
                let op = ConvRegion::new(program, names, facts.collect::<TractResult<_>>()?, resources);
                planned.push((draft, op));
            }
            Err(reason) => {
                tracing::debug!(reason, "a convolutional region stays as it is");
                refused.extend(of_region(model, &region, "its region's steps do not fit together"));
            }
        }
    }
    // A region that has become an operator gives what its nodes gave.
    let mut given: HashMap<OutletId, OutletId> = HashMap::new();
    for (draft, op) in planned {
        replace(model, &draft, op, &mut given)?;
    }
    // Node numbers stay as they are until here: drafts name them.
    model.compact()?;
    let known: Vec<String> = refused.iter().map(|r: &Refusal| r.node.clone()).collect();
    let left = model.nodes().iter().filter(|node| !known.contains(&node.name));
    refused.extend(left.filter_map(|node| refusal(model, node)));
    Ok(refused)
}

fn of_region(model: &TypedModel, region: &Region, reason: &'static str) -> Vec<Refusal> {
    let convolutions = region.iter().filter(|(_, recognized)| recognized.is_convolution());
    convolutions.map(|(id, _)| Refusal::new(&model.node(*id).name, reason)).collect()
}

fn replace(
    model: &mut TypedModel,
    draft: &Draft,
    op: ConvRegion,
    given: &mut HashMap<OutletId, OutletId>,
) -> TractResult<()> {
    let mut patch = TypedModelPatch::new("convolutional region");
    let now = |outlet: &OutletId| *given.get(outlet).unwrap_or(outlet);
    let inputs: TVec<OutletId> =
        draft.inputs.iter().map(|(outlet, _)| patch.tap_model(model, now(outlet))).collect::<TractResult<_>>()?;
    let name = draft.operations.first().map(|op| op.name.as_str()).unwrap_or_default();
    let name = format!("{name}.region");
    let wires = patch.wire_node(&name, op, &inputs)?;
    for ((outlet, _), wire) in draft.outputs.iter().zip(wires) {
        patch.shunt_outside(model, *outlet, wire)?;
    }
    patch.apply(model)?;
    let region = model.node_id_by_name(&name)?;
    given.extend(draft.outputs.iter().enumerate().map(|(slot, (outlet, _))| (*outlet, OutletId::new(region, slot))));
    Ok(())
}
