use std::io::{self, BufRead, BufReader, Chain, Cursor, ErrorKind, Read};

use super::clip;
use super::counted::Counted;
use super::jpegs;
use super::ppm;
use super::raw::RawLayout;
use super::y4m;
use crate::frame::{ColorEncoding, ColorRange, Colorimetry, Frame, PixelFormat};
use crate::picture::jpeg::jpeg_size;

/// Bytes that are read ahead, of headers and JPEG images; the rest of a raw frame goes to its place at once.
const AHEAD: usize = 4096;

/// What a stream of bytes holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StreamFormat {
    /// Y4M or JPEG images, as its first bytes say.
    #[default]
    Own,
    /// YUV4MPEG2.
    Y4m,
    /// JPEG images one behind the other.
    Mjpeg,
    /// Pictures of RGB with a header each, as ffmpeg's `ppm` writes them.
    Ppm,
    /// Frames without headers.
    Raw(RawLayout),
}

/// Reads frame after frame from a stream of bytes.
#[derive(Debug)]
pub struct FrameReader<R> {
    input: BufReader<Counted<Chain<Cursor<Vec<u8>>, R>>>,
    kind: Kind,
    /// Frames per second, if the stream says it.
    rate: Option<f64>,
    /// A header's line.
    line: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Y4m(RawLayout),
    Mjpeg,
    Ppm,
    Raw(RawLayout),
}

impl<R: Read> FrameReader<R> {
    /// Begins to read, up to the end of the stream's header if it has one. Waits for the first bytes.
    ///
    /// # Errors
    /// In words: a stream that is empty, of another format, or cannot be read.
    pub fn new(mut input: R, format: StreamFormat) -> Result<Self, String> {
        let mut first = Vec::new();
        let format = match format {
            StreamFormat::Own => {
                input.by_ref().take(2).read_to_end(&mut first).map_err(|e| e.to_string())?;
                match &first[..] {
                    [] => return Err("it sends nothing".into()),
                    // An image, or the boundary before the first of several parts.
                    [0xff, 0xd8] | b"--" | b"\r\n" => StreamFormat::Mjpeg,
                    [a, b] if y4m::MAGIC.starts_with(&[*a, *b]) => StreamFormat::Y4m,
                    _ => return Err(unknown(&first)),
                }
            }
            known => known,
        };
        let input = BufReader::with_capacity(AHEAD, Counted::new(Cursor::new(first).chain(input), AHEAD));
        let mut reader = FrameReader { input, kind: Kind::Mjpeg, rate: None, line: Vec::new() };
        match format {
            StreamFormat::Raw(layout) => {
                layout.check()?;
                reader.kind = Kind::Raw(layout);
            }
            StreamFormat::Y4m => {
                if !reader.read_line()? {
                    return Err("it sends nothing".into());
                }
                let header = y4m::parse(&reader.line)?;
                (reader.kind, reader.rate) = (Kind::Y4m(header.layout), header.rate);
            }
            StreamFormat::Ppm => reader.kind = Kind::Ppm,
            StreamFormat::Mjpeg | StreamFormat::Own => {}
        }
        Ok(reader)
    }

    /// Frames per second, if the stream says it.
    pub fn rate(&self) -> Option<f64> {
        self.rate
    }

    /// The pixel format of its frames.
    pub fn format(&self) -> PixelFormat {
        match self.kind {
            Kind::Mjpeg => PixelFormat::Mjpeg,
            Kind::Ppm => PixelFormat::Rgb24,
            Kind::Y4m(layout) | Kind::Raw(layout) => layout.format,
        }
    }

    /// Which matrix turns the YUV of a Y4M stream into RGB, which does not say it: BT.601 if nothing is set; `None` sets what players
    /// take frames of its size for.
    pub fn set_encoding(&mut self, known: Option<ColorEncoding>) {
        if let Kind::Y4m(layout) = &mut self.kind {
            layout.colorimetry.encoding = known.unwrap_or_else(|| clip::encoding(None, layout.size));
        }
    }

    /// Waits for the next frame and reads it into `frame`, whose buffer is reused; its time and number stay as they are. False at
    /// the end of the stream.
    ///
    /// # Errors
    /// In words: a stream that ends within a frame, breaks its format, or cannot be read.
    pub fn read(&mut self, frame: &mut Frame) -> Result<bool, String> {
        let more = self.read_frame(frame)?;
        frame.copied_bytes = self.input.get_mut().take();
        Ok(more)
    }

    fn read_frame(&mut self, frame: &mut Frame) -> Result<bool, String> {
        match self.kind {
            Kind::Mjpeg => self.read_jpeg(frame),
            Kind::Ppm => self.read_ppm(frame),
            Kind::Raw(layout) => {
                if self.input.fill_buf().map_err(|e| e.to_string())?.is_empty() {
                    return Ok(false);
                }
                layout.read(&mut self.input, frame).map_err(within_frame)?;
                Ok(true)
            }
            Kind::Y4m(layout) => {
                if !self.read_line()? {
                    return Ok(false);
                }
                if !self.line.starts_with(y4m::FRAME) {
                    return Err("a frame of its Y4M stream does not begin with FRAME".into());
                }
                layout.read(&mut self.input, frame).map_err(within_frame)?;
                Ok(true)
            }
        }
    }

    fn read_ppm(&mut self, frame: &mut Frame) -> Result<bool, String> {
        if !self.read_line()? {
            return Ok(false);
        }
        let is_header = self.line == ppm::MAGIC;
        let layout =
            if self.read_line()? { ppm::layout(&self.line)? } else { return Err("its PPM header has no end".into()) };
        if !is_header || !self.read_line()? || self.line != ppm::DEPTH {
            return Err("a picture of its PPM stream does not begin as one".into());
        }
        layout.read(&mut self.input, frame).map_err(within_frame)?;
        Ok(true)
    }

    fn read_jpeg(&mut self, frame: &mut Frame) -> Result<bool, String> {
        if !jpegs::read_image(&mut self.input, frame.data.own_mut()).map_err(within_frame)? {
            return Ok(false);
        }
        frame.size = jpeg_size(&frame.data, true).map_err(|reason| format!("a damaged JPEG image: {reason}"))?;
        (frame.format, frame.stride) = (PixelFormat::Mjpeg, 0);
        frame.colorimetry = Colorimetry { range: ColorRange::Full, ..Colorimetry::default() };
        Ok(true)
    }

    /// Reads a header's line into `self.line`, without its end; false at the end of the stream.
    fn read_line(&mut self) -> Result<bool, String> {
        self.line.clear();
        let limit = y4m::LONGEST_HEADER as u64;
        self.input.by_ref().take(limit).read_until(b'\n', &mut self.line).map_err(|e| e.to_string())?;
        match self.line.pop() {
            None => Ok(false),
            Some(b'\n') => Ok(true),
            Some(_) => Err("its header has no end".into()),
        }
    }
}

fn within_frame(error: io::Error) -> String {
    match error.kind() {
        ErrorKind::UnexpectedEof => "it ends within a frame".into(),
        _ => error.to_string(),
    }
}

fn unknown(first: &[u8]) -> String {
    let bytes: Vec<String> = first.iter().map(|b| format!("{b:02x}")).collect();
    format!(
        "it begins with the bytes {}, which is neither Y4M nor JPEG: say what it sends, as in `?format=nv12&size=640x480&fps=30`",
        bytes.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    fn reader(bytes: &[u8]) -> Result<FrameReader<&[u8]>, String> {
        FrameReader::new(bytes, StreamFormat::Own)
    }

    #[test]
    fn y4m_frames_come_one_by_one() {
        // 4x3 in 4:2:0: 12 bytes of luma, 2x2 of each colour.
        let (a, b) = ([7u8; 20], [9u8; 20]);
        let stream = [b"YUV4MPEG2 W4 H3 F25:1\nFRAME\n", &a[..], b"FRAME Ip\n", &b[..]].concat();
        let mut reader = reader(&stream).unwrap();
        assert_eq!((reader.rate(), reader.format()), (Some(25.0), PixelFormat::I420));
        let mut frame = Frame::default();
        for expected in [&a, &b] {
            assert_eq!(reader.read(&mut frame), Ok(true));
            assert_eq!((frame.size, &frame.data[..]), (Size::new(4, 3), &expected[..]));
        }
        assert_eq!(reader.read(&mut frame), Ok(false));
    }

    #[test]
    fn streams_that_break_off_say_so() {
        let rows: [(&[u8], &str); 4] = [
            (b"YUV4MPEG2 W2 H2 F25:1\nFRAME\nabcdefFRAME\nabc", "ends within a frame"),
            (b"YUV4MPEG2 W2 H2 F25:1\nFRAME\nabcdefFARME\nabcdef", "does not begin with FRAME"),
            (b"YUV4MPEG2 W2 H2 F25:1\nFRAME\nabcdefFRAM", "no end"),
            (b"\xff\xd8\xff", "ends within a frame"),
        ];
        for (bytes, expected) in rows {
            let (mut reader, mut frame) = (reader(bytes).unwrap(), Frame::default());
            let reason = loop {
                match reader.read(&mut frame) {
                    Ok(more) => assert!(more, "{expected}"),
                    Err(reason) => break reason,
                }
            };
            assert!(reason.contains(expected), "{reason}");
        }
    }

    #[test]
    fn ppm_pictures_say_their_size_each() {
        let stream = b"P6\n2 1\n255\nabcdefP6\n1 1\n255\nxyz";
        let mut reader = FrameReader::new(&stream[..], StreamFormat::Ppm).unwrap();
        let mut frame = Frame::default();
        for (size, bytes) in [(Size::new(2, 1), &b"abcdef"[..]), (Size::new(1, 1), b"xyz")] {
            assert_eq!(reader.read(&mut frame), Ok(true));
            assert!((frame.size, frame.format) == (size, PixelFormat::Rgb24) && frame.data == bytes);
        }
        assert_eq!(reader.read(&mut frame), Ok(false));
        for wrong in [
            &b"P5\n2 1\n255\n"[..],
            b"P6\n2\n255\n",
            b"P6\n0 1\n255\n",
            b"P6\n2 1\n65535\n",
            b"P6\n2 1\n255\nabc",
            b"P6",
        ] {
            let mut reader = FrameReader::new(wrong, StreamFormat::Ppm).unwrap();
            assert!(reader.read(&mut frame).is_err(), "{}", String::from_utf8_lossy(wrong));
        }
    }

    #[test]
    fn raw_frames_need_a_layout_and_end_on_a_frame() {
        let layout = RawLayout::tight(Size::new(2, 2), PixelFormat::Grey);
        let mut reader = FrameReader::new(&b"abcdefgh"[..], StreamFormat::Raw(layout)).unwrap();
        let mut frame = Frame::default();
        assert_eq!((reader.read(&mut frame), reader.read(&mut frame)), (Ok(true), Ok(true)));
        assert_eq!(frame.data, b"efgh");
        assert_eq!(reader.read(&mut frame), Ok(false));
        for (bytes, expected) in [(&b"abcdefgh"[..], "61 62"), (b"", "nothing"), (b"Y", "neither")] {
            assert!(
                super::FrameReader::new(bytes, StreamFormat::Own).is_err_and(|r| r.contains(expected)),
                "{expected}"
            );
        }
    }

    #[test]
    fn jpeg_images_are_frames_of_their_own_size() {
        let mut bytes = Vec::new();
        image::codecs::jpeg::JpegEncoder::new(&mut bytes)
            .encode(&[9; 60], 5, 4, image::ExtendedColorType::Rgb8)
            .unwrap();
        let stream = [&bytes[..], &bytes].concat();
        let (mut reader, mut frame) = (reader(&stream).unwrap(), Frame::default());
        for _ in 0..2 {
            assert_eq!(reader.read(&mut frame), Ok(true));
            assert_eq!((frame.format, frame.size, &frame.data[..]), (PixelFormat::Mjpeg, Size::new(5, 4), &bytes[..]));
        }
        assert_eq!(reader.read(&mut frame), Ok(false));
    }

    #[test]
    fn a_large_raw_frame_is_copied_once_and_a_jpeg_image_twice() {
        let layout = RawLayout::tight(Size::new(640, 480), PixelFormat::Nv12);
        let (bytes, mut frame) = (vec![7; layout.frame_bytes() * 3], Frame::default());
        let mut raw = FrameReader::new(&bytes[..], StreamFormat::Raw(layout)).unwrap();
        for _ in 0..3 {
            assert_eq!(raw.read(&mut frame), Ok(true));
            let over = frame.copied_bytes - layout.frame_bytes() as u64;
            assert!(over <= 2 * AHEAD as u64, "{over} bytes more than once");
        }
        let mut image = Vec::new();
        image::codecs::jpeg::JpegEncoder::new(&mut image)
            .encode(&[9; 60], 5, 4, image::ExtendedColorType::Rgb8)
            .unwrap();
        let mut jpegs = reader(&image).unwrap();
        assert_eq!(jpegs.read(&mut frame), Ok(true));
        assert_eq!(frame.copied_bytes, 2 * image.len() as u64);
    }
}
