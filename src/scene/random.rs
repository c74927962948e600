/// A small seeded generator (SplitMix64, Steele, Lea and Flood 2014): the same seed gives the same numbers everywhere.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator for one purpose: different `stream`s of one seed are unrelated.
    pub fn new(seed: u64, stream: u64) -> Self {
        Random(hash(seed ^ hash(stream.wrapping_add(0x5851_f42d_4c95_7f2d))))
    }

    /// The generator whose next number follows from `state`.
    pub fn from_state(state: u64) -> Self {
        Random(state)
    }

    /// Uniform in all of its bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        hash(self.0)
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f32 {
        unit(self.next_u64())
    }

    /// Uniform in `[0, 1)`, with all the bits that the type has.
    pub fn unit_f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `[low, high)`.
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Uniform in `0..n`; 0 for an empty range.
    pub fn below(&mut self, n: usize) -> usize {
        (((self.next_u64() >> 32) * n as u64) >> 32) as usize
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// Any of the values, each as likely.
    pub fn pick<T: Copy, const N: usize>(&mut self, from: [T; N]) -> T {
        from[self.below(N)]
    }

    /// Puts `items` in an order of chance, each as likely.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

/// SplitMix64's finalizer: every input bit moves every output bit.
pub(super) fn hash(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The top 24 bits as a number in `[0, 1)`.
pub(super) fn unit(bits: u64) -> f32 {
    (bits >> 40) as f32 / (1u64 << 24) as f32
}

/// Nearly Gaussian, mean 0 and deviation 1: the sum of four uniforms (Irwin-Hall).
pub(super) fn normal(bits: u64) -> f32 {
    let sum: u64 = (0..4).map(|i| (bits >> (16 * i)) & 0xffff).sum();
    (sum as f32 / 65536.0 - 2.0) * 3.0f32.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_and_repeat() {
        let draw = |seed, stream| Random::new(seed, stream).next_u64();
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }

    #[test]
    fn ranges_hold_and_normals_have_unit_deviation() {
        let mut random = Random::new(7, 0);
        let mut squares = 0.0;
        for _ in 0..10_000 {
            assert!((0.0..1.0).contains(&random.unit()));
            assert!(random.below(5) < 5);
            squares += normal(random.next_u64()).powi(2);
        }
        assert!((squares / 10_000.0 - 1.0).abs() < 0.1, "{squares}");
        assert_eq!(random.below(0), 0);
    }
}
