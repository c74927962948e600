use std::path::Path;
use std::sync::Arc;
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use super::encoder::{EncoderPart, ImageEncoder};
use super::family::DecoderPart;
use super::manifest::{MANIFEST_FILE, ModelSpec};
use super::part::Part;
use super::registry::{Installed, Registry};
use super::{Decoder, Encoder, ModelIdentity};
use crate::engine::{Audit, Device, OnnxModel, Precision, Threads, gpu};
use crate::error::{Error, ModelError};
use crate::frame::Normalization;
use crate::geometry::Size;

/// How a model is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelOptions {
    /// `None` takes what the encoder is fastest in: it is timed when it is loaded, in integers where the model has such files, in
    /// `f32`, and in `f16` on the GPU where there is one.
    pub precision: Option<Precision>,
    /// What the encoder runs on; the decoder always runs on the processor. `None` takes the GPU where there is one, it is faster,
    /// and the precision is `f16` or none is asked for. The GPU alone computes in `f16` unless another precision is asked for.
    pub device: Option<Device>,
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
        ModelOptions {
            precision: None,
            device: None,
            threads: 1,
            decoder_threads: None,
            input_size: None,
            frame: None,
            pixels: None,
        }
    }
}

/// A model whose graphs are compiled. Encoders and decoders made from it share them.
#[derive(Debug)]
pub struct LoadedModel {
    installed: Installed,
    name: Arc<str>,
    identity: Arc<ModelIdentity>,
    variant: Variant,
    timed: Vec<TimedEncoder>,
    parts: Parts,
}

/// What an encoder computes in, and on what.
type Variant = (Precision, Device);

/// How long the encoder takes for a frame, measured when a model is loaded that can run in more than one way.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct TimedEncoder {
    /// What it computed in.
    pub precision: Precision,
    /// What it ran on.
    pub device: Device,
    /// The shortest of a few runs.
    pub time: Duration,
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
    /// [`ModelError::InputSize`] if the size asked for does not suit the model; [`ModelError::Gpu`] if the GPU is asked for and there
    /// is none, or it does not compute in the precision; [`ModelError::Checksum`] if a file is not what
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
        let loader = Loader::new(installed, input, options);
        let (variant, encoder, timed) = loader.fastest(&loader.variants(options)?)?;
        let parts = loader.with_decoder(encoder, variant)?;
        let hashes = spec.files_for(variant.0).map(|files| (files.encoder.hash_of_all(), files.decoder.hash_of_all()));
        let (encoder_sha256, decoder_sha256) = hashes.unwrap_or_default();
        let identity = ModelIdentity {
            name: spec.name.clone(),
            encoder_sha256,
            decoder_sha256,
            precision: variant.0,
            device: variant.1,
            input,
        };
        let (name, identity) = (spec.name.as_str().into(), Arc::new(identity));
        Ok(LoadedModel { installed: installed.clone(), name, identity, variant, timed, parts })
    }

    /// The precision asked for, or the one that was chosen.
    pub fn precision(&self) -> Precision {
        self.variant.0
    }

    /// What the encoder runs on.
    pub fn device(&self) -> Device {
        self.variant.1
    }

    /// What precision and device were chosen by; empty where there was no choice.
    pub fn timed(&self) -> &[TimedEncoder] {
        &self.timed
    }

    /// What was loaded: it can be loaded again with other options.
    pub fn installed(&self) -> &Installed {
        &self.installed
    }

    /// The manifest's entry.
    pub fn spec(&self) -> &ModelSpec {
        &self.installed.spec
    }

    /// Which files were loaded, and how they run.
    pub fn identity(&self) -> &Arc<ModelIdentity> {
        &self.identity
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
        let (name, identity) = (self.name.clone(), Arc::clone(&self.identity));
        let normalization = Normalization { mean, std };
        Ok(Box::new(ImageEncoder::new(name, identity, &self.parts.encoder, self.spec().fit, normalization)?))
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

    /// Every way to run the encoder that the options leave, the one that is loaded without a choice first. Never empty.
    fn variants(&self, options: &ModelOptions) -> Result<Vec<Variant>, ModelError> {
        if options.device == Some(Device::Cuda) {
            gpu()?;
            return Ok(vec![(options.precision.unwrap_or(Precision::F16), Device::Cuda)]);
        }
        let spec = &self.installed.spec;
        let mut variants = Vec::new();
        match options.precision {
            Some(precision) => variants.push((precision, Device::Cpu)),
            None => {
                let floats = spec.files_for(Precision::F32).is_some();
                let integers = spec.files.contains_key(&Precision::Int8);
                variants.extend(integers.then_some((Precision::Int8, Device::Cpu)));
                // Without any files it is refused in the words for these.
                variants.extend((floats || !integers).then_some((Precision::F32, Device::Cpu)));
            }
        }
        let halves = options.precision.is_none_or(|precision| precision == Precision::F16);
        if options.device.is_none() && halves && spec.files_for(Precision::F16).is_some() && gpu().is_ok() {
            variants.push((Precision::F16, Device::Cuda));
        }
        Ok(variants)
    }

    /// The encoder that takes the least time, and what it was chosen by. Of encoders that nobody asked for, one that fails on the
    /// GPU is left out.
    fn fastest(&self, variants: &[Variant]) -> Result<(Variant, EncoderPart, Vec<TimedEncoder>), Error> {
        let mut encoders = Vec::new();
        for (variant, encoder) in self.encoders(variants) {
            match encoder {
                Ok(encoder) => encoders.push((variant, encoder)),
                Err(error) if variant.1 == Device::Cuda && variants.len() > 1 => {
                    tracing::warn!("the encoder stays on the processor: {error}");
                }
                Err(error) => return Err(error),
            }
        }
        let mut timed = Vec::new();
        if encoders.len() > 1 {
            let parts: Vec<&EncoderPart> = encoders.iter().map(|(_, part)| part).collect();
            let times = match EncoderPart::time(&parts) {
                Ok(times) => times,
                Err(error) if encoders.iter().any(|((_, device), _)| *device == Device::Cuda) => {
                    tracing::warn!("the encoder stays on the processor: {error}");
                    encoders.retain(|((_, device), _)| *device == Device::Cpu);
                    let parts: Vec<&EncoderPart> = encoders.iter().map(|(_, part)| part).collect();
                    EncoderPart::time(&parts)?
                }
                Err(error) => return Err(error.into()),
            };
            let figures = encoders.iter().zip(times);
            timed.extend(figures.map(|(((precision, device), _), time)| TimedEncoder {
                precision: *precision,
                device: *device,
                time,
            }));
        }
        let fastest = (0..timed.len()).min_by_key(|ix| timed[*ix].time).unwrap_or(0);
        let (variant, encoder) = encoders.swap_remove(fastest);
        Ok((variant, encoder, timed))
    }

    /// The encoder in each variant: each is compiled on a thread of its own, because a program waits for all before its first frame.
    fn encoders(&self, variants: &[Variant]) -> Vec<(Variant, Result<EncoderPart, Error>)> {
        std::thread::scope(|scope| {
            let start = |variant: &Variant| {
                let variant = *variant;
                (variant, scope.spawn(move || self.encoder(variant)))
            };
            let compiling: Vec<_> = variants.iter().map(start).collect();
            let end = |(variant, thread): (Variant, ScopedJoinHandle<'_, _>)| match thread.join() {
                Ok(encoder) => (variant, encoder),
                Err(panic) => std::panic::resume_unwind(panic),
            };
            compiling.into_iter().map(end).collect()
        })
    }

    fn encoder(&self, (precision, device): Variant) -> Result<EncoderPart, Error> {
        let (family, file) = (self.installed.spec.family, self.open(Part::Encoder, precision)?);
        let compile = super::CompileFor { precision, device, threads: self.encoder_threads.clone() };
        let likely = family.other_than(Part::Encoder, &file);
        let encoder = family.family().load_encoder(&file, self.input, &compile);
        Ok(encoder.map_err(|error| with_likely_family(error, file.path(), likely))?)
    }

    /// The decoder beside an encoder on the GPU is as precise as the processor's kernels are fastest in.
    fn with_decoder(&self, encoder: EncoderPart, (precision, device): Variant) -> Result<Parts, Error> {
        let file = self.open(Part::Decoder, precision)?;
        let family = self.installed.spec.family;
        let precision = if device == Device::Cuda { Precision::F32 } else { precision };
        let compile = super::CompileFor { precision, device: Device::Cpu, threads: self.decoder_threads.clone() };
        let (path, likely) = (file.path().to_path_buf(), family.other_than(Part::Decoder, &file));
        let decoder = family.family().load_decoder(file, &encoder, &self.installed.spec.conventions(), &compile);
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
