use std::fmt::Debug;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;

use super::recycled::{Recycled, only_mine};
use crate::engine::kernels::{Team, Variant};
use crate::engine::threads::Threads;

/// What a [`Planned`] operator computes.
pub(in crate::engine) trait Kernel: Debug + Send + Sync + 'static {
    /// How many tensors it reads.
    const INPUTS: usize;

    /// The operator's name, and the audit's words for how it runs.
    fn name(&self) -> [&'static str; 2];

    /// Floats that a thread needs for itself.
    fn scratch_len(&self) -> usize;

    /// From [`Self::INPUTS`] tensors of `f32` to one, on the variant that it was planned for, with scratch for every thread of the team.
    fn run(&self, variant: Variant, inputs: &[&[f32]], output: &mut [f32], scratch: &mut [f32], team: &Team);
}

/// An operator of one of our kernels, planned for this processor and for inputs of fixed shapes.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Planned<K>(Arc<Inner<K>>);

#[derive(Debug)]
struct Inner<K> {
    kernel: K,
    variant: Variant,
    shape: TVec<usize>,
    threads: Threads,
}

impl<K> PartialEq for Planned<K> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<K> Eq for Planned<K> {}

impl<K: Kernel + Clone> Planned<K> {
    /// `kernel` was planned for `variant` and makes a tensor of `shape`.
    pub fn new(kernel: K, variant: Variant, shape: &[usize], threads: &Threads) -> Self {
        Planned(Arc::new(Inner { kernel, variant, shape: shape.into(), threads: threads.clone() }))
    }

    /// What it does, in the audit's words.
    pub fn label(&self) -> String {
        let [name, way] = self.0.kernel.name();
        format!("{name} f32: {way} {}", self.0.variant)
    }
}

impl<K: Kernel + Clone> Op for Planned<K> {
    fn name(&self) -> StaticName {
        self.0.kernel.name()[0].into()
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl<K: Kernel + Clone> EvalOp for Planned<K> {
    not_out_of_plan!();

    fn state(&self, _: &EvalContext) -> TractResult<Option<Box<dyn OpState>>> {
        Ok(Some(Box::new(PlannedState::new(self.clone()))))
    }
}

impl<K: Kernel + Clone> TypedOp for Planned<K> {
    as_op!();

    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(&*self.0.shape)))
    }
}

/// One session's memory.
#[derive(Debug)]
struct PlannedState<K> {
    op: Planned<K>,
    scratch: Vec<f32>,
    given: Recycled,
}

impl<K: Kernel + Clone> PlannedState<K> {
    fn new(op: Planned<K>) -> Self {
        let scratch = vec![0.0; op.0.threads.team.threads() * op.0.kernel.scratch_len()];
        PlannedState { op, scratch, given: Recycled::default() }
    }
}

impl<K: Kernel + Clone> Clone for PlannedState<K> {
    fn clone(&self) -> Self {
        // Nothing survives from one run to the next.
        PlannedState::new(self.op.clone())
    }
}

impl<K: Kernel + Clone> OpState for PlannedState<K> {
    fn eval(&mut self, _: &EvalContext, _: &dyn Op, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let Inner { kernel, variant, shape, threads } = &*self.op.0;
        ensure!(inputs.len() == K::INPUTS, "{} of {} tensors", kernel.name()[0], inputs.len());
        let sources: TVec<&[f32]> =
            inputs.iter().map(|t| t.try_as_plain_ram()?.as_slice::<f32>()).collect::<TractResult<_>>()?;
        let mut output = self.given.take(shape)?;
        kernel.run(*variant, &sources, only_mine(&mut output)?, &mut self.scratch, &threads.team);
        self.given.give(&output);
        Ok(tvec!(output.into_tvalue()))
    }

    fn reset_lanes(&mut self, _: &[LaneId]) -> TractResult<()> {
        Ok(())
    }
}
