use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// Lines that wait for one reader.
const LINES: usize = 256;

/// Readers of the NDJSON stream.
#[derive(Default)]
pub struct Readers {
    readers: Vec<mpsc::Sender<Arc<str>>>,
    header: Option<Arc<str>>,
}

impl Readers {
    /// Sends the stream's first line, and keeps it for readers to come.
    pub fn begin(&mut self, header: Arc<str>) {
        // Whoever reads already has been waiting for it.
        self.readers.retain(|reader| reader.try_send(Arc::clone(&header)).is_ok());
        self.header = Some(header);
    }

    /// Adds a reader, which first gets the header.
    pub fn subscribe(&mut self) -> mpsc::Receiver<Arc<str>> {
        let (sender, lines) = mpsc::channel(LINES);
        if let Some(header) = &self.header {
            let _ = sender.try_send(Arc::clone(header));
        }
        self.readers.push(sender);
        lines
    }

    /// Sends a line to every reader; one that is slow misses it.
    pub fn send(&mut self, line: &Arc<str>) {
        self.readers.retain(|reader| !matches!(reader.try_send(Arc::clone(line)), Err(TrySendError::Closed(_))));
    }

    /// Forgets readers that have gone.
    pub fn prune(&mut self) {
        self.readers.retain(|reader| !reader.is_closed());
    }

    /// How many readers there are; those that have gone since the last line or [`Self::prune`] count.
    pub fn len(&self) -> usize {
        self.readers.len()
    }

    /// Ends every reader's stream.
    pub fn clear(&mut self) {
        self.readers.clear();
    }
}
