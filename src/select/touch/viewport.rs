use serde::{Deserialize, Serialize};

use crate::geometry::{Point, Size};

/// A clockwise turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub enum Rotation {
    /// Not turned.
    #[default]
    None,
    /// By 90 degrees.
    Quarter,
    /// By 180 degrees.
    Half,
    /// By 270 degrees.
    ThreeQuarters,
}

impl Rotation {
    /// True if width and height change places.
    pub fn is_sideways(self) -> bool {
        matches!(self, Rotation::Quarter | Rotation::ThreeQuarters)
    }

    /// Turns a point of the unit square, x right and y down, about the square's centre.
    pub fn turn(self, p: Point) -> Point {
        match self {
            Rotation::None => p,
            Rotation::Quarter => Point::new(1.0 - p.y, p.x),
            Rotation::Half => Point::new(1.0 - p.x, 1.0 - p.y),
            Rotation::ThreeQuarters => Point::new(p.y, 1.0 - p.x),
        }
    }

    /// The turn that undoes this one.
    pub fn inverse(self) -> Rotation {
        match self {
            Rotation::Quarter => Rotation::ThreeQuarters,
            Rotation::ThreeQuarters => Rotation::Quarter,
            same => same,
        }
    }
}

impl TryFrom<u16> for Rotation {
    type Error = String;

    /// From degrees.
    fn try_from(degrees: u16) -> Result<Self, String> {
        match degrees {
            0 => Ok(Rotation::None),
            90 => Ok(Rotation::Quarter),
            180 => Ok(Rotation::Half),
            270 => Ok(Rotation::ThreeQuarters),
            other => Err(format!("{other} is no rotation: give 0, 90, 180 or 270")),
        }
    }
}

impl From<Rotation> for u16 {
    fn from(rotation: Rotation) -> u16 {
        match rotation {
            Rotation::None => 0,
            Rotation::Quarter => 90,
            Rotation::Half => 180,
            Rotation::ThreeQuarters => 270,
        }
    }
}

/// How the frame is scaled to the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// The whole frame shows, centred, with bars where its shape differs from the screen's.
    #[default]
    Letterbox,
    /// The frame covers the screen, centred, and is cut where its shape differs.
    Fill,
    /// The frame is stretched to the screen.
    Stretch,
}

/// Where the frame lies on the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Viewport {
    frame: Size,
    /// Width and height of the screen in dp.
    screen_dp: [f32; 2],
    fit: Fit,
    rotation: Rotation,
}

const MM_PER_INCH: f32 = 25.4;
const DP_PER_INCH: f32 = 160.0;

/// A seven-inch panel: the usual one on a board, and what a screen of unknown size is taken for.
const USUAL_SIZE_MM: [f32; 2] = [155.0, 87.0];

impl Viewport {
    /// A frame on a screen of `screen_mm`, width and height as it is seen. Of a screen that nobody knows the size of, the
    /// density is guessed, and the frame is taken to be stretched over all of it.
    pub fn new(frame: Size, screen_mm: Option<[f32; 2]>, fit: Fit, rotation: Rotation) -> Self {
        let known = screen_mm.filter(|mm| mm.iter().all(|side| side.is_finite() && *side > 0.0));
        let fit = if known.is_some() { fit } else { Fit::Stretch };
        let screen_dp = known.unwrap_or(USUAL_SIZE_MM).map(|mm| mm / MM_PER_INCH * DP_PER_INCH);
        Viewport { frame, screen_dp, fit, rotation }
    }

    /// A position on the screen (see [`Contact::position`](super::Contact::position)) in dp from its top-left corner.
    pub fn to_dp(&self, position: Point) -> Point {
        let [width, height] = self.screen_dp;
        Point::new(position.x * width, position.y * height)
    }

    /// What [`Self::to_dp`] was made of.
    pub fn from_dp(&self, dp: Point) -> Point {
        let [width, height] = self.screen_dp;
        Point::new(dp.x / width, dp.y / height)
    }

    /// A position on the screen in pixels of the frame; it may lie off the frame.
    pub fn to_frame(&self, position: Point) -> Point {
        let frame = [self.frame.width as f32, self.frame.height as f32];
        let shown = if self.rotation.is_sideways() { [frame[1], frame[0]] } else { frame };
        let [across, down] = [self.screen_dp[0] / shown[0].max(1.0), self.screen_dp[1] / shown[1].max(1.0)];
        let [sx, sy] = match self.fit {
            Fit::Letterbox => [across.min(down); 2],
            Fit::Fill => [across.max(down); 2],
            Fit::Stretch => [across, down],
        };
        // From the centre of the screen to the unit square of the image as it is shown.
        let x = (position.x - 0.5) * self.screen_dp[0] / sx / shown[0].max(1.0) + 0.5;
        let y = (position.y - 0.5) * self.screen_dp[1] / sy / shown[1].max(1.0) + 0.5;
        let upright = self.rotation.inverse().turn(Point::new(x, y));
        Point::new(upright.x * frame[0], upright.y * frame[1])
    }

    /// True if the frame shows at `position`.
    pub fn shows(&self, position: Point) -> bool {
        let p = self.to_frame(position);
        p.is_finite() && self.frame.contains(p)
    }

    /// [`Self::to_frame`], moved onto the frame if it lies beside it.
    pub fn to_frame_clamped(&self, position: Point) -> Point {
        let p = self.to_frame(position);
        Point::new(p.x.clamp(0.0, self.frame.width as f32), p.y.clamp(0.0, self.frame.height as f32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Size = Size::new(640, 480);

    fn near(a: Point, x: f32, y: f32) -> bool {
        a.distance(Point::new(x, y)) < 0.01
    }

    #[test]
    fn letterbox_fill_and_stretch() {
        // A screen of twice the width: bars of a sixth at both sides.
        let view = |fit| Viewport::new(FRAME, Some([160.0, 80.0]), fit, Rotation::None);
        let letterbox = view(Fit::Letterbox);
        assert!(near(letterbox.to_frame(Point::new(0.5, 0.5)), 320.0, 240.0));
        assert!(near(letterbox.to_frame(Point::new(1.0 / 6.0, 0.0)), 0.0, 0.0));
        assert!(near(letterbox.to_frame(Point::new(5.0 / 6.0, 1.0)), 640.0, 480.0));
        assert!(!letterbox.shows(Point::new(0.1, 0.5)) && letterbox.shows(Point::new(0.2, 0.5)));
        let fill = view(Fit::Fill);
        assert!(near(fill.to_frame(Point::new(0.0, 0.5)), 0.0, 240.0));
        assert!(near(fill.to_frame(Point::new(1.0, 0.0)), 640.0, 80.0), "a sixth is cut off at the top");
        let stretch = view(Fit::Stretch);
        assert!(near(stretch.to_frame(Point::new(0.25, 1.0)), 160.0, 480.0));
    }

    #[test]
    fn an_image_that_is_shown_turned() {
        // Turned by a quarter clockwise, the frame's top-left corner is at the top right of a tall screen.
        let view = |rotation| Viewport::new(FRAME, Some([60.0, 80.0]), Fit::Letterbox, rotation);
        assert!(near(view(Rotation::Quarter).to_frame(Point::new(1.0, 0.0)), 0.0, 0.0));
        assert!(near(view(Rotation::Quarter).to_frame(Point::new(1.0, 1.0)), 640.0, 0.0));
        assert!(near(view(Rotation::ThreeQuarters).to_frame(Point::new(0.0, 1.0)), 0.0, 0.0));
        let upside_down = Viewport::new(FRAME, Some([80.0, 60.0]), Fit::Letterbox, Rotation::Half);
        assert!(near(upside_down.to_frame(Point::new(1.0, 1.0)), 0.0, 0.0));
    }

    #[test]
    fn a_screen_of_unknown_size_is_covered_by_the_frame() {
        let view = Viewport::new(FRAME, None, Fit::Letterbox, Rotation::None);
        assert!(near(view.to_frame(Point::new(1.0, 1.0)), 640.0, 480.0));
        assert!((view.to_dp(Point::new(1.0, 0.0)).x - 155.0 / 25.4 * 160.0).abs() < 0.1);
        let nonsense = Viewport::new(FRAME, Some([0.0, f32::NAN]), Fit::Letterbox, Rotation::None);
        assert_eq!(nonsense, view);
    }

    #[test]
    fn turns_invert_and_parse() {
        let p = Point::new(0.2, 0.7);
        for degrees in [0u16, 90, 180, 270] {
            let rotation = Rotation::try_from(degrees).unwrap();
            let back = rotation.inverse().turn(rotation.turn(p));
            assert!(back.distance(p) < 1e-6, "{degrees}");
            assert_eq!(u16::from(rotation), degrees);
        }
        assert!(Rotation::try_from(45).is_err());
    }
}
