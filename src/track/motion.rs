use crate::geometry::BoundingBox;
use crate::time::Timestamp;

/// Constant-velocity motion of a box, smoothed exponentially over its measurements.
#[derive(Clone, Debug, Default)]
pub(super) struct BoxMotion {
    last: Option<(Timestamp, BoundingBox)>,
    /// Velocity of the box's centre, pixels per second.
    velocity: (f32, f32),
    /// Relative growth of the box per second, of width and height alike.
    growth: f32,
}

/// Weight of the newest velocity measurement.
const SMOOTHING: f32 = 0.4;

/// Prediction stops here: beyond it a constant velocity says nothing.
const HORIZON_S: f32 = 0.25;

impl BoxMotion {
    /// Forgets all motion.
    pub fn reset(&mut self) {
        *self = BoxMotion::default();
    }

    /// Takes the box measured at `at`.
    pub fn observe(&mut self, at: Timestamp, bbox: BoundingBox) {
        if let Some((then, before)) = self.last {
            let dt = at.signed_secs_since(then) as f32;
            if dt > 0.0 {
                let (c0, c1) = (before.center(), bbox.center());
                let blend = |old: f32, new: f32| old + SMOOTHING * (new - old);
                self.velocity =
                    (blend(self.velocity.0, (c1.x - c0.x) / dt), blend(self.velocity.1, (c1.y - c0.y) / dt));
                let (a0, a1) = (before.area().max(1.0), bbox.area().max(1.0));
                self.growth = blend(self.growth, (a1 / a0).ln() / 2.0 / dt).clamp(-2.0, 2.0);
            }
        }
        self.last = Some((at, bbox));
    }

    /// Goes on to `at` as predicted, without growth: what was measured is not to be believed.
    pub fn coast(&mut self, at: Timestamp) {
        self.growth = 0.0;
        if let Some(bbox) = self.predict(at) {
            self.last = Some((at, bbox));
        }
    }

    /// Takes all pixels for `x` and `y` times as many.
    pub fn scale(&mut self, x: f32, y: f32) {
        self.velocity = (self.velocity.0 * x, self.velocity.1 * y);
        if let Some((_, b)) = &mut self.last {
            *b = BoundingBox::new(b.x0 * x, b.y0 * y, b.x1 * x, b.y1 * y);
        }
    }

    /// Displacement in pixels and scale factor from the last measurement to `at`.
    pub fn since_last(&self, at: Timestamp) -> (f32, f32, f32) {
        let Some((then, _)) = self.last else { return (0.0, 0.0, 1.0) };
        let dt = (at.signed_secs_since(then) as f32).clamp(0.0, HORIZON_S);
        (self.velocity.0 * dt, self.velocity.1 * dt, (self.growth * dt).exp())
    }

    /// Where the box should be at `at`.
    pub fn predict(&self, at: Timestamp) -> Option<BoundingBox> {
        let (_, bbox) = self.last?;
        let (dx, dy, scale) = self.since_last(at);
        Some(bbox.expand((scale - 1.0) / 2.0).translate(dx, dy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(s: f64) -> Timestamp {
        Timestamp::from_secs_f64(s)
    }

    #[test]
    fn a_steady_box_is_predicted() {
        let mut motion = BoxMotion::default();
        assert!(motion.predict(secs(0.0)).is_none());
        let first = BoundingBox::new(0.0, 0.0, 10.0, 10.0);
        for n in 0..40 {
            motion.observe(secs(n as f64 * 0.05), first.translate(n as f32 * 3.0, 0.0));
        }
        let next = motion.predict(secs(2.0)).unwrap();
        let expected = first.translate(120.0, 0.0);
        assert!(next.center().distance(expected.center()) < 0.5, "{next:?}");
        assert!((next.area() - 100.0).abs() < 2.0);
    }

    #[test]
    fn prediction_ends_at_the_horizon_and_ignores_the_past() {
        let mut motion = BoxMotion::default();
        let b = BoundingBox::new(0.0, 0.0, 10.0, 10.0);
        motion.observe(secs(0.0), b);
        motion.observe(secs(0.1), b.translate(10.0, 0.0));
        let far = motion.predict(secs(9.0)).unwrap();
        assert!(far.center().x < 15.0 + 100.0 * HORIZON_S + 0.1);
        assert_eq!(motion.predict(secs(0.05)).unwrap(), b.translate(10.0, 0.0));
    }
}
