//! What the virtual machines left, judged: a table for a reader, `hardware.json` for a program, and an exit status.
//!
//! `hardware-check OUT PART:SUITE[,SUITE]...`: each part is a folder of OUT with the rows of its suites and, where the machine
//! did not come to its end, a file `failure` with the reason.

#[path = "check/stream.rs"]
mod stream;
#[path = "check/suite.rs"]
mod suite;
#[path = "check/table.rs"]
mod table;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};
use suite::{Row, Suite};

/// Longest problem in a line; `hardware.json` has it whole.
const WIDEST_PROBLEM: usize = 400;

/// The suite whose frames are checked here beside its rows.
const SYSTEM: &str = "system";

fn main() -> std::io::Result<ExitCode> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let Some((out, parts)) = args.split_first().filter(|(_, parts)| !parts.is_empty()) else {
        eprintln!("usage: hardware-check OUT PART:SUITE[,SUITE]...");
        return Ok(ExitCode::from(2));
    };
    let out = Path::new(out);
    let (mut suites, mut problems) = (Vec::new(), Vec::new());
    for part in parts {
        let (name, wanted) = part.split_once(':').unwrap_or((part, part));
        let dir = out.join(name);
        if let Ok(reason) = fs::read_to_string(dir.join("failure")) {
            problems.push(format!("{name}: {}", reason.trim()));
        }
        for suite in wanted.split(',') {
            match Suite::read(&dir, suite) {
                Ok(mut read) => {
                    if suite == SYSTEM {
                        read.rows.extend(stream::check(&dir));
                    }
                    problems.extend(read.problems(&dir));
                    suites.push(read);
                }
                Err(reason) => problems.push(format!("{name}: {reason}")),
            }
        }
    }
    print!("{}", table::text(&suites));
    let rows: Vec<Value> = suites.iter().flat_map(|s| s.rows.iter().map(Row::json)).collect();
    let report = json!({"ok": problems.is_empty(), "problems": problems, "cases": rows});
    let file = out.join("hardware.json");
    fs::write(&file, format!("{report:#}\n"))?;
    for problem in &problems {
        println!("FAILED  {}", table::cut(problem, WIDEST_PROBLEM));
    }
    println!("{} cases, {} problems; {}", rows.len(), problems.len(), file.display());
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
