//! `foveate models`: what is installed and whether it is whole, and how models are installed.

mod add;
mod entry;
mod fetched;
mod install;
mod list;
mod photo;
mod proof;
mod pull;
mod show;

use std::path::PathBuf;

use crate::error::{Error, InstallError};
use crate::geometry::{Fit, Size};
use crate::model::{Ranking, Registry, holds_models, user_dir};

use super::model_args::parse_size;
use super::output::{print, print_json};
use entry::{Entries, Entry, entries, first_fault};

/// See which models are installed, check their files, and install others.
#[derive(Debug, clap::Args)]
pub struct ModelsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// One line for each model, the first is the default; then those that can be pulled
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Everything that is known of one model
    Show {
        /// A name that `foveate models list` shows
        name: String,
        #[command(flatten)]
        common: Common,
    },
    /// Compare every file's SHA-256 with the manifest; exit code 4 when one is altered or missing
    Verify {
        /// Only this model; every installed one unless given
        name: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    Add(add::AddArgs),
    Pull(pull::PullArgs),
}

#[derive(Debug, clap::Args)]
struct Common {
    /// The folder with manifest.toml and the model files, instead of the bundled one
    #[arg(long, value_name = "DIR")]
    models_dir: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What the tensors of a model do not tell.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Conventions")]
struct CoordinatesArgs {
    /// The plane that the decoder takes points in, where its file does not tell: the image size that it divides them by
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    coordinates: Option<Size>,
    /// How frames fill the input: scaled by one factor and padded, or each axis by its own; as the family does unless given
    #[arg(long, value_name = "letterbox|stretch", value_parser = add::parse_fit)]
    fit: Option<Fit>,
    /// What masks are ranked by: the decoder's own rating, or how little they depend on their threshold, where that is untrained
    #[arg(long, value_name = "predicted|stability", value_parser = add::parse_ranking)]
    ranking: Option<Ranking>,
}

/// Runs the command.
pub fn run(args: ModelsArgs) -> anyhow::Result<()> {
    match args.action {
        Action::List { common } => list::run(common.models_dir.as_deref(), common.json),
        Action::Show { name, common } => {
            let registry = Registry::discover(common.models_dir.as_deref())?;
            let entry = Entry::new(registry.get(&name)?)?;
            if common.json { print_json(&entry) } else { print(&show::details(&entry)) }
        }
        Action::Verify { name, common } => {
            let registry = Registry::discover(common.models_dir.as_deref())?;
            let entries = match name {
                Some(name) => vec![Entry::new(registry.get(&name)?)?],
                None => entries(registry.list())?,
            };
            let fault = first_fault(&entries);
            if common.json {
                print_json(&Entries { models: entries })?;
            } else {
                print(&show::findings(&entries))?;
            }
            fault.map_or(Ok(()), |fault| Err(Error::from(fault).into()))
        }
        Action::Add(args) => add::run(args),
        Action::Pull(args) => pull::run(args),
    }
}

/// The folder that models are installed in, `given` or the user's own, and the models that are seen beside what lies there.
fn target(given: Option<PathBuf>) -> Result<(PathBuf, Registry), Error> {
    let Some(folder) = given else {
        return Ok((user_dir().ok_or(InstallError::NoFolder)?, Registry::discover(None)?));
    };
    let registry =
        if holds_models(&folder) { Registry::from_dirs(std::slice::from_ref(&folder))? } else { Registry::default() };
    Ok((folder, registry))
}
