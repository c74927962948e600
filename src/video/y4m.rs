//! The header of a YUV4MPEG2 stream, as mjpegtools define it and ffmpeg writes it.

use super::ratio;
use super::raw::RawLayout;
use crate::frame::{ColorEncoding, ColorRange, Colorimetry, PixelFormat};
use crate::geometry::Size;

/// What a stream begins with.
pub(super) const MAGIC: &[u8] = b"YUV4MPEG2";
/// What each of its frames begins with.
pub(super) const FRAME: &[u8] = b"FRAME";
/// No header is longer.
pub(super) const LONGEST_HEADER: usize = 4096;

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Header {
    pub layout: RawLayout,
    /// Frames per second; `None` where it is unknown or varies.
    pub rate: Option<f64>,
}

/// Reads a header, its line without the end.
///
/// # Errors
/// What is missing, or not read here.
pub(super) fn parse(line: &[u8]) -> Result<Header, String> {
    let text = std::str::from_utf8(line).map_err(|_| "its Y4M header is no text".to_owned())?;
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    if words.next().map(str::as_bytes) != Some(MAGIC) {
        return Err("its Y4M header does not begin with YUV4MPEG2".into());
    }
    let (mut width, mut height, mut rate) = (None, None, None);
    let (mut format, mut range) = (PixelFormat::I420, ColorRange::Limited);
    for word in words {
        let Some((key, value)) = word.split_at_checked(1) else { continue };
        match key {
            "W" => width = value.parse().ok(),
            "H" => height = value.parse().ok(),
            "F" => rate = ratio(value, ':'),
            "C" => format = chroma(value)?,
            "X" if value == "COLORRANGE=FULL" => range = ColorRange::Full,
            _ => {}
        }
    }
    let (Some(width), Some(height)) = (width, height) else {
        return Err("its Y4M header does not say width and height".into());
    };
    let colorimetry = Colorimetry { encoding: ColorEncoding::Bt601, range };
    let layout = RawLayout { colorimetry, ..RawLayout::tight(Size::new(width, height), format) };
    layout.check()?;
    Ok(Header { layout, rate })
}

fn chroma(name: &str) -> Result<PixelFormat, String> {
    match name {
        "420" | "420jpeg" | "420mpeg2" | "420paldv" => Ok(PixelFormat::I420),
        "mono" => Ok(PixelFormat::Grey),
        _ => Err(format!(
            "its colours are sampled as {name}, which is not read: write 8-bit 4:2:0, as with `-pix_fmt yuv420p`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_what_follows() {
        let header =
            parse(b"YUV4MPEG2 W640 H480 F30000:1001 Ip A1:1 C420mpeg2 XYSCSS=420MPEG2 XCOLORRANGE=FULL").unwrap();
        assert_eq!(header.layout.size, Size::new(640, 480));
        assert_eq!((header.layout.format, header.layout.colorimetry.range), (PixelFormat::I420, ColorRange::Full));
        assert!(header.rate.is_some_and(|rate| (rate - 29.97).abs() < 0.001));
        let bare = parse(b"YUV4MPEG2 H5 W3 F0:0").unwrap();
        assert_eq!((bare.rate, bare.layout), (None, RawLayout::tight(Size::new(3, 5), PixelFormat::I420)));
        assert_eq!(parse(b"YUV4MPEG2 W2 H2 Cmono").unwrap().layout.format, PixelFormat::Grey);
    }

    #[test]
    fn what_is_not_read_is_named() {
        let rows: [(&[u8], &str); 6] = [
            (b"YUV4MPEG W2 H2", "begin with"),
            (b"YUV4MPEG2 W2", "width and height"),
            (b"YUV4MPEG2 W2 H-2", "width and height"),
            (b"YUV4MPEG2 W0 H2", "sides"),
            (b"YUV4MPEG2 W2 H2 C420p10", "-pix_fmt yuv420p"),
            (b"YUV4MPEG2 W2 H2 C\xff", "no text"),
        ];
        for (line, expected) in rows {
            let reason = parse(line).unwrap_err();
            assert!(reason.contains(expected), "{reason}");
        }
    }
}
