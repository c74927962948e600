use std::process::ExitCode;

fn main() -> ExitCode {
    foveate::cli::main()
}
