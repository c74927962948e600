use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::{Body, Frame};
use tokio::sync::mpsc;

/// Events that wait for a reader.
const WAITING: usize = 8;

/// Sends events to a reader; fails once the reader is gone.
#[derive(Clone)]
pub struct Events(mpsc::Sender<Bytes>);

impl Events {
    /// Whether nobody reads any more.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Sends `event`, for a thread that may wait until the reader has room. False when nobody reads any more.
    pub fn send(&self, event: &serde_json::Value) -> bool {
        self.0.blocking_send(Bytes::from(format!("data: {event}\n\n"))).is_ok()
    }
}

/// A stream of server-sent events, and what sends them; it ends when that is dropped.
pub fn stream() -> (Events, Response) {
    let (send, receive) = mpsc::channel(WAITING);
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    let body = axum::body::Body::new(EventBody(receive));
    (Events(send), (StatusCode::OK, headers, body).into_response())
}

struct EventBody(mpsc::Receiver<Bytes>);

impl Body for EventBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|event| event.map(|bytes| Ok(Frame::data(bytes))))
    }
}
