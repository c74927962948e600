use std::io::Read;
use std::time::Duration;

use super::tool_error::ToolError;
use crate::download::agent;

/// Largest photo that is fetched, in bytes.
const PHOTO: u64 = 256 << 20;
/// Longest time that it may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where Label Studio is, to fetch the photos that its tasks only name.
#[derive(Clone)]
pub struct LabelStudio {
    /// Its address, such as `http://localhost:8080`, without a slash at the end.
    pub address: String,
    /// The access token of a user of it, who may see the photos.
    pub key: Option<String>,
}

/// Logs do not learn the key.
impl std::fmt::Debug for LabelStudio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LabelStudio").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Fetches a photo from Label Studio, and from nowhere else.
pub fn fetch(source: &str, from: Option<&LabelStudio>) -> Result<axum::body::Bytes, ToolError> {
    let Some(LabelStudio { address, key }) = from else {
        let reason = "the task only names its photo: start foveate with --label-studio ADDRESS, and with a user's access token \
                      in the variable LABEL_STUDIO_API_KEY";
        return Err(ToolError::Invalid(reason.into()));
    };
    let path = source.strip_prefix(address.as_str()).unwrap_or(source);
    if !path.starts_with('/') || path.starts_with("//") {
        let reason = format!("photos are fetched from {address} only, and this one lies at {source}");
        return Err(ToolError::Invalid(reason));
    }
    let failed =
        |error: &dyn std::fmt::Display| ToolError::Invalid(format!("{address}{path} cannot be fetched: {error}"));
    // A redirection could lead anywhere.
    let agent = agent(address).map_err(|error| failed(&error))?.http_status_as_error(true);
    let agent = agent.max_redirects(0).timeout_global(Some(PATIENCE)).build().new_agent();
    let mut request = agent.get(format!("{address}{}", path.replace(' ', "%20")));
    if let Some(key) = key {
        request = request.header("Authorization", format!("Token {key}"));
    }
    let mut answer = request.call().map_err(|error| failed(&error))?;
    if answer.status().is_redirection() {
        return Err(failed(&"it redirects, to cloud storage perhaps, where foveate does not follow"));
    }
    let mut bytes = Vec::new();
    answer.body_mut().as_reader().take(PHOTO + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    match bytes.len() as u64 > PHOTO {
        true => Err(failed(&"it is larger than 256 MB")),
        false => Ok(bytes.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_come_from_label_studio_only() {
        let studio = LabelStudio { address: "http://127.0.0.1:1".into(), key: None };
        for elsewhere in
            ["http://169.254.169.254/", "//evil.example/x", "file:///etc/passwd", "http://127.0.0.1:1@evil/"]
        {
            let refused = fetch(elsewhere, Some(&studio)).unwrap_err().to_string();
            assert!(refused.contains("only"), "{refused}");
        }
        assert!(fetch("/data/1.jpg", None).unwrap_err().to_string().contains("--label-studio"));
        assert!(fetch("/data/1.jpg", Some(&studio)).unwrap_err().to_string().contains("cannot be fetched"));
    }
}
