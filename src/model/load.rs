use std::path::Path;
use std::sync::Arc;

use super::encoder::{EncoderPart, ImageEncoder};
use super::foveate::FoveateParts;
use super::manifest::{Family, ModelSpec};
use super::sam::SamParts;
use super::{Decoder, Encoder};
use crate::engine::{Audit, Limits, OnnxModel, Precision, Threads};
use crate::error::{Error, ModelError};
use crate::geometry::Size;

/// How a model is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelOptions {
    pub precision: Precision,
    /// Threads of the encoder, and of the decoder unless that has its own; 1 computes on the calling thread.
    pub threads: usize,
    /// Threads of the decoder, when it runs beside the encoder.
    pub decoder_threads: Option<usize>,
    /// Input size instead of the manifest's.
    pub input_size: Option<Size>,
}

impl Default for ModelOptions {
    fn default() -> Self {
        ModelOptions { precision: Precision::F32, threads: 1, decoder_threads: None, input_size: None }
    }
}

/// A model whose graphs are compiled. Encoders and decoders made from it share them.
#[derive(Debug)]
pub struct LoadedModel {
    spec: ModelSpec,
    name: Arc<str>,
    encoder: EncoderPart,
    decoder: DecoderPart,
}

#[derive(Debug)]
enum DecoderPart {
    Foveate(FoveateParts),
    Sam(SamParts),
}

impl LoadedModel {
    /// Loads the files of `spec` from the folder `dir`.
    ///
    /// # Errors
    /// [`ModelError::InputSize`] if the size asked for does not suit the model; [`ModelError::Signature`] if a file is
    /// not of the family; otherwise as [`OnnxModel::open`] and [`OnnxModel::compile`].
    pub fn load(spec: &ModelSpec, dir: &Path, options: &ModelOptions) -> Result<Self, Error> {
        let input = options.input_size.unwrap_or_else(|| spec.default_input());
        if !spec.allows(input) {
            return Err(input_size_error(spec, input).into());
        }
        let Some(files) = spec.files_for(options.precision) else {
            return Err(
                ModelError::Manifest { path: dir.into(), reason: format!("`{}` has no files", spec.name) }.into()
            );
        };
        let encoder_file = OnnxModel::open(dir.join(&files.encoder.path), Limits::default())?;
        let decoder_file = OnnxModel::open(dir.join(&files.decoder.path), Limits::default())?;
        let on = |threads| super::CompileFor { precision: options.precision, threads };
        let for_encoder = on(Threads::new(options.threads));
        let for_decoder = match options.decoder_threads {
            Some(count) if count != options.threads => on(Threads::new(count)),
            _ => on(for_encoder.threads.clone()),
        };
        let (encoder, decoder) = match spec.family {
            Family::Foveate => {
                let encoder = super::foveate::load_encoder(&encoder_file, input, &for_encoder)?;
                let decoder =
                    DecoderPart::Foveate(super::foveate::load_decoder(&decoder_file, &encoder, &for_decoder)?);
                (encoder, decoder)
            }
            Family::Sam => {
                let encoder = super::sam::load_encoder(&encoder_file, input, &for_encoder)?;
                let decoder = DecoderPart::Sam(super::sam::load_decoder(decoder_file, &encoder, &for_decoder)?);
                (encoder, decoder)
            }
        };
        Ok(LoadedModel { spec: spec.clone(), name: spec.name.as_str().into(), encoder, decoder })
    }

    /// The manifest's entry.
    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// The input size that the model was compiled for.
    pub fn input_size(&self) -> Size {
        self.encoder.input
    }

    /// An encoder for one thread.
    ///
    /// # Errors
    /// [`ModelError::Run`] if its graph cannot be prepared.
    pub fn encoder(&self) -> Result<Box<dyn Encoder>, ModelError> {
        let (mean, std) = self.spec.normalization.unit();
        Ok(Box::new(ImageEncoder::new(self.name.clone(), &self.encoder, mean, std)?))
    }

    /// A decoder for one thread.
    ///
    /// # Errors
    /// As [`Self::encoder`].
    pub fn decoder(&self) -> Result<Box<dyn Decoder>, ModelError> {
        Ok(match &self.decoder {
            DecoderPart::Foveate(parts) => Box::new(parts.decoder(self.name.clone())?),
            DecoderPart::Sam(parts) => Box::new(parts.decoder(self.name.clone())?),
        })
    }

    /// What really runs in the encoder and in the decoder, for a prompt of one point.
    pub fn audit(&self) -> (&Audit, &Audit) {
        let decoder = match &self.decoder {
            DecoderPart::Foveate(parts) => parts.audit(),
            DecoderPart::Sam(parts) => parts.audit(),
        };
        (self.encoder.graph.audit(), decoder)
    }
}

fn input_size_error(spec: &ModelSpec, size: Size) -> ModelError {
    // A model of one size is described as a range of that size alone.
    let side = spec.input[0];
    let (multiple, min, max) = spec.sizes.map_or((side, side, side), |s| (s.multiple, s.min, s.max));
    ModelError::InputSize { name: spec.name.clone(), size, multiple, min, max }
}
