use std::path::PathBuf;

use serde::Serialize;

use super::super::output::lossy;
use super::masks::MaskAgreement;
use crate::quantize::{self, OutputReport, Trial};

/// The JSON form of `foveate quantize`.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The installed model's name, or the file's path.
    pub model: String,
    #[serde(serialize_with = "lossy")]
    pub out: PathBuf,
    /// Width and height of the model's input.
    pub input_size: [u32; 2],
    pub bytes_before: u64,
    pub bytes_after: u64,
    /// Files that look like photos and are none.
    pub skipped_images: usize,
    /// Of `--model` alone.
    pub masks: Option<MaskAgreement>,
    #[serde(flatten)]
    pub work: Work,
}

/// What was done, by precision.
#[derive(Debug, Serialize)]
#[serde(tag = "precision", rename_all = "lowercase")]
pub(super) enum Work {
    Int8(quantize::Report),
    F16 {
        images: usize,
        outputs: Vec<OutputReport>,
        /// Constants that are half floats now.
        halved: usize,
        /// Constants that stay `f32` because half floats cannot hold them.
        overflowing: Vec<String>,
    },
}

impl Report {
    pub fn table(&self) -> String {
        let mut text = match &self.work {
            Work::Int8(report) => layers(report),
            Work::F16 { halved, overflowing, .. } => {
                format!("{halved} constants in half floats, {} stay f32 because they overflow\n", overflowing.len())
            }
        };
        let (images, outputs) = match &self.work {
            Work::Int8(report) => (report.images, &report.outputs),
            Work::F16 { images, outputs, .. } => (*images, outputs),
        };
        let (before, after) = (self.bytes_before as f64 / 1e6, self.bytes_after as f64 / 1e6);
        text.push_str(&format!("{}: {before:.2} MB, now {after:.2} MB in {}\n", self.model, self.out.display()));
        if images > 0 {
            let [width, height] = self.input_size;
            text.push_str(&format!("SQNR of the outputs on {images} photos at {width}x{height}:\n"));
            for OutputReport { name, sqnr_db } in outputs {
                text.push_str(&format!("  {name}: {} dB\n", decibels(*sqnr_db)));
            }
        }
        if self.skipped_images > 0 {
            text.push_str(&format!("{} files are no photos and were left out\n", self.skipped_images));
        }
        if let Some(MaskAgreement { photos, prompts, median_iou, mean_iou }) = &self.masks {
            text.push_str(&format!(
                "masks against the float encoder's, {prompts} clicks on {photos} photos: IoU {median_iou:.3} in the \
                 median, {mean_iou:.3} in the mean\n"
            ));
        }
        text
    }
}

fn layers(report: &quantize::Report) -> String {
    let width = report.tensors.iter().map(|t| t.name.chars().count()).max().unwrap_or(0).max(6);
    let mut text = format!("{:<width$}  {:>19}  {:>10}  method      SQNR dB\n", "tensor", "range", "scale");
    for t in &report.tensors {
        let [low, high] = t.range;
        let (name, scale, method, sqnr) = (&t.name, t.scale, t.method.name(), decibels(t.sqnr_db));
        text.push_str(&format!("{name:<width$}  {low:>9.3} {high:>9.3}  {scale:>10.6}  {method:<10}  {sqnr:>7}\n"));
    }
    text.push_str(&format!("{} convolutions in 8-bit integers", report.quantized_convolutions));
    if !report.float_convolutions.is_empty() {
        text.push_str(&format!(", float: {}", report.float_convolutions.join(", ")));
    }
    text.push('\n');
    for (step, trial) in [("equalisation", report.equalization), ("bias correction", report.bias_correction)] {
        if let Some(Trial { kept, noise_without, noise_with }) = trial {
            let verdict = if kept { "kept" } else { "not kept" };
            let (with, without) = (100.0 * noise_with, 100.0 * noise_without);
            text.push_str(&format!(
                "{step} {verdict}: noise of the outputs {with:.3} % with it, {without:.3} % without\n"
            ));
        }
    }
    text
}

/// A dash where there is no noise.
fn decibels(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |db| format!("{db:.1}"))
}
