//! Decoders that take prompts as points: what the families of Segment Anything have in common.
//!
//! With four masks, mask 0 is the one for unambiguous prompts and masks 1 to 3 are the alternatives (part, object, group) for
//! a single click, as in Segment Anything's `predict(multimask_output)`. Both cases give three candidates here: a single
//! click masks 1, 2, 3; any other prompt mask 0 first, then the two of the others that are rated highest. Other numbers of
//! masks are all given, in their order.

mod decoder;
mod list;
mod recent;
mod roles;

use std::sync::{Arc, Mutex, PoisonError};

use super::{CompileFor, Conventions, Decoder, DecoderPart, EncoderPart, Family, Need, Part, Ranking, Signature};
use crate::engine::{Audit, Graph, OnnxModel, TensorInfo};
use crate::error::{ModelError, Result, TensorRole};
use crate::geometry::{Fit, Size};
use decoder::PointDecoder;
use list::{ListRules, Padding};
use recent::Recent;
use roles::Roles;

/// Most points in one prompt.
const MAX_POINTS: usize = 16;
/// Input pixels in a cell of the embedding, in the models whose files do not tell in which plane they take points.
const CELL: u32 = 16;

/// How a family's exports call their tensors, and what they expect in them.
pub(super) struct Dialect {
    /// The family.
    pub family: &'static str,
    /// Names of the points' coordinates, the family's own first.
    pub coords: &'static [&'static str],
    /// Names of the points' labels.
    pub labels: &'static [&'static str],
    /// Dimensions of the coordinates, [.., points, 2]; masks and ratings have as many more than two and none.
    pub points_rank: usize,
    /// Names of an input for boxes; without any, a box is two points.
    pub boxes: &'static [&'static str],
    /// The label of points that only fill a list of fixed length.
    pub fills: f32,
}

/// A family whose decoders take points: a row of the table.
pub(super) struct PointFamily {
    /// How its exports call their tensors.
    pub dialect: Dialect,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Whether a file has the names of this family's encoders.
    pub is_encoder: fn(&OnnxModel) -> bool,
    /// The tensors of its encoders.
    pub encoder_needs: fn() -> Vec<Need>,
}

/// Outputs of an encoder of Segment Anything 2: its embeddings at three scales.
const LEVELS: usize = 3;
/// The longer side of Segment Anything's images.
const USUAL_SIDE: u32 = 1024;

impl Family for PointFamily {
    fn name(&self) -> &'static str {
        self.dialect.family
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn recognizes(&self, part: Part, file: &OnnxModel) -> bool {
        match part {
            Part::Encoder => (self.is_encoder)(file),
            Part::Decoder => roles::has_points(&self.dialect, file),
        }
    }

    fn needs(&self, part: Part) -> Vec<Need> {
        match part {
            Part::Encoder => (self.encoder_needs)(),
            Part::Decoder => roles::needs(&self.dialect),
        }
    }

    /// Segment Anything 2 stretches frames, and is known by its three levels.
    fn fit(&self, encoder: &OnnxModel) -> Fit {
        if encoder.outputs().len() >= LEVELS { Fit::Stretch } else { Fit::Letterbox }
    }

    /// The plane of the points is the size of the images that the model was trained on.
    fn usual_input(&self, decoder: &OnnxModel) -> Size {
        let plane = self.dialect.coords.iter().find_map(|name| decoder.coordinate_plane(name));
        plane.map_or(Size::new(USUAL_SIDE, USUAL_SIDE), |[width, height]| Size::new(width as u32, height as u32))
    }

    fn load_encoder(&self, file: &OnnxModel, input: Size, compile: &CompileFor) -> Result<EncoderPart, ModelError> {
        load_encoder(&self.dialect, file, input, compile)
    }

    fn load_decoder(
        &self,
        file: OnnxModel,
        encoder: &EncoderPart,
        conventions: &Conventions,
        compile: &CompileFor,
    ) -> Result<Box<dyn DecoderPart>, ModelError> {
        load_decoder(&self.dialect, file, encoder, conventions, compile)
    }
}

/// Checks an encoder of one image and compiles it with all of its outputs.
fn load_encoder(
    dialect: &Dialect,
    file: &OnnxModel,
    input: Size,
    compile: &CompileFor,
) -> Result<EncoderPart, ModelError> {
    let signature = Signature { family: dialect.family, model: file };
    let (w, h) = (input.width as usize, input.height as usize);
    let [image] = file.inputs() else {
        let inputs: Vec<String> =
            file.inputs().iter().map(|input| format!("`{}` {}", input.name, input.shape_text())).collect();
        return Err(signature.mismatch(TensorRole::Input, "image", "one input".into(), inputs.join(", ")));
    };
    if image.shape.len() == 3 {
        let expected = format!("[1, 3, {h}, {w}]: an export without its preprocessing inside");
        return Err(signature.mismatch(TensorRole::Input, &image.name, expected, image.shape_text()));
    }
    signature.input(&image.name, &[Some(1), Some(3), Some(h), Some(w)])?;
    let names: Vec<&str> = file.outputs().iter().map(|output| output.name.as_str()).collect();
    let graph = file.compile(&compile.options(&[(&image.name, vec![1, 3, h, w])], &names))?;
    if cells(graph.outputs()).is_none() {
        let made: Vec<String> =
            graph.outputs().iter().map(|output| format!("`{}` {}", output.name, output.shape_text())).collect();
        let expected = "an embedding [1, ?, ?, ?]".into();
        return Err(signature.mismatch(TensorRole::Output, "image_embeddings", expected, made.join(", ")));
    }
    Ok(EncoderPart { graph, input })
}

/// Columns and rows of an encoder's embedding: of its outputs [1, channels, rows, columns] the one of the fewest cells.
fn cells(made: &[TensorInfo]) -> Option<Size> {
    let grids = made.iter().filter_map(|output| match output.shape[..] {
        [Some(1), _, Some(rows), Some(columns)] => Some(Size::new(columns as u32, rows as u32)),
        _ => None,
    });
    grids.min_by_key(|cells| cells.area())
}

/// Checks a decoder against what `encoder` makes, and compiles it for a click.
fn load_decoder(
    dialect: &Dialect,
    file: OnnxModel,
    encoder: &EncoderPart,
    conventions: &Conventions,
    compile: &CompileFor,
) -> Result<Box<dyn DecoderPart>, ModelError> {
    let made = encoder.graph.outputs();
    let roles = Roles::of(dialect, &file, made)?;
    let rules = rules(dialect, &roles, &file, encoder, conventions)?;
    if rules.fixed == Some(1) && rules.padding == Padding::Clicks {
        // A click is two points there.
        let signature = Signature { family: dialect.family, model: &file };
        let expected = "room for a click and its padding point: export it with 2 points or with any number".into();
        return Err(signature.mismatch(TensorRole::Input, &roles.labels, expected, "one point".into()));
    }
    let shared = Shared {
        family: dialect.family,
        features: roles.features.iter().map(|(_, from)| made[*from].fixed_shape().unwrap_or_default()).collect(),
        points_rank: dialect.points_rank,
        by_stability: roles.ratings.is_none() || conventions.ranking == Ranking::Stability,
        roles,
        rules,
        input: encoder.input,
        file,
        compile: compile.clone(),
        graphs: Mutex::new(Recent::new()),
    };
    let first = shared.graph(shared.first())?;
    let masks = shared.masks_of(&first)?;
    Ok(Box::new(PointParts { shared: Arc::new(shared), masks, first }))
}

/// How the decoder wants its points.
fn rules(
    dialect: &Dialect,
    roles: &Roles,
    file: &OnnxModel,
    encoder: &EncoderPart,
    conventions: &Conventions,
) -> Result<ListRules, ModelError> {
    let labels = file.inputs().iter().find(|input| input.name == roles.labels);
    let appends = file.appends_points(&roles.labels);
    Ok(ListRules {
        plane: plane(roles, file, encoder, conventions)?,
        padding: if appends { Padding::Never } else { Padding::Clicks },
        corners: dialect.boxes.is_empty(),
        fixed: labels.and_then(|labels| labels.shape.last().copied().flatten()),
        filler: dialect.fills,
    })
}

/// The plane that the decoder takes points in: the manifest's, or the one that the file tells, or else the encoder's input if
/// it has the usual number of cells.
fn plane(
    roles: &Roles,
    file: &OnnxModel,
    encoder: &EncoderPart,
    conventions: &Conventions,
) -> Result<[f32; 2], ModelError> {
    let found = file.coordinate_plane(&roles.coords);
    let sides = |size: Size| [size.width as f32, size.height as f32];
    if let Some(told) = conventions.coordinates.map(sides) {
        if let Some(found) = found.filter(|found| *found != told) {
            let path = file.path().display();
            tracing::warn!("{path}: it divides points by {found:?}, and the manifest's `coordinates` are {told:?}");
        }
        return Ok(told);
    }
    if let Some(found) = found {
        return Ok(found);
    }
    let (input, cells) = (encoder.input, cells(encoder.graph.outputs()).unwrap_or(Size::new(0, 0)));
    if (input.width, input.height) == (cells.width * CELL, cells.height * CELL) {
        return Ok(sides(input));
    }
    Err(ModelError::Coordinates { path: file.path().into(), input, cells })
}

/// A decoder's file and the graph for a click.
#[derive(Debug)]
struct PointParts {
    shared: Arc<Shared>,
    /// Masks that the file gives for each prompt, and their size.
    masks: (usize, Size),
    first: Graph,
}

/// What a graph is compiled for: the length of the point list, and whether there is a box beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lengths {
    points: usize,
    bbox: bool,
}

#[derive(Debug)]
struct Shared {
    family: &'static str,
    file: OnnxModel,
    compile: CompileFor,
    roles: Roles,
    rules: ListRules,
    /// Shapes of what the encoder makes, in the order of the roles.
    features: Vec<Vec<usize>>,
    points_rank: usize,
    /// Masks are rated by their stability.
    by_stability: bool,
    input: Size,
    graphs: Mutex<Recent<Lengths, Graph>>,
}

impl Shared {
    /// What a click needs: compiled at load, other lengths at their first use.
    fn first(&self) -> Lengths {
        let click = if self.rules.padding == Padding::Clicks { 2 } else { 1 };
        Lengths { points: self.rules.fixed.unwrap_or(click), bbox: false }
    }

    /// The graph for a point list of one length. Each length has its own: a padding point more would change the answer.
    fn graph(&self, lengths: Lengths) -> Result<Graph, ModelError> {
        let mut graphs = self.graphs.lock().unwrap_or_else(PoisonError::into_inner);
        graphs.get_or(lengths, || self.compile(lengths)).cloned()
    }

    fn compile(&self, lengths: Lengths) -> Result<Graph, ModelError> {
        let Roles { coords, labels, boxes, mask, photo_size, features, masks, ratings } = &self.roles;
        let lead = vec![1; self.points_rank - 2];
        let points = |rest: &[usize]| [&lead[..], &[lengths.points], rest].concat();
        let mut shapes: Vec<(&str, Vec<usize>)> =
            features.iter().map(|(name, _)| name.as_str()).zip(self.features.iter().cloned()).collect();
        // Lists that are empty leave the graph.
        let mut absent: Vec<(&str, &[i64])> = Vec::new();
        if lengths.points > 0 {
            shapes.extend([(coords.as_str(), points(&[2])), (labels, points(&[]))]);
        } else {
            absent.extend([(coords.as_str(), &[1, 1, 0, 2][..]), (labels, &[1, 1, 0])]);
        }
        match boxes {
            Some(boxes) if lengths.bbox => shapes.push((boxes, vec![1, 1, 4])),
            Some(boxes) => absent.push((boxes, &[1, 1, 4])),
            None => {}
        }
        if let Some(mask) = mask {
            let Size { width, height } = self.mask_input(mask);
            shapes.push((&mask.logits, vec![1, 1, height as usize, width as usize]));
            shapes.push((&mask.given, vec![1]));
        }
        let outputs: Vec<&str> = std::iter::once(masks.as_str()).chain(ratings.as_deref()).collect();
        let mut options = self.compile.options(&shapes, &outputs);
        if let Some(name) = photo_size {
            // Only masks of the photo's size, which are not computed, depend on it.
            let size = vec![self.input.height as f32, self.input.width as f32];
            options.constants.push((name.clone(), size));
        }
        if absent.is_empty() {
            self.file.compile(&options)
        } else {
            self.file.without_inputs(&absent)?.compile(&options)
        }
    }

    /// Size of the mask prompt: the file's, or four times the embedding's where that is open.
    fn mask_input(&self, mask: &roles::MaskRoles) -> Size {
        let (rows, columns) = match self.features.iter().filter(|shape| shape.len() == 4).min_by_key(|s| s[2] * s[3]) {
            Some(shape) => (shape[2] * 4, shape[3] * 4),
            None => (1, 1),
        };
        Size::new(mask.size[0].unwrap_or(columns) as u32, mask.size[1].unwrap_or(rows) as u32)
    }

    /// How many masks a graph gives, and their size.
    fn masks_of(&self, graph: &Graph) -> Result<(usize, Size), ModelError> {
        let signature = Signature { family: self.family, model: &self.file };
        let Roles { masks, ratings, mask, .. } = &self.roles;
        let lead = vec![Some(1); self.points_rank - 2];
        let shape = signature.made(graph, masks, &[&lead[..], &[None; 3]].concat())?;
        let [.., count, rows, columns] = shape[..] else { return Ok((0, Size::new(0, 0))) };
        if count * rows * columns == 0 {
            return Err(signature.mismatch(TensorRole::Output, masks, "a mask".into(), format!("{shape:?}")));
        }
        let size = Size::new(columns as u32, rows as u32);
        if let Some(prompt) = mask.as_ref().map(|mask| self.mask_input(mask)).filter(|prompt| *prompt != size) {
            let expected = format!("masks of {}x{}, as the mask prompt is", prompt.width, prompt.height);
            return Err(signature.mismatch(TensorRole::Output, masks, expected, format!("{columns}x{rows}")));
        }
        if let Some(ratings) = ratings {
            signature.made(graph, ratings, &[&lead[..], &[Some(count)]].concat())?;
        }
        Ok((count, size))
    }
}

impl DecoderPart for PointParts {
    fn audit(&self) -> &Audit {
        self.first.audit()
    }

    fn decoder(&self, model: Arc<str>) -> Result<Box<dyn Decoder>, ModelError> {
        Ok(Box::new(PointDecoder::new(model, self.shared.clone(), self.masks, &self.first)?))
    }
}
