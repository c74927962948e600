use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::bundled;
use super::manifest::FileSpec;
use crate::engine::{Limits, OnnxModel};
use crate::error::{Error, IoError, ModelError};
use crate::text::hexadecimal;

/// Where the files of a model are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In this folder.
    Folder(PathBuf),
    /// In the program itself, as the feature `bundled-model` puts them there.
    BuiltIn,
}

/// What a file was found to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "state")]
pub enum FileState {
    /// Its SHA-256 is the manifest's.
    Intact,
    /// There is no such file.
    Missing,
    /// Its SHA-256 is another.
    Altered {
        /// Its SHA-256 in lower-case hexadecimal digits.
        found: String,
    },
}

impl FileState {
    /// What is wrong with the file at `path` whose SHA-256 should be `expected`, if anything is.
    pub fn fault(&self, path: &Path, expected: &str) -> Option<ModelError> {
        let path = path.to_path_buf();
        match self {
            FileState::Intact => None,
            FileState::Missing => Some(ModelError::MissingFile { path }),
            FileState::Altered { found } => {
                Some(ModelError::Checksum { path, expected: expected.into(), found: found.clone() })
            }
        }
    }
}

impl Location {
    /// The folder, if it is one.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Location::Folder(dir) => Some(dir),
            Location::BuiltIn => None,
        }
    }

    /// The path of a manifest's file for messages and reports: it exists only if this is a folder.
    pub fn path(&self, file: &Path) -> PathBuf {
        match self {
            Location::Folder(dir) => dir.join(file),
            Location::BuiltIn => Path::new("built-in").join(file),
        }
    }

    /// Length of a manifest's file; `None` if there is none.
    pub fn bytes(&self, file: &Path) -> Option<u64> {
        match self {
            Location::Folder(dir) => std::fs::metadata(dir.join(file)).ok().map(|m| m.len()),
            Location::BuiltIn => bundled::file(file).map(|bytes| bytes.len() as u64),
        }
    }

    /// Compares a manifest's file with the hash that it gives.
    ///
    /// # Errors
    /// [`IoError`] if a file that is there cannot be read.
    pub fn state(&self, file: &Path, expected: &str) -> Result<FileState, IoError> {
        let found = match self {
            Location::Folder(dir) => {
                let path = dir.join(file);
                if path.is_file() { Some(sha256(&path)?) } else { None }
            }
            Location::BuiltIn => bundled::file(file).map(|bytes| hexadecimal(&Sha256::digest(bytes))),
        };
        Ok(match found {
            None => FileState::Missing,
            Some(found) if found == expected => FileState::Intact,
            Some(found) => FileState::Altered { found },
        })
    }

    /// Reads a file and those of its weights, holds each against its hash and parses them under the usual [`Limits`]. A file of
    /// the program is parsed where it lies, without a doubt about its hash.
    ///
    /// # Errors
    /// As [`OnnxModel::open`], and [`ModelError::Checksum`].
    pub(super) fn open(&self, file: &FileSpec) -> Result<OnnxModel, Error> {
        let path = self.path(&file.path);
        let limits = Limits::default();
        match self {
            Location::Folder(dir) => {
                let bytes = OnnxModel::read(&path, &limits)?;
                check_hash(&path, &bytes, &file.sha256)?;
                let beside = file.path.parent().unwrap_or(Path::new(""));
                let read = |name: &Path, most| {
                    let listed = beside.join(name);
                    let Some(part) = file.external.iter().find(|part| part.path == listed) else {
                        let (listed, path) = (listed.display(), self.path(&file.path));
                        let reason = format!(
                            "its weights lie in `{listed}`, which the manifest does not list: add \
                             `external = [{{ path = \"{listed}\", sha256 = \"…\" }}]` behind the file's `sha256`"
                        );
                        return Err(ModelError::Manifest { path, reason }.into());
                    };
                    let bytes = OnnxModel::read_beside(dir, &part.path, most)?;
                    check_hash(&dir.join(&part.path), &bytes, &part.sha256)?;
                    Ok(bytes)
                };
                OnnxModel::from_parts(&path, &bytes, read, limits)
            }
            Location::BuiltIn => match bundled::file(&file.path) {
                Some(bytes) => Ok(OnnxModel::from_bytes(path, bytes, limits)?),
                None => Err(ModelError::MissingFile { path }.into()),
            },
        }
    }
}

fn check_hash(path: &Path, bytes: &[u8], expected: &str) -> Result<(), ModelError> {
    let found = hexadecimal(&Sha256::digest(bytes));
    if found == expected {
        return Ok(());
    }
    Err(ModelError::Checksum { path: path.into(), expected: expected.into(), found })
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Folder(dir) => dir.display().fmt(f),
            Location::BuiltIn => f.write_str("the program itself"),
        }
    }
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
    Ok(hexadecimal(&hash.finalize()))
}
