//! Where the engine touches raw memory: matrix products on tract's kernels for the operators in [`super::ops`].
//!
//! The only module of the library, beside the camera's, that may hold `unsafe`.
#![allow(unsafe_code)]

mod products;
mod vectorized;

pub(super) use products::{Matrices, Products};
pub(super) use vectorized::vectorized;
