use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;

use crate::engine::kernels::Scratch;
use crate::engine::threads::Threads;

/// Tensors that are kept at most: more than a graph has at once of its own.
const MOST_TENSORS: usize = 256;

/// What the operators of one graph share: threads, and memory, which takes turns among them. Large pieces from the allocator are
/// fresh pages each time, which cost more than what is written there; and what every operator kept for itself would be many times
/// what is needed at once. Clones share everything.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Resources {
    pub threads: Threads,
    memory: Arc<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    /// Tensors that operators gave out, to be filled again when nobody else holds them any more.
    tensors: Mutex<Vec<Arc<Tensor>>>,
    scratch: Mutex<Vec<Scratch>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code that can panic runs under the locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Resources {
    pub fn new(threads: &Threads) -> Self {
        Resources { threads: threads.clone(), memory: Arc::default() }
    }

    /// A tensor of `shape` that only the caller holds, whatever its contents.
    pub fn tensor(&self, shape: &[usize]) -> TractResult<Arc<Tensor>> {
        let len = shape.iter().product::<usize>();
        let free = |tensor: &mut Arc<Tensor>| tensor.len() == len && Arc::get_mut(tensor).is_some();
        let found = {
            let mut tensors = lock(&self.memory.tensors);
            tensors.iter_mut().position(free).map(|at| tensors.swap_remove(at))
        };
        let Some(mut tensor) = found else { return Ok(Arc::new(Tensor::zero::<f32>(shape)?)) };
        Arc::get_mut(&mut tensor).context("output held elsewhere")?.set_shape(shape)?;
        Ok(tensor)
    }

    /// Keeps a tensor that is given out.
    pub fn give(&self, tensor: &Arc<Tensor>) {
        let mut tensors = lock(&self.memory.tensors);
        if tensors.len() < MOST_TENSORS {
            tensors.push(tensor.clone());
        }
    }

    /// The largest scratch that nobody uses, for the caller alone.
    pub fn scratch(&self) -> Scratch {
        let mut scratch = lock(&self.memory.scratch);
        let largest = (0..scratch.len()).max_by_key(|at| scratch[*at].floats());
        largest.map(|at| scratch.swap_remove(at)).unwrap_or_default()
    }

    /// Takes a scratch back.
    pub fn keep(&self, scratch: Scratch) {
        lock(&self.memory.scratch).push(scratch);
    }
}

impl Default for Resources {
    fn default() -> Self {
        Resources::new(&Threads::default())
    }
}

/// The elements of a tensor that nobody else holds.
pub(super) fn only_mine(tensor: &mut Arc<Tensor>) -> TractResult<&mut [f32]> {
    let tensor = Arc::get_mut(tensor).context("output held elsewhere")?;
    tensor.to_plain_array_view_mut::<f32>()?.into_slice().context("output in pieces")
}
