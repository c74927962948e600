use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::error::{Error, IoError};
use crate::geometry::Intrinsics;
use crate::input::GazeRecording;
use crate::select::GazeSample;
use crate::select::gaze::{
    DwellConfig, DwellSelector, FixationConfig, FixationDetector, FixationSpan, GazeSelection, SelectEvent,
    VelocityConfig, VelocityDetector, overlap_in_time,
};
use crate::time::Timestamp;

/// A stretch of samples below the least confidence counts from this length on.
const MIN_STRETCH: Duration = Duration::from_millis(50);

/// What a recording takes for a longer blink is an eye that its tracker half lost: its samples tell when it was seen.
const LONGEST_BLINK: Duration = Duration::from_millis(500);

/// A recording, replayed.
#[derive(Debug, Serialize)]
pub struct Replay {
    /// The name of its folder.
    pub name: String,
    /// From the first to the last sample.
    pub seconds: f64,
    /// Samples of gaze.
    pub samples: usize,
    /// Share of the samples with too little confidence.
    pub low_confidence: f64,
    /// Fixations that the recording itself holds.
    pub own_fixations: usize,
    /// Fixations by velocity.
    pub velocity: Detected,
    /// Fixations by dispersion.
    pub dispersion: Detected,
    /// Selections by dwell.
    pub commits: usize,
    /// Those made, or meant, while samples had too little confidence for longer than a moment, or in a recorded blink.
    pub commits_unseen: usize,
    /// The least share of a dwell in which the eye was seen well, over all selections.
    pub least_seen: Option<f64>,
}

/// Fixations that were found, against the recording's own.
#[derive(Debug, Serialize)]
pub struct Detected {
    /// Fixations that were found.
    pub fixations: usize,
    /// Share of the time of the recording's own fixations that was found.
    pub found: Option<f64>,
    /// Share of the time that was found in which the recording has a fixation too.
    pub confirmed: Option<f64>,
}

/// Replays the recording in `dir`, or those in its folders, by name.
///
/// # Errors
/// A folder that cannot be read, or a recording of no known form.
pub fn run(dir: &Path) -> Result<Vec<Replay>, Error> {
    let unreadable = match GazeRecording::read(dir) {
        Ok(recording) => return Ok(vec![replay(name_of(dir), &recording)]),
        Err(error) => error,
    };
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(IoError::when("read", dir))? {
        let path = entry.map_err(IoError::when("read", dir))?.path();
        folders.extend(path.is_dir().then_some(path));
    }
    if folders.is_empty() {
        return Err(unreadable);
    }
    folders.sort();
    let replayed = |path: &PathBuf| Ok(replay(name_of(path), &GazeRecording::read(path)?));
    folders.iter().map(replayed).collect()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn replay(name: String, recording: &GazeRecording) -> Replay {
    let GazeRecording { samples, size, .. } = recording;
    let lens = recording.intrinsics.unwrap_or_else(|| Intrinsics::assumed(*size));
    let config = DwellConfig::default();
    let own: Vec<FixationSpan> = recording
        .fixations
        .iter()
        .map(|f| FixationSpan { started_at: f.span.start, ended_at: f.span.end, point: f.point })
        .collect();
    let by_velocity = VelocityDetector::detect(VelocityConfig::default(), lens, samples);
    let (confidence, gap) = (config.min_confidence, VelocityConfig::default().max_gap);
    let by_dispersion = FixationDetector::detect(FixationConfig::default(), lens, samples, (confidence, gap));

    let mut selector = DwellSelector::new(config, lens);
    let commits: Vec<GazeSelection> = samples
        .iter()
        .filter_map(|sample| match selector.push(*sample) {
            Some(SelectEvent::Commit(selection)) => Some(selection),
            _ => None,
        })
        .collect();
    let low = |sample: &&GazeSample| sample.confidence < confidence;
    let mut unseen = stretches(samples, confidence);
    let blinks = recording.blinks.iter().filter(|blink| blink.end.since(blink.start) <= LONGEST_BLINK);
    unseen.extend(blinks.map(|blink| (blink.start, blink.end)));
    let hidden = |at: Timestamp| unseen.iter().any(|(from, to)| (*from..=*to).contains(&at));
    let seen_share = |selection: &GazeSelection| {
        let within =
            || samples.iter().filter(|s| (selection.fixation_started_at..=selection.committed_at).contains(&s.at));
        1.0 - within().filter(low).count() as f64 / within().count().max(1) as f64
    };
    let seconds = samples.last().zip(samples.first()).map_or(0.0, |(last, first)| last.at.signed_secs_since(first.at));
    Replay {
        name,
        seconds,
        samples: samples.len(),
        low_confidence: samples.iter().filter(low).count() as f64 / samples.len().max(1) as f64,
        own_fixations: own.len(),
        velocity: Detected::new(&by_velocity, &own),
        dispersion: Detected::new(&by_dispersion, &own),
        commits: commits.len(),
        commits_unseen: commits.iter().filter(|c| hidden(c.committed_at) || hidden(c.prompt_at)).count(),
        least_seen: commits.iter().map(seen_share).min_by(f64::total_cmp),
    }
}

/// From the first to the last sample of each run of samples below a confidence.
fn stretches(samples: &[GazeSample], confidence: f32) -> Vec<(Timestamp, Timestamp)> {
    let runs = samples.chunk_by(|a, b| (a.confidence < confidence) == (b.confidence < confidence));
    let ends = runs.filter_map(|run| Some((run.first()?, run.last()?)));
    let low = ends.filter(|(first, _)| first.confidence < confidence).map(|(first, last)| (first.at, last.at));
    low.filter(|(from, to)| to.since(*from) >= MIN_STRETCH).collect()
}

impl Detected {
    fn new(found: &[FixationSpan], own: &[FixationSpan]) -> Self {
        Detected {
            fixations: found.len(),
            found: overlap_in_time(own, found).map(|(_, share)| share),
            confirmed: overlap_in_time(found, own).map(|(_, share)| share),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;

    #[test]
    fn what_cannot_be_read_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let reason = || run(dir.path()).unwrap_err().to_string();
        assert!(reason().contains("give a folder with"), "{}", reason());
        std::fs::write(dir.path().join("gaze_positions.csv"), "not,what,it,says\n1,2,3,4\n").unwrap();
        assert!(reason().contains("gaze_positions.csv"), "{}", reason());
    }

    #[test]
    fn stretches_are_runs_of_some_length() {
        let sample = |(i, confidence): (usize, f32)| GazeSample {
            at: Timestamp::from_nanos(i as u64 * 20_000_000),
            point: Point::default(),
            confidence,
        };
        let confidences = [1.0, 0.1, 0.1, 0.2, 0.3, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
        let samples: Vec<GazeSample> = confidences.into_iter().enumerate().map(sample).collect();
        let at = |i: u64| Timestamp::from_nanos(i * 20_000_000);
        assert_eq!(stretches(&samples, 0.6), [(at(1), at(4)), (at(8), at(11))]);
    }
}
