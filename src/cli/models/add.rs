//! `foveate models add`: a model of one's own from its two files.

use std::path::PathBuf;

use super::super::interrupt::on_interrupt;
use super::super::model_args::parse_size;
use super::super::output::{print, print_json};
use super::super::outputs::Files;
use super::super::quantize::{Rgb, parse_rgb, parse_std};
use super::install::{InstallArgs, Plan, Source, install};
use super::{CoordinatesArgs, target};
use crate::geometry::{Fit, Size};
use crate::model::{FamilyId, NormalizationSpec, Ranking, Staging};

/// Install a model from its encoder and decoder.
///
/// Reads both ONNX files, recognises the family by their tensors, and has the model prove itself: it encodes a photo, answers a click, and
/// the masks must be masks. Only then is it there, whole, in a folder of its own with a manifest that pins every file; when anything fails,
/// nothing is left. Files that hold the weights of others (`*.onnx.data`) are copied along.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct AddArgs {
    /// What --model will name: lower-case letters, digits, `-`, `_` and `.`
    name: String,
    /// The image encoder
    #[arg(long, value_name = "FILE.onnx")]
    encoder: PathBuf,
    /// The prompt decoder
    #[arg(long, value_name = "FILE.onnx")]
    decoder: PathBuf,
    /// How the two fit together: auto, or a page of docs/model-families
    #[arg(long, value_name = "FAMILY", default_value = "auto", value_parser = parse_family)]
    family: FamilyChoice,
    /// The encoder's input, where its file leaves it open
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    input_size: Option<Size>,
    #[command(flatten)]
    conventions: CoordinatesArgs,
    /// What is subtracted from red, green and blue (0 to 1); ImageNet's unless given, which are Segment Anything's too
    #[arg(long, value_name = "R,G,B", value_parser = parse_rgb, help_heading = "Conventions")]
    mean: Option<Rgb>,
    /// What they are then divided by; ImageNet's unless given
    #[arg(long, value_name = "R,G,B", value_parser = parse_std, help_heading = "Conventions")]
    std: Option<Rgb>,
    /// One line about it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Its licence, such as Apache-2.0
    #[arg(long, visible_alias = "license", value_name = "TEXT", default_value = "unknown")]
    licence: String,
    /// Where the files are from: a repository with its commit, or how they were trained
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    #[command(flatten)]
    install: InstallArgs,
}

const EXAMPLES: &str = "\
Examples:
  A MobileSAM that was exported at home; then it is there for every command:
    foveate models add mobile-sam --encoder encoder.onnx --decoder decoder.onnx --licence Apache-2.0
    foveate segment photo.jpg --point 420,250 --model mobile-sam
  Proven on a photo of one's own, with the mask to look at, and with an encoder in 8-bit integers:
    foveate models add cells --encoder e.onnx --decoder d.onnx --photo cells.png --point 310,200 --overlay mask.png --quantize-with photos
  A decoder that does not tell the plane of its points:
    foveate models add evit --encoder e.onnx --decoder d.onnx --coordinates 1024x1024
  An export from after more training:
    foveate models add cells --encoder e2.onnx --decoder d2.onnx --replace";

/// A family, or `auto` for `None`.
#[derive(Clone, Copy, Debug)]
struct FamilyChoice(Option<FamilyId>);

fn parse_family(text: &str) -> Result<FamilyChoice, String> {
    match text {
        "auto" => Ok(FamilyChoice(None)),
        name => Ok(FamilyChoice(Some(name.parse()?))),
    }
}

/// Runs the command.
pub(super) fn run(args: AddArgs) -> anyhow::Result<()> {
    crate::model::check_name(&args.name)?;
    let (models, _) = target(args.install.models_dir.clone())?;
    let mut files = Files::default();
    files.reads("--encoder", [&args.encoder]).reads("--decoder", [&args.decoder]).reads("--photo", &args.install.photo);
    files.reads_trees("--quantize-with", &args.install.quantize_with);
    files
        .writes("--overlay", &args.install.overlay)
        .writes("the proof", [models.join(&args.name).join(Staging::PROOF)]);
    files.writes_stdout().check()?;
    let imagenet = crate::frame::Normalization::IMAGENET;
    let source = |path: PathBuf| Source { path, ..Source::default() };
    let plan = Plan {
        description: args.description.unwrap_or_else(|| format!("Added from {}", name_of(&args.encoder))),
        source: args.source.unwrap_or_else(|| format!("{} and {}", name_of(&args.encoder), name_of(&args.decoder))),
        name: args.name,
        encoder: source(args.encoder),
        decoder: source(args.decoder),
        licence: args.licence,
        family: args.family.0,
        input_size: args.input_size,
        coordinates: args.conventions.coordinates,
        fit: args.conventions.fit,
        ranking: args.conventions.ranking.unwrap_or(Ranking::Predicted),
        normalization: NormalizationSpec {
            mean: args.mean.unwrap_or(imagenet.mean),
            std: args.std.unwrap_or(imagenet.std),
            white: 1.0,
        },
    };
    let report = install(&plan, &args.install, &on_interrupt()?)?;
    if args.install.json { print_json(&report) } else { print(&report.text()) }
}

/// The name of a file without its folders, which are nobody's business.
fn name_of(path: &std::path::Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// `letterbox` or `stretch`.
pub(super) fn parse_fit(text: &str) -> Result<Fit, String> {
    match text {
        "letterbox" => Ok(Fit::Letterbox),
        "stretch" => Ok(Fit::Stretch),
        _ => Err(format!("`{text}` is no fit: give letterbox or stretch")),
    }
}

/// `predicted` or `stability`.
pub(super) fn parse_ranking(text: &str) -> Result<Ranking, String> {
    match text {
        "predicted" => Ok(Ranking::Predicted),
        "stability" => Ok(Ranking::Stability),
        _ => Err(format!("`{text}` is no ranking: give predicted or stability")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        args: AddArgs,
    }

    #[test]
    fn the_examples_in_the_help_are_valid() {
        let lines: Vec<&str> = EXAMPLES.lines().filter_map(|l| l.trim().strip_prefix("foveate models ")).collect();
        assert_eq!(lines.len(), 4);
        for line in lines {
            assert!(Command::try_parse_from(line.split(' ')).is_ok(), "{line}");
        }
        let wrong = Command::try_parse_from("add a --encoder e --decoder d --family samm".split(' ')).unwrap_err();
        assert!(wrong.to_string().contains("did you mean `sam`"), "{wrong}");
    }
}
