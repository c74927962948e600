//! JPEG pictures as cameras send them.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::MAX_SIDE;
use crate::error::ImageError;
use crate::geometry::Size;

/// Decodes into a reused buffer.
#[derive(Debug, Default)]
pub(super) struct MjpegDecoder {
    patched: Vec<u8>,
    rgb: Vec<u8>,
}

impl MjpegDecoder {
    /// The picture's pixels, packed RGB, `size.area() * 3` bytes.
    ///
    /// # Errors
    /// [`ImageError::Undecodable`] for truncated or corrupt pictures, [`ImageError::SizeMismatch`] for another size.
    pub fn decode(&mut self, jpeg: &[u8], size: Size) -> Result<&[u8], ImageError> {
        let refuse = |reason: String| ImageError::Undecodable { what: "camera JPEG".into(), reason };
        if !has_end(jpeg) {
            return Err(refuse("it is cut off".into()));
        }
        let jpeg = with_tables(jpeg, &mut self.patched);
        let options = DecoderOptions::default()
            .jpeg_set_out_colorspace(ColorSpace::RGB)
            .set_max_width(MAX_SIDE as usize)
            .set_max_height(MAX_SIDE as usize);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
        decoder.decode_headers().map_err(|e| refuse(e.to_string()))?;
        let given = decoder.dimensions().map(|(w, h)| Size::new(w as u32, h as u32)).unwrap_or_default();
        if given != size {
            let expected_of = "the camera's format".into();
            return Err(ImageError::SizeMismatch { given, expected: size, expected_of });
        }
        self.rgb.resize(size.area() * 3, 0);
        decoder.decode_into(&mut self.rgb).map_err(|e| refuse(e.to_string()))?;
        Ok(&self.rgb)
    }
}

/// The picture with the standard Huffman tables put in where it has none: USB cameras leave them out.
fn with_tables<'a>(jpeg: &'a [u8], patched: &'a mut Vec<u8>) -> &'a [u8] {
    let Some(at) = scan_without_tables(jpeg) else { return jpeg };
    patched.clear();
    patched.extend_from_slice(&jpeg[..at]);
    patched.extend_from_slice(&standard_tables());
    patched.extend_from_slice(&jpeg[at..]);
    patched
}

/// Whether the picture's last scan is followed by an end-of-image marker. Inside a scan `FF` is always escaped, so both
/// markers can be searched for as bytes.
pub(super) fn has_end(jpeg: &[u8]) -> bool {
    let last = |marker: u8| jpeg.windows(2).rposition(|w| w == [0xFF, marker]);
    match (last(0xDA), last(0xD9)) {
        (Some(scan), Some(end)) => scan < end,
        _ => false,
    }
}

/// Where the start-of-scan marker lies, if no Huffman table comes before it.
fn scan_without_tables(jpeg: &[u8]) -> Option<usize> {
    let mut at = 2;
    loop {
        let header = jpeg.get(at..at + 4)?;
        match header {
            [0xFF, 0xC4, ..] => return None,
            [0xFF, 0xDA, ..] => return Some(at),
            [0xFF, 0xFF, ..] => at += 1,
            [0xFF, _, high, low] => at += 2 + usize::from(u16::from_be_bytes([*high, *low])),
            _ => return None,
        }
    }
}

/// A DHT segment with the typical tables of ITU-T T.81, annex K.3.
fn standard_tables() -> Vec<u8> {
    let mut segment = vec![0xFF, 0xC4, 0, 0];
    for (class, counts, values) in TABLES {
        segment.push(*class);
        segment.extend_from_slice(counts);
        segment.extend_from_slice(values);
    }
    let length = (segment.len() - 2) as u16;
    segment[2..4].copy_from_slice(&length.to_be_bytes());
    segment
}

/// Class and destination, codes of each length from 1 to 16 bits, values.
type Table = (u8, [u8; 16], &'static [u8]);

const TABLES: &[Table] = &[
    (0x00, [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    (0x01, [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    (0x10, [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D], &AC_LUMA),
    (0x11, [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77], &AC_CHROMA),
];

#[rustfmt::skip]
const AC_LUMA: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71,
    0x14, 0x32, 0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0, 0x24, 0x33, 0x62, 0x72,
    0x82, 0x09, 0x0A, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x34, 0x35, 0x36, 0x37,
    0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59,
    0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x83,
    0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3,
    0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3,
    0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE1, 0xE2,
    0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
];

#[rustfmt::skip]
const AC_CHROMA: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22,
    0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52, 0xF0, 0x15, 0x62, 0x72, 0xD1,
    0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25, 0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x35, 0x36,
    0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58,
    0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A,
    0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A,
    0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA,
    0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA,
    0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
];

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size::new(48, 32);

    fn jpeg() -> Vec<u8> {
        let picture = image::RgbImage::from_fn(48, 32, |x, y| image::Rgb([(x * 5) as u8, (y * 7) as u8, 90]));
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
        bytes.into_inner()
    }

    /// The same picture without its Huffman tables.
    fn bare(jpeg: &[u8]) -> Vec<u8> {
        let (mut out, mut at) = (jpeg[..2].to_vec(), 2);
        while jpeg[at + 1] != 0xDA {
            let length = 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
            if jpeg[at + 1] != 0xC4 {
                out.extend_from_slice(&jpeg[at..at + length]);
            }
            at += length;
        }
        out.extend_from_slice(&jpeg[at..]);
        out
    }

    #[test]
    fn pictures_without_tables_decode_to_the_same_pixels() {
        let whole = jpeg();
        let bare = bare(&whole);
        assert!(bare.len() + 300 < whole.len(), "the encoder's tables were found");
        let expected = MjpegDecoder::default().decode(&whole, SIZE).unwrap().to_vec();
        assert_eq!(MjpegDecoder::default().decode(&bare, SIZE).unwrap(), expected);
    }

    #[test]
    fn cut_and_foreign_pictures_are_refused() {
        let whole = jpeg();
        let mut decoder = MjpegDecoder::default();
        for length in [0, 1, 4, whole.len() / 4, whole.len() / 2, whole.len() - 2] {
            let refused = decoder.decode(&whole[..length], SIZE);
            assert!(matches!(refused, Err(ImageError::Undecodable { .. })), "{length}");
        }
        assert!(matches!(decoder.decode(&whole, Size::new(32, 48)), Err(ImageError::SizeMismatch { .. })));
    }
}
