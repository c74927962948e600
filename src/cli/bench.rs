//! `foveate bench`: how fast a model runs on this machine.

use std::collections::BTreeMap;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::engine::Audit;
use crate::frame::Frame;
use crate::geometry::{LabeledPoint, Size};
use crate::model::{Embedding, Prompt};

use super::model_args::ModelArgs;
use super::output::{print, print_json};
use super::samples::Samples;

/// The synthetic camera frame.
const FRAME: Size = Size::new(640, 480);

/// Runs before the measurement: caches, clocks and lazily built kernels settle.
const WARM_UP: u32 = 3;

/// Time a model on this machine.
///
/// The input is a synthetic frame of 640x480 pixels. The encoder's time includes scaling and normalising it; the
/// decoder's is one point to the low-resolution masks.
#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    /// Measured runs of each part, after a warm-up
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
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
    threads: usize,
    macs: u64,
    weights_bytes: u64,
    kernels: BTreeMap<String, usize>,
}

impl Part {
    fn new(samples: &Samples, audit: &Audit) -> Part {
        Part {
            median_ms: samples.median_ms(),
            p99_ms: samples.quantile_ms(0.99),
            precision: audit.precision.to_string(),
            threads: audit.threads,
            macs: audit.macs,
            weights_bytes: audit.weights_bytes,
            kernels: audit.kernels.clone(),
        }
    }
}

/// Runs the command.
pub fn run(args: BenchArgs) -> anyhow::Result<()> {
    let model = args.model.load()?;
    let (mut encoder, mut decoder) = (model.encoder()?, model.decoder()?);
    let frame = synthetic_frame()?;
    let center = LabeledPoint::foreground(FRAME.width as f32 / 2.0, FRAME.height as f32 / 2.0);
    let prompts = [Prompt { points: vec![center], ..Prompt::default() }];
    let (mut embedding, mut candidates) = (Embedding::empty(), Vec::new());

    let bar = ProgressBar::new(2 * (WARM_UP + args.runs) as u64)
        .with_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} runs, {eta} left")?);
    let (mut encoding, mut decoding) = (Samples::default(), Samples::default());
    for run in 0..WARM_UP + args.runs {
        if run == WARM_UP {
            (encoding, decoding) = Default::default();
        }
        encoding.time(|| encoder.encode(&frame, &mut embedding))?;
        bar.inc(1);
        decoding.time(|| decoder.decode(&embedding, &prompts, &mut candidates))?;
        bar.inc(1);
    }
    bar.finish_and_clear();

    let (encoder_audit, decoder_audit) = model.audit();
    let report = Report {
        model: model.spec().name.to_string(),
        precision: args.model.precision_name().to_owned(),
        threads: encoder_audit.threads,
        runs: args.runs,
        input_size: [encoder.input_size().width, encoder.input_size().height],
        encoder: Part::new(&encoding, encoder_audit),
        decoder: Part::new(&decoding, decoder_audit),
        peak_rss_bytes: peak_rss_bytes(),
    };
    if args.json { print_json(&report) } else { print(&table(&report)) }
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

fn table(report: &Report) -> String {
    let Report { model, precision, threads, runs, input_size: [width, height], .. } = report;
    let mut text = format!("{model} ({precision}), input {width}x{height}, {threads} thread(s), {runs} runs\n");
    text.push_str("             median ms     p99 ms       MMACs  weights MB\n");
    for (name, part) in [("encoder", &report.encoder), ("decoder", &report.decoder)] {
        let ms = |v: Option<f64>| v.unwrap_or_default();
        text.push_str(&format!(
            "  {name:<9} {:>10.2} {:>10.2} {:>11.1} {:>11.2}\n",
            ms(part.median_ms),
            ms(part.p99_ms),
            part.macs as f64 / 1e6,
            part.weights_bytes as f64 / 1e6,
        ));
    }
    if let Some(bytes) = report.peak_rss_bytes {
        text.push_str(&format!("  peak memory {:.1} MB\n", bytes as f64 / 1e6));
    }
    for (name, part) in [("encoder", &report.encoder), ("decoder", &report.decoder)] {
        text.push_str(&format!("  {name} runs in {}:\n", part.precision));
        for (kernel, count) in &part.kernels {
            text.push_str(&format!("  {count:>6} x {kernel}\n"));
        }
    }
    text
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
