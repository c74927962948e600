//! Whether a model answers: one photo, one click, and a mask that is one.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::photo::Photo;
use crate::engine::Precision;
use crate::error::{Error, InstallError};
use crate::geometry::Size;
use crate::model::{Installed, LoadedModel, MeasuredRun, ModelOptions, MultiplyAdds, Prompt};
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
    let fault = fault(&found, photo.frame.size, &model);
    if let Some(reason) = fault {
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
fn fault(found: &[Prediction], frame: Size, model: &LoadedModel) -> Option<String> {
    let input = model.input_size();
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
