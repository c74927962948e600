//! Prompts as someone writes them: one rule for numbers on the command line, in scripts and on pages.

use thiserror::Error;

use crate::geometry::{BoundingBox, Label, Point};

/// A coordinate further from the frame than this is on none.
const FAR: f64 = 65_536.0;

/// Why a number of a written prompt is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum WrittenError {
    /// It is not finite, or on no frame.
    #[error("has the coordinate {0:?}: give pixels of the frame")]
    Coordinate(f64),
    /// It is neither 1 nor 0.
    #[error("has the label {0}: give 1 for a point on the object or 0 for one beside it")]
    Label(f64),
    /// The corners are not in their order.
    #[error("must be [x0, y0, x1, y1] with x0 < x1 and y0 < y1")]
    Corners,
}

/// A point, which may lie beside the frame; [`check_prompt`](super::check_prompt) refuses it there.
///
/// # Errors
/// [`WrittenError::Coordinate`].
pub fn written_point(x: f64, y: f64) -> Result<Point, WrittenError> {
    Ok(Point::new(coordinate(x)?, coordinate(y)?))
}

/// The label that 1 or 0 means, however the number is written: `1` and `1.0` are one.
///
/// # Errors
/// [`WrittenError::Label`] for every other number.
pub fn written_label(value: f64) -> Result<Label, WrittenError> {
    match value {
        1.0 => Ok(Label::Foreground),
        0.0 => Ok(Label::Background),
        _ => Err(WrittenError::Label(value)),
    }
}

/// A box by its left, top, right and bottom edge. It may reach past the frame: [`clip_box`](super::clip_box) cuts it off there.
///
/// # Errors
/// [`WrittenError::Coordinate`], and [`WrittenError::Corners`] if it is empty or its corners are exchanged.
pub fn written_box([x0, y0, x1, y1]: [f64; 4]) -> Result<BoundingBox, WrittenError> {
    let (first, last) = (written_point(x0, y0)?, written_point(x1, y1)?);
    if first.x < last.x && first.y < last.y {
        Ok(BoundingBox::new(first.x, first.y, last.x, last.y))
    } else {
        Err(WrittenError::Corners)
    }
}

/// The whole number that an object is named by, however it is written: `7` and `7.0` are one. `None` for any other number.
pub fn written_id(value: f64) -> Option<u32> {
    let whole = (0.0..=f64::from(u32::MAX)).contains(&value) && value.fract() == 0.0;
    whole.then_some(value as u32)
}

fn coordinate(value: f64) -> Result<f32, WrittenError> {
    if value.abs() <= FAR { Ok(value as f32) } else { Err(WrittenError::Coordinate(value)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_mean_the_same_however_they_are_written() {
        for (text, label) in [
            ("1", Label::Foreground),
            ("1.0", Label::Foreground),
            ("0", Label::Background),
            ("-0.0", Label::Background),
        ] {
            assert_eq!(written_label(text.parse().unwrap()), Ok(label), "{text}");
        }
        for wrong in [2.0, 0.5, -1.0, f64::NAN] {
            assert!(written_label(wrong).unwrap_err().to_string().contains("1 for a point"), "{wrong}");
        }
        assert_eq!([7.0, 0.0, 4294967295.0].map(written_id), [Some(7), Some(0), Some(u32::MAX)]);
        assert_eq!([-1.0, 0.5, 4294967296.0, f64::NAN, f64::INFINITY].map(written_id), [None; 5]);
    }

    #[test]
    fn a_box_may_reach_past_the_frame_and_is_never_empty() {
        let past = written_box([-3.5, 20.0, 1e4, 100.0]);
        assert_eq!(past, Ok(BoundingBox::new(-3.5, 20.0, 1e4, 100.0)));
        for wrong in [[5.0, 0.0, 1.0, 9.0], [1.0, 1.0, 1.0, 9.0], [0.0, 9.0, 5.0, 1.0]] {
            assert_eq!(written_box(wrong), Err(WrittenError::Corners));
        }
        for wrong in [f64::NAN, f64::INFINITY, -1e300, 65_537.0] {
            assert!(matches!(written_box([0.0, 0.0, wrong, 9.0]), Err(WrittenError::Coordinate(_))), "{wrong}");
            assert!(matches!(written_point(wrong, 1.0), Err(WrittenError::Coordinate(_))), "{wrong}");
        }
    }
}
