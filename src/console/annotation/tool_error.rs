use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::super::response::json_response;
use crate::error::{Error, ImageError, ModelError};

/// Why a tool gets no masks.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ToolError {
    /// The request says something that cannot be.
    #[error("{0}")]
    Invalid(String),
    /// Nothing is known by that name.
    #[error("{0}")]
    Unknown(String),
    /// The model proposes nothing.
    #[error("nothing was found there")]
    Nothing,
    /// Too many requests wait.
    #[error("too many requests wait: try again in a moment")]
    Busy,
    /// The thread that computes is gone.
    #[error("this server broke down: start it anew")]
    Broken,
    /// What was asked for failed.
    #[error("{0}")]
    Failed(String),
}

impl ToolError {
    fn status(&self) -> StatusCode {
        match self {
            ToolError::Invalid(_) => StatusCode::BAD_REQUEST,
            ToolError::Unknown(_) => StatusCode::NOT_FOUND,
            ToolError::Nothing => StatusCode::UNPROCESSABLE_ENTITY,
            ToolError::Busy => StatusCode::SERVICE_UNAVAILABLE,
            ToolError::Broken | ToolError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// What a request says wrongly is its own fault; the rest is not.
impl From<Error> for ToolError {
    fn from(error: Error) -> Self {
        match error {
            Error::Prompt(_) | Error::Image(_) => ToolError::Invalid(error.to_string()),
            other => ToolError::Failed(other.to_string()),
        }
    }
}

impl From<ImageError> for ToolError {
    fn from(error: ImageError) -> Self {
        ToolError::Invalid(error.to_string())
    }
}

impl From<ModelError> for ToolError {
    fn from(error: ModelError) -> Self {
        ToolError::Failed(error.to_string())
    }
}

/// In the form that tools show: X-AnyLabeling reads `detail`, as FastAPI writes it.
impl IntoResponse for ToolError {
    fn into_response(self) -> Response {
        let reason = self.to_string();
        let body = json!({ "success": false, "detail": reason, "error": { "message": reason } });
        json_response(self.status(), body.to_string())
    }
}
