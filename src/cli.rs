//! Arguments, progress bars and exit codes.
pub mod doctor;

use std::process::ExitCode;
/// Runs the command line.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
