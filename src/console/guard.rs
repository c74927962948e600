//! What stands before every handler: who is let in, for how long, and what a browser must know of every answer.

use axum::Extension;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request as HttpRequest, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use super::access::RequestHead;
use super::gate::Gate;
use super::page;
use super::response::problem;
use super::visitor::Visitor;

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

/// `router` behind the checks of `gate`.
pub fn guarded<S: Clone + Send + Sync + 'static>(router: Router<S>, gate: &Gate) -> Router<S> {
    router.layer(DefaultBodyLimit::max(gate.body)).layer(middleware::from_fn_with_state(gate.clone(), guard))
}

/// Lets a request in or not, and puts on every answer what a browser must know.
async fn guard(
    State(gate): State<Gate>,
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
        token: text(HeaderName::from_static("token")),
        query: request.uri().query(),
        is_page: path == "/",
    };
    // An origin that is no text must not pass for none.
    let readable =
        [header::HOST, header::ORIGIN].iter().all(|name| headers.contains_key(name) == text(name.clone()).is_some());
    let upgrades = headers.contains_key(header::UPGRADE);
    let allowed = if readable { gate.access.check(&head) } else { gate.access.check(&RequestHead::default()) };
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
        Ok(()) => match gate.access.cookie_for(head.query).filter(|_| head.is_page) {
            // The token leaves the address, where it would be seen, for a cookie.
            Some(cookie) => {
                let root = gate.proxy.base_path.to_string();
                (StatusCode::SEE_OTHER, [(header::LOCATION, root), (header::SET_COOKIE, cookie)]).into_response()
            }
            None if upgrades => next.run(request).await,
            None => match tokio::time::timeout(gate.patience, next.run(request)).await {
                Ok(response) => response,
                Err(_) => problem(StatusCode::REQUEST_TIMEOUT, "timeout", "the request took too long"),
            },
        },
    };
    let [content_security, frame_options] = if gate.is_framed { FRAMED } else { ALONE };
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
