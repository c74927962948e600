//! What Neon's recordings and its real-time API have in common.

use crate::geometry::{Intrinsics, Size};

/// The scene camera's frame, which gaze is given in.
pub const SCENE: Size = Size::new(1600, 1200);

/// Where the scene camera's matrix lies in a calibration file: behind a version byte and six bytes of serial number.
const MATRIX_AT: usize = 7;
/// Version, serial number, three cameras with matrix, distortion and pose, and a checksum.
const CALIBRATION_BYTES: usize = 803;

/// The scene camera in Neon's `calibration.bin` (little-endian), without its lens distortion.
///
/// # Errors
/// Why the bytes are no calibration.
pub fn scene_camera(bytes: &[u8]) -> Result<Intrinsics, String> {
    let Some(version) = bytes.first().filter(|_| bytes.len() == CALIBRATION_BYTES) else {
        return Err(format!("{} bytes are no calibration, which has {CALIBRATION_BYTES}", bytes.len()));
    };
    if *version != 1 {
        return Err(format!("calibration of version {version}: only version 1 is known"));
    }
    let (content, checksum) = bytes.split_at(CALIBRATION_BYTES - 4);
    if crc32fast::hash(content).to_le_bytes() != checksum {
        return Err("calibration whose checksum does not match its content".into());
    }
    let (numbers, _) = bytes.get(MATRIX_AT..MATRIX_AT + 9 * 8).unwrap_or_default().as_chunks::<8>();
    let mut matrix = [0.0; 9];
    matrix.iter_mut().zip(numbers).for_each(|(to, from)| *to = f64::from_le_bytes(*from) as f32);
    let [fx, _, cx, _, fy, cy, ..] = matrix;
    checked(Intrinsics { fx, fy, cx, cy }, SCENE)
}

/// Refuses a camera that cannot have taken frames of `size`.
///
/// # Errors
/// What is wrong with it.
pub fn checked(camera: Intrinsics, size: Size) -> Result<Intrinsics, String> {
    let Intrinsics { fx, fy, cx, cy } = camera;
    let [width, height] = [size.width as f32, size.height as f32];
    // From a fish eye of 170 degrees to a field of view of 3 degrees, and a principal point on the frame.
    let focal = |f: f32, side: f32| f > side * 0.04 && f < side * 20.0;
    if focal(fx, width) && focal(fy, height) && (0.0..=width).contains(&cx) && (0.0..=height).contains(&cy) {
        Ok(camera)
    } else {
        Err(format!("a camera with focal lengths {fx}, {fy} and principal point {cx}, {cy} in {width}x{height} pixels"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration(fx: f64) -> Vec<u8> {
        let mut bytes = vec![1];
        bytes.extend(b"123456");
        for value in [fx, 0.0, 805.0, 0.0, 889.0, 618.0, 0.0, 0.0, 1.0] {
            bytes.extend(value.to_le_bytes());
        }
        bytes.resize(CALIBRATION_BYTES - 4, 0);
        let checksum = crc32fast::hash(&bytes);
        bytes.extend(checksum.to_le_bytes());
        bytes
    }

    #[test]
    fn the_scene_camera_is_the_first_matrix() {
        let found = scene_camera(&calibration(888.0)).unwrap();
        assert_eq!(found, Intrinsics { fx: 888.0, fy: 889.0, cx: 805.0, cy: 618.0 });
    }

    #[test]
    fn what_is_no_calibration_is_refused() {
        let mut newer = calibration(888.0);
        newer[0] = 9;
        let mut flipped = calibration(888.0);
        flipped[9] ^= 1;
        for wrong in
            [Vec::new(), vec![1; 802], newer, flipped, calibration(f64::NAN), calibration(0.0), calibration(1e30)]
        {
            assert!(scene_camera(&wrong).is_err());
        }
    }
}
