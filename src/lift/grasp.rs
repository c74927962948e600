use glam::Vec3;
use serde::Serialize;

use super::oriented_box::{OrientedBox, Span, span_along};

/// Half of what a finger of a gripper covers along the other axis, in metres.
const HALF_FINGER: f32 = 0.01;
/// The same as a share of the object's length, where that is more.
const SHARE: f32 = 0.1;
/// Fewer points in the fingers' way do not say how wide it is.
const LEAST_POINTS: usize = 10;
/// Cosine of the angle between axis and ray, above which the far side is turned away from the camera.
const HIDDEN: f32 = 0.7;

/// How a parallel gripper would take the object: across its centroid, along the shorter axis of its box.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Grasp {
    /// What the gripper has to open, in metres; a lower bound where [`Self::is_hidden`].
    pub width: f32,
    /// Standard deviation of the width, in metres.
    pub width_sigma: f32,
    /// The direction in which it closes, of unit length.
    pub axis: Vec3,
    /// The middle between its fingers.
    pub center: Vec3,
    /// Whether the direction goes so much into the picture that the camera does not see the far side.
    #[serde(rename = "hidden")]
    pub is_hidden: bool,
}

/// The grasp across `centroid`: of the box's axes the one along which the points there are narrowest, without the last, which is up,
/// if `is_upright`. `widen` and `sigma` say by how much an outline lies beyond the outermost point along an axis, and how far off it may
/// be.
pub(super) fn grasp(
    points: &[Vec3],
    bbox: &OrientedBox,
    centroid: Vec3,
    is_upright: bool,
    widen: impl Fn(Vec3) -> f32,
    sigma: impl Fn(Vec3) -> f32,
) -> Grasp {
    let axes = &bbox.axes[..if is_upright { 2 } else { 3 }];
    let mut values = Vec::new();
    let spans = (0..axes.len()).map(|i| {
        // Fingers are long along one of the other axes, the upright or the shorter one, and narrow along the longer.
        let others = (0..axes.len()).filter(|&k| k != i);
        let along = others.max_by(|&a, &b| bbox.size[a].total_cmp(&bbox.size[b])).unwrap_or(i);
        let half = HALF_FINGER.max(SHARE * bbox.size[along]);
        let between = points.iter().copied().filter(|p| bbox.axes[along].dot(*p - centroid).abs() <= half);
        let span = span_along(between, bbox.axes[i], &mut values);
        // With hardly a point there, as across a ring, the box itself is what is known.
        let span = if values.len() < LEAST_POINTS { bbox.spans()[i] } else { span.widened(widen(axes[i])) };
        (i, span)
    });
    let narrowest = spans.min_by(|a, b| a.1.length().total_cmp(&b.1.length()));
    let (i, span) = narrowest.unwrap_or((0, Span { low: 0.0, high: 0.0 }));
    let axis = axes[i];
    Grasp {
        width: span.length(),
        width_sigma: sigma(axis),
        axis,
        center: centroid + axis * (span.middle() - axis.dot(centroid)),
        is_hidden: axis.dot(centroid.normalize_or_zero()).abs() > HIDDEN,
    }
}
