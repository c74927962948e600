use std::sync::Arc;

use super::super::{Candidate, Decoder, Embedding, Prompt, check_origin, check_prompt, take_candidates};
use super::list::PointList;
use super::recent::Recent;
use super::{Lengths, MAX_POINTS, Shared};
use crate::engine::{Graph, Session, Tensor};
use crate::error::{ModelError, PromptError, Result};
use crate::geometry::{LabeledPoint, Letterbox, Point, Size};
use crate::mask::{Border, DistanceTransform, LowResLogits, Mask, stability_score};

/// Masks that Segment Anything's own decoder makes for a prompt: one for unambiguous ones and three alternatives.
const MASKS_OF_SAM: usize = 4;
/// By which the threshold of logits, 0, is raised and lowered to rate a mask, as EdgeSAM's predictor does.
const STABILITY_OFFSET: f32 = 1.0;
/// Logits of a mask of nothing.
const OUTSIDE: f32 = -10.0;

/// The decoder of one thread.
pub(super) struct PointDecoder {
    model: Arc<str>,
    shared: Arc<Shared>,
    /// Masks that the file gives for each prompt, and their size.
    masks: usize,
    size: Size,
    max_points: usize,
    sessions: Recent<Lengths, PointSession>,
    points: PointList,
    outputs: Vec<Tensor>,
    /// All masks of one prompt, rated by stability.
    rated: Vec<Candidate>,
    /// Which masks answer a prompt.
    order: Vec<usize>,
}

impl PointDecoder {
    pub fn new(
        model: Arc<str>,
        shared: Arc<Shared>,
        (masks, size): (usize, Size),
        first: &Graph,
    ) -> Result<Self, ModelError> {
        let mut sessions = Recent::new();
        sessions.get_or(shared.first(), || PointSession::new(&shared, first))?;
        let longest = shared.rules.fixed.unwrap_or(MAX_POINTS + 2);
        Ok(PointDecoder {
            model,
            masks,
            size,
            // A lone point may need a padding point beside it, a box two corners.
            max_points: longest.saturating_sub(2).clamp(1, MAX_POINTS),
            sessions,
            shared,
            points: PointList::default(),
            outputs: Vec::new(),
            rated: Vec::new(),
            order: Vec::new(),
        })
    }

    /// Runs the decoder for `prompt`. False for a prompt that is only an empty mask, which nothing says anything of.
    fn run(&mut self, embedding: &Embedding, prompt: &Prompt) -> Result<bool> {
        let PointDecoder { shared, points, sessions, outputs, .. } = self;
        let takes_boxes = shared.rules.corners || shared.roles.boxes.is_some();
        if prompt.bbox.is_some() && !takes_boxes {
            return Err(PromptError::NoBoxes.into());
        }
        let mask = prompt.mask.as_ref();
        let letterbox = &embedding.letterbox;
        match mask.filter(|_| shared.roles.mask.is_none() && prompt.points.is_empty() && prompt.bbox.is_none()) {
            // Without an input for it, a mask is told by what the decoder does take.
            Some(mask) => {
                let Some(bbox) = mask.bounding_box(letterbox) else { return Ok(false) };
                if takes_boxes {
                    points.set(&[], Some(bbox), letterbox, &shared.rules);
                } else {
                    points.set(&[innermost(mask, letterbox)], None, letterbox, &shared.rules);
                }
            }
            None => points.set(&prompt.points, prompt.bbox, letterbox, &shared.rules),
        }
        let lengths = Lengths { points: points.len(), bbox: !points.bbox.is_empty() };
        let session = sessions.get_or(lengths, || PointSession::new(shared, &shared.graph(lengths)?))?;
        session.run(&embedding.tensors, points, mask.map(|mask| mask.data.as_slice()), outputs)?;
        Ok(true)
    }
}

impl Decoder for PointDecoder {
    fn max_points(&self) -> usize {
        self.max_points
    }

    fn mask_size(&self) -> Size {
        self.size
    }

    fn candidates(&self) -> usize {
        if self.masks == MASKS_OF_SAM { MASKS_OF_SAM - 1 } else { self.masks }
    }

    fn decode(&mut self, embedding: &Embedding, prompts: &[Prompt], out: &mut Vec<Candidate>) -> Result<()> {
        check_origin(&self.model, embedding)?;
        if embedding.tensors.is_empty() {
            return Err(PromptError::NoFrame.into());
        }
        let candidates = self.candidates();
        out.resize_with(prompts.len() * candidates, Candidate::default);
        for (prompt, out) in prompts.iter().zip(out.chunks_exact_mut(candidates)) {
            check_prompt(prompt, self.max_points, self.size)?;
            if !self.run(embedding, prompt)? {
                let nothing = vec![OUTSIDE; self.size.area()];
                out.iter_mut().for_each(|candidate| candidate.set(self.size, &nothing, 0.0));
                continue;
            }
            if self.shared.by_stability {
                self.rate(&embedding.letterbox)?;
                let rating = |ix: usize| self.rated.get(ix).map_or(0.0, |rated| rated.predicted_iou);
                choose(self.masks, prompt, rating, &mut self.order);
                for (candidate, ix) in out.iter_mut().zip(&self.order) {
                    if let Some(rated) = self.rated.get_mut(*ix) {
                        std::mem::swap(candidate, rated);
                    }
                }
            } else {
                let ratings = self.outputs.get(1).and_then(Tensor::as_f32).unwrap_or_default();
                let rating = |ix: usize| ratings.get(ix).copied().unwrap_or(f32::NEG_INFINITY);
                choose(self.masks, prompt, rating, &mut self.order);
                take_candidates(&self.outputs, self.size, self.order.iter().copied(), out)?;
            }
        }
        Ok(())
    }
}

impl PointDecoder {
    /// Overwrites `rated` with every mask that was made, each with its stability for a rating.
    fn rate(&mut self, letterbox: &Letterbox) -> Result<(), ModelError> {
        let masks = self.outputs.first().and_then(Tensor::as_f32).unwrap_or_default();
        self.rated.resize_with(self.masks, Candidate::default);
        if masks.len() != self.masks * self.size.area() {
            return Err(ModelError::Run { graph: "decoder".into(), reason: "it gave too few masks".into() });
        }
        for (candidate, logits) in self.rated.iter_mut().zip(masks.chunks_exact(self.size.area())) {
            candidate.set(self.size, logits, 0.0);
            let content = candidate.logits.content(letterbox);
            candidate.predicted_iou = stability_score(&candidate.logits, content, 0.0, STABILITY_OFFSET);
        }
        Ok(())
    }
}

/// Which of `masks` masks answer `prompt`, in what order, by their ratings.
fn choose(masks: usize, prompt: &Prompt, rating: impl Fn(usize) -> f32, order: &mut Vec<usize>) {
    order.clear();
    if masks != MASKS_OF_SAM {
        return order.extend(0..masks);
    }
    order.extend(1..masks);
    if prompt.points.len() == 1 && prompt.bbox.is_none() && prompt.mask.is_none() {
        return;
    }
    order.sort_by(|a, b| rating(*b).total_cmp(&rating(*a)));
    order.pop();
    order.insert(0, 0);
}

/// The point deepest inside a mask, as a click on the frame that `letterbox` places.
fn innermost(logits: &LowResLogits, letterbox: &Letterbox) -> LabeledPoint {
    let shown = logits.content(letterbox);
    let inside =
        |x: u32, y: u32| x < shown.width && y < shown.height && logits.data[(y * logits.size.width + x) as usize] > 0.0;
    let mut field = DistanceTransform::default();
    field.compute(&Mask::from_fn(logits.size, inside), Border::Background);
    let cell = field.peak().map_or(Default::default(), |(point, _)| point);
    let at = |cell: f32, input: u32, cells: u32| cell * input as f32 / cells.max(1) as f32;
    let (input, size) = (letterbox.input, logits.size);
    let place =
        letterbox.to_frame(Point::new(at(cell.x, input.width, size.width), at(cell.y, input.height, size.height)));
    let shown = letterbox.region.as_box();
    LabeledPoint::foreground(place.x.clamp(shown.x0, shown.x1), place.y.clamp(shown.y0, shown.y1))
}

/// A session and the places of its inputs. An input that the graph does not use is left out of it and skipped here.
struct PointSession {
    session: Session,
    /// Places of what the encoder makes, and the number of its output.
    features: Vec<(usize, usize)>,
    coords: Option<usize>,
    labels: Option<usize>,
    bbox: Option<usize>,
    mask: Option<usize>,
    has_mask: Option<usize>,
}

impl PointSession {
    fn new(shared: &Shared, graph: &Graph) -> Result<Self, ModelError> {
        let roles = &shared.roles;
        let place = |name: &String| graph.input_index(name);
        let features = roles.features.iter().filter_map(|(name, from)| Some((place(name)?, *from)));
        Ok(PointSession {
            features: features.collect(),
            coords: place(&roles.coords),
            labels: place(&roles.labels),
            bbox: roles.boxes.as_ref().and_then(place),
            mask: roles.mask.as_ref().and_then(|mask| place(&mask.logits)),
            has_mask: roles.mask.as_ref().and_then(|mask| place(&mask.given)),
            session: graph.session()?,
        })
    }

    fn run(
        &mut self,
        embedding: &[Tensor],
        points: &PointList,
        mask: Option<&[f32]>,
        outputs: &mut Vec<Tensor>,
    ) -> Result<()> {
        for (place, from) in &self.features {
            let tensor = embedding.get(*from).ok_or(PromptError::NoFrame)?;
            self.session.set_input(*place, tensor)?;
        }
        let given: [(Option<usize>, &[f32]); 3] =
            [(self.coords, &points.coords), (self.labels, &points.labels), (self.bbox, &points.bbox)];
        for (place, values) in given {
            if let Some(place) = place {
                self.session.fill_input(place, values)?;
            }
        }
        if let (Some(place), Some(mask)) = (self.mask, mask) {
            self.session.fill_input(place, mask)?;
        }
        if let Some(place) = self.has_mask {
            self.session.fill_input(place, &[f32::from(u8::from(mask.is_some()))])?;
        }
        Ok(self.session.run_finite(outputs)?)
    }
}
