//! WebSockets: the page's, and the stream of NDJSON.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::Response;
use tokio::sync::mpsc::Receiver;
use tokio::time::Interval;
use tungstenite::error::CapacityError;

use super::admission::Asker;
use super::app::App;
use super::connections::Place;
use super::hub::Outgoing;
use super::message::Request;
use super::request_error::RequestError;
use super::response::problem;
use super::session::{Closing, Outcome, Session};
use super::visitor::Visitor;

/// Largest message that is taken, in bytes.
const MESSAGE: usize = 16 << 10;
/// A reader that takes nothing for so long is gone.
const SEND: Duration = Duration::from_secs(20);
/// How often the other side is asked for a sign of life.
const PING: Duration = Duration::from_secs(10);
/// Questions without an answer before the other side is gone.
const UNANSWERED: u32 = 3;

/// `/ws`: frames out, prompts in.
pub async fn page(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let seat = app.seat(visitor);
    limited(upgrade).on_upgrade(move |socket| talk(socket, app, seat))
}

/// `/api/stream`: the wire format, one line a message.
pub async fn stream(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    upgrade: WebSocketUpgrade,
) -> Response {
    match app.seat(visitor).and_then(|seat| Some((seat, app.hub.subscribe()?))) {
        Some((seat, lines)) => limited(upgrade).on_upgrade(move |socket| pass_on(socket, app, seat, lines)),
        None => problem(StatusCode::SERVICE_UNAVAILABLE, "full", Closing::FULL.reason),
    }
}

fn limited(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade.max_message_size(MESSAGE).max_frame_size(MESSAGE)
}

async fn talk(mut socket: WebSocket, app: App, seat: Option<Place>) {
    if app.hub.has_ended() {
        return close(socket, Closing::GOING_AWAY).await;
    }
    let joined = seat.and_then(|seat| Some((seat, app.hub.join()?)));
    let Some((_seat, (id, mut outbox))) = joined else { return close(socket, Closing::FULL).await };
    let mut life = SignsOfLife::new();
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
            _ = life.next_question() => {
                if !life.ask(&mut socket).await {
                    break None;
                }
            }
            incoming = socket.recv() => {
                life.heard();
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
        Outcome::Request(Request::Command(command)) => {
            if command.intent.keeps_frames() || app.admit_prompt(Asker::Page(session.id), now) {
                app.hub.command(command).err()
            } else {
                session.count_haste(now).map_err(Some)?;
                Some(RequestError::TooMany)
            }
        }
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

async fn pass_on(mut socket: WebSocket, app: App, seat: Place, mut lines: Receiver<Arc<str>>) {
    let mut life = SignsOfLife::new();
    let mut session = Session::new(0, app.hub.clock.now());
    let closing = loop {
        tokio::select! {
            line = lines.recv() => {
                let Some(line) = line else { break Some(Closing::GOING_AWAY) };
                if !send(&mut socket, Message::Text((&*line).into())).await {
                    break None;
                }
            }
            _ = life.next_question() => {
                if !life.ask(&mut socket).await {
                    break None;
                }
            }
            incoming = socket.recv() => {
                life.heard();
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
    drop((lines, seat));
    if let Some(closing) = closing {
        close(socket, closing).await;
    }
}

/// Whether the other side is there: browsers and clients answer a ping by themselves, as soon as they read it.
struct SignsOfLife {
    questions: Interval,
    unanswered: u32,
}

impl SignsOfLife {
    fn new() -> Self {
        let questions = tokio::time::interval_at(tokio::time::Instant::now() + PING, PING);
        SignsOfLife { questions, unanswered: 0 }
    }

    async fn next_question(&mut self) {
        self.questions.tick().await;
    }

    fn heard(&mut self) {
        self.unanswered = 0;
    }

    /// False when the other side is gone.
    async fn ask(&mut self, socket: &mut WebSocket) -> bool {
        self.unanswered += 1;
        self.unanswered <= UNANSWERED && send(socket, Message::Ping(Bytes::new())).await
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
