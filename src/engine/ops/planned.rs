use std::fmt::Debug;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;

use super::resources::{Resources, only_mine};
use crate::engine::kernels::{Team, Variant};

/// What a [`Planned`] operator computes.
pub(in crate::engine) trait Kernel: Debug + Send + Sync + 'static {
    /// How many tensors it reads.
    fn inputs(&self) -> usize;

    /// The operator's name, and the audit's words for how it runs.
    fn name(&self) -> [&'static str; 2];

    /// Floats that a thread needs for itself.
    fn scratch_len(&self) -> usize;

    /// From as many tensors of `f32` as it [reads](Self::inputs) to one, on the variant that it was planned for, with scratch for
    /// every thread of the team.
    fn run(&self, variant: Variant, inputs: &[&[f32]], output: &mut [f32], scratch: &mut [f32], team: &Team);
}

/// An operator of one of our kernels, planned for this processor and for inputs of fixed shapes.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Planned<K> {
    inner: Arc<Inner<K>>,
    shape: TVec<usize>,
}

#[derive(Debug)]
struct Inner<K> {
    kernel: K,
    variant: Variant,
    resources: Resources,
}

impl<K> PartialEq for Planned<K> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner) && self.shape == other.shape
    }
}

impl<K> Eq for Planned<K> {}

impl<K: Kernel + Clone> Planned<K> {
    /// `kernel` was planned for `variant` and makes a tensor of `shape`.
    pub fn new(kernel: K, variant: Variant, shape: &[usize], resources: &Resources) -> Self {
        Planned { inner: Arc::new(Inner { kernel, variant, resources: resources.clone() }), shape: shape.into() }
    }
}

/// What is asked of an operator whatever its kernel.
pub(in crate::engine) trait Ours {
    /// What it does, in the audit's words.
    fn label(&self) -> String;

    /// Bytes of scratch of all threads.
    fn scratch_bytes(&self) -> usize;

    /// The same, with its numbers in another shape.
    fn shaped(&self, shape: &[usize]) -> Box<dyn TypedOp>;
}

impl<K: Kernel + Clone> Ours for Planned<K> {
    fn label(&self) -> String {
        let [name, way] = self.inner.kernel.name();
        format!("{name} f32: {way} {}", self.inner.variant)
    }

    fn scratch_bytes(&self) -> usize {
        let Inner { kernel, resources, .. } = &*self.inner;
        (resources.threads.count() * kernel.scratch_len()).saturating_mul(size_of::<f32>())
    }

    fn shaped(&self, shape: &[usize]) -> Box<dyn TypedOp> {
        Box::new(Planned { inner: self.inner.clone(), shape: shape.into() })
    }
}

impl<K: Kernel + Clone> Op for Planned<K> {
    fn name(&self) -> StaticName {
        self.inner.kernel.name()[0].into()
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl<K: Kernel + Clone> EvalOp for Planned<K> {
    not_out_of_plan!();

    fn state(&self, _: &EvalContext) -> TractResult<Option<Box<dyn OpState>>> {
        Ok(Some(Box::new(PlannedState(self.clone()))))
    }
}

impl<K: Kernel + Clone> TypedOp for Planned<K> {
    as_op!();

    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(&*self.shape)))
    }
}

/// A session's own: nothing, for all memory is shared.
#[derive(Clone, Debug)]
struct PlannedState<K>(Planned<K>);

impl<K: Kernel + Clone> OpState for PlannedState<K> {
    fn eval(&mut self, _: &EvalContext, _: &dyn Op, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let Planned { inner, shape } = &self.0;
        let Inner { kernel, variant, resources } = &**inner;
        ensure!(inputs.len() == kernel.inputs(), "{} of {} tensors", kernel.name()[0], inputs.len());
        let sources: TVec<&[f32]> =
            inputs.iter().map(|t| t.try_as_plain_ram()?.as_slice::<f32>()).collect::<TractResult<_>>()?;
        let mut output = resources.tensor(shape)?;
        let team = &resources.threads.team;
        let mut scratch = resources.scratch();
        let memory = scratch.take(team.threads() * kernel.scratch_len());
        kernel.run(*variant, &sources, only_mine(&mut output)?, memory, team);
        resources.keep(scratch);
        resources.give(&output);
        Ok(tvec!(output.into_tvalue()))
    }

    fn reset_lanes(&mut self, _: &[LaneId]) -> TractResult<()> {
        Ok(())
    }
}
