use super::DepthNoise;

/// What lifting takes for granted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LiftConfig {
    /// How far depths may be off.
    pub noise: DepthNoise,
    /// How far the mask's border may lie off the object's, in pixels. Within it, depth decides what belongs to the object.
    pub mask_margin: f32,
    /// Fewer points than these are refused.
    pub min_points: usize,
}

impl Default for LiftConfig {
    /// A Kinect's noise, masks that are off by two pixels, 30 points.
    fn default() -> Self {
        LiftConfig { noise: DepthNoise::KINECT, mask_margin: 2.0, min_points: 30 }
    }
}
