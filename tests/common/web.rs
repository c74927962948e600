//! A server on the loopback interface that answers as a test says, and a proxy when it is asked to be one.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// One connection an answer; it ends with the test program.
pub struct Web {
    pub address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Web {
    /// `answer` gets the number of the request, from 0, and its head, and gives all bytes of the answer.
    pub fn serve(answer: impl Fn(usize, &str) -> Vec<u8> + Send + 'static) -> Web {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&heads);
        std::thread::spawn(move || {
            for (number, mut stream) in listener.incoming().flatten().enumerate() {
                let mut head = head(&mut stream);
                if head.starts_with("CONNECT ") {
                    seen.lock().unwrap().push(head);
                    let _ = stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n");
                    head = self::head(&mut stream);
                }
                let bytes = answer(number, &head);
                seen.lock().unwrap().push(head);
                // Who asked may have gone.
                let _ = stream.write_all(&bytes);
            }
        });
        Web { address, heads }
    }

    /// The heads of the requests so far.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn head(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n > 0) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// An answer with a status line, header lines and a body.
pub fn answer(status: &str, headers: &[String], body: &[u8]) -> Vec<u8> {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let mut bytes = format!("HTTP/1.1 {status}\r\n{lines}Connection: close\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// The whole of `body`.
pub fn whole(body: &[u8]) -> Vec<u8> {
    answer("200 OK", &[format!("Content-Length: {}", body.len())], body)
}
