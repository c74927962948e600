//! The bits of a scan: bytes without the zeros that follow each 0xFF, up to the next marker.

const CUT: &str = "its image data ends early";

/// Reads an entropy-coded segment (ITU-T T.81, F.1.2.3).
///
/// It is copied for the time of a block, so that its numbers stay in registers.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    /// The next byte to take in.
    at: usize,
    /// From the left: bits taken in and not read yet.
    ahead: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub fn new(data: &'a [u8], at: usize) -> Self {
        Bits { data, at, ahead: 0, count: 0 }
    }

    /// Takes in what there is room for; at least 32 bits, unless the segment ends before.
    #[inline]
    fn refill(&mut self) {
        if self.count >= 32 {
            return;
        }
        if let Some(&bytes) = self.data.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_be_bytes(bytes);
            // Whether a byte of it is 0xFF, which is zero in its complement.
            let marks = (!word).wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080;
            if marks == 0 {
                let whole = (64 - self.count) / 8;
                self.ahead |= word >> self.count;
                // Of a byte that is taken in by half, nothing may stay.
                self.count += 8 * whole;
                self.ahead &= u64::MAX << (64 - self.count);
                self.at += whole as usize;
                return;
            }
        }
        *self = self.refilled_slowly();
    }

    #[cold]
    #[inline(never)]
    fn refilled_slowly(mut self) -> Self {
        while self.count <= 56 {
            let byte = match self.data.get(self.at..).unwrap_or_default() {
                [0xff, 0, ..] => {
                    self.at += 2;
                    0xff
                }
                [0xff, ..] | [] => break,
                [byte, ..] => {
                    self.at += 1;
                    *byte
                }
            };
            self.ahead |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
        self
    }

    /// The next 16 bits, zeros behind the end.
    #[inline]
    pub fn peek16(&mut self) -> u32 {
        self.refill();
        (self.ahead >> 48) as u32
    }

    /// # Errors
    /// The segment has no `count` more bits; at most 32 may be asked for.
    #[inline]
    pub fn skip(&mut self, count: u32) -> Result<(), &'static str> {
        if count > self.count {
            self.refill();
            if count > self.count {
                return Err(CUT);
            }
        }
        self.ahead <<= count;
        self.count -= count;
        Ok(())
    }

    /// The next bits as a number; at most 16.
    pub fn take(&mut self, count: u32) -> Result<u32, &'static str> {
        let value = if count == 0 { 0 } else { self.peek16() >> (16 - count) };
        self.skip(count)?;
        Ok(value)
    }

    /// Where the next marker begins, which is no restart marker unless it is the one of number `restart`; what lies before
    /// is left out.
    pub fn marker(&mut self, restart: Option<u8>) -> Result<usize, &'static str> {
        (self.ahead, self.count) = (0, 0);
        while let Some(rest) = self.data.get(self.at..) {
            match rest {
                [0xff, number @ 0xd0..=0xd7, ..] => match restart {
                    Some(expected) if number - 0xd0 == expected => return Ok(self.at),
                    Some(_) => return Err("a part of its image data is missing"),
                    None => self.at += 2,
                },
                [0xff, 0, ..] => self.at += 2,
                [0xff, 0xff, ..] => self.at += 1,
                [0xff, _, ..] if restart.is_some() => return Err(CUT),
                [0xff, _, ..] => return Ok(self.at),
                [_, ..] => self.at += 1,
                [] => break,
            }
        }
        Err("it is cut short")
    }

    /// Goes on behind the restart marker of this number, which must come next.
    pub fn restart(&mut self, number: u8) -> Result<(), &'static str> {
        self.at = self.marker(Some(number))? + 2;
        Ok(())
    }
}
