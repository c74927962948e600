use crate::error::ImageError;
use crate::frame::{Frame, Normalization, Preprocessor};
use crate::geometry::Size;

/// Longest side of the finest level, in pixels.
const SIDE: u32 = 192;
/// Each level is half the one before: a motion of some 60 pixels of the frame's 640 is found.
const LEVELS: usize = 4;

/// A frame as motion is measured on it: small, grey, and the same at half, a quarter and an eighth of the size.
#[derive(Clone, Debug, Default)]
pub struct ImagePyramid {
    frame: Size,
    levels: Vec<Level>,
}

/// One size of an image, row by row, from 0 to 255.
#[derive(Clone, Debug, Default)]
pub(super) struct Level {
    pub width: usize,
    pub height: usize,
    pub grey: Vec<f32>,
}

impl ImagePyramid {
    /// Width and height of the finest level, zero before the first frame.
    pub fn size(&self) -> (usize, usize) {
        self.levels.first().map_or((0, 0), |level| (level.width, level.height))
    }

    /// Size of the frame that it shows.
    pub fn frame(&self) -> Size {
        self.frame
    }

    pub(super) fn levels(&self) -> &[Level] {
        &self.levels
    }
}

impl Level {
    /// `N` x `N` values one pixel apart, the first at (`x`, `y`), between pixels counted from the centre of the first; false, with
    /// `out` as it was, where they reach beyond the outermost centres. All lie alike between their pixels, so that one set of
    /// weights serves.
    pub fn sample<const N: usize>(&self, x: f32, y: f32, out: &mut [[f32; N]; N]) -> bool {
        if !(x >= 0.0 && y >= 0.0) {
            return false;
        }
        let (left, top) = (x as usize, y as usize);
        if left + N >= self.width || top + N >= self.height {
            return false;
        }
        let (u, v) = (x - left as f32, y - top as f32);
        let [near, right, below, far] = [(1.0 - u) * (1.0 - v), u * (1.0 - v), (1.0 - u) * v, u * v];
        for (n, out) in out.iter_mut().enumerate() {
            let upper = &self.grey[(top + n) * self.width + left..][..N + 1];
            let lower = &self.grey[(top + n + 1) * self.width + left..][..N + 1];
            for (n, out) in out.iter_mut().enumerate() {
                *out = upper[n] * near + upper[n + 1] * right + lower[n] * below + lower[n + 1] * far;
            }
        }
        true
    }

    fn halve_into(&self, out: &mut Level) {
        (out.width, out.height) = (self.width / 2, self.height / 2);
        out.grey.clear();
        for rows in self.grey.chunks_exact(2 * self.width).take(out.height) {
            let (upper, lower) = rows.split_at(self.width);
            let pairs = upper.chunks_exact(2).zip(lower.chunks_exact(2));
            out.grey.extend(pairs.map(|(a, b)| (a[0] + a[1] + b[0] + b[1]) / 4.0));
        }
    }
}

/// Makes images of frames; keeps its buffers.
#[derive(Debug, Default)]
pub struct PyramidBuilder {
    preprocessor: Option<Preprocessor>,
    planes: Vec<f32>,
}

impl PyramidBuilder {
    /// Overwrites `pyramid` with what `frame` shows.
    ///
    /// # Errors
    /// As [`Preprocessor::run`]; `pyramid` is of no use then.
    pub fn fill(&mut self, frame: &Frame, pyramid: &mut ImagePyramid) -> Result<(), ImageError> {
        // Levels of 0 to 255 about their middle.
        const GREY: Normalization = Normalization { mean: [0.5; 3], std: [1.0 / 255.0; 3] };
        let input = Size::new(SIDE, SIDE);
        let preprocessor = self.preprocessor.get_or_insert_with(|| Preprocessor::new(input, GREY));
        self.planes.resize(3 * input.area(), 0.0);
        pyramid.frame = Size::default();
        let content = preprocessor.run(frame, &mut self.planes)?.content;
        pyramid.levels.resize_with(LEVELS, Level::default);
        let (width, height) = (content.width as usize, content.height as usize);
        let finest = &mut pyramid.levels[0];
        (finest.width, finest.height) = (width, height);
        finest.grey.clear();
        let [red, green, blue] = [0, 1, 2].map(|plane| &self.planes[plane * input.area()..][..input.area()]);
        for y in 0..height {
            let row = y * SIDE as usize..y * SIDE as usize + width;
            let colours = red[row.clone()].iter().zip(&green[row.clone()]).zip(&blue[row]);
            // Rec. 601 luma.
            finest.grey.extend(colours.map(|((r, g), b)| 0.299 * r + 0.587 * g + 0.114 * b));
        }
        for level in 1..LEVELS {
            let (finer, coarser) = pyramid.levels.split_at_mut(level);
            finer[level - 1].halve_into(&mut coarser[0]);
        }
        pyramid.frame = frame.size;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_halve_and_keep_the_mean() {
        let size = Size::new(96, 64);
        let data = (0..size.area()).flat_map(|i| [(i % 96 * 2) as u8; 3]).collect();
        let mut pyramid = ImagePyramid::default();
        PyramidBuilder::default().fill(&Frame::from_rgb(size, data).unwrap(), &mut pyramid).unwrap();
        assert_eq!(pyramid.frame(), size);
        let sizes: Vec<_> = pyramid.levels().iter().map(|l| (l.width, l.height, l.grey.len())).collect();
        assert_eq!(sizes, [(192, 128, 24576), (96, 64, 6144), (48, 32, 1536), (24, 16, 384)]);
        for level in pyramid.levels() {
            let mean = level.grey.iter().sum::<f32>() / level.grey.len() as f32;
            assert!((mean - (95.0 - 127.5)).abs() < 1.0, "{mean}");
            let mut window = [[0.0; 3]; 3];
            assert!(!level.sample(-0.1, 0.0, &mut window) && !level.sample(f32::NAN, 0.0, &mut window));
            assert!(!level.sample(level.width as f32 - 3.0, 0.0, &mut window));
            assert!(level.sample(4.25, 2.5, &mut window));
            let grey = |x: usize, y: usize| level.grey[y * level.width + x];
            let between = |y: usize| grey(5, y) * 0.75 + grey(6, y) * 0.25;
            assert!((window[2][1] - (between(4) + between(5)) / 2.0).abs() < 1e-3);
        }
    }

    #[test]
    fn a_frame_that_is_too_short_is_an_error_and_no_pyramid() {
        let mut pyramid = ImagePyramid::default();
        let frame = Frame { size: Size::new(8, 8), ..Frame::default() };
        assert!(PyramidBuilder::default().fill(&frame, &mut pyramid).is_err());
        assert_eq!(pyramid.frame(), Size::default());
    }
}
