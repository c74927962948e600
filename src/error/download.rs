use std::path::PathBuf;

use super::in_words;

/// Why a file could not be fetched, or was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// The address cannot be asked.
    #[error("`{address}` cannot be fetched: {reason}")]
    Address {
        /// The address, without passwords.
        address: String,
        /// What is wrong with it, and what to give.
        reason: String,
    },
    /// A proxy variable holds what is no proxy.
    #[error("the variable {variable} is no proxy ({reason}): set it to http://HOST:PORT, or remove it")]
    Proxy {
        /// The variable's name.
        variable: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// No answer, or the connection broke before anything came.
    #[error(
        "{address}: no answer ({reason}): check the network and the proxy (HTTPS_PROXY), or fetch the file with another program and give it with --from"
    )]
    Unreachable {
        /// The address, without passwords.
        address: String,
        /// What the network says.
        reason: String,
    },
    /// The server refused.
    #[error(
        "{address}: the server answered {status}: check the address, or fetch the file with another program and give it with --from"
    )]
    Status {
        /// The address, without passwords.
        address: String,
        /// Its status, such as `404 Not Found`.
        status: String,
    },
    /// The connection broke, again and again.
    #[error("{address}: cut off after {} ({reason}): the same command goes on from there", in_words(*.done))]
    Cut {
        /// The address, without passwords.
        address: String,
        /// Bytes that are here.
        done: u64,
        /// What the network says.
        reason: String,
    },
    /// Ctrl-C.
    #[error("stopped: {} of the file are kept, and the same command goes on from there", in_words(*.done))]
    Stopped {
        /// Bytes that are here.
        done: u64,
    },
    /// The file is longer than it may be.
    #[error("{what}: {}, over the limit of {}: raise it with --max-size if the source is trusted", found(.bytes), in_words(*.limit))]
    TooLarge {
        /// The address or file.
        what: String,
        /// Its length, where it was told.
        bytes: Option<u64>,
        /// Most bytes allowed.
        limit: u64,
    },
    /// The file is not the one that was asked for.
    #[error("{what}: not the file that is wanted: its {kind} is {found}, not {expected}. {hint}")]
    Mismatch {
        /// The address or file.
        what: String,
        /// What was compared: `SHA-256`, `git blob id`, `length`.
        kind: &'static str,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
        /// What may have happened, and what to do.
        hint: &'static str,
    },
    /// What `--from` named does not hold a file that is needed.
    #[error("none of {} is {wanted}: {remedy}", listed(.given))]
    NotAmong {
        /// The files and folders that were given.
        given: Vec<PathBuf>,
        /// The file that is missing, and its hash.
        wanted: String,
        /// What to do.
        remedy: String,
    },
}

fn found(bytes: &Option<u64>) -> String {
    bytes.map_or("more than was announced".into(), in_words)
}

fn listed(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
