//! Prompts as pictures.
//!
//! The maps lie on a grid of cells `stride` input pixels wide; cell (x, y) is centred on input pixel
//! ((x + 0.5) · stride, (y + 0.5) · stride). A click map is the largest, over its clicks, of exp(-d² / 2σ²), where d is
//! the distance from the click to the cell's centre and σ is [`SIGMA`]; the box map is the fraction of each cell that the
//! box covers. Both are products of a row and a column, so only those are computed by formula.

use crate::geometry::{Label, Letterbox, Size};
use crate::model::Prompt;

/// Spread of a click, in input pixels.
const SIGMA: f32 = 5.0;

/// Draws prompts; keeps the profiles of one click or box.
pub(super) struct PromptMaps {
    grid: Size,
    stride: f32,
    across: Vec<f32>,
    down: Vec<f32>,
}

impl PromptMaps {
    pub fn new(grid: Size, stride: f32) -> Self {
        PromptMaps { grid, stride, across: vec![0.0; grid.width as usize], down: vec![0.0; grid.height as usize] }
    }

    /// Overwrites `maps` with the three planes of `prompt`: foreground clicks, background clicks, box.
    pub fn draw(&mut self, prompt: &Prompt, letterbox: &Letterbox, maps: &mut [f32]) {
        maps.fill(0.0);
        let PromptMaps { grid, stride, across, down } = self;
        let mut planes = maps.chunks_exact_mut(grid.area());
        let (Some(foreground), Some(background), Some(boxed)) = (planes.next(), planes.next(), planes.next()) else {
            return;
        };
        for labeled in &prompt.points {
            let p = letterbox.to_input(labeled.point);
            bell(across, *stride, p.x);
            bell(down, *stride, p.y);
            let plane = match labeled.label {
                Label::Foreground => &mut *foreground,
                Label::Background => &mut *background,
            };
            raise(plane, across, down);
        }
        if let Some(bbox) = prompt.bbox {
            let b = letterbox.box_to_input(bbox);
            cover(across, *stride, b.x0, b.x1);
            cover(down, *stride, b.y0, b.y1);
            raise(boxed, across, down);
        }
    }
}

/// exp(-d² / 2σ²) of each cell's distance to `at`.
fn bell(profile: &mut [f32], stride: f32, at: f32) {
    for (ix, value) in profile.iter_mut().enumerate() {
        let d = (ix as f32 + 0.5) * stride - at;
        *value = (-d * d / (2.0 * SIGMA * SIGMA)).exp();
    }
}

/// The fraction of each cell between `from` and `to`.
fn cover(profile: &mut [f32], stride: f32, from: f32, to: f32) {
    for (ix, value) in profile.iter_mut().enumerate() {
        let start = ix as f32 * stride;
        *value = ((start + stride).min(to) - start.max(from)).clamp(0.0, stride) / stride;
    }
}

/// Raises each cell to the product of its row's and its column's value.
fn raise(plane: &mut [f32], across: &[f32], down: &[f32]) {
    for (row, y) in plane.chunks_exact_mut(across.len()).zip(down) {
        for (cell, x) in row.iter_mut().zip(across) {
            *cell = cell.max(x * y);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::{BoundingBox, LabeledPoint, Point};

    /// The definition, cell by cell.
    fn naive(prompt: &Prompt, letterbox: &Letterbox, grid: Size) -> Vec<f32> {
        let mut maps = Vec::new();
        for plane in 0..3 {
            for y in 0..grid.height {
                for x in 0..grid.width {
                    let center = Point::new((x as f32 + 0.5) * 4.0, (y as f32 + 0.5) * 4.0);
                    let mut value = 0f32;
                    for p in &prompt.points {
                        let kind = if p.label == Label::Foreground { 0 } else { 1 };
                        if kind == plane {
                            let d = center.distance(letterbox.to_input(p.point));
                            value = value.max((-d * d / 50.0).exp());
                        }
                    }
                    if let (2, Some(b)) = (plane, prompt.bbox) {
                        let cell = BoundingBox::new(center.x - 2.0, center.y - 2.0, center.x + 2.0, center.y + 2.0);
                        value = cell.intersect(letterbox.box_to_input(b)).area() / 16.0;
                    }
                    maps.push(value);
                }
            }
        }
        maps
    }

    fn prompts() -> impl Strategy<Value = Prompt> {
        let point = (0f32..640.0, 0f32..480.0, any::<bool>());
        let points = prop::collection::vec(point, 0..5).prop_map(|points| {
            let label =
                |(x, y, front)| if front { LabeledPoint::foreground(x, y) } else { LabeledPoint::background(x, y) };
            points.into_iter().map(label).collect()
        });
        let bbox = prop::option::of((0f32..600.0, 0f32..400.0, 1f32..700.0, 1f32..500.0))
            .prop_map(|b| b.map(|(x, y, w, h)| BoundingBox::new(x, y, x + w, y + h)));
        (points, bbox).prop_map(|(points, bbox)| Prompt { points, bbox, mask: None })
    }

    proptest! {
        #[test]
        fn maps_are_their_definition(prompt in prompts(), w in 1u32..20, h in 1u32..20) {
            let grid = Size::new(w, h);
            let letterbox = Letterbox::new(Size::new(640, 480), Size::new(w * 4, h * 4));
            let mut maps = vec![7.0; grid.area() * 3];
            PromptMaps::new(grid, 4.0).draw(&prompt, &letterbox, &mut maps);
            for (a, b) in maps.iter().zip(naive(&prompt, &letterbox, grid)) {
                prop_assert!((a - b).abs() < 1e-4, "{} {}", a, b);
            }
        }
    }
}
