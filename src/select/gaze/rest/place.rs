use std::f64::consts::TAU;

use super::super::angles::squared_distance;

/// A wild sample lies so far off, in degrees: deviation along each axis.
const WILD_DEG: f64 = 5.0;
/// Variance by which the velocity of what gaze follows grows in a second, in square degrees per square second.
const TURNS: f64 = 1.0;

/// A place that may move steadily, and how well it is known: a Kalman filter of place and velocity whose two axes share one
/// covariance. Degrees and seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    angle: [f64; 2],
    velocity: [f64; 2],
    /// Variance of the place, its covariance with the velocity, variance of the velocity.
    covariance: [f64; 3],
}

impl Place {
    /// A place known with a variance, which moves with a velocity of another.
    pub fn new(angle: [f64; 2], variance: f64, of_velocity: f64) -> Self {
        Place { angle, velocity: [0.0; 2], covariance: [variance, 0.0, of_velocity] }
    }

    pub fn angle(&self) -> [f64; 2] {
        self.angle
    }

    /// The same place, known less well.
    pub fn widened(self, by_variance: f64) -> Self {
        let [place, both, velocity] = self.covariance;
        Place { covariance: [place + by_variance, both, velocity], ..self }
    }

    /// `dt` seconds go by, in which the place wanders by `drift`, a variance a second.
    pub fn advance(&mut self, dt: f64, drift: f64) {
        let [place, both, velocity] = self.covariance;
        let turns = TURNS * dt;
        self.angle = [0, 1].map(|i| self.angle[i] + self.velocity[i] * dt);
        self.covariance = [
            place + 2.0 * both * dt + velocity * dt * dt + drift * dt + turns * dt * dt / 3.0,
            both + velocity * dt + turns * dt / 2.0,
            velocity + turns,
        ];
    }

    /// Probability density of a measurement with an error of this variance, per square degree.
    pub fn density(&self, measured: [f64; 2], variance: f64) -> f64 {
        normal(squared_distance(measured, self.angle), self.covariance[0] + variance)
    }

    /// Takes a measurement, of which a share of `wild` is wrong, as far as it is not. Gives its probability density.
    pub fn measure(&mut self, measured: [f64; 2], variance: f64, wild: f64) -> f64 {
        let [place, both, velocity] = self.covariance;
        let expected = place + variance;
        let far = squared_distance(measured, self.angle);
        let good = (1.0 - wild) * normal(far, expected);
        let total = good + wild * normal(far, expected + WILD_DEG * WILD_DEG);
        let trust = if total > 0.0 { good / total } else { 0.0 };
        let gain = [place, both].map(|c| trust * c / expected);
        let off = [0, 1].map(|i| measured[i] - self.angle[i]);
        self.angle = [0, 1].map(|i| self.angle[i] + gain[0] * off[i]);
        self.velocity = [0, 1].map(|i| self.velocity[i] + gain[1] * off[i]);
        self.covariance = [place - gain[0] * place, both - gain[0] * both, velocity - gain[1] * both];
        total
    }
}

/// The density of a normal distribution of a variance along each of two axes, at a squared distance.
fn normal(square: f64, variance: f64) -> f64 {
    (-0.5 * square / variance).exp() / (TAU * variance)
}
