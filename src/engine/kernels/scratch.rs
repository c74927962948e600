/// Memory for pictures, sums and whatever else lives as long as a run. What it holds between runs is nobody's.
#[derive(Default)]
pub(in crate::engine) struct Scratch(Vec<Line>);

/// A cache line, so that vectors do not straddle two.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

const LINE: usize = 16;

/// Rounds `floats` up to whole cache lines.
pub(in crate::engine) fn whole_lines(floats: usize) -> usize {
    floats.next_multiple_of(LINE)
}

impl Scratch {
    /// How much it holds.
    pub fn floats(&self) -> usize {
        self.0.len() * LINE
    }

    /// The first `floats`, taken from the allocator if there are not as many.
    pub fn take(&mut self, floats: usize) -> &mut [f32] {
        let lines = floats.div_ceil(LINE);
        if lines > self.0.len() {
            // Not what was there: copying it to a larger place is for nothing.
            self.0 = Vec::new();
            self.0 = vec![Line([0.0; LINE]); lines];
        }
        // SAFETY: as many floats lie in the lines, one behind the other, and every bit pattern is a float.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), floats) }
    }
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scratch({} floats)", self.floats())
    }
}
