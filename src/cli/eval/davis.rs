//! `foveate eval davis`: one object through whole sequences.

use std::path::PathBuf;

use super::super::interrupt::on_interrupt;
use super::super::model_args::ModelArgs;
use super::super::numbers::parse_fps;
use super::super::output::{make_folder, print, print_json};
use super::super::outputs::Files;
use super::super::progress;
use crate::capture::list_images;
use crate::eval::sequences::{self, Begin, Figures, Report, SequencesConfig};

#[derive(Debug, clap::Args)]
pub struct DavisArgs {
    /// The folder with `images/SEQUENCE/` and `masks/SEQUENCE/`
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Begin with one click deepest inside the object instead of its first mask
    #[arg(long, conflicts_with = "by_box")]
    click: bool,
    /// Begin with the tightest box around the object
    #[arg(long = "box")]
    by_box: bool,
    /// Let frames arrive so many a second, as a camera's do: what comes while one is followed is dropped, and keeps the last mask
    #[arg(long, value_name = "FPS", value_parser = parse_fps)]
    live: Option<f64>,
    /// Encode every Nth frame, and propagate the object over those between by the image's motion alone
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    encode_every: u32,
    /// Take only the first N sequences, by name
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Write the mask of every frame to `DIR/SEQUENCE/`, as grey PNGs
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Print one JSON object instead of a table
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    model: ModelArgs,
}

/// Runs the command.
pub fn run(args: DavisArgs) -> anyhow::Result<()> {
    let config = SequencesConfig {
        data: args.data,
        begin: match (args.click, args.by_box) {
            (true, _) => Begin::Click,
            (_, true) => Begin::Box,
            _ => Begin::Mask,
        },
        live: args.live,
        encode_every: args.encode_every,
        limit: args.limit.map(|n| n as usize),
        out: args.out,
    };
    let names = sequences::names(&config)?;
    let mut files = Files::default();
    files.reads_models(args.model.models_dir.as_deref());
    for name in &names {
        let images = config.data.join("images").join(name);
        files.reads("--data", [&images, &config.data.join("masks").join(name)]);
        if let Some(out) = &config.out {
            files.writes_masks("--out", &out.join(name), &list_images(&images)?);
        }
    }
    files.check()?;
    let model = args.model.load_for(sequences::frame_size(&config, &names)?)?;
    let _claim = config.out.as_deref().map(make_folder).transpose()?;
    let stop = on_interrupt()?;
    let mut bar = progress::bar(names.len(), "sequences");
    let report = sequences::run(&config, &model, &mut bar, &stop)?;
    bar.clear();
    if report.interrupted {
        tracing::warn!("stopped before the last sequence: the figures are of those that were finished");
    }
    if args.json { print_json(&report) } else { print(&table(&report)) }
}

fn table(report: &Report) -> String {
    let Report { model, precision, begun_with, encode_every, encoder_ms, follow_ms, frame_ms, .. } = report;
    let ms = |value: &Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.1}"));
    let mut text = format!(
        "{model} ({precision}), from a first {}: encoder {} ms, following {} ms\n  one frame of {encode_every} encoded: {} ms a frame, as long as {:.2} encodings\n",
        begun_with.name(),
        ms(encoder_ms),
        ms(follow_ms),
        ms(frame_ms),
        report.frame_encodings.unwrap_or(f64::NAN),
    );
    if let Some(rate) = report.live {
        text.push_str(&format!(
            "  frames arrived {rate} a second: {} of {} were dropped\n",
            report.dropped, report.images
        ));
    }
    text.push_str(&format!(
        "  {:<20} {:>6} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7}  worst frame\n",
        "sequence", "frames", "J", "recall", "decay", "F", "recall", "decay"
    ));
    let figures = |name: &str, frames: usize, row: [f64; 6]| {
        let row: String = row.iter().map(|figure| format!(" {figure:>7.3}")).collect();
        format!("  {name:<20} {frames:>6}{row}")
    };
    for s in &report.sequences {
        let Figures { name, frames, j, j_recall, j_decay, f, f_recall, f_decay, worst: (at, least), .. } = s;
        let row = figures(name, *frames, [*j, *j_recall, *j_decay, *f, *f_recall, *f_decay]);
        text.push_str(&format!("{row}  {at} ({least:.2})\n"));
    }
    let means = [report.j, report.j_recall, report.j_decay, report.f, report.f_recall, report.f_decay];
    if let (Some(jf), Some(means)) = (report.jf, means.into_iter().collect::<Option<Vec<f64>>>()) {
        let row = figures("mean", report.images, [means[0], means[1], means[2], means[3], means[4], means[5]]);
        text.push_str(&format!("{row}  J&F {jf:.3}\n"));
    }
    text
}
