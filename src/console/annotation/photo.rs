use axum::body::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::tool_error::ToolError;

/// The file in a `data:` address, or in base64 alone. What it says of its type is not believed: the reader of photos looks.
///
/// # Errors
/// Text that is neither.
pub fn of_data_address(text: &str) -> Result<Bytes, ToolError> {
    let encoded = match text.strip_prefix("data:") {
        None => text,
        Some(rest) => match rest.split_once(',') {
            Some((kind, encoded)) if kind.ends_with(";base64") => encoded,
            _ => return Err(ToolError::Invalid("a `data:` address that is not in base64".into())),
        },
    };
    let decoded = STANDARD.decode(encoded.trim().as_bytes());
    decoded.map(Bytes::from).map_err(|error| ToolError::Invalid(format!("the photo is not in base64: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_in_base64() {
        for text in ["data:image/png;base64,aGk=", "aGk=", "data:;base64, aGk=\n"] {
            assert_eq!(of_data_address(text).unwrap(), "hi", "{text}");
        }
        for text in ["data:image/png,hi", "http://photo", "data:"] {
            assert!(of_data_address(text).is_err(), "{text}");
        }
    }
}
