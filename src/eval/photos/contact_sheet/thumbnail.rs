use image::imageops;
use image::{ImageBuffer, Luma, Rgb as Pixel};

use crate::error::{Error, ImageError};
use crate::eval::dataset::Truth;
use crate::frame::{self, Frame};
use crate::geometry::{BoundingBox, Point, Size};
use crate::mask::Mask;
use crate::sink::overlay::canvas::{Canvas, Rgb};
use crate::sink::overlay::contour::ContourPen;

/// Longest side of a thumbnail.
pub const SIDE: u32 = 240;

/// The answer's mask and the bar of its IoU.
const ANSWER: Rgb = [86, 180, 233];
const TINT: f32 = 0.55;
const TRUTH: Rgb = [240, 228, 66];
const CLICK: Rgb = [213, 94, 0];
const WHITE: Rgb = [255, 255, 255];
const BLACK: Rgb = [0, 0, 0];
const BAR: f32 = 7.0;

/// A small image of one answer, its sides at most [`SIDE`].
#[derive(Clone, Debug)]
pub struct Thumbnail {
    pub size: Size,
    /// Bytes R G B, rows top to bottom without padding.
    pub rgb: Vec<u8>,
    pub iou: f64,
    pub name: String,
}

impl Thumbnail {
    /// The photo with `answer` tinted and outlined, the contour of the truth in another colour, the click as a dot, and
    /// `iou` as a bar along the lower edge that spans the width at 1. `answer` and `truth` have the photo's size.
    pub fn new(
        name: String,
        photo: &Frame,
        answer: &Mask,
        truth: &Truth,
        click: Point,
        iou: f64,
    ) -> Result<Self, Error> {
        let size = reduced(photo.size);
        let mut rgb = Vec::new();
        frame::to_rgb(photo, &mut rgb)?;
        let (needed, given) = (photo.size.area() * 3, rgb.len());
        let short = ImageError::ShortBuffer { format: photo.format.name(), size: photo.size, needed, given };
        let whole = ImageBuffer::<Pixel<u8>, _>::from_raw(photo.size.width, photo.size.height, rgb).ok_or(short)?;
        let mut rgb = imageops::thumbnail(&whole, size.width, size.height).into_raw();

        let mut canvas = Canvas::new(&mut rgb, size);
        for (at, coverage) in coverage(answer, size).into_iter().enumerate() {
            let (x, y) = (at as u32 % size.width, at as u32 / size.width);
            canvas.cover(x as i32, y as i32, ANSWER, coverage as f32 / 255.0 * TINT);
        }
        let mut pen = ContourPen::default();
        pen.prepare(size.width as usize, 1);
        pen.stroke(&mut canvas, &outlined(answer, size), ANSWER);
        pen.stroke(&mut canvas, &outlined(&truth.object, size), TRUTH);

        let scale = size.width as f32 / photo.size.width as f32;
        let dot = Point::new(click.x * scale, click.y * size.height as f32 / photo.size.height as f32);
        canvas.disc(dot, 6.0, BLACK, 0.5);
        canvas.disc(dot, 5.0, WHITE, 1.0);
        canvas.disc(dot, 3.5, CLICK, 1.0);

        let (width, height) = (size.width as f32, size.height as f32);
        let bar = |x1: f32| BoundingBox::new(0.0, height - BAR, x1, height);
        canvas.rounded_rect(bar(width), 0.0, BLACK, 0.75);
        canvas.rounded_rect(bar(width * iou.clamp(0.0, 1.0) as f32), 0.0, ANSWER, 1.0);
        Ok(Thumbnail { size, rgb, iou, name })
    }
}

/// `photo` in its proportions with no side above [`SIDE`]; small photos stay as they are.
fn reduced(photo: Size) -> Size {
    let longest = photo.width.max(photo.height).max(1) as u64;
    let shown = longest.min(SIDE as u64);
    let side = |length: u32| ((length as u64 * shown + longest / 2) / longest).max(1) as u32;
    Size::new(side(photo.width), side(photo.height))
}

/// How much of each pixel of the thumbnail the mask covers, 0 to 255.
fn coverage(mask: &Mask, size: Size) -> Vec<u8> {
    let whole: Vec<u8> = mask.data().iter().map(|pixel| pixel * 255).collect();
    let image = ImageBuffer::<Luma<u8>, _>::from_raw(mask.size().width, mask.size().height, whole);
    image.map_or_else(Vec::new, |i| imageops::thumbnail(&i, size.width, size.height).into_raw())
}

/// The mask at the size of a thumbnail: pixels that it covers by half, or every one that it touches when it is so thin
/// that it would vanish.
fn outlined(mask: &Mask, size: Size) -> Mask {
    let coverage = coverage(mask, size);
    let above = |limit: u8| {
        let mut mask = Mask::new(size);
        mask.data_mut().iter_mut().zip(&coverage).for_each(|(pixel, c)| *pixel = (*c > limit) as u8);
        mask
    };
    let half = above(127);
    if half.is_empty() { above(0) } else { half }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(photo: Size, iou: f64) -> Thumbnail {
        let frame = Frame::from_rgb(photo, vec![60; photo.area() * 3]).unwrap();
        let answer = Mask::from_fn(photo, |x, _| x < photo.width / 2);
        let truth = Truth { object: Mask::from_fn(photo, |_, y| y < photo.height / 2), ignored: Mask::new(photo) };
        let click = Point::new(photo.width as f32 / 4.0, photo.height as f32 / 4.0);
        Thumbnail::new("n".into(), &frame, &answer, &truth, click, iou).unwrap()
    }

    #[test]
    fn proportions_stay_and_nothing_is_enlarged() {
        let sizes = [(640, 480), (321, 481), (9000, 3), (1, 1), (240, 239)];
        let reduced = sizes.map(|(w, h)| reduced(Size::new(w, h)));
        let expected = [(240, 180), (160, 240), (240, 1), (1, 1), (240, 239)];
        assert_eq!(reduced, expected.map(|(w, h)| Size::new(w, h)));
    }

    #[test]
    fn everything_is_where_it_belongs() {
        let t = drawn(Size::new(480, 320), 0.25);
        assert_eq!((t.size, t.rgb.len()), (Size::new(240, 160), 240 * 160 * 3));
        let at = |x: usize, y: usize| t.rgb[(y * 240 + x) * 3..].first_chunk::<3>().copied().unwrap();
        assert_eq!(at(200, 120), [60; 3]);
        assert!(at(20, 120)[2] > 140, "tinted: {:?}", at(20, 120));
        assert_eq!((at(60, 40), at(200, 80)), (CLICK, TRUTH));
        assert_eq!((at(58, 157), at(62, 157)[0] < 30), (ANSWER, true));
    }

    #[test]
    fn thin_things_keep_a_contour() {
        let photo = Size::new(2400, 2400);
        assert_eq!(outlined(&Mask::from_fn(photo, |x, _| x == 1200), reduced(photo)).area(), 240);
        assert!(outlined(&Mask::new(photo), reduced(photo)).is_empty());
        let tiny = drawn(Size::new(3, 2), 1.0);
        assert_eq!(tiny.size, Size::new(3, 2));
    }
}
