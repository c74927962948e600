//! The layout that the kernels share: channels in blocks as wide as a register.

use super::grid::Element;

/// A picture `[blocks, before + height + after, before + width + after, lanes]` of floats or bytes.
///
/// A pixel's `lanes` channels lie side by side, so that one register holds them and a sum over input channels is a walk
/// through memory. Channels beyond `channels` in the last block are zero or never read. The border of `before` pixels
/// above and to the left and `after` pixels below and to the right holds a convolution's padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Blocked {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub before: usize,
    pub after: usize,
    pub lanes: usize,
    pub element: Element,
}

impl Blocked {
    /// A picture of floats without border.
    pub fn new(channels: usize, height: usize, width: usize, lanes: usize) -> Self {
        Blocked { channels, height, width, before: 0, after: 0, lanes, element: Element::Float }
    }

    pub fn blocks(&self) -> usize {
        self.channels.div_ceil(self.lanes)
    }

    /// Rows of all blocks.
    pub fn rows(&self) -> usize {
        self.blocks() * self.height
    }

    /// Block and row of the `ix`th of [`Self::rows`].
    #[inline(always)]
    pub fn row_of(&self, ix: usize) -> [usize; 2] {
        [ix / self.height, ix % self.height]
    }

    /// Elements from a row to the next.
    pub fn row(&self) -> usize {
        (self.before + self.width + self.after) * self.lanes
    }

    /// Elements from a block to the next.
    pub fn plane(&self) -> usize {
        (self.before + self.height + self.after) * self.row()
    }

    /// Elements in all.
    pub fn len(&self) -> usize {
        self.blocks() * self.plane()
    }

    /// The room that it takes, in floats.
    pub fn floats(&self) -> usize {
        (self.len() * self.element.size()).div_ceil(4)
    }

    /// The element at which pixel (`x`, `y`) of `block` begins.
    #[inline(always)]
    pub fn at(&self, block: usize, y: usize, x: usize) -> usize {
        block * self.plane() + (self.before + y) * self.row() + (self.before + x) * self.lanes
    }

    /// Channels of `block` that count.
    pub fn depth(&self, block: usize) -> usize {
        (self.channels - block * self.lanes).min(self.lanes)
    }
}
