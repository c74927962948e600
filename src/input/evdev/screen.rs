use crate::geometry::Point;
use crate::input::TouchOptions;
use crate::select::touch::Rotation;

/// The range of one axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    pub least: i32,
    pub most: i32,
    /// Units a millimetre; 0 if the device does not say.
    pub resolution: i32,
}

impl Axis {
    /// From 0 to 1 within the range.
    fn normalise(self, value: i32) -> f32 {
        let span = self.most as f64 - self.least as f64;
        if span > 0.0 { ((value as f64 - self.least as f64) / span) as f32 } else { 0.5 }
    }

    /// Length in millimetres, if the device reports a credible one.
    fn length_mm(self) -> Option<f32> {
        let length = (self.most as f32 - self.least as f32) / self.resolution.max(1) as f32;
        (self.resolution > 0 && (10.0..=3000.0).contains(&length)).then_some(length)
    }
}

/// From the device's coordinates to the screen's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScreenMap {
    x: Axis,
    y: Axis,
    calibration: Option<[f32; 6]>,
    rotation: Rotation,
    size_mm: Option<[f32; 2]>,
}

impl ScreenMap {
    pub fn new(x: Axis, y: Axis, options: &TouchOptions) -> Self {
        let TouchOptions { calibration, rotation, size_mm, .. } = *options;
        ScreenMap { x, y, calibration, rotation, size_mm }
    }

    /// Where raw coordinates lie, from 0 to 1 on the screen as it is seen.
    pub fn place(&self, x: i32, y: i32) -> Point {
        let p = Point::new(self.x.normalise(x), self.y.normalise(y));
        let p = match self.calibration {
            Some([a, b, c, d, e, f]) => Point::new(a * p.x + b * p.y + c, d * p.x + e * p.y + f),
            None => p,
        };
        self.rotation.turn(p)
    }

    /// Width and height of the screen as it is seen.
    pub fn size_mm(&self) -> Option<[f32; 2]> {
        self.size_mm.or_else(|| {
            let (x, y) = (self.x.length_mm()?, self.y.length_mm()?);
            Some(if self.rotation.is_sideways() { [y, x] } else { [x, y] })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: Axis = Axis { least: 100, most: 1100, resolution: 10 };
    const Y: Axis = Axis { least: 0, most: 500, resolution: 10 };

    fn placed(options: TouchOptions, x: i32, y: i32) -> (f32, f32) {
        let p = ScreenMap::new(X, Y, &options).place(x, y);
        ((p.x * 1e3).round() / 1e3, (p.y * 1e3).round() / 1e3)
    }

    #[test]
    fn range_calibration_and_rotation() {
        let plain = TouchOptions::default();
        assert_eq!(placed(plain, 100, 0), (0.0, 0.0));
        assert_eq!(placed(plain, 1100, 125), (1.0, 0.25));
        let turned = |rotation| TouchOptions { rotation, ..plain };
        assert_eq!(placed(turned(Rotation::Quarter), 350, 50), (0.9, 0.25));
        assert_eq!(placed(turned(Rotation::Half), 350, 50), (0.75, 0.9));
        assert_eq!(placed(turned(Rotation::ThreeQuarters), 350, 50), (0.1, 0.75));
        // libinput's own example of a turn by 90 degrees clockwise is the same as `rotation = 90`.
        let matrix = TouchOptions { calibration: Some([0.0, -1.0, 1.0, 1.0, 0.0, 0.0]), ..plain };
        assert_eq!(placed(matrix, 350, 50), placed(turned(Rotation::Quarter), 350, 50));
        let scaled = TouchOptions { calibration: Some([2.0, 0.0, -0.5, 0.0, 1.0, 0.0]), ..plain };
        assert_eq!(placed(scaled, 600, 250), (0.5, 0.5));
        assert_eq!(placed(scaled, 100, 250), (-0.5, 0.5), "what lies beside the screen stays there");
    }

    #[test]
    fn sizes() {
        let size = |x, y, options| ScreenMap::new(x, y, &options).size_mm();
        let plain = TouchOptions::default();
        assert_eq!(size(X, Y, plain), Some([100.0, 50.0]));
        assert_eq!(size(X, Y, TouchOptions { rotation: Rotation::Quarter, ..plain }), Some([50.0, 100.0]));
        assert_eq!(size(X, Y, TouchOptions { size_mm: Some([155.0, 87.0]), ..plain }), Some([155.0, 87.0]));
        assert_eq!(size(X, Axis { resolution: 0, ..Y }, plain), None);
        assert_eq!(size(X, Axis { resolution: 1000, ..Y }, plain), None, "half a millimetre is no screen");
        let broken = Axis { least: i32::MAX, most: i32::MIN, resolution: i32::MIN };
        assert_eq!(size(broken, broken, plain), None);
        assert_eq!(ScreenMap::new(broken, broken, &plain).place(5, 5), Point::new(0.5, 0.5));
    }
}
