use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::error::{ModelError, Result};
use crate::frame::Frame;
use crate::geometry::{Region, Size};
use crate::mask::LowResLogits;
use crate::model::{Candidate, Decoder, Embedding, Encoder, ModelIdentity, Prompt};
use crate::sync::{LatestSlot, Received};

/// Hands encoders and decoders over to the stages that run them.
#[derive(Clone)]
pub(in crate::pipeline) struct Switch {
    encoders: LatestSlot<Box<dyn Encoder>>,
    /// Those that look at parts of a frame from nearer by.
    closer: LatestSlot<Box<dyn Encoder>>,
    decoders: Arc<Waiting>,
    candidates: usize,
    /// A user chose what runs: no step of a ladder changes it.
    by_hand: Arc<AtomicBool>,
}

/// A switch, and what it exchanges: the encoder, the one for closer looks, and the decoder.
pub(in crate::pipeline) type Switched = (Switch, Box<dyn Encoder>, Option<Box<dyn Encoder>>, Box<dyn Decoder>);

/// Decoders that wait for the decode stage, which takes them when it has something to decode: of two of one model, form and size only
/// the newer. A stream in which nobody points at anything keeps no more of them than there are such.
#[derive(Default)]
struct Waiting(Mutex<Vec<Part>>);

impl Waiting {
    fn put(&self, new: Part) {
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let replaced = put(&mut parts, new);
        // Whoever waits for the lock does not wait for a model to be freed.
        drop(parts);
        drop(replaced);
    }

    fn take(&self) -> Vec<Part> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Puts `new` in the place of the part like it, which is returned, else at the end.
fn put(parts: &mut Vec<Part>, new: Part) -> Option<Part> {
    match parts.iter_mut().find(|part| part.is_like(&new.model, new.identity.as_ref(), new.input)) {
        Some(part) => Some(std::mem::replace(part, new)),
        None => {
            parts.push(new);
            None
        }
    }
}

impl Switch {
    /// A switch, and the encoder, the one for closer looks if there is one, and the decoder that it can exchange; they begin as
    /// the given ones.
    pub fn new(
        model: &str,
        encoder: Box<dyn Encoder>,
        closer: Option<Box<dyn Encoder>>,
        decoder: Box<dyn Decoder>,
    ) -> Switched {
        let (encoders, nearer, decoders) = (LatestSlot::new(), LatestSlot::new(), Arc::new(Waiting::default()));
        let (candidates, input) = (decoder.candidates(), encoder.input_size());
        let by_hand = Arc::default();
        let switch = Switch {
            encoders: encoders.clone(),
            closer: nearer.clone(),
            decoders: decoders.clone(),
            candidates,
            by_hand,
        };
        let parts = vec![Part { model: model.into(), identity: encoder.identity(), input, decoder }];
        let grid = parts[0].decoder.mask_size();
        let decoder = LadderDecoder { parts, incoming: decoders, grid, prompts: Vec::new(), candidates: Vec::new() };
        let switching = |current, incoming| Box::new(SwitchingEncoder { current, incoming }) as Box<dyn Encoder>;
        let closer = closer.map(|closer| switching(closer, nearer));
        (switch, switching(encoder, encoders), closer, Box::new(decoder))
    }

    /// As [`Self::put`], for a user: the ladder changes it no more from now on.
    pub fn put_by_hand(&self, model: &str, encoder: Box<dyn Encoder>, decoder: Box<dyn Decoder>) -> Result<()> {
        self.put(model, encoder, decoder)?;
        self.by_hand.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Whether a user chose what runs.
    pub fn is_by_hand(&self) -> bool {
        self.by_hand.load(Ordering::Relaxed)
    }

    /// Has embeddings of `encoder`, which name `model`, decoded by `decoder`, without encoding with it.
    pub fn put_decoder(&self, model: &str, encoder: &dyn Encoder, decoder: Box<dyn Decoder>) {
        self.decoders.put(Part {
            model: model.into(),
            identity: encoder.identity(),
            input: encoder.input_size(),
            decoder,
        });
    }

    /// Makes `encoder` the next frame's, and `decoder` that of its embeddings, which name `model`.
    ///
    /// # Errors
    /// When the two are of another kind than those before them, or there is no memory for another encoder.
    pub fn put(&self, model: &str, encoder: Box<dyn Encoder>, decoder: Box<dyn Decoder>) -> Result<()> {
        if decoder.candidates() != self.candidates {
            let reason =
                format!("this decoder gives {} masks, the one before it {}", decoder.candidates(), self.candidates);
            return Err(ModelError::Incompatible { name: model.into(), reason }.into());
        }
        let closer = encoder.another()?;
        // The decoder first: it is there when the first embedding of the encoder comes.
        self.put_decoder(model, &*encoder, decoder);
        self.encoders.put(encoder);
        if let Some(closer) = closer {
            self.closer.put(closer);
        }
        Ok(())
    }
}

/// An encoder that is exchanged between two frames.
struct SwitchingEncoder {
    current: Box<dyn Encoder>,
    incoming: LatestSlot<Box<dyn Encoder>>,
}

impl Encoder for SwitchingEncoder {
    fn input_size(&self) -> Size {
        self.current.input_size()
    }

    fn encode_region(&mut self, frame: &Frame, region: Region, out: &mut Embedding) -> Result<()> {
        if let Received::Value(encoder) = self.incoming.take(Duration::ZERO) {
            self.current = encoder;
        }
        self.current.encode_region(frame, region, out)?;
        // Decoders are found by what this encoder says it is, also one that has another within.
        out.identity = self.current.identity();
        Ok(())
    }

    fn identity(&self) -> Option<Arc<ModelIdentity>> {
        self.current.identity()
    }
}

/// The decoder of one model at one input size, beside an encoder of one precision.
struct Part {
    model: Arc<str>,
    identity: Option<Arc<ModelIdentity>>,
    input: Size,
    decoder: Box<dyn Decoder>,
}

impl Part {
    fn is_like(&self, model: &Arc<str>, identity: Option<&Arc<ModelIdentity>>, input: Size) -> bool {
        self.input == input && self.model == *model && self.identity.as_ref() == identity
    }
}

/// Decoders of several models and input sizes that look like one.
///
/// Each embedding is decoded by the decoder of its own model, form and size: embeddings of earlier frames, to which late prompts refer,
/// stay valid through a switch. Masks go in and come out on the grid of the first decoder, whatever the embedding: the
/// memory of an object, which is such a mask, lives through a switch too, scaled to the other grid and back. A grid is a
/// share of the whole input: where inputs have different forms the follower moves what it remembers.
pub(super) struct LadderDecoder {
    parts: Vec<Part>,
    incoming: Arc<Waiting>,
    grid: Size,
    /// Prompts with their masks on the decoder's own grid, and the answers on it.
    prompts: Vec<Prompt>,
    candidates: Vec<Candidate>,
}

impl LadderDecoder {
    /// Takes in the decoders that have come; of two that are alike the newer replaces the older.
    fn receive(&mut self) {
        for new in self.incoming.take() {
            put(&mut self.parts, new);
        }
    }
}

impl Decoder for LadderDecoder {
    fn max_points(&self) -> usize {
        self.parts.iter().map(|part| part.decoder.max_points()).min().unwrap_or(0)
    }

    fn mask_size(&self) -> Size {
        self.grid
    }

    fn candidates(&self) -> usize {
        self.parts.first().map_or(0, |part| part.decoder.candidates())
    }

    fn decode(&mut self, embedding: &Embedding, prompts: &[Prompt], out: &mut Vec<Candidate>) -> Result<()> {
        self.receive();
        let input = embedding.letterbox.input;
        let model = &embedding.model;
        let Some(part) = self.parts.iter_mut().find(|part| part.is_like(model, embedding.identity.as_ref(), input))
        else {
            let reason = format!("there is no decoder of `{model}` for an input of {}x{}", input.width, input.height);
            return Err(ModelError::Run { graph: "decoder".into(), reason }.into());
        };
        let own = part.decoder.mask_size();
        if own == self.grid {
            return part.decoder.decode(embedding, prompts, out);
        }
        if self.prompts.len() < prompts.len() {
            self.prompts.resize_with(prompts.len(), Prompt::default);
        }
        for (from, to) in prompts.iter().zip(&mut self.prompts) {
            to.points.clone_from(&from.points);
            to.bbox = from.bbox;
            match &from.mask {
                Some(mask) => mask.resize_into(own, to.mask.get_or_insert_with(LowResLogits::default)),
                None => to.mask = None,
            }
        }
        part.decoder.decode(embedding, &self.prompts[..prompts.len()], &mut self.candidates)?;
        out.resize_with(self.candidates.len(), Candidate::default);
        for (from, to) in self.candidates.iter().zip(out) {
            from.logits.resize_into(self.grid, &mut to.logits);
            to.predicted_iou = from.predicted_iou;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{LabeledPoint, Letterbox};

    const FRAME: Size = Size::new(64, 48);

    /// Encodes nothing at its own size.
    struct Sized(u32, &'static str);

    impl Encoder for Sized {
        fn input_size(&self) -> Size {
            Size::new(self.0, self.0)
        }

        fn encode_region(&mut self, frame: &Frame, region: Region, out: &mut Embedding) -> Result<()> {
            out.letterbox = Letterbox::of_region(frame.size, region, self.input_size());
            out.model = self.1.into();
            Ok(())
        }
    }

    /// Gives the mask prompt back, or a number of its own; insists on its size like a real one.
    struct Echo {
        side: u32,
        masks: usize,
        iou: f32,
    }

    impl Decoder for Echo {
        fn max_points(&self) -> usize {
            16
        }

        fn mask_size(&self) -> Size {
            Size::new(self.side / 2, self.side / 2)
        }

        fn candidates(&self) -> usize {
            self.masks
        }

        fn decode(&mut self, embedding: &Embedding, prompts: &[Prompt], out: &mut Vec<Candidate>) -> Result<()> {
            assert_eq!(embedding.letterbox.input.width, self.side, "the decoder of another size");
            out.resize_with(prompts.len() * self.masks, Candidate::default);
            for (prompt, out) in prompts.iter().zip(out.chunks_exact_mut(self.masks)) {
                assert!(prompt.mask.as_ref().is_none_or(|m| m.size == self.mask_size()));
                let fresh = || LowResLogits { size: self.mask_size(), data: vec![3.0; self.mask_size().area()] };
                out.fill_with(|| Candidate {
                    logits: prompt.mask.clone().unwrap_or_else(fresh),
                    predicted_iou: self.iou,
                });
            }
            Ok(())
        }
    }

    fn echo(side: u32) -> Box<dyn Decoder> {
        Box::new(Echo { side, masks: 2, iou: side as f32 })
    }

    #[test]
    fn embeddings_of_every_size_are_decoded_and_masks_stay_on_one_grid() {
        let (switch, mut encoder, _, mut decoder) = Switch::new("a", Box::new(Sized(64, "a")), None, echo(64));
        let frame = Frame { size: FRAME, ..Frame::default() };
        let mut encode = || {
            let mut embedding = Embedding::empty();
            encoder.encode(&frame, &mut embedding).unwrap();
            embedding
        };
        let large = encode();
        switch.put("a", Box::new(Sized(48, "a")), echo(48)).unwrap();
        let middle = encode();
        switch.put("a", Box::new(Sized(32, "a")), echo(32)).unwrap();
        let small = encode();
        switch.put("a", Box::new(Sized(64, "a")), echo(64)).unwrap();
        let large_again = encode();
        switch.put("b", Box::new(Sized(64, "b")), Box::new(Echo { side: 64, masks: 2, iou: 7.0 })).unwrap();
        let of_another_model = encode();

        let grid = decoder.mask_size();
        assert_eq!(grid, Size::new(32, 32));
        // A step from left to right: its place must not move.
        let step = |i: usize| if i % 32 < 13 { 6.0 } else { -6.0 };
        let memory = LowResLogits { size: grid, data: (0..grid.area()).map(step).collect() };
        let asked = Prompt { mask: Some(memory), ..Prompt::default() };
        let fresh = Prompt { points: vec![LabeledPoint::foreground(3.0, 4.0)], ..Prompt::default() };
        let mut out = Vec::new();
        let all = [(large, 64.0), (small, 32.0), (of_another_model, 7.0), (middle, 48.0), (large_again, 64.0)];
        for (embedding, side) in all {
            decoder.decode(&embedding, &[asked.clone(), fresh.clone()], &mut out).unwrap();
            assert_eq!(out.len(), 4);
            for candidate in &out {
                assert_eq!((candidate.logits.size, candidate.predicted_iou), (grid, side));
            }
            for row in out[0].logits.data.chunks(32) {
                let edge = row.iter().filter(|v| **v > 0.0).count();
                assert!((12..=14).contains(&edge), "at {side}: the edge is at {edge}");
            }
            assert!(out[2].logits.data.iter().all(|v| *v == 3.0));
        }
    }

    /// One of many decoders; tells how many there are.
    struct Counted {
        _alive: Arc<()>,
    }

    impl Decoder for Counted {
        fn max_points(&self) -> usize {
            16
        }

        fn mask_size(&self) -> Size {
            Size::new(32, 32)
        }

        fn candidates(&self) -> usize {
            2
        }

        fn decode(&mut self, _: &Embedding, _: &[Prompt], _: &mut Vec<Candidate>) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn decoders_that_nobody_takes_do_not_pile_up() {
        let (switch, _encoder, _, _decoder) = Switch::new("a", Box::new(Sized(64, "a")), None, echo(64));
        let alive = Arc::new(());
        for _ in 0..60 {
            for (model, side) in [("a", 64), ("a", 48), ("b", 64)] {
                switch.put(model, Box::new(Sized(side, model)), Box::new(Counted { _alive: alive.clone() })).unwrap();
            }
        }
        assert_eq!(Arc::strong_count(&alive), 1 + 3);
    }

    #[test]
    fn a_decoder_of_another_kind_and_an_embedding_of_no_decoder_are_refused() {
        let (switch, _, _, mut decoder) = Switch::new("a", Box::new(Sized(64, "a")), None, echo(64));
        let other: Box<dyn Decoder> = Box::new(Echo { side: 48, masks: 3, iou: 1.0 });
        assert!(switch.put("a", Box::new(Sized(48, "a")), other).unwrap_err().to_string().contains("3 masks"));
        switch.put_by_hand("a", Box::new(Sized(48, "a")), echo(48)).unwrap();
        assert!(switch.is_by_hand());
        let mut embedding = Embedding::empty();
        Sized(40, "a").encode(&Frame { size: FRAME, ..Frame::default() }, &mut embedding).unwrap();
        let error = decoder.decode(&embedding, &[], &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("40x40"), "{error}");
    }
}
