//! Clients that mean no good: those that never read, never ask, or come in crowds.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

/// A client that asks and asks and never reads, until nothing more can be written.
pub fn never_reading(port: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_nonblocking(true).unwrap();
    let requests = format!("GET /view.js HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n").repeat(20);
    let mut refused = 0;
    // The server stops taking requests while its answers are not taken; a pause shows that it is not just slow.
    while refused < 3 {
        match stream.write(requests.as_bytes()) {
            Ok(_) => refused = 0,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                refused += 1;
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            Err(_) => break,
        }
    }
    stream
}

/// A client that asks to speak as a page, and has not read the answer yet.
pub fn upgrading(port: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let head = format!(
        "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    let _ = stream.write_all(head.as_bytes());
    stream
}

/// The status that a client is answered with; `None` when the server hangs up without one.
pub fn status(stream: &mut TcpStream) -> Option<u16> {
    let mut first = [0; 12];
    stream.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
    stream.read_exact(&mut first).ok()?;
    std::str::from_utf8(&first[9..]).ok()?.parse().ok()
}
