//! The followed object in metres: on each frame by its depth image, and in the world where the camera's poses are known.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::super::depth_args::{DepthArgs, DepthCamera, LiftFields};
use crate::error::{ConfigError, Error, LiftError};
use crate::frame::{self, Frame};
use crate::lift::{FusedMeasures, Lifted, Pose, VoxelMap, read_poses, write_ply};
use crate::mask::Mask;

/// What a frame's line says of it.
#[derive(Default, Serialize)]
pub struct SpaceFields {
    #[serde(flatten)]
    lift: LiftFields,
    /// Of all frames so far, in the world; none without poses.
    #[serde(skip_serializing_if = "Option::is_none")]
    fused: Option<FusedMeasures>,
}

/// The depth images of the frames, and what was seen by them so far.
pub struct InSpace {
    folder: PathBuf,
    camera: DepthCamera,
    poses: Option<Poses>,
    out: Option<PathBuf>,
    rgb: Vec<u8>,
}

struct Poses {
    /// Their file, for messages.
    what: String,
    list: Vec<Pose>,
    map: VoxelMap,
}

impl InSpace {
    /// `None` without depth. `frames` is how many there are, 0 where that is not known; `out` takes the points of all of them.
    ///
    /// # Errors
    /// Depth that is no folder, poses that cannot be read or are not as many as the frames.
    pub fn open(
        args: &DepthArgs,
        poses: Option<&Path>,
        frames: usize,
        out: Option<PathBuf>,
    ) -> Result<Option<Self>, Error> {
        let Some((folder, camera)) = args.camera() else { return Ok(None) };
        if !folder.is_dir() {
            let reason =
                format!("{} is no folder: give that of the depth images, by the frames' names", folder.display());
            return Err(ConfigError::Invalid { origin: "--depth".into(), reason }.into());
        }
        let poses = poses.map(|path| {
            let list = read_poses(path)?;
            if frames > 0 && list.len() != frames {
                let what = path.display().to_string();
                return Err(Error::from(LiftError::PoseCount { what, poses: list.len(), frames }));
            }
            Ok(Poses {
                what: path.display().to_string(),
                list,
                map: VoxelMap::new(VoxelMap::DEFAULT_SIDE, VoxelMap::DEFAULT_LIMIT),
            })
        });
        Ok(Some(InSpace { folder: folder.to_path_buf(), camera, poses: poses.transpose()?, out, rgb: Vec::new() }))
    }

    /// Measures the object on frame `number`, whose results are named `name`.
    ///
    /// # Errors
    /// A frame that cannot be read. What stands in the way of a measurement alone is among the fields.
    pub fn frame(&mut self, number: usize, name: &Path, mask: &Mask, frame: &Frame) -> Result<SpaceFields, Error> {
        if self.out.is_some() {
            frame::to_rgb(frame, &mut self.rgb)?;
        }
        let found = self.lift(name, mask, frame);
        let lift = LiftFields::of(found.as_ref());
        let mut fused = None;
        if let Some(poses) = &mut self.poses {
            let Some(pose) = poses.list.get(number) else {
                let (what, poses, frames) = (poses.what.clone(), poses.list.len(), number + 1);
                return Err(LiftError::PoseCount { what, poses, frames }.into());
            };
            if let Ok(found) = &found {
                poses.map.add(found, pose);
            }
            fused = poses.map.measures();
        }
        Ok(SpaceFields { lift, fused })
    }

    fn lift(&self, name: &Path, mask: &Mask, frame: &Frame) -> Result<Lifted, Error> {
        let file = self.folder.join(name.with_extension("png").file_name().unwrap_or_default());
        let depth = self.camera.read(&file, frame.size)?;
        self.camera.lift(mask, &depth, self.out.is_some().then_some(&self.rgb[..]))
    }

    /// Writes the points of all frames.
    ///
    /// # Errors
    /// When there are none, or the file cannot be written.
    pub fn finish(self) -> Result<(), Error> {
        let (Some(path), Some(poses)) = (self.out, self.poses) else { return Ok(()) };
        let points = poses.map.points();
        if points.is_empty() {
            let reason = "no two frames saw the same place of it: `--json` says of each frame what it lacks";
            return Err(LiftError::Nothing { place: "the world".into(), reason }.into());
        }
        write_ply(&path, &points, "the world frame of the poses")
    }
}
