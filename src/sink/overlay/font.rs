use super::canvas::{Canvas, Rgb};

/// Dots from one glyph to the next, from the top of a digit to the baseline, and in a glyph with its descender.
const ADVANCE: usize = 6;
pub const CAP_HEIGHT: usize = 7;
const GLYPH_WIDTH: usize = 5;
const GLYPH_HEIGHT: usize = 9;

/// A glyph: rows from the top, the leftmost dot in bit 4; the last two rows lie below the baseline.
type Glyph = [u8; GLYPH_HEIGHT];

/// What a label needs: digits, small letters and a few signs, sorted by character.
#[rustfmt::skip]
const GLYPHS: [(char, Glyph); 44] = [
    (' ', [0b00000, 0b00000, 0b00000, 0b00000, 0b00000, 0b00000, 0b00000, 0b00000, 0b00000]),
    ('%', [0b11001, 0b11001, 0b00010, 0b00100, 0b01000, 0b10011, 0b10011, 0b00000, 0b00000]),
    (',', [0b00000, 0b00000, 0b00000, 0b00000, 0b00000, 0b01100, 0b01100, 0b00100, 0b01000]),
    ('-', [0b00000, 0b00000, 0b00000, 0b01110, 0b00000, 0b00000, 0b00000, 0b00000, 0b00000]),
    ('.', [0b00000, 0b00000, 0b00000, 0b00000, 0b00000, 0b01100, 0b01100, 0b00000, 0b00000]),
    ('/', [0b00001, 0b00010, 0b00010, 0b00100, 0b01000, 0b01000, 0b10000, 0b00000, 0b00000]),
    ('0', [0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110, 0b00000, 0b00000]),
    ('1', [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110, 0b00000, 0b00000]),
    ('2', [0b01110, 0b10001, 0b00001, 0b00010, 0b00100, 0b01000, 0b11111, 0b00000, 0b00000]),
    ('3', [0b01110, 0b10001, 0b00001, 0b00110, 0b00001, 0b10001, 0b01110, 0b00000, 0b00000]),
    ('4', [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010, 0b00000, 0b00000]),
    ('5', [0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110, 0b00000, 0b00000]),
    ('6', [0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110, 0b00000, 0b00000]),
    ('7', [0b11111, 0b00001, 0b00010, 0b00100, 0b00100, 0b00100, 0b00100, 0b00000, 0b00000]),
    ('8', [0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110, 0b00000, 0b00000]),
    ('9', [0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100, 0b00000, 0b00000]),
    (':', [0b00000, 0b01100, 0b01100, 0b00000, 0b00000, 0b01100, 0b01100, 0b00000, 0b00000]),
    ('?', [0b01110, 0b10001, 0b00001, 0b00010, 0b00100, 0b00000, 0b00100, 0b00000, 0b00000]),
    ('a', [0b00000, 0b00000, 0b01110, 0b00001, 0b01111, 0b10001, 0b01111, 0b00000, 0b00000]),
    ('b', [0b10000, 0b10000, 0b11110, 0b10001, 0b10001, 0b10001, 0b11110, 0b00000, 0b00000]),
    ('c', [0b00000, 0b00000, 0b01111, 0b10000, 0b10000, 0b10000, 0b01111, 0b00000, 0b00000]),
    ('d', [0b00001, 0b00001, 0b01111, 0b10001, 0b10001, 0b10001, 0b01111, 0b00000, 0b00000]),
    ('e', [0b00000, 0b00000, 0b01110, 0b10001, 0b11111, 0b10000, 0b01110, 0b00000, 0b00000]),
    ('f', [0b00110, 0b01000, 0b11110, 0b01000, 0b01000, 0b01000, 0b01000, 0b00000, 0b00000]),
    ('g', [0b00000, 0b00000, 0b01111, 0b10001, 0b10001, 0b10001, 0b01111, 0b00001, 0b01110]),
    ('h', [0b10000, 0b10000, 0b11110, 0b10001, 0b10001, 0b10001, 0b10001, 0b00000, 0b00000]),
    ('i', [0b00100, 0b00000, 0b01100, 0b00100, 0b00100, 0b00100, 0b01110, 0b00000, 0b00000]),
    ('j', [0b00010, 0b00000, 0b00110, 0b00010, 0b00010, 0b00010, 0b00010, 0b00010, 0b01100]),
    ('k', [0b10000, 0b10000, 0b10010, 0b10100, 0b11000, 0b10100, 0b10010, 0b00000, 0b00000]),
    ('l', [0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110, 0b00000, 0b00000]),
    ('m', [0b00000, 0b00000, 0b11010, 0b10101, 0b10101, 0b10101, 0b10101, 0b00000, 0b00000]),
    ('n', [0b00000, 0b00000, 0b11110, 0b10001, 0b10001, 0b10001, 0b10001, 0b00000, 0b00000]),
    ('o', [0b00000, 0b00000, 0b01110, 0b10001, 0b10001, 0b10001, 0b01110, 0b00000, 0b00000]),
    ('p', [0b00000, 0b00000, 0b11110, 0b10001, 0b10001, 0b10001, 0b11110, 0b10000, 0b10000]),
    ('q', [0b00000, 0b00000, 0b01111, 0b10001, 0b10001, 0b10001, 0b01111, 0b00001, 0b00001]),
    ('r', [0b00000, 0b00000, 0b10110, 0b11001, 0b10000, 0b10000, 0b10000, 0b00000, 0b00000]),
    ('s', [0b00000, 0b00000, 0b01111, 0b10000, 0b01110, 0b00001, 0b11110, 0b00000, 0b00000]),
    ('t', [0b01000, 0b01000, 0b11110, 0b01000, 0b01000, 0b01000, 0b00110, 0b00000, 0b00000]),
    ('u', [0b00000, 0b00000, 0b10001, 0b10001, 0b10001, 0b10001, 0b01111, 0b00000, 0b00000]),
    ('v', [0b00000, 0b00000, 0b10001, 0b10001, 0b10001, 0b01010, 0b00100, 0b00000, 0b00000]),
    ('w', [0b00000, 0b00000, 0b10101, 0b10101, 0b10101, 0b10101, 0b01010, 0b00000, 0b00000]),
    ('x', [0b00000, 0b00000, 0b10001, 0b01010, 0b00100, 0b01010, 0b10001, 0b00000, 0b00000]),
    ('y', [0b00000, 0b00000, 0b10001, 0b10001, 0b10001, 0b10001, 0b01111, 0b00001, 0b01110]),
    ('z', [0b00000, 0b00000, 0b11111, 0b00010, 0b00100, 0b01000, 0b11111, 0b00000, 0b00000]),
];

/// Stands for a character without a glyph.
const MISSING: Glyph = [0b11111, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b11111, 0b00000, 0b00000];

fn glyph(c: char) -> &'static Glyph {
    GLYPHS.binary_search_by_key(&c, |(name, _)| *name).map_or(&MISSING, |at| &GLYPHS[at].1)
}

/// Width of a line of text in pixels, `dot` pixels a dot.
pub fn text_width(text: &str, dot: usize) -> usize {
    (text.chars().count() * ADVANCE).saturating_sub(ADVANCE - GLYPH_WIDTH) * dot
}

/// Draws a line of text with the top left of its first digit at (`x`, `y`).
///
/// Glyphs are enlarged by interpolating between dots and cutting at one half, which rounds diagonals and keeps straight
/// strokes sharp.
pub fn draw(canvas: &mut Canvas, text: &str, x: i32, y: i32, dot: usize, color: Rgb) {
    let scale = dot as f32;
    for (i, c) in text.chars().enumerate() {
        let glyph = glyph(c);
        let left = x + (i * ADVANCE * dot) as i32;
        // A margin of one dot holds the rounded outside of the strokes.
        for py in -(dot as i32)..((GLYPH_HEIGHT + 1) * dot) as i32 {
            for px in -(dot as i32)..((GLYPH_WIDTH + 1) * dot) as i32 {
                let (u, v) = ((px as f32 + 0.5) / scale - 0.5, (py as f32 + 0.5) / scale - 0.5);
                let coverage = (interpolate(glyph, u, v) - 0.5) * scale + 0.5;
                if coverage > 0.0 {
                    canvas.cover(left + px, y + py, color, coverage);
                }
            }
        }
    }
}

/// The dots around column `u`, row `v` (dot centres at whole numbers), bilinear.
fn interpolate(glyph: &Glyph, u: f32, v: f32) -> f32 {
    let (column, row) = (u.floor(), v.floor());
    let (fu, fv) = (u - column, v - row);
    let (column, row) = (column as i32, row as i32);
    let top = lit(glyph, column, row) * (1.0 - fu) + lit(glyph, column + 1, row) * fu;
    let bottom = lit(glyph, column, row + 1) * (1.0 - fu) + lit(glyph, column + 1, row + 1) * fu;
    top * (1.0 - fv) + bottom * fv
}

fn lit(glyph: &Glyph, column: i32, row: i32) -> f32 {
    let inside = (0..GLYPH_WIDTH as i32).contains(&column) && (0..GLYPH_HEIGHT as i32).contains(&row);
    (inside && glyph[row as usize] >> (GLYPH_WIDTH as i32 - 1 - column) & 1 == 1) as u8 as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glyphs_are_sorted_for_the_search() {
        assert!(GLYPHS.is_sorted_by_key(|(name, _)| *name));
    }

    #[test]
    fn every_character_of_a_label_has_a_glyph() {
        assert!("0123456789. -lostm".chars().all(|c| glyph(c) != &MISSING));
        assert_eq!(glyph('\u{1F600}'), &MISSING);
    }

    #[test]
    fn widths_count_dots() {
        assert_eq!((text_width("", 2), text_width("1", 2), text_width("12", 2)), (0, 10, 22));
    }
}
