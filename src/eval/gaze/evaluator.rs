use std::sync::Arc;
use std::time::Instant;

use crate::error::{Error, PromptError, Result};
use crate::frame::{Frame, PixelFormat};
use crate::mask::Mask;
use crate::model::{Decoder, Encoder};
use crate::scene::{Rendering, Scene};
use crate::select::gaze::GazeSelection;
use crate::session::Stepper;
use crate::statistics::Samples;
use crate::time::Timestamp;
use crate::track::{FollowerConfig, ObjectId};

/// Frames a second of the scene.
pub const FPS: f64 = 30.0;

/// What a look selected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// The object that the mask overlaps with most; 0 if with none.
    pub object: u8,
    /// The IoU of the two.
    pub iou: f32,
}

/// Answers looks with the model, and holds the answers against the scene's truth. The model sees nothing but the frame.
pub struct GazeEvaluator {
    stepper: Stepper,
    rendering: Rendering,
    next_id: ObjectId,
    /// Of answering a look, once the frame is encoded.
    pub timings: Samples,
}

impl GazeEvaluator {
    /// An evaluator that answers with this model.
    ///
    /// # Errors
    /// As [`Stepper::new`].
    pub fn new(encoder: Box<dyn Encoder>, decoder: Box<dyn Decoder>) -> Result<Self> {
        let stepper = Stepper::new(encoder, decoder, FollowerConfig::default())?;
        Ok(GazeEvaluator { stepper, rendering: Rendering::default(), next_id: 1, timings: Samples::default() })
    }

    /// What `selection` selects on the frame nearest to its time.
    ///
    /// # Errors
    /// Those of the model; the inner error when the look is refused or doubted.
    pub fn look(
        &mut self,
        scene: &Scene,
        selection: &GazeSelection,
    ) -> Result<std::result::Result<Verdict, PromptError>> {
        let sequence = (selection.prompt_at.as_secs_f64() * FPS).round().max(0.0);
        let time_s = sequence / FPS;
        scene.render(time_s, &mut self.rendering);
        let size = scene.size();
        let frame = Frame {
            data: std::mem::take(&mut self.rendering.rgb).into(),
            size,
            stride: size.width as usize * 3,
            format: PixelFormat::Rgb24,
            sequence: sequence as u64,
            captured_at: Timestamp::from_secs_f64(time_s),
            ..Frame::default()
        };
        self.stepper.set_frame(Arc::new(frame))?;
        let object = self.next_id;
        self.next_id = self.next_id.wrapping_add(1).max(1);
        let began = Instant::now();
        let verdict = match self.stepper.select_by_gaze(object, selection.disc, selection.insistent) {
            Ok(mask) => verdict(mask, &self.rendering.ids),
            Err(Error::Prompt(error)) => return Ok(Err(error)),
            Err(error) => return Err(error),
        };
        self.timings.push(began.elapsed());
        self.stepper.release(object);
        Ok(Ok(verdict))
    }
}

fn verdict(mask: &Mask, ids: &[u8]) -> Verdict {
    let (mut areas, mut shared) = ([0u32; 256], [0u32; 256]);
    for (inside, id) in mask.data().iter().zip(ids) {
        areas[*id as usize] += 1;
        shared[*id as usize] += u32::from(*inside);
    }
    let area: u32 = shared.iter().sum();
    let iou = |id: usize| shared[id] as f32 / (area + areas[id] - shared[id]).max(1) as f32;
    let best = (1..256).max_by(|a, b| iou(*a).total_cmp(&iou(*b))).unwrap_or(0);
    if iou(best) > 0.0 { Verdict { object: best as u8, iou: iou(best) } } else { Verdict { object: 0, iou: 0.0 } }
}
