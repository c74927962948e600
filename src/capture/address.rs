use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::error::ConfigError;

/// Where frames come from, as the command line writes it. Only what is compiled in can be named.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SourceAddress {
    /// `files:DIR`, a folder of PNG and JPEG pictures.
    Files(PathBuf),
    /// `scene[:SEED]`, the rendered scene; seed 1 if none is given.
    Scene(u64),
    /// `v4l:PATH`, a Video4Linux capture device such as `/dev/video0`.
    #[cfg(all(feature = "camera", target_os = "linux"))]
    V4l(PathBuf),
    /// `nokhwa:INDEX`, the system's camera of that number, counted from 0.
    #[cfg(all(feature = "camera", any(not(target_os = "linux"), feature = "nokhwa-linux")))]
    Nokhwa(u32),
}

#[cfg(not(feature = "camera"))]
const KNOWN: &str = "files:DIR, scene[:SEED]";
#[cfg(all(feature = "camera", target_os = "linux", not(feature = "nokhwa-linux")))]
const KNOWN: &str = "v4l:PATH, files:DIR, scene[:SEED]";
#[cfg(all(feature = "camera", target_os = "linux", feature = "nokhwa-linux"))]
const KNOWN: &str = "v4l:PATH, nokhwa:INDEX, files:DIR, scene[:SEED]";
#[cfg(all(feature = "camera", not(target_os = "linux")))]
const KNOWN: &str = "nokhwa:INDEX, files:DIR, scene[:SEED]";

impl SourceAddress {
    /// The forms that this build takes.
    pub const KNOWN: &'static str = KNOWN;
    /// Seed of the scene when none is given.
    pub const DEFAULT_SEED: u64 = 1;
}

impl FromStr for SourceAddress {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let (kind, rest) = match text.split_once(':') {
            Some((kind, rest)) => (kind, Some(rest)),
            None => (text, None),
        };
        let parsed = match (kind, rest) {
            ("files", Some(dir)) if !dir.is_empty() => Some(SourceAddress::Files(dir.into())),
            ("scene", None) => Some(SourceAddress::Scene(Self::DEFAULT_SEED)),
            ("scene", Some(seed)) => seed.parse().ok().map(SourceAddress::Scene),
            #[cfg(all(feature = "camera", target_os = "linux"))]
            ("v4l", Some(path)) if !path.is_empty() && !path.contains('\0') => Some(SourceAddress::V4l(path.into())),
            #[cfg(all(feature = "camera", any(not(target_os = "linux"), feature = "nokhwa-linux")))]
            ("nokhwa", Some(index)) => index.parse().ok().map(SourceAddress::Nokhwa),
            _ => None,
        };
        parsed.ok_or_else(|| ConfigError::Address { what: "source", address: text.to_owned(), known: KNOWN })
    }
}

impl fmt::Display for SourceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceAddress::Files(dir) => write!(f, "files:{}", dir.display()),
            SourceAddress::Scene(seed) => write!(f, "scene:{seed}"),
            #[cfg(all(feature = "camera", target_os = "linux"))]
            SourceAddress::V4l(path) => write!(f, "v4l:{}", path.display()),
            #[cfg(all(feature = "camera", any(not(target_os = "linux"), feature = "nokhwa-linux")))]
            SourceAddress::Nokhwa(index) => write!(f, "nokhwa:{index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!("scene".parse(), Ok(SourceAddress::Scene(1)));
    }

    #[test]
    fn wrong_addresses_name_the_known_ones() {
        for row in ["", "files", "files:", "scene:x", "scene:-1", "v4l:", "nokhwa:front", "/dev/video0", "rtsp://x"] {
            let text = row.parse::<SourceAddress>().unwrap_err().to_string();
            assert!(text.contains("files:DIR, scene[:SEED]") && text.contains(&format!("`{row}`")), "{text}");
        }
    }
}
