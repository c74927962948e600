//! A server behind other people's annotation tools: X-AnyLabeling's remote models and Label Studio's machine-learning backend.
//!
//! A tool sends a photo with points or boxes and gets masks in its own form. One thread computes, request after request; a photo
//! that is asked about again is not encoded again. `docs/annotation.md` tells how tools are set up.

mod annotator;
mod brush;
mod label_studio;
mod label_studio_host;
mod outlines;
mod photo;
mod server_sent;
mod tool_error;
mod tools;
mod video;
mod x_anylabeling;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;

use super::access::Access;
use super::gate::Gate;
use super::guard::guarded;
use super::proxy::ProxyOptions;
use super::server::{self, Server};
use super::sites::Sites;
use super::token::Token;
use crate::error::{ConfigError, IoError, Result};
use crate::model::LoadedModel;
use tools::Tools;

pub use label_studio_host::LabelStudio;

/// Largest body of a request, in bytes: X-AnyLabeling sends all frames of a video in one.
const BODY: usize = 512 << 20;
/// Longest time until an answer begins.
const PATIENCE: Duration = Duration::from_secs(600);

/// How annotation tools are served.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AnnotationOptions {
    /// Where to listen; port 0 takes any that is free. Elsewhere than on loopback a token is needed.
    pub listen: SocketAddr,
    /// The token, 16 or more characters; `None` makes one at random where one is needed.
    pub token: Option<String>,
    /// How a reverse proxy passes requests on.
    pub proxy: ProxyOptions,
    /// About how many pixels the model's input has for frames of a video.
    pub followed_pixels: u32,
    /// Where Label Studio's photos are fetched; without it only those are answered that come with the request.
    pub label_studio: Option<LabelStudio>,
}

impl AnnotationOptions {
    /// On `listen`, without a proxy.
    pub fn new(listen: SocketAddr, followed_pixels: u32) -> Self {
        AnnotationOptions { listen, token: None, proxy: ProxyOptions::default(), followed_pixels, label_studio: None }
    }
}

/// A server for annotation tools. Dropping it ends it.
pub struct AnnotationServer {
    address: String,
    token: Option<Token>,
    annotator: annotator::Handle,
    _server: Server,
}

impl AnnotationServer {
    /// Starts to serve `model`.
    ///
    /// # Errors
    /// When the address cannot be listened on, the token is too short, the model has no buffers, or the system gives no thread or no
    /// random numbers.
    pub fn start(options: AnnotationOptions, model: LoadedModel) -> Result<Self> {
        let (listener, at) = server::bind(options.listen)?;
        let token = match &options.token {
            Some(text) => Some(Token::of(text).ok_or_else(|| {
                let reason = "too short for a secret: give at least 16 characters without spaces".to_owned();
                ConfigError::Invalid { origin: "the token".to_owned(), reason }
            })?),
            None if at.ip().is_loopback() => None,
            None => Some(Token::random().map_err(IoError::when("read", "the system's random numbers"))?),
        };
        let proxy = Arc::new(options.proxy);
        let address = format!("http://{}{}", server::outer_address(at), proxy.base_path);
        let access = Access::new(at.ip(), at.port(), token.clone(), server::machine_names(), &proxy);
        let name: Arc<str> = model.spec().name.as_str().into();
        let annotator = annotator::start(model, options.followed_pixels)?;
        let tools = Tools {
            annotator: annotator.clone(),
            videos: Arc::default(),
            label_studio: options.label_studio.map(Arc::new),
            model: name,
        };
        let gate = Gate { body: BODY, patience: PATIENCE, ..Gate::new(access, Arc::clone(&proxy)) };
        let routes = Router::new().merge(x_anylabeling::routes()).merge(label_studio::routes());
        let router = guarded(routes.route("/", get(label_studio::health)), &gate).with_state(tools);
        let server = Server::start(listener, Sites::one(router), proxy)?;
        Ok(AnnotationServer { address: address.trim_end_matches('/').to_owned(), token, annotator, _server: server })
    }

    /// The address that tools are given.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether it can still compute masks; it cannot after a fault of this program.
    pub fn is_alive(&self) -> bool {
        self.annotator.is_alive()
    }

    /// The token that tools must send, if one is needed.
    pub fn token(&self) -> Option<&str> {
        self.token.as_ref().map(Token::reveal)
    }
}
