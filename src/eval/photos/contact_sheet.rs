//! Contact sheets: up to twenty thumbnails of answers to one click, captioned, in a grid of five columns.

mod shortlist;
mod thumbnail;

use crate::geometry::Size;
use crate::sink::overlay::canvas::{Canvas, Rgb};
use crate::sink::overlay::font;

use shortlist::PLACES;
pub use shortlist::Shortlist;
use thumbnail::SIDE;
pub use thumbnail::Thumbnail;

const COLUMNS: usize = 5;

/// Pixels between cells and around all of them.
const GAP: u32 = 10;
/// Height of the line of text under a thumbnail.
const CAPTION: u32 = 26;
/// Pixels per dot of the font.
const DOT: usize = 2;
/// Characters of a caption that fit under a thumbnail.
const CAPTION_LENGTH: usize = SIDE as usize / (6 * DOT);
const PAPER: Rgb = [250, 250, 250];
const INK: Rgb = [40, 40, 40];

/// Lays out the first [`PLACES`] thumbnails, row by row. Returns RGB bytes without padding and the sheet's size; `None`
/// without thumbnails.
pub fn sheet<'a>(thumbnails: impl IntoIterator<Item = &'a Thumbnail>) -> Option<(Vec<u8>, Size)> {
    let shown: Vec<&Thumbnail> = thumbnails.into_iter().take(PLACES).collect();
    let cell = Size::new(SIDE, shown.iter().map(|t| t.size.height).max()? + CAPTION);
    let size = sheet_size(shown.len(), cell);
    let mut rgb = PAPER.repeat(size.area());
    let mut canvas = Canvas::new(&mut rgb, size);
    for (index, thumbnail) in shown.iter().enumerate() {
        let (left, top) = place(index, cell);
        // Of unequal heights the lower edges, where the bars are, lie in one line.
        let x = left + (cell.width - thumbnail.size.width.min(cell.width)) / 2;
        let y = top + (cell.height - CAPTION) - thumbnail.size.height;
        paste(&mut canvas, thumbnail, x as usize, y as usize);
        let baseline = (top + cell.height - CAPTION + 5) as i32;
        font::draw(&mut canvas, &caption(thumbnail), x as i32, baseline, DOT, INK);
    }
    Some((rgb, size))
}

fn sheet_size(count: usize, cell: Size) -> Size {
    let columns = count.min(COLUMNS) as u32;
    let rows = count.div_ceil(COLUMNS) as u32;
    Size::new(GAP + columns * (cell.width + GAP), GAP + rows * (cell.height + GAP))
}

/// The top left of the cell of thumbnail `index`.
fn place(index: usize, cell: Size) -> (u32, u32) {
    let (column, row) = ((index % COLUMNS) as u32, (index / COLUMNS) as u32);
    (GAP + column * (cell.width + GAP), GAP + row * (cell.height + GAP))
}

fn paste(canvas: &mut Canvas, thumbnail: &Thumbnail, x: usize, y: usize) {
    let width = thumbnail.size.width as usize;
    for (row, pixels) in thumbnail.rgb.chunks_exact(width * 3).enumerate() {
        for (to, from) in canvas.run_mut(x, x + width, y + row).iter_mut().zip(pixels) {
            *to = *from;
        }
    }
}

/// IoU and name, in the characters that the font has.
fn caption(thumbnail: &Thumbnail) -> String {
    let name = thumbnail.name.to_lowercase().replace(['_', ' '], "-");
    format!("{:.3} {name}", thumbnail.iou).chars().take(CAPTION_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thumbnail(width: u32, height: u32, shade: u8) -> Thumbnail {
        let size = Size::new(width, height);
        Thumbnail { size, rgb: vec![shade; size.area() * 3], iou: 0.5, name: "some_Name with-a-very-long-tail".into() }
    }

    #[test]
    fn twenty_stand_in_five_columns_and_four_rows() {
        let cell = Size::new(SIDE, 180 + CAPTION);
        assert_eq!(sheet_size(20, cell), Size::new(5 * (240 + GAP) + GAP, 4 * (180 + CAPTION + GAP) + GAP));
        let places: Vec<_> = (0..PLACES).map(|i| place(i, cell)).collect();
        let whole = sheet_size(PLACES, cell);
        for (i, (x, y)) in places.iter().enumerate() {
            assert!(x + cell.width + GAP <= whole.width && y + cell.height + GAP <= whole.height);
            let apart = |(u, v): &(u32, u32)| x.abs_diff(*u) >= cell.width + GAP || y.abs_diff(*v) >= cell.height + GAP;
            assert!(places[..i].iter().all(apart), "{places:?}");
        }
    }

    #[test]
    fn thumbnails_are_centred_over_their_captions() {
        let shown = [thumbnail(240, 160, 0), thumbnail(100, 240, 90)];
        let (rgb, size) = sheet(&shown).unwrap();
        assert_eq!(size, Size::new(2 * (240 + GAP) + GAP, 240 + CAPTION + 2 * GAP));
        assert_eq!(rgb.len(), size.area() * 3);
        let at = |x: u32, y: u32| rgb[((y * size.width + x) * 3) as usize];
        let (left, bottom) = (GAP, GAP + 240);
        assert_eq!((at(left, bottom - 161), at(left, bottom - 160), at(left + 239, bottom - 1)), (250, 0, 0));
        let left = 2 * GAP + 240 + 70;
        assert_eq!((at(left - 1, GAP), at(left, GAP), at(left + 99, bottom - 1)), (250, 90, 90));
        assert!((left..left + 100).any(|x| (bottom..size.height).any(|y| at(x, y) < 90)), "no caption");
    }

    #[test]
    fn captions_fit_and_are_spelled_with_glyphs() {
        let text = caption(&thumbnail(1, 1, 0));
        assert!(text.starts_with("0.500 some-name-with") && font::text_width(&text, DOT) <= SIDE as usize, "{text}");
    }

    #[test]
    fn no_more_than_twenty_and_none_without_any() {
        let many: Vec<_> = (0..23).map(|i| thumbnail(9, 9, i)).collect();
        assert_eq!(sheet(&many).unwrap().1, sheet_size(20, Size::new(SIDE, 9 + CAPTION)));
        assert!(sheet(&[]).is_none());
    }
}
