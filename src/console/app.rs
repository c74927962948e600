use std::sync::{Arc, Mutex};

use super::access::Access;
use super::bucket::Bucket;
use super::hub::Hub;
use crate::time::Timestamp;

/// Prompts by HTTP: a second in the long run, and at once.
const PROMPTS_PER_SECOND: f64 = 50.0;
const PROMPT_BURST: f64 = 100.0;

/// What every handler holds; clones share it.
#[derive(Clone)]
pub struct App {
    /// The stream's side.
    pub hub: Arc<Hub>,
    /// Who may talk to the server.
    pub access: Arc<Access>,
    prompts: Arc<Mutex<Bucket>>,
}

impl App {
    /// The state of a server that serves `hub` to whom `access` lets in.
    pub fn new(hub: Arc<Hub>, access: Access) -> Self {
        let bucket = Bucket::new(PROMPTS_PER_SECOND, PROMPT_BURST, hub.clock.now());
        App { hub, access: Arc::new(access), prompts: Arc::new(Mutex::new(bucket)) }
    }

    /// Counts a prompt that came by HTTP; false when there are too many.
    pub fn admit_prompt(&self, now: Timestamp) -> bool {
        // A bucket is whole after any panic: its numbers are set one by one.
        self.prompts.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take(now)
    }
}
