use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::address::AddressError;

/// Longest wait for a connection, by address.
const CONNECT: Duration = Duration::from_secs(3);
/// Addresses of one name that are tried.
const ADDRESSES: usize = 4;
/// Longest wait for what we send to be taken.
const WRITE: Duration = Duration::from_secs(2);

/// Connects to `HOST:PORT`, whose answers are then waited for at most `read` at a time.
///
/// # Errors
/// That of the last address of the name.
pub fn tcp(address: &str, read: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in address.to_socket_addrs()?.take(ADDRESSES) {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(read))?;
                stream.set_write_timeout(Some(WRITE))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Pauses between attempts: half a second, then twice as long each time, eight at most.
#[derive(Debug, Default)]
pub struct BackOff {
    failures: u32,
}

impl BackOff {
    /// How long to wait after one more failure.
    pub fn next(&mut self) -> Duration {
        let pause = Duration::from_millis(500) * (1 << self.failures.min(4));
        self.failures = self.failures.saturating_add(1);
        pause
    }

    /// It works again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// The host of `//HOST`, which may have a port.
///
/// # Errors
/// [`AddressError::Form`] for what is no name of a host.
pub fn host(place: &str) -> Result<&str, AddressError> {
    let plain = |host: &&str| !host.is_empty() && !host.contains(|c: char| c.is_control() || " /?#@".contains(c));
    place.strip_prefix("//").filter(plain).ok_or(AddressError::Form)
}

/// `HOST:PORT` of `//HOST:PORT`.
///
/// # Errors
/// [`AddressError::Form`] for what is no name of a host with a port.
pub fn host_and_port(place: Option<&str>) -> Result<&str, AddressError> {
    let whole = host(place.unwrap_or_default())?;
    let port = whole.rsplit_once(':').filter(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    port.map(|_| whole).ok_or(AddressError::Form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_eight_seconds() {
        let mut back_off = BackOff::default();
        let pauses: Vec<u64> = (0..7).map(|_| back_off.next().as_millis() as u64).collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
        back_off.reset();
        assert_eq!(back_off.next(), Duration::from_millis(500));
    }
}
