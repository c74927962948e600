use crate::engine::{ElementType, OnnxModel, TensorInfo};
use crate::error::{Error, ModelError};
use crate::geometry::Size;

/// Side of the input where neither the file nor the caller says.
const DEFAULT_SIDE: u32 = 256;

/// The images that a model is calibrated and measured on. They are asked for several times, always in order.
pub trait Images {
    /// How many there are, unreadable ones included.
    fn count(&self) -> usize;

    /// Writes image `index` as the model's input, `1x3xHxW`. False if it cannot be read: it is left out then, each
    /// time.
    fn load(&mut self, index: usize, input: &mut [f32]) -> Result<bool, Error>;
}

/// What quantisation is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Histograms of the float model's tensors.
    Calibration,
    /// Largest values of the channels between convolutions.
    Equalization,
    /// Mean errors of the convolutions.
    BiasCorrection,
    /// The quantised model beside the float one.
    Measurement,
}

/// Somebody who watches the work and may end it.
pub trait Watch {
    /// A stage of so many images begins.
    fn begin(&mut self, stage: Stage, steps: usize);

    /// An image is done. False ends the work.
    fn step(&mut self) -> bool;
}

/// Width and height of the input of an image encoder: those in the file, else those of `asked`, else 256x256.
///
/// # Errors
/// [`ModelError::Rewrite`] if the file does not take one image, `1x3xHxW` of `f32`, or takes another size than asked.
pub fn input_size(model: &OnnxModel, asked: Option<Size>) -> Result<Size, ModelError> {
    let input = image_input(model)?;
    let [.., height, width] = input.shape.as_slice() else { return Err(no_encoder(model)) };
    let side = |v: usize| u32::try_from(v).unwrap_or(u32::MAX);
    let default = asked.unwrap_or(Size::new(DEFAULT_SIDE, DEFAULT_SIDE));
    let size = Size::new(width.map_or(default.width, side), height.map_or(default.height, side));
    match asked {
        Some(asked) if asked != size => {
            let Size { width, height } = size;
            Err(model.refused(format!("its input is {width}x{height}: leave the size to the file")))
        }
        _ => Ok(size),
    }
}

/// The one input of an image encoder.
pub(super) fn image_input(model: &OnnxModel) -> Result<&TensorInfo, ModelError> {
    let [input] = model.inputs() else { return Err(no_encoder(model)) };
    let fits = match input.shape.as_slice() {
        [batch, channels, _, _] => batch.is_none_or(|b| b == 1) && *channels == Some(3),
        _ => false,
    };
    if !fits || input.element != ElementType::F32 { Err(no_encoder(model)) } else { Ok(input) }
}

pub(super) fn no_images(model: &OnnxModel) -> ModelError {
    model.refused("none of the calibration images can be read: give a folder of photos")
}

fn no_encoder(model: &OnnxModel) -> ModelError {
    let inputs: Vec<String> =
        model.inputs().iter().map(|i| format!("{} {} {}", i.name, i.element.name(), i.shape_text())).collect();
    model.refused(format!(
        "it takes {}, an image encoder takes one input of f32 [1, 3, H, W]: give the encoder's file",
        if inputs.is_empty() { "no input".to_owned() } else { inputs.join(", ") }
    ))
}
