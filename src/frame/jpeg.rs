//! Camera MJPEG: complete baseline or progressive JPEG images, whose Huffman tables may be left out.

mod huffman;

use zune_jpeg::JpegDecoder as Decoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::MAX_SIDE;
use crate::error::ImageError;
use crate::geometry::Size;

const WHAT: &str = "JPEG frame";
const END: [u8; 2] = [0xff, 0xd9];
/// More bytes than the decoder reads before it needs them.
const READ_AHEAD: usize = 16;

/// Decodes JPEG images to RGB and keeps its buffers.
#[derive(Debug, Default)]
pub(super) struct JpegDecoder {
    /// A image as the decoder wants it.
    image: Vec<u8>,
}

impl JpegDecoder {
    /// Decodes `data` into `out` as RGB bytes without row padding; `out` is resized and reused.
    ///
    /// # Errors
    /// A image that is not JPEG, is corrupt, ends early, or is not of `expected` size.
    pub(super) fn decode(&mut self, data: &[u8], expected: Size, out: &mut Vec<u8>) -> Result<(), ImageError> {
        let headers = Headers::scan(data).map_err(undecodable)?;
        let end = headers.find_end(data).map_err(undecodable)?;
        let (head, scan) = data[..end].split_at(headers.scan);
        self.image.clear();
        self.image.extend_from_slice(head);
        if !headers.huffman_tables {
            huffman::write_standard_tables(&mut self.image);
        }
        self.image.extend_from_slice(scan);
        // At an end marker the decoder makes up what is missing of a scan, at the end of the bytes it reports it. It
        // reads ahead, but not past this.
        let ending: &[u8] = if headers.one_plain_scan { &[0; READ_AHEAD] } else { &END };
        self.image.extend_from_slice(ending);

        let options = DecoderOptions::default()
            .set_strict_mode(true)
            .set_max_width(MAX_SIDE as usize)
            .set_max_height(MAX_SIDE as usize)
            .jpeg_set_out_colorspace(ColorSpace::RGB);
        let mut decoder = Decoder::new_with_options(ZCursor::new(&self.image), options);
        decoder.decode_headers().map_err(|e| undecodable(format!("{e:?}")))?;
        let (width, height) = decoder.dimensions().unwrap_or_default();
        let given = Size::new(width as u32, height as u32);
        if given != expected {
            return Err(ImageError::SizeMismatch { given, expected, expected_of: "the frame".into() });
        }
        out.resize(given.area() * 3, 0);
        decoder.decode_into(out).map_err(|e| undecodable(format!("{e:?}")))
    }
}

fn undecodable(reason: impl Into<String>) -> ImageError {
    ImageError::Undecodable { what: WHAT.into(), reason: reason.into() }
}

/// What lies before the first scan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Headers {
    /// Whether a DHT segment is among them.
    huffman_tables: bool,
    /// Whether the image is baseline, in one scan of all its components, without restart markers.
    one_plain_scan: bool,
    /// Where the first SOS marker begins.
    scan: usize,
    /// As the frame header says; 0x0 without one.
    size: Size,
}

/// The size of the JPEG image in `data`, if its headers and its end are there; the pixels between are not looked at.
///
/// # Errors
/// What is missing.
#[cfg(any(test, fuzzing, all(feature = "camera", target_os = "linux")))]
pub(crate) fn jpeg_size(data: &[u8]) -> Result<Size, &'static str> {
    let headers = Headers::scan(data)?;
    headers.find_end(data)?;
    match headers.size {
        size if size.area() > 0 => Ok(size),
        _ => Err("it does not say its size"),
    }
}

impl Headers {
    /// Walks the marker segments (ITU-T T.81, B.1.1.4).
    pub(super) fn scan(data: &[u8]) -> Result<Self, &'static str> {
        const CUT: &str = "it ends within its headers";
        if !data.starts_with(&[0xff, 0xd8]) {
            return Err("it does not begin like a JPEG image");
        }
        let (mut huffman_tables, mut restarts, mut components) = (false, false, None);
        let mut size = Size::default();
        let mut at = 2;
        loop {
            let marker = match data.get(at..at + 2).ok_or(CUT)? {
                // Any number of fill bytes may stand before a marker.
                [0xff, 0xff] => {
                    at += 1;
                    continue;
                }
                &[0xff, marker] => marker,
                _ => return Err("a marker is missing between its headers"),
            };
            // Markers without a segment.
            if matches!(marker, 0x01 | 0xd0..=0xd8) {
                at += 2;
                continue;
            }
            let length = data.get(at + 2..at + 4).ok_or(CUT)?;
            let end = at + 2 + usize::from(u16::from_be_bytes([length[0], length[1]]));
            let segment = data.get(at + 4..end).ok_or(CUT)?;
            // Frame headers: precision, height, width, number of components.
            if let (0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf, &[_, h0, h1, w0, w1, ..]) = (marker, segment)
            {
                let side = |bytes| u32::from(u16::from_be_bytes(bytes));
                size = Size::new(side([w0, w1]), side([h0, h1]));
            }
            match marker {
                // Baseline or extended sequential frame.
                0xc0 | 0xc1 => components = segment.get(5),
                0xc4 => huffman_tables = true,
                0xd9 => return Err("it holds no image"),
                0xda => {
                    let one_plain_scan = components.is_some() && components == segment.first() && !restarts;
                    return Ok(Headers { huffman_tables, one_plain_scan, scan: at, size });
                }
                0xdd => restarts = true,
                _ => {}
            }
            at = end;
        }
    }

    /// Where the last end marker is: a image cut short has none, since scans escape every 0xFF.
    pub(super) fn find_end(&self, data: &[u8]) -> Result<usize, &'static str> {
        let scan = data.get(self.scan..).unwrap_or_default();
        let end = scan.windows(2).rposition(|pair| pair == END).ok_or("it is cut short")?;
        Ok(self.scan + end)
    }
}

#[cfg(test)]
mod tests;
