use tract_onnx::tract_core::internal::*;

use super::build::{Draft, build};
use super::partition::partition;
use super::place::place;
use crate::engine::kernels::Variant;
use crate::engine::ops::ConvRegion;
use crate::engine::threads::Threads;

/// Replaces every convolutional region of a decluttered model of fixed shapes by one operator.
pub(in crate::engine) fn convolutional_regions(model: &mut TypedModel, threads: &Threads) -> TractResult<()> {
    for region in partition(model)? {
        let Some(draft) = build(model, &region) else { continue };
        let program = match place(&draft, Variant::best()) {
            Ok(program) => program,
            Err(reason) => {
                tracing::debug!(reason, "a convolutional region stays as it is");
                continue;
            }
        };
        let names = draft.operations.iter().map(|op| op.name.clone()).collect();
        let facts = draft.outputs.iter().map(|(outlet, _)| model.outlet_fact(*outlet).map(|f| f.without_value()));
        let facts = facts.collect::<TractResult<_>>()?;
        let op = ConvRegion::new(program, names, facts, threads);
        replace(model, &draft, op)?;
    }
    // Node numbers stay as they are until here: regions are lists of them.
    model.compact()
}

fn replace(model: &mut TypedModel, draft: &Draft, op: ConvRegion) -> TractResult<()> {
    let mut patch = TypedModelPatch::new("convolutional region");
    let inputs: TVec<OutletId> =
        draft.inputs.iter().map(|(outlet, _)| patch.tap_model(model, *outlet)).collect::<TractResult<_>>()?;
    let name = draft.operations.first().map(|op| op.name.as_str()).unwrap_or_default();
    let wires = patch.wire_node(format!("{name}.region"), op, &inputs)?;
    for ((outlet, _), wire) in draft.outputs.iter().zip(wires) {
        patch.shunt_outside(model, *outlet, wire)?;
    }
    patch.apply(model)
}
