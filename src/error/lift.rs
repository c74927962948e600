use crate::geometry::Size;

/// Why masks cannot be brought into space, or poses not be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LiftError {
    /// The file holds no depth.
    #[error(
        "{what}: {found}, which is no depth image: give a grey PNG of 16 bits whose values are millimetres (another unit: \
             --depth-scale)"
    )]
    NoDepthImage {
        /// The file.
        what: String,
        /// What it is, with its article.
        found: &'static str,
    },
    /// The depth image has another size than the picture that it goes with.
    #[error(
        "{what} is {}x{} pixels but its picture is {}x{}: give depth that is registered to the picture, pixel by pixel \
             (of most cameras `aligned_depth_to_color` or the like)",
        .given.width, .given.height, .expected.width, .expected.height
    )]
    Size {
        /// The depth image, or what else goes with the picture.
        what: String,
        /// Its size in pixels.
        given: Size,
        /// The picture's size in pixels.
        expected: Size,
    },
    /// No pixel of a depth image has a depth.
    #[error("{what}: no pixel has a depth, all are 0: is the sensor covered, or nearer to its scene than it measures?")]
    Empty {
        /// The file.
        what: String,
    },
    /// The scale makes no metres of the values.
    #[error(
        "a depth scale of {scale} is none: give metres a unit, above 0 and at most 1, as 0.001 for millimetres and 0.0002 for TUM's"
    )]
    Scale {
        /// What was given.
        scale: f32,
    },
    /// The intrinsics are of no camera.
    #[error("intrinsics {fx},{fy},{cx},{cy}: {reason}: give FX,FY,CX,CY in pixels of the picture")]
    Intrinsics {
        /// Focal length along x.
        fx: f32,
        /// Focal length along y.
        fy: f32,
        /// The principal point's x.
        cx: f32,
        /// The principal point's y.
        cy: f32,
        /// What is wrong with them.
        reason: &'static str,
    },
    /// The mask has no pixel.
    #[error("the mask is empty: there is nothing to lift")]
    EmptyMask,
    /// Too few pixels of the mask have a depth that can be relied on.
    #[error(
        "{found} of the mask's {pixels} pixels have depth that can be relied on, {needed} are needed: the object may be too near, \
             too far, too thin, shiny or transparent for the sensor"
    )]
    TooFewPoints {
        /// How many have.
        found: usize,
        /// How many the mask has.
        pixels: usize,
        /// How many are needed.
        needed: usize,
    },
    /// A line of a file of poses is none.
    #[error("{what}, line {line}: {reason}")]
    Pose {
        /// The file.
        what: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong, and what to give instead.
        reason: String,
    },
    /// A file of poses has none for a frame.
    #[error("{what}: it has {poses} poses for {frames} frames: give one line a frame, in their order")]
    PoseCount {
        /// The file.
        what: String,
        /// How many it has.
        poses: usize,
        /// How many there are to be.
        frames: usize,
    },
    /// There is nothing to be written.
    #[error("nothing was found of the object in {place}: {reason}")]
    Nothing {
        /// Where it was looked for.
        place: String,
        /// Why, and what to do.
        reason: &'static str,
    },
}
