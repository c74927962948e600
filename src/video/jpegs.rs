//! JPEG images one behind the other, as cameras and `multipart/x-mixed-replace` servers send them: what lies between two images is
//! passed over.

use std::io::{self, BufRead, ErrorKind};

/// No image of a stream is longer.
const LONGEST_IMAGE: usize = 64 << 20;
/// Bytes between two images beyond which the stream is none of images.
const MOST_BETWEEN: usize = 1 << 20;

const END: u8 = 0xd9;
const START: u8 = 0xd8;
const SCAN: u8 = 0xda;

/// Reads the next image into `out`, from its start to its end marker; false at the end of the stream.
///
/// # Errors
/// `UnexpectedEof` within an image, `InvalidData` for what is no stream of images, and what `input` fails with.
pub(super) fn read_image(input: &mut impl BufRead, out: &mut Vec<u8>) -> io::Result<bool> {
    out.clear();
    if !skip_to_start(input)? {
        return Ok(false);
    }
    out.extend([0xff, START]);
    let mut image = Image { input, out };
    let mut marker = image.marker()?;
    while marker != END {
        image.segment(marker)?;
        marker = if marker == SCAN { image.scan()? } else { image.marker()? };
    }
    Ok(true)
}

/// Passes over everything up to the next start of an image, that included; false where there is none.
fn skip_to_start(input: &mut impl BufRead) -> io::Result<bool> {
    let (mut passed, mut before) = (0, 0u8);
    loop {
        let bytes = input.fill_buf()?;
        if bytes.is_empty() {
            return Ok(false);
        }
        for (at, &byte) in bytes.iter().enumerate() {
            if (before, byte) == (0xff, START) {
                input.consume(at + 1);
                return Ok(true);
            }
            before = byte;
        }
        let length = bytes.len();
        input.consume(length);
        passed += length;
        if passed > MOST_BETWEEN {
            return Err(io::Error::new(ErrorKind::InvalidData, "a megabyte without a JPEG image"));
        }
    }
}

/// An image that is being read.
struct Image<'a, R> {
    input: &'a mut R,
    out: &'a mut Vec<u8>,
}

impl<R: BufRead> Image<'_, R> {
    fn byte(&mut self) -> io::Result<u8> {
        let byte = *self.input.fill_buf()?.first().ok_or(ErrorKind::UnexpectedEof)?;
        self.input.consume(1);
        self.out.push(byte);
        match self.out.len() <= LONGEST_IMAGE {
            true => Ok(byte),
            false => Err(io::Error::new(ErrorKind::InvalidData, "a JPEG image of more than 64 MB")),
        }
    }

    /// The marker that comes now, with as many 0xFF before it as there are.
    fn marker(&mut self) -> io::Result<u8> {
        if self.byte()? != 0xff {
            return Err(io::Error::new(ErrorKind::InvalidData, "a damaged JPEG image"));
        }
        loop {
            let marker = self.byte()?;
            if marker != 0xff {
                return Ok(marker);
            }
        }
    }

    /// The body of the segment that `marker` begins, which may hold images of its own: a thumbnail.
    fn segment(&mut self, marker: u8) -> io::Result<()> {
        if marker == 0x01 || (0xd0..=START).contains(&marker) {
            return Ok(());
        }
        let length = usize::from(u16::from_be_bytes([self.byte()?, self.byte()?]));
        for _ in 2..length {
            self.byte()?;
        }
        Ok(())
    }

    /// The data of a scan and the marker that ends it.
    fn scan(&mut self) -> io::Result<u8> {
        loop {
            let bytes = self.input.fill_buf()?;
            if bytes.is_empty() {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let data = bytes.iter().position(|b| *b == 0xff).unwrap_or(bytes.len());
            self.out.extend_from_slice(&bytes[..data]);
            self.input.consume(data);
            if self.input.fill_buf()?.first() != Some(&0xff) {
                continue;
            }
            match self.marker()? {
                // An escaped 0xFF, and the markers of restarts.
                0x00 | 0xd0..=0xd7 => {}
                marker => return Ok(marker),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use image::codecs::jpeg::JpegEncoder;
    use image::{ExtendedColorType, ImageEncoder};

    use super::*;

    fn image(side: u32) -> Vec<u8> {
        let pixels: Vec<u8> = (0..side * side * 3).map(|i| (i * i % 255) as u8).collect();
        let mut out = Vec::new();
        JpegEncoder::new(&mut out).write_image(&pixels, side, side, ExtendedColorType::Rgb8).unwrap();
        out
    }

    /// The images of a stream, read through a buffer of `capacity` bytes.
    fn images(bytes: &[u8], capacity: usize) -> io::Result<Vec<Vec<u8>>> {
        let mut input = BufReader::with_capacity(capacity, bytes);
        let (mut found, mut one) = (Vec::new(), Vec::new());
        while read_image(&mut input, &mut one)? {
            found.push(one.clone());
        }
        Ok(found)
    }

    #[test]
    fn images_come_apart_whatever_lies_between_them() {
        let (a, b) = (image(20), image(33));
        // A thumbnail inside.
        let mut c = vec![0xff, 0xd8, 0xff, 0xe1];
        c.extend((a.len() as u16 + 2).to_be_bytes());
        c.extend(&a);
        c.extend(&b[2..]);
        let stream = [&a[..], b"\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n", &b, &[0xff], &c, b"\0\0"].concat();
        for capacity in [1, 2, 7, 8192] {
            assert_eq!(images(&stream, capacity).unwrap(), [a.clone(), b.clone(), c.clone()], "{capacity}");
        }
    }

    #[test]
    fn a_cut_image_and_what_is_none_are_errors() {
        let a = image(20);
        let cut = images(&a[..a.len() - 3], 64).unwrap_err();
        assert_eq!(cut.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(images(&vec![7; 3 << 20], 8192).unwrap_err().kind(), ErrorKind::InvalidData);
        assert_eq!(images(&[0xff, 0xd8, 7, 7], 8192).unwrap_err().kind(), ErrorKind::InvalidData);
        assert!(images(b"", 64).unwrap().is_empty());
    }
}
