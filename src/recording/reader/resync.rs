use std::io::{self, Read, Seek, SeekFrom};

use mcap::records::op;

/// Bytes of a chunk without compression before its records: opcode, length, start and end time, size, checksum, an empty name, and the
/// size again.
const HEADER: usize = 1 + 8 + 8 + 8 + 8 + 4 + 4 + 8;
/// Bytes that are looked through at first, and at most at a time.
const FIRST_WINDOW: usize = 4 << 10;
const WINDOW: usize = 1 << 20;

/// Where the next chunk begins at or after `from` in a file of `length` bytes, by its header alone: three lengths that agree are no
/// accident.
pub fn find_chunk(file: &mut (impl Read + Seek), from: u64, length: u64) -> io::Result<Option<u64>> {
    let mut window = vec![0; FIRST_WINDOW];
    let mut at = from;
    while at + HEADER as u64 <= length {
        let size = usize::try_from(length - at).unwrap_or(WINDOW).min(window.len());
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut window[..size])?;
        let starts = 0..=size - HEADER;
        let found = starts.into_iter().find(|start| {
            let left = length - at - *start as u64;
            window[*start] == op::CHUNK && is_header(&window[*start..*start + HEADER], left)
        });
        if let Some(start) = found {
            return Ok(Some(at + start as u64));
        }
        // A header may lie across the end of the window.
        at += (size - HEADER + 1) as u64;
        window.resize((window.len() * 8).min(WINDOW), 0);
    }
    Ok(None)
}

/// Whether a chunk can begin so, of which `left` bytes are there.
fn is_header(bytes: &[u8], left: u64) -> bool {
    let number = |at: usize| bytes[at..at + 8].iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    let (record, raw, stored) = (number(1), number(25), number(41));
    let named = bytes[37..41] != [0; 4];
    !named && raw == stored && record == (HEADER as u64 - 9).saturating_add(raw) && record <= left - 9
}
