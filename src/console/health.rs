use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::app::App;
use super::hub::Vitals;
use super::response::json_response;

/// No frame for so long is a stream that stands still.
const STILL: Duration = Duration::from_secs(5);

/// `/healthz`: whether frames come, as many as can, and in time.
pub async fn health(State(app): State<App>) -> Response {
    let (code, body) = health_of(&app);
    json_response(code, body.to_string())
}

/// What is said of one stream's health: well is [`StatusCode::OK`].
pub fn health_of(app: &App) -> (StatusCode, Value) {
    let vitals = app.hub.vitals();
    let (status, reason) = if app.hub.has_ended() {
        ("ended", Some("the stream has ended".to_owned()))
    } else {
        judge(app.hub.figures().stuck, app.hub.idle(), vitals.as_ref())
    };
    let code = if reason.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let rounded = |value: f64| (value * 10.0).round() / 10.0;
    let body = json!({
        "status": status,
        "reason": reason,
        "frames_per_s": vitals.map(|v| rounded(v.frames_per_s)),
        "source_per_s": vitals.map(|v| rounded(v.source_per_s)),
        "age_ms": vitals.map(|v| rounded(v.age.as_secs_f64() * 1e3)),
    });
    (code, body)
}

/// A word for the stream's state, and what is wrong with it, if anything is.
fn judge(stuck: Option<String>, idle: Option<Duration>, vitals: Option<&Vitals>) -> (&'static str, Option<String>) {
    if let Some(what) = stuck {
        return ("stuck", Some(what));
    }
    match idle {
        None => ("starting", Some("no frame has come yet".to_owned())),
        Some(idle) if idle > STILL => ("still", Some(format!("no frame for {:.0} s", idle.as_secs_f64()))),
        Some(_) => match vitals.and_then(Vitals::starved) {
            Some(reason) => ("starved", Some(reason)),
            None => ("ok", None),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_told() {
        let well = Vitals {
            frames_per_s: 24.0,
            source_per_s: 24.0,
            prompts_per_s: 0.0,
            usual_per_s: 24.0,
            age: Duration::from_millis(50),
            usual_age: Duration::from_millis(40),
        };
        let badly = Vitals { frames_per_s: 1.0, prompts_per_s: 90.0, ..well };
        let brief = Some(Duration::from_millis(40));
        assert_eq!(judge(None, None, None).0, "starting");
        assert_eq!(judge(None, brief, Some(&well)), ("ok", None));
        assert_eq!(judge(None, brief, Some(&badly)).0, "starved");
        assert_eq!(judge(None, Some(Duration::from_secs(9)), Some(&well)).0, "still");
        assert_eq!(judge(Some("decode".into()), brief, Some(&badly)), ("stuck", Some("decode".into())));
    }
}
