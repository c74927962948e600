//! Where the engine touches raw memory: convolutions and what lies between them, on a layout of blocked channels.
//!
//! * [`blocked`](Blocked) is the layout: channels side by side, as many as a register holds.
//! * `convolution`, `winograd`, `depthwise`, `planes` and `layout` are the algorithms, written once over `vector::Vector`;
//!   `quantized` is the convolution of bytes, over `dots::Sums`.
//! * `rows` and `attention` are what transformers put between convolutions, on the same register tile; `permute` brings axes into
//!   another order, `mix` multiplies a wide matrix by a small one.
//! * `grid` says what a byte stands for, `finish` how every step ends.
//! * `arch` has one thin file an instruction set; [`Variant`] picks one when the program runs.
//! * [`Program`] puts steps together, checks them once, and runs them on a [`Team`] of threads.
//!
//! The only module of the library, beside the camera's, that may hold `unsafe`.
#![allow(unsafe_code)]

mod activation;
mod arch;
mod attention;
mod blocked;
mod convolution;
mod depthwise;
mod dots;
mod finish;
mod grid;
mod layout;
mod mix;
mod permute;
mod planes;
mod program;
mod quantized;
mod rows;
mod scratch;
mod single;
mod task;
mod team;
mod variant;
mod vector;
mod vectorized;
mod winograd;

#[cfg(test)]
mod tests;

pub(super) use activation::Activation;
pub(super) use attention::{Attention, AttentionPlan, Rows as AttentionRows, Term, TermValues};
pub(super) use blocked::Blocked;
pub(super) use convolution::{Convolution, Window};
pub(super) use depthwise::Depthwise;
pub(super) use dots::Dots;
pub(super) use grid::{Element, Grid};
pub(super) use layout::{MAX_PACKED, PACKED};
pub(super) use mix::Mix;
pub(super) use permute::Permutation;
pub(super) use planes::{Blend, MaxPool, Resize};
pub(super) use program::{Action, Ending, Place, Program, Step, Timed, Workspace};
pub(super) use quantized::QuantizedConvolution;
pub(super) use rows::{LayerNorm, Linear, PixelNorm, RowWork};
pub(super) use scratch::{Scratch, whole_lines};
pub(super) use team::Team;
pub(super) use variant::Variant;
pub(super) use vectorized::vectorized;
pub(super) use winograd::Winograd;
