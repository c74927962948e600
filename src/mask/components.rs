//! Connected parts of a mask, by union-find over the runs of its rows.

use super::{Mask, runs};
use crate::geometry::BoundingBox;

/// Which pixels are neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connectivity {
    /// Those that share an edge.
    Four,
    /// Those that share an edge or a corner.
    #[default]
    Eight,
}

/// One connected part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Component {
    /// Number of pixels.
    pub area: usize,
    /// Box of its pixels, in pixels of the mask.
    pub bbox: BoundingBox,
}

/// The connected parts of a mask. Keep it between calls: its buffers are reused.
#[derive(Clone, Debug, Default)]
pub struct Components {
    runs: Vec<Run>,
    /// While runs are joined: for each run an earlier run of its component, or itself. After: its component's index.
    labels: Vec<u32>,
    components: Vec<Component>,
}

/// Pixels `x0..x1` of row `y`.
#[derive(Clone, Copy, Debug)]
struct Run {
    y: u32,
    x0: u32,
    x1: u32,
}

impl Components {
    /// Finds the connected parts of `mask`, ordered by their first pixel from the top-left.
    pub fn find(&mut self, mask: &Mask, connectivity: Connectivity) {
        self.find_value(mask, 1, connectivity);
    }

    /// The parts found last.
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// Index of the part of the largest area, the first of several.
    pub fn largest(&self) -> Option<usize> {
        let best = self.components.iter().enumerate().reduce(|a, b| if b.1.area > a.1.area { b } else { a });
        best.map(|(index, _)| index)
    }

    /// Index of the part that holds pixel (`x`, `y`).
    pub fn at(&self, x: u32, y: u32) -> Option<usize> {
        let end = self.runs.partition_point(|run| (run.y, run.x0) <= (y, x));
        let run = self.runs[..end].last()?;
        (run.y == y && x < run.x1).then(|| self.labels[end - 1] as usize)
    }

    /// Sets the pixels of part `index` in `mask` to `value` (0 or 1).
    ///
    /// # Panics
    /// If the mask is smaller than the one that was searched.
    pub fn paint(&self, index: usize, mask: &mut Mask, value: u8) {
        self.paint_where(|component| component == index, mask, value);
    }

    /// Finds the parts of the pixels equal to `value`.
    fn find_value(&mut self, mask: &Mask, value: u8, connectivity: Connectivity) {
        self.runs.clear();
        self.labels.clear();
        // Runs touch when they overlap, after one is widened by `reach` on either side.
        let reach = match connectivity {
            Connectivity::Four => 0,
            Connectivity::Eight => 1,
        };
        let mut above = 0..0;
        for y in 0..mask.size().height {
            let start = self.runs.len();
            let mut candidate = above.start;
            for (x0, x1) in runs::runs(mask.row(y), value) {
                let run = Run { y, x0: x0 as u32, x1: x1 as u32 };
                let index = self.runs.len();
                self.runs.push(run);
                self.labels.push(index as u32);
                while candidate < above.end && self.runs[candidate].x1 + reach <= run.x0 {
                    candidate += 1;
                }
                let mut touching = candidate;
                while touching < above.end && self.runs[touching].x0 < run.x1 + reach {
                    self.join(touching, index);
                    touching += 1;
                }
            }
            above = start..self.runs.len();
        }
        self.number();
    }

    fn root(&mut self, mut run: usize) -> usize {
        while self.labels[run] as usize != run {
            let parent = self.labels[run] as usize;
            self.labels[run] = self.labels[parent];
            run = self.labels[run] as usize;
        }
        run
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.labels[a.max(b)] = a.min(b) as u32;
    }

    /// Replaces every run's parent by the index of its component and measures the components.
    fn number(&mut self) {
        self.components.clear();
        for (index, run) in self.runs.iter().enumerate() {
            let parent = self.labels[index] as usize;
            let bbox = BoundingBox::new(run.x0 as f32, run.y as f32, run.x1 as f32, run.y as f32 + 1.0);
            let area = (run.x1 - run.x0) as usize;
            if parent == index {
                self.labels[index] = self.components.len() as u32;
                self.components.push(Component { area, bbox });
            } else {
                // A parent comes before its child, so it has its number already.
                let label = self.labels[parent];
                self.labels[index] = label;
                let component = &mut self.components[label as usize];
                component.area += area;
                component.bbox.x0 = component.bbox.x0.min(bbox.x0);
                component.bbox.x1 = component.bbox.x1.max(bbox.x1);
                component.bbox.y1 = bbox.y1;
            }
        }
    }

    fn paint_where(&self, mut chosen: impl FnMut(usize) -> bool, mask: &mut Mask, value: u8) {
        for (run, label) in self.runs.iter().zip(&self.labels) {
            if chosen(*label as usize) {
                mask.row_mut(run.y)[run.x0 as usize..run.x1 as usize].fill(value);
            }
        }
    }
}

/// Removes every part but the largest. True when something was removed.
pub fn keep_largest(mask: &mut Mask, connectivity: Connectivity, scratch: &mut Components) -> bool {
    scratch.find(mask, connectivity);
    let Some(largest) = scratch.largest() else { return false };
    scratch.paint_where(|component| component != largest, mask, 0);
    scratch.components.len() > 1
}

/// Removes the parts of fewer than `min_area` pixels (8-connected); when all are smaller, the largest stays, as in
/// Segment Anything's `remove_small_regions`. True when something was removed.
pub fn remove_small_islands(mask: &mut Mask, min_area: usize, scratch: &mut Components) -> bool {
    scratch.find(mask, Connectivity::Eight);
    let largest = scratch.largest();
    let components = &scratch.components;
    let small = |index: usize| components[index].area < min_area && Some(index) != largest;
    scratch.paint_where(small, mask, 0);
    (0..components.len()).any(small)
}

/// Sets the clear regions (8-connected, those at the border included) of fewer than `min_area` pixels, as in Segment
/// Anything's `remove_small_regions`. True when something was filled.
pub fn fill_small_holes(mask: &mut Mask, min_area: usize, scratch: &mut Components) -> bool {
    scratch.find_value(mask, 0, Connectivity::Eight);
    let components = &scratch.components;
    let small = |index: usize| components[index].area < min_area;
    scratch.paint_where(small, mask, 1);
    (0..components.len()).any(small)
}

#[cfg(test)]
mod tests {
    use imageproc::region_labelling::{Connectivity as Oracle, connected_components};
    use proptest::prelude::*;

    use super::super::testing::masks;
    use super::*;
    use crate::geometry::Size;

    fn art(rows: &[&str]) -> Mask {
        let size = Size::new(rows[0].len() as u32, rows.len() as u32);
        Mask::from_fn(size, |x, y| rows[y as usize].as_bytes()[x as usize] == b'#')
    }

    /// With a clear column at the right: imageproc's labels run from 1 to the number of pixels, which its forest lacks
    /// room for where every pixel is a part of its own.
    fn image(mask: &Mask) -> image::GrayImage {
        let Size { width, height } = mask.size();
        image::GrayImage::from_fn(width + 1, height, |x, y| {
            image::Luma([if x < width { mask.row(y)[x as usize] } else { 0 }])
        })
    }

    proptest! {
        #[test]
        fn agrees_with_imageproc(mask in masks(), eight in any::<bool>()) {
            let (ours, theirs) =
                if eight { (Connectivity::Eight, Oracle::Eight) } else { (Connectivity::Four, Oracle::Four) };
            let labels = connected_components(&image(&mask), theirs, image::Luma([0u8]));
            let mut found = Components::default();
            found.find(&mask, ours);
            // The labels differ, the parts must not.
            let mut names = std::collections::HashMap::new();
            let mut areas = vec![0usize; found.components().len()];
            for (x, y, label) in labels.enumerate_pixels().filter(|(x, ..)| *x < mask.size().width) {
                let index = found.at(x, y);
                prop_assert_eq!(index.is_some(), label[0] != 0);
                if let Some(index) = index {
                    prop_assert_eq!(*names.entry(label[0]).or_insert(index), index);
                    areas[index] += 1;
                }
            }
            prop_assert_eq!(names.len(), found.components().len());
            for (index, component) in found.components().iter().enumerate() {
                let mut alone = Mask::new(mask.size());
                found.paint(index, &mut alone, 1);
                prop_assert_eq!((component.area, Some(component.bbox)), (areas[index], alone.bounding_box()));
                prop_assert_eq!(alone.area(), areas[index]);
            }
        }

        #[test]
        fn cleaning_is_complete(mask in masks(), min_area in 0usize..40) {
            let mut scratch = Components::default();
            let mut cleaned = mask.clone();
            let changed = remove_small_islands(&mut cleaned, min_area, &mut scratch);
            prop_assert_eq!(changed, cleaned != mask);
            prop_assert!(!remove_small_islands(&mut cleaned, min_area, &mut scratch));
            prop_assert_eq!(cleaned.is_empty(), mask.is_empty());
            let mut filled = mask.clone();
            let changed = fill_small_holes(&mut filled, min_area, &mut scratch);
            prop_assert_eq!(changed, filled != mask);
            prop_assert!(!fill_small_holes(&mut filled, min_area, &mut scratch));
        }
    }

    #[test]
    fn corners_join_only_with_eight() {
        let mask = art(&["#..#", ".##.", "#..#"]);
        let mut found = Components::default();
        found.find(&mask, Connectivity::Four);
        assert_eq!(found.components().len(), 5);
        found.find(&mask, Connectivity::Eight);
        assert_eq!(found.components(), [Component { area: 6, bbox: BoundingBox::new(0.0, 0.0, 4.0, 3.0) }]);
    }

    #[test]
    fn the_largest_stays() {
        let mut mask = art(&["#....", "...##", "#..##", "#...."]);
        let mut scratch = Components::default();
        assert!(keep_largest(&mut mask, Connectivity::Four, &mut scratch));
        assert_eq!(mask, art(&[".....", "...##", "...##", "....."]));
        assert!(!keep_largest(&mut mask, Connectivity::Four, &mut scratch));
        assert!(!keep_largest(&mut Mask::new(Size::new(3, 3)), Connectivity::Four, &mut scratch));
    }

    #[test]
    fn all_small_islands_leave_the_largest() {
        let mut mask = art(&["#..##", "....."]);
        assert!(remove_small_islands(&mut mask, 100, &mut Components::default()));
        assert_eq!(mask, art(&["...##", "....."]));
    }
}
