use std::time::Duration;

use super::GazeRecording;
use crate::address::{self, AddressError};
use crate::geometry::{Intrinsics, Size};
use crate::input::PromptAddress;
use crate::input::gaze::GazeSource;
use crate::select::GazeSample;
use crate::time::Timestamp;

/// Reads the place of `gaze:file:PATH`.
pub fn address(place: Option<&str>) -> Result<PromptAddress, AddressError> {
    let path = address::path(place)?.to_owned();
    let name = format!("gaze:file:{path}");
    let (text, reads) = (name.clone(), path.clone().into());
    let address = PromptAddress::gaze(text, move |frame, _| {
        Ok(GazeReplay::new(name.clone(), GazeRecording::read(path.as_ref())?, frame))
    });
    Ok(address.reading(reads).recorded())
}

/// A recording given out as if it were measured now: its first scene frame falls on the stream's first frame. Samples from
/// before that frame are left out.
#[derive(Clone, Debug)]
pub struct GazeReplay {
    name: String,
    recording: GazeRecording,
    next: usize,
}

impl GazeReplay {
    /// Replays onto frames of `frame`. `name` is how events call it.
    pub fn new(name: impl Into<String>, recording: GazeRecording, frame: Size) -> Self {
        let recording = recording.scaled_to(frame);
        let first = recording.first_frame();
        let next = recording.samples.partition_point(|s| s.at < first);
        GazeReplay { name: name.into(), recording, next }
    }
}

impl GazeSource for GazeReplay {
    fn name(&self) -> &str {
        &self.name
    }

    fn intrinsics(&self) -> Option<Intrinsics> {
        self.recording.intrinsics
    }

    fn poll(&mut self, origin: Timestamp, until: Timestamp, out: &mut Vec<GazeSample>) {
        let first = self.recording.first_frame();
        while let Some(sample) = self.recording.samples.get(self.next) {
            let at = origin + Duration::from_nanos(sample.at.since(first).as_nanos() as u64);
            if at > until {
                break;
            }
            out.push(GazeSample { at, ..*sample });
            self.next += 1;
        }
    }
}
