//! Model families: one file each (with a folder beside it), and one row of [`FAMILIES`].
//!
//! The manifest's `family` key, `foveate models` and the messages about files that do not fit follow from the table; each
//! family has a page in `docs/model-families`. `docs/adding-a-model-family.md` shows how one is added.

mod foveate;
mod point_decoder;
mod sam;
mod signature;
mod transformers;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::conventions::{Conventions, Ranking};
use super::encoder::EncoderPart;
use super::part::Part;
use super::{Candidate, CompileFor, Decoder, Embedding, Prompt, check_origin, check_prompt, take_candidates};
use crate::engine::{Audit, OnnxModel};
use crate::error::{ModelError, TensorRole, nearest_name};
use crate::geometry::{Fit, Size};
use signature::Signature;

/// Every family. A name is a key of the manifest and never changes.
static FAMILIES: &[&dyn Family] = &[&foveate::Foveate, &sam::SAM, &transformers::TRANSFORMERS];

/// How the two graphs of a model fit together: what its files look like, how they are compiled, and how prompts reach the
/// decoder.
pub(super) trait Family: Sync {
    /// The manifest's `family` key.
    fn name(&self) -> &'static str;

    /// What it is, in one line.
    fn summary(&self) -> &'static str;

    /// Whether `file` has the names of this family's inputs and outputs, for a hint when it was taken for another's.
    /// Shapes are not compared: [`Self::load_encoder`] and [`Self::load_decoder`] do that and say what is wrong.
    fn recognizes(&self, part: Part, file: &OnnxModel) -> bool;

    /// What a file of this family must have, for the refusal of files that no family recognises.
    fn needs(&self, part: Part) -> Vec<Need>;

    /// How frames fill the input of this encoder, as far as its tensors tell.
    fn fit(&self, _encoder: &OnnxModel) -> Fit {
        Fit::Letterbox
    }

    /// The encoder's input where neither its file nor the user tells: as the family's models mostly have it.
    fn usual_input(&self, decoder: &OnnxModel) -> Size;

    /// Checks an encoder's signature and compiles it for images of `input` pixels.
    fn load_encoder(&self, file: &OnnxModel, input: Size, compile: &CompileFor) -> Result<EncoderPart, ModelError>;

    /// Checks a decoder's signature and compiles it for what `encoder` makes; `conventions` is what the manifest says beyond the
    /// files.
    fn load_decoder(
        &self,
        file: OnnxModel,
        encoder: &EncoderPart,
        conventions: &Conventions,
        compile: &CompileFor,
    ) -> Result<Box<dyn DecoderPart>, ModelError>;
}

/// A tensor that a family needs.
pub(super) struct Need {
    /// Whether it goes in or comes out.
    pub role: TensorRole,
    /// Its name and shape, for messages.
    pub what: String,
    /// Whether a tensor is it, by its name.
    pub is: Box<dyn Fn(&str) -> bool>,
}

impl Need {
    /// A tensor that has one of these names.
    fn named(role: TensorRole, names: &'static [&'static str], shape: &str) -> Need {
        let shown: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        Need { role, what: format!("{} {shape}", shown.join(" or ")), is: Box::new(|name| names.contains(&name)) }
    }
}

/// A compiled decoder.
pub(super) trait DecoderPart: fmt::Debug + Send + Sync {
    /// What really runs for a prompt of one point.
    fn audit(&self) -> &Audit;

    /// A decoder for one thread, of the model called `model`.
    fn decoder(&self, model: Arc<str>) -> Result<Box<dyn Decoder>, ModelError>;
}

/// One of the model families that foveate knows: in a manifest, its name.
#[derive(Clone, Copy)]
pub struct FamilyId(&'static dyn Family);

impl FamilyId {
    /// Every family, in the order of the table.
    pub fn all() -> impl Iterator<Item = FamilyId> {
        FAMILIES.iter().copied().map(FamilyId)
    }

    /// The manifest's `family` key.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// What the family is, in one line.
    pub fn summary(self) -> &'static str {
        self.0.summary()
    }

    /// What loads its files.
    pub(super) fn family(self) -> &'static dyn Family {
        self.0
    }

    /// Whether `file` has the names of this family's `part`.
    pub(super) fn recognizes(self, part: Part, file: &OnnxModel) -> bool {
        self.0.recognizes(part, file)
    }

    /// The family whose names `file` has, unless it is this one.
    pub(super) fn other_than(self, part: Part, file: &OnnxModel) -> Option<&'static str> {
        let other = Self::all().find(|family| family.0.recognizes(part, file))?;
        (other != self).then(|| other.name())
    }
}

impl std::str::FromStr for FamilyId {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::all().find(|family| family.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::all().map(Self::name).collect();
            let nearest = nearest_name(name, names.iter().copied());
            let hint = nearest.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default();
            format!("no model family is called `{name}`{hint}: there are {}", names.join(", "))
        })
    }
}

impl PartialEq for FamilyId {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for FamilyId {}

impl fmt::Debug for FamilyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FamilyId({})", self.name())
    }
}

impl fmt::Display for FamilyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for FamilyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for FamilyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        let names: Vec<&str> = FamilyId::all().map(FamilyId::name).collect();
        for (ix, name) in names.iter().enumerate() {
            assert!(!names[..ix].contains(name), "two families are called {name}");
            assert_eq!(name.parse::<FamilyId>().unwrap().name(), *name);
        }
        let unknown = "samm".parse::<FamilyId>().unwrap_err();
        assert!(unknown.contains("did you mean `sam`") && unknown.contains("foveate"), "{unknown}");
    }

    #[test]
    fn every_family_has_its_page() {
        let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/model-families");
        for family in FamilyId::all() {
            let page = std::fs::read_to_string(pages.join(format!("{family}.md")));
            assert!(page.is_ok_and(|text| text.contains(&format!("`{family}`"))), "docs/model-families/{family}.md");
        }
    }

    #[test]
    fn files_are_recognized_by_their_names() {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let kept = |family: FamilyId, kind: &str| match family.name() {
            "transformers" => format!("reference/models/transformers-sam2.{kind}.onnx"),
            name => format!("models/{name}_{kind}.onnx"),
        };
        for family in FamilyId::all() {
            for (part, kind) in [(Part::Encoder, "encoder"), (Part::Decoder, "decoder")] {
                let file = OnnxModel::open(tests.join(kept(family, kind)), Default::default()).unwrap();
                assert!(family.0.recognizes(part, &file), "{family} {kind}");
                for other in FamilyId::all() {
                    let expected = (other != family).then(|| family.name());
                    assert_eq!(other.other_than(part, &file), expected, "{family} {kind}, taken for {other}'s");
                }
            }
        }
    }
}
