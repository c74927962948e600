use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::error::Result;
use crate::mask::Mask;
use crate::record::{Event, EventKind, FrameRecord};
use crate::scene::Scene;
use crate::scene::user::GazeTrace;
use crate::sink::Sink;
use crate::track::ObjectId;

use crate::cli::console::Used;

/// Selections held against the scene's truth.
#[derive(Clone, Debug, Default)]
pub struct Score {
    /// IoU of every mask of every frame with the truth of the object that was looked at.
    pub ious: Vec<f32>,
    /// The same on the frames where a look was answered.
    pub ious_at_selection: Vec<f32>,
    pub selections: usize,
    pub lost: usize,
}

/// A sink that compares every mask with the scene's truth at the time of its frame. The truth is rendered again here, so
/// nothing in the pipeline knows of it.
pub struct ScoreSink {
    scene: Arc<Scene>,
    gaze: GazeTrace,
    /// The scene's object that was looked at when a selection was made.
    targets: HashMap<ObjectId, u8>,
    /// Selections on frames whose record has not come yet: object, frame.
    selected: Vec<(ObjectId, u64)>,
    ids: Vec<u8>,
    truth: Mask,
    rate: f64,
    /// From then on selections are a user's, whose target nobody knows.
    used: Used,
    score: Arc<Mutex<Score>>,
}

/// Less of a truth than this share of the frame is too little to measure by.
const MIN_TRUTH: f64 = 0.002;

impl ScoreSink {
    pub fn new(scene: Arc<Scene>, rate: f64, used: Used) -> (Self, Arc<Mutex<Score>>) {
        let score = Arc::new(Mutex::new(Score::default()));
        let sink = ScoreSink {
            gaze: GazeTrace::new(&scene),
            scene,
            targets: HashMap::new(),
            selected: Vec::new(),
            ids: Vec::new(),
            truth: Mask::default(),
            rate,
            used,
            score: Arc::clone(&score),
        };
        (sink, score)
    }

    fn score(&self) -> std::sync::MutexGuard<'_, Score> {
        self.score.lock().unwrap_or_else(|p| p.into_inner())
    }
}

impl Sink for ScoreSink {
    fn name(&self) -> &str {
        "score"
    }

    fn frame(&mut self, record: &FrameRecord) -> Result<()> {
        let Some(frame) = &record.frame else { return Ok(()) };
        if record.objects().is_empty() {
            return Ok(());
        }
        self.scene.render_ids(record.sequence as f64 / self.rate, &mut self.ids);
        let (mut ious, mut first) = (Vec::new(), Vec::new());
        for object in record.objects() {
            let Some(target) = self.targets.get(&object.object) else { continue };
            self.truth.reset(frame.size);
            for (out, id) in self.truth.data_mut().iter_mut().zip(&self.ids) {
                *out = (id == target) as u8;
            }
            if (self.truth.area() as f64) < MIN_TRUTH * frame.size.area() as f64 {
                continue;
            }
            let iou = object.mask.iou(&self.truth);
            ious.push(iou);
            if self.selected.iter().any(|(id, frame)| *id == object.object && *frame <= record.sequence) {
                first.push(iou);
                self.selected.retain(|(id, _)| *id != object.object);
            }
        }
        let mut score = self.score();
        score.ious.extend(ious);
        score.ious_at_selection.extend(first);
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Result<()> {
        match &event.kind {
            EventKind::Selected { object, frame, .. } => {
                let looked_at = self.gaze.target(*frame as f64 / self.rate).filter(|_| !(self.used)());
                if let Some(target) = looked_at {
                    self.targets.insert(*object, target);
                }
                self.selected.push((*object, *frame));
                self.score().selections += 1;
            }
            EventKind::Lost { .. } => self.score().lost += 1,
            _ => {}
        }
        Ok(())
    }
}
