use std::sync::Arc;
use std::time::Duration;

use super::access::Access;
use super::proxy::ProxyOptions;

/// What every request to one server passes.
#[derive(Clone)]
pub struct Gate {
    /// Who may talk to the server.
    pub access: Arc<Access>,
    /// How a proxy passes requests on.
    pub proxy: Arc<ProxyOptions>,
    /// A page of this server shows another of its pages within it.
    pub is_framed: bool,
    /// Largest body of a request, in bytes.
    pub body: usize,
    /// Longest time that a request may take from its headers to its answer.
    pub patience: Duration,
}

/// Largest body of a request to a stream's console, in bytes.
const BODY: usize = 64 << 10;
/// Longest time that one may take.
const PATIENCE: Duration = Duration::from_secs(10);

impl Gate {
    /// For a stream's console, whose requests are short.
    pub fn new(access: Access, proxy: Arc<ProxyOptions>) -> Self {
        Gate { access: Arc::new(access), proxy, is_framed: false, body: BODY, patience: PATIENCE }
    }
}
