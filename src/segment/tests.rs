//! An analytic model stands in for a network: its logits are those of a disc around the clicks, so that every answer is
//! known in closed form.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;
use crate::error::{Error, ImageError, ModelError, PromptError, Result};
use crate::frame::Frame;
use crate::geometry::{BoundingBox, Label, LabeledPoint, Letterbox, Point, Region, Size};
use crate::mask::{LowResLogits, Mask};
use crate::model::{Candidate, Decoder, Embedding, Encoder, Prompt};

const INPUT: Size = Size::new(256, 256);
const MASK: Size = Size::new(64, 64);

#[derive(Default)]
struct Encodings(AtomicUsize);

struct LetterboxEncoder(Arc<Encodings>);

impl Encoder for LetterboxEncoder {
    fn input_size(&self) -> Size {
        INPUT
    }

    fn encode_region(&mut self, frame: &Frame, region: Region, out: &mut Embedding) -> Result<()> {
        frame.check()?;
        self.0.0.fetch_add(1, Ordering::Relaxed);
        out.letterbox = Letterbox::of_region(frame.size, region, INPUT);
        Ok(())
    }
}

/// Discs of 10, 30 and 20 input pixels around the mean of the foreground points (or the box's centre); background
/// points cut a hole of 5. The second has the highest predicted IoU, the others tie.
#[derive(Clone)]
struct DiscDecoder {
    seen: Arc<Mutex<Vec<Prompt>>>,
    scores: [f32; 3],
    slopes: [f32; 3],
    size: Size,
}

impl DiscDecoder {
    const RADII: [f32; 3] = [10.0, 30.0, 20.0];
}

impl Decoder for DiscDecoder {
    fn max_points(&self) -> usize {
        4
    }

    fn mask_size(&self) -> Size {
        MASK
    }

    fn candidates(&self) -> usize {
        3
    }

    fn decode(&mut self, embedding: &Embedding, prompts: &[Prompt], out: &mut Vec<Candidate>) -> Result<()> {
        out.resize_with(prompts.len() * 3, Candidate::default);
        for (prompt, candidates) in prompts.iter().zip(out.chunks_exact_mut(3)) {
            let placed = |label| prompt.points.iter().filter(move |p| p.label == label).map(|p| p.point);
            let foreground: Vec<Point> = placed(Label::Foreground).collect();
            let n = foreground.len() as f32;
            let mean = Point::new(
                foreground.iter().map(|p| p.x).sum::<f32>() / n,
                foreground.iter().map(|p| p.y).sum::<f32>() / n,
            );
            let center = prompt.bbox.map_or(mean, BoundingBox::center);
            let center = embedding.letterbox.to_input(center);
            let holes: Vec<Point> = placed(Label::Background).map(|p| embedding.letterbox.to_input(p)).collect();
            for (i, candidate) in candidates.iter_mut().enumerate() {
                candidate.predicted_iou = self.scores[i];
                candidate.logits.size = self.size;
                candidate.logits.data.clear();
                for cell in 0..MASK.area() {
                    let at = Point::new((cell % 64) as f32 * 4.0 + 2.0, (cell / 64) as f32 * 4.0 + 2.0);
                    let disc = Self::RADII[i] - at.distance(center);
                    let hole = holes.iter().map(|h| at.distance(*h) - 5.0).fold(f32::INFINITY, f32::min);
                    candidate.logits.data.push(disc.min(hole) * self.slopes[i]);
                }
            }
        }
        self.seen.lock().unwrap().extend_from_slice(prompts);
        Ok(())
    }
}

fn disc_decoder() -> DiscDecoder {
    DiscDecoder { seen: Arc::default(), scores: [0.6, 0.9, 0.6], slopes: [1.0, 1.0, 0.5], size: MASK }
}

fn frame(size: Size) -> Frame {
    Frame::from_rgb(size, vec![0; size.area() * 3]).unwrap()
}

/// A predictor with a 640x480 frame set, scale 0.4.
fn ready() -> Predictor {
    let mut predictor = Predictor::new(Box::new(LetterboxEncoder(Arc::default())), Box::new(disc_decoder()));
    predictor.set_frame(&frame(Size::new(640, 480))).unwrap();
    predictor
}

fn click(x: f32, y: f32) -> Prompt {
    Prompt { points: vec![LabeledPoint::foreground(x, y)], ..Prompt::default() }
}

fn boxed(x0: f32, y0: f32, x1: f32, y1: f32) -> Prompt {
    Prompt { bbox: Some(BoundingBox::new(x0, y0, x1, y1)), ..Prompt::default() }
}

fn refusal<T>(answer: Result<T>) -> PromptError {
    match answer {
        Err(Error::Prompt(e)) => e,
        Err(e) => panic!("refused for another reason: {e}"),
        Ok(_) => panic!("answered"),
    }
}

#[test]
fn every_bad_prompt_has_its_error() {
    let frame = Size::new(640, 480);
    let logits = |size: Size, value| Some(LowResLogits { size, data: vec![value; size.area()] });
    let masked = |mask| Prompt { mask, ..Prompt::default() };
    let short = Some(LowResLogits { size: MASK, data: vec![0.0; 7] });
    let back = LabeledPoint::background(5.0, 5.0);
    let empty_box =
        |x0: f32, y0: f32, x1: f32, y1: f32| (boxed(x0, y0, x1, y1), PromptError::EmptyBox { x0, y0, x1, y1, frame });
    let outside = |x, y| (click(x, y), PromptError::PointOutside { point: Point::new(x, y), frame });
    let cases = [
        (Prompt::default(), PromptError::Empty),
        (Prompt { points: vec![back], ..Prompt::default() }, PromptError::OnlyBackground),
        (click(f32::NAN, 1.0), PromptError::NotFinite { what: "a point" }),
        (click(1.0, f32::INFINITY), PromptError::NotFinite { what: "a point" }),
        (boxed(0.0, 0.0, f32::NAN, 5.0), PromptError::NotFinite { what: "the box" }),
        (masked(logits(MASK, f32::NAN)), PromptError::NotFinite { what: "the mask prompt" }),
        outside(-0.5, 3.0),
        outside(3.0, 480.5),
        empty_box(10.0, 10.0, 10.0, 50.0),
        empty_box(50.0, 10.0, 10.0, 50.0),
        empty_box(-50.0, 10.0, -10.0, 50.0),
        empty_box(640.0, 10.0, 700.0, 50.0),
        (
            Prompt { points: vec![back; 5], ..boxed(0.0, 0.0, 9.0, 9.0) },
            PromptError::TooManyPoints { given: 5, limit: 4 },
        ),
        (masked(logits(Size::new(32, 64), 0.0)), PromptError::MaskSize { given: Size::new(32, 64), expected: MASK }),
        (masked(short), PromptError::MaskLength { given: 7, expected: MASK }),
    ];
    let mut predictor = ready();
    for (prompt, expected) in cases {
        // NaN is unlike itself, so errors are compared by their text.
        assert_eq!(refusal(predictor.predict(&prompt, true)).to_string(), expected.to_string(), "{prompt:?}");
        let batch = [click(9.0, 9.0), prompt];
        assert_eq!(refusal(predictor.predict_batch(&batch, false)).to_string(), expected.to_string());
    }
    assert_eq!(predictor.predict(&click(640.0, 480.0), true).unwrap().len(), 3, "the frame's corner is inside");
}

#[test]
fn prompting_needs_a_frame_and_reset_takes_it_away() {
    let encodings = Arc::new(Encodings::default());
    let mut predictor = Predictor::new(Box::new(LetterboxEncoder(encodings.clone())), Box::new(disc_decoder()));
    assert_eq!(refusal(predictor.predict(&click(1.0, 1.0), true)), PromptError::NoFrame);
    predictor.set_frame(&frame(Size::new(640, 480))).unwrap();
    let answer = predictor.predict(&click(100.0, 100.0), false).unwrap().remove(0);
    predictor.predict(&click(200.0, 100.0), true).unwrap();
    assert_eq!(encodings.0.load(Ordering::Relaxed), 1, "prompts share one encoding");
    predictor.reset();
    assert_eq!(refusal(predictor.refine(&answer, &[])), PromptError::NoFrame);
    assert_eq!(refusal(predictor.mask_prompt(&answer.mask)), PromptError::NoFrame);
    assert!(predictor.embedding().is_none() && predictor.frame_size().is_none());
}

#[test]
fn a_frame_that_cannot_be_encoded_leaves_none_set() {
    let mut predictor = ready();
    let torn = Frame { size: Size::new(640, 480), stride: 1920, data: vec![0; 10].into(), ..Frame::default() };
    assert!(matches!(predictor.set_frame(&torn), Err(Error::Image(_))));
    assert_eq!(refusal(predictor.predict(&click(1.0, 1.0), true)), PromptError::NoFrame);
}

#[test]
fn candidates_are_ranked_by_predicted_iou_then_stability() {
    let mut predictor = ready();
    let ranked = predictor.predict(&click(300.0, 200.0), true).unwrap();
    assert_eq!(ranked.iter().map(|p| p.predicted_iou).collect::<Vec<_>>(), [0.9, 0.6, 0.6]);
    assert!(ranked[1].stability > ranked[2].stability, "a tie goes to the steeper edge");
    let single = predictor.predict(&click(300.0, 200.0), false).unwrap();
    assert_eq!(single, ranked[..1]);
}

#[test]
fn masks_lie_where_the_click_was_in_any_letterbox() {
    for (width, height) in [(640, 480), (480, 640), (321, 481), (1920, 1080), (100, 90)] {
        let size = Size::new(width, height);
        let mut predictor = ready();
        predictor.set_frame(&frame(size)).unwrap();
        let at = Point::new(width as f32 * 0.6, height as f32 * 0.45);
        let best = predictor.predict(&click(at.x, at.y), false).unwrap().remove(0);
        let scale = Letterbox::new(size, INPUT).scale_x();
        let radius = 30.0 / scale;
        assert_eq!(best.mask.size(), size);
        let truth = Mask::from_fn(size, |x, y| Point::new(x as f32 + 0.5, y as f32 + 0.5).distance(at) < radius);
        assert!(best.mask.iou(&truth) > 0.97, "{width}x{height}: {}", best.mask.iou(&truth));
        assert_eq!(best.area, best.mask.area());
        assert_eq!(best.bbox, best.mask.bounding_box());
    }
}

#[test]
fn a_box_is_clipped_before_the_model_sees_it() {
    let decoder = disc_decoder();
    let seen = decoder.seen.clone();
    let mut predictor = Predictor::new(Box::new(LetterboxEncoder(Arc::default())), Box::new(decoder));
    predictor.set_frame(&frame(Size::new(640, 480))).unwrap();
    let batch = [boxed(-20.0, 100.0, 50.0, 900.0), boxed(1.0, 2.0, 3.0, 4.0)];
    predictor.predict_batch(&batch, false).unwrap();
    assert_eq!(*seen.lock().unwrap(), [boxed(0.0, 100.0, 50.0, 480.0), batch[1].clone()]);
}

#[test]
fn refining_passes_the_logits_and_every_point() {
    let decoder = disc_decoder();
    let seen = decoder.seen.clone();
    let mut predictor = Predictor::new(Box::new(LetterboxEncoder(Arc::default())), Box::new(decoder));
    predictor.set_frame(&frame(Size::new(640, 480))).unwrap();
    let first = predictor.predict(&click(300.0, 200.0), false).unwrap().remove(0);
    let hole = Point::new(310.0, 210.0);
    assert!(first.mask.contains(hole));
    let points = [LabeledPoint::foreground(300.0, 200.0), LabeledPoint::background(hole.x, hole.y)];
    let second = predictor.refine(&first, &points).unwrap();
    assert!(!second.mask.contains(hole) && second.area < first.area);
    let seen = seen.lock().unwrap();
    assert_eq!(seen[1].mask.as_ref(), Some(&first.logits));
    assert_eq!(seen[1].points, points);
}

#[test]
fn a_mask_prompt_is_of_the_frame_and_of_the_models_size() {
    let predictor = ready();
    assert!(matches!(predictor.mask_prompt(&Mask::new(Size::new(64, 64))), Err(Error::Image(_))));
    let prompt = predictor.mask_prompt(&Mask::new(Size::new(640, 480))).unwrap();
    assert_eq!((prompt.size, prompt.data.len()), (MASK, MASK.area()));
}

#[test]
fn a_model_that_breaks_its_contract_is_refused() {
    let nan = DiscDecoder { scores: [0.5, f32::NAN, 0.5], ..disc_decoder() };
    let wrong_size = DiscDecoder { size: Size::new(32, 128), ..disc_decoder() };
    for decoder in [nan, wrong_size] {
        let mut predictor = Predictor::new(Box::new(LetterboxEncoder(Arc::default())), Box::new(decoder));
        predictor.set_frame(&frame(Size::new(640, 480))).unwrap();
        let answer = predictor.predict(&click(5.0, 5.0), true);
        assert!(matches!(answer, Err(Error::Model(ModelError::Run { .. }))));
    }
}

#[test]
fn reused_predictions_shrink_and_grow() {
    let mut decoder = MaskDecoder::new(Box::new(disc_decoder()));
    let embedding = Embedding { letterbox: Letterbox::new(Size::new(64, 48), INPUT), ..Embedding::empty() };
    let mut out = Predictions::new();
    decoder.decode(&embedding, &[click(5.0, 5.0), click(40.0, 40.0)], true, &mut out).unwrap();
    assert_eq!((out.len(), out.iter().count()), (2, 2));
    assert_eq!(out.get(1).map(<[_]>::len), Some(3));
    decoder.decode(&embedding, &[click(40.0, 40.0)], false, &mut out).unwrap();
    assert_eq!(out.get(0).map(<[_]>::len), Some(1));
    assert!(out.get(1).is_none() && out.best(1).is_none());
    assert!(decoder.decode(&embedding, &[Prompt::default()], false, &mut out).is_err());
    assert!(out.is_empty() && out.best(0).is_none());
    decoder.decode(&embedding, &[], true, &mut out).unwrap();
    assert!(out.is_empty() && out.take().is_empty());
}

#[test]
fn decoding_again_reuses_every_buffer() {
    let mut decoder = MaskDecoder::new(Box::new(disc_decoder()));
    let embedding = Embedding { letterbox: Letterbox::new(Size::new(320, 240), INPUT), ..Embedding::empty() };
    let prompts = [click(50.0, 50.0), boxed(-5.0, 10.0, 90.0, 80.0)];
    let mut out = Predictions::new();
    // Logits change hands between the decoder's candidates and the answers, so the set of buffers is compared.
    let buffers = |decoder: &MaskDecoder, out: &Predictions| {
        let mut all: Vec<_> = out.iter().flatten().map(|a| a.logits.data.as_ptr()).collect();
        all.extend(decoder.candidates.iter().map(|c| c.logits.data.as_ptr()));
        all.sort_unstable();
        (all, out.iter().flatten().map(|a| a.mask.data().as_ptr()).collect::<Vec<_>>())
    };
    for _ in 0..2 {
        decoder.decode(&embedding, &prompts, true, &mut out).unwrap();
    }
    let before = buffers(&decoder, &out);
    for _ in 0..3 {
        decoder.decode(&embedding, &prompts, true, &mut out).unwrap();
        assert_eq!(buffers(&decoder, &out), before);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_batch_equals_its_prompts_one_by_one(
        places in prop::collection::vec((0.0f32..640.0, 0.0f32..480.0, any::<bool>()), 1..5),
        multimask in any::<bool>(),
    ) {
        let prompts: Vec<Prompt> = places
            .iter()
            .map(|&(x, y, as_box)| if as_box { boxed(x - 30.0, y - 30.0, x + 30.0, y + 30.0) } else { click(x, y) })
            .collect();
        let mut predictor = ready();
        let batch = predictor.predict_batch(&prompts, multimask).unwrap();
        prop_assert_eq!(batch.len(), prompts.len());
        for (prompt, answers) in prompts.iter().zip(&batch) {
            prop_assert_eq!(&predictor.predict(prompt, multimask).unwrap(), answers);
        }
    }

    #[test]
    fn no_prompt_panics(
        points in prop::collection::vec((any::<f32>(), any::<f32>(), any::<bool>()), 0..7),
        bbox in prop::option::of(any::<[f32; 4]>()),
    ) {
        let label = |fg| if fg { Label::Foreground } else { Label::Background };
        let points = points.into_iter().map(|(x, y, fg)| LabeledPoint { point: Point::new(x, y), label: label(fg) });
        let prompt = Prompt { points: points.collect(), bbox: bbox.map(BoundingBox::from), mask: None };
        let _ = ready().predict(&prompt, true);
    }
}

#[test]
fn a_second_look_sees_the_object_larger_and_answers_in_frame_pixels() {
    let photo = frame(Size::new(640, 480));
    let encodings = Arc::<Encodings>::default();
    let decoder = disc_decoder();
    let seen = decoder.seen.clone();
    let mut predictor = Predictor::new(Box::new(LetterboxEncoder(encodings.clone())), Box::new(decoder));
    predictor.set_frame(&photo).unwrap();
    let prompt = click(300.0, 200.0);
    let first = predictor.predict(&prompt, false).unwrap().remove(0);
    // 30 input pixels are 75 of the frame.
    assert_eq!(first.region, Region::of_frame(photo.size));
    assert!((first.bbox.unwrap().width() - 150.0).abs() < 6.0, "{:?}", first.bbox);

    let closer = predictor.zoom_in(&photo, &prompt, &first).unwrap().unwrap();
    assert_eq!(encodings.0.load(Ordering::Relaxed), 2);
    let letterbox = Letterbox::of_region(photo.size, closer.region, INPUT);
    assert!(closer.region.as_box().contains(Point::new(300.0, 200.0)) && letterbox.scale_x() > 0.8);
    // The decoder's disc is as large in input pixels as before, and lies about the same point of the frame.
    let bbox = closer.bbox.unwrap();
    assert!((bbox.width() - 60.0 / letterbox.scale_x()).abs() < 6.0, "{bbox:?}");
    assert!(bbox.center().distance(Point::new(300.0, 200.0)) < 4.0, "{bbox:?}");
    // The first answer went along as the mask prompt: positive in the middle, negative in the corner.
    let prior = seen.lock().unwrap().last().unwrap().mask.clone().unwrap();
    assert!(prior.data[32 * 64 + 32] > 0.0 && prior.data[0] < 0.0);

    // A correction of the zoomed answer speaks about the whole frame again.
    let points = [LabeledPoint::foreground(300.0, 200.0), LabeledPoint::background(310.0, 200.0)];
    let refined = predictor.refine(&closer, &points).unwrap();
    assert_eq!(refined.region, Region::of_frame(photo.size));
    assert!(!refined.mask.contains(Point::new(310.0, 200.0)));
    let prior = seen.lock().unwrap().last().unwrap().mask.clone().unwrap();
    assert!(prior.data[20 * 64 + 30] > 0.0 && prior.data[0] < 0.0, "the answer lies at its place in the frame");
}

#[test]
fn a_second_look_refuses_another_frame() {
    let mut predictor = ready();
    let first = predictor.predict(&click(300.0, 200.0), false).unwrap().remove(0);
    let other = frame(Size::new(320, 240));
    assert!(matches!(
        predictor.zoom_in(&other, &click(300.0, 200.0), &first),
        Err(Error::Image(ImageError::SizeMismatch { .. }))
    ));
    predictor.reset();
    let photo = frame(Size::new(640, 480));
    assert_eq!(refusal(predictor.zoom_in(&photo, &click(300.0, 200.0), &first)), PromptError::NoFrame);
}
