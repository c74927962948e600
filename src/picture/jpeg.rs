//! JPEG images before they are decoded: what kind they are of, and whether all that the headers promise is there.
//!
//! Decoders paint what is missing of an image grey. So the entropy-coded data is read here first, symbol by symbol and
//! without computing pixels: an image is whole when every block of every component has all its coefficients (ITU-T T.81).

mod bits;
mod frame;
mod scan;
mod segments;
mod standard;
mod table;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::geometry::Size;

use frame::FrameHeader;
use scan::Scans;
use segments::Segments;
use table::Table;

/// Two bytes that end an image.
pub(crate) const END: [u8; 2] = [0xff, 0xd9];

/// Why an image is not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Something is missing or broken.
    Damaged(&'static str),
    /// It is of a kind that is not read: which, and how to convert it.
    Foreign(&'static str, &'static str),
}

impl From<&'static str> for Refusal {
    fn from(reason: &'static str) -> Self {
        Refusal::Damaged(reason)
    }
}

/// A whole image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    /// Width and height in pixels.
    pub size: Size,
    /// Length in bytes, the end marker included; what follows is no part of the image.
    pub length: usize,
    /// Where tables must be put in: the first scan, if no Huffman table comes before it.
    pub without_tables: Option<usize>,
    /// Whether it is sent in several scans that refine each other, so that decoding keeps all coefficients.
    pub progressive: bool,
    /// Blocks of 8x8 coefficients, of all components.
    pub blocks: u64,
}

/// Reads the image that `data` begins with to its end.
///
/// The time it takes grows with the length of the data, whatever size is claimed; a progressive image takes eight bytes
/// of memory a block.
///
/// # Errors
/// What is missing or damaged; a kind that no decoder here reads.
pub(crate) fn check(data: &[u8]) -> Result<Whole, Refusal> {
    let mut segments = Segments::new(data)?;
    let mut tables = Tables::default();
    let (mut scans, mut restart, mut without_tables): (Option<Scans>, _, _) = (None, 0u32, None);
    loop {
        let segment = segments.next()?;
        match (segment.marker, &mut scans) {
            (0xd9, Some(scans)) => {
                scans.finish()?;
                let FrameHeader { size, progressive, blocks, .. } = *scans.frame();
                return Ok(Whole { size, length: segments.at(), without_tables, progressive, blocks });
            }
            (0xd9, None) => return Err("it holds no image".into()),
            (marker, before) if frame::is_frame(marker) => {
                if before.is_some() {
                    return Err("it has two frame headers".into());
                }
                scans = Some(Scans::new(FrameHeader::parse(marker, segment.body, data.len())?));
            }
            (0xc4, _) => tables.define(segment.body)?,
            (0xdd, _) => {
                restart = segment.body.first_chunk().map_or(0, |interval| u16::from_be_bytes(*interval).into());
            }
            (0xda, Some(scans)) => {
                if !tables.any {
                    without_tables = Some(segment.at);
                    tables.define_standard()?;
                }
                if !scans.frame().progressive {
                    tables.ac.iter_mut().flatten().for_each(Table::prepare_steps);
                }
                segments.go_on(scans.read(segment.body, &tables, restart, data, segments.at())?);
            }
            (0xda, None) => return Err("it has no frame header before its scan".into()),
            _ => {}
        }
    }
}

/// Gives an image that lacks its end marker one, so that it is taken if its data is whole.
///
/// Zeros that pad the image are removed, since they could pass for data: a scan ends in ones, or in an escaped 0xFF.
#[cfg(any(test, feature = "camera"))]
pub(crate) fn complete(data: &mut Vec<u8>) {
    while data.ends_with(&[0]) && !data.ends_with(&[0xff, 0]) {
        data.pop();
    }
    if !data.ends_with(&END) {
        data.extend_from_slice(&END);
    }
}

/// The bytes of a whole image alone, with the standard tables if it has none.
pub(crate) fn with_tables<'a>(data: &'a [u8], image: &Whole) -> Cow<'a, [u8]> {
    let data = &data[..image.length];
    let Some(at) = image.without_tables else { return data.into() };
    let mut out = Vec::new();
    write_with_tables(data, at, &mut out);
    out.into()
}

/// Appends an image to `out`, with the standard tables put in before its scan, which begins `at` so many bytes.
pub(crate) fn write_with_tables(data: &[u8], at: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&data[..at]);
    standard::write_standard_tables(out);
    out.extend_from_slice(&data[at..]);
}

/// The size of the JPEG image in `data`, if its headers are there, and `end_needed` or not its end; the pixels between are
/// not looked at.
///
/// # Errors
/// What is missing.
pub(crate) fn jpeg_size(data: &[u8], end_needed: bool) -> Result<Size, &'static str> {
    let mut segments = Segments::new(data)?;
    let mut size = Size::default();
    loop {
        let segment = segments.next()?;
        match segment.marker {
            0xd9 => return Err("it holds no image"),
            0xda => break,
            marker if frame::is_frame(marker) => size = FrameHeader::size(segment.body).unwrap_or(size),
            _ => {}
        }
    }
    let scan = data.get(segments.at()..).unwrap_or_default();
    // A scan escapes every 0xFF, so that an image cut short has none; drivers may add some bytes behind it.
    if end_needed && !scan.windows(2).rev().any(|pair| pair == END) {
        return Err("it is cut short");
    }
    if size.area() > 0 { Ok(size) } else { Err("it does not say its size") }
}

/// The Huffman tables in force, of DC and AC coefficients.
#[derive(Default)]
struct Tables {
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
    any: bool,
}

impl Tables {
    /// Reads the body of a DHT segment (ITU-T T.81, B.2.4.2).
    fn define(&mut self, mut body: &[u8]) -> Result<(), &'static str> {
        const CUT: &str = "it ends within a Huffman table";
        while let Some((id, rest)) = body.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or(CUT)?;
            let length = counts.iter().map(|c| usize::from(*c)).sum();
            let (symbols, rest) = rest.split_at_checked(length).ok_or(CUT)?;
            let kind = if id >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            *kind.get_mut(usize::from(id & 15)).ok_or(CUT)? = Some(Table::new(counts, symbols)?);
            self.any = true;
            body = rest;
        }
        Ok(())
    }

    fn define_standard(&mut self) -> Result<(), &'static str> {
        let mut segment = Vec::new();
        standard::write_standard_tables(&mut segment);
        self.define(&segment[4..])
    }
}
