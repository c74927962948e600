//! What stands before every handler: who is let in, for how long, and what a browser must know of every answer.

use std::time::Duration;

use axum::Extension;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request as HttpRequest, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use super::access::RequestHead;
use super::app::App;
use super::page;
use super::response::problem;
use super::visitor::Visitor;

/// Largest body of a request, in bytes.
const BODY: usize = 64 << 10;
/// Longest time that a request may take from its headers to its answer.
const REQUEST: Duration = Duration::from_secs(10);
const FULL: &str = "as many are connected as can be: try again";

/// What every page may do, and who may show it within another page: nobody, or where there are several cameras this server.
macro_rules! content_security {
    ($frames:literal) => {
        concat!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; \
             manifest-src 'self'; base-uri 'none'; form-action 'none'; ",
            $frames
        )
    };
}
const ALONE: [&str; 2] = [content_security!("frame-ancestors 'none'"), "DENY"];
const FRAMED: [&str; 2] = [content_security!("frame-src 'self'; frame-ancestors 'self'"), "SAMEORIGIN"];

/// `router` behind the checks that hold for all of `app`'s server.
pub fn guarded<S: Clone + Send + Sync + 'static>(router: Router<S>, app: &App) -> Router<S> {
    router.layer(DefaultBodyLimit::max(BODY)).layer(middleware::from_fn_with_state(app.clone(), guard))
}

/// Lets a request in or not, and puts on every answer what a browser must know.
async fn guard(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    request: HttpRequest,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let headers = request.headers();
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let head = RequestHead {
        host: text(header::HOST),
        origin: text(header::ORIGIN),
        site: text(HeaderName::from_static("sec-fetch-site")),
        mode: text(HeaderName::from_static("sec-fetch-mode")),
        cookie: text(header::COOKIE),
        authorization: text(header::AUTHORIZATION),
        query: request.uri().query(),
        is_page: path == "/",
    };
    // An origin that is no text must not pass for none.
    let readable =
        [header::HOST, header::ORIGIN].iter().all(|name| headers.contains_key(name) == text(name.clone()).is_some());
    let upgrades = headers.contains_key(header::UPGRADE);
    let allowed = if readable { app.access.check(&head) } else { app.access.check(&RequestHead::default()) };
    let mut response = match allowed {
        Err(refusal) => {
            let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::FORBIDDEN);
            if head.is_page {
                page::refusal(status, refusal.reason)
            } else {
                problem(status, refusal.code, refusal.reason)
            }
        }
        // Health has a place of its own.
        Ok(()) if visitor.is_without_place && path != "/healthz" => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            let mut response = if head.is_page { page::refusal(status, FULL) } else { problem(status, "full", FULL) };
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            response
        }
        Ok(()) => match app.access.cookie_for(head.query).filter(|_| head.is_page) {
            // The token leaves the address, where it would be seen, for a cookie.
            Some(cookie) => {
                let root = app.proxy.base_path.to_string();
                (StatusCode::SEE_OTHER, [(header::LOCATION, root), (header::SET_COOKIE, cookie)]).into_response()
            }
            None if upgrades => next.run(request).await,
            None => match tokio::time::timeout(REQUEST, next.run(request)).await {
                Ok(response) => response,
                Err(_) => problem(StatusCode::REQUEST_TIMEOUT, "timeout", "the request took too long"),
            },
        },
    };
    let [content_security, frame_options] = if app.is_framed { FRAMED } else { ALONE };
    let always = [
        (header::CONTENT_SECURITY_POLICY, content_security),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, frame_options),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
    ];
    for (name, value) in always {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
