use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::client_stream::ClientStream;
use super::connections::{Connections, Place};
use super::front::Front;
use super::proxy::ProxyOptions;
use super::sites::Sites;
use crate::error::{ConfigError, IoError, PipelineError, Result};

/// Most connections at a time, pages included.
const CONNECTIONS: usize = 64;
/// Fewest, however few files the system lets the program open.
const FEWEST: usize = 8;
/// Of the files that the program may open, one in so many is a connection's at most; as many again wait for a place.
const OF_FILES: usize = 8;
/// Who keeps the server waiting for longer loses its place when there is none for others.
const PATIENCE: Duration = Duration::from_secs(1);
/// Longest time that a connection without a place has.
const WITHOUT_PLACE: Duration = Duration::from_secs(2);
/// Of that, the longest time that the headers of its request may take.
const WITHOUT_PLACE_HEADERS: Duration = Duration::from_secs(1);
/// What it hears that asks nothing.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
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

/// Names by which others may call this machine.
pub fn machine_names() -> Vec<String> {
    #[cfg(unix)]
    {
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        if !name.is_empty() {
            return vec![format!("{name}.local"), name];
        }
    }
    Vec::new()
}

impl Server {
    /// Serves `sites` on `listener`, behind `proxy` if there is one.
    ///
    /// # Errors
    /// When the system refuses the thread.
    pub fn start(listener: TcpListener, sites: Sites, proxy: Arc<ProxyOptions>) -> Result<Server> {
        let (stop, stopped) = oneshot::channel();
        let builder = std::thread::Builder::new().name("foveate-console".into());
        let door = Door::new(sites, proxy);
        let thread = builder.spawn(move || run(listener, door, stopped));
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

fn run(listener: TcpListener, door: Door, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!("the console cannot run: {error}"),
    };
    if let Err(error) = runtime.block_on(accept(listener, door, stopped)) {
        tracing::error!("the console ends: {error}");
    }
    runtime.block_on(async { tokio::time::sleep(GOODBYE).await });
    runtime.shutdown_background();
}

async fn accept(listener: TcpListener, door: Door, mut stopped: oneshot::Receiver<()>) -> Result<(), IoError> {
    let failed = |error| IoError::when("listen on", "console")(error);
    let listener = tokio::net::TcpListener::from_std(listener).map_err(failed)?;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut stopped => return Ok(()),
        };
        match accepted {
            Ok((stream, peer)) => {
                door.open(stream, peer.ip());
                // In a crowd that has waited, each that has asked already is answered before the next can take its place.
                tokio::task::yield_now().await;
            }
            // Too many open files: it passes when a connection ends.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// How many connections there may be, so that the rest of the program has files to open.
fn capacity() -> usize {
    #[cfg(unix)]
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let files = None;
    files.map_or(CONNECTIONS, |files: u64| (files as usize / OF_FILES).clamp(FEWEST, CONNECTIONS))
}

/// Lets connections in, each to a place. Those for whom there is none stand before the door, where they are told so, or how
/// the stream is; of too many of them the first has to go.
struct Door {
    sites: Sites,
    proxy: Arc<ProxyOptions>,
    inside: Connections,
    outside: Connections,
}

impl Door {
    fn new(sites: Sites, proxy: Arc<ProxyOptions>) -> Self {
        let capacity = capacity();
        let (inside, outside) = (Connections::new(capacity, PATIENCE), Connections::new(capacity, Duration::ZERO));
        Door { sites, proxy, inside, outside }
    }

    fn open(&self, stream: TcpStream, peer: IpAddr) {
        let all = self.inside.limit();
        let (share, now) = (self.proxy.share(peer, all), Instant::now());
        let _ = stream.set_nodelay(true);
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).max_buf_size(HEAD);
        if let Some(place) = self.inside.enter(peer, share, now) {
            http.header_read_timeout(HEADERS);
            let front = self.front(peer, &place, false);
            tokio::spawn(serve(http, ClientStream::new(stream, place, &[]), front));
        } else if let Some(place) = self.outside.enter(peer, all, now) {
            http.header_read_timeout(WITHOUT_PLACE_HEADERS).keep_alive(false);
            let front = self.front(peer, &place, true);
            let stream = ClientStream::new(stream, place, FULL);
            tokio::spawn(tokio::time::timeout(WITHOUT_PLACE, serve(http, stream, front)));
        } else {
            let _ = stream.try_write(FULL);
        }
    }

    fn front(&self, peer: IpAddr, place: &Place, is_without_place: bool) -> Front {
        Front {
            sites: self.sites.clone(),
            proxy: Arc::clone(&self.proxy),
            peer,
            waiting: place.waiting().clone(),
            is_without_place,
        }
    }
}

async fn serve(http: http1::Builder, stream: ClientStream, front: Front) {
    if let Err(error) = http.serve_connection(TokioIo::new(stream), front).with_upgrades().await {
        tracing::debug!("a connection ended: {error}");
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
