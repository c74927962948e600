//! From masks to metres: the points, centre, size and grasp width of what a mask shows in an image with depth.
//!
//! **Frames.** The camera frame has x right, y down, z forward, in metres, its origin at the camera's centre. Depth is the distance
//! along z, not along the ray. The principal point is in the library's pixel coordinates, where the centre of the first pixel is
//! (0.5, 0.5): tools that count centres from (0, 0), as OpenCV, ROS and TUM do, state it half a pixel less in both. The world
//! frame is that of the poses ([`Pose`]), whatever its axes are.
//!
//! **What is measured** is the surface that the camera sees. The side turned away is nobody's knowledge, and nothing is made up for it;
//! only where an object stands on a plane that is seen around it, its box reaches down to the plane ([`Measures`]).
//!
//! **Noise.** How far a depth may be off grows with the square of the distance ([`DepthNoise`]); every tolerance here and every
//! uncertainty that is given follows from it.

mod config;
mod depth;
mod eigen;
mod glb;
mod grasp;
mod intrinsics;
mod late;
mod measure;
mod mesh;
mod noise;
mod oriented_box;
mod patch;
mod plane;
mod ply;
mod pose;
mod select;
mod surface;
mod voxels;

pub use config::LiftConfig;
pub use depth::{DEFAULT_DEPTH_SCALE, DepthMap};
pub use glb::{Texture, texture, write_glb};
pub use grasp::Grasp;
pub use intrinsics::check_intrinsics;
pub use late::LateWarp;
pub use measure::{Lifted, Measures, lift};
pub use mesh::{Mesh, mesh};
pub use noise::DepthNoise;
pub use oriented_box::OrientedBox;
pub use plane::Plane;
pub use ply::write_ply;
#[cfg(any(test, fuzzing))]
pub(crate) use pose::parse_poses;
pub use pose::{Pose, read_poses};
pub use surface::SurfacePoint;
pub use voxels::{FusedMeasures, VoxelMap};
