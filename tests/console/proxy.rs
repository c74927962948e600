//! A reverse proxy: passes requests of one path on to a console, with or without the path, as nginx and Caddy do.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// How a proxy passes on.
#[derive(Clone, Copy)]
pub struct Passing {
    /// The path that it takes off, if it does.
    pub takes_off: Option<&'static str>,
    /// It passes the client's `Host` on; else it writes its own name for the console.
    pub keeps_host: bool,
    /// Whom it says that it asks for.
    pub forwarded: &'static str,
}

/// Serves the console on `upstream` until the process ends; gives the port.
pub fn start(upstream: u16, passing: Passing) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            std::thread::spawn(move || pass_on(client, upstream, passing));
        }
    });
    port
}

fn pass_on(mut client: TcpStream, upstream: u16, passing: Passing) -> Option<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let mut lines = head.trim_end().lines();
    let mut first = lines.next()?.to_owned();
    if let Some(path) = passing.takes_off {
        first = first.replacen(path, "", 1);
    }
    let mut passed = format!("{first}\r\n");
    for line in lines {
        let is_host = line.to_ascii_lowercase().starts_with("host:");
        let kept = if is_host && !passing.keeps_host { format!("Host: 127.0.0.1:{upstream}") } else { line.to_owned() };
        passed.push_str(&format!("{kept}\r\n"));
    }
    passed.push_str(&format!("X-Forwarded-For: {}\r\n\r\n", passing.forwarded));
    let mut server = TcpStream::connect(("127.0.0.1", upstream)).ok()?;
    server.write_all(passed.as_bytes()).ok()?;
    let (mut from_client, mut to_server) = (client.try_clone().ok()?, server.try_clone().ok()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(std::net::Shutdown::Write);
    });
    let _ = std::io::copy(&mut server, &mut client);
    let _ = client.shutdown(std::net::Shutdown::Both);
    Some(())
}
