use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::connections::Place;

/// A client that takes nothing of what is written for so long is gone.
const DEAF: Duration = Duration::from_secs(10);

/// A client's connection and its place, which it keeps whatever is spoken on it. It ends with an error when the client
/// takes nothing for long, or another gets its place.
pub struct ClientStream {
    stream: TcpStream,
    place: Place,
    /// Runs while the client takes nothing.
    deaf: Option<Pin<Box<Sleep>>>,
    patience: Duration,
    /// What a client hears last that was told nothing else.
    parting: &'static [u8],
}

impl ClientStream {
    /// The connection `stream` at `place`. If nothing was written when it ends, `parting` is.
    pub fn new(stream: TcpStream, place: Place, parting: &'static [u8]) -> Self {
        ClientStream { stream, place, deaf: None, patience: DEAF, parting }
    }

    fn check_place(&mut self, cx: &mut Context<'_>) -> Result<()> {
        if self.place.poll_displaced(cx) {
            return Err(Error::new(
                ErrorKind::ConnectionAborted,
                "it kept the server waiting while others had no place",
            ));
        }
        Ok(())
    }

    /// Writes by `write`, and gives up a client that takes nothing.
    fn poll_patiently(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<Result<usize>>,
    ) -> Poll<Result<usize>> {
        self.check_place(cx)?;
        if let Poll::Ready(written) = write(Pin::new(&mut self.stream), cx) {
            self.deaf = None;
            self.parting = &[];
            self.place.waiting().was_read(Instant::now());
            return Poll::Ready(written);
        }
        self.place.waiting().for_reader(Instant::now());
        let patience = self.patience;
        let deaf = self.deaf.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(deaf.as_mut().poll(cx));
        Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the client reads nothing")))
    }
}

impl Drop for ClientStream {
    fn drop(&mut self) {
        if !self.parting.is_empty() {
            let _ = self.stream.try_write(self.parting);
        }
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        self.check_place(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.poll_patiently(cx, |stream, cx| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.poll_patiently(cx, |stream, cx| stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::console::connections::Connections;

    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    /// A connection, and its other end.
    async fn pair(place: Place, parting: &'static [u8]) -> (ClientStream, std::net::TcpStream) {
        let listener = tokio::net::TcpListener::bind((PEER, 0)).await.unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (ClientStream::new(listener.accept().await.unwrap().0, place, parting), client)
    }

    fn run(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
    }

    #[test]
    fn a_client_that_reads_nothing_is_given_up_and_its_place_is_free() {
        run(async {
            let all = Connections::new(1, Duration::MAX);
            let (mut stream, _client) = pair(all.enter(PEER, 1, Instant::now()).unwrap(), &[]).await;
            stream.patience = Duration::from_millis(20);
            let bytes = [0; 1 << 16];
            let error = loop {
                let written = std::future::poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, &bytes)).await;
                if let Err(error) = written {
                    break error;
                }
            };
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!(all.enter(PEER, 1, Instant::now()).is_none());
            drop(stream);
            assert!(all.enter(PEER, 1, Instant::now()).is_some());
        });
    }

    #[test]
    fn a_client_whose_place_another_has_hears_it_and_ends() {
        run(async {
            let all = Connections::new(1, Duration::ZERO);
            let (mut stream, mut client) = pair(all.enter(PEER, 1, Instant::now()).unwrap(), b"full").await;
            let _newcomer = all.enter(PEER, 1, Instant::now()).unwrap();
            let mut buffer = [0; 16];
            let mut buffer = ReadBuf::new(&mut buffer);
            let read = std::future::poll_fn(|cx| Pin::new(&mut stream).poll_read(cx, &mut buffer)).await;
            assert_eq!(read.unwrap_err().kind(), ErrorKind::ConnectionAborted);
            drop(stream);
            let mut heard = String::new();
            client.read_to_string(&mut heard).unwrap();
            assert_eq!(heard, "full");
        });
    }
}
