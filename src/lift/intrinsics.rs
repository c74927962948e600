use crate::error::LiftError;
use crate::geometry::Intrinsics;

/// Longest focal length, and farthest principal point, in pixels.
const FARTHEST: f32 = 1e6;

/// Whether these can be the intrinsics of a camera.
///
/// # Errors
/// [`LiftError::Intrinsics`]: a number that is none, a focal length that is not positive, anything absurdly large.
pub fn check_intrinsics(lens: &Intrinsics) -> Result<(), LiftError> {
    let Intrinsics { fx, fy, cx, cy } = *lens;
    let refused = |reason| Err(LiftError::Intrinsics { fx, fy, cx, cy, reason });
    if ![fx, fy, cx, cy].iter().all(|value| value.is_finite()) {
        return refused("not all of them are finite numbers");
    }
    if fx < 1.0 || fy < 1.0 {
        return refused("the focal lengths are less than one pixel");
    }
    if [fx, fy, cx, cy].iter().any(|value| value.abs() > FARTHEST) {
        return refused("they are of no camera");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_camera_is_refused_by_its_fault() {
        let check = |fx, fy, cx, cy| {
            check_intrinsics(&Intrinsics { fx, fy, cx, cy }).map_or_else(|e| e.to_string(), |()| "fine".into())
        };
        assert_eq!(check(525.0, 525.0, 320.0, 240.0), "fine");
        for (found, says) in [
            (check(f32::NAN, 525.0, 320.0, 240.0), "finite"),
            (check(525.0, 525.0, f32::INFINITY, 240.0), "finite"),
            (check(0.0, 525.0, 320.0, 240.0), "less than one pixel"),
            (check(525.0, -525.0, 320.0, 240.0), "less than one pixel"),
            (check(525.0, 525.0, 1e9, 240.0), "no camera"),
        ] {
            assert!(found.contains(says) && found.contains("FX,FY,CX,CY"), "{found}");
        }
    }
}
