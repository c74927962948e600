use std::fmt::Write;
use std::path::Path;

use super::SurfacePoint;
use crate::error::{Error, IoError};
use crate::output::write_whole;

/// Writes a point cloud as binary little-endian PLY (Turk 1994): `x y z` in metres, `nx ny nz`, `red green blue`, and `sigma`, the
/// standard deviation of the depth in metres. `frame` says in a comment which frame it is in. Whole or not at all.
///
/// # Errors
/// [`IoError`] for a place that cannot be written.
pub fn write_ply(path: &Path, points: &[SurfacePoint], frame: &str) -> Result<(), Error> {
    Ok(write_whole(path, &ply(points, frame)).map_err(IoError::when("write", path))?)
}

fn ply(points: &[SurfacePoint], frame: &str) -> Vec<u8> {
    let mut header = String::from("ply\nformat binary_little_endian 1.0\n");
    // A comment is one line.
    let frame: String = frame.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let _ = writeln!(header, "comment foveate: metres, {frame}\nelement vertex {}", points.len());
    for name in ["x", "y", "z", "nx", "ny", "nz"] {
        let _ = writeln!(header, "property float {name}");
    }
    header
        .push_str("property uchar red\nproperty uchar green\nproperty uchar blue\nproperty float sigma\nend_header\n");
    let mut bytes = header.into_bytes();
    bytes.reserve(points.len() * 31);
    for point in points {
        for value in point.position.to_array().into_iter().chain(point.normal.to_array()) {
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend(point.color);
        bytes.extend(point.sigma.to_le_bytes());
    }
    bytes
}
