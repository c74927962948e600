use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::encoder::{EncoderPart, ImageEncoder};
use super::family::DecoderPart;
use super::manifest::{MANIFEST_FILE, ModelSpec};
use super::part::Part;
use super::registry::{Installed, Registry};
use super::{Decoder, Encoder};
use crate::engine::{Audit, OnnxModel, Precision, Threads};
use crate::error::{Error, ModelError};
use crate::geometry::Size;

/// How a model is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelOptions {
    /// `None` takes integers where the model has such files and they are faster: where it has both, the encoder is timed in
    /// either when it is loaded. Otherwise `f32`.
    pub precision: Option<Precision>,
    /// Threads of the encoder, and of the decoder unless that has its own; 1 computes on the calling thread.
    pub threads: usize,
    /// Threads of the decoder, when it runs beside the encoder.
    pub decoder_threads: Option<usize>,
    /// This input size and no other.
    pub input_size: Option<Size>,
    /// Otherwise the size of the frames, whose form the input takes; `None` takes the manifest's input.
    pub frame: Option<Size>,
    /// How many pixels the input for such frames has, see [`ModelSpec::input_for`]; `None` is as many as the manifest's.
    pub pixels: Option<u32>,
}

impl Default for ModelOptions {
    fn default() -> Self {
        ModelOptions { precision: None, threads: 1, decoder_threads: None, input_size: None, frame: None, pixels: None }
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
    /// [`ModelError::InputSize`] if the size asked for does not suit the model; [`ModelError::Checksum`] if a file is not what
    /// the manifest says; [`ModelError::Signature`] if a file is not of the family; otherwise as [`OnnxModel::open`] and [`OnnxModel::compile`].
    pub fn load(installed: &Installed, options: &ModelOptions) -> Result<Self, Error> {
        let spec = &installed.spec;
        let input = options.input_size.unwrap_or_else(|| match options.frame {
            Some(frame) => spec.input_for(frame, options.pixels),
            None => spec.default_input(),
        });
        if !spec.allows(input) {
            return Err(input_size_error(spec, input).into());
        }
        let name = spec.name.as_str().into();
        let loaded =
            |precision, probe, parts| LoadedModel { installed: installed.clone(), name, precision, probe, parts };
        let loader = Loader::new(installed, input, options);
        if let Some(precision) = options.precision {
            return Ok(loaded(precision, None, loader.parts(precision)?));
        }
        if !spec.files.contains_key(&Precision::Int8) {
            return Ok(loaded(Precision::F32, None, loader.parts(Precision::F32)?));
        }
        if spec.files_for(Precision::F32).is_none() {
            return Ok(loaded(Precision::Int8, None, loader.parts(Precision::Int8)?));
        }
        let (int8, f32) = (loader.encoder(Precision::Int8)?, loader.encoder(Precision::F32)?);
        let [int8_time, f32_time] = EncoderPart::time([&int8, &f32])?;
        let probe = Some(PrecisionProbe { int8: int8_time, f32: f32_time });
        let (precision, encoder) = if int8_time < f32_time { (Precision::Int8, int8) } else { (Precision::F32, f32) };
        Ok(loaded(precision, probe, loader.with_decoder(encoder, precision)?))
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

/// Loads the parts of one model.
struct Loader<'a> {
    installed: &'a Installed,
    input: Size,
    encoder_threads: Threads,
    decoder_threads: Threads,
}

impl<'a> Loader<'a> {
    fn new(installed: &'a Installed, input: Size, options: &ModelOptions) -> Self {
        let encoder_threads = Threads::new(options.threads);
        let decoder_threads = match options.decoder_threads {
            Some(count) if count != options.threads => Threads::new(count),
            _ => encoder_threads.clone(),
        };
        Loader { installed, input, encoder_threads, decoder_threads }
    }

    fn parts(&self, precision: Precision) -> Result<Parts, Error> {
        self.with_decoder(self.encoder(precision)?, precision)
    }

    fn encoder(&self, precision: Precision) -> Result<EncoderPart, Error> {
        let (family, file) = (self.installed.spec.family, self.open(Part::Encoder, precision)?);
        let compile = super::CompileFor { precision, threads: self.encoder_threads.clone() };
        let likely = family.other_than(Part::Encoder, &file);
        let encoder = family.family().load_encoder(&file, self.input, &compile);
        Ok(encoder.map_err(|error| with_likely_family(error, file.path(), likely))?)
    }

    fn with_decoder(&self, encoder: EncoderPart, precision: Precision) -> Result<Parts, Error> {
        let (family, file) = (self.installed.spec.family, self.open(Part::Decoder, precision)?);
        let compile = super::CompileFor { precision, threads: self.decoder_threads.clone() };
        let (path, likely) = (file.path().to_path_buf(), family.other_than(Part::Decoder, &file));
        let decoder = family.family().load_decoder(file, &encoder, &compile);
        let decoder = decoder.map_err(|error| with_likely_family(error, &path, likely))?;
        Ok(Parts { encoder, decoder })
    }

    fn open(&self, part: Part, precision: Precision) -> Result<OnnxModel, Error> {
        let Installed { spec, location } = self.installed;
        let Some(files) = spec.files_for(precision) else {
            let reason = match precision {
                Precision::Int8 => format!("`{}` has no int8 files; `foveate quantize` makes them", spec.name),
                _ => format!("`{}` has no {} files", spec.name, precision.name()),
            };
            return Err(ModelError::Manifest { path: location.path(MANIFEST_FILE.as_ref()), reason }.into());
        };
        location.open(match part {
            Part::Encoder => &files.encoder,
            Part::Decoder => &files.decoder,
        })
    }
}

/// Names, in the refusal of the file at `path`, the family whose names it has.
fn with_likely_family(mut error: ModelError, file: &Path, family: Option<&'static str>) -> ModelError {
    if let ModelError::Signature { path, likely, .. } = &mut error
        && **path == *file
    {
        *likely = family;
    }
    error
}

fn input_size_error(spec: &ModelSpec, size: Size) -> ModelError {
    // A model of one size is described as a range of that size alone.
    let side = spec.input[0];
    let (multiple, min, max) = spec.sizes.map_or((side, side, side), |s| (s.multiple, s.min, s.max));
    ModelError::InputSize { name: spec.name.clone(), size, multiple, min, max }
}
