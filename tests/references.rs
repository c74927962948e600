//! Models of the architectures that people use, as their users export them, with random weights: ours against ONNX Runtime
//! through the published pre- and post-processing (tests/reference/make.py). `FOVEATE_REFERENCES` names another folder of the
//! same form, for `make test-family`.

use std::path::{Path, PathBuf};

use foveate::frame::open_image;
use foveate::geometry::{BoundingBox, LabeledPoint, Point, Size};
use foveate::mask::{LowResLogits, Mask, UpsampleScratch, upsample_mask};
use foveate::model::{Candidate, Embedding, ModelOptions, Prompt, Registry};

#[derive(serde::Deserialize)]
struct Model {
    model: String,
    /// By how much ratings may differ.
    within: f32,
    answers: Vec<Answer>,
}

#[derive(serde::Deserialize)]
struct Answer {
    prompt: Given,
    /// Of every candidate.
    ratings: Vec<f32>,
    /// The one that logits and mask are of.
    best: usize,
    /// Columns and rows of the logits.
    side: [u32; 2],
    /// Where they begin among the numbers, and the bits of the mask of the photo.
    logits: usize,
    mask: usize,
}

#[derive(serde::Deserialize)]
struct Given {
    points: Vec<[f32; 3]>,
    bbox: Option<[f32; 4]>,
    /// The answer whose logits are the mask prompt.
    after: Option<usize>,
}

fn folder() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    std::env::var_os("FOVEATE_REFERENCES").map_or_else(own, PathBuf::from)
}

fn prompt(given: &Given, prior: Option<LowResLogits>) -> Prompt {
    let point = |[x, y, label]: &[f32; 3]| {
        let at = Point::new(*x, *y);
        if *label > 0.5 { LabeledPoint::foreground(at.x, at.y) } else { LabeledPoint::background(at.x, at.y) }
    };
    Prompt {
        points: given.points.iter().map(point).collect(),
        bbox: given.bbox.map(|[x0, y0, x1, y1]| BoundingBox::new(x0, y0, x1, y1)),
        mask: prior,
    }
}

#[test]
fn masks_and_ratings_are_the_published_ones() {
    let folder = folder();
    let photo = open_image(folder.join("photo.png")).unwrap();
    let numbers = std::fs::read(folder.join("answers.f16")).unwrap();
    let index = std::fs::read_to_string(folder.join("answers.json")).unwrap();
    let models: Vec<Model> = serde_json::from_str(&index).unwrap();
    let registry = Registry::from_dirs(&[folder.join("models")]).unwrap();
    assert!(!models.is_empty());
    let mut failures = Vec::new();
    for Model { model: name, within, answers } in &models {
        let model = match registry.load(name, &ModelOptions::default()) {
            Ok(model) => model,
            Err(error) => {
                failures.push(format!("{name}: {error}"));
                continue;
            }
        };
        let mut embedding = Embedding::empty();
        model.encoder().unwrap().encode(&photo, &mut embedding).unwrap();
        let mut decoder = model.decoder().unwrap();
        let mut stored: Vec<LowResLogits> = Vec::new();
        for (ix, answer) in answers.iter().enumerate() {
            let [width, height] = answer.side;
            let size = Size::new(width, height);
            let bytes = &numbers[answer.logits..answer.logits + 2 * size.area()];
            let halves = bytes.as_chunks::<2>().0.iter().map(|b| half::f16::from_le_bytes(*b).to_f32());
            let expected = LowResLogits { size, data: halves.collect() };
            let prior = answer.prompt.after.map(|before| stored[before].clone());
            let prompt = prompt(&answer.prompt, prior);
            let mut candidates = Vec::new();
            match decoder.decode(&embedding, std::slice::from_ref(&prompt), &mut candidates) {
                Ok(()) => {
                    let bits = &numbers[answer.mask..];
                    let mask = Mask::from_fn(photo.size, |x, y| {
                        let at = (y * photo.size.width + x) as usize;
                        bits[at / 8] >> (7 - at % 8) & 1 == 1
                    });
                    let faults = compare(answer, *within, &expected, &mask, &embedding, &candidates);
                    failures.extend(faults.into_iter().map(|fault| format!("{name}, prompt {ix}: {fault}")));
                }
                Err(error) => failures.push(format!("{name}, prompt {ix}: {error}")),
            }
            stored.push(expected);
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// What is wrong with `candidates`.
fn compare(
    answer: &Answer,
    within: f32,
    expected: &LowResLogits,
    mask: &Mask,
    embedding: &Embedding,
    candidates: &[Candidate],
) -> Vec<String> {
    let mut faults = Vec::new();
    let ratings: Vec<f32> = candidates.iter().map(|c| c.predicted_iou).collect();
    // NaN is not within anything.
    let is_within = |(a, b): (&f32, &f32)| (a - b).abs() <= within;
    if ratings.len() < answer.ratings.len() || !ratings.iter().zip(&answer.ratings).all(is_within) {
        faults.push(format!("ratings {ratings:?} instead of {:?}", answer.ratings));
    }
    let Some(best) = candidates.get(answer.best) else { return faults };
    if best.logits.size != expected.size {
        faults.push(format!("logits of {:?} instead of {:?}", best.logits.size, expected.size));
        return faults;
    }
    // The stored logits are half floats, as exact as a two-thousandth of their size.
    let wrong = |(a, b): (&f32, &f32)| a.is_nan() || (a - b).abs() > 1e-2 + b.abs() * 1e-3;
    let count = best.logits.data.iter().zip(&expected.data).filter(|pair| wrong(*pair)).count();
    if count > 0 {
        let off = best.logits.data.iter().zip(&expected.data).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        faults.push(format!("{count} of {} logits are wrong, by up to {off}", expected.data.len()));
    }
    let (mut ours, mut scratch) = (Mask::new(mask.size()), UpsampleScratch::default());
    upsample_mask(&best.logits, &embedding.letterbox, 0.0, &mut scratch, &mut ours);
    let iou = ours.iou(mask);
    if iou < 0.99 {
        faults.push(format!("IoU {iou:.4} with the published mask of {} pixels", mask.area()));
    }
    faults
}
