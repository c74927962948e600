use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};

use crate::error::{ConfigError, Error, IoError, Result};

/// Most rows that are read: a day of gaze at 115 Hz.
const MAX_ROWS: usize = 10_000_000;
/// Longest row: a blink lists every pupil that it is made of.
const MAX_ROW_BYTES: u64 = 16 << 20;

/// Reads the numbers of some columns of a table whose first row names its columns.
///
/// # Errors
/// If the file cannot be read or lacks a column, or a row lacks a field or a number; the message names its line.
pub fn read<const N: usize>(path: &Path, delimiter: u8, columns: [&str; N]) -> Result<Vec<[f64; N]>> {
    let refuse = |line: u64, reason: String| -> Error {
        ConfigError::Invalid { origin: format!("{}, line {line}", path.display()), reason }.into()
    };
    let file = File::open(path).map_err(IoError::when("read", path))?;
    let file = Limited { file, left: MAX_ROW_BYTES };
    // Fields are counted here, so that a line of blanks is none.
    let mut reader = ReaderBuilder::new().delimiter(delimiter).trim(Trim::All).flexible(true).from_reader(file);
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => return Err(failed(error, 1, reader.get_ref(), path, &refuse)),
    };
    let first = header.position().map_or(1, csv::Position::line);
    let mut places = [0; N];
    for (place, name) in places.iter_mut().zip(columns) {
        let found = header.iter().position(|column| column == name);
        *place = found.ok_or_else(|| refuse(first, format!("no column `{name}`")))?;
    }
    let mut rows = Vec::new();
    let mut record = StringRecord::new();
    loop {
        reader.get_mut().left = MAX_ROW_BYTES;
        let line = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(rows),
            Err(error) => return Err(failed(error, line, reader.get_ref(), path, &refuse)),
        }
        if record.len() == 1 && record.iter().all(str::is_empty) {
            continue;
        }
        if record.len() != header.len() {
            let reason = format!("{} fields, but the first line names {} columns", record.len(), header.len());
            return Err(refuse(line, reason));
        }
        let mut row = [0.0; N];
        for ((value, place), name) in row.iter_mut().zip(places).zip(columns) {
            let text = record.get(place).unwrap_or_default();
            // What was not measured is written as nothing by some exports.
            let number = if text.is_empty() { Ok(f64::NAN) } else { text.parse() };
            *value = number.map_err(|_| refuse(line, format!("`{name}` is no number")))?;
        }
        if rows.len() == MAX_ROWS {
            return Err(refuse(line, format!("more than {MAX_ROWS} rows")));
        }
        rows.push(row);
    }
}

fn failed(error: csv::Error, line: u64, file: &Limited, path: &Path, refuse: &impl Fn(u64, String) -> Error) -> Error {
    match error.into_kind() {
        ErrorKind::Io(_) if file.left == 0 => refuse(line, format!("a row of more than {MAX_ROW_BYTES} bytes")),
        ErrorKind::Io(error) => IoError::when("read", path)(error).into(),
        ErrorKind::Utf8 { .. } => refuse(line, "not UTF-8 text".into()),
        _ => refuse(line, "not a row of a table".into()),
    }
}

/// A file of which so much may be read until `left` is set again: a quote that never closes must not fill the memory.
struct Limited {
    file: File,
    left: u64,
}

impl Read for Limited {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let length = self.file.by_ref().take(self.left).read(buffer)?;
        self.left -= length as u64;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &[u8]) -> Result<Vec<[f64; 2]>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        std::fs::write(&path, text).unwrap();
        read(&path, b',', ["x", "y"]).map_err(|e| e.to_string())
    }

    #[test]
    fn columns_are_found_by_name_and_quotes_may_hold_a_delimiter() {
        let rows = read_text(b"y, \"note\" ,x\r\n2,\"a, b\",1\n   \n\n4,,3\n").unwrap();
        assert_eq!(rows, [[1.0, 2.0], [3.0, 4.0]]);
        assert!(read_text(b"x,y\n,2\n").unwrap()[0][0].is_nan());
    }

    #[test]
    fn refusals_name_the_line() {
        let rows: [(&[u8], &str); 5] = [
            (b"", "line 1: no column `x`"),
            (b"x,z\n", "line 1: no column `y`"),
            (b"x,y\n1,2\n1\n", "line 3: 1 fields, but the first line names 2 columns"),
            (b"x,y\n1,2\n1,two\n", "line 3: `y` is no number"),
            (b"x,y\n1,2\n1,\xff\n", "line 3: not UTF-8 text"),
        ];
        for (text, expected) in rows {
            let message = read_text(text).map(|rows| format!("{rows:?}")).unwrap_or_else(|e| e);
            assert!(message.contains(expected), "{message}");
        }
        let endless = [b"x,y\n1,\"".to_vec(), vec![b'a'; MAX_ROW_BYTES as usize + 100_000]].concat();
        let message = read_text(&endless).unwrap_err();
        assert!(message.contains("more than 16777216 bytes"), "{message}");
    }
}
