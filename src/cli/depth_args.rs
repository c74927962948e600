//! `--depth`, `--intrinsics` and `--depth-scale`: depth that goes with the pictures.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{ConfigError, Error};
use crate::frame::{self, Frame};
use crate::geometry::{Intrinsics, Size};
use crate::lift::{
    DEFAULT_DEPTH_SCALE, DepthMap, LiftConfig, Lifted, Measures, Texture, check_intrinsics, lift, mesh, texture,
    write_glb, write_ply,
};
use crate::mask::Mask;

/// Depth, and the camera that took it.
#[derive(Debug, Clone, clap::Args)]
pub struct DepthArgs {
    /// Depth that is registered to the picture, a grey PNG of 16 bits; for several frames the folder of them, by the frames' names.
    /// With it, masks are measured in metres (docs/lift.md)
    #[arg(long, value_name = "PNG|DIR", requires = "intrinsics", help_heading = "Depth")]
    pub depth: Option<PathBuf>,
    /// Focal lengths and principal point in pixels, where the centre of the first pixel is 0.5,0.5: add 0.5 to CX and CY of OpenCV,
    /// ROS or TUM
    #[arg(
        long,
        value_name = "FX,FY,CX,CY",
        value_parser = parse_intrinsics,
        allow_hyphen_values = true,
        requires = "depth",
        help_heading = "Depth"
    )]
    pub intrinsics: Option<Intrinsics>,
    /// Metres a unit of the depth image [default: 0.001]
    #[arg(long, value_name = "METRES", value_parser = parse_scale, requires = "depth", help_heading = "Depth")]
    pub depth_scale: Option<f32>,
}

impl DepthArgs {
    /// What they say about the camera; `None` without depth.
    pub fn camera(&self) -> Option<(&Path, DepthCamera)> {
        let (depth, lens) = (self.depth.as_deref()?, self.intrinsics?);
        Some((depth, DepthCamera { lens, scale: self.depth_scale.unwrap_or(DEFAULT_DEPTH_SCALE) }))
    }
}

/// A camera with depth.
#[derive(Clone, Copy, Debug)]
pub struct DepthCamera {
    lens: Intrinsics,
    scale: f32,
}

impl DepthCamera {
    /// Reads the depth image of a picture of `size`.
    pub fn read(&self, path: &Path, size: Size) -> Result<DepthMap, Error> {
        let depth = DepthMap::read(path, self.scale)?;
        depth.check_size(size, &path.display().to_string())?;
        Ok(depth)
    }

    /// Brings a mask into space.
    pub fn lift(&self, mask: &Mask, depth: &DepthMap, rgb: Option<&[u8]>) -> Result<Lifted, Error> {
        lift(mask, depth, &self.lens, rgb, &LiftConfig::default())
    }

    /// Writes an object's points, or, if the file is to be a GLB, its surface with the picture on it.
    pub fn write(&self, path: &Path, lifted: &Lifted, photo: &Frame) -> Result<(), Error> {
        if !is_glb(path) {
            return write_ply(path, &lifted.points, "camera frame: x right, y down, z forward");
        }
        let mut rgb = Vec::new();
        frame::to_rgb(photo, &mut rgb)?;
        let surface = mesh(&lifted.points, photo.size, &self.lens, &LiftConfig::default().noise);
        if surface.triangles.is_empty() {
            let reason = "its points are too far apart for a surface: write them as a .ply".to_owned();
            return Err(ConfigError::Invalid { origin: format!("--lift {}", path.display()), reason }.into());
        }
        let bytes = texture(&rgb, photo.size, surface.region)?;
        write_glb(path, &surface, Texture { bytes: &bytes, mime: "image/jpeg" })
    }
}

/// The fields of a lifted mask in JSON; none without depth.
#[derive(Default, Serialize)]
pub struct LiftFields {
    /// `null` where it could not be lifted.
    #[serde(skip_serializing_if = "Option::is_none")]
    lift: Option<Option<Measures>>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    lift_refused: Option<String>,
}

impl LiftFields {
    pub fn of<E: std::fmt::Display>(lifted: Result<&Lifted, E>) -> Self {
        match lifted {
            Ok(lifted) => LiftFields { lift: Some(Some(lifted.measures.clone())), lift_refused: None },
            Err(reason) => LiftFields { lift: Some(None), lift_refused: Some(reason.to_string()) },
        }
    }

    /// A line for a user to read; empty without depth.
    pub fn text(&self) -> String {
        if let Some(reason) = &self.lift_refused {
            return format!("        not lifted: {reason}\n");
        }
        let Some(Some(found)) = &self.lift else { return String::new() };
        let (at, size, grasp) = (found.centroid, found.bbox.size, &found.grasp);
        format!(
            "        at {:.3} {:.3} {:.3} m, {:.0} x {:.0} x {:.0} mm, grasp {:.0} mm (+- {:.0}){}, {} points\n",
            at.x,
            at.y,
            at.z,
            size.x * 1e3,
            size.y * 1e3,
            size.z * 1e3,
            grasp.width * 1e3,
            grasp.width_sigma * 1e3,
            if grasp.is_hidden { " at least" } else { "" },
            found.points,
        )
    }
}

fn is_glb(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("glb"))
}

fn is_ply(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("ply"))
}

/// A file of points or of a surface.
pub fn parse_lift(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let known = is_ply(&path) || is_glb(&path);
    known.then_some(path).ok_or_else(|| format!("`{text}` is neither points nor a surface: name it .ply or .glb"))
}

/// A file of points.
pub fn parse_points(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    is_ply(&path).then_some(path).ok_or_else(|| format!("`{text}` is no file of points: name it .ply"))
}

fn parse_intrinsics(text: &str) -> Result<Intrinsics, String> {
    let numbers: Option<Vec<f32>> = text.split(',').map(|field| field.trim().parse().ok()).collect();
    let Some([fx, fy, cx, cy]) = numbers.and_then(|numbers| <[f32; 4]>::try_from(numbers).ok()) else {
        return Err(format!("`{text}` are no intrinsics: give FX,FY,CX,CY in pixels, as in 525,525,320,240"));
    };
    let lens = Intrinsics { fx, fy, cx, cy };
    check_intrinsics(&lens).map_err(|refused| refused.to_string())?;
    Ok(lens)
}

fn parse_scale(text: &str) -> Result<f32, String> {
    let scale = text.parse().ok().filter(|scale| *scale > 0.0 && *scale <= 1.0);
    scale.ok_or_else(|| {
        format!("`{text}` is no depth scale: give metres a unit, above 0 and at most 1, as 0.001 for millimetres")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intrinsics_scales_and_names_say_their_form() {
        assert_eq!(
            parse_intrinsics("525, 526,320,240.5"),
            Ok(Intrinsics { fx: 525.0, fy: 526.0, cx: 320.0, cy: 240.5 })
        );
        for text in ["", "1,2,3", "1,2,3,4,5", "nan,525,320,240", "0,525,320,240", "a,b,c,d", "525,inf,320,240"] {
            let message = parse_intrinsics(text).unwrap_err();
            assert!(message.contains("FX,FY,CX,CY"), "{message}");
        }
        assert_eq!(parse_scale("0.0002"), Ok(0.0002));
        for text in ["0", "-0.001", "nan", "1000", ""] {
            assert!(parse_scale(text).unwrap_err().contains("metres a unit"), "{text}");
        }
        assert!(parse_lift("a.PLY").is_ok() && parse_lift("b.glb").is_ok() && parse_points("a.ply").is_ok());
        assert!(parse_lift("a.obj").unwrap_err().contains(".glb") && parse_points("a.glb").is_err());
    }
}
