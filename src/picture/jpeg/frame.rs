//! The frame header of an image: its size, components and kind.

use super::Refusal;
use crate::geometry::Size;

/// Whether the marker begins a frame header (SOF).
pub(super) fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf)
}

/// One colour component.
#[derive(Clone, Copy, Debug)]
pub(super) struct Component {
    pub id: u8,
    /// Blocks across and down in an interleaved unit.
    pub sampling: (u32, u32),
    /// Blocks across and down that hold pixels.
    pub own: (u32, u32),
    /// Blocks from one row to the next, with those that only fill up units.
    pub stride: u32,
    /// Rows of blocks, with those that only fill up units.
    pub rows: u32,
}

/// What a frame header says.
#[derive(Clone, Debug)]
pub(super) struct FrameHeader {
    pub size: Size,
    pub progressive: bool,
    pub components: Vec<Component>,
    /// Interleaved units across and down.
    pub units: (u32, u32),
    /// Blocks of all components.
    pub blocks: u64,
}

impl FrameHeader {
    /// Reads the segment's body (ITU-T T.81, B.2.2) of an image of `length` bytes.
    ///
    /// # Errors
    /// A kind that is not read; a damaged header; more blocks than so many bytes can hold.
    pub fn parse(marker: u8, body: &[u8], length: usize) -> Result<Self, Refusal> {
        const DAMAGED: Refusal = Refusal::Damaged("its frame header is damaged");
        let &[precision, _, _, _, _, count, ref listed @ ..] = body else { return Err(DAMAGED) };
        let size = Self::size(body).ok_or(DAMAGED)?;
        foreign(marker, precision, count)?;
        if size.area() == 0 {
            return Err(Refusal::Damaged("it does not say its size"));
        }
        let listed = listed.chunks_exact(3).take(count.into());
        let sampling: Vec<(u8, u32, u32)> =
            listed.map(|c| (c[0], u32::from(c[1] >> 4), u32::from(c[1] & 15))).collect();
        let sound = |&(_, h, v): &(u8, u32, u32)| (1..=4).contains(&h) && (1..=4).contains(&v);
        if sampling.len() != usize::from(count) || sampling.is_empty() || !sampling.iter().all(sound) {
            return Err(DAMAGED);
        }
        let (h_max, v_max) = sampling.iter().fold((1, 1), |(h, v), c| (h.max(c.1), v.max(c.2)));
        let units = (size.width.div_ceil(8 * h_max), size.height.div_ceil(8 * v_max));
        let components: Vec<Component> = sampling
            .iter()
            .map(|&(id, h, v)| Component {
                id,
                sampling: (h, v),
                own: ((size.width * h).div_ceil(h_max).div_ceil(8), (size.height * v).div_ceil(v_max).div_ceil(8)),
                stride: units.0 * h,
                rows: units.1 * v,
            })
            .collect();
        let blocks: u64 = components.iter().map(|c| u64::from(c.stride) * u64::from(c.rows)).sum();
        let own: u64 = components.iter().map(|c| u64::from(c.own.0) * u64::from(c.own.1)).sum();
        let progressive = marker == 0xc2;
        // A block takes a bit at least for its mean, and another for the end of the rest.
        let least = own * if progressive { 1 } else { 2 };
        if least > 8 * length as u64 {
            return Err(Refusal::Damaged("it is cut short: too few bytes for the size that it claims"));
        }
        Ok(FrameHeader { size, progressive, components, units, blocks })
    }

    /// Width and height in a frame header's body.
    pub fn size(body: &[u8]) -> Option<Size> {
        let &[_, h0, h1, w0, w1, ..] = body else { return None };
        let side = |bytes| u32::from(u16::from_be_bytes(bytes));
        Some(Size::new(side([w0, w1]), side([h0, h1])))
    }
}

/// Refuses the kinds that are not read, with what converts them.
fn foreign(marker: u8, precision: u8, components: u8) -> Result<(), Refusal> {
    let kind = match (marker, precision, components) {
        (0xc9..=0xcf, ..) => {
            ("a JPEG with arithmetic coding", "write it anew without loss: `jpegtran -outfile new.jpg photo.jpg`")
        }
        (0xc3, ..) => ("a lossless JPEG", "convert it first: `ffmpeg -i photo.jpg photo.png`"),
        (0xc5..=0xc7, ..) => ("a hierarchical JPEG", "save it anew as a plain JPEG or PNG"),
        (_, 12, _) => (
            "a JPEG of 12 bits a channel",
            "convert it first: `gdal_translate -of PNG -ot Byte -scale 0 4095 0 255 photo.jpg photo.png`",
        ),
        (_, _, 4) => {
            ("a JPEG in printing colours (CMYK)", "convert it first: `magick photo.jpg -colorspace sRGB photo.png`")
        }
        (_, 8, 1 | 3) => return Ok(()),
        _ => return Err(Refusal::Damaged("its frame header is damaged")),
    };
    Err(Refusal::Foreign(kind.0, kind.1))
}
