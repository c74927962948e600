//! Files that are no pictures we read, by what they begin with; and the container of WebP.

use crate::error::ImageError;

/// What a file is, if it is none of the formats that are read.
pub(super) fn refusal(bytes: &[u8], what: &str) -> ImageError {
    let what = what.to_owned();
    if bytes.is_empty() {
        return ImageError::Undecodable { what, reason: "it is empty".into() };
    }
    match container(bytes) {
        Some(Known::Photo(format, converter)) => ImageError::ForeignFormat { what, format, converter },
        Some(Known::Other(found, remedy)) => {
            ImageError::Undecodable { what, reason: format!("it is {found}: {remedy}") }
        }
        None => ImageError::Undecodable { what, reason: "it begins like none that is known".into() },
    }
}

enum Known {
    /// A format of photos, and a command that converts it.
    Photo(&'static str, &'static str),
    /// What it is, and what to do.
    Other(&'static str, &'static str),
}

const FRAMES: &str = "take its frames out into a folder: `ffmpeg -i video.mp4 frames/%05d.jpg`";

fn container(bytes: &[u8]) -> Option<Known> {
    if let Some(known) = iso_media(bytes) {
        return Some(known);
    }
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    let riff = starts(b"RIFF").then(|| bytes.get(8..12)).flatten();
    Some(match bytes {
        _ if riff == Some(b"AVI ") => Known::Other("a video (AVI)", FRAMES),
        _ if starts(b"\x1a\x45\xdf\xa3") => Known::Other("a video (Matroska or WebM)", FRAMES),
        _ if starts(b"\0\0\x01\xba") || starts(b"\0\0\x01\xb3") => Known::Other("a video (MPEG)", FRAMES),
        _ if starts(b"\xff\x0a") || starts(b"\0\0\0\x0cJXL ") => Known::Photo("JPEG XL", "djxl photo.jxl photo.png"),
        _ if starts(b"\0\0\0\x0cjP  ") || starts(b"\xff\x4f\xff\x51") => {
            Known::Photo("JPEG 2000", "ffmpeg -i photo.jp2 photo.png")
        }
        _ if starts(b"%PDF") => Known::Photo("PDF", "pdftoppm -png photo.pdf photo"),
        _ if starts(b"8BPS") => Known::Photo("Photoshop's own format", "magick photo.psd[0] photo.png"),
        _ if starts(b"\0\x05\x16\x07") => {
            Known::Other("what macOS keeps beside a file (AppleDouble)", "give the file of the same name without `._`")
        }
        _ if starts(b"P5") || starts(b"P6") => Known::Photo("PNM", "ffmpeg -i photo.ppm photo.png"),
        _ => return None,
    })
}

/// An ISO media file lists its brands in a `ftyp` box.
fn iso_media(bytes: &[u8]) -> Option<Known> {
    const AVIF: [&[u8]; 2] = [b"avif", b"avis"];
    const HEIC: [&[u8]; 10] =
        [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"];
    const VIDEO: [&[u8]; 6] = [b"isom", b"iso2", b"mp41", b"mp42", b"qt  ", b"M4V "];
    let (length, rest) = bytes.split_first_chunk()?;
    let body = rest.strip_prefix(b"ftyp")?;
    let length = (u32::from_be_bytes(*length) as usize).saturating_sub(8).min(body.len());
    // The major brand, a version, then the compatible ones.
    let brands = || body[..length].chunks_exact(4).enumerate().filter(|(ix, _)| *ix != 1).map(|(_, brand)| brand);
    // A video may list what its cover is.
    if brands().next().is_some_and(|major| VIDEO.contains(&major)) {
        return Some(Known::Other("a video (MP4 or QuickTime)", FRAMES));
    }
    if brands().any(|brand| AVIF.contains(&brand)) {
        Some(Known::Photo("AVIF", "ffmpeg -i photo.avif photo.png"))
    } else if brands().any(|brand| HEIC.contains(&brand)) {
        Some(Known::Photo("HEIC", "heif-convert photo.heic photo.jpg"))
    } else {
        None
    }
}

/// The bytes of a WebP file, of which none are missing; what follows them is left out.
///
/// # Errors
/// It is cut short.
pub(super) fn riff(bytes: &[u8]) -> Result<&[u8], &'static str> {
    const CUT: &str = "it is cut short";
    let length = bytes.get(4..).and_then(|rest| rest.first_chunk()).ok_or(CUT)?;
    let length = 8 + u32::from_le_bytes(*length) as usize;
    // Some writers leave out the last byte, which only makes the length even.
    bytes.get(..length).or_else(|| bytes.get(..length - 1)).ok_or(CUT)
}
