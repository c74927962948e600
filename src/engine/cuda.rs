//! Graphs on an NVIDIA GPU, through tract-cuda (feature `cuda`).
//!
//! tract-cuda needs nothing of CUDA to be built: it opens the driver, the runtime, NVRTC, cuBLAS and cuDNN when it runs, and
//! compiles its kernels then, with the toolkit's headers. [`gpu`] says beforehand what of it is missing, because a library
//! that cannot be opened later is a panic there.
//!
//! What tract-cuda lacks for a convolutional encoder is bilinear resizing, and what it has but slowly are convolutions with
//! uneven padding and products over channels of pictures. `shape` makes of all three what goes through cuDNN. Whatever is
//! left that it cannot compute runs on the processor in the middle of the graph, and the audit names it.

#[cfg(any(test, feature = "cuda"))]
mod libraries;
#[cfg(feature = "cuda")]
mod prepare;
mod shape;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "cuda"))]
mod toolkit;

use std::sync::Arc;

use tract_onnx::prelude::{RunOptions, TypedModel, TypedSimplePlan};

pub(super) use shape::fit;

use crate::error::GpuError;

/// The plan of a model that [`fit`] has shaped, on the GPU. What it reads and gives lies in the machine's memory.
///
/// # Errors
/// As [`gpu`], and [`GpuError::Failed`] with what went wrong on the way there, panics included.
#[cfg(feature = "cuda")]
pub(super) fn prepare(model: TypedModel, options: &RunOptions) -> Result<Arc<TypedSimplePlan>, GpuError> {
    use super::failure::{caught, reason};

    gpu()?;
    match caught(|| prepare::on_device(model, options)) {
        Ok(Ok(plan)) => Ok(plan),
        Ok(Err(error)) => Err(GpuError::Failed { detail: reason(&error) }),
        Err(panic) => Err(GpuError::Failed { detail: panic.text }),
    }
}

/// This build lacks the feature `cuda`.
///
/// # Errors
/// [`GpuError::NotBuilt`].
#[cfg(not(feature = "cuda"))]
pub(super) fn prepare(_: TypedModel, _: &RunOptions) -> Result<Arc<TypedSimplePlan>, GpuError> {
    Err(GpuError::NotBuilt)
}

/// Whether graphs can be computed on a GPU of this machine, as far as can be told without computing on it.
///
/// # Errors
/// What is missing.
#[cfg(feature = "cuda")]
pub fn gpu() -> Result<(), GpuError> {
    use super::failure::caught;
    use tract_cuda::utils::ensure_cuda_runtime_dependencies;

    match caught(|| ensure_cuda_runtime_dependencies("the GPU")) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(libraries::missing(&error.root_cause().to_string())),
        Err(panic) => return Err(GpuError::Failed { detail: panic.text }),
    }
    // Kernels that were compiled once are kept, and need no headers any more.
    let compiled = has_file(tract_cuda::kernels::cubin_dir());
    if compiled { Ok(()) } else { toolkit::headers(&toolkit::folder()) }
}

/// Whether a file lies in `folder` or below it. Folders alone are of kernels that could not be compiled.
#[cfg(feature = "cuda")]
fn has_file(folder: &std::path::Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| path.is_file() || (path.is_dir() && has_file(&path)))
}

/// Whether graphs can be computed on a GPU: in this build, which lacks the feature `cuda`, never.
///
/// # Errors
/// [`GpuError::NotBuilt`].
#[cfg(not(feature = "cuda"))]
pub fn gpu() -> Result<(), GpuError> {
    Err(GpuError::NotBuilt)
}
