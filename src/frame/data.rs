use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A buffer that its owner lends to a frame: it stays as it is, and its owner's, until the last clone of this is dropped.
pub type Loan = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// The bytes of a frame: its own, in a buffer that is reused, or those of somebody else's buffer, read where they lie.
///
/// A clone of own bytes is a copy; a clone of lent ones holds the same buffer.
#[derive(Clone, Default)]
pub struct FrameData {
    own: Vec<u8>,
    lent: Option<Loan>,
}

impl FrameData {
    /// The frame's own buffer, to be written; what was lent is given back. A buffer that was written before keeps its capacity.
    pub fn own_mut(&mut self) -> &mut Vec<u8> {
        self.lent = None;
        &mut self.own
    }

    /// Holds a buffer that its owner lends, in place of an own one, whose memory is given up: a frame never takes both.
    pub fn lend(&mut self, loan: Loan) {
        self.own = Vec::new();
        self.lent = Some(loan);
    }

    /// Whether the bytes lie in somebody else's buffer.
    pub fn is_lent(&self) -> bool {
        self.lent.is_some()
    }

    /// Gives a lent buffer back, if there is one: the frame is empty then. Own bytes stay.
    pub fn give_back(&mut self) {
        if self.lent.take().is_some() {
            self.own.clear();
        }
    }
}

impl Deref for FrameData {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.lent {
            Some(loan) => (**loan).as_ref(),
            None => &self.own,
        }
    }
}

impl AsRef<[u8]> for FrameData {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Vec<u8>> for FrameData {
    fn from(own: Vec<u8>) -> Self {
        FrameData { own, lent: None }
    }
}

impl<T: AsRef<[u8]> + ?Sized> PartialEq<T> for FrameData {
    fn eq(&self, other: &T) -> bool {
        **self == *other.as_ref()
    }
}

impl fmt::Debug for FrameData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} bytes", self.len(), if self.is_lent() { "lent" } else { "own" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lent_bytes_are_held_until_they_are_given_back_or_overwritten() {
        let buffer = Arc::new(vec![1, 2, 3]);
        let mut data = FrameData::from(vec![9; 100]);
        data.lend(buffer.clone());
        let clone = data.clone();
        assert!(data == [1, 2, 3] && data.is_lent() && clone == data && Arc::strong_count(&buffer) == 3);
        data.give_back();
        assert!(data.is_empty() && !data.is_lent() && Arc::strong_count(&buffer) == 2);
        let mut clone = clone;
        clone.own_mut().push(7);
        assert!(clone == [7] && Arc::strong_count(&buffer) == 1);
    }

    #[test]
    fn own_bytes_stay_and_their_buffer_is_reused() {
        let mut data = FrameData::from(vec![5; 64]);
        data.give_back();
        assert_eq!(data, [5; 64]);
        let before = data.as_ptr();
        data.own_mut().clear();
        data.own_mut().extend([6; 64]);
        assert!(data == [6; 64] && data.as_ptr() == before);
    }
}
