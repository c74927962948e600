use serde::{Deserialize, Serialize};

use crate::geometry::Point;

/// Where gaze is, as far as the tracker can tell: a round normal distribution on the frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GazeDisc {
    /// Mean of the distribution, in pixels of the frame.
    pub center: Point,
    /// Deviation along each axis, in frame pixels.
    pub sigma: f32,
}

/// Rings around the centre: radius in deviations, number of points, and the probability mass that they stand for.
const RINGS: [(f32, u32, f32); 2] = [(1.1, 6, 0.50), (2.0, 8, 0.20)];
const AT_CENTER: f32 = 0.30;

impl GazeDisc {
    /// Points that stand for the disc and the weight of each; the first is the centre, the next six surround it at about one
    /// deviation, the rest lie further out. Weights add up to 1.
    pub fn points(self) -> impl Iterator<Item = (Point, f32)> {
        let around = RINGS.iter().enumerate().flat_map(move |(ring, &(radius, count, mass))| {
            (0..count).map(move |i| {
                let angle = (i as f32 + 0.5 * ring as f32) / count as f32 * std::f32::consts::TAU;
                let (sin, cos) = angle.sin_cos();
                let reach = radius * self.sigma;
                (Point::new(self.center.x + reach * cos, self.center.y + reach * sin), mass / count as f32)
            })
        });
        std::iter::once((self.center, AT_CENTER)).chain(around)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_points_have_the_discs_mean_and_deviation() {
        let disc = GazeDisc { center: Point::new(100.0, 50.0), sigma: 10.0 };
        let over = |f: &dyn Fn(Point) -> f32| disc.points().map(|(p, w)| w * f(p)).sum::<f32>();
        assert!((over(&|_| 1.0) - 1.0).abs() < 1e-5);
        assert!((over(&|p| p.x) - 100.0).abs() < 1e-3 && (over(&|p| p.y) - 50.0).abs() < 1e-3);
        for deviation in [over(&|p| (p.x - 100.0).powi(2)).sqrt(), over(&|p| (p.y - 50.0).powi(2)).sqrt()] {
            assert!((8.0..10.5).contains(&deviation), "{deviation}");
        }
        assert_eq!(disc.points().next().unwrap().0, disc.center);
        assert_eq!(disc.points().count(), 15);
    }
}
