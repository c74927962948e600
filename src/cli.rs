//! Arguments, progress bars and exit codes. The only user of clap, anyhow and indicatif.

#[cfg(feature = "console")]
mod annotate;
mod aoi;
mod bench;
mod board_args;
mod cameras;
#[cfg(feature = "console")]
mod console;
#[cfg(not(feature = "console"))]
#[path = "cli/no_console.rs"]
mod console;
mod demo;
mod depth_args;
mod doctor;
mod eval;
mod everything;
mod exit;
mod interrupt;
mod live;
mod machine;
mod message;
mod model_args;
mod models;
mod numbers;
mod output;
mod outputs;
mod progress;
mod prompt_args;
mod quantize;
mod record;
mod replay;
mod run;
mod segment;
mod service;
mod stages;
mod stream;
mod track;

use std::io::IsTerminal;
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
    Record(record::RecordArgs),
    Replay(replay::ReplayArgs),
    Segment(segment::SegmentArgs),
    Everything(everything::EverythingArgs),
    Track(track::TrackArgs),
    #[cfg(feature = "console")]
    Annotate(annotate::AnnotateArgs),
    Aoi(aoi::AoiArgs),
    Eval(eval::EvalArgs),
    Bench(bench::BenchArgs),
    Quantize(quantize::QuantizeArgs),
    Models(models::ModelsArgs),
    Doctor(doctor::DoctorArgs),
}

/// Runs the command line and gives the program's exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => match message::of_arguments(&error, std::env::args_os()) {
            Some(text) => {
                eprintln!("{text}");
                return Exit::Usage.into();
            }
            None => error.exit(),
        },
    };
    log_to_stderr(cli.verbose);
    let result = match cli.command {
        Command::Demo(args) => demo::run(args),
        Command::Run(args) => run::run(args),
        Command::Record(args) => record::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Segment(args) => segment::run(args),
        Command::Everything(args) => everything::run(args),
        Command::Track(args) => track::run(args),
        #[cfg(feature = "console")]
        Command::Annotate(args) => annotate::run(args),
        Command::Aoi(args) => aoi::run(args),
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
            eprintln!("error: {}", message::message(&error));
            Exit::of(&error).into()
        }
    }
}

fn log_to_stderr(verbose: u8) {
    let default = ["foveate=warn", "foveate=info", "foveate=trace"][usize::from(verbose.min(2))];
    let filter = tracing_subscriber::EnvFilter::try_from_env("FOVEATE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    // Colours are for who sees them (no-color.org).
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    log.with_target(false).init();
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
