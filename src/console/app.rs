use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::access::Access;
use super::admission::{Admission, Asker};
use super::connections::{Connections, Place};
use super::gate::Gate;
use super::hub::Hub;
use super::proxy::ProxyOptions;
use super::visitor::Visitor;
use crate::time::Timestamp;

/// Most pages and readers of the NDJSON stream at a time.
const MAX_CLIENTS: usize = 32;

/// What every handler holds; clones share it.
#[derive(Clone)]
pub struct App {
    /// The stream's side.
    pub hub: Arc<Hub>,
    /// What every request passes.
    pub gate: Gate,
    seats: Connections,
    admission: Arc<Mutex<Admission>>,
}

impl App {
    /// The state of a server that serves `hub` to whom `access` lets in, behind `proxy`.
    pub fn new(hub: Arc<Hub>, access: Access, proxy: Arc<ProxyOptions>) -> Self {
        let admission = Arc::new(Mutex::new(Admission::new(hub.clock.now())));
        // A page that does not read is hung up on; none gives way to another.
        let seats = Connections::new(MAX_CLIENTS, Duration::MAX);
        App { hub, gate: Gate::new(access, proxy), seats, admission }
    }

    /// The same for one of several cameras, which a page of this server shows within it.
    pub fn framed(self) -> Self {
        App { gate: Gate { is_framed: true, ..self.gate }, ..self }
    }

    /// Counts a prompt; false when there are too many.
    pub fn admit_prompt(&self, asker: Asker, now: Timestamp) -> bool {
        let frames = self.hub.frame_count();
        // It is whole after any panic: its numbers are set one by one.
        self.admission.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).admit(asker, frames, now)
    }

    /// Room for a page or a reader of the stream, which it has until it is dropped; `None` when there is none for it.
    pub fn seat(&self, visitor: Visitor) -> Option<Place> {
        self.seats.enter(visitor.address, self.gate.proxy.share(visitor.address, MAX_CLIENTS), Instant::now())
    }
}
