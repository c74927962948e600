/// Receives how far an evaluation is.
pub trait Progress {
    /// `finished` units (photos, sequences, trials) are done; `note` says to a user how they went.
    fn report(&mut self, finished: usize, note: &str);
}

/// Nobody wants to know.
impl Progress for () {
    fn report(&mut self, _: usize, _: &str) {}
}
