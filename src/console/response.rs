use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A response of JSON text.
pub fn json_response(status: StatusCode, json: impl Into<String>) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], json.into()).into_response()
}

/// An error as JSON: `reason` is for the user, `code` for programs.
pub fn problem(status: StatusCode, code: &str, reason: &str) -> Response {
    json_response(status, json!({ "code": code, "error": reason }).to_string())
}
