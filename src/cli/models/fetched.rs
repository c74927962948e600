//! Files of a model from the network or from files that the user has, verified before anything is made of them.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::progress::{Bar, bytes};
use crate::download::{Fetch, Pin, Watch, fetch};
use crate::error::{DownloadError, Error, IoError};
use crate::sync::StopToken;

/// A file that is needed.
pub(super) struct Wanted {
    /// Its name where it is published, by which `--from` and a mirror know it.
    pub file: String,
    /// Where it is published.
    pub address: Option<String>,
    pub pin: Pin,
}

/// Where files come from.
pub(super) struct Origins<'a> {
    /// Files and folders that the user has; when there are any, nothing is fetched.
    pub from: &'a [PathBuf],
    /// A folder of the web that has the files under their names, in place of where they are published.
    pub mirror: Option<&'a str>,
    /// Most bytes of one file.
    pub limit: u64,
    pub stop: &'a StopToken,
}

/// A file that is here and is what was wanted.
pub(super) struct Obtained {
    pub path: PathBuf,
    pub sha256: String,
}

impl Origins<'_> {
    /// Puts `wanted` into `folder` under its name.
    pub fn obtain(&self, wanted: &Wanted, folder: &Path) -> Result<Obtained, Error> {
        let path = folder.join(&wanted.file);
        fs::create_dir_all(folder).map_err(IoError::when("create", folder))?;
        // Left by an earlier run that failed later on.
        if path.is_file() {
            let about = wanted.pin.check(&path, &wanted.file);
            if let Ok(found) = about {
                return Ok(Obtained { path, sha256: found.sha256 });
            }
            fs::remove_file(&path).map_err(IoError::when("remove", &path))?;
        }
        let sha256 = if self.from.is_empty() { self.fetch(wanted, &path)? } else { self.take(wanted, &path)? };
        Ok(Obtained { path, sha256 })
    }

    fn fetch(&self, wanted: &Wanted, path: &Path) -> Result<String, Error> {
        let address = match (self.mirror, &wanted.address) {
            (Some(mirror), _) => format!("{}/{}", mirror.trim_end_matches('/'), wanted.file),
            (None, Some(address)) => address.clone(),
            (None, None) => {
                let reason = "nobody has said where it is published: give a mirror's folder with --address, or the file with --from";
                return Err(DownloadError::Address { address: wanted.file.clone(), reason: reason.into() }.into());
            }
        };
        let mut shown = Shown { bar: bytes(wanted.file.clone()), stop: self.stop };
        let fetched = fetch(&Fetch { address: &address, pin: &wanted.pin, limit: self.limit }, path, &mut shown);
        shown.bar.clear();
        Ok(fetched?.sha256)
    }

    /// Copies the file from what the user has: of a folder the file of the wanted name, of files the one that has the hash.
    fn take(&self, wanted: &Wanted, path: &Path) -> Result<String, Error> {
        for given in self.from {
            let is_folder = given.is_dir();
            let file = if is_folder { given.join(&wanted.file) } else { given.clone() };
            let about = match fs::metadata(&file) {
                Ok(about) => about,
                Err(_) if is_folder => continue,
                Err(error) => return Err(IoError::when("read", &file)(error).into()),
            };
            let shown = file.display().to_string();
            if !about.is_file() {
                continue;
            }
            if about.len() > self.limit {
                let (bytes, limit) = (Some(about.len()), self.limit);
                return Err(DownloadError::TooLarge { what: shown, bytes, limit }.into());
            }
            let mut part = path.as_os_str().to_owned();
            part.push(".copy");
            let part = PathBuf::from(part);
            fs::copy(&file, &part).map_err(IoError::when("write", &part))?;
            // The copy is looked at, which nobody changes any more.
            match wanted.pin.check(&part, &shown) {
                Ok(found) => {
                    fs::rename(&part, path).map_err(IoError::when("write", path))?;
                    return Ok(found.sha256);
                }
                Err(error) => {
                    fs::remove_file(&part).map_err(IoError::when("remove", &part))?;
                    // A file that is given by itself may be another of the model's; of that name it is meant.
                    if is_folder || file.file_name().is_some_and(|name| *name == *wanted.file) {
                        return Err(error);
                    }
                }
            }
        }
        let wanted = format!("{} ({})", wanted.file, wanted.pin.text());
        let remedy = "give the file, or a folder that has it under this name".into();
        Err(DownloadError::NotAmong { given: self.from.to_vec(), wanted, remedy }.into())
    }
}

/// A bar, and the end when Ctrl-C is pressed.
struct Shown<'a> {
    bar: Bar,
    stop: &'a StopToken,
}

impl Watch for Shown<'_> {
    fn at(&mut self, done: u64, all: Option<u64>) -> bool {
        self.bar.set_bytes(done, all);
        !self.stop.is_stopped()
    }
}
