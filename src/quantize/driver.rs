use std::collections::{BTreeMap, BTreeSet};

use super::calibration::{calibrate, inputs_of};
use super::comparison::{Observed, Ratios, RunAs, output_names, side_by_side};
use super::correction::corrections;
use super::equalization::equalized;
use super::grid::{grid, rounded};
use super::histogram::Histogram;
use super::images::{Images, Watch, image_input, input_size, no_images};
use super::range::{Method, Range, choose_range};
use super::report::{OutputReport, Report, TensorReport, Trial};
use crate::engine::{Convolution, OnnxModel, QuantizationPlan, Threads};
use crate::error::{Error, ModelError, nearest_name};
use crate::geometry::Size;

/// How a model is quantised.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct QuantizeOptions {
    /// How the ranges of tensors are chosen.
    pub method: Method,
    /// The share of values that [`Method::Percentile`] keeps, 0 to 100.
    pub percentile: f64,
    /// Whether the channels between convolutions are made even where that lowers the error of the outputs.
    pub equalization: bool,
    /// Whether mean errors are taken out of the biases where that lowers the error of the outputs.
    pub bias_correction: bool,
    /// Names of convolutions that stay float.
    pub keep: Vec<String>,
    /// Input size where the file leaves it open.
    pub input: Option<Size>,
    /// Threads that the models run on.
    pub threads: usize,
}

impl Default for QuantizeOptions {
    fn default() -> Self {
        QuantizeOptions {
            method: Method::Auto,
            percentile: 99.99,
            equalization: true,
            bias_correction: true,
            keep: Vec::new(),
            input: None,
            threads: 1,
        }
    }
}

/// An 8-bit model and how near it is to the float one.
#[derive(Debug)]
pub struct Quantized {
    /// The model in 8-bit integers.
    pub model: OnnxModel,
    /// What became of it.
    pub report: Report,
}

/// Quantises the image encoder `model` to 8-bit integers by the images of `images`. `None` if the watcher ended it.
///
/// Grids go to the tensors that quantised convolutions read, and to no others.
///
/// # Errors
/// [`ModelError::Rewrite`] if the file is no image encoder, has no convolution to quantise or none of a name to keep, if
/// no image can be read or a tensor is not finite; otherwise as [`OnnxModel::compile`].
pub fn quantize(
    model: &OnnxModel,
    images: &mut dyn Images,
    options: &QuantizeOptions,
    watch: &mut dyn Watch,
) -> Result<Option<Quantized>, Error> {
    let model = &model.with_plain_constants()?;
    let run = RunAs { input: input_size(model, options.input)?, threads: Threads::new(options.threads) };
    let Some(mut made) = by_calibration(model, images, &run, options, watch)? else { return Ok(None) };
    let streams = if options.equalization { model.streams() } else { Vec::new() };
    if !streams.is_empty() {
        let Some(even) = equalized(model, streams, images, &run, watch)? else { return Ok(None) };
        let Some(with) = by_calibration(&even, images, &run, options, watch)? else { return Ok(None) };
        let trial = Trial::new(made.noise, with.noise);
        if trial.kept {
            made = with;
        }
        made.report.equalization = Some(trial);
    }
    Ok(Some(Quantized { model: made.model, report: made.report }))
}

/// A quantised model, what became of it, and the noise of its outputs for a unit of signal.
struct Made {
    model: OnnxModel,
    report: Report,
    noise: f64,
}

/// Quantises `model`, whose constants are plain, as it is. `None` if the watcher ended it.
fn by_calibration(
    model: &OnnxModel,
    images: &mut dyn Images,
    run: &RunAs,
    options: &QuantizeOptions,
    watch: &mut dyn Watch,
) -> Result<Option<Made>, Error> {
    let (convolutions, float) = convolutions(model, &options.keep)?;
    let Some(histograms) = calibrate(model, &convolutions, images, run, watch)? else { return Ok(None) };
    let range = |h: &Histogram| choose_range(h, options.method, options.percentile);
    let ranges: BTreeMap<_, _> = histograms.iter().map(|(name, h)| (name.clone(), range(h))).collect();
    let grids: BTreeMap<_, _> = ranges.iter().map(|(name, r)| (name.clone(), grid(r.low, r.high))).collect();
    let mut plan = QuantizationPlan { grids, float, ..QuantizationPlan::default() };

    let outputs = output_names(model);
    let mut work = Work { float: model, images, watch, run };
    let Some(mut best) = work.compare(&plan)? else { return Ok(None) };
    let mut bias_correction = None;
    if options.bias_correction {
        let Some(bias_corrections) = corrections(model, &convolutions, &plan, work.images, run, work.watch)? else {
            return Ok(None);
        };
        let corrected = QuantizationPlan { bias_corrections, ..plan.clone() };
        let Some(with) = work.compare(&corrected)? else { return Ok(None) };
        let trial = Trial::new(best.ratios.mean_noise(&outputs), with.ratios.mean_noise(&outputs));
        bias_correction = Some(trial);
        if trial.kept {
            (best, plan) = (with, corrected);
        }
    }
    let report = Report {
        images: best.images,
        tensors: tensor_reports(&convolutions, &ranges, &plan, &best.ratios),
        outputs: output_reports(model, &best.ratios),
        quantized_convolutions: convolutions.len(),
        float_convolutions: plan.float.iter().cloned().collect(),
        equalization: None,
        bias_correction,
    };
    Ok(Some(Made { model: best.model, noise: best.ratios.mean_noise(&outputs), report }))
}

/// The outputs of `other`, a rewritten `model`, against those of `model`, and how many images could be read. `None` if
/// the watcher ended it.
///
/// # Errors
/// As [`quantize`].
pub fn measure(
    model: &OnnxModel,
    other: &OnnxModel,
    images: &mut dyn Images,
    options: &QuantizeOptions,
    watch: &mut dyn Watch,
) -> Result<Option<(Vec<OutputReport>, usize)>, Error> {
    let run = RunAs { input: input_size(model, options.input)?, threads: Threads::new(options.threads) };
    let names = output_names(model);
    let (mut float, mut other) = (Observed::new(model, &names, &run)?, Observed::new(other, &names, &run)?);
    let mut ratios = Ratios::default();
    let read = side_by_side(&mut float, &mut other, images, watch, |float, other, _| {
        add_outputs(&mut ratios, &names, float, other);
    })?;
    let Some(read) = read else { return Ok(None) };
    if read == 0 {
        return Err(no_images(model).into());
    }
    Ok(Some((output_reports(model, &ratios), read)))
}

/// The convolutions to quantise, and the names of those to keep.
fn convolutions(model: &OnnxModel, keep: &[String]) -> Result<(Vec<Convolution>, BTreeSet<String>), ModelError> {
    let all = model.convolutions();
    if let Some(unknown) = keep.iter().find(|name| all.iter().all(|c| c.name != **name)) {
        let hint = nearest_name(unknown, all.iter().map(|c| c.name.as_str()));
        let hint = hint.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default();
        return Err(model.refused(format!("it has no convolution `{unknown}` to keep{hint}")));
    }
    let (float, quantised): (Vec<_>, Vec<_>) = all.into_iter().partition(|c| keep.contains(&c.name));
    if quantised.is_empty() {
        return Err(model.refused("it has no convolution with 32-bit float weights to quantise: give the f32 file"));
    }
    Ok((quantised, float.into_iter().map(|c| c.name).collect()))
}

/// What every comparison needs.
struct Work<'a> {
    float: &'a OnnxModel,
    images: &'a mut dyn Images,
    watch: &'a mut dyn Watch,
    run: &'a RunAs,
}

/// A quantised model beside the float one.
struct Compared {
    model: OnnxModel,
    ratios: Ratios,
    images: usize,
}

impl Work<'_> {
    /// Runs the model that `plan` makes. `None` if the watcher ended it.
    fn compare(&mut self, plan: &QuantizationPlan) -> Result<Option<Compared>, Error> {
        let model = self.float.quantized(plan)?;
        let outputs = output_names(self.float);
        let image = &image_input(self.float)?.name;
        let inner = plan.grids.keys().filter(|name| *name != image).cloned();
        let names: Vec<String> = outputs.iter().cloned().chain(inner).collect();
        let mut float = Observed::new(self.float, &names, self.run)?;
        let mut other = Observed::new(&model, &names, self.run)?;
        let mut ratios = Ratios::default();
        let each = |float: &Observed, other: &Observed, input: &[f32]| {
            for (name, grid) in &plan.grids {
                let (exact, given) = (float.tensor(name).unwrap_or(input), other.tensor(name).unwrap_or(input));
                // An output is counted once, as it comes out.
                if !outputs.contains(name) {
                    ratios.add(name, exact, given, |v| rounded(v, *grid));
                }
            }
            add_outputs(&mut ratios, &outputs, float, other);
        };
        let read = side_by_side(&mut float, &mut other, self.images, self.watch, each)?;
        Ok(read.map(|images| Compared { model, ratios, images }))
    }
}

fn add_outputs(ratios: &mut Ratios, names: &[String], float: &Observed, other: &Observed) {
    for name in names {
        if let (Some(exact), Some(given)) = (float.tensor(name), other.tensor(name)) {
            ratios.add(name, exact, given, |v| v);
        }
    }
}

fn output_reports(model: &OnnxModel, ratios: &Ratios) -> Vec<OutputReport> {
    output_names(model).into_iter().map(|name| OutputReport { sqnr_db: ratios.get(&name).decibels(), name }).collect()
}

fn tensor_reports(
    convolutions: &[Convolution],
    ranges: &BTreeMap<String, Range>,
    plan: &QuantizationPlan,
    ratios: &Ratios,
) -> Vec<TensorReport> {
    let report = |name: String| {
        let (range, grid) = (ranges.get(&name)?, plan.grids.get(&name)?);
        Some(TensorReport {
            convolutions: convolutions.iter().filter(|c| c.input == name).map(|c| c.name.clone()).collect(),
            range: [range.low, range.high],
            scale: grid.scale,
            zero_point: grid.zero_point,
            method: range.method,
            sqnr_db: ratios.get(&name).decibels(),
            name,
        })
    };
    inputs_of(convolutions).into_iter().filter_map(report).collect()
}
