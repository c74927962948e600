use std::path::Path;

use serde::Deserialize;

use super::conventions::Ranking;
use super::family::FamilyId;
use super::manifest::NormalizationSpec;
use crate::download::Pin;
use crate::error::ModelError;
use crate::text;

/// A public model that can be fetched by its name.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueEntry {
    /// What it is pulled and installed as.
    pub name: String,
    /// How its two graphs fit together.
    pub family: FamilyId,
    /// One line.
    pub description: String,
    /// SPDX expression, or the licence's name.
    pub licence: String,
    /// What the licence forbids, where users have to agree first.
    pub terms: Option<String>,
    /// Who made it, and where the files are from.
    pub source: String,
    /// What its masks are rated by.
    #[serde(default)]
    pub ranking: Ranking,
    /// What its encoder expects of its pixels.
    pub normalization: NormalizationSpec,
    /// The encoder's file.
    pub encoder: CatalogueFile,
    /// The decoder's file.
    pub decoder: CatalogueFile,
}

/// A public file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueFile {
    /// Where it is fetched.
    pub address: String,
    /// What it must be.
    pub pin: Pin,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    #[serde(rename = "model")]
    models: Vec<CatalogueEntry>,
}

/// The models that this program knows where to fetch.
///
/// # Errors
/// [`ModelError::Manifest`] if it was built with a catalogue that is wrong.
pub fn catalogue() -> Result<Vec<CatalogueEntry>, ModelError> {
    let text = text::without_mark(include_str!("catalogue.toml"));
    let wrong = |error: toml::de::Error| ModelError::Manifest {
        path: Path::new("built-in/catalogue.toml").into(),
        reason: error.to_string().trim().replace('\n', " "),
    };
    Ok(toml::from_str::<Catalogue>(text).map_err(wrong)?.models)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::check_name;

    #[test]
    fn every_file_has_an_address_and_a_hash() {
        let entries = catalogue().unwrap();
        assert!(entries.len() >= 2);
        for (ix, entry) in entries.iter().enumerate() {
            check_name(&entry.name).unwrap();
            assert!(entries[..ix].iter().all(|other| other.name != entry.name), "{} twice", entry.name);
            for file in [&entry.encoder, &entry.decoder] {
                assert!(file.address.starts_with("https://"), "{}", file.address);
                let digits = |hash: &Option<String>, count| {
                    hash.as_ref().is_none_or(|h| h.len() == count && h.bytes().all(|b| b.is_ascii_hexdigit()))
                };
                assert!(file.pin.sha256.is_some() || file.pin.git_blob.is_some(), "{}", entry.name);
                assert!(digits(&file.pin.sha256, 64) && digits(&file.pin.git_blob, 40), "{}", entry.name);
            }
            assert_eq!(entry.terms.is_some(), entry.licence.contains("non-commercial"), "{}", entry.name);
        }
    }
}
