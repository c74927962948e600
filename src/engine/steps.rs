//! A budget of steps for the engine's optimiser, whose time grows with the changes that it makes times the nodes that it
//! looks through for each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tract_onnx::prelude::TypedModel;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::optim::{Optimizer, OptimizerSession, TypedPass};

/// What is left of a budget. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Steps {
    taken: Arc<AtomicU64>,
    limit: u64,
}

impl Steps {
    pub fn new(limit: u64) -> Self {
        Steps { taken: Arc::default(), limit }
    }

    /// As tract's own.
    pub fn declutter(&self, model: &mut TypedModel) -> TractResult<()> {
        self.counted(Optimizer::declutter()).session().optimize(model)
    }

    /// As tract's own.
    pub fn optimize(&self, model: &mut TypedModel) -> TractResult<()> {
        let optimizer = self.counted(Optimizer::codegen());
        model.optimize_with_session(&mut optimizer.session())
    }

    /// How many were taken.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// How many were taken, if that was too many.
    pub fn exceeded(&self) -> Option<u64> {
        let taken = self.taken();
        (taken > self.limit).then_some(taken)
    }

    fn counted(&self, mut optimizer: Optimizer) -> Optimizer {
        let counted = |pass| Box::new(Counted { pass, steps: self.clone() }) as Box<dyn TypedPass>;
        optimizer.passes = optimizer.passes.into_iter().map(counted).collect();
        optimizer
    }

    fn take(&self, steps: usize) -> TractResult<()> {
        self.taken.fetch_add(steps as u64, Ordering::Relaxed);
        match self.exceeded() {
            Some(taken) => bail!("the graph is too intricate: {taken} steps"),
            None => Ok(()),
        }
    }
}

/// A pass of tract's whose changes are counted.
#[derive(Clone, Debug)]
struct Counted {
    pass: Box<dyn TypedPass>,
    steps: Steps,
}

impl TypedPass for Counted {
    fn reset(&mut self) -> TractResult<()> {
        self.pass.reset()
    }

    fn next(&mut self, session: &mut OptimizerSession, model: &TypedModel) -> TractResult<Option<TypedModelPatch>> {
        self.steps.take(model.nodes().len())?;
        self.pass.next(session, model)
    }

    fn run_direct(&mut self, model: &mut TypedModel) -> TractResult<bool> {
        self.pass.run_direct(model)
    }
}
