use crate::geometry::{Intrinsics, Point};

/// A point of the frame as degrees from the optical axis, each axis on its own; NaN for what is no place on a frame.
///
/// Angles along the axes are exact, and those between any two points near enough over the few degrees of a fixation.
pub(super) fn axis_degrees(lens: &Intrinsics, p: Point) -> [f64; 2] {
    // Infinity has an angle but is no place on a frame.
    if !p.is_finite() {
        return [f64::NAN; 2];
    }
    let angle = |v: f32, c: f32, f: f32| ((v as f64 - c as f64) / f as f64).atan().to_degrees();
    [angle(p.x, lens.cx, lens.fx), angle(p.y, lens.cy, lens.fy)]
}

/// The point of the frame that lies at these angles, the inverse of [`axis_degrees`].
pub(super) fn at_degrees(lens: &Intrinsics, angles: [f64; 2]) -> Point {
    let along = |angle: f64, f: f32, c: f32| (angle.to_radians().tan() * f as f64 + c as f64) as f32;
    Point::new(along(angles[0], lens.fx, lens.cx), along(angles[1], lens.fy, lens.cy))
}

/// Pixels that a degree takes at a point of the frame, the mean of both axes.
pub(super) fn pixels_per_degree(lens: &Intrinsics, p: Point) -> f32 {
    let stretch = |v: f32, c: f32, f: f32| f * (1.0 + ((v - c) / f).powi(2)) * 1f32.to_radians();
    (stretch(p.x, lens.cx, lens.fx) + stretch(p.y, lens.cy, lens.fy)) / 2.0
}

pub(super) fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// The square of [`distance`].
pub(super) fn squared_distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_come_back_and_degrees_grow_towards_the_border() {
        let lens = Intrinsics::from_horizontal_fov(60.0, 640, 480);
        let p = Point::new(37.0, 411.0);
        assert!(at_degrees(&lens, axis_degrees(&lens, p)).distance(p) < 1e-3);
        assert!(axis_degrees(&lens, Point::new(f32::INFINITY, 1.0))[0].is_nan());
        let (middle, corner) = (Point::new(320.0, 240.0), Point::new(0.0, 0.0));
        let (near, far) = (pixels_per_degree(&lens, middle), pixels_per_degree(&lens, corner));
        assert!((near - lens.fx * 1f32.to_radians().tan()).abs() < 0.01 && far > 1.2 * near);
    }
}
