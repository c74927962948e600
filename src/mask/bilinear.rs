/// The two cells of an axis whose centres a place lies between, and the share of the second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Between {
    pub first: usize,
    pub second: usize,
    share: f32,
}

impl Between {
    /// `place` counts cells from the near edge of the first. Beyond the outermost centres the outermost cell holds.
    ///
    /// # Panics
    /// If there are no cells.
    pub fn cells(place: f32, cells: usize) -> Self {
        let at = (place - 0.5).clamp(0.0, (cells - 1) as f32);
        let first = at as usize;
        Between { first, second: (first + 1).min(cells - 1), share: at - first as f32 }
    }

    /// The value between those of the two cells.
    pub fn value(self, first: f32, second: f32) -> f32 {
        first + (second - first) * self.share
    }

    /// The value of a row of cells.
    pub fn of(self, row: &[f32]) -> f32 {
        self.value(row[self.first], row[self.second])
    }
}
