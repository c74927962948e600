use std::path::Path;

use glam::{Quat, Vec3};

use super::surface::SurfacePoint;
use crate::error::{Error, IoError, LiftError};

/// By how much the square of a rotation's quaternion may be off 1: files round to three or four digits.
const ROUNDING: f32 = 0.01;
/// Longest file of poses that is read, in bytes: a million of them.
const LONGEST: u64 = 128 << 20;

/// Where a camera was: from its frame (x right, y down, z forward) to the world's, in metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    /// Seconds, if stated.
    pub time_s: Option<f64>,
    /// Turns the camera's axes into the world's.
    pub rotation: Quat,
    /// The camera's centre in the world.
    pub translation: Vec3,
}

impl Default for Pose {
    /// The camera's frame is the world's.
    fn default() -> Self {
        Pose { time_s: None, rotation: Quat::IDENTITY, translation: Vec3::ZERO }
    }
}

impl Pose {
    /// A point of the camera frame in the world.
    pub fn to_world(&self, point: Vec3) -> Vec3 {
        self.rotation * point + self.translation
    }

    /// A point of the world in the camera frame.
    pub fn to_camera(&self, point: Vec3) -> Vec3 {
        self.rotation.inverse() * (point - self.translation)
    }

    /// A point with its normal in the world.
    pub fn place(&self, point: &SurfacePoint) -> SurfacePoint {
        let (position, normal) = (self.to_world(point.position), self.rotation * point.normal);
        SurfacePoint { position, normal, ..*point }
    }

    /// Reads TUM's form: `timestamp tx ty tz qx qy qz qw`, or the same without the timestamp.
    fn parse(line: &str) -> Result<Pose, String> {
        let numbers: Option<Vec<f64>> =
            line.split([' ', '\t', ',']).filter(|f| !f.is_empty()).map(|f| f.parse().ok()).collect();
        let numbers = numbers.unwrap_or_default();
        let (time_s, rest) = match numbers.as_slice() {
            [time, rest @ ..] if rest.len() == 7 => (Some(*time), rest),
            rest => (None, rest),
        };
        let &[tx, ty, tz, qx, qy, qz, qw] = rest else {
            return Err(
                "it is no pose: give `timestamp tx ty tz qx qy qz qw`, or the seven numbers without the timestamp"
                    .into(),
            );
        };
        let numbers = [tx, ty, tz, qx, qy, qz, qw].map(|number| number as f32);
        let [tx, ty, tz, qx, qy, qz, qw] = numbers;
        if !numbers.iter().all(|number| number.is_finite()) || time_s.is_some_and(|time| !time.is_finite()) {
            return Err(
                "it has numbers that are not finite: leave out frames without a pose, with their pictures".into()
            );
        }
        let rotation = Quat::from_xyzw(qx, qy, qz, qw);
        let square = rotation.length_squared();
        if (square - 1.0).abs() > ROUNDING {
            return Err(format!(
                "{qx} {qy} {qz} {qw} is no rotation, its length is {} and not 1: give the quaternion as x y z w, the real part last",
                square.sqrt()
            ));
        }
        Ok(Pose { time_s, rotation: rotation.normalize(), translation: Vec3::new(tx, ty, tz) })
    }
}

/// Reads a file of poses, a line each, in TUM's form (`timestamp tx ty tz qx qy qz qw`, from camera to world) or without the
/// timestamps. Empty lines and those that begin with `#` are none.
///
/// # Errors
/// A file that cannot be read; [`LiftError::Pose`] for a line that is no pose, or whose quaternion is no rotation.
pub fn read_poses(path: &Path) -> Result<Vec<Pose>, Error> {
    let failed = |error| Error::from(IoError::when("read", path)(error));
    let what = path.display().to_string();
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > LONGEST {
        let reason = format!("the file is {length} bytes long, {LONGEST} are read at most: split it");
        return Err(LiftError::Pose { what, line: 1, reason }.into());
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    Ok(parse_poses(&String::from_utf8_lossy(&bytes), &what)?)
}

/// The poses of a file's text; `what` names it in errors.
pub(crate) fn parse_poses(text: &str, what: &str) -> Result<Vec<Pose>, LiftError> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let poses = lines
        .map(|(line, text)| Pose::parse(text).map_err(|reason| LiftError::Pose { what: what.into(), line, reason }));
    poses.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_poses_with_or_without_times() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("poses.txt");
        let text = "# timestamp tx ty tz qx qy qz qw\n\n1305031102.1753 1.0 2.0 3.0 0 0 0.7071 0.7071\n0 0 0 0 0 0 1\n";
        std::fs::write(&path, text).unwrap();
        let poses = read_poses(&path).unwrap();
        assert_eq!(poses.len(), 2);
        assert_eq!((poses[0].time_s, poses[1].time_s), (Some(1_305_031_102.175_3), None));
        assert_eq!(poses[1], Pose::default());
        // A quarter turn about z.
        assert!(poses[0].to_world(Vec3::X).distance(Vec3::new(1.0, 3.0, 3.0)) < 1e-5);
        assert!(
            poses[0].to_camera(poses[0].to_world(Vec3::new(0.3, -2.0, 5.0))).distance(Vec3::new(0.3, -2.0, 5.0)) < 1e-5
        );
    }

    #[test]
    fn what_is_no_rotation_is_named_by_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("poses.txt");
        for (line, says) in [
            ("1 2 3 4", "timestamp tx ty tz"),
            ("1 0 0 0 0.5 0 0 0.5", "no rotation"),
            ("1 0 0 0 0 0 0 0", "no rotation"),
            ("1 0 0 nan 0 0 0 1", "not finite"),
            ("1 0 0 x 0 0 0 1", "timestamp tx ty tz"),
        ] {
            std::fs::write(&path, format!("0 0 0 0 0 0 0 1\n{line}\n")).unwrap();
            let message = read_poses(&path).unwrap_err().to_string();
            assert!(message.contains("line 2") && message.contains(says), "{message}");
        }
        assert!(read_poses(&dir.path().join("none")).unwrap_err().to_string().contains("Check the path"));
    }
}
