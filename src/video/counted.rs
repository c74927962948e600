use std::io::{self, Read};

/// Counts how often the bytes of a stream are copied that a `BufReader` of `ahead` bytes reads from it.
#[derive(Debug)]
pub(super) struct Counted<R> {
    input: R,
    ahead: usize,
    copied: u64,
}

impl<R> Counted<R> {
    pub(super) fn new(input: R, ahead: usize) -> Self {
        Counted { input, ahead, copied: 0 }
    }

    /// Bytes that were copied since this was asked last.
    pub(super) fn take(&mut self) -> u64 {
        std::mem::take(&mut self.copied)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(out)?;
        // What is asked for in larger pieces goes to its place at once, the rest through the reader's buffer.
        self.copied += if out.len() > self.ahead { read as u64 } else { 2 * read as u64 };
        Ok(read)
    }
}
