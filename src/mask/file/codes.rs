//! The values of a mask file's pixels, before anything is made of them.

use std::collections::BTreeSet;
use std::path::Path;

use image::DynamicImage;

use crate::error::{Error, ImageError};
use crate::geometry::Size;
use crate::mask::Mask;
use crate::picture::{self, DEFAULT_DECODE_BYTES, Picture};

/// The values of a mask file, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codes {
    /// Width and height in pixels.
    pub size: Size,
    /// One value a pixel, without padding: levels of grey, or numbers in a palette.
    pub data: Vec<u16>,
    pub(super) kind: Kind,
}

/// What the values are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Levels from 0 to `white`; `is_lossy` if coding changed them a little.
    Grey { white: u16, is_lossy: bool },
    /// Numbers in a palette, of these colours.
    Palette(Vec<[u8; 3]>),
}

impl Codes {
    /// Reads a picture file as values: a grey one, a palette's numbers, one that is black but for one colour, or one whose
    /// transparency is all that it shows.
    ///
    /// # Errors
    /// A file that cannot be read, or is no picture; [`ImageError::Mask`] for one whose colours or transparency do not
    /// say what is meant.
    pub fn read(path: &Path) -> Result<Codes, Error> {
        let what = path.display().to_string();
        let picture = picture::decode(&picture::read(path)?, &what, DEFAULT_DECODE_BYTES)?;
        Codes::of(picture).map_err(|reason| ImageError::Mask { what, reason }.into())
    }

    fn of(Picture { image, palette, is_lossy }: Picture) -> Result<Codes, String> {
        let size = Size::new(image.width(), image.height());
        let grey = |white, data| Codes { size, data, kind: Kind::Grey { white, is_lossy } };
        if let Some(palette) = palette {
            let numbers: Vec<u16> = image.into_luma8().iter().map(|v| u16::from(*v)).collect();
            return Ok(Codes::numbered(size, numbers, palette));
        }
        let pixels: Vec<[u16; 4]> = match image {
            DynamicImage::ImageLuma8(levels) => {
                return Ok(grey(255, levels.iter().map(|v| u16::from(*v)).collect()));
            }
            DynamicImage::ImageLuma16(levels) => return Ok(grey(u16::MAX, levels.into_raw())),
            DynamicImage::ImageLumaA8(_) | DynamicImage::ImageRgb8(_) | DynamicImage::ImageRgba8(_) => {
                image.into_rgba8().pixels().map(|p| p.0.map(u16::from)).collect()
            }
            DynamicImage::ImageLumaA16(_) | DynamicImage::ImageRgb16(_) | DynamicImage::ImageRgba16(_) => {
                let pixels = image.into_rgba16();
                return levels(&pixels.pixels().map(|p| p.0).collect::<Vec<_>>(), u16::MAX).map(|l| grey(u16::MAX, l));
            }
            _ => return Err(format!("a picture of floating-point numbers: {SAVE_PLAIN}")),
        };
        levels(&pixels, 255).map(|levels| grey(255, levels))
    }

    /// A palette of greys only is a way to store grey; any other numbers objects.
    fn numbered(size: Size, numbers: Vec<u16>, palette: Vec<[u8; 3]>) -> Codes {
        let used: BTreeSet<u16> = numbers.iter().copied().collect();
        let color = |number: u16| palette.get(usize::from(number)).copied().unwrap_or_default();
        if used.iter().all(|number| is_grey(color(*number))) {
            let data = numbers.iter().map(|number| u16::from(color(*number)[0])).collect();
            return Codes { size, data, kind: Kind::Grey { white: 255, is_lossy: false } };
        }
        Codes { size, data: numbers, kind: Kind::Palette(palette) }
    }

    /// The pixels whose value satisfies `inside`.
    pub fn select(&self, inside: impl Fn(u16) -> bool) -> Mask {
        let mut mask = Mask::new(self.size);
        for (pixel, code) in mask.data_mut().iter_mut().zip(&self.data) {
            *pixel = inside(*code) as u8;
        }
        mask
    }
}

const SAVE_PLAIN: &str = "save it as a grey PNG, 0 outside and 255 inside";

fn is_grey<T: PartialEq>([r, g, b]: [T; 3]) -> bool {
    r == g && g == b
}

/// Levels of grey that say what the pixels (red, green, blue, alpha) of a mask do.
fn levels(pixels: &[[u16; 4]], white: u16) -> Result<Vec<u16>, String> {
    let alpha = |&[.., a]: &[u16; 4]| a;
    let color = |&[r, g, b, _]: &[u16; 4]| [r, g, b];
    let first = pixels.first().copied().unwrap_or_default();
    let one_alpha = pixels.iter().all(|p| alpha(p) == first[3]);
    let one_color = pixels.iter().all(|p| color(p) == color(&first));
    if one_alpha && first[3] == 0 {
        return Err(format!("all of it is transparent: {SAVE_PLAIN}"));
    }
    if one_alpha {
        return colors(pixels, white);
    }
    let alphas: Vec<u16> = pixels.iter().map(alpha).collect();
    if one_color {
        return Ok(alphas);
    }
    // Colours and transparency may say the same.
    let inside = |level: &u16| u32::from(*level) * 2 > u32::from(white);
    match colors(pixels, white) {
        Ok(levels) if levels.iter().map(inside).eq(alphas.iter().map(inside)) => Ok(alphas),
        _ => Err(format!(
            "its colours say one thing and its transparency another: {SAVE_PLAIN}, of one of them (`magick mask.png -alpha \
             extract new.png` takes the transparency, `-alpha off` the colours)"
        )),
    }
}

/// Levels of grey, or of one colour beside black.
fn colors(pixels: &[[u16; 4]], white: u16) -> Result<Vec<u16>, String> {
    if pixels.iter().all(|&[r, g, b, _]| is_grey([r, g, b])) {
        return Ok(pixels.iter().map(|p| p[0]).collect());
    }
    let mut others: Vec<[u16; 3]> = Vec::new();
    let mut has_black = false;
    for &[r, g, b, _] in pixels {
        if [r, g, b] == [0; 3] {
            has_black = true;
        } else if !others.contains(&[r, g, b]) {
            others.push([r, g, b]);
            if others.len() > 1 {
                break;
            }
        }
    }
    if others.len() == 1 && has_black {
        return Ok(pixels.iter().map(|&[r, g, b, _]| if [r, g, b] == [0; 3] { 0 } else { white }).collect());
    }
    Err(format!(
        "a picture of several colours, of which none is said to be the object: {SAVE_PLAIN}, or with a palette"
    ))
}
