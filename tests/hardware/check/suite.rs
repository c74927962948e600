//! The rows of one suite.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// One case: what was measured, or why it failed.
pub struct Row {
    pub suite: String,
    pub case: String,
    pub outcome: Result<Value, String>,
}

impl Row {
    pub fn new(suite: &str, case: &str, outcome: Result<Value, String>) -> Self {
        Row { suite: suite.to_owned(), case: case.to_owned(), outcome }
    }

    pub fn json(&self) -> Value {
        match &self.outcome {
            Ok(measured) => json!({"suite": self.suite, "case": self.case, "ok": true, "measured": measured}),
            Err(reason) => json!({"suite": self.suite, "case": self.case, "ok": false, "reason": reason}),
        }
    }
}

/// What a suite reported.
pub struct Suite {
    pub name: String,
    pub rows: Vec<Row>,
    /// Whether its last row is there; a program that crashed leaves none.
    ended: bool,
}

impl Suite {
    /// Reads `NAME.ndjson` of `dir`.
    pub fn read(dir: &Path, name: &str) -> Result<Self, String> {
        let file = dir.join(format!("{name}.ndjson"));
        let text =
            fs::read_to_string(&file).map_err(|e| format!("no rows of the suite {name}: {}: {e}", file.display()))?;
        let mut suite = Suite { name: name.to_owned(), rows: Vec::new(), ended: false };
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let row: Value = serde_json::from_str(line).map_err(|e| format!("{}: {e}: {line}", file.display()))?;
            if row["end"] == true {
                suite.ended = true;
                continue;
            }
            let Some(case) = row["case"].as_str() else {
                return Err(format!("{}: a row without a case: {line}", file.display()));
            };
            let outcome = match row["ok"] {
                Value::Bool(true) => Ok(row["measured"].clone()),
                _ => Err(row["reason"].as_str().unwrap_or("no reason given").to_owned()),
            };
            suite.rows.push(Row::new(name, case, outcome));
        }
        Ok(suite)
    }

    /// What is wrong with the suite, in words.
    pub fn problems(&self, dir: &Path) -> Vec<String> {
        let failed = |row: &Row| Some(format!("{}: {}: {}", self.name, row.case, row.outcome.as_ref().err()?));
        let mut problems: Vec<_> = self.rows.iter().filter_map(failed).collect();
        if self.rows.is_empty() {
            problems.push(format!("{}: no cases", self.name));
        }
        if !self.ended {
            problems.push(format!("{}: ended before its last row, see {}", self.name, dir.display()));
        }
        problems
    }
}
