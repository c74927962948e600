//! What looks like a thing, and what like a floor, a wall or a shadow.

use crate::geometry::Letterbox;
use crate::mask::{LowResLogits, probability};

/// The answer's expected overlap with what is meant, weighed with the model's ratings, is at least this.
const LEAST_CLARITY: f32 = 0.15;
/// Its outline is at most so wide, in cells of the logits: fur and leaves have wide ones.
const MOST_BLUR: f32 = 2.0;
/// It is cut off by at most so many sides of the frame.
const MOST_SIDES: usize = 1;

/// Whether it is clear that `logits` are of a thing. A surface that goes on behind things runs off the frame on several
/// sides, and where it ends the model can hardly say.
pub(super) fn is_clear(clarity: f32, logits: &LowResLogits, letterbox: &Letterbox) -> bool {
    clarity >= LEAST_CLARITY && sides(logits, letterbox) <= MOST_SIDES && blur(logits, letterbox) <= MOST_BLUR
}

/// How many sides of the frame the mask reaches.
fn sides(logits: &LowResLogits, letterbox: &Letterbox) -> usize {
    let content = logits.content(letterbox);
    let Some((columns, rows)) = logits.extent(content) else { return 0 };
    let reached = [
        columns.start == 0,
        rows.start == 0,
        columns.end == content.width as usize,
        rows.end == content.height as usize,
    ];
    reached.into_iter().filter(|reaches| *reaches).count()
}

/// How wide the mask's outline is, in cells: the sum of `p (1 - p)` over the frame for each cell of the outline. For logits that rise
/// by `k` a cell across it that is `1 / k`; whatever else is uncertain adds to it.
fn blur(logits: &LowResLogits, letterbox: &Letterbox) -> f32 {
    let content = logits.content(letterbox);
    let (columns, stride) = (content.width as usize, logits.size.width as usize);
    let row = |y: usize| &logits.data[y * stride..][..columns];
    let (mut uncertain, mut outline) = (0.0f32, 0u32);
    for y in 0..content.height as usize {
        let here = row(y);
        let above = if y > 0 { row(y - 1) } else { here };
        let below = if y + 1 < content.height as usize { row(y + 1) } else { here };
        for x in 0..columns {
            let p = probability(here[x]);
            uncertain += p * (1.0 - p);
            let around = [above[x], below[x], here[x.saturating_sub(1)], here[(x + 1).min(columns - 1)]];
            outline += u32::from(here[x] > 0.0 && around.iter().any(|neighbour| *neighbour <= 0.0));
        }
    }
    uncertain / outline.max(1) as f32
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
    fn blur_is_the_width_of_the_outline() {
        for slope in [1.0, 2.0, 4.0] {
            let blur = blur(&disc(20.0, 10.0, 7.0, slope), &letterbox());
            // An outline along cells has fewer of them than it is long.
            assert!((0.8..1.5).contains(&(blur * slope)), "slope {slope}: {blur}");
        }
    }

    #[test]
    fn things_are_clear_and_surfaces_are_not() {
        let thing = disc(20.0, 10.0, 7.0, 4.0);
        assert!(is_clear(0.5, &thing, &letterbox()));
        assert!(!is_clear(0.1, &thing, &letterbox()), "the model does not believe in it");
        assert!(!is_clear(0.5, &disc(20.0, 10.0, 7.0, 0.3), &letterbox()), "it ends nowhere");
        assert!(is_clear(0.5, &disc(20.0, 0.0, 7.0, 4.0), &letterbox()), "a thing may be cut off");
        let floor = logits(|_, v| 4.0 * (v - 12.0));
        assert_eq!(sides(&floor, &letterbox()), 3, "below is padding, not frame");
        assert!(!is_clear(0.5, &floor, &letterbox()));
        assert_eq!(sides(&logits(|_, _| -1.0), &letterbox()), 0);
    }
}
