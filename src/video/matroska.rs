//! Raw frames with their times as Matroska (RFC 9559), the way to hand them to ffmpeg: a stream of unknown length with one cluster a
//! frame, times in microseconds.

use std::io::{self, Write};

use crate::geometry::Size;

/// Nanoseconds of one unit of time.
const SCALE: u64 = 1000;

/// A `Segment` or `Cluster` whose end is not known yet.
const UNKNOWN: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

const EBML: u32 = 0x1a45_dfa3;
const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_a966;
const TRACKS: u32 = 0x1654_ae6b;
const CLUSTER: u32 = 0x1f43_b675;
const SIMPLE_BLOCK: u32 = 0xa3;

/// Writes what a stream of frames of `size` begins with; `fourcc` names the pixel format as ffmpeg's raw formats do.
pub(super) fn write_header(out: &mut impl Write, size: Size, fourcc: [u8; 4], rate: Option<f64>) -> io::Result<()> {
    let ebml = [
        element(0x4286, &uint(1)),
        element(0x42f7, &uint(1)),
        element(0x42f2, &uint(4)),
        element(0x42f3, &uint(8)),
        element(0x4282, b"matroska"),
        element(0x4287, &uint(4)),
        element(0x4285, &uint(2)),
    ];
    out.write_all(&element(EBML, &ebml.concat()))?;
    out.write_all(&id(SEGMENT))?;
    out.write_all(&UNKNOWN)?;
    let info = [element(0x2a_d7b1, &uint(SCALE)), element(0x4d80, b"foveate"), element(0x5741, b"foveate")];
    out.write_all(&element(INFO, &info.concat()))?;
    let video = [
        element(0xb0, &uint(size.width.into())),
        element(0xba, &uint(size.height.into())),
        element(0x2e_b524, &fourcc),
    ];
    let mut track = vec![
        element(0xd7, &uint(1)),
        element(0x73c5, &uint(1)),
        element(0x83, &uint(1)),
        element(0x9c, &uint(0)),
        element(0x86, b"V_UNCOMPRESSED"),
    ];
    if let Some(rate) = rate {
        track.push(element(0x23_e383, &uint((1e9 / rate).round() as u64)));
    }
    track.push(element(0xe0, &video.concat()));
    out.write_all(&element(TRACKS, &element(0xae, &track.concat())))
}

/// Writes a frame's pixels, which lie as the header says, `micros` after the start.
pub(super) fn write_frame(out: &mut impl Write, pixels: &[u8], micros: u64) -> io::Result<()> {
    // The track's number, the time within the cluster, and that it is a key frame.
    let head = [0x81, 0, 0, 0x80];
    let time = element(0xe7, &uint(micros));
    let block = [&id(SIMPLE_BLOCK)[..], &length(head.len() + pixels.len())].concat();
    out.write_all(&id(CLUSTER))?;
    out.write_all(&length(time.len() + block.len() + head.len() + pixels.len()))?;
    out.write_all(&time)?;
    out.write_all(&block)?;
    out.write_all(&head)?;
    out.write_all(pixels)
}

fn element(name: u32, body: &[u8]) -> Vec<u8> {
    [&id(name)[..], &length(body.len()), body].concat()
}

/// An element's name, whose first bits say its own length.
fn id(name: u32) -> Vec<u8> {
    name.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect()
}

/// A length in eight bytes.
fn length(bytes: usize) -> [u8; 8] {
    (bytes as u64 | 1 << 56).to_be_bytes()
}

fn uint(value: u64) -> Vec<u8> {
    let bytes: Vec<u8> = value.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    if bytes.is_empty() { vec![0] } else { bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_written_as_the_standard_says() {
        assert_eq!(element(0x4286, &uint(1)), [0x42, 0x86, 0x01, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!((uint(0), uint(300)), (vec![0], vec![1, 44]));
        let mut out = Vec::new();
        write_frame(&mut out, b"abc", 40_000).unwrap();
        assert!(out.starts_with(&[0x1f, 0x43, 0xb6, 0x75]) && out.ends_with(b"\x81\0\0\x80abc"));
    }
}
