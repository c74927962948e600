//! A convolutional region of a graph as one operator: planar pictures in and out, a program of our kernels between.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;

use super::resources::{Resources, only_mine};
use crate::engine::kernels::{Program, Workspace};
use crate::engine::profile;

/// Pictures [1, C, H, W] or [C, H, W] of `f32` in, pictures out.
#[derive(Clone, Debug)]
pub(in crate::engine) struct ConvRegion(Arc<Inner>);

struct Inner {
    program: Program,
    /// The node that each step began as.
    names: Vec<String>,
    outputs: Vec<TypedFact>,
    resources: Resources,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} steps on {}", self.names.len(), self.program.variant())
    }
}

impl PartialEq for ConvRegion {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ConvRegion {}

impl ConvRegion {
    /// `outputs` are of the program's pictures, with or without a leading axis of 1.
    pub fn new(program: Program, names: Vec<String>, outputs: Vec<TypedFact>, resources: &Resources) -> Self {
        ConvRegion(Arc::new(Inner { program, names, outputs, resources: resources.clone() }))
    }

    pub fn program(&self) -> &Program {
        &self.0.program
    }

    /// Bytes of memory that a run takes, in turn with others of the graph.
    pub fn bytes(&self) -> usize {
        self.0.program.workspace_bytes(self.0.resources.threads.count())
    }

    /// The node that each step of the program began as.
    pub fn names(&self) -> &[String] {
        &self.0.names
    }
}

impl Op for ConvRegion {
    fn name(&self) -> StaticName {
        "ConvRegion".into()
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for ConvRegion {
    not_out_of_plan!();

    fn state(&self, _: &EvalContext) -> TractResult<Option<Box<dyn OpState>>> {
        Ok(Some(Box::new(RegionState::new(self.0.clone()))))
    }
}

impl TypedOp for ConvRegion {
    as_op!();

    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(self.0.outputs.iter().cloned().collect())
    }
}

/// One session's memory for the region.
struct RegionState {
    region: Arc<Inner>,
    workspace: Workspace,
}

impl RegionState {
    fn new(region: Arc<Inner>) -> Self {
        let workspace = region.program.workspace(region.resources.threads.team.threads());
        RegionState { region, workspace }
    }
}

impl Clone for RegionState {
    fn clone(&self) -> Self {
        // Nothing survives from one run to the next.
        RegionState::new(self.region.clone())
    }
}

impl std::fmt::Debug for RegionState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.region.fmt(f)
    }
}

impl OpState for RegionState {
    fn eval(&mut self, _: &EvalContext, _: &dyn Op, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let sources: TVec<&[f32]> =
            inputs.iter().map(|t| t.try_as_plain_ram()?.as_slice::<f32>()).collect::<TractResult<_>>()?;
        let mut outputs: TVec<Arc<Tensor>> = tvec!();
        let Inner { program, resources, .. } = &*self.region;
        for fact in &self.region.outputs {
            outputs.push(resources.tensor(fact.shape.as_concrete().context("a shape that varies")?)?);
        }
        {
            let mut slices: TVec<&mut [f32]> = outputs.iter_mut().map(only_mine).collect::<TractResult<_>>()?;
            self.workspace.timed = profile::is_on();
            self.workspace.scratch = resources.scratch();
            program.run(&mut self.workspace, &sources, &mut slices, &resources.threads.team);
            resources.keep(std::mem::take(&mut self.workspace.scratch));
            if self.workspace.timed {
                profile::add(program.times(&self.workspace));
            }
        }
        outputs.iter().for_each(|tensor| resources.give(tensor));
        Ok(outputs.into_iter().map(IntoTValue::into_tvalue).collect())
    }

    fn reset_lanes(&mut self, _: &[LaneId]) -> TractResult<()> {
        Ok(())
    }
}
