//! The report as text.

use std::fmt::Write;

use serde_json::Value;

use super::suite::{Row, Suite};

/// Columns of the table of faults, as the rows name them.
const FAULT: [&str; 5] = ["injected", "reported", "frames_lost", "recovered_ms", "alive"];

/// Longest text of the measurements in a line, and of one cell; `hardware.json` has them whole.
const WIDEST: usize = 110;
const WIDEST_CELL: usize = 60;

/// Every case with what was measured, faults in a table of their own.
pub fn text(suites: &[Suite]) -> String {
    let mut out = String::new();
    for suite in suites {
        let held = suite.rows.iter().filter(|row| row.outcome.is_ok()).count();
        let _ = writeln!(out, "\n{}: {held} of {} cases hold", suite.name, suite.rows.len());
        let width = suite.rows.iter().map(|row| row.case.chars().count()).max().unwrap_or(0);
        let (faults, plain): (Vec<_>, Vec<_>) = suite.rows.iter().partition(|row| is_fault(row));
        for row in plain {
            let (mark, text) = match &row.outcome {
                Ok(measured) => ("ok  ", short(measured)),
                Err(reason) => ("FAIL", reason.clone()),
            };
            let _ = writeln!(out, "  {mark}  {:width$}  {text}", row.case);
        }
        write_faults(&mut out, &faults, width.max(5));
    }
    out
}

fn is_fault(row: &Row) -> bool {
    row.outcome.as_ref().is_ok_and(|measured| !measured["injected"].is_null())
}

fn write_faults(out: &mut String, faults: &[&Row], width: usize) {
    if faults.is_empty() {
        return;
    }
    let cells = |row: &Row| {
        FAULT.map(|column| row.outcome.as_ref().map_or_else(String::clone, |m| cut(&cell(&m[column]), WIDEST_CELL)))
    };
    let rows: Vec<_> = faults.iter().map(|row| cells(row)).collect();
    let widest =
        |i: usize| rows.iter().map(|cells| cells[i].chars().count()).chain([FAULT[i].len()]).max().unwrap_or(0);
    let widths: Vec<_> = (0..FAULT.len()).map(widest).collect();
    let mut line = |mark: &str, case: &str, cells: &[String]| {
        let _ = write!(out, "  {mark}  {case:width$}");
        for (text, wide) in cells.iter().zip(&widths) {
            let _ = write!(out, "  {text:wide$}");
        }
        let trimmed = out.trim_end().len();
        out.truncate(trimmed);
        out.push('\n');
    };
    line("    ", "fault", &FAULT.map(|column| column.replace('_', " ")));
    for (row, cells) in faults.iter().zip(&rows) {
        line("ok  ", &row.case, cells);
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Number(n) if n.is_f64() => format!("{:.1}", n.as_f64().unwrap_or(f64::NAN)),
        other => other.to_string(),
    }
}

/// The measurements of a case in one line.
fn short(measured: &Value) -> String {
    let text = match measured {
        Value::Object(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|(name, value)| format!("{name} {}", value.to_string().trim_matches('"'))).collect();
            fields.join(", ")
        }
        other => other.to_string(),
    };
    cut(&text, WIDEST)
}

/// The text, or its beginning and an ellipsis.
pub fn cut(text: &str, widest: usize) -> String {
    if text.chars().count() <= widest {
        return text.to_owned();
    }
    text.chars().take(widest - 1).chain(['…']).collect()
}
