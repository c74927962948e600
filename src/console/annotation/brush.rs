//! Label Studio's own run lengths, as its brush masks have them (the library `@thi.ng/rle-pack`).
//!
//! Bits, the most significant of a byte first: 32 for the number of values, 5 for the width of a value less one, four times 4 for the
//! widths of run lengths less one, and then runs. A run begins with a bit that says whether one value is repeated (1) or several
//! follow (0), two bits that choose among the four widths, and its length less one in that width; then the value, or the values.

use crate::mask::Mask;

/// Widths of run lengths, in bits.
const WIDTHS: [u32; 4] = [3, 4, 8, 16];
/// Each value is a byte: opacity, 0 or 255.
const VALUE_BITS: u32 = 8;
/// Bytes of a pixel: red, green, blue and opacity, all the same.
const CHANNELS: usize = 4;

/// The mask as those run lengths, a byte a number.
pub fn encode(mask: &Mask) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push((mask.data().len() * CHANNELS) as u32, 32);
    bits.push(VALUE_BITS - 1, 5);
    WIDTHS.iter().for_each(|width| bits.push(width - 1, 4));
    for run in mask.data().chunk_by(|a, b| a == b) {
        let value = if run[0] == 0 { 0 } else { 255 };
        let mut left = run.len() * CHANNELS;
        while left > 0 {
            let choice = WIDTHS.iter().position(|width| left <= 1 << width).unwrap_or(WIDTHS.len() - 1);
            let length = left.min(1 << WIDTHS[choice]);
            bits.push(1, 1);
            bits.push(choice as u32, 2);
            bits.push(length as u32 - 1, WIDTHS[choice]);
            bits.push(value, VALUE_BITS);
            left -= length;
        }
    }
    bits.bytes
}

/// Bits written one after the other; the last byte is filled up with zeros.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    /// Bits of the last byte that are used; 0 if it is full.
    used: u32,
}

impl Bits {
    fn push(&mut self, value: u32, width: u32) {
        for bit in (0..width).rev() {
            if self.used == 0 {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> bit & 1) as u8) << (7 - self.used);
            }
            self.used = (self.used + 1) % 8;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::Size;

    /// Reads as Label Studio's converter does.
    fn decode(bytes: &[u8]) -> Vec<u8> {
        let mut at = 0;
        let mut read = |width: u32| {
            (0..width).fold(0usize, |value, _| {
                let bit = bytes[at / 8] >> (7 - at % 8) & 1;
                at += 1;
                value << 1 | usize::from(bit)
            })
        };
        let count = read(32);
        let value_bits = read(5) as u32 + 1;
        let widths: Vec<u32> = (0..4).map(|_| read(4) as u32 + 1).collect();
        let mut out = Vec::new();
        while out.len() < count {
            let repeated = read(1) == 1;
            let width = widths[read(2)];
            let length = read(width) + 1;
            if repeated {
                let value = read(value_bits) as u8;
                out.extend(std::iter::repeat_n(value, length));
            } else {
                out.extend((0..length).map(|_| read(value_bits) as u8));
            }
        }
        out
    }

    proptest! {
        #[test]
        fn masks_come_back(width in 1u32..40, height in 1u32..40, from in 0u32..800, until in 0u32..1600, step in 1u32..9) {
            let size = Size::new(width, height);
            let mask = Mask::from_fn(size, |x, y| (from..until).contains(&(y * width + x)) && (x / step) % 2 == 0);
            let decoded = decode(&encode(&mask));
            let expected: Vec<u8> = mask.data().iter().flat_map(|inside| [inside * 255; CHANNELS]).collect();
            prop_assert_eq!(decoded, expected);
        }
    }

    #[test]
    fn long_runs_are_split() {
        let mask = Mask::from_fn(Size::new(1000, 200), |_, y| y > 3);
        assert_eq!(decode(&encode(&mask)).len(), 800_000);
    }
}
