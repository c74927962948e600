//! `foveate models`: what is installed, and whether it is whole.

use std::path::PathBuf;

use serde::Serialize;

use crate::error::{Error, ModelError};
use crate::model::{FileCheck, FileState, Installed, Location, Part, Registry, SizeRange};

use super::output::{lossy, print, print_json};

/// See which models are installed, and check their files.
#[derive(Debug, clap::Args)]
pub struct ModelsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// One line for each model; the first is the default
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Everything that is known of one model
    Show {
        /// A name that `foveate models list` shows
        name: String,
        #[command(flatten)]
        common: Common,
    },
    /// Compare every file's SHA-256 with the manifest; exit code 4 when one is altered or missing
    Verify {
        /// Only this model; every installed one unless given
        name: Option<String>,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, clap::Args)]
struct Common {
    /// The folder with manifest.toml and the model files, instead of the bundled one
    #[arg(long, value_name = "DIR")]
    models_dir: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: ModelsArgs) -> anyhow::Result<()> {
    match args.action {
        Action::List { common } => {
            let registry = Registry::discover(common.models_dir.as_deref())?;
            let entries = entries(registry.list())?;
            if entries.is_empty() {
                let searched: Vec<_> = registry.searched().iter().map(|d| d.display().to_string()).collect();
                tracing::warn!("no models: looked for a manifest.toml in {}", searched.join(", "));
            }
            if common.json { print_json(&Entries { models: entries }) } else { print(&table(&entries)) }
        }
        Action::Show { name, common } => {
            let registry = Registry::discover(common.models_dir.as_deref())?;
            let entry = Entry::new(registry.get(&name)?)?;
            if common.json { print_json(&entry) } else { print(&details(&entry)) }
        }
        Action::Verify { name, common } => {
            let registry = Registry::discover(common.models_dir.as_deref())?;
            let entries = match name {
                Some(name) => vec![Entry::new(registry.get(&name)?)?],
                None => entries(registry.list())?,
            };
            let fault = first_fault(&entries);
            if common.json {
                print_json(&Entries { models: entries })?;
            } else {
                print(&findings(&entries))?;
            }
            fault.map_or(Ok(()), |fault| Err(Error::from(fault).into()))
        }
    }
}

fn first_fault(entries: &[Entry]) -> Option<ModelError> {
    entries.iter().flat_map(|e| &e.files).find_map(FileEntry::fault)
}

fn entries(models: &[Installed]) -> Result<Vec<Entry<'_>>, Error> {
    models.iter().map(Entry::new).collect()
}

#[derive(Serialize)]
struct Entries<'a> {
    models: Vec<Entry<'a>>,
}

/// The JSON form of one model.
#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    family: &'static str,
    #[serde(skip)]
    family_summary: &'static str,
    description: &'a str,
    /// Width and height.
    input_size: [u32; 2],
    /// Which other input sizes it takes; `null` if none.
    input_sizes: Option<SizeRange>,
    licence: &'a str,
    source: &'a str,
    /// The folder of its files; `null` when they are in the program itself.
    folder: Option<String>,
    #[serde(skip)]
    location: &'a Location,
    files: Vec<FileEntry>,
}

#[derive(Serialize)]
struct FileEntry {
    precision: &'static str,
    part: Part,
    #[serde(serialize_with = "lossy")]
    path: PathBuf,
    /// `null` when the file is missing.
    bytes: Option<u64>,
    /// What the manifest says.
    sha256: String,
    sha256_ok: bool,
    #[serde(flatten)]
    state: FileState,
}

impl<'a> Entry<'a> {
    fn new(installed: &'a Installed) -> Result<Entry<'a>, Error> {
        let spec = &installed.spec;
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
            files: installed.verify()?.into_iter().map(FileEntry::new).collect(),
        })
    }

    fn precisions(&self) -> String {
        let mut names: Vec<&str> = self.files.iter().map(|f| f.precision).collect();
        names.dedup();
        names.join(" ")
    }

    /// Bytes of the first precision's files, as they are on disk.
    fn bytes(&self) -> u64 {
        let first = self.files.first().map(|f| f.precision);
        self.files.iter().filter(|f| Some(f.precision) == first).filter_map(|f| f.bytes).sum()
    }

    fn is_intact(&self) -> bool {
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
        let path = self.path.clone();
        match &self.state {
            FileState::Intact => None,
            FileState::Missing => Some(ModelError::MissingFile { path }),
            FileState::Altered { found } => {
                Some(ModelError::Checksum { path, expected: self.sha256.clone(), found: found.clone() })
            }
        }
    }

    fn state_name(&self) -> &'static str {
        match self.state {
            FileState::Intact => "ok",
            FileState::Missing => "missing",
            FileState::Altered { .. } => "altered",
        }
    }
}

fn table(entries: &[Entry]) -> String {
    let width = entries.iter().map(|e| e.name.len()).chain([4]).max().unwrap_or(4);
    let mut text = format!(
        "{:<width$}  {:<8} {:>9}  {:<10} {:>8}  {:<5}  {}\n",
        "name", "family", "input", "precision", "MB", "files", "description"
    );
    for e in entries {
        let [w, h] = e.input_size;
        text.push_str(&format!(
            "{:<width$}  {:<8} {:>9}  {:<10} {:>8.2}  {:<5}  {}\n",
            e.name,
            e.family,
            format!("{w}x{h}"),
            e.precisions(),
            megabytes(e.bytes()),
            if e.is_intact() { "ok" } else { "BAD" },
            e.description,
        ));
    }
    text
}

fn details(e: &Entry) -> String {
    let [w, h] = e.input_size;
    let sizes = e.input_sizes.map_or("no other".to_owned(), |s| {
        format!("sides of {} to {} that are multiples of {}", s.min, s.max, s.multiple)
    });
    format!(
        "{}: {}\n  family      {} ({})\n  input       {w}x{h} ({sizes})\n  licence     {}\n  source      {}\n  folder      {}\n{}",
        e.name,
        e.description,
        e.family,
        e.family_summary,
        e.licence,
        e.source,
        e.location,
        findings(std::slice::from_ref(e)),
    )
}

fn findings(entries: &[Entry]) -> String {
    let mut text = String::new();
    for file in entries.iter().flat_map(|e| &e.files) {
        let size = file.bytes.map_or("-".to_owned(), |b| format!("{:.2} MB", megabytes(b)));
        text.push_str(&format!(
            "  {:<8} {} {:>10}  {}  {}\n",
            file.state_name(),
            file.precision,
            size,
            file.path.display(),
            file.sha256
        ));
    }
    text
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sha256;

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
        assert_eq!((entries[0].bytes(), entries[0].precisions().as_str()), (14, "f32"));

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
        let list = table(&entries);
        assert!(list.lines().any(|l| l.starts_with("broken") && l.contains("BAD")), "{list}");
        let show = details(&entries[1]);
        for word in ["missing", "altered", "none.onnx", "MIT"] {
            assert!(show.contains(word), "{show}");
        }
    }
}
