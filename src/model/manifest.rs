use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::conventions::{Conventions, Ranking};
use super::family::FamilyId;
use crate::engine::Precision;
use crate::error::{Error, IoError, ModelError};
use crate::geometry::{Fit, Letterbox, Size};
use crate::text;

/// File that lists the models of a folder.
pub const MANIFEST_FILE: &str = "manifest.toml";

/// One model of a manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// Lower-case letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// How its two graphs fit together.
    pub family: FamilyId,
    /// One line for `foveate models list`.
    pub description: String,
    /// SPDX expression, or the licence's name.
    pub licence: String,
    /// Where the files come from: a repository with its commit, or how they were trained.
    pub source: String,
    /// Input width and height unless another size is asked for.
    pub input: [u32; 2],
    /// Which other sizes the files can be compiled for; absent if only `input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sizes: Option<SizeRange>,
    /// How frames fill the input; a letterbox unless given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fit: Fit,
    /// Width and height of the plane that the decoder takes points in, where its file does not tell and they are not the
    /// input's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordinates: Option<[u32; 2]>,
    /// What its masks are rated by.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ranking: Ranking,
    /// What the encoder expects of its pixels.
    pub normalization: NormalizationSpec,
    /// What one run computes at `input`, where it was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiply_adds: Option<MultiplyAdds>,
    /// Files by precision.
    pub files: BTreeMap<Precision, Files>,
}

/// Multiply-accumulates of convolutions and matrix products in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultiplyAdds {
    /// Of the encoder, for one image.
    pub encoder: u64,
    /// Of the decoder, for a prompt of one point.
    pub decoder: u64,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Input sides that a model can be compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SizeRange {
    /// Every side is a multiple of it.
    pub multiple: u32,
    /// The shortest side.
    pub min: u32,
    /// The longest side.
    pub max: u32,
}

/// What is subtracted from each RGB channel, and what it is then divided by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NormalizationSpec {
    /// Subtracted from red, green and blue.
    pub mean: [f32; 3],
    /// What the differences are divided by; greater than zero.
    pub std: [f32; 3],
    /// The value of full white that `mean` and `std` are given for: 1 (as ImageNet's) or 255 (as Segment Anything's).
    #[serde(default = "one")]
    pub white: f32,
}

fn one() -> f32 {
    1.0
}

impl NormalizationSpec {
    /// Mean and standard deviation for pixels from 0 to 1.
    pub fn unit(&self) -> ([f32; 3], [f32; 3]) {
        (self.mean.map(|v| v / self.white), self.std.map(|v| v / self.white))
    }
}

/// The two files of a model in one precision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// The encoder's file.
    pub encoder: FileSpec,
    /// The decoder's file.
    pub decoder: FileSpec,
}

/// A file beside the manifest, pinned by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSpec {
    /// Relative to the manifest's folder, without `..`.
    pub path: PathBuf,
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Its length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Where `foveate models pull` fetches it when it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The files beside it that its weights lie in; none where the model is one file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external: Vec<ExternalSpec>,
}

/// A file of weights beside a model's file, pinned by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalSpec {
    /// Relative to the manifest's folder, without `..`.
    pub path: PathBuf,
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Its length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Where `foveate models pull` fetches it when it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// The models of one folder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// In the order of the file; the first is the default.
    #[serde(default, rename = "model")]
    pub models: Vec<ModelSpec>,
}

impl Manifest {
    /// Reads `manifest.toml` of the folder `dir`.
    ///
    /// # Errors
    /// [`IoError`] if there is none; [`ModelError::Manifest`] naming what is wrong in it.
    pub fn load(dir: impl AsRef<Path>) -> Result<Self, Error> {
        let path = dir.as_ref().join(MANIFEST_FILE);
        let bytes = std::fs::read(&path).map_err(IoError::when("read", &path))?;
        let text = text::decode(&bytes)
            .map_err(|reason| ModelError::Manifest { path: path.clone(), reason: reason.to_string() })?;
        Ok(Self::parse(&path, text)?)
    }

    /// Parses the text of a manifest; `path` is for messages.
    ///
    /// # Errors
    /// [`ModelError::Manifest`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, ModelError> {
        let wrong = |reason: String| ModelError::Manifest { path: path.into(), reason };
        let manifest: Manifest =
            toml::from_str(text::without_mark(text)).map_err(|e| wrong(e.to_string().trim().replace('\n', " ")))?;
        for (ix, model) in manifest.models.iter().enumerate() {
            model.check().map_err(|reason| wrong(format!("model `{}`: {reason}", model.name)))?;
            if manifest.models[..ix].iter().any(|m| m.name == model.name) {
                return Err(wrong(format!("two models are called `{}`", model.name)));
            }
        }
        Ok(manifest)
    }
}

impl ModelSpec {
    fn check(&self) -> Result<(), String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
        let is_path = self.name.chars().all(|c| c == '.');
        if is_path || !self.name.chars().all(plain) {
            return Err("the name takes lower-case letters, digits, `-`, `_` and `.`".into());
        }
        if let Some(SizeRange { multiple, min, max }) = self.sizes
            && (multiple == 0 || min == 0 || min > max)
        {
            return Err("`sizes` needs a multiple of at least 1 and min <= max".into());
        }
        if !self.allows(self.default_input()) {
            return Err(format!("its `input` of {}x{} is not one of its `sizes`", self.input[0], self.input[1]));
        }
        if self.coordinates.is_some_and(|plane| plane.contains(&0)) {
            return Err("`coordinates` takes a width and a height of at least 1".into());
        }
        let n = &self.normalization;
        let finite = n.mean.iter().chain(&n.std).all(|v| v.is_finite());
        if !finite || n.std.iter().any(|v| *v <= 0.0) || !(n.white == 1.0 || n.white == 255.0) {
            return Err("`normalization` needs finite means, positive `std` and `white` of 1 or 255".into());
        }
        if self.files.is_empty() {
            return Err("it has no `files`".into());
        }
        for file in self.files.values().flat_map(|f| [&f.encoder, &f.decoder]) {
            file.check()?;
        }
        Ok(())
    }

    /// What the files do not say of themselves.
    pub(super) fn conventions(&self) -> Conventions {
        Conventions { coordinates: self.coordinates.map(|[w, h]| Size::new(w, h)), ranking: self.ranking }
    }

    /// The input size unless another is asked for.
    pub fn default_input(&self) -> Size {
        Size::new(self.input[0], self.input[1])
    }

    /// The input for frames of the size `frame` with about `pixels` pixels, or as many as the default input has: of the sizes
    /// that the model allows, with a tenth more pixels at most, the one that shows the frame largest, padding no more than a
    /// twentieth of it where that can be. A model of one size has that.
    pub fn input_for(&self, frame: Size, pixels: Option<u32>) -> Size {
        let default = self.default_input();
        let Some(SizeRange { multiple, min, max }) = self.sizes else { return default };
        let most = u64::from(pixels.unwrap_or(default.width.saturating_mul(default.height))) * 11 / 10;
        let least = min.div_ceil(multiple) * multiple;
        let room = |side: u32| u32::try_from(most / u64::from(side.max(1))).unwrap_or(max).min(max);
        let sides = |largest: u32| (least..=largest).step_by(multiple as usize);
        let shown = |input: Size| {
            let content = Letterbox::new(frame, input).content;
            u64::from(content.width) * u64::from(content.height)
        };
        let within = sides(room(least)).flat_map(|w| sides(room(w)).map(move |h| Size::new(w, h)));
        let best = within.max_by_key(|input| {
            let (shown, area) = (shown(*input), u64::from(input.width) * u64::from(input.height));
            (shown * 20 >= area * 19, shown, std::cmp::Reverse(area))
        });
        best.unwrap_or(Size::new(least, least))
    }

    /// Whether the model can be compiled for inputs of `size`.
    pub fn allows(&self, size: Size) -> bool {
        match self.sizes {
            None => size == self.default_input() && size.width > 0 && size.height > 0,
            Some(SizeRange { multiple, min, max }) => {
                [size.width, size.height].iter().all(|s| (min..=max).contains(s) && s.is_multiple_of(multiple))
            }
        }
    }

    /// The files to load for `precision`: those stored in it; one width of floats is made from the other, integers from
    /// nothing else.
    pub fn files_for(&self, precision: Precision) -> Option<&Files> {
        let floats = [Precision::F32, Precision::F16].into_iter().filter(|_| precision != Precision::Int8);
        [precision].into_iter().chain(floats).find_map(|stored| self.files.get(&stored))
    }
}

impl FileSpec {
    /// SHA-256 of the file, or of the hashes of all its parts where its weights lie in others, in hexadecimal.
    pub fn hash_of_all(&self) -> String {
        if self.external.is_empty() {
            return self.sha256.clone();
        }
        let parts = std::iter::once(&self.sha256).chain(self.external.iter().map(|part| &part.sha256));
        text::hexadecimal(&Sha256::digest(parts.map(String::as_str).collect::<String>()))
    }

    /// The file itself, then those of its weights: the path of each and its hash.
    pub fn parts(&self) -> impl Iterator<Item = (&Path, &str)> {
        let external = self.external.iter().map(|part| (part.path.as_path(), part.sha256.as_str()));
        std::iter::once((self.path.as_path(), self.sha256.as_str())).chain(external)
    }

    fn check(&self) -> Result<(), String> {
        self.parts().try_for_each(|(path, sha256)| check_part(path, sha256))
    }
}

fn check_part(path: &Path, sha256: &str) -> Result<(), String> {
    let inside = path.components().all(|c| matches!(c, std::path::Component::Normal(_)));
    if !inside || path.as_os_str().is_empty() {
        return Err(format!("file `{}` must lie in the manifest's folder", path.display()));
    }
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    if sha256.len() != 64 || !sha256.chars().all(hex) {
        return Err(format!("file `{}`: `sha256` takes 64 lower-case hexadecimal digits", path.display()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_have_the_form_of_the_frames() {
        let models = include_str!("../../models/manifest.toml");
        let mut spec = Manifest::parse(Path::new("manifest.toml"), models).unwrap().models.remove(0);
        let rows = [
            ((640, 640), None, (256, 256)),
            ((854, 480), None, (352, 192)),
            ((1080, 1920), None, (192, 352)),
            ((640, 480), None, (288, 224)),
            ((2560, 1080), None, (384, 160)),
            ((1920, 1080), Some(512 * 288), (512, 288)),
            ((640, 480), Some(192 * 192), (224, 160)),
            ((640, 480), Some(1), (128, 128)),
        ];
        for ((w, h), pixels, input) in rows {
            let frame = Size::new(w, h);
            let found = spec.input_for(frame, pixels);
            assert_eq!((found.width, found.height), input, "{w}x{h}");
            assert!(spec.allows(found));
            let content = Letterbox::new(frame, found).content;
            assert!(pixels == Some(1) || content.area() * 20 >= found.area() * 19, "{w}x{h}: {content:?} of {found:?}");
        }
        spec.sizes = None;
        assert_eq!(spec.input_for(Size::new(854, 480), Some(1000)), spec.default_input());
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_manifest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(MANIFEST_FILE);
        let text = include_str!("../../fuzz/seeds/manifest/tiny.toml");
        std::fs::write(&path, format!("\u{feff}{text}")).unwrap();
        let models = Manifest::load(folder.path()).unwrap().models.len();
        assert_eq!(models, Manifest::parse(&path, text).unwrap().models.len());
        std::fs::write(&path, b"\xfe\xff\0m").unwrap();
        let reason = Manifest::load(folder.path()).unwrap_err().to_string();
        assert!(reason.contains("UTF-16") && reason.contains(MANIFEST_FILE), "{reason}");
    }
}
