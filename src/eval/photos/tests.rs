//! The protocol over a folder of photos, with a decoder that knows the truth.

use std::sync::{Arc, Mutex};

use super::*;
use crate::error::Result;
use crate::eval::overlap::iou;
use crate::geometry::{Label, Letterbox, Point, Region, Size};
use crate::mask::file::write_mask;
use crate::mask::{LowResLogits, Mask, low_res_from_mask};
use crate::model::{Candidate, Decoder, Embedding, Encoder, Prompt};
use crate::sink::overlay::write_rgb;

const SIZE: Size = Size::new(64, 48);
const MAX_POINTS: usize = 6;

struct StillEncoder;

impl Encoder for StillEncoder {
    fn input_size(&self) -> Size {
        Size::new(64, 64)
    }

    fn encode_region(&mut self, frame: &Frame, region: Region, out: &mut Embedding) -> Result<()> {
        out.letterbox = Letterbox::of_region(frame.size, region, self.input_size());
        Ok(())
    }
}

/// Answers a box with everything in it, and clicks with what they have uncovered of `object`: the pixels closer than 8
/// to a foreground click, at pixel accuracy.
struct UncoveringDecoder {
    object: Mask,
    seen: Arc<Mutex<Vec<Prompt>>>,
}

impl Decoder for UncoveringDecoder {
    fn max_points(&self) -> usize {
        MAX_POINTS
    }

    fn mask_size(&self) -> Size {
        Size::new(64, 64)
    }

    fn candidates(&self) -> usize {
        2
    }

    fn decode(&mut self, embedding: &Embedding, prompts: &[Prompt], out: &mut Vec<Candidate>) -> Result<()> {
        out.clear();
        for prompt in prompts {
            let inside = |x: u32, y: u32| {
                let at = Point::new(x as f32 + 0.5, y as f32 + 0.5);
                let near =
                    |p: &crate::geometry::LabeledPoint| p.label == Label::Foreground && p.point.distance(at) < 8.0;
                let kept = prompt.mask.as_ref().is_some_and(|m| m.data[(y * 64 + x) as usize] > 0.0);
                let clicked = kept || prompt.points.iter().any(near);
                prompt.bbox.map_or(clicked && self.object.contains(at), |b| b.contains(at))
            };
            let answer = Mask::from_fn(SIZE, inside);
            for (mask, predicted_iou) in [(&self.object, 0.1), (&answer, 0.7)] {
                let mut logits = LowResLogits::default();
                low_res_from_mask(mask, &embedding.letterbox, self.mask_size(), 10.0, &mut logits);
                out.push(Candidate { logits, predicted_iou });
            }
        }
        self.seen.lock().unwrap().extend_from_slice(prompts);
        Ok(())
    }
}

fn oracle(object: &Mask) -> (Predictor, Arc<Mutex<Vec<Prompt>>>) {
    let seen = Arc::<Mutex<Vec<Prompt>>>::default();
    let decoder = UncoveringDecoder { object: object.clone(), seen: seen.clone() };
    (Predictor::new(Box::new(StillEncoder), Box::new(decoder)), seen)
}

/// A folder with one grey photo for each mask, named `0`, `1` and so on.
fn folder(masks: &[Mask]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for sub in ["images", "masks"] {
        std::fs::create_dir(dir.path().join(sub)).unwrap();
    }
    for (i, mask) in masks.iter().enumerate() {
        write_rgb(&dir.path().join(format!("images/{i}.png")), &vec![90; SIZE.area() * 3], SIZE).unwrap();
        write_mask(&dir.path().join(format!("masks/{i}.png")), mask).unwrap();
    }
    dir
}

fn block(x0: u32, y0: u32, x1: u32, y1: u32) -> Mask {
    Mask::from_fn(SIZE, |x, y| (x0..x1).contains(&x) && (y0..y1).contains(&y))
}

#[test]
fn clicks_follow_the_errors_until_none_is_left() {
    let object = block(10, 10, 50, 20);
    let dir = folder(std::slice::from_ref(&object));
    let (mut predictor, seen) = oracle(&object);
    let mut evaluation = Evaluation::new(Layout::Trimap, false, None);
    let photos = dataset::list(dir.path(), Layout::Trimap).unwrap();
    let finished = evaluation.run(&mut predictor, &photos, &mut (), &StopToken::new()).unwrap();
    assert_eq!((finished, evaluation.outcomes.len()), (1, 1));

    let outcome = &evaluation.outcomes[0];
    assert_eq!((outcome.iou_box, outcome.iou_1click_oracle), (1.0, 1.0));
    assert!(outcome.iou_by_click[0] > 0.2 && outcome.iou_by_click[0] < 0.5, "{:?}", outcome.iou_by_click);
    assert!(outcome.iou_by_click.is_sorted());
    assert_eq!(outcome.iou_by_click[MAX_CLICKS - 1], 1.0);
    let needed = outcome.clicks_to(0.9);
    assert!(outcome.iou_by_click[needed - 1] >= 0.9 && outcome.iou_by_click[needed - 2] < 0.9);

    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].bbox, object.bounding_box());
    // 10 rows: depth 5 is first reached at the fifth row and column.
    assert_eq!(
        (seen[1].points.len(), seen[1].points[0].point, seen[1].mask.is_none()),
        (1, Point::new(14.5, 14.5), true)
    );
    let rounds = seen.iter().skip(2).take_while(|p| p.mask.is_some()).count();
    for (k, prompt) in seen[2..2 + rounds].iter().enumerate() {
        assert!(prompt.mask.is_some() && prompt.bbox.is_none());
        assert_eq!(prompt.points.len(), (k + 2).min(MAX_POINTS));
    }
    assert_eq!(seen[2].points[0], seen[1].points[0], "earlier clicks stay in the prompt");
    assert!(rounds + 1 < MAX_CLICKS, "a perfect answer ends the clicking");
    let moved = &seen[2 + rounds..];
    assert_eq!(moved.len(), 8, "the first click moved in eight directions");
    for prompt in moved {
        assert!(prompt.mask.is_none() && prompt.points.len() == 1 && object.contains(prompt.points[0].point));
    }
    assert_eq!(outcome.boundary_f_box, 1.0);
    assert!(outcome.boundary_f_1click < 0.9, "{outcome:?}");
    let jitter = outcome.jitter.unwrap();
    assert!(jitter.iou > 0.4 && jitter.iou < 0.9 && jitter.drop.abs() < 0.2, "{jitter:?}");
    assert_eq!(outcome.share, 400.0 / (64.0 * 48.0));
}

#[test]
fn ignored_regions_change_no_figure() {
    let object = block(20, 10, 36, 26);
    let truth = |ignored| Truth { object: object.clone(), ignored };
    let wrong = block(20, 10, 44, 26);
    assert!((iou(&wrong, &truth(Mask::new(SIZE))) - 16.0 / 24.0).abs() < 1e-9);
    assert_eq!(iou(&wrong, &truth(block(36, 0, 64, 48))), 1.0);
    assert_eq!(iou(&wrong, &truth(block(0, 0, 64, 48))), 1.0);
}

#[test]
fn a_raised_stop_keeps_what_was_finished() {
    let object = block(10, 10, 30, 30);
    let dir = folder(&[object.clone(), object.clone()]);
    let (mut predictor, _) = oracle(&object);
    let mut evaluation = Evaluation::new(Layout::Trimap, false, None);
    let photos = dataset::list(dir.path(), Layout::Trimap).unwrap();
    let stop = StopToken::new();
    evaluation.photo(&mut predictor, &photos[0], &stop).unwrap();
    stop.stop();
    assert_eq!(evaluation.run(&mut predictor, &photos[1..], &mut (), &stop).unwrap(), 1);
    let report = evaluation.report("m".into(), "f32".into(), true);
    assert_eq!((report.images, report.objects, report.interrupted), (1, 1, true));
    assert!(serde_json::to_string(&report).unwrap().contains("\"interrupted\":true"));
}

#[test]
fn a_mask_of_another_size_names_both_files() {
    let object = block(10, 10, 30, 30);
    let dir = folder(std::slice::from_ref(&object));
    write_mask(&dir.path().join("masks/0.png"), &Mask::from_fn(Size::new(9, 9), |_, _| true)).unwrap();
    let (mut predictor, _) = oracle(&object);
    let photos = dataset::list(dir.path(), Layout::Trimap).unwrap();
    let e = Evaluation::new(Layout::Trimap, false, None).photo(&mut predictor, &photos[0], &StopToken::new());
    let text = e.unwrap_err().to_string();
    assert!(text.contains("images/0.png") && text.contains("masks/0.png") && text.contains("9x9"), "{text}");
}

#[test]
fn images_are_written_of_both_answers_and_of_the_set() {
    let object = block(10, 10, 30, 30);
    let dir = folder(&[object.clone(), object.clone()]);
    let (mut predictor, _) = oracle(&object);
    let photos = dataset::list(dir.path(), Layout::Trimap).unwrap();
    let out = dir.path().join("out");
    let mut evaluation = Evaluation::new(Layout::Trimap, false, Some(ResultImages::create(out.clone()).unwrap()));
    let finish = |evaluation: &Evaluation| {
        evaluation.write_images(&evaluation.report("m".into(), "f32".into(), false)).unwrap();
        std::fs::read_dir(&out).unwrap().count()
    };
    assert_eq!(finish(&evaluation), 0, "nothing of nothing");
    evaluation.photo(&mut predictor, &photos[0], &StopToken::new()).unwrap();
    assert_eq!(finish(&evaluation), 6);
    for name in ["0-click.png", "0-box.png"] {
        assert_eq!(frame::open_image(out.join(name)).unwrap().size, SIZE);
    }
    let alone = frame::open_image(out.join("best.jpg")).unwrap().size;
    let stopped = StopToken::new();
    stopped.stop();
    evaluation.photo(&mut predictor, &photos[1], &stopped).unwrap();
    finish(&evaluation);
    assert_eq!(frame::open_image(out.join("best.jpg")).unwrap().size, alone, "an unfinished photo does not count");
    evaluation.photo(&mut predictor, &photos[1], &StopToken::new()).unwrap();
    finish(&evaluation);
    for name in ["best.jpg", "median.jpg", "worst.jpg"] {
        assert!(frame::open_image(out.join(name)).unwrap().size.width > alone.width, "{name}");
    }
    assert!(std::fs::read_to_string(out.join("clicks.svg")).unwrap().contains("m (f32), 2 photos"));
}

/// Rendered scenes as a photo set, with every object that covers 1 % or more.
fn scenes(seeds: std::ops::Range<u64>) -> tempfile::TempDir {
    use crate::scene::{Rendering, Scene};

    const SIDE: Size = Size::new(480, 360);
    let dir = tempfile::tempdir().unwrap();
    for sub in ["images", "masks"] {
        std::fs::create_dir(dir.path().join(sub)).unwrap();
    }
    for seed in seeds {
        let scene = Scene::new(seed, SIDE);
        let mut rendering = Rendering::default();
        scene.render(1.0, &mut rendering);
        let area = |id: u8| rendering.ids.iter().filter(|i| **i == id).count();
        let large: Vec<u8> = scene.objects().iter().map(|o| o.id).filter(|id| area(*id) * 100 >= SIDE.area()).collect();
        let ids = rendering.ids.iter().map(|id| if large.contains(id) { *id } else { 0 }).collect();
        write_rgb(&dir.path().join(format!("images/{seed}.png")), &rendering.rgb, SIDE).unwrap();
        let map = image::GrayImage::from_raw(SIDE.width, SIDE.height, ids).unwrap();
        map.save(dir.path().join(format!("masks/{seed}.png"))).unwrap();
    }
    dir
}

#[test]
fn every_click_up_to_the_eighth_improves_the_bundled_models_masks() {
    use crate::model::{ModelOptions, Registry};

    let dir = scenes(60..68);
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let model = Registry::from_dirs(&[models]).unwrap().load("foveate", &ModelOptions::default()).unwrap();
    let mut predictor = Predictor::new(model.encoder().unwrap(), model.decoder().unwrap());
    let photos = dataset::list(dir.path(), Layout::Ids).unwrap();
    let mut evaluation = Evaluation::new(Layout::Ids, true, None);
    evaluation.run(&mut predictor, &photos, &mut (), &StopToken::new()).unwrap();
    let report = evaluation.report("foveate".into(), "auto".into(), false);
    let curve = &report.iou_by_click[..8];
    assert!(report.objects >= 20, "{} objects", report.objects);
    // Above 0.96 what is left is the outline's last pixel, and a click may cost elsewhere what it gains.
    assert!(
        curve.windows(2).all(|pair| pair[1] > pair[0] || (pair[0] > 0.96 && pair[1] > pair[0] - 0.002)),
        "{curve:?}"
    );
    assert!(curve[7] > curve[4], "{curve:?}");
}
