use super::neon;
use crate::geometry::Size;

/// Invisible's scene camera.
const INVISIBLE_SCENE: Size = Size::new(1088, 1080);

/// Glasses of Pupil Labs that work with a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glasses {
    Neon,
    Invisible,
}

impl Glasses {
    /// The scene camera's frame, which gaze is given in.
    pub fn scene(self) -> Size {
        match self {
            Glasses::Neon => neon::SCENE,
            Glasses::Invisible => INVISIBLE_SCENE,
        }
    }
}
