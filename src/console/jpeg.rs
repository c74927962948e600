use image::{ImageBuffer, Rgb, imageops};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::error::{ImageError, Result};
use crate::frame::{Frame, to_rgb};
use crate::geometry::Size;

/// An image's longest side in pixels, and its JPEG quality, 1 to 100.
struct Level {
    side: u32,
    quality: u8,
}

/// From the best on. The masks are drawn over the image by the page at the frame's own resolution, whatever the level.
const LEVELS: [Level; LEVEL_COUNT] = [
    Level { side: 1280, quality: 85 },
    Level { side: 960, quality: 75 },
    Level { side: 640, quality: 65 },
    Level { side: 400, quality: 50 },
];

/// How many sizes and qualities there are.
pub const LEVEL_COUNT: usize = 4;

/// Encodes frames as JPEG at one of several sizes and qualities.
#[derive(Default)]
pub struct FrameEncoder {
    rgb: Vec<u8>,
    size: Size,
}

impl FrameEncoder {
    /// Takes the colours of a frame; [`Self::jpeg`] then encodes it.
    ///
    /// # Errors
    /// If the frame cannot be read.
    pub fn take(&mut self, frame: &Frame) -> Result<()> {
        to_rgb(frame, &mut self.rgb)?;
        self.size = frame.size;
        Ok(())
    }

    /// The frame as JPEG at a level, 0 for the best, and its width and height there. Levels beyond the last are the last.
    ///
    /// # Errors
    /// If a side has more than 65,535 pixels, as many as JPEG can hold.
    pub fn jpeg(&self, level: usize) -> Result<(Size, Vec<u8>)> {
        let Level { side, quality } = LEVELS[level.min(LEVEL_COUNT - 1)];
        let longest = self.size.width.max(self.size.height).max(1);
        if longest <= side {
            return Ok((self.size, encode(&self.rgb, self.size, quality)?));
        }
        let scaled = |n: u32| (u64::from(n) * u64::from(side)).div_ceil(u64::from(longest)).max(1) as u32;
        let size = Size::new(scaled(self.size.width), scaled(self.size.height));
        let whole: Option<ImageBuffer<Rgb<u8>, &[u8]>> =
            ImageBuffer::from_raw(self.size.width, self.size.height, &self.rgb);
        let whole = whole.ok_or_else(|| unusable(self.size, "short of pixels"))?;
        let small = imageops::thumbnail(&whole, size.width, size.height);
        Ok((size, encode(small.as_raw(), size, quality)?))
    }
}

fn encode(rgb: &[u8], size: Size, quality: u8) -> Result<Vec<u8>> {
    let side = |n: u32| u16::try_from(n).map_err(|_| unusable(size, "too large for a JPEG"));
    let mut out = Vec::with_capacity(size.area() / 4);
    let mut encoder = Encoder::new(&mut out, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    let encoded = encoder.encode(rgb, side(size.width)?, side(size.height)?, ColorType::Rgb);
    encoded.map_err(|error| unusable(size, &error.to_string()))?;
    Ok(out)
}

fn unusable(size: Size, reason: &str) -> crate::Error {
    let what = format!("frame of {}x{}", size.width, size.height);
    ImageError::Unencodable { what, reason: reason.to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::decode_image;

    fn encoder(size: Size) -> FrameEncoder {
        let rgb = (0..size.area()).flat_map(|i| {
            let (x, y) = (i as u32 % size.width, i as u32 / size.width);
            [(x * 255 / size.width) as u8, (y * 255 / size.height) as u8, 90]
        });
        let mut encoder = FrameEncoder::default();
        encoder.take(&Frame::from_rgb(size, rgb.collect()).unwrap()).unwrap();
        encoder
    }

    #[test]
    fn images_keep_their_colours_and_shrink_with_the_level() {
        let size = Size::new(1920, 1080);
        let encoder = encoder(size);
        let mut before = usize::MAX;
        for (level, expected) in [(1280, 720), (960, 540), (640, 360), (400, 225)].into_iter().enumerate() {
            let (shown, jpeg) = encoder.jpeg(level).unwrap();
            assert_eq!((shown.width, shown.height), expected);
            assert!(jpeg.len() < before, "level {level} takes {} bytes", jpeg.len());
            before = jpeg.len();
            let read = decode_image(&jpeg, "jpeg").unwrap();
            assert_eq!(read.size, shown);
            let mut rgb = Vec::new();
            to_rgb(&read, &mut rgb).unwrap();
            let middle = (shown.height / 2 * shown.width + shown.width / 4) as usize * 3;
            for (got, expected) in rgb[middle..middle + 3].iter().zip([63i32, 127, 90]) {
                assert!((i32::from(*got) - expected).abs() < 8, "level {level}: {:?}", &rgb[middle..middle + 3]);
            }
        }
        assert_eq!(encoder.jpeg(99).unwrap().0, Size::new(400, 225));
    }

    #[test]
    fn a_small_frame_is_sent_as_it_is() {
        let size = Size::new(33, 17);
        assert_eq!(encoder(size).jpeg(0).unwrap().0, size);
    }
}
