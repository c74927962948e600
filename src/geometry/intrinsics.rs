use serde::{Deserialize, Serialize};

use super::{Point, Size};

/// A pinhole camera: focal lengths and principal point, in pixels of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intrinsics {
    /// Focal length along x.
    pub fx: f32,
    /// Focal length along y.
    pub fy: f32,
    /// The principal point's x.
    pub cx: f32,
    /// The principal point's y.
    pub cy: f32,
}

impl Intrinsics {
    /// Horizontal field of view that is assumed of a camera whose intrinsics nobody knows, in degrees.
    pub const ASSUMED_FOV_DEG: f32 = 65.0;

    /// What is assumed of a camera whose intrinsics nobody knows, for frames of `size`.
    pub fn assumed(size: Size) -> Self {
        Self::from_horizontal_fov(Self::ASSUMED_FOV_DEG, size.width, size.height)
    }

    /// A camera whose horizontal field of view is `degrees` over a frame of `width` x `height` pixels.
    pub fn from_horizontal_fov(degrees: f32, width: u32, height: u32) -> Self {
        let f = width as f32 / 2.0 / (degrees.to_radians() / 2.0).tan();
        Intrinsics { fx: f, fy: f, cx: width as f32 / 2.0, cy: height as f32 / 2.0 }
    }

    /// The viewing ray through `p`, of unit length; x right, y down, z forward.
    pub fn ray(&self, p: Point) -> [f32; 3] {
        let (x, y) = ((p.x - self.cx) / self.fx, (p.y - self.cy) / self.fy);
        let n = (x * x + y * y + 1.0).sqrt();
        [x / n, y / n, 1.0 / n]
    }

    /// The angle between the rays through two points, in degrees.
    pub fn angle_deg(&self, a: Point, b: Point) -> f32 {
        let (u, v) = (self.ray(a), self.ray(b));
        let cross = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
        let sin = (cross[0] * cross[0] + cross[1] * cross[1] + cross[2] * cross[2]).sqrt();
        let cos = u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
        sin.atan2(cos).to_degrees()
    }

    /// Where a point of camera space (x right, y down, z forward, z > 0) falls on the frame.
    pub fn project(&self, x: f32, y: f32, z: f32) -> Point {
        Point::new(self.cx + self.fx * x / z, self.cy + self.fy * y / z)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_over_the_field_of_view() {
        let k = Intrinsics::from_horizontal_fov(60.0, 640, 480);
        let (left, right) = (Point::new(0.0, 240.0), Point::new(640.0, 240.0));
        assert!((k.angle_deg(left, right) - 60.0).abs() < 1e-3);
        assert!(k.angle_deg(left, left) < 1e-3);
    }

    #[test]
    fn projection_inverts_the_ray() {
        let k = Intrinsics::from_horizontal_fov(70.0, 640, 480);
        let p = Point::new(100.0, 400.0);
        let [x, y, z] = k.ray(p);
        assert!(k.project(x * 7.0, y * 7.0, z * 7.0).distance(p) < 1e-3);
    }
}
