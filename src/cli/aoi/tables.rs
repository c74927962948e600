use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::error::IoError;
use crate::output::write_whole;
use crate::select::gaze::{FixationSpan, Interest};
use crate::time::Timestamp;
use crate::track::ObjectId;

use super::super::output::print;

/// Writes a row for each object, to standard output without a path.
pub fn write_dwell(
    path: Option<&Path>,
    start: Timestamp,
    interests: &[Interest],
    visible: &BTreeMap<ObjectId, Duration>,
) -> anyhow::Result<()> {
    let header = ["object", "first_look_s", "dwell_s", "visits", "fixations", "fixation_s", "visible_s"];
    let rows = interests.iter().map(|interest| {
        let Interest { object, first_at, dwell, visits, fixations, fixated } = interest;
        let visible = visible.get(object).copied().unwrap_or_default();
        [
            object.to_string(),
            first_at.map(|at| seconds(at, start)).unwrap_or_default(),
            format!("{:.3}", dwell.as_secs_f64()),
            visits.to_string(),
            fixations.to_string(),
            format!("{:.3}", fixated.as_secs_f64()),
            format!("{:.3}", visible.as_secs_f64()),
        ]
    });
    let text = csv_of(header, rows)?;
    match path {
        Some(path) => write(path, &text),
        None => print(&text),
    }
}

/// Writes a row for each fixation, with the object that it was on.
pub fn write_fixations(
    path: &Path,
    start: Timestamp,
    fixations: &[(FixationSpan, Option<(u32, f32)>)],
) -> anyhow::Result<()> {
    let header = ["start_s", "end_s", "duration_s", "x", "y", "object", "share"];
    let rows = fixations.iter().map(|(span, on)| {
        let FixationSpan { started_at, ended_at, point } = span;
        [
            seconds(*started_at, start),
            seconds(*ended_at, start),
            format!("{:.3}", ended_at.since(*started_at).as_secs_f64()),
            format!("{:.1}", point.x),
            format!("{:.1}", point.y),
            on.map(|(object, _)| object.to_string()).unwrap_or_default(),
            on.map(|(_, share)| format!("{share:.2}")).unwrap_or_default(),
        ]
    });
    write(path, &csv_of(header, rows)?)
}

fn write(path: &Path, table: &str) -> anyhow::Result<()> {
    Ok(write_whole(path, table.as_bytes()).map_err(IoError::when("write", path))?)
}

fn seconds(at: Timestamp, start: Timestamp) -> String {
    format!("{:.3}", at.signed_secs_since(start))
}

fn csv_of<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> anyhow::Result<String> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(header)?;
    for row in rows {
        table.write_record(row)?;
    }
    Ok(String::from_utf8(table.into_inner().map_err(|error| error.into_error())?)?)
}
