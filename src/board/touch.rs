use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Board;
use crate::geometry::Size;
use crate::input::TouchOptions;
use crate::select::touch::{Fit, Rotation, TouchConfig, Viewport};

/// The `[touch]` table: the screen, and how gestures are distinguished.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Touch {
    /// Width and height of the screen in millimetres, as it is seen.
    size_mm: Option<[f32; 2]>,
    rotation: Rotation,
    calibration: Option<[f32; 6]>,
    grab: bool,
    fit: Fit,
    view_rotation: Rotation,
    slop_dp: f32,
    pressed_ms: u32,
    double_tap_ms: u32,
    long_press_ms: u32,
    scribble_points: u32,
}

impl Default for Touch {
    fn default() -> Self {
        let config = TouchConfig::default();
        let ms = |time: Duration| time.as_millis() as u32;
        Touch {
            size_mm: None,
            rotation: Rotation::None,
            calibration: None,
            grab: false,
            fit: Fit::default(),
            view_rotation: Rotation::None,
            slop_dp: config.slop_dp,
            pressed_ms: ms(config.pressed),
            double_tap_ms: ms(config.double_tap),
            long_press_ms: ms(config.long_press),
            scribble_points: config.scribble_points as u32,
        }
    }
}

impl Touch {
    /// Of each value with a range whether it holds, its key, and what is allowed.
    pub fn rules(&self) -> [(bool, &'static str, &'static str); 7] {
        let side = |mm: f32| (10.0..=3000.0).contains(&mm);
        let time = |ms: u32| (10..=5000).contains(&ms);
        let times = self.pressed_ms < self.long_press_ms;
        [
            (self.size_mm.is_none_or(|s| s.into_iter().all(side)), "touch.size_mm", "two sides of 10 to 3000 mm"),
            (self.calibration.is_none_or(invertible), "touch.calibration", "six numbers of an invertible matrix"),
            ((1.0..=64.0).contains(&self.slop_dp), "touch.slop_dp", "1 to 64"),
            (time(self.pressed_ms) && times, "touch.pressed_ms", "10 to 5000, and less than `touch.long_press_ms`"),
            (time(self.double_tap_ms), "touch.double_tap_ms", "10 to 5000"),
            (time(self.long_press_ms), "touch.long_press_ms", "10 to 5000"),
            ((2..=64).contains(&self.scribble_points), "touch.scribble_points", "2 to 64"),
        ]
    }
}

fn invertible([a, b, c, d, e, f]: [f32; 6]) -> bool {
    [a, b, c, d, e, f].into_iter().all(f32::is_finite) && (a * e - b * d).abs() > 1e-6
}

impl Board {
    /// How touch devices are used.
    pub fn touch_options(&self) -> TouchOptions {
        let Touch { size_mm, rotation, calibration, grab, .. } = self.touch;
        TouchOptions { size_mm, rotation, calibration, grab }
    }

    /// How gestures are distinguished.
    pub fn touch_config(&self) -> TouchConfig {
        let ms = |ms: u32| Duration::from_millis(ms.into());
        TouchConfig {
            slop_dp: self.touch.slop_dp,
            pressed: ms(self.touch.pressed_ms),
            double_tap: ms(self.touch.double_tap_ms),
            long_press: ms(self.touch.long_press_ms),
            scribble_points: self.touch.scribble_points as usize,
            ..TouchConfig::default()
        }
    }

    /// Where a frame of `size` lies on a screen of `screen_mm`.
    pub fn viewport(&self, size: Size, screen_mm: Option<[f32; 2]>) -> Viewport {
        Viewport::new(size, screen_mm, self.touch.fit, self.touch.view_rotation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(touch: &str) -> Result<Board, crate::error::ConfigError> {
        Board::parse(&format!("name = \"x\"\nmodel = \"m\"\n[touch]\n{touch}"), "board.toml")
    }

    #[test]
    fn the_table_is_read() {
        let board = parse(
            "size_mm = [155, 86.5]\nrotation = 90\ncalibration = [1, 0, 0, 0, -1, 1]\ngrab = true\nfit = \"fill\"\n\
             view_rotation = 270\nslop_dp = 12\nlong_press_ms = 400\n",
        )
        .unwrap();
        let options = TouchOptions {
            size_mm: Some([155.0, 86.5]),
            rotation: Rotation::Quarter,
            calibration: Some([1.0, 0.0, 0.0, 0.0, -1.0, 1.0]),
            grab: true,
        };
        assert_eq!(board.touch_options(), options);
        let long_press = Duration::from_millis(400);
        assert_eq!(board.touch_config(), TouchConfig { slop_dp: 12.0, long_press, ..TouchConfig::default() });
        let size = Size::new(640, 480);
        let view = Viewport::new(size, Some([100.0, 50.0]), Fit::Fill, Rotation::ThreeQuarters);
        assert_eq!(board.viewport(size, Some([100.0, 50.0])), view);
    }

    #[test]
    fn wrong_values_name_the_key() {
        let rows = [
            ("size_mm = [0, 10]", "touch.size_mm"),
            ("calibration = [1, 0, 0, 1, 0, 0]", "touch.calibration"),
            ("calibration = [1, 0, 0]", "calibration"),
            ("rotation = 45", "0, 90, 180 or 270"),
            ("fit = \"zoom\"", "fit"),
            ("slop_dp = nan", "touch.slop_dp"),
            ("long_press_ms = 0", "touch.long_press_ms"),
            ("pressed_ms = 600", "touch.pressed_ms"),
            ("scribble_points = 1", "touch.scribble_points"),
            ("slop = 3", "touch.slop_dp"),
        ];
        for (text, part) in rows {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
