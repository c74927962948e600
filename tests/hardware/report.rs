//! What a program in the virtual machine leaves for the host: one NDJSON row a case, and a last row that says it came to its end.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

/// The rows of one program, written as they come: a crash keeps those before it.
pub struct Report {
    suite: &'static str,
    file: File,
    failed: usize,
}

impl Report {
    /// Rows go to `SUITE.ndjson` in the folder that the variable `FOVEATE_HARDWARE_OUT` names, `/out` if unset.
    pub fn create(suite: &'static str) -> io::Result<Self> {
        let dir = std::env::var_os("FOVEATE_HARDWARE_OUT").map_or_else(|| PathBuf::from("/out"), PathBuf::from);
        Ok(Report { suite, file: File::create(dir.join(format!("{suite}.ndjson")))?, failed: 0 })
    }

    /// Notes a case: what was measured if it holds, and why not if it does not.
    pub fn case(&mut self, name: &str, outcome: Result<Value, String>) -> io::Result<()> {
        let row = match outcome {
            Ok(measured) => json!({"suite": self.suite, "case": name, "ok": true, "measured": measured}),
            Err(reason) => {
                self.failed += 1;
                json!({"suite": self.suite, "case": name, "ok": false, "reason": reason})
            }
        };
        eprintln!("{row}");
        writeln!(self.file, "{row}")?;
        self.file.sync_data()
    }

    /// Writes the last row; without it the host takes the program for crashed.
    pub fn finish(mut self) -> io::Result<ExitCode> {
        let row = json!({"suite": self.suite, "end": true, "failed": self.failed});
        writeln!(self.file, "{row}")?;
        self.file.sync_data()?;
        Ok(if self.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
