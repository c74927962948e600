//! What looks like an object, and what like ground, a wall or a shadow.

use crate::geometry::Letterbox;
use crate::mask::LowResLogits;

/// The answer's expected overlap with what is meant, weighed with the model's ratings, is at least this.
const MIN_CLARITY: f32 = 0.15;
/// Its outline is at most so wide, in cells of the logits: fur and leaves have wide ones.
const MAX_BLUR: f32 = 2.0;
/// It is cut off by at most so many sides of the frame.
const MAX_SIDES: usize = 1;

/// Whether it is clear that `logits` are of an object. A surface that goes on behind objects runs off the frame on several
/// sides, and where it ends the model can hardly say.
pub(super) fn is_clear(clarity: f32, logits: &LowResLogits, letterbox: &Letterbox) -> bool {
    clarity >= MIN_CLARITY
        && logits.sides_reached(letterbox) <= MAX_SIDES
        && logits.outline_width(letterbox) <= MAX_BLUR
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    const GRID: Size = Size::new(40, 40);

    /// Half of the grid is padding.
    fn letterbox() -> Letterbox {
        Letterbox::new(Size::new(80, 40), GRID)
    }

    fn logits(at: impl Fn(f32, f32) -> f32) -> LowResLogits {
        let data = (0..GRID.area()).map(|i| at((i % 40) as f32 + 0.5, (i / 40) as f32 + 0.5)).collect();
        LowResLogits { size: GRID, data }
    }

    /// A disc with an outline that rises by `slope` a cell.
    fn disc(x: f32, y: f32, radius: f32, slope: f32) -> LowResLogits {
        logits(|u, v| slope * (radius - (u - x).hypot(v - y)))
    }

    #[test]
    fn objects_are_clear_and_surfaces_are_not() {
        let object = disc(20.0, 10.0, 7.0, 4.0);
        assert!(is_clear(0.5, &object, &letterbox()));
        assert!(!is_clear(0.1, &object, &letterbox()), "the model does not believe in it");
        assert!(!is_clear(0.5, &disc(20.0, 10.0, 7.0, 0.3), &letterbox()), "it ends nowhere");
        assert!(is_clear(0.5, &disc(20.0, 0.0, 7.0, 4.0), &letterbox()), "an object may be cut off");
        let floor = logits(|_, v| 4.0 * (v - 12.0));
        assert_eq!(floor.sides_reached(&letterbox()), 3, "below is padding, not frame");
        assert!(!is_clear(0.5, &floor, &letterbox()));
        assert_eq!(logits(|_, _| -1.0).sides_reached(&letterbox()), 0);
    }
}
