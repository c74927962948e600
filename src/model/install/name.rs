use crate::error::InstallError;
use crate::model::manifest::MANIFEST_FILE;

/// Longest name.
const LONGEST: usize = 64;

/// Refuses what is no name of a model and of its folder.
///
/// # Errors
/// [`InstallError::Name`].
pub fn check_name(name: &str) -> Result<(), InstallError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.contains(['/', '\\']) {
        "it is a path"
    } else if name.chars().count() > LONGEST {
        "it is too long"
    } else if !name.chars().all(plain) {
        "it has other characters"
    } else if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        "it begins with another character"
    } else if name == MANIFEST_FILE || name.ends_with('.') {
        "it would be a file's"
    } else {
        return Ok(());
    };
    Err(InstallError::Name { name: name.into(), reason })
}
