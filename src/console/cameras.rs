//! Several cameras on one console: a page that shows each one's own page, and what is said of all of them.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Map, Value, json};

use super::app::App;
use super::guard::guarded;
use super::health::health_of;
use super::page;
use super::response::json_response;

/// A camera's name, and what serves it.
pub type NamedApp = (String, App);

type Cameras = Arc<[NamedApp]>;

/// What lies at the root of a server of several cameras; each one's own site lies under its name.
///
/// # Panics
/// Without a camera.
pub fn router(cameras: Vec<NamedApp>) -> Router {
    let any = cameras[0].1.clone();
    let mut router = Router::new().route("/api/cameras", get(list)).route("/healthz", get(health));
    for asset in &page::CAMERAS_ASSETS {
        router = router.route(asset.path, get(move || async { asset.response() }));
    }
    guarded(router, &any.gate).with_state(Arc::from(cameras))
}

/// `/api/cameras`: the cameras in the order in which they were given, with the path of each one's page and API.
async fn list(State(cameras): State<Cameras>) -> Response {
    let list: Vec<Value> = cameras.iter().map(|(name, app)| entry(Some(name), app)).collect();
    json_response(StatusCode::OK, json!({ "cameras": list }).to_string())
}

/// `/api/cameras` of one camera's own site.
pub async fn alone(State(app): State<App>) -> Response {
    json_response(StatusCode::OK, json!({ "cameras": [entry(None, &app)] }).to_string())
}

fn entry(name: Option<&str>, app: &App) -> Value {
    let path = name.map(|name| format!("{name}/")).unwrap_or_default();
    json!({ "camera": name, "path": path, "source": app.hub.figures().source })
}

/// `/healthz`: well if every camera is that has not ended. Rates are of all cameras together, the age is the oldest.
async fn health(State(cameras): State<Cameras>) -> Response {
    let each: Vec<_> = cameras.iter().map(|(name, app)| (name, health_of(app))).collect();
    let unwell = each.iter().find(|(_, (code, said))| *code != StatusCode::OK && said["status"] != "ended");
    let (code, status) =
        unwell.map_or((StatusCode::OK, json!("ok")), |(_, (code, said))| (*code, said["status"].clone()));
    let reason = unwell.map(|(name, (_, said))| format!("{name}: {}", said["reason"].as_str().unwrap_or_default()));
    let going = || each.iter().filter(|(_, (_, said))| said["status"] != "ended");
    let figures = |key: &str| going().map(|(_, (_, said))| said[key].as_f64()).collect::<Option<Vec<_>>>();
    let sum = |key: &str| figures(key).map(|all| all.iter().sum::<f64>());
    let body = json!({
        "status": status,
        "reason": reason,
        "frames_per_s": sum("frames_per_s"),
        "source_per_s": sum("source_per_s"),
        "age_ms": figures("age_ms").map(|all| all.into_iter().fold(0.0, f64::max)),
        "cameras": each.iter().map(|(name, (_, said))| ((*name).clone(), said.clone())).collect::<Map<_, _>>(),
    });
    json_response(code, body.to_string())
}
