//! The console behind a reverse proxy: under which path and names it is reached, and whose word counts for who asks.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Uri};

/// Of what the server gives out, one in so many is one address's, unless many may stand behind it.
const SHARE: usize = 4;

/// How a reverse proxy passes requests on to the console. The default is without one.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ProxyOptions {
    /// The path under which the proxy serves the console.
    pub base_path: BasePath,
    /// Names by which the proxy is called, beside this machine's.
    pub allowed_hosts: Vec<AllowedHost>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted: Vec<IpAddr>,
}

/// A path such as `/foveate`; by default the root. Its text has no slash at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasePath(String);

/// A host name, in lower case, and a port if a link to it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost {
    name: String,
    port: Option<u16>,
}

/// Why a text is no base path or host name. It says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseProxyError(String);

impl FromStr for BasePath {
    type Err = ParseProxyError;

    fn from_str(text: &str) -> Result<Self, ParseProxyError> {
        let path = text.trim_end_matches('/');
        let is_plain = |part: &str| {
            let plain = |c: u8| c.is_ascii_alphanumeric() || b"-._~".contains(&c);
            !part.is_empty() && part.bytes().all(plain) && part != "." && part != ".."
        };
        let well_formed = match path.strip_prefix('/') {
            Some(rest) => rest.split('/').all(is_plain),
            None => path.is_empty() && !text.is_empty(),
        };
        if !well_formed {
            return Err(ParseProxyError(format!("`{text}` is no path: write it as in a link, such as /foveate")));
        }
        Ok(BasePath(path.to_owned()))
    }
}

impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.0)
    }
}

impl BasePath {
    /// Takes the base off a request's address and tells whether it was there: some proxies take it off themselves.
    pub(super) fn strip(&self, uri: &mut Uri) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let whole = uri.path_and_query().map_or("", PathAndQuery::as_str);
        let Some(rest) = whole.strip_prefix(self.0.as_str()).filter(|rest| rest.starts_with('/')) else { return false };
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = rest.parse().ok();
        let stripped = Uri::from_parts(parts);
        let was_there = stripped.is_ok();
        *uri = stripped.unwrap_or_else(|_| uri.clone());
        was_there
    }

    /// Whether an address is the base without its slash, from where the page's own links would lead astray.
    pub(super) fn lacks_slash(&self, uri: &Uri) -> bool {
        !self.0.is_empty() && uri.path() == self.0
    }
}

impl FromStr for AllowedHost {
    type Err = ParseProxyError;

    fn from_str(text: &str) -> Result<Self, ParseProxyError> {
        let wrong =
            || ParseProxyError(format!("`{text}` is no host name: write it as in a link, such as robot.example"));
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let is_label = |label: &str| {
            let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
            (1..64).contains(&label.len()) && label.bytes().all(plain)
        };
        if name.len() > 253 || !name.split('.').all(is_label) {
            return Err(wrong());
        }
        Ok(AllowedHost { name: name.to_ascii_lowercase(), port })
    }
}

impl AllowedHost {
    /// The name without the port.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether `authority`, the part of an `Origin` after its scheme, is this host.
    pub(super) fn is_origin(&self, authority: &str) -> bool {
        let (name, port) = match authority.rsplit_once(':') {
            Some((name, port)) => (name, port.parse().ok()),
            None => (authority, None),
        };
        name.eq_ignore_ascii_case(&self.name) && port == self.port && (port.is_some() || !authority.contains(':'))
    }
}

impl ProxyOptions {
    /// Whether `address` is a trusted proxy.
    pub(super) fn is_trusted(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|trusted| trusted.to_canonical() == address.to_canonical())
    }

    /// How many of `all` that the server gives out an address may have: all where many may stand behind it, this machine's own or a
    /// proxy that does not say for whom it asks.
    pub(super) fn share(&self, address: IpAddr, all: usize) -> usize {
        if address.to_canonical().is_loopback() || self.is_trusted(address) { all } else { all / SHARE }
    }

    /// Who asks: `peer`, or the one that it forwards for if it is a trusted proxy. Every proxy appends whom it heard, so the
    /// last address that is no trusted proxy counts.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.is_trusted(peer) {
            return peer;
        }
        let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().collect();
        let hops = lines.iter().rev().flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        let mut client = peer;
        for hop in hops {
            // What no proxy of ours wrote counts for nothing, and what stands before it neither.
            let Some(address) = hop_address(hop.trim()) else { break };
            client = address;
            if !self.is_trusted(address) {
                break;
            }
        }
        client
    }
}

/// An address as proxies write it: bare, or with a port.
fn hop_address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse().ok().map(|address: std::net::SocketAddr| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_paths_are_taken_off_and_others_left() {
        let base: BasePath = "/a/foveate/".parse().unwrap();
        assert_eq!(base.to_string(), "/a/foveate/");
        let stripped = |text: &str| {
            let mut uri = text.parse().unwrap();
            base.strip(&mut uri);
            uri.to_string()
        };
        assert_eq!(stripped("/a/foveate/ws?x=1"), "/ws?x=1");
        assert_eq!(stripped("/a/foveate/"), "/");
        assert_eq!(stripped("/a/foveates"), "/a/foveates");
        assert_eq!(stripped("/ws"), "/ws", "the proxy took it off");
        assert!(base.lacks_slash(&"/a/foveate?token=1".parse().unwrap()));
        assert!(!BasePath::default().lacks_slash(&"/".parse().unwrap()));
        assert_eq!("/".parse(), Ok(BasePath::default()));
        for wrong in ["", "foveate", "/a//b", "/a b", "/../etc", "/a?b", "http://a/b"] {
            assert!(wrong.parse::<BasePath>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn hosts_are_names_with_or_without_a_port() {
        let host: AllowedHost = "Robot.example".parse().unwrap();
        assert_eq!(host.name(), "robot.example");
        assert!(host.is_origin("robot.example") && host.is_origin("ROBOT.example"));
        for theirs in
            ["robot.example:3000", "evil.robot.example", "robot.example.evil", "robot.example:", "robot.example:x"]
        {
            assert!(!host.is_origin(theirs), "{theirs}");
        }
        let host: AllowedHost = "robot.example:8443".parse().unwrap();
        assert!(host.is_origin("robot.example:8443") && !host.is_origin("robot.example"));
        for wrong in ["", "http://robot.example", "a..b", "robot.example:port", "a b", "*"] {
            assert!(wrong.parse::<AllowedHost>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_says_who_asks() {
        let options = ProxyOptions { trusted: vec!["127.0.0.1".parse().unwrap()], ..ProxyOptions::default() };
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let asked = |peer: &str, lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            options.client(ip(peer), &headers)
        };
        assert_eq!(asked("127.0.0.1", &["203.0.113.7"]), ip("203.0.113.7"));
        assert_eq!(asked("::ffff:127.0.0.1", &["203.0.113.7:4711"]), ip("203.0.113.7"));
        assert_eq!(asked("127.0.0.1", &["[2001:db8::1]"]), ip("2001:db8::1"));
        assert_eq!(asked("127.0.0.1", &["1.1.1.1, 203.0.113.7"]), ip("203.0.113.7"), "the client's own claim");
        assert_eq!(asked("127.0.0.1", &["1.1.1.1", "203.0.113.7, 127.0.0.1"]), ip("203.0.113.7"));
        assert_eq!(asked("127.0.0.1", &[]), ip("127.0.0.1"));
        assert_eq!(asked("127.0.0.1", &["1.1.1.1, babble"]), ip("127.0.0.1"));
        assert_eq!(asked("198.51.100.1", &["203.0.113.7"]), ip("198.51.100.1"), "not trusted");
    }
}
