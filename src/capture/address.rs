use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{SOURCES, Source, SourceOptions};
use crate::address::written_address;
use crate::error::Result;
use crate::time::Clock;

/// Where frames come from, as the command line writes it: one of [`SOURCES`], with what opens it.
#[derive(Clone)]
pub struct SourceAddress {
    text: String,
    reads: Option<PathBuf>,
    open: Arc<Open>,
}

type Open = dyn Fn(&SourceOptions, Arc<dyn Clock>) -> Result<Box<dyn Source>> + Send + Sync;

impl SourceAddress {
    /// An address written `text`, whose source `open` opens. A source's own file calls this for its row.
    pub fn new<S: Source + 'static>(
        text: String,
        open: impl Fn(&SourceOptions, Arc<dyn Clock>) -> Result<S> + Send + Sync + 'static,
    ) -> Self {
        let open = move |options: &SourceOptions, clock: Arc<dyn Clock>| {
            open(options, clock).map(|source| Box::new(source) as Box<dyn Source>)
        };
        SourceAddress { text, reads: None, open: Arc::new(open) }
    }

    /// The same for a source that reads this file, or the files in this folder: no output may be one of them.
    pub fn reading(self, path: PathBuf) -> Self {
        SourceAddress { reads: Some(path), ..self }
    }

    /// The file or folder that is read; `None` for a camera and what is made.
    pub fn reads(&self) -> Option<&Path> {
        self.reads.as_deref()
    }

    /// Opens the source. Frames are stamped with `clock`; kernel stamps count only if it is the monotonic one.
    ///
    /// # Errors
    /// A folder that cannot be read or holds no images, a camera that is missing, busy, forbidden or offers no format
    /// that can be read, a rate that makes no sense.
    pub fn open(&self, options: &SourceOptions, clock: Arc<dyn Clock>) -> Result<Box<dyn Source>> {
        (self.open)(options, clock)
    }

    /// What stands behind the colon, if the scheme is this one.
    pub fn place_in(&self, scheme: &str) -> Option<&str> {
        self.text.strip_prefix(scheme)?.strip_prefix(':')
    }
}

written_address!(SourceAddress, SOURCES);

impl Hash for SourceAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::scene::SceneSource;

    #[test]
    fn the_table_is_documented() {
        crate::address::check(&SOURCES);
    }

    #[test]
    fn addresses_come_back_as_written() {
        let mut rows = vec!["files:/a/b", "files:a:b", "scene:7"];
        if cfg!(all(feature = "camera", target_os = "linux")) {
            rows.push("v4l:/dev/video0");
        }
        if cfg!(feature = "nokhwa-linux") {
            rows.push("nokhwa:2");
        }
        for row in rows {
            assert_eq!(row.parse::<SourceAddress>().unwrap().to_string(), row);
        }
        assert_eq!("scene".parse(), Ok(SceneSource::address(1)));
    }

    #[test]
    fn wrong_addresses_name_the_known_ones() {
        for row in ["", "files", "files:", "scene:x", "scene:-1", "v4l:", "nokhwa:front", "/dev/video0", "http://x"] {
            let text = row.parse::<SourceAddress>().unwrap_err().to_string();
            assert!(
                text.contains("video:FILE")
                    && text.contains("files:DIR, scene[:SEED]")
                    && text.contains(&format!("`{row}`")),
                "{text}"
            );
        }
    }
}
