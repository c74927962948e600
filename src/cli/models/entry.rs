use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::super::output::lossy;
use crate::error::{Error, ModelError};
use crate::model::{FileCheck, FileState, Installed, Location, Measured, MultiplyAdds, Part, SizeRange};

pub(super) fn first_fault(entries: &[Entry]) -> Option<ModelError> {
    entries.iter().flat_map(|e| &e.files).find_map(FileEntry::fault)
}

pub(super) fn entries(models: &[Installed]) -> Result<Vec<Entry<'_>>, Error> {
    models.iter().map(Entry::new).collect()
}

#[derive(Serialize)]
pub(super) struct Entries<'a> {
    pub models: Vec<Entry<'a>>,
}

/// The JSON form of one model.
#[derive(Serialize)]
pub(super) struct Entry<'a> {
    pub name: &'a str,
    pub family: &'static str,
    #[serde(skip)]
    pub family_summary: &'static str,
    pub description: &'a str,
    /// Width and height.
    pub input_size: [u32; 2],
    /// Which other input sizes it takes; `null` if none.
    pub input_sizes: Option<SizeRange>,
    pub licence: &'a str,
    pub source: &'a str,
    /// The folder of its files; `null` when they are in the program itself.
    pub folder: Option<String>,
    #[serde(skip)]
    pub location: &'a Location,
    pub files: Vec<FileEntry>,
    /// All of the model's files, each counted once.
    pub bytes: u64,
    /// `null` where they were not counted.
    pub multiply_adds: Option<MultiplyAdds>,
    /// What was measured when it was installed; `null` where nothing was.
    pub measured: Option<Measured>,
}

#[derive(Serialize)]
pub(super) struct FileEntry {
    pub precision: &'static str,
    pub part: Part,
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
    /// `null` when the file is missing.
    pub bytes: Option<u64>,
    /// What the manifest says.
    pub sha256: String,
    pub sha256_ok: bool,
    #[serde(flatten)]
    pub state: FileState,
}

impl<'a> Entry<'a> {
    pub fn new(installed: &'a Installed) -> Result<Entry<'a>, Error> {
        let spec = &installed.spec;
        let files: Vec<FileEntry> = installed.verify()?.into_iter().map(FileEntry::new).collect();
        let lengths: BTreeMap<&PathBuf, u64> = files.iter().filter_map(|f| Some((&f.path, f.bytes?))).collect();
        let bytes = lengths.values().sum();
        let measured = match installed.location.folder() {
            Some(folder) => Measured::load(folder, &spec.name)?,
            None => None,
        };
        Ok(Entry {
            name: &spec.name,
            family: spec.family.name(),
            family_summary: spec.family.summary(),
            description: &spec.description,
            input_size: spec.input,
            input_sizes: spec.sizes,
            licence: &spec.licence,
            source: &spec.source,
            folder: installed.location.folder().map(|folder| folder.display().to_string()),
            location: &installed.location,
            files,
            bytes,
            multiply_adds: spec.multiply_adds,
            measured,
        })
    }

    pub fn precisions(&self) -> String {
        let mut names: Vec<&str> = self.files.iter().map(|f| f.precision).collect();
        names.dedup();
        names.join(" ")
    }

    pub fn is_intact(&self) -> bool {
        self.files.iter().all(|f| f.sha256_ok)
    }
}

impl FileEntry {
    fn new(check: FileCheck) -> FileEntry {
        let FileCheck { precision, part, path, bytes, sha256, state, .. } = check;
        FileEntry {
            precision: precision.name(),
            part,
            bytes,
            sha256,
            sha256_ok: state == FileState::Intact,
            path,
            state,
        }
    }

    fn fault(&self) -> Option<ModelError> {
        self.state.fault(&self.path, &self.sha256)
    }

    pub fn state_name(&self) -> &'static str {
        match self.state {
            FileState::Intact => "ok",
            FileState::Missing => "missing",
            FileState::Altered { .. } => "altered",
        }
    }
}

/// Bytes for people.
pub(super) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Registry, sha256};

    /// A folder with two models; the second one's decoder is altered and its encoder missing.
    fn installed() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.onnx"), b"weights").unwrap();
        let good = sha256(&dir.path().join("a.onnx")).unwrap();
        let bad = "0".repeat(64);
        let model = |name: &str, encoder: &str, decoder_hash: &str| {
            format!(
                "[[model]]\nname = \"{name}\"\nfamily = \"foveate\"\ndescription = \"d\"\nlicence = \"MIT\"\n\
                 source = \"s\"\ninput = [64, 64]\nnormalization = {{ mean = [0.0, 0.0, 0.0], std = [1.0, 1.0, 1.0] }}\n\
                 files.f32.encoder = {{ path = \"{encoder}\", sha256 = \"{good}\" }}\n\
                 files.f32.decoder = {{ path = \"a.onnx\", sha256 = \"{decoder_hash}\" }}\n"
            )
        };
        let manifest = model("whole", "a.onnx", &good) + &model("broken", "none.onnx", &bad);
        std::fs::write(dir.path().join("manifest.toml"), manifest).unwrap();
        dir
    }

    #[test]
    fn the_state_of_every_file_is_reported() {
        let dir = installed();
        let registry = Registry::from_dirs(&[dir.path().to_owned()]).unwrap();
        let entries = entries(registry.list()).unwrap();
        assert!(entries[0].is_intact() && !entries[1].is_intact());
        assert_eq!((entries[0].bytes, entries[0].precisions().as_str()), (7, "f32"));

        let json = serde_json::to_value(Entries { models: entries }).unwrap();
        let files = |model: usize| &json["models"][model]["files"];
        assert_eq!(files(0)[0]["sha256_ok"], true);
        assert_eq!((&files(1)[0]["state"], &files(1)[0]["bytes"]), (&"missing".into(), &serde_json::Value::Null));
        assert_eq!((&files(1)[1]["state"], &files(1)[1]["sha256_ok"]), (&"altered".into(), &false.into()));
        assert_eq!(json["models"][0]["input_size"], serde_json::json!([64, 64]));
    }

    #[test]
    fn the_first_fault_is_the_models_error() {
        let dir = installed();
        let registry = Registry::from_dirs(&[dir.path().to_owned()]).unwrap();
        let mut entries = entries(registry.list()).unwrap();
        assert!(matches!(first_fault(&entries), Some(ModelError::MissingFile { .. })));
        entries[1].files.remove(0);
        assert!(matches!(first_fault(&entries), Some(ModelError::Checksum { .. })));
        assert!(first_fault(&entries[..1]).is_none());
    }

    #[test]
    fn users_see_what_is_wrong() {
        let dir = installed();
        let registry = Registry::from_dirs(&[dir.path().to_owned()]).unwrap();
        let entries = entries(registry.list()).unwrap();
        let list = super::super::list::table(&entries, &[]);
        assert!(list.lines().any(|l| l.starts_with("broken") && l.contains("BAD")), "{list}");
        let show = super::super::show::details(&entries[1]);
        for word in ["missing", "altered", "none.onnx", "MIT"] {
            assert!(show.contains(word), "{show}");
        }
    }
}
