//! The chunks of a PNG file: those that make the picture are handed on, those that only accompany it are not, because a
//! few bytes of text or of a colour profile may inflate to gigabytes.

use std::borrow::Cow;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// What the pixels depend on, and the orientation.
const KEPT: [&[u8; 4]; 6] = [b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf"];
/// Deflate makes at most so many bytes of one.
const MOST_INFLATED: u64 = 1032;
const PALETTE: u8 = 3;

/// A chunk with its frame of length, kind and checksum.
struct Chunk<'a> {
    kind: &'a [u8; 4],
    body: &'a [u8],
    whole: &'a [u8],
}

/// The chunks of a file, up to its end or to where it is cut.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let mut rest = bytes.strip_prefix(SIGNATURE).unwrap_or_default();
    std::iter::from_fn(move || {
        let length = u32::from_be_bytes(*rest.first_chunk()?) as usize;
        let (whole, after) = rest.split_at_checked(length.checked_add(12)?)?;
        rest = after;
        Some(Chunk { kind: whole[4..].first_chunk()?, body: &whole[8..8 + length], whole })
    })
}

/// Width, height, bits a sample and kind of colour.
fn header(bytes: &[u8]) -> Option<(u32, u32, u8, u8)> {
    let header = chunks(bytes).next().filter(|chunk| chunk.kind == b"IHDR")?.body;
    let side = |at: usize| header.get(at..).and_then(|rest| rest.first_chunk()).map(|side| u32::from_be_bytes(*side));
    Some((side(0)?, side(4)?, *header.get(8)?, *header.get(9)?))
}

/// The file without what only accompanies the picture.
///
/// # Errors
/// What is damaged or missing.
pub(super) fn checked(bytes: &[u8]) -> Result<Cow<'_, [u8]>, &'static str> {
    let (width, height, depth, color) = header(bytes).ok_or("it ends within its header")?;
    let (mut kept, mut data, mut ended) = (SIGNATURE.len(), 0u64, false);
    for chunk in chunks(bytes) {
        if !KEPT.contains(&chunk.kind) {
            continue;
        }
        let sum = u32::from_be_bytes(*chunk.whole.last_chunk().unwrap_or(&[0; 4]));
        if crc32fast::hash(&chunk.whole[4..chunk.whole.len() - 4]) != sum {
            return Err("a part of it is damaged: its checksum is wrong");
        }
        match chunk.kind {
            b"PLTE" if chunk.body.is_empty() || !chunk.body.len().is_multiple_of(3) || chunk.body.len() > 768 => {
                return Err("its palette is damaged");
            }
            b"IDAT" => data += chunk.body.len() as u64,
            b"IEND" => ended = true,
            _ => {}
        }
        kept += chunk.whole.len();
        if ended {
            break;
        }
    }
    if !ended {
        return Err("it is cut short");
    }
    let samples = match color {
        2 => 3,
        4 => 2,
        6 => 4,
        _ => 1,
    };
    let row = 1 + (u64::from(width) * samples * u64::from(depth)).div_ceil(8);
    if data.saturating_mul(MOST_INFLATED) < row.saturating_mul(height.into()) {
        return Err("it is cut short: too few bytes for the size that it claims");
    }
    if kept == bytes.len() {
        return Ok(bytes.into());
    }
    let mut out = Vec::with_capacity(kept);
    out.extend_from_slice(SIGNATURE);
    for chunk in chunks(bytes).filter(|chunk| KEPT.contains(&chunk.kind)) {
        out.extend_from_slice(chunk.whole);
        if chunk.kind == b"IEND" {
            break;
        }
    }
    Ok(out.into())
}

/// A palette's picture as a grey one, whose values are the numbers in the palette, and the palette. `None` for a file that is
/// no such picture, or is damaged.
pub(super) fn palette_numbers(bytes: &[u8]) -> Option<(Vec<u8>, Vec<[u8; 3]>)> {
    let (.., color) = header(bytes)?;
    if color != PALETTE {
        return None;
    }
    let kept = checked(bytes).ok()?;
    let palette = chunks(&kept).find(|chunk| chunk.kind == b"PLTE")?.body.as_chunks::<3>().0.to_vec();
    let mut out = SIGNATURE.to_vec();
    for Chunk { kind, body, whole } in chunks(&kept) {
        match kind {
            b"IHDR" => {
                let mut body = body.to_vec();
                *body.get_mut(9)? = 0;
                out.extend_from_slice(&whole[..8]);
                out.extend_from_slice(&body);
                let sum = crc32fast::hash(&[&kind[..], &body].concat());
                out.extend_from_slice(&sum.to_be_bytes());
            }
            b"PLTE" | b"tRNS" => {}
            _ => out.extend_from_slice(whole),
        }
    }
    Some((out, palette))
}

/// Makes the numbers themselves of what a decoder has scaled: grey of fewer than 8 bits to 0 to 255.
pub(super) fn unscale(bytes: &[u8], grey: &mut [u8]) {
    let step = match header(bytes) {
        Some((.., 1, _)) => 255,
        Some((.., 2, _)) => 85,
        Some((.., 4, _)) => 17,
        _ => 1,
    };
    grey.iter_mut().for_each(|value| *value /= step);
}
