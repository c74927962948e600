//! What the pipeline's threads share: pools, the latest-value slot, the drop-oldest queue, the stop token, histograms.

mod pool;

pub use pool::Pool;
