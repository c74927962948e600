//! Messages of the Real-time Streaming Protocol (RFC 2326), and packets between them.

/// Longest head of a message.
const MAX_HEAD: usize = 16 << 10;
/// Longest body of a message.
const MAX_BODY: usize = 64 << 10;

/// What a server sends.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    Response(Response),
    /// A packet between messages, by its channel.
    Packet {
        channel: u8,
        bytes: Vec<u8>,
    },
    /// A request of the server's own.
    Request,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    pub status: u16,
    /// In order, names in lower case.
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The number of the request that it answers.
    pub fn cseq(&self) -> Option<u32> {
        self.header("cseq")?.parse().ok()
    }
}

/// Cuts what arrives into messages.
#[derive(Debug, Default)]
pub struct Messages {
    buffer: Vec<u8>,
}

impl Messages {
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message, if it is there.
    ///
    /// # Errors
    /// Why what arrived is no message; nothing more can be read then.
    pub fn next(&mut self) -> Result<Option<Message>, String> {
        let blank = self.buffer.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.buffer.drain(..blank);
        match self.buffer.as_slice() {
            [] => Ok(None),
            [b'$', channel, high, low, rest @ ..] => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                let Some(bytes) = rest.get(..length) else { return Ok(None) };
                let packet = Message::Packet { channel: *channel, bytes: bytes.to_vec() };
                self.buffer.drain(..4 + length);
                Ok(Some(packet))
            }
            [b'$', ..] => Ok(None),
            text => self.text(text.len()),
        }
    }

    fn text(&mut self, length: usize) -> Result<Option<Message>, String> {
        let end = self.buffer.windows(4).take(MAX_HEAD).position(|four| four == b"\r\n\r\n");
        let Some(end) = end else {
            let begins_well = self.buffer.iter().take(16).all(|byte| (b' '..0x7f).contains(byte) || *byte == b'\r');
            return match length {
                _ if !begins_well => Err("it sends what is no RTSP".into()),
                _ if length >= MAX_HEAD => Err(format!("the head of a message is longer than {MAX_HEAD} bytes")),
                _ => Ok(None),
            };
        };
        let head = String::from_utf8_lossy(self.buffer.get(..end).unwrap_or_default()).into_owned();
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length").map(|(_, value)| value.parse::<usize>());
        let length = match length {
            None => 0,
            Some(Ok(length)) if length <= MAX_BODY => length,
            Some(_) => return Err("a message says that its body is absurdly long".into()),
        };
        let Some(body) = self.buffer.get(end + 4..end + 4 + length) else { return Ok(None) };
        let message = match first.strip_prefix("RTSP/1.0 ") {
            Some(rest) => {
                let status = rest.get(..3).and_then(|code| code.parse().ok());
                let status = status.ok_or_else(|| format!("`{first}` has no status"))?;
                Message::Response(Response { status, headers, body: body.to_vec() })
            }
            None if first.ends_with(" RTSP/1.0") => Message::Request,
            None => return Err("it sends what is no RTSP".into()),
        };
        self.buffer.drain(..end + 4 + length);
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pieces: &[&[u8]]) -> Result<Vec<Message>, String> {
        let mut messages = Messages::default();
        let mut found = Vec::new();
        for piece in pieces {
            messages.push(piece);
            while let Some(message) = messages.next()? {
                found.push(message);
            }
        }
        Ok(found)
    }

    #[test]
    fn answers_and_packets_however_they_arrive_in_pieces() {
        let mut bytes = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 4\r\n\r\nv=0\n$\x01\x00\x03abc\r\n".to_vec();
        bytes.extend(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\nRTSP/1.0 454 Session Not Found\r\ncseq:3\r\n\r\n");
        let check = |found: Vec<Message>| {
            let [Message::Response(a), packet, Message::Request, Message::Response(b)] = &found[..] else {
                panic!("{found:?}")
            };
            assert_eq!((a.status, a.cseq(), a.body.as_slice()), (200, Some(2), b"v=0\n".as_slice()));
            assert_eq!(*packet, Message::Packet { channel: 1, bytes: b"abc".to_vec() });
            assert_eq!((b.status, b.header("cseq")), (454, Some("3")));
        };
        for step in [1, 2, 3, 7, 1000] {
            check(all(&bytes.chunks(step).collect::<Vec<_>>()).unwrap());
        }
    }

    #[test]
    fn garbage_and_lies_are_refused() {
        let long = vec![b'x'; MAX_HEAD + 1];
        let rows: [&[u8]; 7] = [
            b"\x00\x01\x02",
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"RTSP/1.0 OK\r\n\r\n",
            b"RTSP/1.0 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            b"RTSP/1.0 200 OK\r\nContent-Length: 1000000\r\n\r\n",
            b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n",
            &long,
        ];
        for row in rows {
            assert!(all(&[row]).is_err(), "{}", String::from_utf8_lossy(row));
        }
        // A packet that says that it is longer than what comes is waited for, in vain.
        assert_eq!(all(&[b"$\x00\xff\xff123"]), Ok(vec![]));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = all(&[&bytes]);
            let _ = all(&[b"RTSP/1.0 200 OK\r\n", &bytes, b"\r\n\r\n"]);
        }
    }
}
