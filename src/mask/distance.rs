//! Exact Euclidean distance transform.
//!
//! Down the columns first, then along the rows, where the nearest pixel of all columns is the lower envelope of parabolas
//! (Felzenszwalb and Huttenlocher, 2012). The envelope's crossings are found in integers (Meijster et al., 2000), so
//! that the result is exact for every mask.

use super::{Mask, runs};
use crate::geometry::{Point, Size};

/// What lies around the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Border {
    /// Nothing: only pixels of the image count.
    #[default]
    Ignored,
    /// Background, as if the mask were padded with one clear pixel on every side.
    Background,
}

/// For each set pixel the distance in pixels, centre to centre, to the nearest clear one. Keep it between calls: its
/// buffers are reused.
#[derive(Clone, Debug, Default)]
pub struct DistanceTransform {
    size: Size,
    distances: Vec<f32>,
    /// Distance to the nearest clear pixel of the same column; more than any distance in the image if there is none.
    columns: Vec<i32>,
    envelope: Vec<Parabola>,
}

/// One piece of the lower envelope.
#[derive(Clone, Copy, Debug)]
struct Parabola {
    /// Column of the lowest point.
    center: i64,
    /// Square of the column distance there.
    height: i64,
    /// First column where this one is the lowest.
    from: i64,
}

impl DistanceTransform {
    /// Measures `mask`. Clear pixels get 0; where no pixel is clear and the border is ignored, all get infinity.
    pub fn compute(&mut self, mask: &Mask, border: Border) {
        self.compute_to(mask, 0, border);
    }

    /// Columns and rows of the mask measured last, in pixels.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Distances, row by row.
    pub fn distances(&self) -> &[f32] {
        &self.distances
    }

    /// Row `y`.
    pub fn row(&self, y: u32) -> &[f32] {
        let width = self.size.width as usize;
        &self.distances[y as usize * width..][..width]
    }

    /// Centre of the pixel deepest inside, the first from the top-left of several, and its distance. `None` when no
    /// pixel is set.
    pub fn peak(&self) -> Option<(Point, f32)> {
        let mut best = (0, 0.0);
        for (at, distance) in self.distances.iter().enumerate() {
            if *distance > best.1 {
                best = (at, *distance);
            }
        }
        let (at, distance) = best;
        let width = self.size.width as usize;
        (distance > 0.0).then(|| (Point::new((at % width) as f32 + 0.5, (at / width) as f32 + 0.5), distance))
    }

    /// Distances to the nearest pixel equal to `target` (0 or 1).
    pub(super) fn compute_to(&mut self, mask: &Mask, target: u8, border: Border) {
        self.size = mask.size();
        self.distances.clear();
        self.distances.resize(self.size.area(), 0.0);
        if self.size.area() == 0 {
            return;
        }
        self.measure_columns(mask, target, border);
        let width = self.size.width as usize;
        let rows = self.distances.chunks_exact_mut(width).zip(self.columns.chunks_exact(width));
        for ((out, columns), row) in rows.zip(mask.data().chunks_exact(width)) {
            let Some(first) = runs::find(row, 0, target ^ 1) else { continue };
            let last = row.iter().rposition(|pixel| *pixel != target).unwrap_or(first);
            // A target beside the outermost other pixel is nearer to all of them than anything beyond it.
            let part = first.saturating_sub(1)..(last + 2).min(width);
            combine_columns(&columns[part.clone()], &mut self.envelope, &mut out[part]);
        }
        let absent = absent(self.size) as f32;
        for row in self.distances.chunks_exact_mut(width) {
            for distance in row.iter_mut() {
                *distance = if *distance >= absent * absent { f32::INFINITY } else { distance.sqrt() };
            }
            if border == Border::Background {
                for (x, distance) in row.iter_mut().enumerate() {
                    *distance = distance.min((x + 1) as f32).min((width - x) as f32);
                }
            }
        }
    }

    fn measure_columns(&mut self, mask: &Mask, target: u8, border: Border) {
        let width = self.size.width as usize;
        let absent = absent(self.size);
        let outside = match border {
            Border::Ignored => absent,
            Border::Background => 0,
        };
        self.columns.clear();
        self.columns.resize(self.size.area(), outside);
        // Down: from the nearest target above. The row above the first is the border.
        let mut above: Option<&[i32]> = None;
        for (columns, row) in self.columns.chunks_exact_mut(width).zip(mask.data().chunks_exact(width)) {
            match above {
                None => columns.iter_mut().for_each(|c| *c = (*c + 1).min(absent)),
                Some(above) => columns.iter_mut().zip(above).for_each(|(c, a)| *c = (a + 1).min(absent)),
            }
            columns.iter_mut().zip(row).for_each(|(c, pixel)| *c *= (*pixel != target) as i32);
            above = Some(columns);
        }
        // Up: from the nearest target below.
        let mut below: Option<&[i32]> = None;
        for columns in self.columns.chunks_exact_mut(width).rev() {
            match below {
                None => columns.iter_mut().for_each(|c| *c = (*c).min(outside + 1)),
                Some(below) => columns.iter_mut().zip(below).for_each(|(c, b)| *c = (*c).min(b + 1)),
            }
            below = Some(columns);
        }
    }
}

/// More than any distance between two pixels.
fn absent(size: Size) -> i32 {
    size.width.saturating_add(size.height).min(i32::MAX as u32 / 2) as i32
}

/// Squared distances from the column distances of one row.
fn combine_columns(columns: &[i32], envelope: &mut Vec<Parabola>, out: &mut [f32]) {
    let len = columns.len() as i64;
    envelope.clear();
    for (center, distance) in columns.iter().enumerate() {
        let (center, height) = (center as i64, *distance as i64 * *distance as i64);
        let mut from = 0;
        while let Some(top) = envelope.last() {
            // The first column where the new parabola is lower than the top of the envelope.
            let difference = center * center - top.center * top.center + height - top.height;
            let crossing = difference.div_euclid(2 * (center - top.center)) + 1;
            if crossing > top.from {
                from = crossing;
                break;
            }
            envelope.pop();
        }
        if from < len {
            envelope.push(Parabola { center, height, from });
        }
    }
    let ends = envelope.iter().skip(1).map(|next| next.from).chain([len]);
    for (parabola, end) in envelope.iter().zip(ends) {
        for (offset, value) in out[parabola.from as usize..end as usize].iter_mut().enumerate() {
            let x = parabola.from + offset as i64 - parabola.center;
            *value = (x * x + parabola.height) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::masks;
    use super::*;

    /// Looks at every pair of pixels, on the mask padded by one pixel if the border counts.
    fn reference(mask: &Mask, border: Border) -> Vec<f32> {
        let (w, h) = (mask.size().width as i64, mask.size().height as i64);
        let pad = (border == Border::Background) as i64;
        let set = |x: i64, y: i64| (0..w).contains(&x) && (0..h).contains(&y) && mask.row(y as u32)[x as usize] == 1;
        let clear: Vec<(i64, i64)> =
            (-pad..h + pad).flat_map(|y| (-pad..w + pad).map(move |x| (x, y))).filter(|&(x, y)| !set(x, y)).collect();
        let nearest = |x: i64, y: i64| clear.iter().map(|(cx, cy)| (cx - x).pow(2) + (cy - y).pow(2)).min();
        (0..h)
            .flat_map(|y| (0..w).map(move |x| (x, y)))
            .map(|(x, y)| nearest(x, y).map_or(f32::INFINITY, |squared| (squared as f32).sqrt()))
            .collect()
    }

    proptest! {
        #[test]
        fn agrees_with_every_pair(given in prop::collection::vec(masks(), 1..3), padded in any::<bool>()) {
            let border = if padded { Border::Background } else { Border::Ignored };
            let mut transform = DistanceTransform::default();
            for mask in given {
                transform.compute(&mask, border);
                let expected = reference(&mask, border);
                prop_assert_eq!(transform.distances(), &expected[..]);
                let deepest = expected.iter().copied().fold(0.0, f32::max);
                prop_assert_eq!(transform.peak().map_or(0.0, |peak| peak.1), deepest);
                if let Some((at, _)) = transform.peak() {
                    prop_assert!(mask.contains(at));
                }
            }
        }

        #[test]
        fn agrees_with_imageproc(mask in masks()) {
            prop_assume!(mask.area() < mask.size().area());
            // There the distance runs from clear pixels to set ones.
            let flipped = mask.data().iter().map(|pixel| 255 * (1 - pixel)).collect();
            let image = image::GrayImage::from_raw(mask.size().width, mask.size().height, flipped).unwrap();
            let theirs = imageproc::distance_transform::euclidean_squared_distance_transform(&image);
            let mut transform = DistanceTransform::default();
            transform.compute(&mask, Border::Ignored);
            for (ours, theirs) in transform.distances().iter().zip(theirs.pixels()) {
                prop_assert!((*ours as f64 - theirs[0].sqrt()).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn peak_of_a_disc_is_its_centre() {
        let disc = Mask::from_fn(Size::new(101, 61), |x, y| (x as f32 - 50.0).hypot(y as f32 - 30.0) <= 20.0);
        let mut transform = DistanceTransform::default();
        transform.compute(&disc, Border::Background);
        let (at, distance) = transform.peak().unwrap();
        assert_eq!(at, Point::new(50.5, 30.5));
        assert!((distance - 20.0).abs() < 1.0, "{distance}");
        transform.compute(&Mask::default(), Border::Background);
        assert!(transform.peak().is_none() && transform.distances().is_empty());
    }
}
