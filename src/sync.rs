//! What the pipeline's threads share: pools, the latest-value slot, the drop-oldest queue, the stop token, histograms.

mod drop_oldest;
mod histogram;
mod latest_slot;
mod pool;
mod primitives;
mod stop_token;
#[cfg(test)]
mod tests;

pub use drop_oldest::{DropOldest, Received};
pub use histogram::{Histogram, LatencySummary};
pub use latest_slot::LatestSlot;
pub use pool::Pool;
pub use stop_token::StopToken;
