use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::error::{ConfigError, IoError, Result};

/// Most rows that are read: a day of gaze at 115 Hz.
const MAX_ROWS: usize = 10_000_000;
/// Longest line: a blink lists every pupil that it is made of.
const MAX_LINE_BYTES: u64 = 16 << 20;

/// Reads the numbers of some columns of a table whose first line names its columns. Fields may not hold the delimiter, not
/// in quotes either: the makers of these tables write none.
///
/// # Errors
/// If the file cannot be read or lacks a column, or a row lacks a field or a number; the message names its line.
pub fn read<const N: usize>(path: &Path, delimiter: char, columns: [&str; N]) -> Result<Vec<[f64; N]>> {
    let mut lines = Lines::open(path)?;
    let header: Vec<String> = lines.next()?.unwrap_or_default().split(delimiter).map(|f| unquoted(f).into()).collect();
    let mut places = [0; N];
    for (place, name) in places.iter_mut().zip(columns) {
        let found = header.iter().position(|column| column == name);
        *place = found.ok_or_else(|| lines.refuse(format!("no column `{name}`")))?;
    }
    let mut rows = Vec::new();
    while let Some(line) = lines.next()? {
        let fields: Vec<&str> = line.split(delimiter).collect();
        if fields.len() != header.len() {
            let reason = format!("{} fields, but the first line names {} columns", fields.len(), header.len());
            return Err(lines.refuse(reason).into());
        }
        let mut row = [0.0; N];
        for ((value, place), name) in row.iter_mut().zip(places).zip(columns) {
            let text = unquoted(fields.get(place).copied().unwrap_or_default());
            // What was not measured is written as nothing by some exports.
            let number = if text.is_empty() { Ok(f64::NAN) } else { text.parse() };
            *value = number.map_err(|_| lines.refuse(format!("`{name}` is no number")))?;
        }
        if rows.len() == MAX_ROWS {
            return Err(lines.refuse(format!("more than {MAX_ROWS} rows")).into());
        }
        rows.push(row);
    }
    Ok(rows)
}

fn unquoted(field: &str) -> &str {
    field.trim().trim_matches('"')
}

/// The lines of a file that are not blank, counted.
struct Lines<'a> {
    path: &'a Path,
    reader: BufReader<File>,
    line: String,
    count: usize,
}

impl<'a> Lines<'a> {
    fn open(path: &'a Path) -> Result<Self> {
        let file = File::open(path).map_err(IoError::when("read", path))?;
        Ok(Lines { path, reader: BufReader::new(file), line: String::new(), count: 0 })
    }

    fn next(&mut self) -> Result<Option<String>> {
        loop {
            self.line.clear();
            self.count += 1;
            let read = self.reader.by_ref().take(MAX_LINE_BYTES).read_line(&mut self.line);
            match read {
                Ok(0) => return Ok(None),
                Ok(bytes) if bytes as u64 == MAX_LINE_BYTES => {
                    return Err(self.refuse(format!("longer than {MAX_LINE_BYTES} bytes")).into());
                }
                Ok(_) if self.line.trim().is_empty() => {}
                Ok(_) => return Ok(Some(self.line.trim_end_matches(['\r', '\n']).to_owned())),
                Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                    return Err(self.refuse("not UTF-8 text".into()).into());
                }
                Err(error) => return Err(IoError::when("read", self.path)(error).into()),
            }
        }
    }

    fn refuse(&self, reason: String) -> ConfigError {
        ConfigError::Invalid { origin: format!("{}, line {}", self.path.display(), self.count), reason }
    }
}
