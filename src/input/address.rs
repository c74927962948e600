use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::error::{ConfigError, Result};

use super::{PromptSource, Script};

/// Where prompts come from, as written on the command line: `script:FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PromptAddress {
    /// An NDJSON file, see [`Script`].
    Script(PathBuf),
}

impl PromptAddress {
    /// Opens the source.
    ///
    /// # Errors
    /// If the file cannot be read or a line of it is wrong.
    pub fn open(&self) -> Result<Box<dyn PromptSource>> {
        match self {
            PromptAddress::Script(path) => Ok(Box::new(Script::read(path)?)),
        }
    }
}

impl FromStr for PromptAddress {
    type Err = ConfigError;

    fn from_str(address: &str) -> Result<Self, ConfigError> {
        match address.split_once(':') {
            Some(("script", path)) if !path.is_empty() => Ok(PromptAddress::Script(path.into())),
            _ => {
                Err(ConfigError::Address { what: "prompt source", address: address.to_owned(), known: "`script:FILE`" })
            }
        }
    }
}

impl fmt::Display for PromptAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PromptAddress::Script(path) => write!(f, "script:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_parse_and_print() {
        let address: PromptAddress = "script:a/b:c.ndjson".parse().unwrap();
        assert_eq!(address, PromptAddress::Script("a/b:c.ndjson".into()));
        assert_eq!(address.to_string(), "script:a/b:c.ndjson");
        for wrong in ["", "script", "script:", "touch:/dev/input/event0"] {
            let message = wrong.parse::<PromptAddress>().unwrap_err().to_string();
            assert!(message.contains("script:FILE"), "{message}");
        }
    }

    #[test]
    fn a_missing_script_says_where() {
        let error = PromptAddress::Script("/nowhere/x.ndjson".into()).open().err().unwrap();
        assert!(error.to_string().contains("/nowhere/x.ndjson"), "{error}");
    }
}
