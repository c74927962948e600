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
    /// By the next [`LONG`] bits, for a table of a sequential image's further coefficients; empty for others.
    steps: Vec<Step>,
}

/// Two codes with their values, or one, are passed by one look at so many bits.
const LONG: u32 = 12;

/// What the next bits stand for: bits of codes and values, and how many coefficients; [`END_OF_BLOCK`] at the end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Step {
    /// Of the first code; 0 bits where there is none so short.
    pub bits: u8,
    pub coefficients: u8,
    /// Of the first code and, if it is surely there, the second.
    pub both_bits: u8,
    pub both_coefficients: u8,
}

/// More coefficients than a block has.
pub(super) const END_OF_BLOCK: u32 = 128;

impl Table {
    /// # Errors
    /// More codes than fit into their lengths, or another number of symbols.
    pub fn new(counts: &[u8; 16], symbols: &[u8]) -> Result<Self, &'static str> {
        const BAD: &str = "a Huffman table is damaged";
        if symbols.len() != counts.iter().map(|c| usize::from(*c)).sum::<usize>() || symbols.len() > 256 {
            return Err(BAD);
        }
        let mut table = Table {
            short: Box::new([0; 1 << SHORT]),
            steps: Vec::new(),
            ends: [0; 17],
            offsets: [0; 17],
            symbols: symbols.to_vec(),
        };
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

    /// Makes [`Self::step`] possible.
    pub fn prepare_steps(&mut self) {
        if !self.steps.is_empty() {
            return;
        }
        let mut steps = vec![Step::default(); 1 << LONG];
        for (next, entry) in steps.iter_mut().enumerate() {
            let next = (next as u32) << (16 - LONG);
            let Some((length, symbol)) = self.look(next).filter(|(length, _)| *length <= LONG) else { continue };
            let (bits, coefficients) = (length + u32::from(symbol & 15), coefficients_of(symbol));
            let (mut both_bits, mut both_coefficients) = (bits, coefficients);
            if coefficients != END_OF_BLOCK && bits < LONG {
                let second = self.look(next << bits & 0xffff).filter(|(length, _)| bits + length <= LONG);
                if let Some((length, symbol)) = second {
                    both_bits += length + u32::from(symbol & 15);
                    both_coefficients += coefficients_of(symbol);
                }
            }
            *entry = Step {
                bits: bits as u8,
                coefficients: coefficients as u8,
                both_bits: both_bits as u8,
                both_coefficients: both_coefficients as u8,
            };
        }
        self.steps = steps;
    }

    /// The length and symbol of the code that the 16 bits begin with.
    #[inline]
    pub fn look(&self, bits: u32) -> Option<(u32, u8)> {
        let entry = self.short[(bits >> (16 - SHORT)) as usize];
        if entry != 0 { Some((u32::from(entry >> 8), entry as u8)) } else { self.look_long(bits) }
    }

    /// What the 16 bits begin with, in a table of a sequential image's further coefficients.
    #[inline]
    pub fn step(&self, bits: u32) -> Option<Step> {
        match self.steps.get((bits >> (16 - LONG)) as usize) {
            Some(step) if step.bits != 0 => Some(*step),
            _ => self.step_long(bits),
        }
    }

    #[cold]
    fn step_long(&self, bits: u32) -> Option<Step> {
        let (length, symbol) = self.look(bits)?;
        let (bits, coefficients) = ((length as u8) + (symbol & 15), coefficients_of(symbol) as u8);
        Some(Step { bits, coefficients, both_bits: bits, both_coefficients: coefficients })
    }

    #[cold]
    fn look_long(&self, bits: u32) -> Option<(u32, u8)> {
        let length = (SHORT + 1..=16).find(|length| bits < self.ends[*length as usize])?;
        let place = (bits >> (16 - length)) as i32 + self.offsets[length as usize];
        Some((length, *self.symbols.get(usize::try_from(place).ok()?)?))
    }
}

/// How many coefficients a symbol stands for in a sequential image (ITU-T T.81, F.1.2.2).
fn coefficients_of(symbol: u8) -> u32 {
    match (symbol >> 4, symbol & 15) {
        (15, 0) => 16,
        (_, 0) => END_OF_BLOCK,
        (run, _) => u32::from(run) + 1,
    }
}
