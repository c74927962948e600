//! What a model file may not do: name unknown operators, point outside itself, ask for absurd amounts of memory or time, or
//! hand an operator what the engine reads past.
//!
//! Nothing here allocates by what the file claims; every claim is compared with the bytes that are there or with a
//! limit first.
//!
//! 1. `file` holds the file's claims about its tensors against its bytes, and `attributes` the numbers on its nodes against
//!    what pictures need.
//! 2. `operators` knows what is run and what to do about the rest.
//! 3. `shapes` infers what each node makes before it is made; on the way `inputs` looks at what the node is given.
//! 4. `weights` finds constants that cannot be meant, and `memory` adds up what a run holds.

mod attributes;
mod file;
mod inputs;
mod memory;
mod operators;
mod shapes;
#[cfg(test)]
mod tests;
mod weights;

use std::path::Path;

use super::limits::Limits;
use crate::error::ModelError;

pub(super) use file::{check_claim, check_file};
pub(super) use memory::check_run;
pub(super) use operators::{UNFUSED, check_operators, unknown};
pub(super) use shapes::{Operators, check_shapes, infer_shapes};

/// Refuses a tensor of `dims` that is larger than the limit. One without elements takes no memory, but its other dimensions
/// are what tables are made by.
fn check_size(
    path: &Path,
    name: &str,
    dims: impl Iterator<Item = u128>,
    element_bytes: usize,
    limits: &Limits,
) -> Result<(), ModelError> {
    let bytes = dims.fold(element_bytes as u128, |bytes, dim| bytes.saturating_mul(dim.max(1)));
    if bytes > limits.max_tensor_bytes as u128 {
        return Err(ModelError::HostileShape {
            path: path.into(),
            tensor: name.into(),
            bytes,
            limit: limits.max_tensor_bytes,
        });
    }
    Ok(())
}
