//! From a disc of gaze to the object that was looked at.

mod clarity;

use super::encoded::Encoded;
use crate::error::{PromptError, Result};
use crate::geometry::{Label, LabeledPoint, Letterbox, Point};
use crate::mask::{LowResLogits, probability};
use crate::model::{Candidate, Prompt};
use crate::segment::{CheckedDecoder, best_matching_prompt};
use crate::select::gaze::GazeDisc;

use clarity::is_clear;

/// Points of the disc that are prompted: its centre and the ring around it.
const PROMPTED: usize = 7;
/// Two masks agree as far as their IoU is above this.
const UNLIKE: f32 = 0.3;
/// A candidate that the model rates lower by so much than the best answer to the same point counts for a third of it.
const DOUBT: f32 = 0.1;
/// Least share of the disc that must fall on an object.
const MIN_MASS: f32 = 0.2;
/// Objects that are decoded once more, and the IoU from which two candidates are the same object.
const FINALISTS: usize = 3;
const SAME: f32 = 0.7;
/// What was shown as a preview is preferred to its neighbours by this factor.
const HYSTERESIS: f32 = 1.25;

/// Finds what a user looked at when gaze is known only as a disc.
///
/// The centre of the disc and points around it are prompted in one batch. Each answer may be what is meant, by the share of the
/// disc that its point stands for and by the model's own doubt among the candidates of that point. Received is the candidate
/// that is expected to overlap most with what is meant, weighed with its own rating (the choice of least expected loss, as
/// Kumar and Byrne, "Minimum Bayes-risk decoding", 2004, have it for sentences): near neighbours split the disc between them,
/// and answers that agree from several points outweigh a part that one of them happens to fall on. The best few, one of each
/// object, are decoded once more with every point that fell on them.
#[derive(Default)]
pub(super) struct GazeSearch {
    prompts: Vec<Prompt>,
    candidates: Vec<Candidate>,
}

/// What is known of one candidate.
#[derive(Clone, Copy, Debug)]
struct Rated {
    index: usize,
    /// Predicted IoU, 0 or more.
    predicted_iou: f32,
    /// Share of the disc that falls on it.
    mass: f32,
    /// Probability that it is what is meant.
    probability: f32,
}

/// The best candidate of one object.
struct Finalist {
    candidate: Candidate,
    /// How much it is expected to overlap with what is meant, 0 to 1.
    expected: f32,
    /// Above 1 if it was shown as a preview.
    preference: f32,
}

impl GazeSearch {
    /// The best candidate for `disc`; what agrees with `preview` is preferred. Unless the selection is insistent, it has to be
    /// clear that it is an object: floors and shadows hardly are.
    ///
    /// # Errors
    /// Those of the decoder; the inner error when the disc lies beside the frame, on nothing, or on nothing clear.
    pub fn find(
        &mut self,
        decoder: &mut CheckedDecoder,
        (disc, insistent): (GazeDisc, bool),
        preview: Option<&LowResLogits>,
        seen: &Encoded,
    ) -> Result<Result<Candidate, PromptError>> {
        let letterbox = &seen.embedding.letterbox;
        let frame = letterbox.frame;
        if !disc.center.is_finite() || !frame.contains(disc.center) {
            return Ok(Err(PromptError::PointOutside { point: disc.center, frame }));
        }
        let points: Vec<(Point, f32)> = disc.points().filter(|(p, _)| frame.contains(*p)).collect();
        let prompted: Vec<(Point, f32)> = disc.points().take(PROMPTED).filter(|(p, _)| frame.contains(*p)).collect();
        self.prompts.clear();
        self.prompts.extend(prompted.iter().map(|(point, _)| prompt_of([*point])));
        decoder.decode(&seen.embedding, &self.prompts, &mut self.candidates)?;
        let rated = self.rate(decoder.candidates().max(1), &prompted, &points, letterbox);
        let finalists = self.finalists(&rated, preview);
        let found = self.refine(decoder, &finalists, &prompted, seen)?;
        Ok(match found {
            None => Err(PromptError::NothingThere),
            Some((clarity, candidate)) if insistent || is_clear(clarity, &candidate.logits, letterbox) => Ok(candidate),
            Some(_) => Err(PromptError::Doubtful),
        })
    }

    /// What lies under the disc's centre alone, at the cost of one prompt; `None` if that is nothing.
    pub fn preview(
        &mut self,
        decoder: &mut CheckedDecoder,
        disc: GazeDisc,
        seen: &Encoded,
    ) -> Result<Option<LowResLogits>> {
        let letterbox = &seen.embedding.letterbox;
        if !disc.center.is_finite() || !letterbox.frame.contains(disc.center) {
            return Ok(None);
        }
        let prompt = prompt_of([disc.center]);
        decoder.decode(&seen.embedding, std::slice::from_ref(&prompt), &mut self.candidates)?;
        let chosen = best_matching_prompt(&self.candidates, &prompt.points, letterbox);
        let found = self.candidates.get(chosen).map(|c| &c.logits);
        Ok(found.filter(|l| l.logit_at(disc.center, letterbox).is_some_and(|logit| logit > 0.0)).cloned())
    }

    /// Rates every candidate.
    fn rate(
        &self,
        per_prompt: usize,
        prompted: &[(Point, f32)],
        points: &[(Point, f32)],
        letterbox: &Letterbox,
    ) -> Vec<Rated> {
        let mut rated = Vec::with_capacity(self.candidates.len());
        for (prompt, (answers, (_, weight))) in self.candidates.chunks(per_prompt).zip(prompted).enumerate() {
            let best = answers.iter().map(|c| c.predicted_iou).fold(f32::NEG_INFINITY, f32::max);
            let doubt = |c: &Candidate| ((c.predicted_iou - best) / DOUBT).exp();
            let total: f32 = answers.iter().map(doubt).sum();
            rated.extend(answers.iter().enumerate().map(|(n, candidate)| {
                let on = |p: Point| candidate.logits.logit_at(p, letterbox).map_or(0.0, probability);
                Rated {
                    index: prompt * per_prompt + n,
                    predicted_iou: candidate.predicted_iou.max(0.0),
                    mass: points.iter().map(|(p, w)| w * on(*p)).sum(),
                    probability: weight * doubt(candidate) / total.max(f32::MIN_POSITIVE),
                }
            }));
        }
        rated
    }

    /// The best candidate of each of the best few objects.
    fn finalists(&self, rated: &[Rated], preview: Option<&LowResLogits>) -> Vec<Finalist> {
        let logits = |r: &Rated| &self.candidates[r.index].logits;
        let expected = |r: &Rated| -> f32 {
            let agreement = |other: &Rated| (logits(r).iou(logits(other)) - UNLIKE).max(0.0) / (1.0 - UNLIKE);
            rated.iter().map(|other| other.probability * agreement(other)).sum::<f32>()
        };
        let preference = |r: &Rated| {
            let previewed = preview.is_some_and(|p| p.iou(logits(r)) >= SAME);
            if previewed { HYSTERESIS } else { 1.0 }
        };
        let enough = rated.iter().filter(|r| r.mass >= MIN_MASS).map(|r| (r, expected(r), preference(r)));
        let mut ranked: Vec<(&Rated, f32, f32)> = enough.collect();
        let score =
            |(r, expected, preference): &(&Rated, f32, f32)| preference * expected * r.predicted_iou * r.predicted_iou;
        ranked.sort_by(|a, b| score(b).total_cmp(&score(a)));
        let mut kept: Vec<(&Rated, f32, f32)> = Vec::new();
        for next in ranked {
            if kept.len() < FINALISTS && kept.iter().all(|(r, ..)| logits(r).iou(logits(next.0)) < SAME) {
                kept.push(next);
            }
        }
        let finalist = |(r, expected, preference): (&Rated, f32, f32)| Finalist {
            candidate: self.candidates[r.index].clone(),
            expected,
            preference,
        };
        kept.into_iter().map(finalist).collect()
    }

    /// Decodes each finalist once more, with all points that fell on it and its own mask, and takes the best: how clear it is, and
    /// its candidate.
    fn refine(
        &mut self,
        decoder: &mut CheckedDecoder,
        finalists: &[Finalist],
        prompted: &[(Point, f32)],
        seen: &Encoded,
    ) -> Result<Option<(f32, Candidate)>> {
        let letterbox = &seen.embedding.letterbox;
        let most = decoder.max_points();
        self.prompts.clear();
        self.prompts.extend(finalists.iter().map(|Finalist { candidate: finalist, .. }| {
            let on = |p: &Point| finalist.logits.logit_at(*p, letterbox).is_some_and(|logit| logit > 0.0);
            let points = prompted.iter().map(|(p, _)| *p).filter(on).take(most);
            Prompt { mask: Some(finalist.logits.clone()), ..prompt_of(points) }
        }));
        decoder.decode(&seen.embedding, &self.prompts, &mut self.candidates)?;
        let mut best: Option<(f32, f32, Candidate)> = None;
        for (answers, finalist) in self.candidates.chunks(decoder.candidates().max(1)).zip(finalists) {
            let Finalist { candidate: finalist, expected, preference } = finalist;
            let merit = |c: &Candidate| c.predicted_iou + c.logits.iou(&finalist.logits);
            let again = answers.iter().max_by(|a, b| merit(a).total_cmp(&merit(b)));
            let again = again.filter(|c| c.logits.data.iter().any(|v| *v > 0.0)).unwrap_or(finalist);
            let clarity = expected * again.predicted_iou.max(0.0) * finalist.predicted_iou.max(0.0);
            let score = preference * clarity;
            if best.as_ref().is_none_or(|(most, ..)| score > *most) {
                best = Some((score, clarity, again.clone()));
            }
        }
        Ok(best.map(|(_, clarity, candidate)| (clarity, candidate)))
    }
}

fn prompt_of(points: impl IntoIterator<Item = Point>) -> Prompt {
    let points = points.into_iter().map(|point| LabeledPoint { point, label: Label::Foreground });
    Prompt { points: points.collect(), ..Prompt::default() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::frame::Frame;
    use crate::geometry::Size;
    use crate::model::{Decoder, Embedding};

    const FRAME: Size = Size::new(64, 64);

    /// Two squares side by side with a gap, and nothing else; a point beside both yields an empty mask, and one on the left
    /// square yields also a part of it, which is rated higher.
    struct Squares;

    fn square(p: Point) -> Option<f32> {
        let rows = (20.0..44.0).contains(&p.y);
        [(8.0, 30.0), (34.0, 56.0)].into_iter().find(|(from, to)| rows && (*from..*to).contains(&p.x)).map(|s| s.0)
    }

    fn logits(inside: impl Fn(Point) -> bool) -> LowResLogits {
        let at = |i: usize| Point::new((i % 64) as f32 + 0.5, (i / 64) as f32 + 0.5);
        let data = (0..FRAME.area()).map(|i| if inside(at(i)) { 5.0 } else { -5.0 }).collect();
        LowResLogits { size: FRAME, data }
    }

    impl Decoder for Squares {
        fn max_points(&self) -> usize {
            4
        }
        fn mask_size(&self) -> Size {
            FRAME
        }
        fn candidates(&self) -> usize {
            2
        }
        fn decode(&mut self, _: &Embedding, prompts: &[Prompt], out: &mut Vec<Candidate>) -> Result<()> {
            out.clear();
            for prompt in prompts {
                assert!(prompt.points.len() <= 4);
                let on = prompt.points.first().and_then(|p| square(p.point));
                let whole = logits(|p| on.is_some() && square(p) == on);
                let near = |p: Point| prompt.points.iter().any(|q| q.point.distance(p) < 4.0);
                let part = logits(|p| on == Some(8.0) && square(p) == on && near(p));
                out.push(Candidate { logits: whole, predicted_iou: 0.8 });
                out.push(Candidate { logits: part, predicted_iou: 0.85 });
            }
            Ok(())
        }
    }

    fn decoder() -> CheckedDecoder {
        CheckedDecoder::new(Box::new(Squares))
    }

    fn find(x: f32, sigma: f32, preview: Option<&LowResLogits>) -> Result<Candidate, PromptError> {
        let mut embedding = Embedding::empty();
        embedding.letterbox = Letterbox::new(FRAME, FRAME);
        let seen = Encoded { frame: Arc::new(Frame { size: FRAME, ..Frame::default() }), embedding };
        let disc = GazeDisc { center: Point::new(x, 32.0), sigma };
        GazeSearch::default().find(&mut decoder(), (disc, true), preview, &seen).unwrap()
    }

    fn is_whole(found: &Candidate, left: bool) -> bool {
        found.logits.iou(&logits(|p| square(p) == Some(if left { 8.0 } else { 34.0 }))) > 0.99
    }

    #[test]
    fn the_thing_is_taken_on_which_most_of_the_disc_falls() {
        assert!(is_whole(&find(19.0, 5.0, None).unwrap(), true), "answers that agree outweigh a part");
        assert!(is_whole(&find(44.0, 5.0, None).unwrap(), false));
        // The centre lies in the gap, and yet something is meant.
        assert!(is_whole(&find(33.5, 5.0, None).unwrap(), false));
    }

    #[test]
    fn a_preview_decides_between_neighbours() {
        let right = logits(|p| square(p) == Some(34.0));
        assert!(is_whole(&find(32.0, 5.0, Some(&right)).unwrap(), false));
        assert!(is_whole(&find(19.0, 5.0, Some(&right)).unwrap(), true), "but not against the disc");
    }

    #[test]
    fn looking_at_nothing_or_beside_the_frame_is_refused() {
        let mut embedding = Embedding::empty();
        embedding.letterbox = Letterbox::new(FRAME, FRAME);
        let seen = Encoded { frame: Arc::default(), embedding };
        let mut search = GazeSearch::default();
        let mut search_at = |x: f32, y: f32| {
            let disc = GazeDisc { center: Point::new(x, y), sigma: 3.0 };
            (
                search.find(&mut decoder(), (disc, true), None, &seen).unwrap(),
                search.preview(&mut decoder(), disc, &seen).unwrap(),
            )
        };
        assert_eq!(search_at(32.0, 5.0), (Err(PromptError::NothingThere), None));
        for beside in [(-1.0, 5.0), (f32::NAN, 5.0), (5.0, f32::INFINITY)] {
            let (found, previewed) = search_at(beside.0, beside.1);
            assert!(matches!(found, Err(PromptError::PointOutside { .. })) && previewed.is_none());
        }
        let (found, previewed) = search_at(40.0, 30.0);
        assert!(found.is_ok() && previewed.is_some());
    }
}
