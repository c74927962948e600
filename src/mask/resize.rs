use super::downsample::MASK_PROMPT_LOGIT;
use super::{Between, LowResLogits, reproject};
use crate::geometry::{Letterbox, Point, Size};

/// How many shares of the input of `from`, across and down, are one share of the input of `to`, where both show one region of
/// one frame.
fn shares(from: &Letterbox, to: &Letterbox) -> [f32; 2] {
    let shown = |content: u32, input: u32| content as f32 / input.max(1) as f32;
    let ratio = |from: f32, to: f32| from / to.max(f32::MIN_POSITIVE);
    let (a, b) = (from.content, to.content);
    [
        ratio(shown(a.width, from.input.width), shown(b.width, to.input.width)),
        ratio(shown(a.height, from.input.height), shown(b.height, to.input.height)),
    ]
}

/// Where `point` of a `grid` over the input of `from`, counted from the centre of the first cell as [`LowResLogits::centroid`] is,
/// lies on an equal grid over the input of `to`.
pub fn move_point(point: Point, grid: Size, from: &Letterbox, to: &Letterbox) -> Point {
    let cell = |input: Size| {
        let side = |input: u32, cells: u32| input as f32 / cells.max(1) as f32;
        (side(input.width, grid.width), side(input.height, grid.height))
    };
    let ((w, h), from) = (cell(from.input), from.on_frame(to.frame));
    let there = to.to_input(from.to_frame(Point::new((point.x + 0.5) * w, (point.y + 0.5) * h)));
    let (w, h) = cell(to.input);
    Point::new(there.x / w - 0.5, there.y / h - 0.5)
}

impl LowResLogits {
    /// Writes these logits, which lie over the input of `from`, on a grid of `size` over the input of `to` into `out`, reusing
    /// its buffer. Each shows a region of its own, of one frame or the same share of frames of two sizes; what `from` does not show,
    /// and padding, is clear. Without cells on either side, `out` is zero.
    pub fn move_into(&self, from: &Letterbox, size: Size, to: &Letterbox, out: &mut LowResLogits) {
        if self.size == size && from.shows_alike(to) {
            return out.clone_from(self);
        }
        let moved = from.on_frame(to.frame);
        if moved.region != to.region && self.data.len() == self.size.area() && !self.data.is_empty() {
            return reproject(self, &moved, to, size, -MASK_PROMPT_LOGIT, out);
        }
        let shown = self.content(from);
        self.resample(size, shares(from, to), [shown.width as usize, shown.height as usize], out);
        if self.data.is_empty() {
            return;
        }
        let (shown, stride) = (out.content(to), size.width.max(1) as usize);
        for (y, row) in out.data.chunks_exact_mut(stride).enumerate() {
            let beside = if y < shown.height as usize { shown.width as usize } else { 0 };
            row[beside..].fill(-MASK_PROMPT_LOGIT);
        }
    }

    /// As [`Self::move_into`], on a grid of the same size.
    pub fn moved(&self, from: &Letterbox, to: &Letterbox) -> LowResLogits {
        let mut out = LowResLogits::default();
        self.move_into(from, self.size, to, &mut out);
        out
    }

    /// Writes these logits on a grid of another `size` over the same model input into `out`, reusing its buffer: bilinear
    /// between the centres of the cells, the outermost value beyond them. Without cells on either side, `out` is zero.
    pub fn resize_into(&self, size: Size, out: &mut LowResLogits) {
        if self.size == size {
            return out.clone_from(self);
        }
        self.resample(size, [1.0; 2], [self.size.width as usize, self.size.height as usize], out);
    }

    /// A share of `out` across and down is `scale` times as large a share of this grid, of which the first `shown` columns and
    /// rows count.
    fn resample(&self, size: Size, scale: [f32; 2], shown: [usize; 2], out: &mut LowResLogits) {
        out.size = size;
        out.data.clear();
        out.data.resize(size.area(), 0.0);
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let nothing = shown.contains(&0) || size.area() == 0;
        if self.data.len() != self.size.area() || self.data.is_empty() || nothing {
            return;
        }
        let axis = |cell: usize, of: usize, to: u32, n: usize| {
            Between::cells((cell as f32 + 0.5) * of as f32 / to as f32 * scale[n], shown[n])
        };
        for (y, row) in out.data.chunks_exact_mut(size.width as usize).enumerate() {
            let down = axis(y, height, size.height, 1);
            let line = |y: usize| &self.data[y * width..(y + 1) * width];
            let (upper, lower) = (line(down.first), line(down.second));
            for (x, value) in row.iter_mut().enumerate() {
                let across = axis(x, width, size.width, 0);
                *value = down.value(across.of(upper), across.of(lower));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::Region;

    fn grid(width: u32, height: u32, value: impl Fn(f32, f32) -> f32) -> LowResLogits {
        let centre = |i: u32, n: u32| (i as f32 + 0.5) / n as f32;
        let cells = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let data = cells.map(|(x, y)| value(centre(x, width), centre(y, height))).collect();
        LowResLogits { size: Size::new(width, height), data }
    }

    #[test]
    fn what_shows_a_frame_at_another_scale_is_moved_to_its_place() {
        let frame = Size::new(1600, 900);
        let (square, wide) = (Letterbox::new(frame, Size::new(256, 256)), Letterbox::new(frame, Size::new(352, 192)));
        // Inside to the left of 0.4 of the frame, down to its end.
        let on = |letterbox: &Letterbox| {
            let shown = |content: u32, input: u32| content as f32 / input as f32;
            let (across, down) = (
                shown(letterbox.content.width, letterbox.input.width),
                shown(letterbox.content.height, letterbox.input.height),
            );
            let inside = move |x: f32, y: f32| if x / across < 0.4 && y < down { 5.0 } else { -5.0 };
            grid(letterbox.input.width / 2, letterbox.input.height / 2, inside)
        };
        let (from, to) = (on(&square), on(&wide));
        let mut moved = LowResLogits::default();
        from.move_into(&square, to.size, &wide, &mut moved);
        assert!(moved.iou(&to) > 0.97, "{}", moved.iou(&to));
        to.move_into(&wide, from.size, &square, &mut moved);
        assert!(moved.iou(&from) > 0.96, "{}", moved.iou(&from));
        assert_eq!(from.moved(&square, &square), from);
        let place = move_point(Point::new(63.5, 35.5), Size::new(128, 128), &square, &wide);
        assert!((place.x - 61.5).abs() < 0.1 && (place.y - 63.5).abs() < 0.1, "{place:?}");
        LowResLogits::default().move_into(&square, Size::new(4, 4), &wide, &mut moved);
        assert_eq!(moved.data, [0.0; 16]);
    }

    #[test]
    fn what_shows_a_region_is_moved_to_its_place_in_the_frame_and_back() {
        let (frame, input) = (Size::new(640, 480), Size::new(256, 256));
        let region = Region { x: 160, y: 120, size: Size::new(320, 240) };
        let (whole, near) = (Letterbox::new(frame, input), Letterbox::of_region(frame, region, input));
        // Inside between columns 240 and 400, rows 180 and 300 of the frame.
        let on = |letterbox: &Letterbox| {
            grid(64, 64, |x, y| {
                let p = letterbox.to_frame(Point::new(x * 256.0, y * 256.0));
                if (240.0..400.0).contains(&p.x) && (180.0..300.0).contains(&p.y) { 5.0 } else { -5.0 }
            })
        };
        let closer = on(&whole).moved(&whole, &near);
        assert!(closer.iou(&on(&near)) > 0.9, "{}", closer.iou(&on(&near)));
        let back = on(&near).moved(&near, &whole);
        assert!(back.iou(&on(&whole)) > 0.9, "{}", back.iou(&on(&whole)));
        let (here, there) = (on(&whole).centroid().unwrap(), on(&near).centroid().unwrap());
        let moved = move_point(here, Size::new(64, 64), &whole, &near);
        assert!((moved.x - there.x).abs() < 1.0 && (moved.y - there.y).abs() < 1.0, "{moved:?} for {there:?}");
        // A camera that came back with half as many pixels.
        let half = Letterbox::of_region(Size::new(320, 240), Region { x: 80, y: 60, size: Size::new(160, 120) }, input);
        assert!(near.shows_alike(&half) && !near.shows_alike(&whole));
        assert!(on(&whole).moved(&whole, &half).iou(&closer) > 0.99);
    }

    proptest! {
        /// A plane is a plane on every grid, away from the edge, where the outermost value holds.
        #[test]
        fn planes_stay_planes(w in 4u32..40, h in 4u32..40, to_w in 4u32..40, to_h in 4u32..40,
                              a in -9f32..9.0, b in -9f32..9.0) {
            let mut out = LowResLogits::default();
            grid(w, h, |x, y| a * x + b * y).resize_into(Size::new(to_w, to_h), &mut out);
            let expected = grid(to_w, to_h, |x, y| a * x + b * y);
            prop_assert_eq!(out.size, expected.size);
            for (i, (found, expected)) in out.data.iter().zip(&expected.data).enumerate() {
                let (x, y) = ((i as u32 % to_w) as f32 + 0.5, (i as u32 / to_w) as f32 + 0.5);
                let inside = |v: f32, from: u32, to: u32| {
                    let margin = to as f32 / from as f32 / 2.0;
                    v >= margin && v <= to as f32 - margin
                };
                if inside(x, w, to_w) && inside(y, h, to_h) {
                    prop_assert!((found - expected).abs() < 1e-3, "cell {}: {} for {}", i, found, expected);
                }
            }
        }

        #[test]
        fn values_stay_between_the_least_and_the_greatest(w in 1u32..12, h in 1u32..12, to_w in 0u32..12,
                                                          to_h in 0u32..12, seed in 0u32..1000) {
            let from = grid(w, h, |x, y| ((x * 37.0 + y * 91.0 + seed as f32).sin() * 7.0).trunc());
            let mut out = LowResLogits { size: Size::new(1, 1), data: vec![99.0] };
            from.resize_into(Size::new(to_w, to_h), &mut out);
            prop_assert_eq!(out.data.len(), out.size.area());
            let (least, most) = from.data.iter().fold((f32::MAX, f32::MIN), |(l, m), v| (l.min(*v), m.max(*v)));
            prop_assert!(out.data.iter().all(|v| *v >= least - 1e-4 && *v <= most + 1e-4));
        }
    }

    #[test]
    fn the_same_grid_is_copied() {
        let from = grid(5, 3, |x, y| x - y);
        let mut out = LowResLogits::default();
        from.resize_into(from.size, &mut out);
        assert_eq!(out, from);
    }
}
