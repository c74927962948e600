use std::f32::consts::FRAC_PI_2;

/// How far a depth sensor's values may be off, as standard deviations.
///
/// The model and [`DepthNoise::KINECT`]'s numbers are those that Nguyen, Izadi and Lovell measured (*Modeling Kinect sensor noise
/// for improved 3D reconstruction and tracking*, 3DIMPVT 2012): along the axis a quadratic in depth, with a further term for surfaces
/// that are turned away by more than 60 degrees; across, a share of a pixel. Depth from disparity, stereo as well as structured
/// light, is that way: a constant error of the disparity is an error of depth that grows with the square of the depth (Khoshelham and Elberink,
/// *Accuracy and resolution of Kinect depth data*, Sensors 2012).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DepthNoise {
    /// The least noise, in metres.
    pub least: f32,
    /// Where the noise is least, in metres.
    pub nearest: f32,
    /// Noise per square of the distance from there, in metres per square metre.
    pub quadratic: f32,
    /// Factor of the term of turned surfaces, in metres by the root of metres.
    pub turned: f32,
    /// Noise across the axis of a surface that faces the camera, in pixels.
    pub lateral_px: f32,
}

impl DepthNoise {
    /// The first Kinect, a structured-light sensor, at 640x480.
    pub const KINECT: DepthNoise =
        DepthNoise { least: 0.0012, nearest: 0.4, quadratic: 0.0019, turned: 0.0001, lateral_px: 0.8 };

    /// Standard deviation of depth `z` (metres) of a surface that faces the camera, in metres. Nearer than where the noise is
    /// least, it stays.
    pub fn axial(&self, z: f32) -> f32 {
        let beyond = (z - self.nearest).max(0.0);
        self.least + self.quadratic * beyond * beyond
    }

    /// As [`Self::axial`] of a surface whose normal makes `angle` radians with the ray.
    pub fn axial_turned(&self, z: f32, angle: f32) -> f32 {
        let angle = angle.clamp(0.0, FRAC_PI_2 - 0.05);
        let turned = self.turned / z.max(0.01).sqrt() * (angle / (FRAC_PI_2 - angle)).powi(2);
        // Within 60 degrees the measurements show no such term.
        self.axial(z) + if angle > 60f32.to_radians() { turned } else { 0.0 }
    }

    /// Standard deviation across the axis at depth `z` seen with a focal length of `f` pixels, in metres.
    pub fn lateral(&self, z: f32, f: f32) -> f32 {
        self.lateral_px * z / f
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_grows_with_the_square_of_the_distance() {
        let noise = DepthNoise::KINECT;
        assert!((noise.axial(1.0) - 0.001_884).abs() < 1e-6, "{}", noise.axial(1.0));
        assert!((noise.axial(3.0) - 0.014_044).abs() < 1e-6, "{}", noise.axial(3.0));
        assert_eq!(noise.axial(0.2), noise.least);
        assert_eq!(noise.axial_turned(1.0, 0.5), noise.axial(1.0));
        assert!(noise.axial_turned(1.0, 1.4) > noise.axial(1.0));
        assert!(noise.axial_turned(1.0, 9.0).is_finite());
        assert!((noise.lateral(1.0, 500.0) - 0.0016).abs() < 1e-7);
    }
}
