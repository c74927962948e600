//! Every thing in a picture, without anybody pointing at it: prompts on a grid of points, and of all answers those that are good,
//! stable and not the same (Kirillov et al. 2023, "Segment Anything", appendix B).

mod crops;
mod grid;
mod options;
mod waves;

use std::sync::atomic::{AtomicUsize, Ordering};

pub use options::EverythingOptions;

use crate::error::{ConfigError, Error, PipelineError, Result};
use crate::frame::Frame;
use crate::geometry::{BoundingBox, LabeledPoint, Point, Region, Size};
use crate::mask::{
    Components, LowResLogits, Mask, Rle, UpsampleScratch, fill_small_holes, nms_boxes, remove_small_islands,
    stability_score, upsample_mask,
};
use crate::model::{Candidate, Decoder, Embedding, Encoder, Prompt};

use super::CheckedDecoder;

/// Prompts that are asked before what they gave twice is left out: it bounds the memory of their logits.
const AT_ONCE: usize = 256;
/// Prompts that a thread takes at a time.
const BATCH: usize = 8;
/// Logits above this are inside the object.
const MASK_THRESHOLD: f32 = 0.0;
/// How near to the edge of a crop a mask must come to be one that the crop cuts off, in pixels.
const CUT_OFF: f32 = 20.0;

/// One thing that was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoundMask {
    /// Of the frame's size.
    pub mask: Rle,
    /// Around the mask, in pixels of the frame.
    pub bbox: BoundingBox,
    /// Set pixels.
    pub area: usize,
    /// The model's own estimate of the mask's IoU with the thing.
    pub predicted_iou: f32,
    /// How little the mask changes with the threshold, 0 to 1.
    pub stability: f32,
    /// The point that it was asked for with, in pixels of the frame; `None` for what was asked for with a box.
    pub point: Option<Point>,
    /// The part of the frame that was encoded for it.
    pub crop: Region,
}

/// Finds every thing in a picture. Keep it between pictures: sessions and embedding are reused.
pub struct Everything {
    encoder: Box<dyn Encoder>,
    decoders: Vec<CheckedDecoder>,
    options: EverythingOptions,
    embedding: Embedding,
}

/// An answer that is good enough, while it is not known whether a better one is of the same thing.
struct Answer {
    logits: LowResLogits,
    /// Of the logits' grid, in pixels of the frame.
    bbox: BoundingBox,
    predicted_iou: f32,
    stability: f32,
    point: Point,
    /// The best of its prompt.
    is_best: bool,
}

/// How far along the search is: prompts that were asked or left out, and how many there are in all.
pub type Progress<'a> = &'a mut dyn FnMut(usize, usize);

impl Everything {
    /// Asks `decoders`, each on a thread of its own, about what `encoder` of the same model sees. The result does not depend on how
    /// many there are.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for options out of range, or without a decoder.
    pub fn new(
        encoder: Box<dyn Encoder>,
        decoders: Vec<Box<dyn Decoder>>,
        options: EverythingOptions,
    ) -> Result<Self, ConfigError> {
        options.check()?;
        if decoders.is_empty() {
            let reason = "no decoder: give one for each thread".to_owned();
            return Err(ConfigError::Invalid { origin: "everything".to_owned(), reason });
        }
        let decoders = decoders.into_iter().map(CheckedDecoder::new).collect();
        Ok(Everything { encoder, decoders, options, embedding: Embedding::empty() })
    }

    /// Every thing in `frame`, the largest first. `progress` is called after each wave of prompts.
    ///
    /// # Errors
    /// Those of the encoder and the decoder.
    pub fn find(&mut self, frame: &Frame, progress: Progress) -> Result<Vec<FoundMask>> {
        let crops = crops::crops(frame.size, self.options.crop_layers, self.options.crop_overlap);
        let all: usize = crops.iter().map(|crop| (self.options.points_of(crop.layer) as usize).pow(2)).sum();
        let (mut found, mut done) = (Vec::new(), 0);
        for crop in &crops {
            let points = self.options.points_of(crop.layer);
            let mut report = |asked: usize| progress(done + asked, all);
            found.extend(self.find_in(frame, crop.region, points, &mut report)?);
            done += (points as usize).pow(2);
        }
        if crops.len() > 1 {
            // What was seen from nearer by is the better seen.
            let smallness = |mask: &FoundMask| (mask.bbox, 1.0 / mask.crop.size.area().max(1) as f32);
            found = self.distinct(found, smallness, self.options.crop_box_overlap);
        }
        if self.options.least_area > 0 {
            found = self.without_specks(found);
        }
        found.sort_by_key(|mask| std::cmp::Reverse(mask.area));
        Ok(found)
    }

    /// What is found in one crop, the best first.
    fn find_in(
        &mut self,
        frame: &Frame,
        region: Region,
        side: u32,
        report: &mut dyn FnMut(usize),
    ) -> Result<Vec<FoundMask>> {
        self.encoder.encode_region(frame, region, &mut self.embedding)?;
        let letterbox = self.embedding.letterbox;
        let waves = if self.options.skip_explained { waves::waves(side) } else { vec![waves::all(side)] };
        let most = self.options.explained_share * frame.size.area() as f32;
        let explains = |answer: &Answer, point| {
            answer.is_best && answer.bbox.area() <= most && answer.logits.covers(point, &letterbox)
        };
        let (mut answers, mut asked): (Vec<Answer>, usize) = (Vec::new(), 0);
        for wave in waves {
            let points: Vec<Point> = wave.iter().map(|cell| grid::point(region, side, *cell)).collect();
            let is_open =
                |point: &Point| !self.options.skip_explained || !answers.iter().any(|answer| explains(answer, *point));
            let open: Vec<Point> = points.iter().copied().filter(is_open).collect();
            for batch in open.chunks(AT_ONCE) {
                answers.extend(self.ask(batch, frame.size)?.into_iter().flatten());
                // Logits of what was answered twice need not be kept.
                answers =
                    self.distinct(answers, |answer| (answer.bbox, answer.predicted_iou), self.options.box_overlap);
            }
            asked += points.len();
            report(asked);
        }
        let (mut scratch, mut mask, mut found) = (UpsampleScratch::default(), Mask::default(), Vec::new());
        for Answer { logits, predicted_iou, stability, point, .. } in answers {
            let extent = upsample_mask(&logits, &letterbox, MASK_THRESHOLD, &mut scratch, &mut mask);
            let Some(bbox) = extent.bbox else { continue };
            let mask = Rle::from_mask(&mask);
            let (area, point) = (extent.area, Some(point));
            found.push(FoundMask { mask, bbox, area, predicted_iou, stability, point, crop: region });
        }
        Ok(found)
    }

    /// The answers to each point that are good enough, whatever thread they were found by.
    fn ask(&mut self, points: &[Point], frame: Size) -> Result<Vec<Vec<Answer>>> {
        let Everything { decoders, options, embedding, .. } = self;
        let (embedding, options, next) = (&*embedding, &*options, AtomicUsize::new(0));
        let work = |decoder: &mut CheckedDecoder| -> Result<Vec<(usize, Vec<Answer>)>> {
            let (mut candidates, mut done) = (Vec::new(), Vec::new());
            loop {
                let first = next.fetch_add(BATCH, Ordering::Relaxed);
                let Some(batch) = points.get(first..).filter(|rest| !rest.is_empty()) else { return Ok(done) };
                let batch = &batch[..batch.len().min(BATCH)];
                let prompts: Vec<Prompt> = batch.iter().map(|point| prompt(*point)).collect();
                decoder.decode(embedding, &prompts, &mut candidates)?;
                let each = candidates.chunks_mut(decoder.candidates().max(1)).zip(batch).enumerate();
                done.extend(each.map(|(at, (candidates, point))| {
                    (first + at, good(candidates, *point, embedding, options, frame))
                }));
            }
        };
        let mut done = match &mut decoders[..] {
            [alone] => work(alone)?,
            several => std::thread::scope(|scope| {
                let threads: Vec<_> = several.iter_mut().map(|decoder| scope.spawn(|| work(decoder))).collect();
                let joined = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(panicked())));
                joined.collect::<Result<Vec<_>>>().map(|all| all.into_iter().flatten().collect::<Vec<_>>())
            })?,
        };
        done.sort_unstable_by_key(|(at, _)| *at);
        Ok(done.into_iter().map(|(_, answers)| answers).collect())
    }

    /// Of those whose boxes overlap by more than `overlap` the ones of the highest scores, the best first.
    fn distinct<T>(&self, all: Vec<T>, of: impl Fn(&T) -> (BoundingBox, f32), overlap: f32) -> Vec<T> {
        let (boxes, scores): (Vec<BoundingBox>, Vec<f32>) = all.iter().map(of).unzip();
        let mut kept = Vec::new();
        nms_boxes(&boxes, &scores, overlap, &mut kept);
        let mut all: Vec<Option<T>> = all.into_iter().map(Some).collect();
        kept.into_iter().filter_map(|at| all[at].take()).collect()
    }

    /// Fills small holes and removes small islands. Of two masks that are one after that, the one that needed it less stays.
    fn without_specks(&self, found: Vec<FoundMask>) -> Vec<FoundMask> {
        let (mut components, mut mask) = (Components::default(), Mask::default());
        let cleaned = found.into_iter().map(|mut found| {
            found.mask.decode(&mut mask);
            let filled = fill_small_holes(&mut mask, self.options.least_area, &mut components);
            let removed = remove_small_islands(&mut mask, self.options.least_area, &mut components);
            if filled || removed {
                found.mask.encode(&mask);
                (found.area, found.bbox) = (mask.area(), mask.bounding_box().unwrap_or_default());
            }
            (found, if filled || removed { 0.0 } else { 1.0 })
        });
        let overlap = self.options.box_overlap.max(self.options.crop_box_overlap);
        let kept = self.distinct(cleaned.collect(), |(found, score)| (found.bbox, *score), overlap);
        kept.into_iter().map(|(found, _)| found).filter(|found| found.area > 0).collect()
    }
}

fn prompt(point: Point) -> Prompt {
    Prompt { points: vec![LabeledPoint::foreground(point.x, point.y)], ..Prompt::default() }
}

fn panicked() -> Error {
    PipelineError::Panicked { stage: "everything".into() }.into()
}

/// The candidates of one prompt that the options let pass; their logits are taken.
fn good(
    candidates: &mut [Candidate],
    point: Point,
    embedding: &Embedding,
    options: &EverythingOptions,
    frame: Size,
) -> Vec<Answer> {
    let letterbox = &embedding.letterbox;
    let best =
        (0..candidates.len()).max_by(|a, b| candidates[*a].predicted_iou.total_cmp(&candidates[*b].predicted_iou));
    let mut passed = Vec::new();
    for (at, candidate) in candidates.iter_mut().enumerate() {
        if candidate.predicted_iou <= options.least_iou {
            continue;
        }
        let content = candidate.logits.content(letterbox);
        let stability = stability_score(&candidate.logits, content, MASK_THRESHOLD, options.stability_offset);
        if stability < options.least_stability {
            continue;
        }
        let bbox = candidate.logits.bounding_box(letterbox).map(|bbox| bbox.intersect(letterbox.region.as_box()));
        let Some(bbox) = bbox.filter(|bbox| bbox.area() > 0.0) else { continue };
        if is_cut_off(bbox, letterbox.region, frame) {
            continue;
        }
        let (logits, predicted_iou) = (std::mem::take(&mut candidate.logits), candidate.predicted_iou);
        passed.push(Answer { logits, bbox, predicted_iou, stability, point, is_best: best == Some(at) });
    }
    passed
}

/// Whether a mask reaches an edge of its crop that is none of the frame: it goes on beyond.
fn is_cut_off(bbox: BoundingBox, crop: Region, frame: Size) -> bool {
    let (crop, frame) = (crop.as_box(), BoundingBox::of_frame(frame));
    let near = |side: f32, of_crop: f32, of_frame: f32| {
        (side - of_crop).abs() <= CUT_OFF && (of_crop - of_frame).abs() > CUT_OFF
    };
    near(bbox.x0, crop.x0, frame.x0)
        || near(bbox.y0, crop.y0, frame.y0)
        || near(bbox.x1, crop.x1, frame.x1)
        || near(bbox.y1, crop.y1, frame.y1)
}

#[cfg(test)]
mod tests;
