//! The scans of an image: each is read symbol by symbol, and what it gave of which component is kept in mind.

use super::Tables;
use super::bits::Bits;
use super::frame::{Component, FrameHeader};
use super::table::{END_OF_BLOCK, Table};

const DAMAGED: &str = "its image data is damaged";
const NO_TABLE: &str = "a Huffman table is missing";
const BAD_SCAN: &str = "a scan header is damaged";

/// Visits of blocks that any image may take, however few blocks it has.
const FREE_VISITS: u64 = 1 << 24;
/// Visits of each block that an image may take; encoders make about ten scans.
const MAX_VISITS: u64 = 32;
/// A decoder goes over its buffers once a scan.
const MAX_SCANS: u32 = 1000;

/// What was read of an image so far.
pub(super) struct Scans {
    frame: FrameHeader,
    /// By component and coefficient: how many low bits are still missing; `None` before its first scan.
    missing: Vec<[Option<u8>; 64]>,
    /// By component and block: which coefficients are known not to be zero. Progressive images only.
    nonzero: Vec<Vec<u64>>,
    visits: u64,
    scans: u32,
}

/// The coefficients of one scan, and the bits of them: `low` are still missing after it, `high` were before it (0 in the
/// first scan of them).
#[derive(Clone, Copy)]
struct Span {
    first: u32,
    last: u32,
    high: u8,
    low: u8,
}

impl Scans {
    pub fn new(frame: FrameHeader) -> Self {
        let missing = vec![[None; 64]; frame.components.len()];
        let nonzero = vec![Vec::new(); frame.components.len()];
        Scans { frame, missing, nonzero, visits: 0, scans: 0 }
    }

    pub fn frame(&self) -> &FrameHeader {
        &self.frame
    }

    /// # Errors
    /// Coefficients are missing.
    pub fn finish(&self) -> Result<(), &'static str> {
        let whole = self.missing.iter().flatten().all(|low| *low == Some(0));
        if whole { Ok(()) } else { Err("some of its scans are missing") }
    }

    /// Reads the scan whose header is `header` and whose data begins `at` so many bytes; gives back where the next marker is.
    ///
    /// # Errors
    /// What is missing or damaged.
    pub fn read(
        &mut self,
        header: &[u8],
        tables: &Tables,
        restart: u32,
        data: &[u8],
        at: usize,
    ) -> Result<usize, &'static str> {
        let parts = self.parts(header)?;
        let span = self.span(header, &parts)?;
        let alone = parts.len() == 1;
        let units = match parts.as_slice() {
            &[(only, ..)] => self.frame.components[only].own,
            _ => self.frame.units,
        };
        let total = u64::from(units.0) * u64::from(units.1);
        self.count(&parts, total)?;

        let mut bits = Bits::new(data, at);
        let (mut run, mut left, mut number) = (0u32, restart, 0u8);
        for (y, x) in (0..units.1).flat_map(|y| (0..units.0).map(move |x| (y, x))) {
            if restart > 0 && left == 0 {
                bits.restart(number)?;
                (run, left, number) = (0, restart, (number + 1) & 7);
            }
            left = left.wrapping_sub(1);
            for &(index, dc, ac) in &parts {
                let Component { sampling: (h, v), stride, .. } = self.frame.components[index];
                let tables = (tables.dc[dc].as_ref(), tables.ac[ac].as_ref());
                if !self.frame.progressive {
                    let (Some(dc), Some(ac)) = tables else { return Err(NO_TABLE) };
                    for _ in 0..if alone { 1 } else { h * v } {
                        sequential(&mut bits, dc, ac)?;
                    }
                } else if span.first == 0 {
                    for _ in 0..if alone { 1 } else { h * v } {
                        mean(&mut bits, tables.0, span)?;
                    }
                } else {
                    let block = &mut self.nonzero[index][(y * stride + x) as usize];
                    let ac = tables.1.ok_or(NO_TABLE)?;
                    match span.high {
                        0 => first_bits(&mut bits, ac, span, block, &mut run)?,
                        _ => further_bit(&mut bits, ac, span, block, &mut run)?,
                    }
                }
            }
        }
        bits.marker(None)
    }

    /// The components of a scan with the numbers of their tables.
    fn parts(&self, header: &[u8]) -> Result<Vec<(usize, usize, usize)>, &'static str> {
        let (&count, rest) = header.split_first().ok_or(BAD_SCAN)?;
        let listed = rest.get(..2 * usize::from(count)).filter(|l| !l.is_empty() && l.len() <= 8).ok_or(BAD_SCAN)?;
        let mut parts: Vec<(usize, usize, usize)> = Vec::new();
        for pair in listed.chunks_exact(2) {
            let index = self.frame.components.iter().position(|c| c.id == pair[0]).ok_or(BAD_SCAN)?;
            let (dc, ac) = (usize::from(pair[1] >> 4), usize::from(pair[1] & 15));
            if dc > 3 || ac > 3 || parts.iter().any(|(other, ..)| *other == index) {
                return Err(BAD_SCAN);
            }
            parts.push((index, dc, ac));
        }
        Ok(parts)
    }

    /// The coefficients of a scan, which must go on where the scans before it ended.
    fn span(&mut self, header: &[u8], parts: &[(usize, usize, usize)]) -> Result<Span, &'static str> {
        let &[first, last, bits] = header.get(1 + 2 * parts.len()..).and_then(|r| r.first_chunk()).ok_or(BAD_SCAN)?;
        let mut span = Span { first: first.into(), last: last.into(), high: bits >> 4, low: bits & 15 };
        if !self.frame.progressive {
            span = Span { first: 0, last: 63, high: 0, low: 0 };
        } else {
            let means = span.first == 0 && span.last == 0;
            let others = span.first > 0 && span.first <= span.last && span.last < 64 && parts.len() == 1;
            if !(means || others) || span.low > 13 || (span.high > 0 && span.high != span.low + 1) {
                return Err(BAD_SCAN);
            }
        }
        for (index, ..) in parts {
            for missing in &mut self.missing[*index][span.first as usize..=span.last as usize] {
                // None before the first scan of it, then as many as the scan before left.
                if *missing != (span.high > 0).then_some(span.high) {
                    return Err("its scans do not follow each other");
                }
                *missing = Some(span.low);
            }
            let Component { stride, rows, .. } = self.frame.components[*index];
            if span.first > 0 && self.nonzero[*index].is_empty() {
                self.nonzero[*index] = vec![0; stride as usize * rows as usize];
            }
        }
        Ok(span)
    }

    /// Counts the work of a scan, which a decoder does once more.
    fn count(&mut self, parts: &[(usize, usize, usize)], units: u64) -> Result<(), &'static str> {
        let blocks = |index: usize| {
            let (h, v) = self.frame.components[index].sampling;
            if parts.len() == 1 { 1 } else { u64::from(h * v) }
        };
        self.visits += units * parts.iter().map(|(index, ..)| blocks(*index)).sum::<u64>();
        self.scans += 1;
        let limit = FREE_VISITS + MAX_VISITS * self.frame.blocks;
        if self.visits > limit || self.scans > MAX_SCANS { Err("it has absurdly many scans") } else { Ok(()) }
    }
}

fn look(bits: &mut Bits<'_>, table: &Table) -> Result<u32, &'static str> {
    let (length, symbol) = table.look(bits.peek16()).ok_or(DAMAGED)?;
    bits.skip(length)?;
    Ok(symbol.into())
}

/// A block of a sequential image (ITU-T T.81, F.1.2).
#[inline]
fn sequential(bits: &mut Bits<'_>, dc: &Table, ac: &Table) -> Result<(), &'static str> {
    let mut own = *bits;
    let (length, size) = dc.look(own.peek16()).ok_or(DAMAGED)?;
    if size > 15 {
        return Err(DAMAGED);
    }
    own.skip(length + u32::from(size))?;
    let mut at = 1;
    while at < 64 {
        let step = ac.step(own.peek16()).ok_or(DAMAGED)?;
        // The block may end with its last coefficient: then the second code is none of it.
        let one = at + u32::from(step.coefficients) >= 64;
        own.skip(u32::from(if one { step.bits } else { step.both_bits }))?;
        at += u32::from(if one { step.coefficients } else { step.both_coefficients });
    }
    *bits = own;
    if at == 64 || at >= END_OF_BLOCK { Ok(()) } else { Err(DAMAGED) }
}

/// The mean of a block in a progressive image (ITU-T T.81, G.1.2.1).
fn mean(bits: &mut Bits<'_>, dc: Option<&Table>, span: Span) -> Result<(), &'static str> {
    if span.high > 0 {
        return bits.skip(1);
    }
    let size = look(bits, dc.ok_or(NO_TABLE)?)?;
    if size > 15 { Err(DAMAGED) } else { bits.skip(size) }
}

/// The first bits of a block's further coefficients in a progressive image (ITU-T T.81, G.1.2.2).
fn first_bits(
    bits: &mut Bits<'_>,
    ac: &Table,
    span: Span,
    nonzero: &mut u64,
    ended: &mut u32,
) -> Result<(), &'static str> {
    if *ended > 0 {
        *ended -= 1;
        return Ok(());
    }
    let mut at = span.first;
    while at <= span.last {
        let symbol = look(bits, ac)?;
        match (symbol >> 4, symbol & 15) {
            (15, 0) => at += 16,
            (run, 0) => {
                *ended = (1 << run) - 1 + bits.take(run)?;
                break;
            }
            (run, size) => {
                at += run;
                if at > span.last {
                    return Err(DAMAGED);
                }
                bits.skip(size)?;
                *nonzero |= 1 << at;
                at += 1;
            }
        }
    }
    Ok(())
}

/// One more bit of a block's further coefficients in a progressive image (ITU-T T.81, G.1.2.3).
fn further_bit(
    bits: &mut Bits<'_>,
    ac: &Table,
    span: Span,
    nonzero: &mut u64,
    ended: &mut u32,
) -> Result<(), &'static str> {
    let mut at = span.first;
    while *ended == 0 && at <= span.last {
        let symbol = look(bits, ac)?;
        let (mut run, size) = (symbol >> 4, symbol & 15);
        match size {
            0 if run < 15 => {
                *ended = (1 << run) + bits.take(run)?;
                break;
            }
            0 => {}
            // The sign of a coefficient that was zero so far.
            1 => bits.skip(1)?,
            _ => return Err(DAMAGED),
        }
        while at <= span.last {
            if *nonzero >> at & 1 == 1 {
                bits.skip(1)?;
            } else if run == 0 {
                break;
            } else {
                run -= 1;
            }
            at += 1;
        }
        if size > 0 {
            if at > span.last {
                return Err(DAMAGED);
            }
            *nonzero |= 1 << at;
        }
        at += 1;
    }
    if *ended > 0 {
        *ended -= 1;
        if at <= span.last {
            let rest = *nonzero >> at & (u64::MAX >> (63 - (span.last - at)));
            // At most 63 bits, of which 32 can be skipped at once.
            let count = rest.count_ones();
            bits.skip(count / 2)?;
            bits.skip(count - count / 2)?;
        }
    }
    Ok(())
}
