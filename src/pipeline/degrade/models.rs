use std::sync::Arc;

use super::{Ladder, Setting, Variant, Variants};
use crate::board::Rung;
use crate::error::Result;
use crate::model::{Decoder, Encoder, LoadedModel, ModelOptions};
use crate::pipeline::Placement;

/// The sizes and precisions of one model, each compiled when it is first wanted and then kept.
pub struct ModelVariants {
    /// Never empty: the first is what the stream starts with.
    loaded: Vec<(Variant, Arc<LoadedModel>)>,
    options: ModelOptions,
    placement: Placement,
}

impl ModelVariants {
    /// Variants of `model`, which was loaded with `options`; `placement` is the encode stage's, for the threads that help it.
    pub fn new(model: impl Into<Arc<LoadedModel>>, options: ModelOptions, placement: Placement) -> Self {
        let model = model.into();
        let variant = Variant { input: model.input_size(), precision: model.precision() };
        ModelVariants { loaded: vec![(variant, model)], options, placement }
    }

    /// The ladder from the model as it was loaded, encoding one of `encode_every` frames, down by `rungs`; with it the
    /// rungs that this model cannot take, and why.
    pub fn ladder(&self, encode_every: u32, rungs: &[Rung]) -> (Ladder, Vec<(usize, String)>) {
        let (variant, model) = &self.loaded[0];
        let spec = model.spec();
        let frame = self.options.frame.unwrap_or(variant.input);
        let fit = |pixels| spec.input_for(frame, Some(pixels));
        Ladder::new(Setting { variant: *variant, encode_every }, rungs, fit, |Variant { input, precision }| {
            if !spec.allows(input) {
                return Err(format!("model `{}` cannot be run at {}x{}", spec.name, input.width, input.height));
            }
            match spec.files_for(precision) {
                Some(_) => Ok(()),
                None => Err(format!("model `{}` has no {} files", spec.name, precision.name())),
            }
        })
    }
}

impl Variants for ModelVariants {
    fn load(&mut self, variant: Variant) -> Result<(Box<dyn Encoder>, Box<dyn Decoder>)> {
        let at = match self.loaded.iter().position(|(known, _)| *known == variant) {
            Some(at) => at,
            None => {
                let Variant { input, precision } = variant;
                let options = ModelOptions { precision: Some(precision), input_size: Some(input), ..self.options };
                let installed = self.loaded[0].1.installed();
                let model = self.placement.run(|| installed.load(&options))?;
                self.loaded.push((variant, Arc::new(model)));
                self.loaded.len() - 1
            }
        };
        let model = &self.loaded[at].1;
        Ok((model.encoder()?, model.decoder()?))
    }
}
