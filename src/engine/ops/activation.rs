use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::nn::{GeluApproximate, GeluExact, HardSwish, Sigmoid, Silu};

use crate::engine::kernels::Activation;

/// The activation of our kernels that `op` is, if they have it.
pub(in crate::engine) fn activation(op: &ElementWiseOp) -> Option<Activation> {
    if op.1.is_some() {
        None
    } else if op.0.is::<HardSwish>() {
        Some(Activation::HardSwish)
    } else if op.0.is::<GeluExact>() {
        Some(Activation::Gelu)
    } else if op.0.downcast_ref::<GeluApproximate>().is_some_and(|gelu| !gelu.fast_impl) {
        Some(Activation::GeluTanh)
    } else if op.0.is::<Sigmoid>() {
        Some(Activation::Sigmoid)
    } else if op.0.is::<Silu>() {
        Some(Activation::Silu)
    } else {
        None
    }
}
