use std::path::Path;

use image::DynamicImage;

use crate::error::{Error, ImageError, LiftError};
use crate::geometry::Size;
use crate::picture::{self, DEFAULT_DECODE_BYTES, Picture};

/// Metres a unit of a depth image that counts millimetres, as most do.
pub const DEFAULT_DEPTH_SCALE: f32 = 0.001;

/// A depth image: for each pixel the distance along the camera's axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DepthMap {
    size: Size,
    metres: Vec<f32>,
}

impl DepthMap {
    /// A depth image of `size` from metres, row by row. What is not positive or not finite is a pixel without depth.
    ///
    /// # Errors
    /// [`ImageError::ShortBuffer`] for another number of values.
    pub fn new(size: Size, mut metres: Vec<f32>) -> Result<Self, ImageError> {
        if metres.len() != size.area() {
            let (needed, given) = (size.area() * 4, metres.len() * 4);
            return Err(ImageError::ShortBuffer { format: "depth", size, needed, given });
        }
        metres.iter_mut().filter(|z| !(z.is_finite() && **z > 0.0)).for_each(|z| *z = 0.0);
        Ok(DepthMap { size, metres })
    }

    /// Reads a grey picture of 16 bits: each value is a depth of so many times `scale` metres, and 0 is a pixel without depth.
    ///
    /// # Errors
    /// A file that cannot be read; [`LiftError::NoDepthImage`] for colours, 8 bits, and what coding may have changed;
    /// [`LiftError::Scale`]; [`LiftError::Empty`].
    pub fn read(path: &Path, scale: f32) -> Result<Self, Error> {
        if !(scale > 0.0 && scale <= 1.0) {
            return Err(LiftError::Scale { scale }.into());
        }
        let what = path.display().to_string();
        let Picture { image, palette, is_lossy } = picture::decode(&picture::read(path)?, &what, DEFAULT_DECODE_BYTES)?;
        let levels = match image {
            DynamicImage::ImageLuma16(levels) if !is_lossy => levels,
            DynamicImage::ImageLuma8(_) if palette.is_none() && !is_lossy => {
                return Err(LiftError::NoDepthImage { what, found: "a grey picture of 8 bits" }.into());
            }
            _ if is_lossy => {
                return Err(LiftError::NoDepthImage { what, found: "a picture whose coding changed its values" }.into());
            }
            _ => return Err(LiftError::NoDepthImage { what, found: "a picture in colours" }.into()),
        };
        let size = Size::new(levels.width(), levels.height());
        if levels.iter().all(|level| *level == 0) {
            return Err(LiftError::Empty { what }.into());
        }
        Ok(DepthMap { size, metres: levels.iter().map(|level| f32::from(*level) * scale).collect() })
    }

    /// Columns and rows.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Metres along the camera's axis, row by row; 0 where there is no depth.
    pub fn metres(&self) -> &[f32] {
        &self.metres
    }

    /// Whether it goes with a picture of `size`; `what` names it in the error.
    ///
    /// # Errors
    /// [`LiftError::Size`].
    pub fn check_size(&self, size: Size, what: &str) -> Result<(), LiftError> {
        let fits = self.size == size;
        fits.then_some(()).ok_or_else(|| LiftError::Size { what: what.into(), given: self.size, expected: size })
    }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, ImageBuffer, Luma, RgbImage};

    use super::*;

    #[test]
    fn values_are_scaled_and_zero_is_no_depth() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d.png");
        ImageBuffer::<Luma<u16>, _>::from_raw(3, 1, vec![0u16, 1234, 65535]).unwrap().save(&path).unwrap();
        let depth = DepthMap::read(&path, 0.001).unwrap();
        let expected = [0.0, 1.234, 65.535];
        assert!(depth.metres().iter().zip(expected).all(|(z, expected)| (z - expected).abs() < 1e-5), "{depth:?}");
        assert_eq!(DepthMap::read(&path, 0.0002).unwrap().metres()[1], 1234.0 * 0.0002);
        assert!(depth.check_size(Size::new(3, 1), "d.png").is_ok());
        let refused = depth.check_size(Size::new(6, 2), "d.png").unwrap_err().to_string();
        assert!(refused.contains("3x1") && refused.contains("6x2") && refused.contains("registered"), "{refused}");
        for scale in [0.0, -1.0, f32::NAN, 2.0] {
            assert!(matches!(DepthMap::read(&path, scale), Err(Error::Lift(LiftError::Scale { .. }))), "{scale}");
        }
        let nothing = DepthMap::new(Size::new(2, 2), vec![f32::NAN, -1.0, f32::INFINITY, 2.0]).unwrap();
        assert_eq!(nothing.metres(), [0.0, 0.0, 0.0, 2.0]);
        assert!(DepthMap::new(Size::new(2, 2), vec![1.0]).is_err());
    }

    #[test]
    fn what_is_no_depth_is_refused_by_its_kind() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        GrayImage::from_pixel(4, 4, Luma([9])).save(at("grey.png")).unwrap();
        GrayImage::from_pixel(4, 4, Luma([9])).save(at("grey.jpg")).unwrap();
        RgbImage::new(4, 4).save(at("rgb.png")).unwrap();
        ImageBuffer::<Luma<u16>, _>::from_pixel(4, 4, Luma([0u16])).save(at("zero.png")).unwrap();
        for (name, says) in [
            ("grey.png", "8 bits"),
            ("grey.jpg", "coding"),
            ("rgb.png", "colours"),
            ("zero.png", "no pixel has a depth"),
            ("none.png", "Check the path"),
        ] {
            let message = DepthMap::read(&at(name), 0.001).unwrap_err().to_string();
            assert!(message.contains(says) && message.contains(name), "{message}");
        }
    }
}
