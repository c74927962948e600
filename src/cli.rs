//! Arguments, progress bars and exit codes. The only user of clap, anyhow and indicatif.

mod bench;
mod board_args;
#[cfg(feature = "console")]
mod console;
#[cfg(not(feature = "console"))]
#[path = "cli/no_console.rs"]
mod console;
mod demo;
mod doctor;
mod eval;
mod exit;
mod interrupt;
mod live;
mod model_args;
mod models;
mod output;
mod outputs;
mod progress;
mod prompt_args;
mod quantize;
mod run;
mod segment;
mod service;
mod stages;
mod stream;
mod track;

use std::process::ExitCode;

use clap::Parser;
use exit::Exit;

/// Point at a thing and have its mask, on this device.
///
/// foveate turns a look, a touch or a box into the mask of the thing meant, on a photo or on every frame of a stream.
/// Coordinates are pixels of the original frame, x right, y down, from the top-left corner.
#[derive(Debug, Parser)]
#[command(name = "foveate", version, propagate_version = true, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Log more to standard error; twice for everything. The variable FOVEATE_LOG sets levels by module
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

const AFTER_HELP: &str = "\
Start with:
  foveate demo                                   the whole story on this machine
  foveate segment photo.jpg --point 420,250 --overlay found.png
  foveate doctor                                 what this machine has, and what is missing

Exit codes: 0 done, 1 failed, 2 bad usage, 3 device lost, 4 model rejected.";

#[derive(Debug, clap::Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Run(run::RunArgs),
    Segment(segment::SegmentArgs),
    Track(track::TrackArgs),
    Eval(eval::EvalArgs),
    Bench(bench::BenchArgs),
    Quantize(quantize::QuantizeArgs),
    Models(models::ModelsArgs),
    Doctor(doctor::DoctorArgs),
}

/// Runs the command line and gives the program's exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(cli.verbose);
    let result = match cli.command {
        Command::Demo(args) => demo::run(args),
        Command::Run(args) => run::run(args),
        Command::Segment(args) => segment::run(args),
        Command::Track(args) => track::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Quantize(args) => quantize::run(args),
        Command::Models(args) => models::run(args),
        Command::Doctor(args) => doctor::run(&args),
    };
    match result {
        Ok(()) => Exit::Done.into(),
        Err(error) if Exit::is_closed_pipe(&error) => Exit::Done.into(),
        Err(error) => {
            eprintln!("error: {}", message(&error));
            Exit::of(&error).into()
        }
    }
}

/// The error and its causes in one line; a cause that the text before it already tells is left out.
fn message(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |told, cause| match cause.to_string() {
        cause if told.contains(&cause) => told,
        cause if told.is_empty() => cause,
        cause => format!("{told}: {cause}"),
    })
}

fn log_to_stderr(verbose: u8) {
    let default = ["foveate=warn", "foveate=info", "foveate=trace"][usize::from(verbose.min(2))];
    let filter = tracing_subscriber::EnvFilter::try_from_env("FOVEATE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn a_message_tells_each_cause_once() {
        use anyhow::Context;

        use crate::error::{Error, IoError};

        let full = IoError::when("write", "out.png")(std::io::ErrorKind::StorageFull.into());
        let text = message(&Err::<(), _>(Error::from(full)).context("overlay").unwrap_err());
        assert!(text.starts_with("overlay: out.png: cannot write: "), "{text}");
        assert_eq!(text.matches("no storage space").count(), 1, "{text}");
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
