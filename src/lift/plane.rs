//! The plane that an object stands on or hangs before.

use glam::{DMat3, Vec3};
use serde::Serialize;

use super::eigen::symmetric_eigen;

/// Triples of points that are tried.
const TRIALS: usize = 256;
/// Points that a plane is sought among at most; more are thinned out.
const MOST_POINTS: usize = 3000;
/// Points that a plane takes at least.
const LEAST_POINTS: usize = 60;
/// The least share of the points that is the plane's.
const LEAST_SHARE: f32 = 0.3;
/// Standard deviations within which a point is the plane's.
const SIGMAS: f32 = 3.0;

/// A plane in the camera frame: the points `p` with `normal · p = offset`. The normal, of unit length, points to the camera's side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Plane {
    /// Of unit length.
    pub normal: Vec3,
    /// Metres from the origin along the normal; negative, since the normal points to the camera.
    pub offset: f32,
}

impl Plane {
    /// How far `point` lies before the plane, in metres; negative behind it.
    pub fn height(&self, point: Vec3) -> f32 {
        self.normal.dot(point) - self.offset
    }

    /// By how much the height of what is seen along `ray` (z of 1) varies, if depth does by `sigma`.
    pub(super) fn height_sigma(&self, ray: Vec3, sigma: f32) -> f32 {
        self.normal.dot(ray).abs() * sigma
    }

    fn through([a, b, c]: [Vec3; 3]) -> Option<Plane> {
        let normal = (b - a).cross(c - a);
        // Three points on a line, as far as single precision tells, span none.
        let spans = normal.length() > 1e-3 * (b - a).length() * (c - a).length();
        spans.then(|| Plane::facing(normal.normalize_or_zero(), a))
    }

    /// Of a normal and a point, turned to the camera at the origin.
    fn facing(normal: Vec3, point: Vec3) -> Plane {
        let offset = normal.dot(point);
        if offset > 0.0 { Plane { normal: -normal, offset: -offset } } else { Plane { normal, offset } }
    }

    /// The plane of least squares.
    fn fitted(points: impl Iterator<Item = Vec3> + Clone) -> Option<Plane> {
        let count = points.clone().count();
        if count < 3 {
            return None;
        }
        let centre = points.clone().map(Vec3::as_dvec3).sum::<glam::DVec3>() / count as f64;
        let scatter = points.fold(DMat3::ZERO, |sum, p| {
            let d = p.as_dvec3() - centre;
            sum + DMat3::from_cols(d * d.x, d * d.y, d * d.z)
        });
        let (_, [normal, ..]) = symmetric_eigen(scatter);
        Some(Plane::facing(normal.as_vec3(), centre.as_vec3()))
    }

    /// The plane that most of `points` lie on, each of which has a standard deviation of depth; `None` where fewer than three in ten do.
    ///
    /// RANSAC (Fischler and Bolles 1981) over triples that are the same in every run, then least squares over the plane's points.
    pub(super) fn dominant(points: &[(Vec3, f32)]) -> Option<Plane> {
        if points.len() < LEAST_POINTS {
            return None;
        }
        let step = points.len().div_ceil(MOST_POINTS);
        let thinned: Vec<(Vec3, f32)> = points.iter().step_by(step).copied().collect();
        let is_on = |plane: &Plane, &(point, sigma): &(Vec3, f32)| {
            let ray = point / point.z;
            plane.height(point).abs() <= SIGMAS * plane.height_sigma(ray, sigma).max(1e-4)
        };
        let count = |plane: &Plane| thinned.iter().filter(|point| is_on(plane, point)).count();
        let best = (0..TRIALS).filter_map(|trial| {
            let picked = [0.618_034, 0.754_878, 0.569_840].map(|stride: f64| {
                // Additive recurrences spread evenly (Weyl); each of the three has a stride of its own.
                let at = ((trial + 1) as f64 * stride).fract();
                thinned[((at * thinned.len() as f64) as usize).min(thinned.len() - 1)].0
            });
            Plane::through(picked)
        });
        let mut best = best.max_by_key(|plane| count(plane))?;
        for _ in 0..3 {
            let on = thinned.iter().filter(|point| is_on(&best, point)).map(|(point, _)| *point);
            best = Plane::fitted(on)?;
        }
        let found = count(&best);
        (found >= LEAST_POINTS / step.max(1) && found as f32 >= LEAST_SHARE * thinned.len() as f32).then_some(best)
    }
}

#[cfg(test)]
mod tests {
    use glam::vec3;

    use super::*;

    #[test]
    fn a_plane_is_found_among_others_points() {
        let plane = Plane::facing(vec3(0.1, -0.8, -0.5).normalize(), vec3(0.0, 0.2, 1.0));
        let mut points = Vec::new();
        for i in 0..900 {
            let (x, z) = ((i % 30) as f32 * 0.01 - 0.15, 0.9 + (i / 30) as f32 * 0.01);
            let y = (plane.offset - plane.normal.x * x - plane.normal.z * z) / plane.normal.y;
            // Two of five are of something else.
            let off = if i % 5 < 2 { -0.05 - (i % 7) as f32 * 0.01 } else { ((i * 37 % 11) as f32 - 5.0) * 1e-4 };
            points.push((vec3(x, y + off, z), 0.002));
        }
        let found = Plane::dominant(&points).unwrap();
        assert!(found.normal.dot(plane.normal) > 0.9999, "{found:?} of {plane:?}");
        assert!((found.offset - plane.offset).abs() < 5e-4 && found.offset < 0.0);
        assert!(found.height(Vec3::ZERO) > 0.0);
        assert_eq!(Plane::dominant(&points[..20]), None);
        let scattered: Vec<_> = (0..500)
            .map(|i| (vec3((i * 7 % 41) as f32, (i * 13 % 37) as f32, 20.0 + (i * 29 % 43) as f32), 1e-3))
            .collect();
        assert_eq!(Plane::dominant(&scattered), None);
    }
}
