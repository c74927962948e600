//! Which tensor of a decoder is what: by the names that exports use, or else by shapes that no other tensor has.

use super::super::{Need, Signature};
use super::Dialect;
use crate::engine::{OnnxModel, TensorInfo};
use crate::error::{ModelError, TensorRole};

/// Dimensions that a tensor must have; `None` is any.
type Shape<'a> = &'a [Option<usize>];

const ONE: Option<usize> = Some(1);

/// Names of the masks; the first [`LOW`] are those of the small ones.
const MASKS: &[&str] = &["low_res_masks", "pred_masks", "low_res_logits", "masks", "logits"];
const LOW: usize = 3;

/// A decoder's tensors by what they are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Roles {
    pub coords: String,
    pub labels: String,
    /// Where boxes have an input of their own.
    pub boxes: Option<String>,
    pub mask: Option<MaskRoles>,
    /// Size of the photo: only masks at its resolution, which are not computed, depend on it.
    pub photo_size: Option<String>,
    /// Inputs that the encoder makes, and the number of its output.
    pub features: Vec<(String, usize)>,
    pub masks: String,
    pub ratings: Option<String>,
}

/// The two inputs of a mask prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MaskRoles {
    pub logits: String,
    /// 1 where there is one, 0 where there is none.
    pub given: String,
    /// Columns and rows, as far as the file tells.
    pub size: [Option<usize>; 2],
}

impl Roles {
    /// Those of the decoder `file` behind an encoder that makes `made`, the embedding first.
    ///
    /// # Errors
    /// [`ModelError::Signature`] naming a tensor that is missing, one too many, or one of another shape, and what there is.
    pub fn of(dialect: &Dialect, file: &OnnxModel, made: &[TensorInfo]) -> Result<Roles, ModelError> {
        let signature = Signature { family: dialect.family, model: file };
        let mut inputs = Pool::of(&signature, TensorRole::Input, file.inputs());
        let batch = |rest: &[Option<usize>]| [vec![None; dialect.points_rank - rest.len()], rest.to_vec()].concat();
        let coords = inputs.need(dialect.coords, &batch(&[None, Some(2)]))?;
        let labels = inputs.need(dialect.labels, &vec![None; dialect.points_rank - 1])?;
        let boxes = match dialect.boxes {
            [] => None,
            names => inputs.find(names, &[None, None, Some(4)])?,
        };
        let given = inputs.find(&["has_mask_input", "has_mask"], &[ONE])?;
        let photo_size = inputs.find(&["orig_im_size", "original_size", "orig_size"], &[Some(2)])?;
        let logits = inputs.find(&["mask_input", "input_masks", "mask_inputs"], &[None, ONE, None, None])?;
        let mask = match (logits, given) {
            (Some(logits), Some(given)) => {
                let shape = &logits.shape;
                let size = [shape[3], shape[2]];
                Some(MaskRoles { logits: logits.name.clone(), given: given.name.clone(), size })
            }
            (None, None) => None,
            (Some(alone), None) => {
                let expected = "an input [1] beside it that says whether there is a mask (`has_mask_input`)".into();
                return Err(signature.mismatch(TensorRole::Input, &alone.name, expected, inputs.text()));
            }
            (None, Some(alone)) => {
                let expected = "the mask's logits beside it (`mask_input` [1, 1, ?, ?])".into();
                return Err(signature.mismatch(TensorRole::Input, &alone.name, expected, inputs.text()));
            }
        };
        let features = features(&signature, &inputs.left, made)?;

        let mut outputs = Pool::of(&signature, TensorRole::Output, file.outputs());
        let lead = dialect.points_rank - 3;
        let masks = outputs.masks(lead + 4)?;
        let ratings = outputs
            .find(&["iou_predictions", "iou_scores", "scores", "iou_pred", "iou_preds"], &vec![None; lead + 2])?;
        let name = |info: &TensorInfo| info.name.clone();
        Ok(Roles {
            coords: name(coords),
            labels: name(labels),
            boxes: boxes.map(name),
            mask,
            photo_size: photo_size.map(name),
            features,
            masks: name(masks),
            ratings: ratings.map(name),
        })
    }
}

/// What a decoder must have besides what its encoder makes.
pub(super) fn needs(dialect: &Dialect) -> Vec<Need> {
    let (points, labels) = match dialect.points_rank {
        3 => ("[1, P, 2]", "[1, P]"),
        _ => ("[1, 1, P, 2]", "[1, 1, P]"),
    };
    vec![
        Need::named(TensorRole::Input, dialect.coords, points),
        Need::named(TensorRole::Input, dialect.labels, labels),
        Need::named(TensorRole::Output, MASKS, "[.., M, h, w]"),
    ]
}

/// The outputs of the encoder that each of the `left` inputs is: of the same name, or else the only one of its shape.
fn features(
    signature: &Signature<'_>,
    left: &[&TensorInfo],
    made: &[TensorInfo],
) -> Result<Vec<(String, usize)>, ModelError> {
    let mut found: Vec<(String, usize)> = Vec::new();
    for input in left {
        let like = |output: &TensorInfo| {
            output.shape.len() == input.shape.len()
                && output.shape.iter().zip(&input.shape).all(|(made, taken)| taken.is_none() || made == taken)
        };
        let by_name = made.iter().position(|output| output.name == input.name && like(output));
        let free = |ix: &usize| {
            let named = left.iter().any(|other| other.name == made[*ix].name && other.name != input.name);
            like(&made[*ix]) && !named && found.iter().all(|(_, taken)| taken != ix)
        };
        let by_shape: Vec<usize> = (0..made.len()).filter(free).collect();
        let place = by_name.or_else(|| match by_shape[..] {
            [only] => Some(only),
            // The embedding comes first of equals, where only one is asked for.
            [first, ..] if left.len() == 1 => Some(first),
            _ => None,
        });
        let Some(place) = place else {
            let texts: Vec<String> = made.iter().map(text).collect();
            let expected = format!("what the encoder makes: {}", texts.join(", "));
            return Err(signature.mismatch(TensorRole::Input, &input.name, expected, input.shape_text()));
        };
        found.push((input.name.clone(), place));
    }
    if found.is_empty() {
        let expected = "the encoder's embedding [1, ?, ?, ?]".into();
        let names: Vec<String> = signature.model.inputs().iter().map(text).collect();
        return Err(signature.mismatch(TensorRole::Input, "image_embeddings", expected, names.join(", ")));
    }
    Ok(found)
}

/// A tensor for messages.
fn text(info: &TensorInfo) -> String {
    format!("`{}` {}", info.name, info.shape_text())
}

/// Tensors that have no role yet.
struct Pool<'a> {
    signature: &'a Signature<'a>,
    role: TensorRole,
    left: Vec<&'a TensorInfo>,
}

impl<'a> Pool<'a> {
    fn of(signature: &'a Signature<'a>, role: TensorRole, tensors: &'a [TensorInfo]) -> Self {
        Pool { signature, role, left: tensors.iter().collect() }
    }

    /// Takes the tensor that has one of `names` and the shape, or the only one that has the shape for certain.
    fn find(&mut self, names: &[&str], shape: Shape<'_>) -> Result<Option<&'a TensorInfo>, ModelError> {
        let named = names.iter().find_map(|name| self.left.iter().position(|tensor| tensor.name == *name));
        let place = match named {
            Some(place) => {
                let (tensor, open) = (self.left[place], self.role == TensorRole::Output);
                if !(agrees(tensor, shape) || open && tensor.shape.is_empty()) {
                    let expected = shape_text(shape);
                    return Err(self.signature.mismatch(self.role, &tensor.name, expected, tensor.shape_text()));
                }
                Some(place)
            }
            None => {
                let certain = |tensor: &&TensorInfo| {
                    let told = tensor.shape.iter().zip(shape).all(|(told, wanted)| wanted.is_none() || told.is_some());
                    agrees(tensor, shape) && told
                };
                let mut places = (0..self.left.len()).filter(|ix| certain(&self.left[*ix]));
                places.next().filter(|_| places.next().is_none())
            }
        };
        Ok(place.map(|place| self.left.remove(place)))
    }

    /// As [`Self::find`], of what there must be.
    fn need(&mut self, names: &[&str], shape: Shape<'_>) -> Result<&'a TensorInfo, ModelError> {
        let found = self.find(names, shape)?;
        found.ok_or_else(|| {
            let name = names.first().copied().unwrap_or_default();
            self.signature.mismatch(self.role, name, shape_text(shape), format!("only {}", self.text()))
        })
    }

    /// The small masks of `rank` dimensions: by name, or the only output that they can be.
    fn masks(&mut self, rank: usize) -> Result<&'a TensorInfo, ModelError> {
        let (low, others) = MASKS.split_at(LOW);
        let shape = vec![None; rank];
        if self.left.iter().any(|tensor| low.contains(&tensor.name.as_str())) {
            return self.need(low, &shape);
        }
        self.need(others, &shape)
    }

    fn text(&self) -> String {
        let texts: Vec<String> = self.left.iter().map(|tensor| text(tensor)).collect();
        if texts.is_empty() { "no other".into() } else { texts.join(", ") }
    }
}

fn agrees(tensor: &TensorInfo, shape: Shape<'_>) -> bool {
    let agree = |(told, wanted): (&Option<usize>, &Option<usize>)| told.is_none() || wanted.is_none() || told == wanted;
    tensor.shape.len() == shape.len() && tensor.shape.iter().zip(shape).all(agree)
}

fn shape_text(shape: Shape<'_>) -> String {
    let dims: Vec<String> = shape.iter().map(|dim| dim.map_or("?".into(), |dim| dim.to_string())).collect();
    format!("[{}]", dims.join(", "))
}

/// Whether `file` has the points and labels of a dialect, by their names and ranks.
pub(super) fn has_points(dialect: &Dialect, file: &OnnxModel) -> bool {
    let input = |names: &[&str], rank: usize| {
        file.inputs().iter().any(|input| names.contains(&input.name.as_str()) && input.shape.len() == rank)
    };
    input(dialect.coords, dialect.points_rank) && input(dialect.labels, dialect.points_rank - 1)
}
