/// Bins of a histogram.
const BINS: usize = 2048;

/// How often each value occurs in a tensor, over any number of runs.
///
/// 2048 bins of equal width that cover the values seen so far and zero. The width is a power of two and every bin edge a
/// multiple of it: when a value falls outside, the width doubles as often as it takes, which merges whole bins. Zeros, of
/// which a rectified tensor is full, are counted apart.
#[derive(Clone, Debug)]
pub struct Histogram {
    width: f32,
    /// The first bin's lower edge, in widths.
    first: i32,
    counts: Vec<u64>,
    zeros: u64,
    total: u64,
    min: f32,
    max: f32,
}

impl Default for Histogram {
    fn default() -> Self {
        let counts = vec![0; BINS];
        Histogram { width: f32::MIN_POSITIVE, first: 0, counts, zeros: 0, total: 0, min: 0.0, max: 0.0 }
    }
}

impl Histogram {
    /// Counts `values`. Returns false, having counted none, if one of them is not a finite number.
    pub fn add(&mut self, values: &[f32]) -> bool {
        let (mut min, mut max, mut finite) = (self.min, self.max, true);
        for v in values {
            min = min.min(*v);
            max = max.max(*v);
            finite &= v.is_finite();
        }
        if !finite {
            return false;
        }
        if min < self.min || max > self.max {
            self.widen(min, max);
        }
        // Exact, because the width is a power of two.
        let (scale, first) = (1.0 / self.width, self.first as f32);
        let mut zeros = 0;
        for v in values {
            if *v == 0.0 {
                zeros += 1;
            } else {
                // Not negative: it is cut to the bin below.
                let bin = (v * scale - first) as usize;
                if let Some(count) = self.counts.get_mut(bin.min(BINS - 1)) {
                    *count += 1;
                }
            }
        }
        self.zeros += zeros;
        self.total += values.len() as u64;
        true
    }

    /// The least and the greatest value seen, zero included.
    pub fn extent(&self) -> [f32; 2] {
        [self.min, self.max]
    }

    /// Values counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    #[cfg(test)]
    pub fn zeros(&self) -> u64 {
        self.zeros
    }

    /// Width of a bin.
    pub fn width(&self) -> f32 {
        self.width
    }

    /// Number, centre and count of each bin that is not empty, from the least. Bin 0 begins at zero; zeros are in none.
    pub fn bins(&self) -> impl DoubleEndedIterator<Item = (i32, f32, u64)> {
        let filled = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        filled.map(|(ix, count)| {
            let number = self.first + ix as i32;
            (number, (number as f32 + 0.5) * self.width, *count)
        })
    }

    /// Makes the bins cover `min` to `max`, which enclose what they cover now.
    fn widen(&mut self, min: f32, max: f32) {
        let mut width = self.width;
        let mut halvings = 0;
        // In f64, where neither the quotients nor their difference overflow.
        let bin = |v: f32, width: f32| (f64::from(v) / f64::from(width)).floor();
        while bin(max, width) - bin(min, width) >= BINS as f64 {
            width *= 2.0;
            halvings += 1;
        }
        let first = bin(min, width) as i32;
        let mut counts = vec![0; BINS];
        for (number, _, count) in self.bins() {
            // A shift by more bits than there are leaves the sign, as it should.
            let now = (number >> halvings.min(31)) - first;
            if let Some(slot) = usize::try_from(now).ok().and_then(|ix| counts.get_mut(ix)) {
                *slot += count;
            }
        }
        (self.width, self.first, self.counts, self.min, self.max) = (width, first, counts, min, max);
    }
}
