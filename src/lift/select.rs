//! Which pixels show the object, where mask and depth disagree.
//!
//! The mask says what is meant, depth where it ends. A mask's border is off by a pixel or two, and depth has holes and mixtures at
//! edges, so that neither is believed alone:
//!
//! 1. mixtures of two surfaces are left out ([`Patch::reliable`]);
//! 2. the plane around the object is found, and what lies on it is none of the object, unless nearly all of it does;
//! 3. what is left, within a margin around the mask, falls into surfaces by jumps of depth; the one with most pixels deep in
//!    the mask is the object's, and so are others that lie deep in it and not far behind or before;
//! 4. beyond the mask's border only that stays which ends there: a surface that goes on is somebody else's;
//! 5. towards its outline a surface turns away and the sensor loses it: pixels of the mask without depth there show how far it
//!    reaches across, at the depth of the nearest pixel that has one.

use std::collections::VecDeque;

use super::patch::{Patch, tolerance};
use super::{LiftConfig, Plane};
use crate::mask::{Border, DistanceTransform, Mask};
use crate::statistics::median;

/// Standard deviations above the plane within which a point may be of the plane.
const PLANE_SIGMAS: f32 = 2.5;
/// The share of the mask's middle that lies on the plane around it, from which the object is taken for flat.
const FLAT: f32 = 0.6;
/// Distance from the mask's border, in pixels, from which a pixel is deep inside.
const DEEP: f32 = 3.0;
/// The least share of a further surface's pixels that lies deep inside the mask.
const DEEP_SHARE: f32 = 0.4;
/// The least share of the first surface's deep pixels that a further one has.
const LEAST_SHARE: f32 = 0.03;
/// How many rings of pixels beyond the margin are looked at to see whether a surface goes on.
const BEYOND: f32 = 2.0;
/// Rings of pixels without depth that an object's outline is continued over.
const OUTLINE_RINGS: usize = 3;

/// Pixels that show the object.
pub(super) struct Selected {
    pub is_kept: Vec<bool>,
    /// Pixels of the object without a depth at its outline, and the kept one that each is nearest to.
    pub outline: Vec<(usize, usize)>,
    /// Those of the mask.
    pub mask_pixels: usize,
    /// Those of the mask that are kept.
    pub kept_in_mask: usize,
    /// What was found around it.
    pub plane: Option<Plane>,
    /// Whether it lies on the plane and hardly rises from it.
    pub is_flat: bool,
}

/// Pixels beyond the mask's bounding box that [`select`] looks at.
pub(super) fn needed_margin(mask: &Mask, config: &LiftConfig) -> usize {
    (config.mask_margin + BEYOND + ring_width(mask)).ceil() as usize + 1
}

/// Width of the ring in which a plane is sought, in pixels.
fn ring_width(mask: &Mask) -> f32 {
    (0.3 * (mask.area() as f32).sqrt()).clamp(8.0, 60.0)
}

pub(super) fn select(mask: &Mask, patch: &Patch, config: &LiftConfig) -> Selected {
    let within = patch.cut(mask);
    let in_mask = within.data();
    let (mut inner, mut outer) = (DistanceTransform::default(), DistanceTransform::default());
    inner.compute(&within, Border::Ignored);
    outer.compute(&Mask::from_fn(within.size(), |x, y| within.row(y)[x as usize] == 0), Border::Ignored);
    let (inside, outside) = (inner.distances(), outer.distances());
    let deepest = inside.iter().copied().fold(0.0, f32::max);
    let deep = DEEP.min(deepest / 2.0);
    let reliable = patch.reliable();

    let margin = config.mask_margin;
    let ring = margin + BEYOND..margin + BEYOND + ring_width(mask);
    let around: Vec<_> = (0..patch.len())
        .filter(|&i| reliable[i] && ring.contains(&outside[i]))
        .map(|i| (patch.point(i), patch.noise.axial(patch.z[i])))
        .collect();
    let plane = Plane::dominant(&around);
    let on_plane: Vec<bool> = (0..patch.len())
        .map(|i| {
            plane.is_some_and(|plane| {
                let (ray, z) = (patch.ray(i), patch.z[i]);
                z > 0.0 && plane.height(ray * z) < PLANE_SIGMAS * plane.height_sigma(ray, patch.noise.axial(z))
            })
        })
        .collect();
    let middle = || (0..patch.len()).filter(|&i| reliable[i] && inside[i] >= deep);
    let flat_pixels = middle().filter(|&i| on_plane[i]).count();
    let is_flat = plane.is_some() && flat_pixels as f32 > FLAT * middle().count() as f32;

    let may_be = |i: usize| reliable[i] && (is_flat || !on_plane[i]);
    let reach = if is_flat { 0.0 } else { margin };
    let is_candidate: Vec<bool> = (0..patch.len()).map(|i| may_be(i) && outside[i] <= reach).collect();
    let surfaces = Surface::all(patch, &is_candidate, |i| inside[i] >= deep);
    let mut is_kept = vec![false; patch.len()];
    if let Some(first) = surfaces.iter().max_by_key(|surface| (surface.deep, surface.pixels.len())) {
        let taken = surfaces.iter().filter(|s| std::ptr::eq(*s, first) || first.goes_with(s, patch));
        taken.flat_map(|s| &s.pixels).for_each(|&i| is_kept[i] = true);
    }

    // A surface that goes on beyond the margin is not the object's.
    let span = (margin + BEYOND) as usize;
    let goes_on = |i: usize| {
        patch.around_pixel(i, span).any(|(j, steps)| {
            outside[j] > margin
                && outside[j] <= margin + BEYOND
                && steps <= margin + BEYOND
                && may_be(j)
                && patch.are_continuous(i, j, steps)
        })
    };
    let foreign: Vec<usize> = (0..patch.len()).filter(|&i| is_kept[i] && in_mask[i] == 0 && goes_on(i)).collect();
    foreign.into_iter().for_each(|i| is_kept[i] = false);
    let lonely: Vec<usize> =
        (0..patch.len()).filter(|&i| is_kept[i] && patch.supporters(i, |j| is_kept[j]) < 3).collect();
    lonely.into_iter().for_each(|i| is_kept[i] = false);

    let is_hole = |i: usize| in_mask[i] != 0 && !reliable[i];
    let is_other = |i: usize| reliable[i] && !is_kept[i];
    let outline = outline(patch, &is_kept, is_hole, is_other);
    let kept_in_mask = is_kept.iter().zip(in_mask).filter(|(kept, inside)| **kept && **inside != 0).count();
    Selected { is_kept, outline, mask_pixels: within.area(), kept_in_mask, plane, is_flat }
}

/// The pixels by which the object reaches into its outline's holes, ring by ring: each has more neighbours of the object than of what
/// is something else.
fn outline(
    patch: &Patch,
    is_kept: &[bool],
    is_hole: impl Fn(usize) -> bool,
    is_other: impl Fn(usize) -> bool,
) -> Vec<(usize, usize)> {
    let mut nearest: Vec<Option<usize>> = (0..patch.len()).map(|i| is_kept[i].then_some(i)).collect();
    let mut found = Vec::new();
    for _ in 0..OUTLINE_RINGS {
        let ring = (0..patch.len()).filter(|&i| nearest[i].is_none() && is_hole(i)).filter_map(|i| {
            let near = || patch.around_pixel(i, 1);
            let own = near().filter(|&(j, _)| nearest[j].is_some()).count();
            let others = near().filter(|&(j, _)| is_other(j)).count();
            let from = near().filter_map(|(j, steps)| Some((nearest[j]?, steps))).min_by(|a, b| a.1.total_cmp(&b.1))?;
            (own >= 3 && own > others).then_some((i, from.0))
        });
        let ring: Vec<_> = ring.collect();
        ring.iter().for_each(|&(i, from)| nearest[i] = Some(from));
        found.extend(ring);
    }
    found
}

/// Pixels that hang together without a jump of depth.
struct Surface {
    pixels: Vec<usize>,
    /// How many of them lie deep inside the mask.
    deep: usize,
    /// Of their depths.
    median: f32,
    /// Diagonal of the box around them, in metres.
    extent: f32,
}

impl Surface {
    fn all(patch: &Patch, is_candidate: &[bool], is_deep: impl Fn(usize) -> bool) -> Vec<Surface> {
        let mut is_seen = vec![false; patch.len()];
        let mut found = Vec::new();
        let mut queue = VecDeque::new();
        for start in 0..patch.len() {
            if !is_candidate[start] || is_seen[start] {
                continue;
            }
            let mut pixels = Vec::new();
            is_seen[start] = true;
            queue.push_back(start);
            while let Some(i) = queue.pop_front() {
                pixels.push(i);
                for (j, steps) in patch.around_pixel(i, 1) {
                    if is_candidate[j] && !is_seen[j] && patch.are_continuous(i, j, steps) {
                        is_seen[j] = true;
                        queue.push_back(j);
                    }
                }
            }
            found.push(Surface::of(patch, pixels, &is_deep));
        }
        found
    }

    fn of(patch: &Patch, pixels: Vec<usize>, is_deep: impl Fn(usize) -> bool) -> Surface {
        let deep = pixels.iter().filter(|&&i| is_deep(i)).count();
        let mut depths: Vec<f32> = pixels.iter().map(|&i| patch.z[i]).collect();
        let median = median(&mut depths, f32::total_cmp).unwrap_or_default();
        let points = || pixels.iter().map(|&i| patch.point(i));
        let (low, high) = (points().reduce(glam::Vec3::min), points().reduce(glam::Vec3::max));
        let extent = low.zip(high).map_or(0.0, |(low, high)| (high - low).length());
        Surface { pixels, deep, median, extent }
    }

    /// Whether `other` is a part of the same object, apart from this, its largest, by a jump of depth: it lies deep inside the
    /// mask, and no farther along the axis than the object is large.
    fn goes_with(&self, other: &Surface, patch: &Patch) -> bool {
        other.deep as f32 >= DEEP_SHARE * other.pixels.len() as f32
            && other.deep as f32 >= LEAST_SHARE * self.deep as f32
            && (other.median - self.median).abs()
                <= self.extent + tolerance(self.median, 1.0, &patch.lens, &patch.noise)
    }
}
