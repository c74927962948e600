//! The least box around points.

use glam::{DMat3, Vec3};
use serde::Serialize;

use super::eigen::symmetric_eigen;

/// Share of the points that may lie beyond each face.
const BEYOND: f32 = 0.001;
/// Points that the box's directions are sought with; more are thinned out.
const MOST_POINTS: usize = 2500;
/// Directions tried in a quarter turn, and then again between the best one's neighbours.
const DIRECTIONS: usize = 45;

/// A box in any direction, in metres.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OrientedBox {
    /// The middle.
    pub center: Vec3,
    /// Directions of its edges: of unit length, at right angles to each other, right-handed.
    pub axes: [Vec3; 3],
    /// Length along each of the axes.
    pub size: Vec3,
}

/// What lies between `low` and `high` along a direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub low: f32,
    pub high: f32,
}

impl Span {
    /// Of what is known to hold at least one value: all but the [`BEYOND`] at either end.
    pub fn of(values: &mut [f32]) -> Span {
        let Some(last) = values.len().checked_sub(1) else { return Span { low: 0.0, high: 0.0 } };
        let beyond = (last as f32 * BEYOND) as usize;
        let low = *values.select_nth_unstable_by(beyond, f32::total_cmp).1;
        let high = *values.select_nth_unstable_by(last - beyond, f32::total_cmp).1;
        Span { low, high }
    }

    pub fn length(self) -> f32 {
        self.high - self.low
    }

    pub fn middle(self) -> f32 {
        (self.high + self.low) / 2.0
    }

    pub fn widened(self, by: f32) -> Span {
        Span { low: self.low - by, high: self.high + by }
    }
}

impl OrientedBox {
    /// The box whose first two axes lie at right angles to `up` and make its least area, and whose third is `up`.
    pub(super) fn upright(points: &[Vec3], up: Vec3) -> OrientedBox {
        let positions = thinned(points);
        OrientedBox::along(points, turned(&positions, up).1)
    }

    /// The box of the least volume among those of which one axis is a principal axis of the points.
    pub(super) fn least(points: &[Vec3]) -> OrientedBox {
        let positions = thinned(points);
        let best = principal_axes(&positions).map(|axis| turned(&positions, axis));
        let best = best.into_iter().min_by(|a, b| a.0.total_cmp(&b.0));
        OrientedBox::along(points, best.map_or([Vec3::X, Vec3::Y, Vec3::Z], |(_, axes)| axes))
    }

    /// The box along these axes.
    fn along(points: &[Vec3], axes: [Vec3; 3]) -> OrientedBox {
        let spans = axes.map(|axis| span_along(points.iter().copied(), axis, &mut Vec::new()));
        OrientedBox::of_spans(axes, spans)
    }

    pub(super) fn of_spans(axes: [Vec3; 3], spans: [Span; 3]) -> OrientedBox {
        let center = axes.iter().zip(spans).map(|(axis, span)| *axis * span.middle()).sum();
        OrientedBox { center, axes, size: Vec3::from_array(spans.map(Span::length)) }
    }

    /// What it covers along each of its axes.
    pub(super) fn spans(&self) -> [Span; 3] {
        std::array::from_fn(|i| {
            let (middle, half) = (self.axes[i].dot(self.center), self.size[i] / 2.0);
            Span { low: middle - half, high: middle + half }
        })
    }

    /// Whether `point` lies inside, or at most `slack` metres beyond a face.
    pub fn contains(&self, point: Vec3, slack: f32) -> bool {
        (0..3).all(|i| self.axes[i].dot(point - self.center).abs() <= self.size[i] / 2.0 + slack)
    }

    /// Its corners; the lowest bit of the index is the first axis's side.
    pub fn corners(&self) -> [Vec3; 8] {
        std::array::from_fn(|corner| {
            let sides = (0..3).map(|i| self.axes[i] * self.size[i] * if corner >> i & 1 == 0 { -0.5 } else { 0.5 });
            self.center + sides.sum::<Vec3>()
        })
    }
}

fn thinned(points: &[Vec3]) -> Vec<Vec3> {
    points.iter().step_by(points.len().div_ceil(MOST_POINTS).max(1)).copied().collect()
}

/// What `points` cover along an axis; `values` is reused.
pub(super) fn span_along(points: impl Iterator<Item = Vec3>, axis: Vec3, values: &mut Vec<f32>) -> Span {
    values.clear();
    values.extend(points.map(|point| axis.dot(point)));
    Span::of(values)
}

/// Directions of the points' spread, the least first.
fn principal_axes(points: &[Vec3]) -> [Vec3; 3] {
    let mean = points.iter().map(|p| p.as_dvec3()).sum::<glam::DVec3>() / points.len().max(1) as f64;
    let scatter = points.iter().fold(DMat3::ZERO, |sum, p| {
        let d = p.as_dvec3() - mean;
        sum + DMat3::from_cols(d * d.x, d * d.y, d * d.z)
    });
    symmetric_eigen(scatter).1.map(|axis| axis.as_vec3())
}

/// The axes about `up` that make the least area, and the volume then.
fn turned(points: &[Vec3], up: Vec3) -> (f32, [Vec3; 3]) {
    let (right, forward) = up.any_orthonormal_pair();
    let mut values = Vec::new();
    let mut area = |angle: f32| {
        let (sin, cos) = angle.sin_cos();
        let (u, v) = (right * cos + forward * sin, forward * cos - right * sin);
        let (a, b) = (
            span_along(points.iter().copied(), u, &mut values).length(),
            span_along(points.iter().copied(), v, &mut values).length(),
        );
        (a * b, [u, v, up])
    };
    let step = std::f32::consts::FRAC_PI_2 / DIRECTIONS as f32;
    let mut best = (f32::INFINITY, [right, forward, up]);
    let mut at = 0.0;
    for (center, step) in [(None, step), (Some(()), step / 8.0)] {
        let angles: Vec<f32> = match center {
            None => (0..DIRECTIONS).map(|i| i as f32 * step).collect(),
            Some(()) => (-8..=8).map(|i| at + i as f32 * step).collect(),
        };
        for angle in angles {
            let found = area(angle);
            if found.0 < best.0 {
                (best, at) = (found, angle);
            }
        }
    }
    let height = span_along(points.iter().copied(), up, &mut values).length();
    (best.0 * height, best.1)
}
