//! Files from the network: fetched into a partial file, resumed after a cut, and taken only when they are what was pinned.
//!
//! [`fetch`] gives a file its name when it has been verified, so that nothing unverified ever stands there. Proxies are those of
//! the usual variables ([`agent`]).

mod client;
mod pin;
mod transfer;

pub use client::agent;
pub use pin::{Digests, Pin, digests};
pub use transfer::{Fetch, Watch, fetch};
