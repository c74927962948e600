use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::encoder::{EncoderPart, ImageEncoder};
use super::family::DecoderPart;
use super::manifest::{MANIFEST_FILE, ModelSpec};
use super::part::Part;
use super::registry::{Installed, Registry};
use super::{Decoder, Encoder};
#[cfg(doc)]
use crate::engine::OnnxModel;
use crate::engine::{Audit, Precision, Threads, has_byte_products};
use crate::error::{Error, ModelError};
use crate::geometry::Size;

/// How a model is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelOptions {
    /// `None` takes integers where the model has such files and they are faster: where the processor has products of bytes,
    /// else where the encoder is timed to be faster when it is loaded. Otherwise `f32`.
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
    installed: Installed,
    name: Arc<str>,
    precision: Precision,
    probe: Option<PrecisionProbe>,
    parts: Parts,
}

/// How long the encoder takes for a frame in either precision, measured when a model is loaded without one.
#[derive(Clone, Copy, Debug)]
pub struct PrecisionProbe {
    /// With convolutions on 8-bit integers.
    pub int8: Duration,
    /// In 32-bit floats.
    pub f32: Duration,
}

#[derive(Debug)]
struct Parts {
    encoder: EncoderPart,
    decoder: Box<dyn DecoderPart>,
}

impl Registry {
    /// Loads the model called `name`.
    ///
    /// # Errors
    /// As [`Self::get`] and [`LoadedModel::load`].
    pub fn load(&self, name: &str, options: &ModelOptions) -> Result<LoadedModel, Error> {
        self.get(name)?.load(options)
    }
}

impl Installed {
    /// Loads the model's files, see [`LoadedModel::load`].
    ///
    /// # Errors
    /// As [`LoadedModel::load`].
    pub fn load(&self, options: &ModelOptions) -> Result<LoadedModel, Error> {
        LoadedModel::load(self, options)
    }
}

impl LoadedModel {
    /// Loads the files of `installed`.
    ///
    /// # Errors
    /// [`ModelError::InputSize`] if the size asked for does not suit the model; [`ModelError::Signature`] if a file is
    /// not of the family; otherwise as [`OnnxModel::open`] and [`OnnxModel::compile`].
    pub fn load(installed: &Installed, options: &ModelOptions) -> Result<Self, Error> {
        let spec = &installed.spec;
        let input = options.input_size.unwrap_or_else(|| spec.default_input());
        if !spec.allows(input) {
            return Err(input_size_error(spec, input).into());
        }
        let name = spec.name.as_str().into();
        let loaded =
            |precision, probe, parts| LoadedModel { installed: installed.clone(), name, precision, probe, parts };
        let load = |precision| Parts::load(installed, precision, input, options);
        if let Some(precision) = options.precision {
            return Ok(loaded(precision, None, load(precision)?));
        }
        let (quantized, floats) = (spec.files.contains_key(&Precision::Int8), spec.files_for(Precision::F32).is_some());
        if !quantized {
            return Ok(loaded(Precision::F32, None, load(Precision::F32)?));
        }
        if has_byte_products() || !floats {
            return Ok(loaded(Precision::Int8, None, load(Precision::Int8)?));
        }
        let (int8, f32) = (load(Precision::Int8)?, load(Precision::F32)?);
        let probe = PrecisionProbe { int8: int8.encoder.time()?, f32: f32.encoder.time()? };
        if probe.int8 < probe.f32 {
            Ok(loaded(Precision::Int8, Some(probe), int8))
        } else {
            Ok(loaded(Precision::F32, Some(probe), f32))
        }
    }

    /// The precision asked for, or the one that was chosen.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// What the choice of the precision was made by, if there was one.
    pub fn precision_probe(&self) -> Option<PrecisionProbe> {
        self.probe
    }

    /// What was loaded: it can be loaded again with other options.
    pub fn installed(&self) -> &Installed {
        &self.installed
    }

    /// The manifest's entry.
    pub fn spec(&self) -> &ModelSpec {
        &self.installed.spec
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
        let (mean, std) = self.spec().normalization.unit();
        Ok(Box::new(ImageEncoder::new(self.name.clone(), &self.parts.encoder, mean, std)?))
    }

    /// A decoder for one thread.
    ///
    /// # Errors
    /// As [`Self::encoder`].
    pub fn decoder(&self) -> Result<Box<dyn Decoder>, ModelError> {
        self.parts.decoder.decoder(self.name.clone())
    }

    /// What really runs in the encoder and in the decoder, for a prompt of one point.
    pub fn audit(&self) -> (&Audit, &Audit) {
        (self.parts.encoder.graph.audit(), self.parts.decoder.audit())
    }
}

impl Parts {
    fn load(installed: &Installed, precision: Precision, input: Size, options: &ModelOptions) -> Result<Self, Error> {
        let Installed { spec, location } = installed;
        let Some(files) = spec.files_for(precision) else {
            let reason = match precision {
                Precision::Int8 => format!("`{}` has no int8 files; `foveate quantize` makes them", spec.name),
                _ => format!("`{}` has no {} files", spec.name, precision.name()),
            };
            return Err(ModelError::Manifest { path: location.path(MANIFEST_FILE.as_ref()), reason }.into());
        };
        let encoder_file = location.open(&files.encoder.path)?;
        let decoder_file = location.open(&files.decoder.path)?;
        let on = |threads| super::CompileFor { precision, threads };
        let for_encoder = on(Threads::new(options.threads));
        let for_decoder = match options.decoder_threads {
            Some(count) if count != options.threads => on(Threads::new(count)),
            _ => on(for_encoder.threads.clone()),
        };
        let family = spec.family;
        let likely = [(Part::Encoder, &encoder_file), (Part::Decoder, &decoder_file)]
            .map(|(part, file)| (file.path().to_path_buf(), family.other_than(part, file)));
        let hinted = |error| with_likely_family(error, &likely);
        let encoder = family.family().load_encoder(&encoder_file, input, &for_encoder).map_err(hinted)?;
        let decoder = family.family().load_decoder(decoder_file, &encoder, &for_decoder).map_err(hinted)?;
        Ok(Parts { encoder, decoder })
    }
}

/// Names, in the refusal of a file, the family whose names it has.
fn with_likely_family(mut error: ModelError, families: &[(PathBuf, Option<&'static str>)]) -> ModelError {
    if let ModelError::Signature { path, likely, .. } = &mut error {
        *likely = families.iter().find(|(file, _)| **file == **path).and_then(|(_, family)| *family);
    }
    error
}

fn input_size_error(spec: &ModelSpec, size: Size) -> ModelError {
    // A model of one size is described as a range of that size alone.
    let side = spec.input[0];
    let (multiple, min, max) = spec.sizes.map_or((side, side, side), |s| (s.multiple, s.min, s.max));
    ModelError::InputSize { name: spec.name.clone(), size, multiple, min, max }
}
