//! How a selected object moves from one frame to the next, by the image alone.
//!
//! Points of the object are followed with pyramidal Lucas-Kanade (Bouguet, 2001), those that do not come back to where they
//! began are dropped, and the median of what is left says how the object moved and grew (Median-Flow: Kalal et al., 2010).
//! It costs a small part of what an encoding costs, and moves a mask over frames that are not encoded.

mod lucas_kanade;
mod pyramid;
mod similarity;

use std::ops::Range;

use crate::geometry::{Letterbox, Size};
use crate::mask::LowResLogits;
use crate::statistics;

use lucas_kanade::Tracker;
pub use pyramid::{ImagePyramid, PyramidBuilder};
pub use similarity::Similarity;

/// Points that are looked for in an object, each way over its box.
const LATTICE: usize = 6;
/// Fewer points that were followed say nothing.
const MIN_POINTS: usize = 4;
/// How far a point that is followed there and back may end from where it began, in pixels of the image.
const RETURN_ERROR: f32 = 0.7;
/// Most growth and shrinkage between two frames; beyond it the points do not agree.
const MAX_GROWTH: f32 = 1.3;

/// Measures motion between images; keeps its buffers.
#[derive(Debug, Default)]
pub struct Flow {
    tracker: Tracker,
    starts: Vec<[f32; 2]>,
    moved: Vec<([f32; 2], [f32; 2])>,
    sorted: Vec<f32>,
}

impl Flow {
    /// How what `logits` cover in `from` moved until `to`, in cells of the logits' grid; `None` if too few of its points could
    /// be followed, as on an object without texture. `letterbox` places the frame in the model's input, over which the logits lie;
    /// both images are of one stream.
    pub fn of_mask(
        &mut self,
        from: &ImagePyramid,
        to: &ImagePyramid,
        logits: &LowResLogits,
        letterbox: &Letterbox,
    ) -> Option<Similarity> {
        if from.size() != to.size() || from.frame() != letterbox.frame || to.frame() != letterbox.frame {
            return None;
        }
        let (width, height) = from.size();
        let image = [width as f32, height as f32];
        let grid = GridOnImage::new(logits.size, letterbox, image);
        self.choose_starts(logits, &grid, image);
        self.moved.clear();
        for start in &self.starts {
            let there = self.tracker.follow(from, to, *start);
            let back = there.and_then(|end| self.tracker.follow(to, from, end));
            if let (Some(end), Some(back)) = (there, back)
                && (back[0] - start[0]).hypot(back[1] - start[1]) < RETURN_ERROR
            {
                self.moved.push((*start, end));
            }
        }
        if self.moved.len() < MIN_POINTS {
            return None;
        }
        let motion = self.agree();
        (motion.scale < MAX_GROWTH && motion.scale > 1.0 / MAX_GROWTH).then(|| {
            let center = [0, 1].map(|axis| motion.center[axis] - grid.origin[axis]);
            Similarity { center, ..motion }.in_cells(grid.per_cell)
        })
    }

    /// A lattice over the mask's box, of which the points inside the mask are kept.
    fn choose_starts(&mut self, logits: &LowResLogits, grid: &GridOnImage, image: [f32; 2]) {
        self.starts.clear();
        let width = logits.size.width as usize;
        let Some((columns, rows)) = logits.extent(logits.size) else { return };
        let place =
            |span: &Range<usize>, n: usize| span.start as f32 + span.len() as f32 * (n as f32 + 0.5) / LATTICE as f32;
        for n in 0..LATTICE * LATTICE {
            let (x, y) = (place(&columns, n % LATTICE), place(&rows, n / LATTICE));
            let inside = logits.data.get(y as usize * width + x as usize).is_some_and(|v| *v > 0.0);
            let GridOnImage { origin, per_cell } = grid;
            let point = [origin[0] + x * per_cell[0] - 0.5, origin[1] + y * per_cell[1] - 0.5];
            if inside && point[0] < image[0] - 1.0 && point[1] < image[1] - 1.0 {
                self.starts.push(point);
            }
        }
    }

    /// The median motion of the points that moved, in pixels of the image.
    fn agree(&mut self) -> Similarity {
        let Flow { moved, sorted, .. } = self;
        let mut median = |values: &mut dyn Iterator<Item = f32>| {
            sorted.clear();
            sorted.extend(values);
            statistics::median(sorted, f32::total_cmp)
        };
        let center = [0, 1].map(|axis| median(&mut moved.iter().map(|(from, _)| from[axis])).unwrap_or_default());
        let shift =
            [0, 1].map(|axis| median(&mut moved.iter().map(|(from, to)| to[axis] - from[axis])).unwrap_or_default());
        // Each point with the one half the list away: pairs far apart show growth best.
        let half = moved.len().div_ceil(2);
        let far = |a: [f32; 2], b: [f32; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
        let pairs = (0..moved.len() - half).map(|n| (moved[n], moved[n + half]));
        let ratios = pairs.filter(|(a, b)| far(a.0, b.0) > 2.0).map(|(a, b)| far(a.1, b.1) / far(a.0, b.0));
        let scale = median(&mut { ratios }).unwrap_or(1.0);
        Similarity { scale, center, shift }
    }
}

/// How the grid of a mask lies on an image of the whole frame.
struct GridOnImage {
    /// Where the grid begins, in pixels of the image.
    origin: [f32; 2],
    /// Pixels of the image in a cell.
    per_cell: [f32; 2],
}

impl GridOnImage {
    fn new(grid: Size, letterbox: &Letterbox, image: [f32; 2]) -> Self {
        let Letterbox { frame, region, input, .. } = letterbox;
        // Pixels of the image in a pixel of the frame, and of the input in a cell.
        let (across, down) = (image[0] / frame.width as f32, image[1] / frame.height as f32);
        let cell = |input: u32, grid: u32| input as f32 / grid as f32;
        GridOnImage {
            origin: [region.x as f32 * across, region.y as f32 * down],
            per_cell: [
                cell(input.width, grid.width) / letterbox.scale_x() * across,
                cell(input.height, grid.height) / letterbox.scale_y() * down,
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::Frame;
    use crate::geometry::Region;

    const FRAME: Size = Size::new(320, 240);

    /// Smooth noise of several sizes, shown `scale` times as large and shifted, in pixels of the frame.
    fn frame(scale: f32, shift: [f32; 2]) -> Frame {
        let corner = |x: i32, y: i32| {
            let mixed = (x as u32).wrapping_mul(0x9e37_79b1) ^ (y as u32).wrapping_mul(0x85eb_ca77);
            ((mixed ^ mixed >> 15).wrapping_mul(0x2c1b_3c6d) >> 16) as f32 / 65536.0
        };
        let noise = |x: f32, y: f32| {
            let (u, v) = (x.floor(), y.floor());
            let [across, down] = [x - u, y - v].map(|t| t * t * (3.0 - 2.0 * t));
            let row = |v: i32| corner(u as i32, v) * (1.0 - across) + corner(u as i32 + 1, v) * across;
            row(v as i32) * (1.0 - down) + row(v as i32 + 1) * down
        };
        let level = |x: u32, y: u32| {
            let x = (x as f32 + 0.5 - 160.0 - shift[0]) / scale;
            let y = (y as f32 + 0.5 - 120.0 - shift[1]) / scale;
            let octaves = [(90.0, 70.0), (40.0, 50.0), (17.0, 40.0), (9.0, 30.0)];
            octaves.iter().map(|(size, weight)| noise(x / size + 7.0, y / size + 3.0) * weight).sum::<f32>() as u8
        };
        let data = (0..FRAME.area() as u32).flat_map(|i| [level(i % FRAME.width, i / FRAME.width); 3]).collect();
        Frame::from_rgb(FRAME, data).unwrap()
    }

    fn mask() -> LowResLogits {
        let size = Size::new(64, 64);
        let inside = |i: usize| (20..44).contains(&(i % 64)) && (14..34).contains(&(i / 64));
        LowResLogits { size, data: (0..size.area()).map(|i| if inside(i) { 5.0 } else { -5.0 }).collect() }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn a_known_motion_is_measured(scale in 0.93f32..1.07, x in -14.0f32..14.0, y in -14.0f32..14.0) {
            let letterbox = Letterbox::new(FRAME, Size::new(256, 256));
            let mut maker = PyramidBuilder::default();
            let [mut from, mut to] = [ImagePyramid::default(), ImagePyramid::default()];
            maker.fill(&frame(1.0, [0.0, 0.0]), &mut from).unwrap();
            maker.fill(&frame(scale, [x, y]), &mut to).unwrap();
            let motion = Flow::default().of_mask(&from, &to, &mask(), &letterbox).expect("a textured thing");
            // Five frame pixels are a cell. The centre of the frame lies at cell (32, 24).
            let [u, v] = motion.apply([32.0, 24.0]);
            prop_assert!((u - 32.0 - x / 5.0).abs() < 0.35 && (v - 24.0 - y / 5.0).abs() < 0.35, "{motion:?}");
            prop_assert!((motion.scale - scale).abs() < 0.03, "{motion:?}");

            // The same place in a region of the frame, in cells of 2.5 frame pixels.
            let region = Region { x: 80, y: 60, size: Size::new(160, 120) };
            let near = Letterbox::of_region(FRAME, region, Size::new(256, 256));
            let closer = mask().moved(&letterbox, &near);
            let motion = Flow::default().of_mask(&from, &to, &closer, &near).expect("a textured thing");
            let [u, v] = motion.apply([32.0, 24.0]);
            prop_assert!((u - 32.0 - x / 2.5).abs() < 0.7 && (v - 24.0 - y / 2.5).abs() < 0.7, "{motion:?}");
        }
    }

    #[test]
    fn a_plain_thing_says_nothing() {
        let letterbox = Letterbox::new(FRAME, Size::new(256, 256));
        let plain = Frame::from_rgb(FRAME, vec![90; FRAME.area() * 3]).unwrap();
        let mut image = ImagePyramid::default();
        PyramidBuilder::default().fill(&plain, &mut image).unwrap();
        assert_eq!(Flow::default().of_mask(&image, &image, &mask(), &letterbox), None);
        let empty = LowResLogits { size: Size::new(64, 64), data: vec![-1.0; 4096] };
        assert_eq!(Flow::default().of_mask(&image, &image, &empty, &letterbox), None);
        let other = Letterbox::new(Size::new(100, 100), Size::new(256, 256));
        assert_eq!(Flow::default().of_mask(&image, &image, &mask(), &other), None);
    }
}
