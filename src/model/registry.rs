use std::path::{Path, PathBuf};

use serde::Serialize;

use super::bundled;
use super::location::{FileState, Location};
use super::manifest::{MANIFEST_FILE, Manifest, ModelSpec};
use super::part::Part;
use crate::engine::Precision;
use crate::error::{Error, ModelError, nearest_name};
use crate::picture::is_hidden;

/// Environment variable with the folder of the bundled models.
pub const MODELS_VARIABLE: &str = "FOVEATE_MODELS";

/// A model that is installed: its entry in a manifest, and where its files are.
#[derive(Clone, Debug, PartialEq)]
pub struct Installed {
    /// The manifest's entry.
    pub spec: ModelSpec,
    /// Where the entry's files are.
    pub location: Location,
}

/// The state of one file of a model; one whose weights lie beside it is several.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FileCheck {
    /// Name of the model.
    pub model: String,
    /// What the file is stored in.
    pub precision: Precision,
    /// Which of the two graphs it holds.
    pub part: Part,
    /// See [`Location::path`].
    pub path: PathBuf,
    /// Its length; `None` if it is missing.
    pub bytes: Option<u64>,
    /// The SHA-256 that the manifest gives.
    pub sha256: String,
    /// Whether it is what the manifest says.
    #[serde(flatten)]
    pub state: FileState,
}

/// The installed models: the bundled ones and the user's own.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    models: Vec<Installed>,
    searched: Vec<PathBuf>,
}

impl Registry {
    /// The bundled models and those of [`user_dir`]. A folder of models has a manifest, or folders with a manifest each, as
    /// `foveate models add` makes them, or both. The bundled ones are those of the first folder that there is of:
    /// `given`, the environment variable [`MODELS_VARIABLE`], `models` beside the executable, `share/foveate/models` beside
    /// the executable's folder, `models` in the working directory. Without any, it is the model in the program itself, if it
    /// was built with the feature `bundled-model`. A bundled model hides a user's model of the same name.
    ///
    /// # Errors
    /// If a manifest cannot be read, or a folder that was named (`given` or by the variable) has none.
    pub fn discover(given: Option<&Path>) -> Result<Self, Error> {
        let named = given.map(Path::to_path_buf).or_else(|| std::env::var_os(MODELS_VARIABLE).map(PathBuf::from));
        // A folder `models` of the working directory may be another program's, and its folders have manifests of theirs.
        let found = || bundled_candidates().into_iter().find(|dir| dir.join(MANIFEST_FILE).is_file());
        let mut registry = Registry::default();
        match named.or_else(found) {
            Some(dir) => registry.add_folder(dir)?,
            None => registry.add(bundled::models()?, &Location::BuiltIn),
        }
        if let Some(dir) = user_dir().filter(|dir| holds_models(dir)) {
            registry.add_folder(dir)?;
        }
        if registry.searched.is_empty() {
            registry.searched = bundled_candidates();
        }
        Ok(registry)
    }

    /// The model in the program itself, or none if it was built without the feature `bundled-model`.
    ///
    /// # Errors
    /// [`ModelError::Manifest`] if it was built with a manifest that is wrong.
    pub fn built_in() -> Result<Self, Error> {
        let mut registry = Registry::default();
        registry.add(bundled::models()?, &Location::BuiltIn);
        Ok(registry)
    }

    /// The models of the given folders; where two have the same name, the earlier folder's.
    ///
    /// # Errors
    /// As [`Manifest::load`].
    pub fn from_dirs(dirs: &[PathBuf]) -> Result<Self, Error> {
        let mut registry = Registry::default();
        dirs.iter().try_for_each(|dir| registry.add_folder(dir.clone()))?;
        Ok(registry)
    }

    fn add_folder(&mut self, dir: PathBuf) -> Result<(), Error> {
        let own = model_folders(&dir);
        // Where there is nothing at all, the error is that of the missing manifest.
        if own.is_empty() || dir.join(MANIFEST_FILE).is_file() {
            self.add(Manifest::load(&dir)?.models, &Location::Folder(dir.clone()));
        }
        for folder in own {
            self.add(Manifest::load(&folder)?.models, &Location::Folder(folder));
        }
        self.searched.push(dir);
        Ok(())
    }

    /// Adds those whose names are not taken.
    fn add(&mut self, models: Vec<ModelSpec>, location: &Location) {
        for spec in models {
            if self.find(&spec.name).is_none() {
                self.models.push(Installed { spec, location: location.clone() });
            }
        }
    }

    /// Every model, in the order of the manifests; the first is the default.
    pub fn list(&self) -> &[Installed] {
        &self.models
    }

    /// Folders that were read, or where none was, those that were looked for.
    pub fn searched(&self) -> &[PathBuf] {
        &self.searched
    }

    /// The model called `name`.
    ///
    /// # Errors
    /// [`ModelError::Unknown`] with the name that was perhaps meant.
    pub fn get(&self, name: &str) -> Result<&Installed, ModelError> {
        self.find(name).ok_or_else(|| ModelError::Unknown {
            name: name.into(),
            nearest: nearest_name(name, self.models.iter().map(|m| m.spec.name.as_str())),
        })
    }

    fn find(&self, name: &str) -> Option<&Installed> {
        self.models.iter().find(|m| m.spec.name == name)
    }

    /// Compares every file of every model with its hash.
    ///
    /// # Errors
    /// [`IoError`](crate::error::IoError) if a file that is there cannot be read.
    pub fn verify(&self) -> Result<Vec<FileCheck>, Error> {
        let mut checks = Vec::new();
        for model in &self.models {
            checks.extend(model.verify()?);
        }
        Ok(checks)
    }
}

impl Installed {
    /// An entry whose files are in the folder `dir`.
    pub fn in_folder(spec: ModelSpec, dir: impl Into<PathBuf>) -> Self {
        Installed { spec, location: Location::Folder(dir.into()) }
    }

    /// Compares every file of the model with its hash.
    ///
    /// # Errors
    /// [`IoError`](crate::error::IoError) if a file that is there cannot be read.
    pub fn verify(&self) -> Result<Vec<FileCheck>, Error> {
        let mut checks = Vec::new();
        for (precision, files) in &self.spec.files {
            for (part, file) in [(Part::Encoder, &files.encoder), (Part::Decoder, &files.decoder)] {
                for (path, sha256) in file.parts() {
                    let state = self.location.state(path, sha256)?;
                    let (bytes, path) = (self.location.bytes(path), self.location.path(path));
                    let (model, sha256) = (self.spec.name.clone(), sha256.to_owned());
                    checks.push(FileCheck { model, precision: *precision, part, path, bytes, sha256, state });
                }
            }
        }
        Ok(checks)
    }

    /// Refuses a model of which a file is missing or is not what the manifest says.
    ///
    /// # Errors
    /// [`ModelError::MissingFile`], [`ModelError::Checksum`], and as [`Self::verify`].
    pub fn check_files(&self) -> Result<(), Error> {
        self.verify()?.iter().try_for_each(|check| check.fault().map_or(Ok(()), |fault| Err(fault.into())))
    }
}

impl FileCheck {
    /// What is wrong with the file, if anything is.
    pub fn fault(&self) -> Option<ModelError> {
        self.state.fault(&self.path, &self.sha256)
    }
}

/// Whether `dir` is a folder of models.
pub fn holds_models(dir: &Path) -> bool {
    dir.join(MANIFEST_FILE).is_file() || !model_folders(dir).is_empty()
}

/// The folders in `dir` that have a manifest of their own, by name. Hidden ones are not finished.
fn model_folders(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| !is_hidden(path) && path.join(MANIFEST_FILE).is_file())
        .collect();
    folders.sort();
    folders
}

fn bundled_candidates() -> Vec<PathBuf> {
    let mut dirs = Vec::new();
    if let Some(beside) = std::env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_path_buf)) {
        dirs.push(beside.join("models"));
        dirs.extend(beside.parent().map(|prefix| prefix.join("share/foveate/models")));
    }
    dirs.push(PathBuf::from("models"));
    dirs
}

/// The folder of the user's own models: `foveate/models` in `$XDG_DATA_HOME`, or in `~/.local/share`.
pub fn user_dir() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")))?;
    Some(data.join("foveate/models"))
}
