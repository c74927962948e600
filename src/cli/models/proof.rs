//! Whether a model answers: one photo, one click, and a mask that is one.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::photo::Photo;
use crate::engine::Precision;
use crate::error::{Error, InstallError};
use crate::geometry::Size;
use crate::model::{Installed, MeasuredRun, ModelOptions, MultiplyAdds, Prompt};
use crate::segment::{Prediction, Predictor};
use crate::statistics::Samples;

/// Most runs of encoder and decoder that are timed.
const RUNS: usize = 5;
/// No more are begun after this.
const ENOUGH: Duration = Duration::from_secs(2);

/// IoU with the truth below which a mask is of something else.
const LIKE: f32 = 0.25;

/// What a model has shown.
#[derive(Serialize)]
pub(super) struct Proof {
    pub run: MeasuredRun,
    pub multiply_adds: MultiplyAdds,
    /// Best first.
    pub masks: Vec<ProvenMask>,
    /// IoU of the best mask with the object's true one, where that is known.
    pub iou: Option<f32>,
    /// What is odd, and no reason to refuse.
    pub doubts: Vec<&'static str>,
    #[serde(skip)]
    pub best: Prediction,
    #[serde(skip)]
    pub prompt: Prompt,
}

#[derive(Serialize)]
pub(super) struct ProvenMask {
    pub predicted_iou: f32,
    pub stability: f32,
    pub area: usize,
}

/// Loads `installed` in `precision` and asks it about `photo`.
///
/// # Errors
/// As [`Installed::load`]; [`InstallError::Unproven`] for masks that are none.
pub(super) fn prove(
    installed: &Installed,
    precision: Precision,
    threads: usize,
    photo: &Photo,
) -> Result<Proof, Error> {
    let options = ModelOptions { precision: Some(precision), threads, ..ModelOptions::default() };
    let model = installed.load(&options)?;
    let mut predictor = Predictor::new(model.encoder()?, model.decoder()?);
    let prompt = Prompt { points: vec![photo.click], ..Prompt::default() };
    // The first run warms up, and shows what the others would.
    predictor.set_frame(&photo.frame)?;
    let found = predictor.predict(&prompt, true)?;
    let unproven = |reason: String| Error::from(InstallError::Unproven { photo: photo.name.clone(), reason });
    if let Some(reason) = fault(&found, photo.frame.size, model.input_size()) {
        return Err(unproven(reason));
    }
    let (mut encoding, mut decoding) = (Samples::default(), Samples::default());
    let began = Instant::now();
    for _ in 0..RUNS {
        encoding.time(|| predictor.set_frame(&photo.frame))?;
        decoding.time(|| predictor.predict(&prompt, true))?;
        if began.elapsed() > ENOUGH {
            break;
        }
    }
    let (encoder, decoder) = model.audit();
    let multiply_adds = MultiplyAdds { encoder: encoder.macs, decoder: decoder.macs };
    let masks = found.iter().map(|mask| ProvenMask {
        predicted_iou: mask.predicted_iou,
        stability: mask.stability,
        area: mask.area,
    });
    let masks = masks.collect();
    let Some(best) = found.into_iter().next() else { return Err(unproven("it gives no mask".into())) };
    let mut doubts = Vec::new();
    if !best.mask.contains(photo.click.point) {
        doubts
            .push("the best mask does not hold the click: look at the picture, and at --coordinates, --mean and --std");
    }
    let iou = photo.truth.as_ref().map(|truth| truth.iou(&best.mask));
    if doubts.is_empty() && iou.is_some_and(|iou| iou < LIKE) {
        doubts.push("the best mask is not the object's, so its weights may be untrained, or its pixels not as --mean and --std say");
    }
    let input = model.input_size();
    Ok(Proof {
        run: MeasuredRun {
            precision,
            threads,
            input: [input.width, input.height],
            encoder_ms: rounded(encoding.median_ms()),
            decoder_ms: rounded(decoding.median_ms()),
        },
        multiply_adds,
        masks,
        iou,
        doubts,
        best,
        prompt,
    })
}

/// Milliseconds to the microsecond.
fn rounded(milliseconds: Option<f64>) -> f64 {
    (milliseconds.unwrap_or_default() * 1e3).round() / 1e3
}

/// Why `found` are no masks of a frame.
fn fault(found: &[Prediction], frame: Size, input: Size) -> Option<String> {
    let remedy = "compare what its pixels and points are with --mean, --std, --fit and --coordinates, and whether the files hold trained weights";
    let Some(first) = found.first() else { return Some("it gives no mask".into()) };
    let Size { width, height } = first.logits.size;
    if u64::from(width) * u64::from(input.height) != u64::from(height) * u64::from(input.width) {
        return Some(format!(
            "its masks of {width}x{height} have not the form of its input of {}x{}: export encoder and decoder for one size",
            input.width, input.height
        ));
    }
    let odd = |value: f32| !value.is_finite();
    if found.iter().any(|mask| odd(mask.predicted_iou) || mask.logits.data.iter().copied().any(odd)) {
        return Some("its masks or ratings hold values that are no numbers: export it again, or try f32 files".into());
    }
    if found.iter().all(|mask| mask.area == 0) {
        return Some(format!("every mask is empty: {remedy}"));
    }
    if found.iter().all(|mask| mask.area == frame.area()) {
        return Some(format!("every mask is the whole photo: {remedy}"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::{LowResLogits, Mask};

    const FRAME: Size = Size::new(8, 6);
    const INPUT: Size = Size::new(64, 64);

    /// A mask of `area` pixels, from logits of `size`.
    fn found(area: usize, size: Size, logit: f32) -> Prediction {
        let mask = Mask::from_fn(FRAME, |x, y| ((y * FRAME.width + x) as usize) < area);
        let logits = LowResLogits { size, data: vec![logit; size.area()] };
        Prediction { mask, logits, area, predicted_iou: 0.5, ..Prediction::default() }
    }

    #[test]
    fn masks_that_are_none_are_told() {
        let square = Size::new(16, 16);
        let rows: [(Vec<Prediction>, Option<&str>); 6] = [
            (vec![], Some("no mask")),
            (vec![found(0, square, -1.0), found(0, square, -1.0)], Some("empty")),
            (vec![found(48, square, 1.0)], Some("whole photo")),
            (vec![found(9, Size::new(16, 8), 1.0)], Some("16x8")),
            (vec![found(9, square, f32::NAN)], Some("no numbers")),
            (vec![found(0, square, -1.0), found(9, square, 1.0)], None),
        ];
        for (masks, says) in rows {
            let told = fault(&masks, FRAME, INPUT);
            match says {
                Some(says) => assert!(told.as_ref().is_some_and(|told| told.contains(says)), "{says}: {told:?}"),
                None => assert_eq!(told, None),
            }
        }
    }
}
