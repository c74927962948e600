use std::path::{Path, PathBuf};

use crate::engine::{Limits, OnnxModel, Precision};
use crate::error::{Error, IoError, ModelError};
use crate::frame::{Normalization, Preprocessor};
use crate::geometry::{Fit, Size};
use crate::model::{Installed, MANIFEST_FILE, Registry};

use super::{QuantizeArgs, no_float_files};

/// Values for red, green and blue.
pub(in super::super) type Rgb = [f32; 3];

/// The model to quantise, and what its input looks like.
pub(super) struct Source {
    path: PathBuf,
    normalization: Normalization,
    /// Of `--model`.
    pub installed: Option<Installed>,
}

impl Source {
    pub fn new(args: &QuantizeArgs) -> Result<Self, Error> {
        let Some(name) = &args.model else {
            let Normalization { mean, std } = Normalization::IMAGENET;
            let (mean, std) = (args.photos.mean.unwrap_or(mean), args.photos.std.unwrap_or(std));
            let path = args.file.clone().unwrap_or_default();
            return Ok(Source { path, normalization: Normalization { mean, std }, installed: None });
        };
        let registry = Registry::discover(args.models_dir.as_deref())?;
        Ok(Self::of_installed(registry.get(name)?.clone())?)
    }

    /// The float encoder of an installed model.
    pub fn of_installed(installed: Installed) -> Result<Self, ModelError> {
        let files = installed.spec.files.get(&Precision::F32);
        let path = files.map(|files| installed.location.path(&files.encoder.path));
        let path = path.ok_or_else(|| no_float_files(&installed))?;
        let (mean, std) = installed.spec.normalization.unit();
        Ok(Source { path, normalization: Normalization { mean, std }, installed: Some(installed) })
    }

    /// What makes the encoder's input of `input` pixels from photos.
    pub fn preprocessor(&self, input: Size) -> Preprocessor {
        let fit = self.installed.as_ref().map_or(Fit::Letterbox, |installed| installed.spec.fit);
        Preprocessor::fitting(input, fit, self.normalization)
    }

    /// The files that are read: the model's own, and of an installed one its manifest and float decoder.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        let installed = self.installed.iter().flat_map(|installed| {
            let float = installed.spec.files.get(&Precision::F32);
            let decoder = float.map(|files| files.decoder.path.as_path());
            [Some(Path::new(MANIFEST_FILE)), decoder].into_iter().flatten().map(|file| installed.location.path(file))
        });
        std::iter::once(self.path.clone()).chain(installed)
    }

    pub fn open(&self) -> Result<OnnxModel, Error> {
        OnnxModel::open(&self.path, Limits::default())
    }

    /// The installed model's own size, if the file leaves it open.
    pub fn size(&self, model: &OnnxModel) -> Option<Size> {
        let open = model.inputs().iter().any(|i| i.fixed_shape().is_none());
        self.installed.as_ref().filter(|_| open).map(|i| i.spec.default_input())
    }

    pub fn name(&self) -> String {
        self.installed.as_ref().map_or_else(|| self.path.display().to_string(), |i| i.spec.name.clone())
    }

    /// Length of the file.
    pub fn bytes(&self) -> Result<u64, IoError> {
        Ok(std::fs::metadata(&self.path).map_err(IoError::when("read", &self.path))?.len())
    }
}

/// `R,G,B`.
pub(in super::super) fn parse_rgb(text: &str) -> Result<Rgb, String> {
    let values: Option<Vec<f32>> =
        text.split(',').map(|v| v.trim().parse().ok().filter(|v: &f32| v.is_finite())).collect();
    values
        .and_then(|v| Rgb::try_from(v).ok())
        .ok_or_else(|| format!("`{text}` is not three numbers: give R,G,B, as in 0.485,0.456,0.406"))
}

/// `R,G,B`, each greater than zero.
pub(in super::super) fn parse_std(text: &str) -> Result<Rgb, String> {
    let values = parse_rgb(text)?;
    if values.iter().all(|v| *v > 0.0) { Ok(values) } else { Err(format!("`{text}` has a value that is not positive")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_three_numbers() {
        assert_eq!(parse_rgb("0.5, 0.25,1"), Ok([0.5, 0.25, 1.0]));
        assert!(parse_rgb("0.5,1").is_err() && parse_rgb("a,b,c").is_err() && parse_rgb("1,2,nan").is_err());
        assert!(parse_std("1,0,1").is_err() && parse_std("1,1,1").is_ok());
    }
}
