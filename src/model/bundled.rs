//! The bundled model inside the program: the default when there is no folder of models.
//!
//! The float encoder is the one whose weights are stored in half floats, which is half as long and gives the same masks; a
//! test holds it to the file it is made from.

use std::path::Path;

#[cfg(feature = "bundled-model")]
use super::manifest::Manifest;
use super::manifest::ModelSpec;
use crate::error::ModelError;

/// The files by their paths in the manifest.
#[cfg(feature = "bundled-model")]
static FILES: &[(&str, &[u8])] = &[
    ("foveate-encoder-f16.onnx", include_bytes!("../../models/foveate-encoder-f16.onnx")),
    ("foveate-encoder-int8.onnx", include_bytes!("../../models/foveate-encoder-int8.onnx")),
    ("foveate-decoder.onnx", include_bytes!("../../models/foveate-decoder.onnx")),
];
#[cfg(not(feature = "bundled-model"))]
static FILES: &[(&str, &[u8])] = &[];

/// The contents of a file of the program.
pub(super) fn file(path: &Path) -> Option<&'static [u8]> {
    FILES.iter().find(|(name, _)| Path::new(name) == path).map(|(_, bytes)| *bytes)
}

/// The models of `models/manifest.toml` as far as their files are in the program.
///
/// # Errors
/// [`ModelError::Manifest`].
#[cfg(feature = "bundled-model")]
pub(super) fn models() -> Result<Vec<ModelSpec>, ModelError> {
    let text = include_str!("../../models/manifest.toml");
    let mut models = Manifest::parse(Path::new("built-in/manifest.toml"), text)?.models;
    for model in &mut models {
        model.files.retain(|_, files| [&files.encoder, &files.decoder].iter().all(|f| file(&f.path).is_some()));
    }
    models.retain(|model| !model.files.is_empty());
    Ok(models)
}

/// None without the feature `bundled-model`.
#[cfg(not(feature = "bundled-model"))]
pub(super) fn models() -> Result<Vec<ModelSpec>, ModelError> {
    Ok(Vec::new())
}

#[cfg(all(test, feature = "bundled-model"))]
mod tests {
    use super::*;
    use crate::engine::{OnnxModel, Precision};
    use crate::frame::Frame;
    use crate::geometry::{LabeledPoint, Size};
    use crate::model::{Candidate, Embedding, FileState, Installed, Location, ModelOptions, Prompt, Registry};

    fn installed() -> Installed {
        let [spec] = models().unwrap().try_into().unwrap();
        Installed { spec, location: Location::BuiltIn }
    }

    #[test]
    fn every_file_is_in_the_manifest_and_intact() {
        let installed = installed();
        assert_eq!(installed.spec.files.keys().copied().collect::<Vec<_>>(), [Precision::F16, Precision::Int8]);
        let checks = installed.verify().unwrap();
        assert!(checks.iter().all(|c| c.state == FileState::Intact), "{checks:?}");
        for (name, _) in FILES {
            assert!(checks.iter().any(|c| c.path == Location::BuiltIn.path(Path::new(name))), "{name}");
        }
        assert_eq!(Location::BuiltIn.bytes(Path::new("manifest.toml")), None);
    }

    /// The masks of a click on a bright disc, from `installed` in `precision`.
    fn masks(installed: &Installed, precision: Option<Precision>) -> Vec<Vec<bool>> {
        let model = installed.load(&ModelOptions { precision, ..ModelOptions::default() }).unwrap();
        let pixel = |i: usize| if (i % 96).abs_diff(40).pow(2) + (i / 96).abs_diff(30).pow(2) < 300 { 220 } else { 40 };
        let frame = Frame::from_rgb(Size::new(96, 64), (0..96 * 64).flat_map(|i| [pixel(i); 3]).collect()).unwrap();
        let (mut embedding, mut candidates) = (Embedding::empty(), Vec::new());
        model.encoder().unwrap().encode(&frame, &mut embedding).unwrap();
        let prompt = Prompt { points: vec![LabeledPoint::foreground(40.0, 30.0)], ..Prompt::default() };
        model.decoder().unwrap().decode(&embedding, &[prompt], &mut candidates).unwrap();
        candidates.iter().map(|Candidate { logits, .. }| logits.data.iter().map(|v| *v > 0.0).collect()).collect()
    }

    #[test]
    fn it_answers_as_the_folder_does() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        let folder = Registry::from_dirs(&[folder]).unwrap().get("foveate").unwrap().clone();
        for precision in [None, Some(Precision::F32), Some(Precision::F16), Some(Precision::Int8)] {
            let (ours, theirs) = (masks(&installed(), precision), masks(&folder, precision));
            assert_eq!(ours.len(), 3);
            for (a, b) in ours.iter().zip(&theirs) {
                let count = |test: fn(bool, bool) -> bool| a.iter().zip(b).filter(|(a, b)| test(**a, **b)).count();
                let (both, either) = (count(|a, b| a && b), count(|a, b| a || b));
                assert!(both > 100 && both * 100 >= either * 99, "{precision:?}: {both} of {either}");
            }
        }
    }

    #[test]
    fn the_half_file_is_the_float_file_halved() {
        let float = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/foveate-encoder.onnx");
        let halved = OnnxModel::open(float, Default::default()).unwrap().halved().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let made = dir.path().join("half.onnx");
        halved.model.write(&made).unwrap();
        let same = std::fs::read(&made).unwrap() == file(Path::new("foveate-encoder-f16.onnx")).unwrap();
        assert!(same, "make models/foveate-encoder-f16.onnx again, as models/MODEL_CARD.md says");
    }
}
