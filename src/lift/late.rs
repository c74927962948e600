//! Late warp: a mask is some ten milliseconds old when it is shown, and a head has turned since.

use glam::{Mat3, Vec3};

use super::{Pose, check_intrinsics};
use crate::error::LiftError;
use crate::geometry::{Intrinsics, Point};
use crate::mask::Mask;

/// Pixels of a row that are looked up in equal steps.
const STRETCH: usize = 16;

/// Brings what was seen at the capture to where it lies for the newest pose of the head, as late reprojection does for rendered frames
/// (van Waveren, *The asynchronous time warp for virtual reality on consumer hardware*, VRST 2016).
///
/// A turn needs no depth: pixels move by the homography `K R K⁻¹`. For a step as well, all is taken to lie on one plane that faces the
/// camera of the capture, at the object's depth. What moved by itself since is not known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LateWarp {
    /// From pixels of the capture to those of now, and back.
    forward: Mat3,
    backward: Mat3,
}

impl LateWarp {
    /// The warp from a capture at the pose `then` to the pose `now`, for a camera of these intrinsics. `depth`, in metres, is that of what is
    /// warped; without it, it is taken to be so far away that only turns count.
    ///
    /// # Errors
    /// [`LiftError::Intrinsics`].
    pub fn new(lens: &Intrinsics, then: &Pose, now: &Pose, depth: Option<f32>) -> Result<Self, LiftError> {
        check_intrinsics(lens)?;
        let camera = Mat3::from_cols(
            Vec3::new(lens.fx, 0.0, 0.0),
            Vec3::new(0.0, lens.fy, 0.0),
            Vec3::new(lens.cx, lens.cy, 1.0),
        );
        let turn = now.rotation.inverse() * then.rotation;
        let mut motion = Mat3::from_quat(turn);
        if let Some(depth) = depth.filter(|depth| depth.is_finite() && *depth > 0.0) {
            // The plane z = depth, whose normal is the capture's z axis.
            motion.z_axis += now.to_camera(then.translation) / depth;
        }
        let forward = camera * motion * camera.inverse();
        // A head that went through the plane sees it from behind: nothing is shown.
        let is_whole = forward.is_finite() && motion.determinant() > 1e-3;
        let backward = if is_whole { forward.inverse() } else { Mat3::ZERO };
        Ok(LateWarp { forward: if is_whole { forward } else { Mat3::ZERO }, backward })
    }

    /// Where a point of the capture lies now, such as one of an outline; `None` behind the camera.
    pub fn point(&self, point: Point) -> Option<Point> {
        project(&self.forward, point.x, point.y)
    }

    /// Writes what `mask` shows, as it lies now, into `out`, which is reused. What comes into the picture from beyond its border is clear.
    pub fn mask(&self, mask: &Mask, out: &mut Mask) {
        let size = mask.size();
        out.reset(size);
        let Some(bounds) = mask.bounding_box() else { return };
        let corners = [(bounds.x0, bounds.y0), (bounds.x1, bounds.y0), (bounds.x0, bounds.y1), (bounds.x1, bounds.y1)];
        let corners = corners.map(|(x, y)| self.point(Point::new(x, y)));
        let (mut x0, mut y0, mut x1, mut y1) = (f32::MAX, f32::MAX, f32::MIN, f32::MIN);
        for corner in corners {
            // A corner behind the camera leaves the extent open.
            let (low, high) = corner.map_or((Point::new(0.0, 0.0), Point::new(f32::MAX, f32::MAX)), |p| (p, p));
            (x0, y0, x1, y1) = (x0.min(low.x), y0.min(low.y), x1.max(high.x), y1.max(high.y));
        }
        let side = |low: f32, high: f32, limit: u32| {
            low.floor().clamp(0.0, limit as f32) as u32..high.ceil().clamp(0.0, limit as f32) as u32
        };
        let (columns, rows) = (side(x0, x1, size.width), side(y0, y1, size.height));
        for y in rows {
            let row = &mut out.row_mut(y)[columns.start as usize..columns.end as usize];
            for (stretch, pixels) in row.chunks_mut(STRETCH).enumerate() {
                self.fill(mask, columns.start as usize + stretch * STRETCH, y, pixels);
            }
        }
    }

    /// Looks up the pixels of row `y` from column `x` on in the mask of the capture: exactly at either end, and between them in equal steps,
    /// which are off by some hundredths of a pixel.
    fn fill(&self, mask: &Mask, x: usize, y: u32, pixels: &mut [u8]) {
        let (size, count) = (mask.size(), pixels.len());
        let seen = |column: usize| project(&self.backward, (x + column) as f32 + 0.5, y as f32 + 0.5);
        let inside = |p: Point| p.x >= 0.0 && p.y >= 0.0 && p.x < size.width as f32 && p.y < size.height as f32;
        let ends = (seen(0).filter(|p| inside(*p)), seen(count - 1).filter(|p| inside(*p)));
        let (Some(first), Some(last)) = ends else {
            for (column, pixel) in pixels.iter_mut().enumerate() {
                *pixel = u8::from(seen(column).is_some_and(|point| mask.contains(point)));
            }
            return;
        };
        // Numbers with 16 bits behind the point; what lies between two ends inside lies inside.
        let fixed = |value: f32| (value * 65536.0) as i32;
        let (mut u, mut v) = (fixed(first.x), fixed(first.y));
        let steps = (count as i32 - 1).max(1);
        let (du, dv) = ((fixed(last.x) - u) / steps, (fixed(last.y) - v) / steps);
        let (data, width) = (mask.data(), size.width as usize);
        for pixel in pixels {
            *pixel = data[(v >> 16) as usize * width + (u >> 16) as usize];
            (u, v) = (u + du, v + dv);
        }
    }
}

fn project(by: &Mat3, x: f32, y: f32) -> Option<Point> {
    let at = *by * Vec3::new(x, y, 1.0);
    let point = Point::new(at.x / at.z, at.y / at.z);
    (at.z > 0.0 && point.is_finite()).then_some(point)
}

#[cfg(test)]
mod tests {
    use glam::Quat;
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::Size;

    const SIZE: Size = Size::new(160, 120);
    const LENS: Intrinsics = Intrinsics { fx: 131.0, fy: 131.0, cx: 80.0, cy: 60.0 };

    fn pose(angles: [f32; 3], translation: Vec3) -> Pose {
        let rotation = Quat::from_euler(glam::EulerRot::YXZ, angles[0], angles[1], angles[2]);
        Pose { time_s: None, rotation, translation }
    }

    /// The pixels that see a disc of the world, from a pose.
    fn disc(seen_from: &Pose, center: Vec3, radius: f32) -> Mask {
        Mask::from_fn(SIZE, |x, y| {
            let [x, y, z] = LENS.ray(Point::new(x as f32 + 0.5, y as f32 + 0.5));
            let ray = seen_from.rotation * Vec3::new(x, y, z);
            let t = (center.z - seen_from.translation.z) / ray.z;
            t > 0.0 && (seen_from.translation + ray * t).distance(center) < radius
        })
    }

    proptest! {
        #[test]
        fn points_move_as_the_scene_does(
            then in prop::array::uniform3(-0.2f32..0.2),
            now in prop::array::uniform3(-0.2f32..0.2),
            step in prop::array::uniform3(-0.1f32..0.1),
            x in 20f32..140.0,
            y in 20f32..100.0,
            depth in 0.5f32..3.0,
        ) {
            let (then, now) = (pose(then, Vec3::ZERO), pose(now, Vec3::from_array(step)));
            let ray = Vec3::from_array(LENS.ray(Point::new(x, y)));
            let seen = now.to_camera(then.to_world(ray * (depth / ray.z)));
            let expected = LENS.project(seen.x, seen.y, seen.z);
            let found = LateWarp::new(&LENS, &then, &now, Some(depth)).unwrap().point(Point::new(x, y)).unwrap();
            prop_assert!(found.distance(expected) < 0.05, "{found:?} {expected:?}");
            // Without a step, depth says nothing.
            let turned = Pose { translation: Vec3::ZERO, ..now };
            let near = LateWarp::new(&LENS, &then, &turned, Some(depth)).unwrap().point(Point::new(x, y)).unwrap();
            let far = LateWarp::new(&LENS, &then, &turned, None).unwrap().point(Point::new(x, y)).unwrap();
            prop_assert!(near.distance(far) < 0.05);
        }
    }

    #[test]
    fn equal_steps_are_as_good_as_every_pixel_by_itself() {
        let mut out = Mask::default();
        for turn in [[0.12, 0.0, 0.0], [-0.05, 0.1, 0.3], [0.6, 0.0, -0.2]] {
            let warp = LateWarp::new(&LENS, &Pose::default(), &pose(turn, Vec3::ZERO), None).unwrap();
            let seen = disc(&Pose::default(), Vec3::new(0.1, 0.0, 1.0), 0.3);
            warp.mask(&seen, &mut out);
            let naive = Mask::from_fn(SIZE, |x, y| {
                let at = project(&warp.backward, x as f32 + 0.5, y as f32 + 0.5);
                at.is_some_and(|point| seen.contains(point))
            });
            assert!(out.iou(&naive) > 0.99 && !naive.is_empty(), "{turn:?}: {}", out.iou(&naive));
        }
    }

    /// A head that turns while the mask is made: without the warp the mask misses, with it it does not.
    #[test]
    fn a_mask_stays_on_its_object_while_the_head_turns() {
        let (center, radius) = (Vec3::new(0.05, 0.02, 1.0), 0.15);
        let mut warped = Mask::default();
        for degrees_a_second in [60.0f32, 120.0, 200.0] {
            for age_ms in [30.0f32, 60.0, 120.0] {
                let angle = (degrees_a_second * age_ms / 1000.0).to_radians();
                let then = pose([0.06, 0.0, 0.0], Vec3::ZERO);
                let now = pose([0.06 - angle, 0.0, 0.02], Vec3::new(0.004, 0.0, 0.0));
                let (seen, truth) = (disc(&then, center, radius), disc(&now, center, radius));
                LateWarp::new(&LENS, &then, &now, Some(1.0)).unwrap().mask(&seen, &mut warped);
                let (without, with) = (seen.iou(&truth), warped.iou(&truth));
                println!("{degrees_a_second} degrees a second, {age_ms} ms: IoU {without:.2} without, {with:.2} with");
                // At rest it is 1. After 24 degrees a part of the object has left the picture.
                assert!(with > 0.9 && with > without, "{degrees_a_second} {age_ms}: {without} {with}");
            }
        }
    }

    #[test]
    fn who_does_not_move_sees_the_same_and_who_turned_round_sees_nothing() {
        let seen = disc(&Pose::default(), Vec3::new(0.0, 0.0, 1.0), 0.2);
        let mut out = Mask::default();
        LateWarp::new(&LENS, &Pose::default(), &Pose::default(), Some(1.0)).unwrap().mask(&seen, &mut out);
        assert_eq!(out, seen);
        for now in [
            pose([std::f32::consts::PI, 0.0, 0.0], Vec3::ZERO),
            pose([0.0; 3], Vec3::new(0.0, 0.0, 1.5)),
            pose([f32::NAN; 3], Vec3::ZERO),
        ] {
            LateWarp::new(&LENS, &Pose::default(), &now, Some(1.0)).unwrap().mask(&seen, &mut out);
            assert!(out.is_empty(), "{now:?}");
        }
        let broken = Intrinsics { fx: 0.0, ..LENS };
        assert!(LateWarp::new(&broken, &Pose::default(), &Pose::default(), None).is_err());
    }
}
