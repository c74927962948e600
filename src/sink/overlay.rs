//! The image a user looks at: masks tinted and outlined, prompts, gaze, labels and latency drawn over the frame.

pub(crate) mod canvas;
pub(crate) mod contour;
mod file;
pub(crate) mod font;
mod palette;

use std::fmt::{self, Write};

use crate::geometry::{BoundingBox, Label, LabeledPoint, Point, Size};
use crate::mask::{Mask, Rle};
use crate::track::{ObjectId, ObjectState};

use crate::record::{FrameRecord, ObjectRecord};
use canvas::{Canvas, Rgb};
use contour::ContourPen;
pub use file::{write_found, write_overlay, write_rgb};
pub use palette::object_color;

/// Share of the object's colour in the tint of its mask.
const TINT: f32 = 0.42;
const WHITE: Rgb = [255, 255, 255];
const BLACK: Rgb = [0, 0, 0];
const FOREGROUND: Rgb = [0, 170, 60];
const BACKGROUND: Rgb = [215, 30, 30];

/// Draws a [`FrameRecord`] over its frame. Line widths and text grow with the frame; scratch is kept from frame to frame,
/// so that drawing frames of one size allocates nothing after the first.
#[derive(Debug, Default)]
pub struct Painter {
    boxes: bool,
    gaze: bool,
    pen: ContourPen,
    /// Labels placed on this frame, so that the next one avoids them.
    placed: Vec<BoundingBox>,
}

impl Painter {
    /// A painter that has drawn nothing.
    pub fn new() -> Self {
        Painter::default()
    }

    /// Whether each object's box is drawn too; off by default.
    pub fn with_boxes(mut self, boxes: bool) -> Self {
        self.boxes = boxes;
        self
    }

    /// Whether a ring shows where the user looks; off by default, because that is private.
    pub fn with_gaze(mut self, gaze: bool) -> Self {
        self.gaze = gaze;
        self
    }

    /// Draws `record` over `rgb`: bytes R G B, rows top to bottom without padding, `size` pixels. Masks of another size,
    /// non-finite points and whatever lies outside the image are left out.
    ///
    /// # Panics
    /// If `rgb` is not `size.area() * 3` bytes long.
    pub fn draw(&mut self, rgb: &mut [u8], size: Size, record: &FrameRecord) {
        let mut canvas = Canvas::new(rgb, size);
        let scale = Scale::of(size);
        self.placed.clear();
        self.pen.prepare(size.width as usize, scale.pen_radius);

        for object in shown(record) {
            if let Some(mask) = mask_of(object, size) {
                tint(&mut canvas, mask, object_color(object.object));
            }
        }
        for object in shown(record) {
            if let Some(mask) = mask_of(object, size) {
                self.pen.stroke(&mut canvas, mask, object_color(object.object));
            }
            if let Some(b) = object.bbox.filter(|_| self.boxes) {
                canvas.outline(b, scale.line, object_color(object.object));
            }
        }
        for object in shown(record) {
            for point in &object.points {
                marker(&mut canvas, *point, scale);
            }
        }
        if let Some(gaze) = record.gaze.filter(|_| self.gaze) {
            gaze_ring(&mut canvas, gaze, scale);
        }
        self.corner(&mut canvas, record, scale);
        for object in shown(record) {
            if let Some(top) = label_anchor(object, size) {
                self.label(&mut canvas, object, top, scale);
            }
        }
    }

    /// Draws masks over `rgb`, each in a colour of its own and without a label; those of another size are left out.
    ///
    /// # Panics
    /// As [`Self::draw`].
    pub fn draw_masks<'a>(&mut self, rgb: &mut [u8], size: Size, masks: impl IntoIterator<Item = &'a Rle>) {
        let mut canvas = Canvas::new(rgb, size);
        self.pen.prepare(size.width as usize, Scale::of(size).pen_radius);
        let mut mask = Mask::default();
        for (id, rle) in (1..).zip(masks.into_iter().filter(|rle| rle.size() == size)) {
            rle.decode(&mut mask);
            tint(&mut canvas, &mask, object_color(id));
            self.pen.stroke(&mut canvas, &mask, object_color(id));
        }
    }

    /// A chip with the object's number and score above `anchor`: inside the image, clear of labels already placed.
    fn label(&mut self, canvas: &mut Canvas, object: &ObjectRecord, anchor: Point, scale: Scale) {
        let text = label_text(object.object, object.score);
        let chip = Chip::new(text.as_str(), scale);
        let size = canvas.size();
        let (right, bottom) =
            (size.width as f32 - chip.width - scale.gap, size.height as f32 - chip.height - scale.gap);
        let x = (anchor.x - chip.width / 2.0).clamp(scale.gap.min(right), right.max(scale.gap)).round();
        let mut y =
            (anchor.y - chip.height - scale.gap * 2.0).clamp(scale.gap.min(bottom), bottom.max(scale.gap)).round();
        // Each step moves below one placed label, so that after as many steps every one of them has been avoided.
        for _ in 0..self.placed.len() {
            let wanted = chip.at(x, y);
            match self.placed.iter().find(|other| other.intersect(wanted).area() > 0.0 && other.y1 + scale.gap > y) {
                Some(other) if other.y1 + scale.gap <= bottom => y = (other.y1 + scale.gap).ceil(),
                _ => break,
            }
        }
        chip.draw(canvas, x, y, object_color(object.object), 1.0);
        self.placed.push(chip.at(x, y));
    }

    /// Latency at the bottom left (none on a still photo, whose age is zero), and above it one chip for each lost object.
    fn corner(&mut self, canvas: &mut Canvas, record: &FrameRecord, scale: Scale) {
        let x = scale.gap * 2.0;
        let mut bottom = canvas.size().height as f32 - scale.gap * 2.0;
        if !record.age.is_zero() {
            let mut text = Text::default();
            let _ = write!(text, "{:.0} ms", record.age.as_secs_f64() * 1e3);
            let chip = Chip::new(text.as_str(), scale);
            let y = bottom - chip.height;
            chip.draw(canvas, x, y, BLACK, 0.6);
            self.placed.push(chip.at(x, y));
            bottom = y - scale.gap;
        }
        for object in record.objects().iter().filter(|o| o.state == ObjectState::Lost) {
            let mut text = Text::default();
            let _ = write!(text, "{} lost", object.object);
            let chip = Chip::new(text.as_str(), scale);
            let y = bottom - chip.height;
            if y < 0.0 {
                break;
            }
            chip.draw(canvas, x, y, object_color(object.object), 1.0);
            self.placed.push(chip.at(x, y));
            bottom = y - scale.gap;
        }
    }
}

fn shown(record: &FrameRecord) -> impl Iterator<Item = &ObjectRecord> {
    record.objects().iter().filter(|o| o.state != ObjectState::Lost)
}

fn mask_of(object: &ObjectRecord, size: Size) -> Option<&Mask> {
    Some(&object.mask).filter(|m| m.size() == size)
}

/// The highest point of the object: of its mask, or the middle of its box's upper edge.
fn label_anchor(object: &ObjectRecord, size: Size) -> Option<Point> {
    let first = mask_of(object, size).and_then(|m| m.data().iter().position(|v| *v != 0));
    match first {
        Some(at) => Some(Point::new((at % size.width as usize) as f32, (at / size.width as usize) as f32)),
        None => object.bbox.filter(|b| b.is_finite()).map(|b| Point::new(b.center().x, b.y0)),
    }
}

/// Sizes of what is drawn, in pixels, from the short side of the frame.
#[derive(Clone, Copy, Debug)]
struct Scale {
    /// The contour is twice as wide.
    pen_radius: usize,
    line: f32,
    /// Pixels per dot of the font.
    dot: usize,
    gap: f32,
    marker: f32,
}

impl Scale {
    fn of(size: Size) -> Self {
        let short = size.width.min(size.height) as f32;
        let dot = (short / 210.0).round().clamp(1.0, 16.0);
        Scale {
            pen_radius: (short / 540.0).round().clamp(1.0, 6.0) as usize,
            line: (short / 270.0).round().clamp(1.0, 12.0),
            dot: dot as usize,
            gap: (dot * 2.0).round(),
            marker: (short / 34.0).clamp(6.0, 60.0),
        }
    }
}

/// Text of a label on the stack.
#[derive(Default)]
struct Text {
    bytes: [u8; 32],
    len: usize,
}

impl Text {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl Write for Text {
    /// Cuts what does not fit; only ASCII is written here.
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let n = s.len().min(self.bytes.len() - self.len);
        self.bytes[self.len..][..n].copy_from_slice(&s.as_bytes()[..n]);
        self.len += n;
        Ok(())
    }
}

fn label_text(object: ObjectId, score: f32) -> Text {
    let mut text = Text::default();
    let _ = match score.is_finite() {
        true => write!(text, "{object} {:.2}", score.clamp(0.0, 1.0)),
        false => write!(text, "{object} -"),
    };
    text
}

/// A rounded rectangle with a line of text, dark on light colours and light on dark ones.
struct Chip<'a> {
    text: &'a str,
    width: f32,
    height: f32,
    pad: f32,
    dot: usize,
}

impl<'a> Chip<'a> {
    fn new(text: &'a str, scale: Scale) -> Self {
        let dot = scale.dot as f32;
        let pad = 3.0 * dot;
        Chip {
            text,
            width: font::text_width(text, scale.dot) as f32 + 2.0 * pad,
            height: font::CAP_HEIGHT as f32 * dot + 2.0 * pad,
            pad,
            dot: scale.dot,
        }
    }

    fn at(&self, x: f32, y: f32) -> BoundingBox {
        BoundingBox::new(x, y, x + self.width, y + self.height)
    }

    fn draw(&self, canvas: &mut Canvas, x: f32, y: f32, color: Rgb, opacity: f32) {
        let dot = self.dot as f32;
        let rim = BoundingBox::new(x - 1.0, y - 1.0, x + self.width + 1.0, y + self.height + 1.0);
        canvas.rounded_rect(rim, 2.0 * dot + 1.0, BLACK, 0.4 * opacity);
        canvas.rounded_rect(self.at(x, y), 2.0 * dot, color, opacity);
        let ink = if palette::luminance(color) > 0.32 { BLACK } else { WHITE };
        font::draw(canvas, self.text, (x + self.pad) as i32, (y + self.pad) as i32, self.dot, ink);
    }
}

/// Blends the colour into every pixel of the mask.
fn tint(canvas: &mut Canvas, mask: &Mask, color: Rgb) {
    for y in 0..mask.size().height {
        let row = mask.row(y);
        let mut x = 0;
        while let Some(start) = row[x..].iter().position(|v| *v != 0) {
            let start = x + start;
            let end = row[start..].iter().position(|v| *v == 0).map_or(row.len(), |n| start + n);
            canvas.blend_run(start, end, y as usize, color, TINT);
            x = end;
        }
    }
}

/// A green plus for foreground, a red minus for background, with a white rim.
fn marker(canvas: &mut Canvas, point: LabeledPoint, scale: Scale) {
    let (arm, half) = (scale.marker * 0.62, scale.marker * 0.2);
    let (color, plus) = match point.label {
        Label::Foreground => (FOREGROUND, true),
        Label::Background => (BACKGROUND, false),
    };
    let rim = (scale.marker * 0.16).max(1.25);
    canvas.cross(point.point, arm, half, plus, rim + 1.0, BLACK, 0.45);
    canvas.cross(point.point, arm, half, plus, rim, WHITE, 1.0);
    canvas.cross(point.point, arm, half, plus, 0.0, color, 1.0);
}

/// Where the user looks.
fn gaze_ring(canvas: &mut Canvas, gaze: Point, scale: Scale) {
    let radius = scale.marker * 1.15;
    canvas.ring(gaze, radius, scale.line + 2.0, BLACK, 0.5);
    canvas.ring(gaze, radius, scale.line, WHITE, 1.0);
    canvas.disc(gaze, scale.line + 1.0, BLACK, 0.5);
    canvas.disc(gaze, scale.line, WHITE, 1.0);
}

#[cfg(test)]
mod tests;
