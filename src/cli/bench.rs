//! `foveate bench`: how fast a model runs on this machine, and how a camera's frames arrive.

mod onnx_file;
mod profile;
mod source;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::capture::SourceAddress;
use crate::engine::Audit;
use crate::frame::Frame;
use crate::geometry::{LabeledPoint, Size};
use crate::model::{Embedding, Prompt};
use crate::statistics::Samples;

use super::model_args::{ModelArgs, precision_text};
use super::output::{print, print_json};
use super::progress;

/// The synthetic camera frame.
const FRAME: Size = Size::new(640, 480);

/// Runs before the measurement: caches, clocks and lazily built kernels settle.
const WARM_UP: u32 = 3;

/// Most measured runs: their times are kept.
const MAX_RUNS: i64 = 1_000_000;

/// Time a model, or a camera, on this machine.
///
/// The input is a synthetic frame of 640x480 pixels. The encoder's time includes scaling and normalising it; the
/// decoder's is one point to the low-resolution masks. With --device cuda the encoder runs on the GPU, or the message says what
/// is missing for that. With --onnx, any graph on its own: an encoder that has no manifest yet, say. With --source, no model: how
/// frames of a camera arrive, how old, and how many bytes are copied for each.
#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    /// Measured runs of each part, or frames of a source, after a warm-up
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=MAX_RUNS))]
    runs: u32,
    /// Time this file instead of an installed model
    #[arg(long, value_name = "FILE.onnx", conflicts_with_all = ["name", "input_size", "models_dir"])]
    onnx: Option<PathBuf>,
    /// Time the frames of this source instead of a model, asked for as the machine's board does; --runs says how many
    #[arg(long, value_name = "SOURCE", conflicts_with_all = ["name", "input_size", "models_dir", "onnx", "precision", "threads"])]
    source: Option<SourceAddress>,
    /// The shape of an input that the file leaves open, as in image=1x3x512x512. May be repeated
    #[arg(long, value_name = "NAME=DIMS", requires = "onnx", value_parser = onnx_file::parse_shape)]
    shape: Vec<onnx_file::Shape>,
    /// Also say where the time goes: by kernel, and the nodes that take longest
    #[arg(long, requires = "onnx", help_heading = "Output")]
    profile: bool,
    /// Print one JSON object instead of a table
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    model: ModelArgs,
}

/// The JSON form of `foveate bench`.
#[derive(Debug, Serialize)]
struct Report {
    model: String,
    /// What was asked for; each part says what it computes in.
    precision: String,
    threads: usize,
    runs: u32,
    /// Width and height of the model's input.
    input_size: [u32; 2],
    encoder: Part,
    decoder: Part,
    /// Most memory that the process ever held, loading included; `null` where the system does not tell.
    peak_rss_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Part {
    median_ms: Option<f64>,
    p99_ms: Option<f64>,
    precision: String,
    /// `cpu` or `cuda`.
    device: &'static str,
    threads: usize,
    macs: u64,
    /// Those of them on 8-bit integers.
    int8_macs: u64,
    weights_bytes: u64,
    kernels: BTreeMap<String, usize>,
    /// Convolutions that the engine's own kernels do not take, and why.
    refused: BTreeMap<String, &'static str>,
}

impl Part {
    fn new(samples: &Samples, audit: &Audit) -> Part {
        Part {
            median_ms: samples.median_ms(),
            p99_ms: samples.quantile_ms(0.99),
            precision: audit.precision.to_string(),
            device: audit.device,
            threads: audit.threads,
            macs: audit.macs,
            int8_macs: audit.int8_macs,
            weights_bytes: audit.weights_bytes,
            kernels: audit.kernels.clone(),
            refused: audit.refused.clone(),
        }
    }
}

/// Calls `round` for the warm-up and then `runs` times, with a progress bar; it times `P` parts into its samples. Returns
/// those of the runs.
fn measure<const P: usize>(
    runs: u32,
    mut round: impl FnMut(&mut [Samples; P]) -> anyhow::Result<()>,
) -> anyhow::Result<[Samples; P]> {
    let bar = progress::bar((WARM_UP + runs) as usize, "runs");
    let mut samples = std::array::from_fn(|_| Samples::default());
    for run in 0..WARM_UP + runs {
        if run == WARM_UP {
            samples = std::array::from_fn(|_| Samples::default());
        }
        round(&mut samples)?;
        bar.advance();
    }
    bar.clear();
    Ok(samples)
}

/// Runs the command.
pub fn run(args: BenchArgs) -> anyhow::Result<()> {
    if let Some(address) = &args.source {
        return source::run(address, args.runs, args.json);
    }
    if let Some(file) = &args.onnx {
        return onnx_file::run(file, &args);
    }
    let model = args.model.load()?;
    let (mut encoder, mut decoder) = (model.encoder()?, model.decoder()?);
    let frame = synthetic_frame()?;
    let center = LabeledPoint::foreground(FRAME.width as f32 / 2.0, FRAME.height as f32 / 2.0);
    let prompts = [Prompt { points: vec![center], ..Prompt::default() }];
    let (mut embedding, mut candidates) = (Embedding::empty(), Vec::new());

    let [encoding, decoding] = measure(args.runs, |[encoding, decoding]| {
        encoding.time(|| encoder.encode(&frame, &mut embedding))?;
        Ok(decoding.time(|| decoder.decode(&embedding, &prompts, &mut candidates))?)
    })?;

    let (encoder_audit, decoder_audit) = model.audit();
    let report = Report {
        model: model.spec().name.to_string(),
        precision: model.precision().name().to_owned(),
        threads: encoder_audit.threads,
        runs: args.runs,
        input_size: [encoder.input_size().width, encoder.input_size().height],
        encoder: Part::new(&encoding, encoder_audit),
        decoder: Part::new(&decoding, decoder_audit),
        peak_rss_bytes: peak_rss_bytes(),
    };
    if args.json { print_json(&report) } else { print(&table(&report, &precision_text(&model))) }
}

/// Slopes with grain: no two rows alike, nothing that a kernel could find easy.
fn synthetic_frame() -> Result<Frame, crate::Error> {
    let mut grain = 1u32;
    let data = (0..FRAME.area() * 3).map(|i| {
        grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (x, y) = (i / 3 % FRAME.width as usize, i / 3 / FRAME.width as usize);
        ((x + y) / 6) as u8 ^ (grain >> 28) as u8
    });
    Ok(Frame::from_rgb(FRAME, data.collect())?)
}

/// `VmHWM` of Linux.
fn peak_rss_bytes() -> Option<u64> {
    parse_peak_rss(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn parse_peak_rss(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

fn table(report: &Report, precision: &str) -> String {
    let Report { model, threads, runs, input_size: [width, height], .. } = report;
    let mut text = format!("{model} ({precision}), input {width}x{height}, {threads} thread(s), {runs} runs\n");
    text.push_str(HEADING);
    text.push_str(&part_line("encoder", &report.encoder));
    text.push_str(&part_line("decoder", &report.decoder));
    text.push_str(&memory_line(report.peak_rss_bytes));
    text.push_str(&kernel_lines("encoder", &report.encoder));
    text.push_str(&kernel_lines("decoder", &report.decoder));
    text
}

const HEADING: &str = "             median ms     p99 ms       MMACs  weights MB\n";

fn part_line(name: &str, part: &Part) -> String {
    let ms = |v: Option<f64>| v.unwrap_or_default();
    format!(
        "  {name:<9} {:>10.2} {:>10.2} {:>11.1} {:>11.2}\n",
        ms(part.median_ms),
        ms(part.p99_ms),
        part.macs as f64 / 1e6,
        part.weights_bytes as f64 / 1e6,
    )
}

fn memory_line(bytes: Option<u64>) -> String {
    bytes.map(|bytes| format!("  peak memory {:.1} MB\n", bytes as f64 / 1e6)).unwrap_or_default()
}

fn kernel_lines(name: &str, part: &Part) -> String {
    let kernels = part.kernels.iter().map(|(kernel, count)| format!("  {count:>6} x {kernel}\n"));
    let refused = part.refused.iter().map(|(node, why)| format!("         not ours: {node}: {why}\n"));
    let place = if part.device == "cpu" { String::new() } else { format!(" on {}", part.device) };
    format!("  {name} runs in {}{place}:\n{}", part.precision, kernels.chain(refused).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peak_memory_is_read_from_the_status_file() {
        assert_eq!(parse_peak_rss("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n"), Some(2_097_152));
        assert_eq!(parse_peak_rss("Name:\tx\n"), None);
        assert_eq!(parse_peak_rss("VmHWM:\tmany kB"), None);
    }

    #[test]
    fn the_synthetic_frame_is_whole() {
        let frame = synthetic_frame().unwrap();
        assert!(frame.check().is_ok());
        assert_ne!(frame.data[..1920], frame.data[1920..3840]);
    }
}
