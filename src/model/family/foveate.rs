//! The bundled family: a convolutional encoder, and a decoder that takes prompts as maps.
//!
//! * encoder: `image` [1, 3, H, W] → `embedding` [1, C, H/8, W/8], `skip` [1, K, H/4, W/4];
//! * decoder: `embedding`, `skip`, `prompt_maps` [N, 3, H/4, W/4] (foreground clicks, background clicks, box: see
//!   [`maps`]), `mask_input` [N, 1, H/2, W/2] (logits of an earlier round, zeros where there is none) → `logits`
//!   [N, M, H/2, W/2], `iou` [N, M].
//!
//! C, K and the number of candidates M are the file's. Prompts are decoded one by one (N = 1): on tract a batch takes
//! longer than its prompts one after the other, because convolutions over batches gather their input through memory.

mod maps;

use std::sync::Arc;

use maps::PromptMaps;

use super::{
    Candidate, CompileFor, Conventions, Decoder, DecoderPart, Embedding, EncoderPart, Family, Need, Part, Prompt,
    Signature, check_origin, check_prompt, take_candidates,
};
use crate::engine::{Audit, Graph, OnnxModel, Session, Tensor};
use crate::error::{ModelError, PromptError, Result, TensorRole};
use crate::geometry::Size;

const FAMILY: &str = "foveate";
/// Most points in one prompt; the maps hold any number, but the model has seen no more.
const MAX_POINTS: usize = 16;
const EMBEDDING_STRIDE: usize = 8;
const MAP_STRIDE: usize = 4;
const MASK_STRIDE: usize = 2;

/// The row of the table.
pub(super) struct Foveate;

impl Family for Foveate {
    fn name(&self) -> &'static str {
        FAMILY
    }

    fn summary(&self) -> &'static str {
        "the bundled architecture: a convolutional encoder with a skip, prompts as maps"
    }

    fn recognizes(&self, part: Part, file: &OnnxModel) -> bool {
        let signature = Signature { family: FAMILY, model: file };
        match part {
            Part::Encoder => signature.has(&["image"], &["embedding", "skip"]),
            Part::Decoder => signature.has(&["prompt_maps"], &["logits", "iou"]),
        }
    }

    fn needs(&self, part: Part) -> Vec<Need> {
        use TensorRole::{Input, Output};
        match part {
            Part::Encoder => vec![
                Need::named(Input, &["image"], "[1, 3, H, W]"),
                Need::named(Output, &["embedding"], "[1, C, H/8, W/8]"),
                Need::named(Output, &["skip"], "[1, K, H/4, W/4]"),
            ],
            Part::Decoder => vec![
                Need::named(Input, &["embedding"], "[1, C, H/8, W/8]"),
                Need::named(Input, &["skip"], "[1, K, H/4, W/4]"),
                Need::named(Input, &["prompt_maps"], "[1, 3, H/4, W/4]"),
                Need::named(Input, &["mask_input"], "[1, 1, H/2, W/2]"),
                Need::named(Output, &["logits"], "[1, M, H/2, W/2]"),
                Need::named(Output, &["iou"], "[1, M]"),
            ],
        }
    }

    fn usual_input(&self, _: &OnnxModel) -> Size {
        Size::new(256, 256)
    }

    fn load_encoder(&self, file: &OnnxModel, input: Size, compile: &CompileFor) -> Result<EncoderPart, ModelError> {
        let signature = Signature { family: FAMILY, model: file };
        signature.input("image", &[Some(1), Some(3), None, None])?;
        signature.only_inputs(&["image"])?;
        signature.output("embedding", &[None; 4])?;
        signature.output("skip", &[None; 4])?;
        let (w, h) = (input.width as usize, input.height as usize);
        signature.input("image", &[Some(1), Some(3), Some(h), Some(w)])?;
        let options = compile.options(&[("image", vec![1, 3, h, w])], &["embedding", "skip"]);
        let graph = file.compile(&options)?;
        let at = |stride: usize| [Some(1), None, Some(h / stride), Some(w / stride)];
        signature.made(&graph, "embedding", &at(EMBEDDING_STRIDE))?;
        signature.made(&graph, "skip", &at(MAP_STRIDE))?;
        Ok(EncoderPart { graph, input })
    }

    fn load_decoder(
        &self,
        file: OnnxModel,
        encoder: &EncoderPart,
        _: &Conventions,
        compile: &CompileFor,
    ) -> Result<Box<dyn DecoderPart>, ModelError> {
        let signature = Signature { family: FAMILY, model: &file };
        signature.only_inputs(&["embedding", "skip", "prompt_maps", "mask_input"])?;
        let (w, h) = (encoder.input.width as usize, encoder.input.height as usize);
        let mut shapes = Vec::new();
        for made in encoder.graph.outputs() {
            let shape = made.fixed_shape().unwrap_or_default();
            shapes.push((made.name.as_str(), shape));
        }
        shapes.push(("prompt_maps", vec![1, 3, h / MAP_STRIDE, w / MAP_STRIDE]));
        shapes.push(("mask_input", vec![1, 1, h / MASK_STRIDE, w / MASK_STRIDE]));
        for (name, shape) in &shapes {
            signature.input(name, &shape.iter().copied().map(Some).collect::<Vec<_>>())?;
        }
        let graph = file.compile(&compile.options(&shapes, &["logits", "iou"]))?;
        let mask = [Some(1), None, Some(h / MASK_STRIDE), Some(w / MASK_STRIDE)];
        let candidates = signature.made(&graph, "logits", &mask)?[1];
        signature.made(&graph, "iou", &[Some(1), Some(candidates)])?;
        let place = |name: &str| {
            graph
                .input_index(name)
                .ok_or_else(|| signature.mismatch(TensorRole::Input, name, "it to be used".into(), "unused".into()))
        };
        let inputs = Inputs {
            embedding: place("embedding")?,
            skip: place("skip")?,
            prompt_maps: place("prompt_maps")?,
            mask: place("mask_input")?,
        };
        Ok(Box::new(FoveateParts { graph, inputs, candidates, input: encoder.input }))
    }
}

/// Places of the decoder's inputs.
#[derive(Clone, Copy, Debug)]
struct Inputs {
    embedding: usize,
    skip: usize,
    prompt_maps: usize,
    mask: usize,
}

/// A compiled decoder.
#[derive(Debug)]
struct FoveateParts {
    graph: Graph,
    inputs: Inputs,
    candidates: usize,
    input: Size,
}

impl DecoderPart for FoveateParts {
    fn audit(&self) -> &Audit {
        self.graph.audit()
    }

    fn decoder(&self, model: Arc<str>) -> Result<Box<dyn Decoder>, ModelError> {
        let stride = |s: usize| Size::new(self.input.width / s as u32, self.input.height / s as u32);
        Ok(Box::new(FoveateDecoder {
            model,
            session: self.graph.session()?,
            inputs: self.inputs,
            candidates: self.candidates,
            mask_size: stride(MASK_STRIDE),
            maps: PromptMaps::new(stride(MAP_STRIDE), MAP_STRIDE as f32),
            outputs: Vec::new(),
        }))
    }
}

/// The decoder of one thread.
struct FoveateDecoder {
    model: Arc<str>,
    session: Session,
    inputs: Inputs,
    candidates: usize,
    mask_size: Size,
    maps: PromptMaps,
    outputs: Vec<Tensor>,
}

impl Decoder for FoveateDecoder {
    fn max_points(&self) -> usize {
        MAX_POINTS
    }

    fn mask_size(&self) -> Size {
        self.mask_size
    }

    fn candidates(&self) -> usize {
        self.candidates
    }

    fn decode(&mut self, embedding: &Embedding, prompts: &[Prompt], out: &mut Vec<Candidate>) -> Result<()> {
        check_origin(&self.model, embedding)?;
        let [features, skip] = embedding.tensors.as_slice() else { return Err(PromptError::NoFrame.into()) };
        self.session.set_input(self.inputs.embedding, features)?;
        self.session.set_input(self.inputs.skip, skip)?;
        out.resize_with(prompts.len() * self.candidates, Candidate::default);
        for (prompt, out) in prompts.iter().zip(out.chunks_exact_mut(self.candidates)) {
            check_prompt(prompt, MAX_POINTS, self.mask_size)?;
            self.maps.draw(prompt, &embedding.letterbox, self.session.input_mut(self.inputs.prompt_maps)?);
            let mask = self.session.input_mut(self.inputs.mask)?;
            match &prompt.mask {
                Some(prior) => mask.copy_from_slice(&prior.data),
                None => mask.fill(0.0),
            }
            self.session.run_finite(&mut self.outputs)?;
            take_candidates(&self.outputs, self.mask_size, 0..self.candidates, out)?;
        }
        Ok(())
    }
}
