//! `foveate quantize`: from a float ONNX file to one with 8-bit or half-float weights.

mod masks;
mod photos;
mod progress;
mod report;
mod source;

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::engine::OnnxModel;
use crate::error::{Error, ModelError};
use crate::geometry::Size;
use crate::model::{Installed, MANIFEST_FILE};
use crate::quantize::{self, Method, QuantizeOptions};
use crate::sync::StopToken;

use super::interrupt::on_interrupt;
use super::model_args::{parse_size, parse_threads};
use super::output::{print, print_json};
use super::outputs::Files;
pub(super) use masks::MaskAgreement;
use photos::Photos;
use progress::Progress;
use report::{Report, Work};
use source::Source;
pub(super) use source::{Rgb, parse_rgb, parse_std};

/// Make an encoder smaller and faster: 8-bit integers, or half-float weights.
///
/// Takes an ONNX file with one image input (f32, 1x3xHxW) and writes one that every ONNX runtime runs. With int8, the
/// convolutions get signed 8-bit weights with a scale for each output channel, and read tensors of unsigned 8-bit values
/// whose ranges are measured on photos: give some dozens that look like what the model is to see. With f16, the weights
/// are rounded to half floats and the arithmetic stays as it is; photos are then only needed for the figures.
///
/// The figures are signal-to-quantisation-noise ratios (SQNR) against the float model on the same photos: 20 dB is a
/// hundredth of the energy.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct QuantizeArgs {
    /// The float model
    #[arg(value_name = "MODEL.onnx", required_unless_present = "model")]
    file: Option<PathBuf>,
    /// Take the encoder of an installed model, with its size and normalisation, and compare the masks in the end
    #[arg(long, value_name = "NAME", conflicts_with_all = ["file", "mean", "std"])]
    model: Option<String>,
    /// The folder with manifest.toml and the model files, instead of the bundled one
    #[arg(long, value_name = "DIR", requires = "model")]
    models_dir: Option<PathBuf>,
    /// What the weights become
    #[arg(long, value_enum, value_name = "int8|f16")]
    precision: Target,
    /// Where to write the new model
    #[arg(long, value_name = "OUT.onnx", help_heading = "Output")]
    out: PathBuf,
    /// Print one JSON object instead of a table
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    photos: PhotoArgs,
    /// How a tensor's range is found: minmax, percentile, entropy, or auto for the least squared error of the three
    #[arg(long, default_value = "auto", help_heading = "Calibration")]
    method: Method,
    /// The share of values that --method percentile keeps, in per cent
    #[arg(long, value_name = "P", default_value_t = 99.99, value_parser = parse_percentile, help_heading = "Calibration")]
    percentile: f64,
    /// A convolution that stays float, by its node's name. May be repeated
    #[arg(long, value_name = "NAME", help_heading = "Calibration")]
    keep: Vec<String>,
    /// Leave the channels between convolutions as uneven as they are, instead of multiplying each by a factor that the next
    /// convolutions take back where that helps
    #[arg(long, help_heading = "Calibration")]
    no_equalization: bool,
    /// Leave the biases as they are, instead of taking the mean error of each channel out of them where that helps
    #[arg(long, help_heading = "Calibration")]
    no_bias_correction: bool,
    /// Threads that the models run on
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = parse_threads)]
    threads: usize,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Calibration")]
struct PhotoArgs {
    /// The folder with the photos, searched with its subfolders
    #[arg(long, value_name = "DIR", required_if_eq("precision", "int8"))]
    calibration: Option<PathBuf>,
    /// Take at most N photos, evenly spread over the folder
    #[arg(long, value_name = "N", default_value_t = PHOTOS as u32, value_parser = clap::value_parser!(u32).range(1..))]
    images: u32,
    /// Input size where the file leaves it open; 256x256, or the installed model's, unless given
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    size: Option<Size>,
    /// What is subtracted from red, green and blue (0 to 1); ImageNet's unless given
    #[arg(long, value_name = "R,G,B", value_parser = source::parse_rgb)]
    mean: Option<source::Rgb>,
    /// What they are then divided by; ImageNet's unless given
    #[arg(long, value_name = "R,G,B", value_parser = source::parse_std)]
    std: Option<source::Rgb>,
}

/// Photos that are taken of a folder unless it is said.
const PHOTOS: usize = 64;

const EXAMPLES: &str = "\
Examples:
  An encoder in 8-bit integers, calibrated on 64 photos of a folder:
    foveate quantize encoder.onnx --calibration photos --precision int8 --out encoder-int8.onnx
  The bundled model's encoder, and how well its masks hold:
    foveate quantize --model foveate --calibration photos --precision int8 --out encoder-int8.onnx
  Half the file, without photos:
    foveate quantize encoder.onnx --precision f16 --out encoder-f16.onnx";

/// What the weights become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Target {
    Int8,
    F16,
}

fn parse_percentile(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|p| (50.0..=100.0).contains(p));
    share.ok_or_else(|| format!("`{text}` is not a share to keep: give 50 to 100"))
}

/// Runs the command.
pub fn run(args: QuantizeArgs) -> anyhow::Result<()> {
    let source = Source::new(&args)?;
    let mut files = Files::default();
    files.reads("the model", source.files()).reads_trees("--calibration", &args.photos.calibration);
    files.writes("--out", [&args.out]).check()?;
    let model = source.open()?;
    let options = QuantizeOptions {
        method: args.method,
        percentile: args.percentile,
        equalization: !args.no_equalization,
        bias_correction: !args.no_bias_correction,
        keep: args.keep.clone(),
        input: args.photos.size.or(source.size(&model)),
        threads: args.threads,
    };
    // Refuses what is no encoder before it looks for photos.
    let input = quantize::input_size(&model, options.input)?;
    let mut photos = match &args.photos.calibration {
        Some(folder) => Some(Photos::find(folder, args.photos.images as usize, source.preprocessor(input))?),
        None => None,
    };
    let stop = on_interrupt()?;
    let mut progress = Progress::new(stop.clone());
    let work = match (args.precision, &mut photos) {
        (Target::Int8, Some(photos)) => int8(&model, photos, &options, &mut progress)?,
        (Target::Int8, None) => anyhow::bail!("int8 needs photos: give --calibration DIR"),
        (Target::F16, photos) => f16(&model, photos.as_mut(), &options, &mut progress)?,
    };
    progress.finish();
    let (made, work) = work.context("stopped before the end; nothing was written")?;
    let bytes_after = made.write(&args.out).map_err(Error::from)?;
    let masks = match (&source.installed, &photos) {
        (Some(installed), Some(photos)) => masks::compare(installed, &args.out, photos, input, args.threads, &stop)?,
        _ => None,
    };
    let report = Report {
        model: source.name(),
        out: args.out,
        input_size: [input.width, input.height],
        bytes_before: source.bytes()?,
        bytes_after,
        skipped_images: photos.as_ref().map_or(0, Photos::skipped),
        masks,
        work,
    };
    if args.json { print_json(&report) } else { print(&report.table()) }
}

/// Writes the float encoder of `installed` in 8-bit integers to `out`, calibrated on the photos of the folder `calibration`, and compares
/// the masks; `None` if the float model finds nothing in the photos. Raised, `stop` ends it with nothing written, or nothing compared.
pub(super) fn quantize_encoder(
    installed: &Installed,
    calibration: &Path,
    out: &Path,
    threads: usize,
    stop: &StopToken,
) -> anyhow::Result<Option<MaskAgreement>> {
    let source = Source::of_installed(installed.clone())?;
    let model = source.open()?;
    let options = QuantizeOptions { input: source.size(&model), threads, ..QuantizeOptions::default() };
    let input = quantize::input_size(&model, options.input)?;
    let mut photos = Photos::find(calibration, PHOTOS, source.preprocessor(input))?;
    let mut progress = Progress::new(stop.clone());
    let made = int8(&model, &mut photos, &options, &mut progress)?;
    progress.finish();
    let Some((made, _)) = made else { return Ok(None) };
    made.write(out).map_err(Error::from)?;
    masks::compare(installed, out, &photos, input, threads, stop)
}

/// `None` if it was stopped.
type Made = Option<(OnnxModel, Work)>;

fn int8(
    model: &OnnxModel,
    photos: &mut Photos,
    options: &QuantizeOptions,
    progress: &mut Progress,
) -> Result<Made, Error> {
    let made = quantize::quantize(model, photos, options, progress)?;
    Ok(made.map(|made| (made.model, Work::Int8(made.report))))
}

fn f16(
    model: &OnnxModel,
    photos: Option<&mut Photos>,
    options: &QuantizeOptions,
    progress: &mut Progress,
) -> Result<Made, Error> {
    let halved = model.halved()?;
    for name in &halved.overflowing {
        tracing::warn!("{name} stays f32: it has values beyond 65504, the largest half float");
    }
    let (outputs, images) = match photos {
        Some(photos) => match quantize::measure(model, &halved.model, photos, options, progress)? {
            Some(measured) => measured,
            None => return Ok(None),
        },
        None => Default::default(),
    };
    let work = Work::F16 { images, outputs, halved: halved.halved, overflowing: halved.overflowing };
    Ok(Some((halved.model, work)))
}

/// A model that has no `f32` files to start from.
fn no_float_files(installed: &Installed) -> ModelError {
    let reason = format!("model `{}` has no f32 files to quantise", installed.spec.name);
    ModelError::Manifest { path: installed.location.path(MANIFEST_FILE.as_ref()), reason }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        args: QuantizeArgs,
    }

    fn parse(line: &str) -> Result<QuantizeArgs, clap::Error> {
        Command::try_parse_from(line.split(' ')).map(|c| c.args)
    }

    #[test]
    fn the_examples_in_the_help_are_valid() {
        let lines: Vec<&str> = EXAMPLES.lines().filter_map(|l| l.trim().strip_prefix("foveate ")).collect();
        assert_eq!(lines.len(), 3);
        for line in lines {
            assert!(parse(line).is_ok(), "{line}");
        }
    }

    #[test]
    fn photos_are_needed_for_integers_alone_and_one_model_always() {
        assert!(parse("quantize m.onnx --precision int8 --out o.onnx").is_err());
        assert!(parse("quantize m.onnx --precision f16 --out o.onnx").is_ok());
        assert!(parse("quantize --precision f16 --out o.onnx").is_err());
        assert!(parse("quantize m.onnx --model foveate --precision f16 --out o.onnx").is_err());
        assert!(parse("quantize m.onnx --percentile 20 --precision f16 --out o.onnx").is_err());
    }
}
