//! `foveate eval everything`: what is found without a prompt.

use std::path::PathBuf;

use super::super::everything::OptionArgs;
use super::super::interrupt::on_interrupt;
use super::super::model_args::ModelArgs;
use super::super::output::{print, print_json};
use super::super::progress;
use crate::eval::dataset::{self, Layout};
use crate::eval::everything::{EverythingEvaluation, EverythingReport};
use crate::frame;

#[derive(Debug, clap::Args)]
pub struct EverythingArgs {
    /// The folder with `images/` and `masks/`: id maps, 0 background, 255 ignore, every other value one thing
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Take only the first N photos, by name
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Print one JSON object instead of a table
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    options: OptionArgs,
    #[command(flatten)]
    model: ModelArgs,
}

/// Runs the command.
pub fn run(args: EverythingArgs) -> anyhow::Result<()> {
    let mut photos = dataset::list(&args.data, Layout::Ids)?;
    photos.truncate(args.limit.map_or(usize::MAX, |n| n as usize));
    let first = photos.first().map(|photo| frame::open_image(&photo.image)).transpose()?;
    let (model, mut everything) = args.options.open(&args.model, first.map(|frame| frame.size))?;
    let stop = on_interrupt()?;
    let mut bar = progress::bar(photos.len(), "photos");
    let mut evaluation = EverythingEvaluation::default();
    let seen = evaluation.run(&mut everything, &photos, &mut bar, &stop)?;
    bar.clear();
    let (name, precision) = (model.spec().name.clone(), model.precision().name().to_owned());
    let report = evaluation.report(name, precision, seen < photos.len());
    if report.interrupted {
        tracing::warn!("stopped after {seen} of {} photos: the figures are of those", photos.len());
    }
    if args.json { print_json(&report) } else { print(&table(&report)) }
}

fn table(report: &EverythingReport) -> String {
    let EverythingReport { model, precision, photos, things, masks, ms, .. } = report;
    let figure = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
    let [small, medium, large] = report.sizes.map(figure);
    format!(
        "{model} ({precision}): {photos} photos, {things} things, {:.0} masks and {:.0} ms a photo\n  \
         recall at IoU 0.5     {}\n  average recall at 100 {}\n  of small things       {small}\n  medium                {medium}\n  \
         large                 {large}\n",
        masks.unwrap_or_default(),
        ms.unwrap_or_default(),
        figure(report.recall_50),
        figure(report.average_recall),
    )
}
