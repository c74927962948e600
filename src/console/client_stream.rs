use std::future::Future;
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
    /// What a client hears last that was told nothing else.
    parting: &'static [u8],
}

impl ClientStream {
    /// The connection `stream` at `place`. If nothing was written when it ends, `parting` is.
    pub fn new(stream: TcpStream, place: Place, parting: &'static [u8]) -> Self {
        ClientStream { stream, place, deaf: None, parting }
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
        let deaf = self.deaf.get_or_insert_with(|| Box::pin(tokio::time::sleep(DEAF)));
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
