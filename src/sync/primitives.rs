//! The primitives that the queue, the slot and the token are built on. `tests/loom` builds the same
//! sources over loom's.

pub use std::sync::atomic::{AtomicBool, Ordering};
pub use std::sync::{Arc, Condvar, Mutex, MutexGuard};
