use std::collections::HashMap;
use std::collections::hash_map::Entry;

use glam::{IVec3, Vec3};
use serde::Serialize;

use super::measure::centroid;
use super::oriented_box::OrientedBox;
use super::surface::SurfacePoint;
use super::{Lifted, Pose};

/// An object's points of many frames, in the world: one point a voxel, the mean of what was measured in it, each
/// measurement weighted by the inverse of its variance.
///
/// Memory is bounded: a map never has more voxels than its limit, of some 80 bytes each. Where one more would be needed, the voxels'
/// side doubles and each eight become one.
#[derive(Clone, Debug)]
pub struct VoxelMap {
    side: f32,
    limit: usize,
    cells: HashMap<IVec3, Cell>,
    /// Of the plane that the object stands on, in the world.
    up: Vec3,
    frames: usize,
}

/// The running means of a voxel.
#[derive(Clone, Copy, Debug)]
struct Cell {
    weight: f32,
    position: Vec3,
    normal: Vec3,
    color: Vec3,
    /// How many frames had a point here.
    frames: u32,
    /// The last of them.
    last: u32,
}

impl Cell {
    fn of(point: &SurfacePoint, frame: u32) -> Cell {
        let [r, g, b] = point.color.map(f32::from);
        // A sensor that claims no noise at all still has a tenth of a millimetre.
        let weight = point.sigma.max(1e-4).powi(-2);
        Cell {
            weight,
            position: point.position,
            normal: point.normal,
            color: Vec3::new(r, g, b),
            frames: 1,
            last: frame,
        }
    }

    fn merge(&mut self, other: &Cell) {
        let total = self.weight + other.weight;
        let share = other.weight / total;
        self.position += (other.position - self.position) * share;
        self.normal += (other.normal - self.normal) * share;
        self.color += (other.color - self.color) * share;
        self.weight = total;
        if other.last != self.last {
            self.frames += other.frames;
            self.last = self.last.max(other.last);
        }
    }
}

/// What a [`VoxelMap`] measures, in the world and in metres.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FusedMeasures {
    /// Frames that were fused.
    pub frames: usize,
    /// Voxels that at least two frames saw (one, while there is only one).
    pub points: usize,
    /// Side of a voxel.
    pub voxel: f32,
    /// Mean of the points.
    pub centroid: Vec3,
    /// The least box around the points, as [`super::Measures::bbox`].
    #[serde(rename = "box")]
    pub bbox: OrientedBox,
}

impl VoxelMap {
    /// Side of a voxel when nothing else is said, in metres.
    pub const DEFAULT_SIDE: f32 = 0.004;
    /// Voxels of a map at most when nothing else is said: 5 MB.
    pub const DEFAULT_LIMIT: usize = 1 << 16;

    /// An empty map of voxels of `side` metres (at least a tenth of a millimetre), of which there are never more than `limit`, which is at least 8.
    pub fn new(side: f32, limit: usize) -> Self {
        let side = if side.is_finite() { side.max(1e-4) } else { Self::DEFAULT_SIDE };
        VoxelMap { side, limit: limit.max(8), cells: HashMap::new(), up: Vec3::ZERO, frames: 0 }
    }

    /// Adds what a frame saw from `pose`. Points that are not finite in the world are left out.
    pub fn add(&mut self, seen: &Lifted, pose: &Pose) {
        self.frames += 1;
        if let Some(plane) = &seen.measures.support {
            self.up += pose.rotation * plane.normal;
        }
        for point in &seen.points {
            let placed = pose.place(point);
            if placed.position.is_finite() {
                self.add_cell(Cell::of(&placed, self.frames as u32));
            }
        }
    }

    fn add_cell(&mut self, cell: Cell) {
        loop {
            let key = self.key(cell.position);
            if let Some(present) = self.cells.get_mut(&key) {
                return present.merge(&cell);
            }
            if self.cells.len() < self.limit {
                self.cells.insert(key, cell);
                return;
            }
            self.coarsen();
        }
    }

    fn key(&self, position: Vec3) -> IVec3 {
        // What lies beyond all numbers of voxels falls into the last.
        (position / self.side).floor().as_ivec3()
    }

    fn coarsen(&mut self) {
        self.side *= 2.0;
        let finer = std::mem::take(&mut self.cells);
        for cell in finer.into_values() {
            match self.cells.entry((cell.position / self.side).floor().as_ivec3()) {
                Entry::Occupied(mut present) => present.get_mut().merge(&cell),
                Entry::Vacant(free) => drop(free.insert(cell)),
            }
        }
    }

    /// Voxels that are held.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether nothing was added yet.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Side of a voxel now, in metres.
    pub fn side(&self) -> f32 {
        self.side
    }

    /// The points of the voxels that at least two frames saw, or of all while there is one frame only; in the world. Their
    /// `sigma` is the noise that the mean has left: what is wrong in every frame alike, such as the poses, is not in it. Sorted, so
    /// that the same frames give the same points.
    pub fn points(&self) -> Vec<SurfacePoint> {
        let least = self.frames.min(2) as u32;
        let mut held: Vec<_> = self.cells.iter().filter(|(_, cell)| cell.frames >= least).collect();
        held.sort_unstable_by_key(|(key, _)| key.to_array());
        let points = held.into_iter().map(|(_, cell)| SurfacePoint {
            position: cell.position,
            normal: cell.normal.normalize_or_zero(),
            sigma: cell.weight.sqrt().recip(),
            color: cell.color.to_array().map(|value| value.round().clamp(0.0, 255.0) as u8),
            pixel: (0, 0),
        });
        points.collect()
    }

    /// Centre and size in the world; `None` while no voxel was seen often enough.
    pub fn measures(&self) -> Option<FusedMeasures> {
        let points = self.points();
        if points.is_empty() {
            return None;
        }
        let positions: Vec<Vec3> = points.iter().map(|point| point.position).collect();
        let bbox = match self.up.try_normalize() {
            Some(up) => OrientedBox::upright(&positions, up),
            None => OrientedBox::least(&positions),
        };
        Some(FusedMeasures {
            frames: self.frames,
            points: points.len(),
            voxel: self.side,
            centroid: centroid(&points),
            bbox,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(position: Vec3, sigma: f32) -> SurfacePoint {
        SurfacePoint { position, normal: Vec3::NEG_Z, sigma, color: [10, 20, 30], pixel: (0, 0) }
    }

    fn add(map: &mut VoxelMap, points: &[SurfacePoint]) {
        map.frames += 1;
        let frame = map.frames as u32;
        points.iter().for_each(|p| map.add_cell(Cell::of(p, frame)));
    }

    #[test]
    fn what_is_surer_counts_more() {
        let mut map = VoxelMap::new(0.01, 100);
        add(&mut map, &[point(Vec3::splat(0.001), 0.001)]);
        add(&mut map, &[point(Vec3::splat(0.005), 0.002)]);
        let [mean] = map.points().try_into().unwrap();
        // Weights 4 to 1.
        assert!(mean.position.distance(Vec3::splat(0.0018)) < 1e-6, "{mean:?}");
        assert!((mean.sigma - (1.0f32 / (1e6 + 2.5e5)).sqrt()).abs() < 1e-8);
        assert_eq!((mean.color, mean.normal), ([10, 20, 30], Vec3::NEG_Z));
        add(&mut map, &[point(Vec3::splat(0.5), 0.001)]);
        assert_eq!((map.points().len(), map.len()), (1, 2), "seen once");
    }

    #[test]
    fn a_map_never_outgrows_its_limit() {
        let mut map = VoxelMap::new(0.001, 64);
        let points: Vec<_> = (0..5000)
            .map(|i| point(Vec3::new((i % 17) as f32, (i / 17 % 17) as f32, (i / 289) as f32) * 0.01, 0.001))
            .collect();
        for _ in 0..2 {
            add(&mut map, &points);
            assert!(map.len() <= 64, "{}", map.len());
        }
        assert!(map.side() > 0.03 && map.len() > 8, "{} {}", map.side(), map.len());
        let found = map.measures().unwrap();
        assert!(found.centroid.distance(Vec3::splat(0.08)) < 0.02, "{found:?}");
        add(&mut map, &[point(Vec3::splat(1e30), 0.001), point(Vec3::splat(-1e30), 0.001)]);
        assert!(map.len() <= 64);
    }
}
