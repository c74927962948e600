use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::error::{DownloadError, Error, IoError};
use crate::text::hexadecimal;

/// What a file must be. Every entry that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Its SHA-256: 64 lower-case hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Git's id of its content, SHA-1 of `blob LENGTH`, a zero byte and the content: 40 lower-case hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_blob: Option<String>,
    /// Its length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    /// See [`Pin::sha256`].
    pub sha256: String,
    /// See [`Pin::git_blob`].
    pub git_blob: String,
    /// Its length.
    pub bytes: u64,
}

impl Pin {
    /// Holds the file at `path` against the pin and gives what it is; `what` stands for it in the message.
    ///
    /// # Errors
    /// [`IoError`] if it cannot be read; [`DownloadError::Mismatch`].
    pub fn check(&self, path: &Path, what: &str) -> Result<Digests, Error> {
        let found = digests(path)?;
        match self.difference(&found) {
            None => Ok(found),
            Some((kind, expected, found)) => {
                let hint = hint(path)?;
                Err(DownloadError::Mismatch { what: what.into(), kind, expected, found, hint }.into())
            }
        }
    }

    /// Whether a file that is so has the pin.
    pub fn holds(&self, found: &Digests) -> bool {
        self.difference(found).is_none()
    }

    /// The strongest of what is pinned, for messages.
    pub fn text(&self) -> String {
        match (&self.sha256, &self.git_blob, self.bytes) {
            (Some(sha256), ..) => format!("SHA-256 {sha256}"),
            (None, Some(blob), _) => format!("git blob id {blob}"),
            (None, None, Some(bytes)) => format!("{bytes} bytes"),
            (None, None, None) => "no hash".into(),
        }
    }

    fn difference(&self, found: &Digests) -> Option<(&'static str, String, String)> {
        let other = |kind, expected: &Option<String>, found: &String| {
            let expected = expected.as_ref().filter(|expected| *expected != found)?;
            Some((kind, expected.clone(), found.clone()))
        };
        let bytes = (self.bytes.map(|bytes| bytes.to_string()), found.bytes.to_string());
        other("SHA-256", &self.sha256, &found.sha256)
            .or_else(|| other("git blob id", &self.git_blob, &found.git_blob))
            .or_else(|| other("length", &bytes.0, &bytes.1))
    }
}

/// Reads a file once and tells what it is.
///
/// # Errors
/// [`IoError`].
pub fn digests(path: &Path) -> Result<Digests, IoError> {
    let failed = || IoError::when("read", path);
    let mut file = File::open(path).map_err(failed())?;
    let bytes = file.metadata().map_err(failed())?.len();
    let (mut sha256, mut blob) = (Sha256::new(), Sha1::new());
    blob.update(format!("blob {bytes}\0"));
    let mut block = vec![0u8; 1 << 16];
    loop {
        match file.read(&mut block).map_err(failed())? {
            0 => break,
            n => {
                sha256.update(&block[..n]);
                blob.update(&block[..n]);
            }
        }
    }
    Ok(Digests { sha256: hexadecimal(&sha256.finalize()), git_blob: hexadecimal(&blob.finalize()), bytes })
}

/// What a file that is not the wanted one seems to be.
fn hint(path: &Path) -> Result<&'static str, IoError> {
    let mut head = Vec::new();
    let file = File::open(path).map_err(IoError::when("read", path))?;
    file.take(64).read_to_end(&mut head).map_err(IoError::when("read", path))?;
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let text = head.trim_start();
    Ok(if text.starts_with("version https://git-lfs") {
        "It is a pointer of Git LFS and not the file itself: fetch it with `git lfs pull`"
    } else if text.starts_with('<') {
        "It is a web page: a login or a proxy stands before the file, or the address leads to the page around it"
    } else if text.is_empty() {
        "It is empty: fetch it again"
    } else {
        "It was changed, damaged on its way, or is of another version: fetch it again, or ask who published the hash"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_sha256sum_and_git() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, "hello\n").unwrap();
        let found = digests(&path).unwrap();
        // `git hash-object` and `sha256sum` of the same file.
        assert_eq!(found.git_blob, "ce013625030ba8dba906f756967f9e9ca394464a");
        assert_eq!(found.sha256, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
        assert_eq!(found.bytes, 6);
    }

    #[test]
    fn every_entry_of_a_pin_must_hold() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, "hello\n").unwrap();
        let found = digests(&path).unwrap();
        let whole = Pin {
            sha256: Some(found.sha256.clone()),
            git_blob: Some(found.git_blob.clone()),
            bytes: Some(found.bytes),
        };
        assert_eq!(whole.check(&path, "a").unwrap(), found);
        let rows = [
            (Pin { sha256: Some("0".repeat(64)), ..whole.clone() }, "SHA-256"),
            (Pin { git_blob: Some("0".repeat(40)), ..whole.clone() }, "git blob id"),
            (Pin { bytes: Some(7), ..whole }, "length"),
        ];
        for (pin, kind) in rows {
            let refused = pin.check(&path, "the file").unwrap_err().to_string();
            assert!(refused.contains(kind) && refused.contains("the file"), "{refused}");
        }
        std::fs::write(&path, "<!DOCTYPE html><html>").unwrap();
        let refused = Pin { bytes: Some(7), ..Pin::default() }.check(&path, "a").unwrap_err().to_string();
        assert!(refused.contains("web page"), "{refused}");
    }
}
