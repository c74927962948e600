//! What is to be known of an object before it is grasped.

use std::f32::consts::SQRT_2;

use glam::Vec3;
use serde::Serialize;

use super::grasp::{Grasp, grasp};
use super::oriented_box::{OrientedBox, span_along};
use super::patch::{Patch, footprint};
use super::select::{Selected, needed_margin, select};
use super::surface::{self, SurfacePoint};
use super::{DepthMap, DepthNoise, LiftConfig, Plane, check_intrinsics};
use crate::error::{Error, ImageError, LiftError};
use crate::geometry::Intrinsics;
use crate::mask::Mask;
use crate::statistics::median;

/// The share of an object's height below which its lowest point lies, if it stands on the plane.
const LOWEST_SHARE: f32 = 0.6;
/// Standard deviations of height within which a point is not told from the plane.
const PLANE_SIGMAS: f32 = 4.0;
/// Pixels at the foot of an object that may have been taken for the plane.
const FOOT_PIXELS: f32 = 3.0;
/// Pixels whose noise is not independent: a sensor matches windows.
const CORRELATED: f32 = 25.0;
/// Standard deviation of a whole outline's place, in pixels: of a mask, and of a sensor's edges.
const OUTLINE_PX: f32 = 0.75;

/// An object in the camera frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Lifted {
    /// The surface that is seen, one point a pixel, row by row.
    pub points: Vec<SurfacePoint>,
    /// What they measure.
    pub measures: Measures,
}

/// Where an object is and how large, in metres, in the camera frame (x right, y down, z forward). All of it is of the
/// surface that the camera sees: an object's far side is not known. Only down to the plane that it stands on the box is completed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measures {
    /// How many points were measured.
    pub points: usize,
    /// The share of the mask's pixels that are among them.
    pub coverage: f32,
    /// Mean of the points.
    pub centroid: Vec3,
    /// Standard deviation of the centroid along x, y and z.
    pub centroid_sigma: Vec3,
    /// The least box around the points, but for the outermost thousandth at either side: with its third axis at right
    /// angles to [`Self::support`], or, without, along a principal axis of the points.
    #[serde(rename = "box")]
    pub bbox: OrientedBox,
    /// Standard deviation of each of its sides.
    pub size_sigma: Vec3,
    /// How wide a gripper has to open.
    pub grasp: Grasp,
    /// The plane that the object stands on, if one is seen around it.
    pub support: Option<Plane>,
}

/// Brings what `mask` shows into space, by a depth image and the intrinsics of the same picture. `rgb` are the picture's
/// bytes, row by row without padding; without them, points are black.
///
/// # Errors
/// [`LiftError::Intrinsics`]; [`LiftError::Size`] where mask, depth and picture have not one size; [`LiftError::EmptyMask`];
/// [`LiftError::TooFewPoints`].
pub fn lift(
    mask: &Mask,
    depth: &DepthMap,
    lens: &Intrinsics,
    rgb: Option<&[u8]>,
    config: &LiftConfig,
) -> Result<Lifted, Error> {
    check_intrinsics(lens)?;
    depth.check_size(mask.size(), "the depth image")?;
    if let Some(rgb) = rgb
        && rgb.len() != mask.size().area() * 3
    {
        let (needed, given) = (mask.size().area() * 3, rgb.len());
        return Err(ImageError::ShortBuffer { format: "rgb24", size: mask.size(), needed, given }.into());
    }
    let patch = Patch::around(mask, needed_margin(mask, config), depth, lens, config.noise);
    let patch = patch.ok_or(LiftError::EmptyMask)?;
    let selected = select(mask, &patch, config);
    let mut points = surface::points(&patch, &selected.is_kept);
    let needed = config.min_points.max(1);
    if points.len() < needed {
        return Err(LiftError::TooFewPoints { found: points.len(), pixels: selected.mask_pixels, needed }.into());
    }
    if let Some(rgb) = rgb {
        for point in &mut points {
            let at = point.pixel.1 as usize * mask.size().width as usize + point.pixel.0 as usize;
            point.color = [rgb[3 * at], rgb[3 * at + 1], rgb[3 * at + 2]];
        }
    }
    let measures = measures(&points, &selected, &patch, lens, &config.noise);
    Ok(Lifted { points, measures })
}

/// Mean of the points.
pub(super) fn centroid(points: &[SurfacePoint]) -> Vec3 {
    let sum = points.iter().map(|p| p.position.as_dvec3()).sum::<glam::DVec3>();
    (sum / points.len().max(1) as f64).as_vec3()
}

fn measures(
    points: &[SurfacePoint],
    selected: &Selected,
    patch: &Patch,
    lens: &Intrinsics,
    noise: &DepthNoise,
) -> Measures {
    let centroid = centroid(points);
    let outline = selected.outline.iter().map(|&(i, from)| patch.ray(i) * patch.z[from]);
    let reach: Vec<Vec3> = points.iter().map(|p| p.position).chain(outline).collect();
    let mut depths: Vec<f32> = points.iter().map(|p| p.position.z).collect();
    let z = median(&mut depths, f32::total_cmp).unwrap_or(centroid.z);
    let (axial, pixel) = (noise.axial(z), footprint(z, lens));
    let view = centroid.normalize_or_zero();
    let (along, across) =
        (|axis: Vec3| axis.dot(view).abs(), |axis: Vec3| (1.0 - axis.dot(view).powi(2)).max(0.0).sqrt());
    // The outline lies half a pixel beyond the centre of the outermost one, but of many points that are off the outermost lies by
    // about one standard deviation too far out.
    let widen = |axis: Vec3| across(axis) * (0.5 - noise.lateral_px) * pixel - along(axis) * axial;
    // Of either end: depth where the axis goes into the picture, the outline where it lies in it.
    let sigma = |axis: Vec3| SQRT_2 * (along(axis) * axial).hypot(across(axis) * noise.lateral_px * pixel);

    let foot = |plane: &Plane| FOOT_PIXELS * pixel + PLANE_SIGMAS * plane.height_sigma(view / view.z.max(0.1), axial);
    let support = selected.plane.filter(|plane| {
        let heights = span_along(reach.iter().copied(), plane.normal, &mut Vec::new());
        let low = heights.low - plane.offset;
        selected.is_flat || low < (LOWEST_SHARE * heights.length()).max(foot(plane))
    });
    let bbox = match &support {
        Some(plane) => OrientedBox::upright(&reach, plane.normal),
        None => OrientedBox::least(&reach),
    };
    let mut spans: [_; 3] = std::array::from_fn(|i| bbox.spans()[i].widened(widen(bbox.axes[i])));
    if let Some(plane) = &support {
        spans[2].low = plane.offset.min(spans[2].high);
    }
    let bbox = OrientedBox::of_spans(bbox.axes, spans);
    let independent = (points.len() as f32 / CORRELATED).max(1.0).sqrt();
    let lateral = OUTLINE_PX * pixel;
    Measures {
        points: points.len(),
        coverage: selected.kept_in_mask as f32 / selected.mask_pixels.max(1) as f32,
        centroid,
        centroid_sigma: Vec3::new(lateral, lateral, (axial / independent).hypot(lateral)),
        bbox,
        size_sigma: Vec3::from_array(bbox.axes.map(sigma)),
        grasp: grasp(&reach, &bbox, centroid, support.is_some(), widen, sigma),
        support,
    }
}
