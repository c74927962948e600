//! Points with normals, from pixels with depth.

use glam::{DMat3, DVec3, Vec3};

use super::patch::Patch;

/// Columns and rows on either side of a pixel that its normal is computed from.
const REACH: usize = 2;
/// Pixels that a normal is computed from at least.
const LEAST_PIXELS: usize = 6;
/// Standard deviations by which the surface may lie off what was measured at a pixel.
const SIGMAS: f32 = 2.0;

/// A point of a surface, in metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurfacePoint {
    /// Where it lies, in the camera frame or, once moved, in the world's.
    pub position: Vec3,
    /// Of unit length, to the camera's side.
    pub normal: Vec3,
    /// Standard deviation along the camera's axis of the depth that was measured, in metres.
    pub sigma: f32,
    /// Red, green and blue.
    pub color: [u8; 3],
    /// Column and row of the pixel that shows it.
    pub pixel: (u32, u32),
}

/// The points of the pixels that are kept, each on the plane that fits its neighbourhood of 5x5 pixels best. A pixel with too few
/// neighbours of its own surface, or whose neighbours lie on a line, has no normal and is left out.
///
/// Planes are fitted to the inverse of depth, which is linear on the image where depth is a plane, and whose noise does not depend on
/// depth where depth comes from disparity.
pub(super) fn points(patch: &Patch, is_kept: &[bool]) -> Vec<SurfacePoint> {
    let kept = (0..patch.len()).filter(|&i| is_kept[i]);
    kept.filter_map(|i| {
        let (depth, normal) = fit(patch, is_kept, i)?;
        let measured = patch.z[i];
        let free = SIGMAS * patch.noise.axial(measured);
        let ray = patch.ray(i);
        let turned = (-normal.dot(ray) / ray.length()).clamp(-1.0, 1.0).acos();
        let sigma = patch.noise.axial_turned(measured, turned);
        let (x, y) = patch.pixel(i);
        let position = ray * depth.clamp(measured - free, measured + free);
        Some(SurfacePoint { position, normal, sigma, color: [0; 3], pixel: (x as u32, y as u32) })
    })
    .collect()
}

/// Depth and normal at a pixel, of the plane through its neighbourhood.
fn fit(patch: &Patch, is_kept: &[bool], i: usize) -> Option<(f32, Vec3)> {
    let (x, y) = patch.pixel(i);
    let (mut moments, mut sums, mut count) = (DMat3::ZERO, DVec3::ZERO, 0usize);
    let mut add = |j: usize| {
        let (u, v) = patch.pixel(j);
        let row = DVec3::new(1.0, u as f64 - x as f64, v as f64 - y as f64);
        moments += DMat3::from_cols(row * row.x, row * row.y, row * row.z);
        sums += row / f64::from(patch.z[j]);
        count += 1;
    };
    add(i);
    let near = patch.around_pixel(i, REACH);
    near.filter(|&(j, steps)| is_kept[j] && patch.are_continuous(i, j, steps)).for_each(|(j, _)| add(j));
    // Pixels of a line have a determinant of 0; of the least that are none, it is above 1.
    if count < LEAST_PIXELS || moments.determinant() < 1.0 {
        return None;
    }
    let [here, across, down] = (moments.inverse() * sums).to_array();
    let lens = &patch.lens;
    let (fx, fy) = (f64::from(lens.fx), f64::from(lens.fy));
    let (cx, cy) = (f64::from(lens.cx) - 0.5 - x as f64, f64::from(lens.cy) - 0.5 - y as f64);
    let normal = DVec3::new(across * fx, down * fy, here + across * cx + down * cy).normalize_or_zero();
    let depth: f64 = 1.0 / here;
    let normal = -normal.as_vec3();
    (depth.is_finite() && depth > 0.0 && normal != Vec3::ZERO).then_some((depth as f32, normal))
}
