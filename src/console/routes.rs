//! What the server answers.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;

use super::admission::Asker;
use super::app::App;
use super::connections::network;
use super::guard::guarded;
use super::health::health;
use super::hub::Snapshot;
use super::message::{Message, Request};
use super::request_error::RequestError;
use super::response::{json_response, problem};
use super::visitor::Visitor;
use super::{cameras, downloads, metrics, page, socket};
use crate::time::Timestamp;

/// Longest wait for the next frame.
const FRAME: Duration = Duration::from_secs(2);

/// The API as OpenAPI describes it.
pub const OPENAPI: &str = include_str!("../../docs/openapi.json");

/// Every path that is served, with its methods.
pub fn router(app: App) -> Router {
    let mut router = Router::new()
        .route("/api/state", get(state))
        .route("/api/frame.jpg", get(frame))
        .route("/api/masks", get(masks_coco))
        .route("/api/masks.png", get(masks_png))
        .route("/api/prompts", post(prompts))
        .route("/api/stream", get(socket::stream))
        .route("/api/openapi.json", get(openapi))
        .route("/api/cameras", get(cameras::alone))
        .route("/ws", get(socket::page))
        .route("/metrics", get(metrics::metrics))
        .route("/healthz", get(health));
    for asset in &page::ASSETS {
        router = router.route(asset.path, get(move || async { asset.response() }));
    }
    guarded(router, &app.gate).with_state(app)
}

async fn state(State(app): State<App>) -> Response {
    json_response(StatusCode::OK, app.hub.state_json("state"))
}

async fn openapi() -> Response {
    json_response(StatusCode::OK, OPENAPI)
}

async fn frame(State(app): State<App>) -> Response {
    match next_frame(&app).await {
        Ok(snapshot) => {
            let number = HeaderValue::from(snapshot.frame);
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg")),
                (HeaderName::from_static("x-frame"), number),
            ];
            (headers, snapshot.jpeg.clone()).into_response()
        }
        Err(response) => *response,
    }
}

async fn masks_coco(State(app): State<App>) -> Response {
    match next_frame(&app).await {
        Ok(snapshot) => json_response(StatusCode::OK, downloads::coco(&snapshot, &app.hub.names())),
        Err(response) => *response,
    }
}

async fn masks_png(State(app): State<App>) -> Response {
    let snapshot = match next_frame(&app).await {
        Ok(snapshot) => snapshot,
        Err(response) => return *response,
    };
    match downloads::png(&snapshot) {
        Ok(png) => ([(header::CONTENT_TYPE, "image/png")], png).into_response(),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", &error.to_string()),
    }
}

async fn next_frame(app: &App) -> Result<Arc<Snapshot>, Box<Response>> {
    let none = |code, reason| Box::new(problem(StatusCode::SERVICE_UNAVAILABLE, code, reason));
    let waiting = app.hub.snapshot().ok_or_else(|| none("busy", "too many wait for the next frame: try again"))?;
    match tokio::time::timeout(FRAME, waiting).await {
        Ok(Ok(snapshot)) => Ok(snapshot),
        _ => Err(none("no_frame", "no frame comes at present")),
    }
}

async fn prompts(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // A form of another site cannot send this type without asking first.
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/json") {
        return problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", "send application/json");
    }
    let now = app.hub.clock.now();
    if !app.admit_prompt(Asker::Http(network(visitor.address)), now) {
        let error = RequestError::TooMany;
        return problem(StatusCode::TOO_MANY_REQUESTS, error.code(), &error.to_string());
    }
    match carry_out(&app, &body, now) {
        Ok(()) => json_response(StatusCode::ACCEPTED, json!({ "accepted": true }).to_string()),
        Err(error) => {
            let malformed = matches!(error, RequestError::Invalid(_) | RequestError::PageOnly);
            let status = if malformed { StatusCode::BAD_REQUEST } else { StatusCode::CONFLICT };
            problem(status, error.code(), &error.to_string())
        }
    }
}

fn carry_out(app: &App, body: &[u8], now: Timestamp) -> Result<(), RequestError> {
    let text = std::str::from_utf8(body).map_err(|_| RequestError::Invalid("not UTF-8".into()))?;
    let message = Message::parse(text).map_err(RequestError::Invalid)?;
    if matches!(message, Message::Hold { .. } | Message::Resume {} | Message::Ack { .. }) {
        return Err(RequestError::PageOnly);
    }
    match message.request(now, 0).map_err(RequestError::Invalid)? {
        Request::Command(command) => app.hub.command(command),
        Request::Name(naming) => app.hub.name(naming),
        Request::Switch(request) => app.hub.switch(request),
        Request::Ack(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    /// The router's own text lists what is served; the page's files are no part of the API.
    #[test]
    fn what_is_served_is_what_is_described() {
        let described: Value = serde_json::from_str(super::OPENAPI).unwrap();
        let paths = described["paths"].as_object().unwrap();
        let described: BTreeSet<String> = paths
            .iter()
            .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| format!("{method} {path}")))
            .collect();
        let texts = [include_str!("routes.rs"), include_str!("cameras.rs")];
        let served: BTreeSet<String> = texts
            .iter()
            .flat_map(|text| text.lines())
            .filter_map(|line| line.trim().strip_prefix(".route(\""))
            .map(|rest| {
                let (path, handler) = rest.split_once("\", ").unwrap();
                format!("{} {path}", handler.split('(').next().unwrap())
            })
            .collect();
        assert_eq!(served, described);
    }
}
