//! Huffman tables of JPEG, as far as the lengths of what they stand for go.

/// Codes of at most so many bits are found by one look.
const SHORT: u32 = 10;

/// One Huffman table (ITU-T T.81, C.2).
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// By the next [`SHORT`] bits: the code's length in the high byte and its symbol in the low one; 0 for none so short.
    short: Box<[u16; 1 << SHORT]>,
    /// By length: one more than the greatest code of it, as 16 bits from the left. Non-decreasing.
    ends: [u32; 17],
    /// By length: what to add to a code (as a number of that length) for the place of its symbol.
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

impl Table {
    /// # Errors
    /// More codes than fit into their lengths, or another number of symbols.
    pub fn new(counts: &[u8; 16], symbols: &[u8]) -> Result<Self, &'static str> {
        const BAD: &str = "a Huffman table is damaged";
        if symbols.len() != counts.iter().map(|c| usize::from(*c)).sum::<usize>() || symbols.len() > 256 {
            return Err(BAD);
        }
        let mut table =
            Table { short: Box::new([0; 1 << SHORT]), ends: [0; 17], offsets: [0; 17], symbols: symbols.to_vec() };
        let (mut code, mut place) = (0u32, 0usize);
        for length in 1..=16u32 {
            let count = usize::from(counts[length as usize - 1]);
            if code + count as u32 > 1 << length {
                return Err(BAD);
            }
            table.offsets[length as usize] = place as i32 - code as i32;
            for symbol in &symbols[place..place + count] {
                if length <= SHORT {
                    let from = (code << (SHORT - length)) as usize;
                    let entry = (length as u16) << 8 | u16::from(*symbol);
                    table.short[from..from + (1 << (SHORT - length))].fill(entry);
                }
                code += 1;
            }
            place += count;
            table.ends[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Ok(table)
    }

    /// The length and symbol of the code that the 16 bits begin with.
    #[inline]
    pub fn look(&self, bits: u32) -> Option<(u32, u8)> {
        let entry = self.short[(bits >> (16 - SHORT)) as usize];
        if entry != 0 { Some((u32::from(entry >> 8), entry as u8)) } else { self.look_long(bits) }
    }

    #[cold]
    fn look_long(&self, bits: u32) -> Option<(u32, u8)> {
        let length = (SHORT + 1..=16).find(|length| bits < self.ends[*length as usize])?;
        let place = (bits >> (16 - length)) as i32 + self.offsets[length as usize];
        Some((length, *self.symbols.get(usize::try_from(place).ok()?)?))
    }
}
