use std::io::Write;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};

use crate::error::{ConfigError, IoError, PipelineError, Result};

/// Connections at a time, pages included.
const CONNECTIONS: usize = 64;
/// Longest time that the headers of a request may take, and that an idle connection is kept.
const HEADERS: Duration = Duration::from_secs(15);
/// Longest time that connections get to say goodbye.
const GOODBYE: Duration = Duration::from_millis(300);
/// Largest head of a request, in bytes.
const HEAD: usize = 16 << 10;

/// The server's own thread, with its own runtime. Dropping it ends it.
pub struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Binds `listen`; connections wait until the server starts.
///
/// # Errors
/// When the address is taken or is none of this machine's.
pub fn bind(listen: SocketAddr) -> Result<(TcpListener, SocketAddr)> {
    let bound = TcpListener::bind(listen).and_then(|listener| {
        listener.set_nonblocking(true)?;
        let at = listener.local_addr()?;
        Ok((listener, at))
    });
    Ok(bound.map_err(|error| {
        let reason = match error.kind() {
            std::io::ErrorKind::AddrInUse => "another program listens there: choose another port, or 0 for any".into(),
            _ => format!("cannot listen there ({error}): give an address of this machine, such as 0.0.0.0:8090"),
        };
        ConfigError::Invalid { origin: format!("--listen {listen}"), reason }
    })?)
}

/// This machine's address as others see it. Nothing is sent to find it.
pub fn outer_address(at: SocketAddr) -> SocketAddr {
    if !at.ip().is_unspecified() {
        return at;
    }
    let any = if at.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let far = if at.is_ipv4() { "192.0.2.1:9" } else { "[2001:db8::1]:9" };
    let found = UdpSocket::bind(any).and_then(|socket| {
        socket.connect(far)?;
        socket.local_addr()
    });
    let loopback = if at.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
    SocketAddr::new(found.map_or(loopback, |found| found.ip()), at.port())
}

impl Server {
    /// Serves `router` on `listener`.
    ///
    /// # Errors
    /// When the system refuses the thread.
    pub fn start(listener: TcpListener, router: Router) -> Result<Server> {
        let (stop, stopped) = oneshot::channel();
        let builder = std::thread::Builder::new().name("foveate-console".into());
        let thread = builder.spawn(move || run(listener, router, stopped));
        let thread = thread.map_err(|source| PipelineError::Spawn { stage: "console".into(), source })?;
        Ok(Server { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(listener: TcpListener, router: Router, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!("the console cannot run: {error}"),
    };
    if let Err(error) = runtime.block_on(accept(listener, router, stopped)) {
        tracing::error!("the console ends: {error}");
    }
    runtime.block_on(async { tokio::time::sleep(GOODBYE).await });
    runtime.shutdown_background();
}

async fn accept(listener: TcpListener, router: Router, mut stopped: oneshot::Receiver<()>) -> Result<(), IoError> {
    let failed = |error| IoError::when("listen on", "console")(error);
    let listener = tokio::net::TcpListener::from_std(listener).map_err(failed)?;
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut stopped => return Ok(()),
        };
        let Ok((stream, _)) = accepted else {
            // Too many open files: it passes when a connection ends.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
            refuse(stream);
            continue;
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEADERS).max_buf_size(HEAD);
            let served = http.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
            if let Err(error) = served {
                tracing::debug!("a connection ended: {error}");
            }
            drop(place);
        });
    }
}

fn refuse(stream: TcpStream) {
    const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    if let Ok(mut stream) = stream.into_std() {
        let _ = stream.write(FULL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_says_what_to_do() {
        let (_held, at) = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let error = bind(at).err().unwrap().to_string();
        assert!(error.contains(&at.to_string()) && error.contains("another port"), "{error}");
        let error = bind("192.0.2.1:80".parse().unwrap()).err().unwrap().to_string();
        assert!(error.contains("of this machine"), "{error}");
        assert_eq!(outer_address(at), at);
        let outer = outer_address("0.0.0.0:8090".parse().unwrap());
        assert!(!outer.ip().is_unspecified() && outer.port() == 8090);
    }
}
