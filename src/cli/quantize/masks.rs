//! What quantisation costs where it counts: the masks.

use std::path::Path;

use serde::Serialize;

use crate::engine::Precision;
use crate::error::{Error, IoError};
use crate::frame;
use crate::geometry::{LabeledPoint, Size};
use crate::model::{Installed, ModelOptions, Prompt, sha256};
use crate::segment::Predictor;
use crate::statistics::{mean, median};
use crate::sync::StopToken;

use super::super::progress::bar;
use super::no_float_files;
use super::photos::{Photos, spread};

/// Most photos that are compared.
const PHOTOS: usize = 16;

/// The masks from the quantised encoder against those from the float one, both through the float decoder.
#[derive(Debug, Serialize)]
pub(in super::super) struct MaskAgreement {
    pub photos: usize,
    /// Clicks to which the float model answers with a mask that is not empty.
    pub prompts: usize,
    pub median_iou: f64,
    pub mean_iou: f64,
}

/// Compares the best mask of one click each at the centre and at four points half way to the corners. `None` if `stop`
/// was raised or the float model finds nothing anywhere.
pub(super) fn compare(
    installed: &Installed,
    encoder: &Path,
    photos: &Photos,
    input: Size,
    threads: usize,
    stop: &StopToken,
) -> anyhow::Result<Option<MaskAgreement>> {
    let precision = Some(Precision::F32);
    let options = ModelOptions { precision, threads, input_size: Some(input), ..ModelOptions::default() };
    let mut float = predictor(installed, &options)?;
    let mut quantised = predictor(&with_encoder(installed, encoder)?, &options)?;
    let readable = photos.readable();
    let photos: Vec<_> = spread(&readable, PHOTOS).collect();
    let bar = bar(0, "photos");
    bar.restart(photos.len(), "masks");
    let mut ious = Vec::new();
    for path in &photos {
        let photo = frame::open_image(path)?;
        float.set_frame(&photo)?;
        quantised.set_frame(&photo)?;
        let prompts = clicks(photo.size);
        let answers = float.predict_batch(&prompts, false)?.into_iter().zip(quantised.predict_batch(&prompts, false)?);
        for (exact, given) in answers {
            if let (Some(exact), Some(given)) = (exact.first().filter(|m| m.area > 0), given.first()) {
                ious.push(f64::from(exact.mask.iou(&given.mask)));
            }
        }
        bar.advance();
        if stop.is_stopped() {
            return Ok(None);
        }
    }
    bar.clear();
    let mean_iou = mean(ious.iter().copied());
    let (photos, prompts) = (photos.len(), ious.len());
    let figures = median(&mut ious, f64::total_cmp).zip(mean_iou);
    Ok(figures.map(|(median_iou, mean_iou)| MaskAgreement { photos, prompts, median_iou, mean_iou }))
}

fn predictor(installed: &Installed, options: &ModelOptions) -> Result<Predictor, Error> {
    let model = installed.load(options)?;
    Ok(Predictor::new(model.encoder()?, model.decoder()?))
}

/// The installed model with another encoder file.
fn with_encoder(installed: &Installed, encoder: &Path) -> Result<Installed, Error> {
    let mut changed = installed.clone();
    let Some(files) = changed.spec.files.get_mut(&Precision::F32) else {
        return Err(no_float_files(installed).into());
    };
    // An absolute path replaces the folder that it is joined to.
    files.encoder.path = std::path::absolute(encoder).map_err(IoError::when("read", encoder))?;
    files.encoder.sha256 = sha256(encoder)?;
    Ok(changed)
}

/// One click at the centre, and one half way from there to each corner.
fn clicks(frame: Size) -> Vec<Prompt> {
    let shares = [(0.5, 0.5), (0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)];
    let click = |(x, y): (f32, f32)| LabeledPoint::foreground(x * frame.width as f32, y * frame.height as f32);
    shares.into_iter().map(|at| Prompt { points: vec![click(at)], ..Prompt::default() }).collect()
}
