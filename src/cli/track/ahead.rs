use std::io;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};

/// What a thread of its own makes before it is asked for. The thread ends with its next item once nobody asks any more, and when this is
/// dropped; `R` is what it gives back then.
pub struct Ahead<T, R> {
    /// `None` once nobody asks any more.
    items: Option<Receiver<T>>,
    thread: Option<JoinHandle<R>>,
}

impl<T: Send + 'static, R: Send + 'static> Ahead<T, R> {
    /// Has `make` send items, of which `count` wait at most, on a thread called `name`; it returns when it is done or sending fails.
    ///
    /// # Errors
    /// When the system refuses the thread.
    pub fn start(name: &str, count: usize, make: impl FnOnce(Sender<T>) -> R + Send + 'static) -> io::Result<Self> {
        let (send, items) = bounded(count);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || make(send))?;
        Ok(Ahead { items: Some(items), thread: Some(thread) })
    }
}

impl<T, R> Ahead<T, R> {
    /// The next item; `None` after the last.
    pub fn next(&self) -> Option<T> {
        self.items.as_ref()?.recv().ok()
    }

    /// Ends the thread and waits for it; `None` after a call before. A panic of it is one of this thread.
    pub fn end(&mut self) -> Option<R> {
        self.items = None;
        match self.thread.take()?.join() {
            Ok(made) => Some(made),
            Err(panic) if !std::thread::panicking() => std::panic::resume_unwind(panic),
            Err(_) => None,
        }
    }
}

impl<T, R> Drop for Ahead<T, R> {
    fn drop(&mut self) {
        self.end();
    }
}
