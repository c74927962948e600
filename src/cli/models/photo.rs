//! The photo that a model proves itself on.

use std::path::Path;
use std::sync::Arc;

use crate::error::Error;
use crate::frame::{self, Frame};
use crate::geometry::{LabeledPoint, Point, Size};
use crate::mask::{Border, DistanceTransform, Mask};
use crate::picture::DEFAULT_DECODE_BYTES;
use crate::scene::{Rendering, Scene};

/// Size of the rendered photo.
const RENDERED: Size = Size::new(640, 480);
/// The world that is rendered.
const SEED: u64 = 1;

/// A photo, a click in it, and what is known of the object there.
pub(super) struct Photo {
    /// For messages.
    pub name: String,
    pub frame: Arc<Frame>,
    pub click: LabeledPoint,
    /// The object's mask, where it is known.
    pub truth: Option<Mask>,
}

impl Photo {
    /// The file at `path` with a click at `click`, or else in its middle; without a file a rendered scene, with a click in the middle of
    /// its broadest object.
    pub fn new(path: Option<&Path>, click: Option<LabeledPoint>) -> Result<Photo, Error> {
        let Some(path) = path else { return rendered() };
        let mut frame = Frame::default();
        frame::read_photo(path, DEFAULT_DECODE_BYTES, &mut frame)?;
        let middle = || LabeledPoint::foreground(frame.size.width as f32 / 2.0, frame.size.height as f32 / 2.0);
        let click = click.unwrap_or_else(middle);
        Ok(Photo { name: path.display().to_string(), frame: Arc::new(frame), click, truth: None })
    }
}

fn rendered() -> Result<Photo, Error> {
    let scene = Scene::new(SEED, RENDERED);
    let mut image = Rendering::default();
    scene.render(0.0, &mut image);
    let mut distances = DistanceTransform::default();
    let mut broadest: Option<(f32, Point, Mask, &str)> = None;
    for object in scene.objects() {
        let id = |x: u32, y: u32| image.ids.get((y * RENDERED.width + x) as usize) == Some(&object.id);
        let mask = Mask::from_fn(RENDERED, id);
        distances.compute(&mask, Border::Background);
        if let Some((middle, depth)) = distances.peak()
            && broadest.as_ref().is_none_or(|(most, ..)| depth > *most)
        {
            broadest = Some((depth, middle, mask, object.name));
        }
    }
    let frame = Arc::new(Frame::from_rgb(RENDERED, image.rgb)?);
    Ok(match broadest {
        Some((_, middle, mask, object)) => Photo {
            name: format!("a rendered scene, clicked on the {object}"),
            frame,
            click: LabeledPoint::foreground(middle.x, middle.y),
            truth: Some(mask),
        },
        None => Photo {
            name: "a rendered scene".into(),
            frame,
            click: LabeledPoint::foreground(RENDERED.width as f32 / 2.0, RENDERED.height as f32 / 2.0),
            truth: None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rendered_photo_is_clicked_inside_an_object() {
        let photo = rendered().unwrap();
        let truth = photo.truth.unwrap();
        assert!(truth.contains(photo.click.point) && truth.area() > 500, "{}", photo.name);
    }
}
