use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::encoder::{EncoderPart, ImageEncoder};
use super::foveate::FoveateParts;
use super::manifest::{Family, ModelSpec};
use super::sam::SamParts;
use super::{Decoder, Encoder};
use crate::engine::{Audit, Limits, OnnxModel, Precision, Threads, has_byte_products};
use crate::error::{Error, ModelError};
use crate::geometry::Size;

/// How a model is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelOptions {
    /// `None` takes integers where the model has such files and they are faster: where the processor has products of bytes,
    /// else where its encoder wins a race when it is loaded. Otherwise `f32`.
    pub precision: Option<Precision>,
    /// Threads of the encoder, and of the decoder unless that has its own; 1 computes on the calling thread.
    pub threads: usize,
    /// Threads of the decoder, when it runs beside the encoder.
    pub decoder_threads: Option<usize>,
    /// Input size instead of the manifest's.
    pub input_size: Option<Size>,
}

impl Default for ModelOptions {
    fn default() -> Self {
        ModelOptions { precision: None, threads: 1, decoder_threads: None, input_size: None }
    }
}

/// A model whose graphs are compiled. Encoders and decoders made from it share them.
#[derive(Debug)]
pub struct LoadedModel {
    spec: ModelSpec,
    name: Arc<str>,
    precision: Precision,
    race: Option<Race>,
    parts: Parts,
}

/// How long the encoder takes for a frame in either precision, measured when a model is loaded without one.
#[derive(Clone, Copy, Debug)]
pub struct Race {
    pub int8: Duration,
    pub f32: Duration,
}

#[derive(Debug)]
struct Parts {
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
        let name = spec.name.as_str().into();
        let loaded = |precision, race, parts| LoadedModel { spec: spec.clone(), name, precision, race, parts };
        if let Some(precision) = options.precision {
            return Ok(loaded(precision, None, Parts::load(spec, dir, precision, input, options)?));
        }
        let load = |precision| Parts::load(spec, dir, precision, input, options);
        let (quantized, floats) = (spec.files.contains_key(&Precision::Int8), spec.files_for(Precision::F32).is_some());
        if !quantized {
            return Ok(loaded(Precision::F32, None, load(Precision::F32)?));
        }
        if has_byte_products() || !floats {
            return Ok(loaded(Precision::Int8, None, load(Precision::Int8)?));
        }
        let (int8, f32) = (load(Precision::Int8)?, load(Precision::F32)?);
        let race = Race { int8: int8.encoder.time()?, f32: f32.encoder.time()? };
        if race.int8 < race.f32 {
            Ok(loaded(Precision::Int8, Some(race), int8))
        } else {
            Ok(loaded(Precision::F32, Some(race), f32))
        }
    }

    /// The precision asked for, or the one that was chosen.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// What the choice of the precision was made by, if there was one.
    pub fn race(&self) -> Option<Race> {
        self.race
    }

    /// The manifest's entry.
    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// The input size that the model was compiled for.
    pub fn input_size(&self) -> Size {
        self.parts.encoder.input
    }

    /// An encoder for one thread.
    ///
    /// # Errors
    /// [`ModelError::Run`] if its graph cannot be prepared.
    pub fn encoder(&self) -> Result<Box<dyn Encoder>, ModelError> {
        let (mean, std) = self.spec.normalization.unit();
        Ok(Box::new(ImageEncoder::new(self.name.clone(), &self.parts.encoder, mean, std)?))
    }

    /// A decoder for one thread.
    ///
    /// # Errors
    /// As [`Self::encoder`].
    pub fn decoder(&self) -> Result<Box<dyn Decoder>, ModelError> {
        Ok(match &self.parts.decoder {
            DecoderPart::Foveate(parts) => Box::new(parts.decoder(self.name.clone())?),
            DecoderPart::Sam(parts) => Box::new(parts.decoder(self.name.clone())?),
        })
    }

    /// What really runs in the encoder and in the decoder, for a prompt of one point.
    pub fn audit(&self) -> (&Audit, &Audit) {
        let decoder = match &self.parts.decoder {
            DecoderPart::Foveate(parts) => parts.audit(),
            DecoderPart::Sam(parts) => parts.audit(),
        };
        (self.parts.encoder.graph.audit(), decoder)
    }
}

impl Parts {
    fn load(
        spec: &ModelSpec,
        dir: &Path,
        precision: Precision,
        input: Size,
        options: &ModelOptions,
    ) -> Result<Self, Error> {
        let Some(files) = spec.files_for(precision) else {
            let reason = match precision {
                Precision::Int8 => format!("`{}` has no int8 files; `foveate quantize` makes them", spec.name),
                _ => format!("`{}` has no {} files", spec.name, precision.name()),
            };
            return Err(ModelError::Manifest { path: dir.into(), reason }.into());
        };
        let encoder_file = OnnxModel::open(dir.join(&files.encoder.path), Limits::default())?;
        let decoder_file = OnnxModel::open(dir.join(&files.decoder.path), Limits::default())?;
        let on = |threads| super::CompileFor { precision, threads };
        let for_encoder = on(Threads::new(options.threads));
        let for_decoder = match options.decoder_threads {
            Some(count) if count != options.threads => on(Threads::new(count)),
            _ => on(for_encoder.threads.clone()),
        };
        Ok(match spec.family {
            Family::Foveate => {
                let encoder = super::foveate::load_encoder(&encoder_file, input, &for_encoder)?;
                let decoder =
                    DecoderPart::Foveate(super::foveate::load_decoder(&decoder_file, &encoder, &for_decoder)?);
                Parts { encoder, decoder }
            }
            Family::Sam => {
                let encoder = super::sam::load_encoder(&encoder_file, input, &for_encoder)?;
                let decoder = DecoderPart::Sam(super::sam::load_decoder(decoder_file, &encoder, &for_decoder)?);
                Parts { encoder, decoder }
            }
        })
    }
}

fn input_size_error(spec: &ModelSpec, size: Size) -> ModelError {
    // A model of one size is described as a range of that size alone.
    let side = spec.input[0];
    let (multiple, min, max) = spec.sizes.map_or((side, side, side), |s| (s.multiple, s.min, s.max));
    ModelError::InputSize { name: spec.name.clone(), size, multiple, min, max }
}
