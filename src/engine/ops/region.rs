//! A convolutional region of a graph as one operator: planar pictures in and out, a program of our kernels between.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;

use crate::engine::kernels::{Program, Team, Workspace};
use crate::engine::threads::Threads;

/// Pictures [1, C, H, W] or [C, H, W] of `f32` in, pictures out.
#[derive(Clone, Debug)]
pub(in crate::engine) struct ConvRegion(Arc<Inner>);

struct Inner {
    program: Program,
    /// The node that each step began as.
    names: Vec<String>,
    outputs: Vec<TypedFact>,
    team: Arc<Team>,
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
    pub fn new(program: Program, names: Vec<String>, outputs: Vec<TypedFact>, threads: &Threads) -> Self {
        ConvRegion(Arc::new(Inner { program, names, outputs, team: threads.team.clone() }))
    }

    pub fn program(&self) -> &Program {
        &self.0.program
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
    /// Tensors given out as outputs, to be filled again when nobody else holds them any more: large ones from the
    /// allocator are fresh pages each time, which cost more than what is written there.
    given: Vec<Vec<Arc<Tensor>>>,
}

/// Whoever keeps the last answer while the next is computed has two of them; one is in the making.
const MOST_GIVEN: usize = 3;

impl RegionState {
    fn new(region: Arc<Inner>) -> Self {
        let workspace = region.program.workspace(region.team.threads());
        let given = region.outputs.iter().map(|_| Vec::new()).collect();
        RegionState { region, workspace, given }
    }

    /// A tensor of output `ix` that only the caller holds, whatever its contents.
    fn free_tensor(&mut self, ix: usize) -> TractResult<Arc<Tensor>> {
        let given = &mut self.given[ix];
        if let Some(at) = given.iter_mut().position(|tensor| Arc::get_mut(tensor).is_some()) {
            return Ok(given.swap_remove(at));
        }
        let shape = self.region.outputs[ix].shape.as_concrete().context("a shape that varies")?;
        Ok(Arc::new(Tensor::zero::<f32>(shape)?))
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
        let mut outputs: TVec<Arc<Tensor>> =
            (0..self.given.len()).map(|ix| self.free_tensor(ix)).collect::<TractResult<_>>()?;
        {
            let mut slices: TVec<&mut [f32]> = tvec!();
            for tensor in &mut outputs {
                let tensor = Arc::get_mut(tensor).context("output held elsewhere")?;
                slices.push(tensor.to_plain_array_view_mut::<f32>()?.into_slice().context("output in pieces")?);
            }
            self.region.program.run(&mut self.workspace, &sources, &mut slices, &self.region.team);
        }
        for (given, tensor) in self.given.iter_mut().zip(&outputs) {
            if given.len() < MOST_GIVEN {
                given.push(tensor.clone());
            }
        }
        Ok(outputs.into_iter().map(IntoTValue::into_tvalue).collect())
    }

    fn reset_lanes(&mut self, _: &[LaneId]) -> TractResult<()> {
        Ok(())
    }
}
