//! A model is installed in a hidden folder beside its place, and that folder gets the model's name when all of it is there and
//! proven: by one rename, so that there is the whole model or none.

mod exchange;
mod name;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::manifest::{ExternalSpec, FileSpec, MANIFEST_FILE, Manifest, ModelSpec};
use super::measured::{MEASURED_FILE, Measured};
use super::part::Part;
use super::registry::Registry;
use crate::engine::{Limits, OnnxModel};
use crate::error::{Error, InstallError, IoError, ModelError};
use crate::output::claim_folder;
use crate::text::hexadecimal;
use exchange::exchange;
pub use name::check_name;
use sha2::{Digest, Sha256};

/// How the names of folders end that are not finished.
const PARTIAL: &str = ".partial";
/// How the names of folders end that a new one takes the place of.
const REPLACED: &str = ".replaced";

/// A model that is being installed. Dropped without [`Self::commit`], nothing of it is left.
#[derive(Debug)]
pub struct Staging {
    /// The folder of models.
    models: PathBuf,
    name: String,
    /// Where the files are meanwhile.
    folder: PathBuf,
    /// It may take the place of another of its name.
    replace: bool,
    /// The folder of models was not there.
    made_models: bool,
    /// One program installs at a time.
    _claim: Option<File>,
}

impl Staging {
    /// Begins to install the model `name` in the folder `models`, which is made if it is missing. With `replace` it may take the place of
    /// one that was installed there; `registry` has the models that are seen beside those of the folder.
    ///
    /// # Errors
    /// [`InstallError`] for a name that is none or is taken; [`IoError`].
    pub fn begin(models: &Path, name: &str, replace: bool, registry: &Registry) -> Result<Self, Error> {
        check_name(name)?;
        check_free(models, name, replace, registry)?;
        let made_models = !models.exists();
        fs::create_dir_all(models).map_err(IoError::when("create", models))?;
        let claim = claim_folder(models).map_err(IoError::when("write", models))?;
        if claim.is_some() {
            clear_leftovers(models);
        }
        let folder = models.join(format!(".{name}.{}{PARTIAL}", std::process::id()));
        let staging = Staging { models: models.into(), name: name.into(), folder, replace, made_models, _claim: claim };
        fs::create_dir(&staging.folder).map_err(IoError::when("create", &staging.folder))?;
        Ok(staging)
    }

    /// Where the model's files are until it is installed.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the model will be.
    pub fn place(&self) -> PathBuf {
        self.models.join(&self.name)
    }

    /// Copies the file at `source` and those beside it that hold its weights, and reads it under the usual limits.
    ///
    /// # Errors
    /// As [`OnnxModel::open`], and [`IoError`] if a copy cannot be written.
    pub fn copy(&self, part: Part, source: &Path) -> Result<(FileSpec, OnnxModel), Error> {
        let limits = Limits::default();
        // Opening a pipe would wait for a writer.
        if !fs::metadata(source).map_err(IoError::when("read", source))?.is_file() {
            return Err(ModelError::Unreadable { path: source.into(), reason: "it is no file".into() }.into());
        }
        let bytes = OnnxModel::read(source, &limits)?;
        let beside = source.parent().unwrap_or(Path::new(""));
        let mut external = Vec::new();
        let read = |location: &Path, most| {
            let bytes = OnnxModel::read_beside(beside, location, most)?;
            let path = Path::new(part.name()).join(location);
            let sha256 = self.write(&path, &bytes)?;
            external.push(ExternalSpec { path, sha256, bytes: Some(bytes.len() as u64), address: None });
            Ok(bytes)
        };
        let model = OnnxModel::from_parts(source, &bytes, read, limits)?;
        let mut path = PathBuf::from(format!("{}.onnx", part.name()));
        if !external.is_empty() {
            path = Path::new(part.name()).join(path);
        }
        while external.iter().any(|other| other.path == path) {
            path.set_extension("graph.onnx");
        }
        let sha256 = self.write(&path, &bytes)?;
        let spec = FileSpec { path, sha256, bytes: Some(bytes.len() as u64), address: None, external };
        Ok((spec, model))
    }

    /// The entry of a manifest for a file that was made in [`Self::folder`].
    ///
    /// # Errors
    /// [`IoError`].
    pub fn made(&self, file: &str) -> Result<FileSpec, IoError> {
        let path = self.folder.join(file);
        let bytes = fs::metadata(&path).map_err(IoError::when("read", &path))?.len();
        let sha256 = super::sha256(&path)?;
        Ok(FileSpec { path: file.into(), sha256, bytes: Some(bytes), address: None, external: Vec::new() })
    }

    /// Writes the manifest and what was measured, and holds every file against it.
    ///
    /// # Errors
    /// [`IoError`]; [`ModelError`] for an entry that is wrong, or a file that changed meanwhile.
    pub fn describe(&self, spec: ModelSpec, measured: &Measured) -> Result<(), Error> {
        let wrong = |file: &str, reason: String| ModelError::Manifest { path: self.folder.join(file), reason };
        let manifest = Manifest { models: vec![spec] };
        let text = toml::to_string(&manifest).map_err(|error| wrong(MANIFEST_FILE, error.to_string()))?;
        let text = format!("# Written by `foveate models`; docs/adding-a-model.md describes every key.\n{text}");
        self.write(Path::new(MANIFEST_FILE), text.as_bytes())?;
        let text = toml::to_string(measured).map_err(|error| wrong(MEASURED_FILE, error.to_string()))?;
        let text = format!("# What was measured when the model was installed; it may be deleted.\n{text}");
        self.write(Path::new(MEASURED_FILE), text.as_bytes())?;
        let registry = Registry::from_dirs(std::slice::from_ref(&self.folder))?;
        for model in registry.list() {
            model.check_files()?;
        }
        Ok(())
    }

    /// Gives the folder its name. What it takes the place of is kept until then, and removed.
    ///
    /// # Errors
    /// [`IoError`] if it cannot be renamed; the old model is then still there.
    pub fn commit(mut self) -> Result<PathBuf, Error> {
        let place = self.place();
        if place.exists() && !self.replace {
            let (name, place) = (self.name.clone(), place.display().to_string());
            return Err(InstallError::Exists { name, place, remedy: "it came meanwhile: choose another name" }.into());
        }
        if place.exists() {
            unmixed(&place, &self.name)?;
        }
        let aside = self.models.join(format!(".{}{REPLACED}", self.name));
        let replaced = if place.exists() { Some(exchange(&self.folder, &place, &aside)) } else { None };
        match replaced {
            Some(old) => {
                // The new model is in place; what is left of the old one is removed by the next run.
                let _ = fs::remove_dir_all(old.map_err(IoError::when("write", &place))?);
            }
            None => fs::rename(&self.folder, &place).map_err(IoError::when("write", &place))?,
        }
        self.made_models = false;
        Ok(place)
    }

    /// Writes a file of the folder and gives its SHA-256.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<String, IoError> {
        let path = self.folder.join(path);
        let failed = || IoError::when("write", &path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(IoError::when("create", folder))?;
        }
        let mut file = File::create(&path).map_err(failed())?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed())?;
        Ok(hexadecimal(&Sha256::digest(bytes)))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // After a commit there is none; what cannot be removed is removed by the next run.
        let _ = fs::remove_dir_all(&self.folder);
        if self.made_models {
            let _ = fs::remove_dir(&self.models);
        }
    }
}

/// Refuses a name that is taken.
fn check_free(models: &Path, name: &str, replace: bool, registry: &Registry) -> Result<(), InstallError> {
    let place = models.join(name);
    let exists = |place: String, remedy| InstallError::Exists { name: name.into(), place, remedy };
    if let Ok(found) = registry.get(name)
        && found.location.folder() != Some(&place)
    {
        let remedy = match found.location.folder() {
            Some(folder) if folder == models => "choose another name, or take it out of that manifest, which is yours",
            _ => "choose another name, because that one would hide it",
        };
        return Err(exists(found.location.to_string(), remedy));
    }
    let Ok(about) = fs::symlink_metadata(&place) else { return Ok(()) };
    if !replace {
        return Err(exists(place.display().to_string(), "choose another name, or give --replace"));
    }
    let occupied = |path: &Path, reason| InstallError::Occupied { path: path.into(), reason };
    if about.is_dir() { unmixed(&place, name) } else { Err(occupied(&place, "it is no folder of a model")) }
}

/// Refuses the folder of another model, or one that holds what is no part of its model.
fn unmixed(place: &Path, name: &str) -> Result<(), InstallError> {
    let occupied = |path: &Path, reason| InstallError::Occupied { path: path.into(), reason };
    let manifest = Manifest::load(place).map_err(|_| occupied(place, "it has no manifest that can be read"))?;
    let [model] = manifest.models.as_slice() else {
        return Err(occupied(place, "it is the folder of several models"));
    };
    if model.name != name {
        return Err(occupied(place, "it is the folder of another model"));
    }
    let files = model.files.values().flat_map(|files| [&files.encoder, &files.decoder]).flat_map(FileSpec::parts);
    let mut known: Vec<PathBuf> = files.map(|(path, _)| place.join(path)).collect();
    known.extend([MANIFEST_FILE, MEASURED_FILE, Staging::PROOF].map(|file| place.join(file)));
    match strangers(place, &known).into_iter().next() {
        Some(stranger) => Err(occupied(&stranger, "it lies in the model's folder and is no part of the model")),
        None => Ok(()),
    }
}

impl Staging {
    /// The photo with the mask of the proof.
    pub const PROOF: &str = "proof.png";
}

/// What lies in `folder` and is none of the files `known`.
fn strangers(folder: &Path, known: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let leads_on = known.iter().any(|file| *file != path && file.starts_with(&path));
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) && leads_on {
            found.extend(strangers(&path, known));
        } else if !known.contains(&path) {
            found.push(path);
        }
    }
    found
}

/// Removes what programs that were killed have left, and puts back what one was about to replace.
fn clear_leftovers(models: &Path) {
    for entry in fs::read_dir(models).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let Some(name) = name.to_str().and_then(|name| name.strip_prefix('.')) else { continue };
        // Others' hidden files are none of ours, whatever their names end with.
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if let Some(replaced) = name.strip_suffix(REPLACED).filter(|name| check_name(name).is_ok()) {
            let place = models.join(replaced);
            // Of an exchange that ended between its two renames.
            if place.exists() && is_ours(&path) {
                let _ = fs::remove_dir_all(&path);
            } else if !place.exists() && path.join(MANIFEST_FILE).is_file() {
                let _ = fs::rename(&path, &place);
            }
        } else if partial(name) && is_ours(&path) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Whether a folder holds a model, or what was made of one when it was cut off: files of the kinds that are installed, one of them
/// a manifest or a graph, or nothing at all.
fn is_ours(folder: &Path) -> bool {
    let mut names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.all(|name| {
        let name = Path::new(&name);
        let kind = name.extension().and_then(|kind| kind.to_str());
        matches!(kind, Some("onnx" | "toml" | "png"))
            || [Part::Encoder, Part::Decoder].iter().any(|part| name == Path::new(part.name()))
    })
}

/// Whether a folder's name, without its dot, is one that [`Staging::begin`] gives.
fn partial(name: &str) -> bool {
    let own = name.strip_suffix(PARTIAL).and_then(|name| name.rsplit_once('.'));
    own.is_some_and(|(name, process)| check_name(name).is_ok() && process.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests;
