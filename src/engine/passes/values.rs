use tract_onnx::prelude::*;

/// Weights of a convolution: the graph's own tensor until something changes them, for together they are most of a model.
#[derive(Clone, Debug)]
pub(super) enum Values {
    Shared(Arc<Tensor>),
    Own(Vec<f32>),
}

impl Values {
    /// `None` if `tensor` is not of `f32`.
    pub fn of(tensor: &Arc<Tensor>) -> Option<Self> {
        floats(tensor)?;
        Some(Values::Shared(tensor.clone()))
    }

    pub fn get(&self) -> &[f32] {
        match self {
            Values::Shared(tensor) => floats(tensor).unwrap_or_default(),
            Values::Own(values) => values,
        }
    }

    pub fn get_mut(&mut self) -> &mut [f32] {
        if let Values::Shared(tensor) = self {
            *self = Values::Own(floats(tensor).unwrap_or_default().to_vec());
        }
        match self {
            Values::Own(values) => values,
            Values::Shared(_) => &mut [],
        }
    }
}

fn floats(tensor: &Tensor) -> Option<&[f32]> {
    tensor.try_as_plain_ram().ok()?.as_slice::<f32>().ok()
}
