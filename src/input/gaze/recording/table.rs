use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};

use super::files::damaged;
use crate::error::{ConfigError, Error, IoError, Result};
use crate::text::{self, NotText};

/// Most rows that are read: a day of gaze at 115 Hz.
const MAX_ROWS: usize = 10_000_000;
/// Longest row: a blink lists every pupil that it is made of.
const MAX_ROW_BYTES: u64 = 16 << 20;
/// Longest first row, which names the columns.
const MAX_HEADER_BYTES: u64 = 64 << 10;

/// A column, by its name in the first row.
#[derive(Clone, Copy, Debug)]
pub enum Column {
    /// A table without it is refused.
    Needed(&'static str),
    /// Where it is not there, its fields are empty.
    Optional(&'static str),
}

/// What could be read of a table.
#[derive(Debug)]
pub struct Table<T> {
    /// The number of the line that each row begins on, and what it says.
    pub rows: Vec<(u64, T)>,
    /// Lines that say nothing of use.
    pub skipped: u64,
    /// The first of them, and what is wrong with it.
    pub first: Option<(u64, String)>,
}

impl<T> Table<T> {
    fn skip(&mut self, line: u64, lines: u64, reason: String) {
        self.skipped += lines.max(1);
        self.first.get_or_insert((line, reason));
    }

    /// What was skipped, for a user to read.
    pub fn note(&self, path: &Path) -> Option<String> {
        let (line, reason) = self.first.as_ref()?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let count = self.skipped;
        Some(format!("`{name}`: {count} damaged line(s) left out, the first is line {line}: {reason}"))
    }
}

/// The names of a table's columns, and what separates them: a comma, a tab or a semicolon.
///
/// # Errors
/// If the file cannot be read or is no text.
pub fn columns(path: &Path) -> Result<(u8, Vec<String>)> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(IoError::when("read", path))?;
    file.take(MAX_HEADER_BYTES).read_to_end(&mut bytes).map_err(IoError::when("read", path))?;
    let line = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    let line = text::decode(line).map_err(|reason| damaged(path, reason.to_string()))?;
    let count = |delimiter: u8| line.bytes().filter(|byte| *byte == delimiter).count();
    let delimiter = [b',', b'\t', b';'].into_iter().rev().max_by_key(|d| count(*d)).unwrap_or(b',');
    let names = line.split(char::from(delimiter)).map(|name| name.trim().trim_matches('"').trim().to_owned());
    Ok((delimiter, names.collect()))
}

/// Reads some columns of a table whose first row names its columns. A row that lacks a field, is no text or that `row` refuses is
/// skipped and counted.
///
/// # Errors
/// If the file cannot be read or lacks a column, or if more of its rows are damaged than not; the message names the line.
pub fn read<T, const N: usize>(
    path: &Path,
    columns: [Column; N],
    row: impl Fn([&str; N]) -> Result<T, String>,
) -> Result<Table<T>> {
    let refuse = |line: u64, reason: String| -> Error {
        ConfigError::Invalid { origin: format!("{}, line {line}", path.display()), reason }.into()
    };
    let (delimiter, _) = self::columns(path)?;
    let file = Limited { file: File::open(path).map_err(IoError::when("read", path))?, left: MAX_ROW_BYTES };
    // The reader skips a byte order mark.
    // Fields are counted here, so that a line of blanks is none.
    let mut reader = ReaderBuilder::new().delimiter(delimiter).trim(Trim::All).flexible(true).from_reader(file);
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => return Err(failed(error, 1, reader.get_ref(), path, &refuse)),
    };
    let first = header.position().map_or(1, csv::Position::line);
    let mut places = [None; N];
    for (place, column) in places.iter_mut().zip(columns) {
        let (Column::Needed(name) | Column::Optional(name)) = column;
        *place = header.iter().position(|found| found == name);
        if place.is_none() && matches!(column, Column::Needed(_)) {
            return Err(refuse(first, format!("no column `{name}`")));
        }
    }
    let mut table = Table { rows: Vec::new(), skipped: 0, first: None };
    let mut record = StringRecord::new();
    loop {
        reader.get_mut().left = MAX_ROW_BYTES;
        let line = reader.position().line();
        let read = reader.read_record(&mut record);
        // A quote that does not close where it should takes the lines behind it along.
        let lines = reader.position().line().saturating_sub(line);
        match read {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) if matches!(error.kind(), ErrorKind::Utf8 { .. }) => {
                table.skip(line, lines, NotText::NotUtf8.to_string());
                continue;
            }
            Err(error) => return Err(failed(error, line, reader.get_ref(), path, &refuse)),
        }
        if record.len() == 1 && record.iter().all(str::is_empty) {
            continue;
        }
        if record.len() != header.len() {
            let reason = format!("{} fields, but the first line names {} columns", record.len(), header.len());
            table.skip(line, lines, reason);
            continue;
        }
        match row(places.map(|place| place.and_then(|place| record.get(place)).unwrap_or_default())) {
            Ok(row) => table.rows.push((line, row)),
            Err(reason) => table.skip(line, lines, reason),
        }
        if table.rows.len() > MAX_ROWS {
            return Err(refuse(line, format!("more than {MAX_ROWS} rows")));
        }
    }
    match &table.first {
        Some((line, reason)) if table.skipped > table.rows.len() as u64 => {
            Err(refuse(*line, format!("{reason}, and most other lines are damaged too")))
        }
        _ => Ok(table),
    }
}

/// A number; what was not measured is written as nothing or as no number, and is one that is not a number here.
///
/// # Errors
/// If the field holds something else; the message names the column, not what is in it.
pub fn number(name: &str, text: &str) -> Result<f64, String> {
    const NONE: [&str; 6] = ["", "na", "n/a", "none", "null", "-nan(ind)"];
    match text.parse() {
        Ok(number) => Ok(number),
        Err(_) if NONE.iter().any(|none| text.eq_ignore_ascii_case(none)) => Ok(f64::NAN),
        Err(_) => Err(format!("`{name}` is no number")),
    }
}

/// A time in whole nanoseconds, of a number that counts `unit_ns` each.
///
/// # Errors
/// If the field holds no number, or none that a clock shows.
pub fn time(name: &str, text: &str, unit_ns: f64) -> Result<i64, String> {
    let nanos = number(name, text)? * unit_ns;
    // 285 years; what is not a number is no time either.
    if nanos.abs() < 9e18 { Ok(nanos.round() as i64) } else { Err(format!("`{name}` is no time")) }
}

fn failed(error: csv::Error, line: u64, file: &Limited, path: &Path, refuse: &impl Fn(u64, String) -> Error) -> Error {
    match error.into_kind() {
        ErrorKind::Io(_) if file.left == 0 => refuse(line, format!("a row of more than {MAX_ROW_BYTES} bytes")),
        ErrorKind::Io(error) => IoError::when("read", path)(error).into(),
        ErrorKind::Utf8 { .. } => refuse(line, NotText::NotUtf8.to_string()),
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

    fn read_text(text: &[u8]) -> Result<Table<[f64; 2]>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        std::fs::write(&path, text).unwrap();
        let columns = [Column::Needed("x"), Column::Needed("y")];
        read(&path, columns, |[x, y]| Ok([number("x", x)?, number("y", y)?])).map_err(|e| e.to_string())
    }

    #[test]
    fn columns_are_found_by_name_and_quotes_may_hold_a_delimiter() {
        for text in [
            &b"y, \"note\" ,x\r\n2,\"a, b\",1\n   \n\n4,,3\n"[..],
            b"\xef\xbb\xbfy,note,x\n2,,1\n4,,3",
            b"y\tnote\tx\n2\ta, b\t1\n4\t\t3\n",
            b"y;note;x\r\n2;;1\r\n4;;3\r\n",
        ] {
            let table = read_text(text).unwrap();
            let rows: Vec<[f64; 2]> = table.rows.iter().map(|(_, row)| *row).collect();
            assert_eq!((rows.as_slice(), table.skipped), (&[[1.0, 2.0], [3.0, 4.0]][..], 0));
        }
        for nothing in ["", "nan", "NaN", "NA", "null", "-nan(ind)"] {
            assert!(read_text(format!("x,y\n{nothing},2\n").as_bytes()).unwrap().rows[0].1[0].is_nan(), "{nothing}");
        }
    }

    #[test]
    fn refusals_name_the_line() {
        let rows: [(&[u8], &str); 6] = [
            (b"", "line 1: no column `x`"),
            (b"x,z\n", "line 1: no column `y`"),
            (b"x,y\n1,two\n", "line 2: `y` is no number"),
            (b"x;y\n1,5;2,5\n1,5;2,5\n", "line 2: `x` is no number"),
            (b"\xff\xfex\0,\0y\0", "UTF-16"),
            (b"x,caf\xe9\n", "not UTF-8 text"),
        ];
        for (text, expected) in rows {
            let message = read_text(text).map(|table| format!("{table:?}")).unwrap_or_else(|e| e);
            assert!(message.contains(expected), "{message}");
        }
        let endless = [b"x,y\n1,\"".to_vec(), vec![b'a'; MAX_ROW_BYTES as usize + 100_000]].concat();
        let message = read_text(&endless).unwrap_err();
        assert!(message.contains("more than 16777216 bytes"), "{message}");
    }

    #[test]
    fn a_damaged_row_is_skipped_and_told() {
        let rows: [(&[u8], u64, &str); 5] = [
            (b"1", 1, "line 6: 1 fields, but the first line names 2 columns"),
            (b"1,two", 1, "line 6: `y` is no number"),
            (b"1,2,3", 1, "line 6: 3 fields"),
            (b"1,\xff", 1, "line 6: not UTF-8 text"),
            // A quote that never closes takes the next line along.
            (b"\"1\n,2", 2, "line 6: "),
        ];
        for (damaged, count, expected) in rows {
            let text = [&b"x,y\n1,2\n3,4\n1,2\n3,4\n"[..], damaged, b"\n5,6\n"].concat();
            let table = read_text(&text).unwrap();
            let note = table.note(Path::new("a/b.csv")).unwrap();
            assert!(table.skipped >= count && note.contains(expected) && note.contains("`b.csv`"), "{note}");
            assert_eq!(table.rows[..2], [(2, [1.0, 2.0]), (3, [3.0, 4.0])]);
        }
    }
}
