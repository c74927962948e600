//! Segment Anything and its descendants (such as MobileSAM), as their ONNX exports are.
//!
//! * encoder: one image input [1, 3, S, S] → `image_embeddings` [1, C, E, E];
//! * decoder: `image_embeddings`, `point_coords` [1, N, 2], `point_labels` [1, N], `mask_input` [1, 1, 4E, 4E],
//!   `has_mask_input` [1] and in some exports `orig_im_size` [2] → `iou_predictions` [1, M], `low_res_masks`
//!   [1, M, 4E, 4E], found by name in any order. `masks`, the upsampled form, is not computed: upsampling is ours.
//!
//! With M = 4, mask 0 is the one for unambiguous prompts and masks 1 to 3 are the alternatives (part, object, group) for
//! a single click, as in Segment Anything's `predict(multimask_output)`. Both cases give three candidates here: a single
//! click masks 1, 2, 3; any other prompt mask 0 first, then the two of the others that the model rates highest.

mod points;
mod recent;

use std::sync::{Arc, Mutex, PoisonError};

use points::PointList;
use recent::Recent;

use super::{
    Candidate, CompileFor, Decoder, DecoderPart, Embedding, EncoderPart, Family, Part, Prompt, Signature, check_origin,
    check_prompt, take_candidates,
};
use crate::engine::{Audit, Graph, OnnxModel, Session, Tensor};
use crate::error::{ModelError, PromptError, Result, TensorRole};
use crate::geometry::Size;

const FAMILY: &str = "sam";
const MAX_POINTS: usize = 16;
/// Points of a single click with its padding, and of a lone box: compiled at load, other lengths at their first use.
const FIRST_LENGTH: usize = 2;
/// Masks that Segment Anything's own decoder makes for a prompt: one for unambiguous ones and three alternatives.
const MASKS_OF_SAM: usize = 4;
/// Side of the mask prompt and of the masks, in cells of the embedding.
const MASK_CELLS: usize = 4;
const DECODER_INPUTS: [&str; 6] =
    ["image_embeddings", "point_coords", "point_labels", "mask_input", "has_mask_input", "orig_im_size"];

/// The row of the table.
pub(super) struct Sam;

impl Family for Sam {
    fn name(&self) -> &'static str {
        FAMILY
    }

    fn summary(&self) -> &'static str {
        "Segment Anything and its descendants (such as MobileSAM): prompts as points"
    }

    fn recognizes(&self, part: Part, file: &OnnxModel) -> bool {
        let signature = Signature { family: FAMILY, model: file };
        match part {
            // Exports call the input and the embeddings by several names.
            Part::Encoder => {
                let embeddings = file.outputs().first().is_some_and(|output| output.name.ends_with("embeddings"));
                file.inputs().len() == 1 && embeddings
            }
            Part::Decoder => signature.has(&["point_coords", "point_labels"], &["low_res_masks"]),
        }
    }

    fn load_encoder(&self, file: &OnnxModel, input: Size, compile: &CompileFor) -> Result<EncoderPart, ModelError> {
        let signature = Signature { family: FAMILY, model: file };
        let (w, h) = (input.width as usize, input.height as usize);
        let [image] = file.inputs() else {
            let names: Vec<&str> = file.inputs().iter().map(|i| i.name.as_str()).collect();
            return Err(signature.mismatch(TensorRole::Input, "image", "one input".into(), names.join(", ")));
        };
        signature.input(&image.name, &[Some(1), Some(3), Some(h), Some(w)])?;
        let [embeddings, ..] = file.outputs() else {
            return Err(signature.mismatch(TensorRole::Output, "image_embeddings", "an output".into(), "none".into()));
        };
        let options = compile.options(&[(&image.name, vec![1, 3, h, w])], &[&embeddings.name]);
        let graph = file.compile(&options)?;
        signature.made(&graph, &embeddings.name, &[Some(1), None, None, None])?;
        Ok(EncoderPart { graph, input })
    }

    fn load_decoder(
        &self,
        file: OnnxModel,
        encoder: &EncoderPart,
        compile: &CompileFor,
    ) -> Result<Box<dyn DecoderPart>, ModelError> {
        let signature = Signature { family: FAMILY, model: &file };
        signature.only_inputs(&DECODER_INPUTS)?;
        let embedding = encoder.graph.outputs().first().and_then(|o| o.fixed_shape()).unwrap_or_default();
        let &[1, channels, rows, columns] = embedding.as_slice() else {
            let found = format!("{embedding:?} from the encoder");
            return Err(signature.mismatch(TensorRole::Input, "image_embeddings", "[1, ?, ?, ?]".into(), found));
        };
        signature.input("image_embeddings", &[Some(1), Some(channels), Some(rows), Some(columns)])?;
        signature.input("point_coords", &[Some(1), None, Some(2)])?;
        signature.input("point_labels", &[Some(1), None])?;
        signature.input("mask_input", &[Some(1), Some(1), Some(rows * MASK_CELLS), Some(columns * MASK_CELLS)])?;
        signature.input("has_mask_input", &[Some(1)])?;
        signature.output("iou_predictions", &[None, None])?;
        signature.output("low_res_masks", &[None; 4])?;
        let takes_size = file.inputs().iter().any(|i| i.name == "orig_im_size");
        if takes_size {
            signature.input("orig_im_size", &[Some(2)])?;
        }
        let mask_size = Size::new((columns * MASK_CELLS) as u32, (rows * MASK_CELLS) as u32);
        // A file of one fixed length takes only that.
        let fixed =
            file.inputs().iter().find(|i| i.name == "point_labels").and_then(|i| i.shape.get(1).copied().flatten());
        let shared = Shared {
            file,
            compile: compile.clone(),
            embedding,
            input: encoder.input,
            mask_size,
            takes_size,
            fixed,
            graphs: Mutex::new(Recent::new()),
        };
        let graph = shared.graph(shared.first_length())?;
        let masks = shared.candidates_of(&graph)?;
        Ok(Box::new(SamParts { shared: Arc::new(shared), masks, first: graph }))
    }
}

/// A decoder's file and the graphs compiled from it so far.
#[derive(Debug)]
struct SamParts {
    shared: Arc<Shared>,
    /// Masks that the file gives for each prompt.
    masks: usize,
    first: Graph,
}

#[derive(Debug)]
struct Shared {
    file: OnnxModel,
    compile: CompileFor,
    /// Shape of the image embedding.
    embedding: Vec<usize>,
    input: Size,
    mask_size: Size,
    takes_size: bool,
    /// The only length of the point list that the file takes; `None` if it takes any.
    fixed: Option<usize>,
    graphs: Mutex<Recent<Graph>>,
}

impl Shared {
    fn first_length(&self) -> usize {
        self.fixed.unwrap_or(FIRST_LENGTH)
    }

    /// The graph for a point list of `length`. Each length has its own: a padding point more would change the answer.
    fn graph(&self, length: usize) -> Result<Graph, ModelError> {
        let mut graphs = self.graphs.lock().unwrap_or_else(PoisonError::into_inner);
        graphs.get_or(length, || self.compile(length)).cloned()
    }

    fn compile(&self, length: usize) -> Result<Graph, ModelError> {
        let Size { width, height } = self.mask_size;
        let shapes = [
            ("image_embeddings", self.embedding.clone()),
            ("point_coords", vec![1, length, 2]),
            ("point_labels", vec![1, length]),
            ("mask_input", vec![1, 1, height as usize, width as usize]),
            ("has_mask_input", vec![1]),
        ];
        let mut options = self.compile.options(&shapes, &["low_res_masks", "iou_predictions"]);
        if self.takes_size {
            // Only `masks`, which is not computed, depends on it.
            let size = vec![self.input.height as f32, self.input.width as f32];
            options.constants.push(("orig_im_size".into(), size));
        }
        self.file.compile(&options)
    }

    fn candidates_of(&self, graph: &Graph) -> Result<usize, ModelError> {
        let signature = Signature { family: FAMILY, model: &self.file };
        let Size { width, height } = self.mask_size;
        let expected = [Some(1), None, Some(height as usize), Some(width as usize)];
        let masks = signature.made(graph, "low_res_masks", &expected)?[1];
        signature.made(graph, "iou_predictions", &[Some(1), Some(masks)])?;
        if masks == 0 {
            return Err(signature.mismatch(TensorRole::Output, "low_res_masks", "a mask".into(), "none".into()));
        }
        Ok(masks)
    }
}

impl DecoderPart for SamParts {
    fn audit(&self) -> &Audit {
        self.first.audit()
    }

    fn decoder(&self, model: Arc<str>) -> Result<Box<dyn Decoder>, ModelError> {
        let longest = self.shared.fixed.unwrap_or(MAX_POINTS + 2);
        let mut sessions = Recent::new();
        sessions.get_or(self.shared.first_length(), || SamSession::new(&self.first))?;
        Ok(Box::new(SamDecoder {
            model,
            masks: self.masks,
            // A lone point needs a padding point beside it, a box two corners.
            max_points: (longest.saturating_sub(2)).clamp(1, MAX_POINTS),
            sessions,
            shared: self.shared.clone(),
            points: PointList::default(),
            outputs: Vec::new(),
        }))
    }
}

/// A session and the places of its inputs.
struct SamSession {
    session: Session,
    embeddings: Option<usize>,
    coords: Option<usize>,
    labels: Option<usize>,
    mask: Option<usize>,
    has_mask: Option<usize>,
}

impl SamSession {
    fn new(graph: &Graph) -> Result<Self, ModelError> {
        Ok(SamSession {
            session: graph.session()?,
            embeddings: graph.input_index("image_embeddings"),
            coords: graph.input_index("point_coords"),
            labels: graph.input_index("point_labels"),
            mask: graph.input_index("mask_input"),
            has_mask: graph.input_index("has_mask_input"),
        })
    }

    /// Runs one prompt. An input that the graph does not use is left out of it and skipped here.
    fn run(
        &mut self,
        embedding: &Tensor,
        points: &PointList,
        mask: Option<&[f32]>,
        outputs: &mut Vec<Tensor>,
    ) -> Result<(), ModelError> {
        if let Some(ix) = self.embeddings {
            self.session.set_input(ix, embedding)?;
        }
        if let Some(ix) = self.coords {
            self.session.fill_input(ix, &points.coords)?;
        }
        if let Some(ix) = self.labels {
            self.session.fill_input(ix, &points.labels)?;
        }
        if let (Some(ix), Some(mask)) = (self.mask, mask) {
            self.session.fill_input(ix, mask)?;
        }
        if let Some(ix) = self.has_mask {
            self.session.fill_input(ix, &[f32::from(u8::from(mask.is_some()))])?;
        }
        self.session.run_finite(outputs)
    }
}

/// The decoder of one thread.
struct SamDecoder {
    model: Arc<str>,
    masks: usize,
    max_points: usize,
    sessions: Recent<SamSession>,
    shared: Arc<Shared>,
    points: PointList,
    outputs: Vec<Tensor>,
}

impl Decoder for SamDecoder {
    fn max_points(&self) -> usize {
        self.max_points
    }

    fn mask_size(&self) -> Size {
        self.shared.mask_size
    }

    fn candidates(&self) -> usize {
        if self.masks == MASKS_OF_SAM { 3 } else { self.masks }
    }

    fn decode(&mut self, embedding: &Embedding, prompts: &[Prompt], out: &mut Vec<Candidate>) -> Result<()> {
        check_origin(&self.model, embedding)?;
        let [features] = embedding.tensors.as_slice() else { return Err(PromptError::NoFrame.into()) };
        let candidates = self.candidates();
        out.resize_with(prompts.len() * candidates, Candidate::default);
        for (prompt, out) in prompts.iter().zip(out.chunks_exact_mut(candidates)) {
            check_prompt(prompt, self.max_points, self.shared.mask_size)?;
            let length = self.points.set(prompt, &embedding.letterbox, self.shared.fixed);
            let session = self.sessions.get_or(length, || SamSession::new(&self.shared.graph(length)?))?;
            let mask = prompt.mask.as_ref().map(|m| m.data.as_slice());
            session.run(features, &self.points, mask, &mut self.outputs)?;
            if self.masks == MASKS_OF_SAM {
                take_candidates(&self.outputs, self.shared.mask_size, self.chosen(prompt), out)?;
            } else {
                take_candidates(&self.outputs, self.shared.mask_size, 0..candidates, out)?;
            }
        }
        Ok(())
    }
}

impl SamDecoder {
    /// Which of the four masks answer `prompt`, in what order.
    fn chosen(&self, prompt: &Prompt) -> [usize; 3] {
        if prompt.points.len() == 1 && prompt.bbox.is_none() && prompt.mask.is_none() {
            return [1, 2, 3];
        }
        let iou = self.outputs.get(1).and_then(Tensor::as_f32).unwrap_or_default();
        let rating = |ix: usize| iou.get(ix).copied().unwrap_or(f32::NEG_INFINITY);
        let mut others = [1, 2, 3];
        others.sort_by(|a, b| rating(*b).total_cmp(&rating(*a)));
        [0, others[0], others[1]]
    }
}
