//! Rewrites of tract's graphs, each a patch that applies whole or not at all.
//!
//! `constants` computes what depends on constants alone, `curves` finds activations that are spelt out in several nodes. The
//! other pass finds convolutional regions: stretches of a graph in which pictures only meet convolutions,
//! additions, activations, pooling, resizing, means and gates. Each becomes a single operator with its own schedule and
//! memory, in whose blocked layout the pictures stay from the first convolution to the last.
//!
//! 1. `recognize` says what a node is, in the words of the kernels.
//! 2. `partition` shares the recognised nodes out to regions so that none waits for itself.
//! 3. `build` puts a region's nodes together to steps, with additions and activations in the step that they follow.
//! 4. `plan` chooses how each step is computed and how its pictures lie: a picture that the graph rounds to a grid is of
//!    bytes, and a convolution of it, whose weights `integers` finds to be whole, is computed on integers.
//! 5. `place` finds each picture its room in one stretch of memory.

mod build;
mod constants;
mod curves;
mod integers;
mod partition;
mod place;
mod plan;
mod recognize;
mod refusal;
mod regions;
#[cfg(test)]
mod tests;
mod values;

pub(super) use constants::fold_constants;
pub(super) use curves::known_curves;
pub(super) use refusal::Refusal;
pub(super) use regions::convolutional_regions;
