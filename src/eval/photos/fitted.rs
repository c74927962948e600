use crate::error::Error;
use crate::geometry::Size;
use crate::model::{LoadedModel, ModelOptions};
use crate::segment::Predictor;

/// Gives the predictor for photos of a size.
pub trait Predictors {
    /// The predictor for a photo of `size`.
    ///
    /// # Errors
    /// As [`LoadedModel::load`].
    fn predictor(&mut self, size: Size) -> Result<&mut Predictor, Error>;
}

/// The same for all.
impl Predictors for Predictor {
    fn predictor(&mut self, _: Size) -> Result<&mut Predictor, Error> {
        Ok(self)
    }
}

/// Predictors of one model whose inputs have the form of the photos, each compiled for the first photo of its form.
pub struct FittedPredictors {
    model: LoadedModel,
    options: ModelOptions,
    made: Vec<(Size, Predictor)>,
}

impl FittedPredictors {
    /// Predictors of `model`, which was loaded with `options`; where these name an input size, all have it.
    pub fn new(model: LoadedModel, options: ModelOptions) -> Self {
        let options = ModelOptions { precision: Some(model.precision()), ..options };
        FittedPredictors { model, options, made: Vec::new() }
    }

    /// What the first of them runs.
    pub fn model(&self) -> &LoadedModel {
        &self.model
    }
}

impl Predictors for FittedPredictors {
    fn predictor(&mut self, size: Size) -> Result<&mut Predictor, Error> {
        let input = self.options.input_size.unwrap_or_else(|| self.model.spec().input_for(size, self.options.pixels));
        let at = match self.made.iter().position(|(made, _)| *made == input) {
            Some(at) => at,
            None => {
                let options = ModelOptions { input_size: Some(input), ..self.options };
                let model = self.model.installed().load(&options)?;
                self.made.push((input, Predictor::new(model.encoder()?, model.decoder()?)));
                self.made.len() - 1
            }
        };
        Ok(&mut self.made[at].1)
    }
}
