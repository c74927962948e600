use super::bucket::Bucket;
use super::message::{Message, Request};
use super::request_error::RequestError;
use crate::time::Timestamp;

/// Messages a second from one page: two for each of 60 frames, and a hand that is quick.
const PER_SECOND: f64 = 150.0;
const BURST: f64 = 300.0;
/// Messages that make no sense before the page is hung up on.
const STRIKES: u32 = 16;
/// A prompt that came too soon counts as so many messages more: who goes on regardless is hung up on.
const HASTE: u32 = 2;
/// Longest part of a reason that is sent back.
const REASON: usize = 200;

/// What came of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is to be carried out.
    Request(Request),
    /// It is refused, and the page gets the error.
    Refused(RequestError),
    /// The connection ends.
    Close(Closing),
}

/// Why a connection ends, by a code of RFC 6455.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The close code.
    pub code: u16,
    /// The reason, for the user.
    pub reason: &'static str,
}

impl Closing {
    /// The program ends.
    pub const GOING_AWAY: Closing = Closing { code: 1001, reason: "the stream has ended" };
    /// A binary message.
    pub const NOT_TEXT: Closing = Closing { code: 1003, reason: "messages are text" };
    /// More messages a second than are taken.
    pub const TOO_MANY: Closing = Closing { code: 1008, reason: "too many messages a second" };
    /// More invalid messages than are taken.
    pub const SENSELESS: Closing = Closing { code: 1008, reason: "too many messages that make no sense" };
    /// A message above the size that is taken.
    pub const TOO_LARGE: Closing = Closing { code: 1009, reason: "the message is too large" };
    /// As many pages and readers are open as can be.
    pub const FULL: Closing = Closing { code: 1013, reason: "too many pages are open: close one" };
}

/// One page's side of the talk: what it may say, and how much of it.
#[derive(Clone, Debug)]
pub struct Session {
    /// The page's number.
    pub id: u32,
    budget: Bucket,
    strikes: u32,
}

impl Session {
    /// A session of page `id` that begins at `now`.
    pub fn new(id: u32, now: Timestamp) -> Self {
        Session { id, budget: Bucket::new(PER_SECOND, BURST, now), strikes: 0 }
    }

    /// Counts a message that carries no request, such as a ping.
    ///
    /// # Errors
    /// If there are too many; the connection is to end.
    pub fn count(&mut self, now: Timestamp) -> Result<(), Closing> {
        if self.budget.take(now) { Ok(()) } else { Err(Closing::TOO_MANY) }
    }

    /// Counts a prompt that came too soon.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub fn count_haste(&mut self, now: Timestamp) -> Result<(), Closing> {
        (0..HASTE).try_for_each(|_| self.count(now))
    }

    /// Reads a message, and decides what becomes of it.
    pub fn take(&mut self, text: &str, now: Timestamp) -> Outcome {
        if let Err(closing) = self.count(now) {
            return Outcome::Close(closing);
        }
        match Message::parse(text).and_then(|message| message.request(now, self.id)) {
            Ok(request) => Outcome::Request(request),
            Err(_) if self.strikes + 1 >= STRIKES => Outcome::Close(Closing::SENSELESS),
            Err(reason) => {
                self.strikes += 1;
                Outcome::Refused(RequestError::Invalid(reason.chars().take(REASON).collect()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const START: Timestamp = Timestamp::from_nanos(1_000_000_000);

    #[test]
    fn a_flood_and_babble_end_the_connection() {
        let mut session = Session::new(1, START);
        let flood = (0..1000).map(|_| session.take(r#"{"type":"undo"}"#, START));
        assert_eq!(flood.filter(|o| *o == Outcome::Close(Closing::TOO_MANY)).count(), 700);
        let mut session = Session::new(1, START);
        let outcomes: Vec<_> = (0..STRIKES).map(|_| session.take("babble", START)).collect();
        assert!(matches!(outcomes[0], Outcome::Refused(_)));
        assert_eq!(outcomes.last(), Some(&Outcome::Close(Closing::SENSELESS)));
    }

    /// A million messages: random bytes, and good messages with pieces exchanged.
    #[test]
    fn a_million_messages_neither_break_nor_grow_anything() {
        const GOOD: [&str; 8] = [
            r#"{"type":"tap","at":1000,"x":12.5,"y":40}"#,
            r#"{"type":"box","at":1000,"box":[1,2,3,4]}"#,
            r#"{"type":"prompt","points":[[1,2],[3,4,0]],"object":3}"#,
            r##"{"type":"label","object":1,"name":"cup","color":"#aabbcc"}"##,
            r#"{"type":"choose","at":1,"object":1,"candidate":2}"#,
            r#"{"type":"ack","frame":18446744073709551615}"#,
            r#"{"type":"scribble","at":9,"points":[[1,2],[3,4]]}"#,
            r#"{"type":"switch","model":"x","precision":"f32"}"#,
        ];
        let mut seed = 0x9e37_79b9_7f4a_7c15u64;
        let mut random = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        let (mut session, mut now, mut bytes) = (Session::new(1, START), START, Vec::new());
        let (mut requests, mut refused, mut closed) = (0u32, 0u32, 0u32);
        for n in 0..1_000_000u64 {
            bytes.clear();
            if random() % 4 == 0 {
                bytes.extend((0..random() % 64).map(|_| random() as u8));
            } else {
                bytes.extend_from_slice(GOOD[random() as usize % GOOD.len()].as_bytes());
                for _ in 0..random() % 4 {
                    if bytes.is_empty() {
                        break;
                    }
                    let at = random() as usize % bytes.len();
                    match random() % 4 {
                        0 => bytes[at] = random() as u8,
                        1 => drop(bytes.remove(at)),
                        2 => bytes.insert(at, b"{}[]\",:0e-"[random() as usize % 10]),
                        _ => bytes.truncate(at.max(1)),
                    }
                }
            }
            let Ok(text) = std::str::from_utf8(&bytes) else { continue };
            match session.take(text, now) {
                Outcome::Request(_) => requests += 1,
                Outcome::Refused(error) => {
                    let reason = error.to_string();
                    assert!(!reason.is_empty() && reason.chars().count() <= REASON);
                    refused += 1;
                }
                Outcome::Close(Closing { code, reason }) => {
                    assert!(code == 1008 && !reason.is_empty());
                    closed += 1;
                    session = Session::new(n as u32, now);
                }
            }
            now = now + Duration::from_micros(random() % 20_000);
        }
        assert!(requests > 100_000 && refused > 100_000 && closed > 1_000, "{requests} {refused} {closed}");
    }
}
