use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::{ConfigError, Result, nearest_name};

use super::{NdjsonOptions, NdjsonSink, OverlayOptions, OverlaySink, PictureFormat, Sink};

#[cfg(feature = "console")]
const KNOWN: &str = "`console`, `ndjson:PATH`, `ndjson:-`, `overlay:DIR`";
#[cfg(not(feature = "console"))]
const KNOWN: &str = "`ndjson:PATH`, `ndjson:-`, `overlay:DIR`";

/// Where records go, as written on the command line.
///
/// * `ndjson:PATH` or `ndjson:-` (standard output), option `share_gaze=true`;
/// * `overlay:DIR`, options `every=N` (each n-th frame), `format=png|jpg`, `keep=N` (most pictures kept), `boxes=true`.
///
/// Options follow a question mark and are joined by `&`: `overlay:out?every=10&format=jpg`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SinkAddress {
    /// `None` is standard output.
    Ndjson {
        path: Option<PathBuf>,
        options: NdjsonOptions,
    },
    Overlay {
        folder: PathBuf,
        options: OverlayOptions,
    },
}

impl SinkAddress {
    /// Opens the sink: creates its file or folder.
    ///
    /// # Errors
    /// If that cannot be created.
    pub fn open(&self) -> Result<Box<dyn Sink>> {
        Ok(match self {
            SinkAddress::Ndjson { path: Some(path), options } => Box::new(NdjsonSink::create(path, *options)?),
            SinkAddress::Ndjson { path: None, options } => Box::new(NdjsonSink::stdout(*options)),
            SinkAddress::Overlay { folder, options } => Box::new(OverlaySink::create(folder, *options)?),
        })
    }

    /// Whether the sink writes to standard output, where it must be alone.
    pub fn is_stdout(&self) -> bool {
        matches!(self, SinkAddress::Ndjson { path: None, .. })
    }
}

impl FromStr for SinkAddress {
    type Err = ConfigError;

    fn from_str(address: &str) -> Result<Self, ConfigError> {
        let unknown = || ConfigError::Address { what: "sink", address: address.to_owned(), known: KNOWN };
        let (scheme, rest) = address.split_once(':').ok_or_else(unknown)?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        if place.is_empty() {
            return Err(unknown());
        }
        let invalid = |reason: String| ConfigError::Invalid { origin: address.to_owned(), reason };
        match scheme {
            "ndjson" => {
                let mut options = NdjsonOptions::default();
                read_options(query, &["share_gaze"], |_, value| {
                    options.share_gaze = yes_or_no("share_gaze", value)?;
                    Ok(())
                })
                .map_err(invalid)?;
                Ok(SinkAddress::Ndjson { path: (place != "-").then(|| Path::new(place).to_path_buf()), options })
            }
            "overlay" => {
                let mut options = OverlayOptions::default();
                read_options(query, &["every", "format", "keep", "boxes"], |key, value| {
                    match key {
                        "every" => options.every = count(key, value)?,
                        "keep" => options.keep = count(key, value)?,
                        "boxes" => options.boxes = yes_or_no(key, value)?,
                        _ => options.format = picture_format(value)?,
                    }
                    Ok(())
                })
                .map_err(invalid)?;
                Ok(SinkAddress::Overlay { folder: place.into(), options })
            }
            _ => Err(unknown()),
        }
    }
}

/// Hands each `key=value` of `query` to `take`, once its key is found to be known.
fn read_options(
    query: &str,
    known: &[&str],
    mut take: impl FnMut(&str, &str) -> Result<(), String>,
) -> Result<(), String> {
    for option in query.split('&').filter(|o| !o.is_empty()) {
        let (key, value) =
            option.split_once('=').ok_or_else(|| format!("option `{option}` has no value: KEY=VALUE"))?;
        if !known.contains(&key) {
            let meant = nearest_name(key, known.iter().copied()).map(|n| format!(" (did you mean `{n}`?)"));
            return Err(format!("unknown option `{key}`{}: use {}", meant.unwrap_or_default(), known.join(", ")));
        }
        take(key, value)?;
    }
    Ok(())
}

fn count(key: &str, value: &str) -> Result<u32, String> {
    value.parse().ok().filter(|n| *n > 0).ok_or_else(|| format!("`{key}={value}`: give a whole number, 1 or more"))
}

fn yes_or_no(key: &str, value: &str) -> Result<bool, String> {
    value.parse().map_err(|_| format!("`{key}={value}`: give true or false"))
}

fn picture_format(value: &str) -> Result<PictureFormat, String> {
    match value {
        "png" => Ok(PictureFormat::Png),
        "jpg" | "jpeg" => Ok(PictureFormat::Jpeg),
        _ => Err(format!("`format={value}`: give png or jpg")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_parse() {
        let ndjson = |path: Option<&str>, share_gaze| SinkAddress::Ndjson {
            path: path.map(PathBuf::from),
            options: NdjsonOptions { share_gaze },
        };
        let overlay = |options| SinkAddress::Overlay { folder: "out".into(), options };
        let rows = [
            ("ndjson:-", ndjson(None, false)),
            ("ndjson:a.ndjson?share_gaze=true", ndjson(Some("a.ndjson"), true)),
            ("overlay:out", overlay(OverlayOptions::default())),
            (
                "overlay:out?every=10&format=jpg&keep=5&boxes=true",
                overlay(OverlayOptions { every: 10, format: PictureFormat::Jpeg, keep: 5, boxes: true }),
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        assert!("ndjson:-".parse::<SinkAddress>().unwrap().is_stdout());
    }

    #[test]
    fn wrong_addresses_say_what_is_right() {
        let rows = [
            ("ndjson", "`ndjson:-`"),
            ("ndjson:", "`ndjson:-`"),
            ("bus:x", "`overlay:DIR`"),
            ("overlay:out?evry=3", "did you mean `every`?"),
            ("overlay:out?every=0", "1 or more"),
            ("overlay:out?every", "KEY=VALUE"),
            ("overlay:out?format=gif", "png or jpg"),
            ("ndjson:-?share_gaze=yes", "true or false"),
        ];
        for (text, expected) in rows {
            let message = text.parse::<SinkAddress>().unwrap_err().to_string();
            assert!(message.contains(expected), "{text}: {message}");
        }
    }
}
