use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::load::{LoadedModel, ModelOptions};
use super::manifest::{FileSpec, MANIFEST_FILE, Manifest, ModelSpec, Part};
use crate::engine::Precision;
use crate::error::{Error, IoError, ModelError, nearest_name};

/// Environment variable with the folder of the bundled models.
pub const MODELS_VARIABLE: &str = "FOVEATE_MODELS";

/// A model that is installed: its entry in a manifest, and the folder that its files are in.
#[derive(Clone, Debug, PartialEq)]
pub struct Installed {
    pub spec: ModelSpec,
    pub dir: PathBuf,
}

/// The state of one file of a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FileCheck {
    pub model: String,
    pub precision: Precision,
    pub part: Part,
    pub path: PathBuf,
    #[serde(flatten)]
    pub state: FileState,
}

/// What a file was found to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "state")]
pub enum FileState {
    /// Its SHA-256 is the manifest's.
    Intact,
    Missing,
    /// Its SHA-256 is another.
    Altered {
        found: String,
    },
}

/// The installed models: the bundled ones and the user's own.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    models: Vec<Installed>,
    searched: Vec<PathBuf>,
}

impl Registry {
    /// The models of the bundled folder and of [`user_dir`]. The bundled folder is the first that there is of: `given`,
    /// the environment variable [`MODELS_VARIABLE`], `models` beside the executable, `share/foveate/models` beside the
    /// executable's folder, `models` in the working directory. A bundled model hides a user's model of the same name.
    ///
    /// # Errors
    /// If a manifest cannot be read, or a folder that was named (`given` or by the variable) has none.
    pub fn discover(given: Option<&Path>) -> Result<Self, Error> {
        let named = given.map(Path::to_path_buf).or_else(|| std::env::var_os(MODELS_VARIABLE).map(PathBuf::from));
        let mut dirs = match named {
            Some(dir) => vec![dir],
            None => bundled_candidates().into_iter().filter(|d| d.join(MANIFEST_FILE).is_file()).take(1).collect(),
        };
        dirs.extend(user_dir().filter(|d| d.join(MANIFEST_FILE).is_file()));
        let mut registry = Self::from_dirs(&dirs)?;
        if registry.searched.is_empty() {
            registry.searched = bundled_candidates();
        }
        Ok(registry)
    }

    /// The models of the given folders; where two have the same name, the earlier folder's.
    ///
    /// # Errors
    /// As [`Manifest::load`].
    pub fn from_dirs(dirs: &[PathBuf]) -> Result<Self, Error> {
        let mut registry = Registry { models: Vec::new(), searched: dirs.to_vec() };
        for dir in dirs {
            for spec in Manifest::load(dir)?.models {
                if registry.find(&spec.name).is_none() {
                    registry.models.push(Installed { spec, dir: dir.clone() });
                }
            }
        }
        Ok(registry)
    }

    /// Every model, in the order of the manifests; the first is the default.
    pub fn list(&self) -> &[Installed] {
        &self.models
    }

    /// Folders that were read, or where nothing is installed, those that were looked into.
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

    /// Loads the model called `name`.
    ///
    /// # Errors
    /// As [`Self::get`] and [`LoadedModel::load`].
    pub fn load(&self, name: &str, options: &ModelOptions) -> Result<LoadedModel, Error> {
        let Installed { spec, dir } = self.get(name)?;
        LoadedModel::load(spec, dir, options)
    }

    /// Compares every file of every model with its hash.
    ///
    /// # Errors
    /// [`IoError`] if a file that is there cannot be read.
    pub fn verify(&self) -> Result<Vec<FileCheck>, Error> {
        let mut checks = Vec::new();
        for model in &self.models {
            checks.extend(model.verify()?);
        }
        Ok(checks)
    }
}

impl Installed {
    /// Compares every file of the model with its hash.
    ///
    /// # Errors
    /// [`IoError`] if a file that is there cannot be read.
    pub fn verify(&self) -> Result<Vec<FileCheck>, Error> {
        let mut checks = Vec::new();
        for (precision, files) in &self.spec.files {
            for (part, file) in [(Part::Encoder, &files.encoder), (Part::Decoder, &files.decoder)] {
                let path = self.dir.join(&file.path);
                let state = state_of(&path, file)?;
                checks.push(FileCheck { model: self.spec.name.clone(), precision: *precision, part, path, state });
            }
        }
        Ok(checks)
    }
}

fn state_of(path: &Path, file: &FileSpec) -> Result<FileState, Error> {
    if !path.is_file() {
        return Ok(FileState::Missing);
    }
    let found = sha256(path)?;
    Ok(if found == file.sha256 { FileState::Intact } else { FileState::Altered { found } })
}

/// The SHA-256 of a file in lower-case hexadecimal digits.
///
/// # Errors
/// [`IoError`].
pub fn sha256(path: &Path) -> Result<String, IoError> {
    let mut file = std::fs::File::open(path).map_err(IoError::when("read", path))?;
    let mut hash = Sha256::new();
    let mut block = vec![0u8; 1 << 16];
    loop {
        match file.read(&mut block).map_err(IoError::when("read", path))? {
            0 => break,
            n => hash.update(&block[..n]),
        }
    }
    Ok(hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
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
