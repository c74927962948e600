use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use axum::http::{Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use hyper::body::{Body, Incoming};
use hyper::service::Service;

use super::connections::Waiting;
use super::proxy::ProxyOptions;
use super::sites::{Site, Sites};
use super::visitor::Visitor;

/// What stands between one connection and the routers: tells who asks, takes the proxy's path off, and notes when the
/// client is waited for.
pub struct Front {
    /// Who answers.
    pub sites: Sites,
    /// The proxy, if there is one.
    pub proxy: Arc<ProxyOptions>,
    /// The connection's other end.
    pub peer: IpAddr,
    /// What the connection's client takes its time with.
    pub waiting: Waiting,
    /// As [`Visitor::is_without_place`].
    pub is_without_place: bool,
}

type Answer = Result<Response<axum::body::Body>, Infallible>;

impl Service<Request<Incoming>> for Front {
    type Response = Response<axum::body::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        if self.proxy.base_path.lacks_slash(request.uri()) {
            let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
            let whole = format!("{}{query}", self.proxy.base_path);
            let answer = (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, whole)]).into_response();
            return Box::pin(std::future::ready(Ok(answer)));
        }
        self.proxy.base_path.strip(request.uri_mut());
        let site = match self.sites.find(request.uri_mut()) {
            Site::Of(site) => site,
            Site::Moved(path) => {
                let whole = format!("{}{path}", self.proxy.base_path);
                let answer = (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, whole)]).into_response();
                return Box::pin(std::future::ready(Ok(answer)));
            }
        };
        let address = self.proxy.client(self.peer, request.headers());
        let is_without_place = self.is_without_place;
        request.extensions_mut().insert(Visitor { address, is_without_place });
        // A body that is still to come is the client's to finish.
        if request.body().is_end_stream() {
            self.waiting.is_over();
        } else {
            self.waiting.for_request(Instant::now());
        }
        let (answer, waiting) = (site.call(request), self.waiting.clone());
        Box::pin(async move {
            let answer = answer.await?;
            if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
                waiting.is_over();
            } else {
                waiting.for_request(Instant::now());
            }
            Ok(answer)
        })
    }
}
