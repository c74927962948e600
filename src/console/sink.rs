use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::frame_message::{FrameMessage, trace};
use super::hub::{Demand, FrameTimes, Hub, ObjectFigures, Snapshot, SnapshotObject};
use super::jpeg::FrameEncoder;
use crate::error::Result;
use crate::mask::{Contours, Mask, Rle, UpsampleScratch, upsample_mask};
use crate::model::Candidate;
use crate::record::{AnswerRecord, Event, EventKind, FrameRecord};
use crate::sink::{NdjsonOptions, NdjsonSink, Sink, StreamInfo};
use crate::track::ObjectId;

/// The console's name among the sinks.
pub const NAME: &str = "console";

/// Shows the stream in every page that is open. Nothing is done for a frame that nobody waits for.
pub struct ConsoleSink {
    hub: Arc<Hub>,
    share_gaze: bool,
    encoder: FrameEncoder,
    message: FrameMessage,
    /// The wire format, for events and for readers of the stream.
    lines: NdjsonSink,
    written: Lines,
    /// Each object's last answer, and the candidate chosen of it, as sent to the pages.
    answers: Vec<(ObjectId, Arc<[Candidate]>, usize)>,
    answer: AnswerText,
}

impl ConsoleSink {
    /// A sink that shows frames through `hub`, gaze included if `share_gaze`.
    pub fn new(hub: Arc<Hub>, share_gaze: bool) -> Self {
        let written = Lines::default();
        let options = NdjsonOptions { share_gaze };
        let lines = NdjsonSink::new(NAME.into(), Path::new(NAME), written.clone(), options);
        ConsoleSink {
            hub,
            share_gaze,
            encoder: FrameEncoder::default(),
            message: FrameMessage::default(),
            lines,
            written,
            answers: Vec::new(),
            answer: AnswerText::default(),
        }
    }

    /// Sends the pages the answers that are new.
    fn emit_answers(&mut self, record: &FrameRecord) {
        let objects = record.objects();
        self.answers.retain(|(id, ..)| objects.iter().any(|o| o.object == *id));
        for object in objects {
            let known = self.answers.iter().position(|(id, ..)| *id == object.object);
            match &object.answer {
                Some(answer) => {
                    let same = known.is_some_and(|at| {
                        let (_, candidates, chosen) = &self.answers[at];
                        Arc::ptr_eq(candidates, &answer.candidates) && *chosen == answer.chosen
                    });
                    if !same {
                        known.map(|at| self.answers.swap_remove(at));
                        self.answers.push((object.object, Arc::clone(&answer.candidates), answer.chosen));
                        self.hub.set_answer(object.object, Some(self.answer.write(object.object, answer)));
                    }
                }
                None => {
                    if let Some(at) = known {
                        self.answers.swap_remove(at);
                        self.hub.set_answer(object.object, None);
                    }
                }
            }
        }
    }

    fn send(&mut self, record: &FrameRecord, demand: Demand) -> Result<()> {
        let Some(frame) = &record.frame else { return Ok(()) };
        self.encoder.take(frame)?;
        self.message.take(record);
        for level in (0..demand.levels.len()).filter(|level| demand.levels[*level]) {
            let (shown, jpeg) = self.encoder.jpeg(level)?;
            let sent_ms = self.hub.clock.now().since(record.captured_at).as_secs_f64() * 1e3;
            let message = self.message.with(record, sent_ms, shown, &jpeg, self.share_gaze);
            self.hub.send_frame(record.sequence, level, &message);
        }
        if demand.snapshot {
            let jpeg = self.encoder.jpeg(0)?.1.into();
            self.hub.give_snapshot(&Arc::new(snapshot(record, jpeg)));
        }
        Ok(())
    }
}

fn snapshot(record: &FrameRecord, jpeg: Bytes) -> Snapshot {
    let masked = record.objects().iter().filter(|o| o.area > 0);
    let objects = masked.map(|o| SnapshotObject {
        object: o.object,
        score: o.score,
        bbox: o.bbox,
        area: o.area,
        rle: Rle::from_mask(&o.mask),
    });
    Snapshot {
        frame: record.sequence,
        time_s: record.time_s,
        size: record.frame.as_ref().map(|frame| frame.size).unwrap_or_default(),
        jpeg,
        objects: objects.collect(),
    }
}

impl Sink for ConsoleSink {
    fn name(&self) -> &str {
        NAME
    }

    fn shares_gaze(&self) -> bool {
        self.share_gaze
    }

    fn begin(&mut self, stream: &StreamInfo) -> Result<()> {
        self.lines.begin(stream)?;
        self.hub.begin(stream, self.written.take());
        Ok(())
    }

    fn frame(&mut self, record: &FrameRecord) -> Result<()> {
        let figures = record.objects().iter().map(|o| ObjectFigures {
            object: o.object,
            state: o.state,
            score: o.score,
            bbox: o.bbox,
            area: o.area,
        });
        let FrameRecord { time_s, captured_at, age, .. } = *record;
        let demand = self.hub.next_frame(figures, FrameTimes { time_s, captured_at, age });
        self.emit_answers(record);
        if demand.lines {
            self.lines.frame(record)?;
            self.hub.send_line(&self.written.take());
        }
        if (Demand { lines: false, ..demand }).is_none() { Ok(()) } else { self.send(record, demand) }
    }

    fn event(&mut self, event: &Event) -> Result<()> {
        self.lines.event(event)?;
        let line = self.written.take();
        self.hub.send_line(&line);
        // One a frame, and nothing that a page shows.
        if !matches!(event.kind, EventKind::FramesPaired { .. }) {
            self.hub.send_event(line);
        }
        Ok(())
    }

    fn finish(&mut self, summary: &Value) -> Result<()> {
        self.lines.finish(summary)?;
        self.hub.send_line(&self.written.take());
        Ok(())
    }
}

/// What was written last.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// The line without its end.
    fn take(&self) -> Arc<str> {
        let mut bytes = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let line = String::from_utf8_lossy(&bytes).trim_end().into();
        bytes.clear();
        line
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Writes an object's answer: all candidates, as they lay on the frame that the user prompted.
#[derive(Default)]
struct AnswerText {
    mask: Mask,
    scratch: UpsampleScratch,
    contours: Contours,
}

#[derive(Serialize)]
struct AnswerMessage {
    r#type: &'static str,
    object: ObjectId,
    frame: u64,
    chosen: usize,
    candidates: Vec<CandidateMessage>,
}

#[derive(Serialize)]
struct CandidateMessage {
    score: f32,
    area: usize,
    /// Each outline as x, y, x, y, … in pixels of the frame.
    outlines: Vec<Vec<u16>>,
}

impl AnswerText {
    fn write(&mut self, object: ObjectId, answer: &AnswerRecord) -> Arc<str> {
        let candidates = answer.candidates.iter().map(|candidate| {
            let extent = upsample_mask(&candidate.logits, &answer.letterbox, 0.0, &mut self.scratch, &mut self.mask);
            let mut outlines = Vec::new();
            trace(&mut self.contours, &self.mask, |points| {
                outlines.push(points.iter().flat_map(|p| [p.x as u16, p.y as u16]).collect());
            });
            CandidateMessage { score: candidate.predicted_iou, area: extent.area, outlines }
        });
        let candidates = candidates.collect();
        let AnswerRecord { chosen, frame, .. } = *answer;
        serde_json::to_string(&AnswerMessage { r#type: "answer", object, frame, chosen, candidates })
            .unwrap_or_default()
            .into()
    }
}
