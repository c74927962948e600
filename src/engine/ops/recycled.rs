use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;

/// Whoever keeps the last answer while the next is computed has two of them; one is in the making.
const MAX_GIVEN: usize = 3;

/// Tensors that an operator gave out, to be filled again when nobody else holds them any more: large ones from the
/// allocator are fresh pages each time, which cost more than what is written there.
#[derive(Debug, Default)]
pub(super) struct Recycled(Vec<Arc<Tensor>>);

impl Recycled {
    /// A tensor of `shape` that only the caller holds, whatever its contents.
    pub fn take(&mut self, shape: &[usize]) -> TractResult<Arc<Tensor>> {
        let free = |tensor: &mut Arc<Tensor>| tensor.shape() == shape && Arc::get_mut(tensor).is_some();
        match self.0.iter_mut().position(free) {
            Some(at) => Ok(self.0.swap_remove(at)),
            None => Ok(Arc::new(Tensor::zero::<f32>(shape)?)),
        }
    }

    /// Keeps a tensor that is given out.
    pub fn give(&mut self, tensor: &Arc<Tensor>) {
        if self.0.len() < MAX_GIVEN {
            self.0.push(tensor.clone());
        }
    }
}

/// The elements of a tensor that nobody else holds.
pub(super) fn only_mine(tensor: &mut Arc<Tensor>) -> TractResult<&mut [f32]> {
    let tensor = Arc::get_mut(tensor).context("output held elsewhere")?;
    tensor.to_plain_array_view_mut::<f32>()?.into_slice().context("output in pieces")
}
