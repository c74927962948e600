//! WebSockets: the page's, and the stream of NDJSON.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::Response;
use tungstenite::error::CapacityError;

use super::app::App;
use super::hub::Outgoing;
use super::message::Request;
use super::response::problem;
use super::session::{Closing, Outcome, Session};

/// Largest message that is taken, in bytes.
const MESSAGE: usize = 16 << 10;
/// A reader that takes nothing for so long is gone.
const SEND: Duration = Duration::from_secs(20);

/// `/ws`: frames out, prompts in.
pub async fn page(State(app): State<App>, upgrade: WebSocketUpgrade) -> Response {
    limited(upgrade).on_upgrade(move |socket| talk(socket, app))
}

/// `/api/stream`: the wire format, one line a message.
pub async fn stream(State(app): State<App>, upgrade: WebSocketUpgrade) -> Response {
    match app.hub.subscribe() {
        Some(lines) => limited(upgrade).on_upgrade(move |socket| pass_on(socket, app, lines)),
        None => problem(StatusCode::SERVICE_UNAVAILABLE, "full", Closing::FULL.reason),
    }
}

fn limited(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade.max_message_size(MESSAGE).max_frame_size(MESSAGE)
}

async fn talk(mut socket: WebSocket, app: App) {
    let Some((id, mut outbox)) = app.hub.join() else { return close(socket, Closing::FULL).await };
    let mut session = Session::new(id, app.hub.clock.now());
    let closing = loop {
        tokio::select! {
            outgoing = outbox.recv() => {
                let message = match outgoing {
                    Some(Outgoing::Text(text)) => Message::Text((&*text).into()),
                    Some(Outgoing::Frame(bytes)) => Message::Binary(bytes),
                    None => break Some(Closing::GOING_AWAY),
                };
                if !send(&mut socket, message).await {
                    break None;
                }
            }
            incoming = socket.recv() => {
                match incoming {
                    None => break None,
                    Some(received) => match take(received, &mut session, &app, &mut socket).await {
                        Ok(()) => {}
                        Err(closing) => break closing,
                    },
                }
            }
        }
    };
    app.hub.leave(id);
    if let Some(closing) = closing {
        close(socket, closing).await;
    }
}

/// Acts on what a page sent. An error ends the talk, with or without a word.
async fn take(
    received: Result<Message, axum::Error>,
    session: &mut Session,
    app: &App,
    socket: &mut WebSocket,
) -> Result<(), Option<Closing>> {
    let now = app.hub.clock.now();
    let text = match received {
        Ok(Message::Text(text)) => text,
        Ok(Message::Binary(_)) => return Err(Some(Closing::NOT_TEXT)),
        Ok(Message::Ping(_) | Message::Pong(_)) => return session.count(now).map_err(Some),
        Ok(Message::Close(_)) => return Err(None),
        Err(error) => return Err(is_too_large(error).then_some(Closing::TOO_LARGE)),
    };
    let refused = match session.take(&text, now) {
        Outcome::Close(closing) => return Err(Some(closing)),
        Outcome::Refused(error) => Some(error),
        Outcome::Request(Request::Ack(frame)) => {
            app.hub.shown(session.id, frame);
            None
        }
        Outcome::Request(Request::Command(command)) => app.hub.command(command).err(),
        Outcome::Request(Request::Name(naming)) => app.hub.name(naming).err(),
        Outcome::Request(Request::Switch(request)) => app.hub.switch(request).err(),
    };
    match refused {
        Some(error) if !send(socket, Message::Text(error.message().into())).await => Err(None),
        _ => Ok(()),
    }
}

/// Whether a message was larger than is taken. Other errors say that the other side is gone.
fn is_too_large(error: axum::Error) -> bool {
    let inner = error.into_inner();
    matches!(inner.downcast_ref(), Some(tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. })))
}

async fn pass_on(mut socket: WebSocket, app: App, mut lines: tokio::sync::mpsc::Receiver<std::sync::Arc<str>>) {
    let mut session = Session::new(0, app.hub.clock.now());
    let closing = loop {
        tokio::select! {
            line = lines.recv() => {
                let Some(line) = line else { break Some(Closing::GOING_AWAY) };
                if !send(&mut socket, Message::Text((&*line).into())).await {
                    break None;
                }
            }
            incoming = socket.recv() => {
                match incoming {
                    None | Some(Err(_) | Ok(Message::Close(_))) => break None,
                    // Nothing that is said here means anything.
                    Some(Ok(_)) => if let Err(closing) = session.count(app.hub.clock.now()) {
                        break Some(closing);
                    }
                }
            }
        }
    };
    drop(lines);
    if let Some(closing) = closing {
        close(socket, closing).await;
    }
}

/// False when the other side is gone, or takes nothing.
async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(tokio::time::timeout(SEND, socket.send(message)).await, Ok(Ok(())))
}

async fn close(mut socket: WebSocket, Closing { code, reason }: Closing) {
    let frame = CloseFrame { code, reason: reason.into() };
    let farewell = async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            // Until the other side has said so too: else the system may throw away what it has not read.
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(2), farewell).await;
}
