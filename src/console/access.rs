//! Who may talk to the server: checks of the headers that every request passes.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::proxy::{AllowedHost, ProxyOptions};
use super::token::Token;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the HTTP response.
    pub status: u16,
    /// A word that stays the same when the reason changes.
    pub code: &'static str,
    /// What is wrong and what to do, for the user.
    pub reason: &'static str,
}

const FOREIGN_HOST: Refusal = Refusal {
    status: 421,
    code: "foreign_host",
    reason: "this name is not one of this machine's: open the link that the terminal shows, or allow the name of a proxy \
             with --allow-host",
};
const FOREIGN_ORIGIN: Refusal =
    Refusal { status: 403, code: "foreign_origin", reason: "another site may not talk to the console" };
const NO_TOKEN: Refusal =
    Refusal { status: 401, code: "no_token", reason: "a token is needed: open the whole link that the terminal shows" };
const WRONG_TOKEN: Refusal = Refusal {
    status: 401,
    code: "wrong_token",
    reason: "the token is not right: open the link that the terminal shows now",
};

/// What of a request decides whether it is let in.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestHead<'a> {
    /// `Host`.
    pub host: Option<&'a str>,
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// `Sec-Fetch-Site`: how the requesting page is related to ours.
    pub site: Option<&'a str>,
    /// `Sec-Fetch-Mode`.
    pub mode: Option<&'a str>,
    /// `Cookie`.
    pub cookie: Option<&'a str>,
    /// `Authorization`.
    pub authorization: Option<&'a str>,
    /// `Token`, by which X-AnyLabeling sends it.
    pub token: Option<&'a str>,
    /// The part of the address after the question mark.
    pub query: Option<&'a str>,
    /// The page itself is requested.
    pub is_page: bool,
}

/// The rules of one server.
#[derive(Clone, Debug)]
pub struct Access {
    token: Option<Token>,
    /// Names of this machine, in lower case, beside addresses.
    names: Vec<String>,
    /// Names of a proxy.
    hosts: Vec<AllowedHost>,
    /// Only loopback addresses are served.
    loopback: bool,
    cookie: String,
    /// The path for which the cookie is.
    path: String,
}

impl Access {
    /// Rules for a server that listens on `ip` and `port`. Elsewhere than on loopback a token is needed, and `names` are
    /// further names of this machine. Behind `proxy` its names and its path count as well.
    pub fn new(ip: IpAddr, port: u16, token: Option<Token>, names: Vec<String>, proxy: &ProxyOptions) -> Self {
        let names = names.into_iter().map(|name| name.to_ascii_lowercase()).collect();
        let (hosts, path) = (proxy.allowed_hosts.clone(), proxy.base_path.to_string());
        Access { token, names, hosts, loopback: ip.is_loopback(), cookie: format!("foveate-{port}"), path }
    }

    /// Lets a request in or not.
    ///
    /// # Errors
    /// If its host is none of this machine's names, another site sends it, or the token is missing or wrong.
    pub fn check(&self, head: &RequestHead) -> Result<(), Refusal> {
        self.check_host(head.host)?;
        self.check_origin(head)?;
        self.check_token(head)
    }

    /// The token of a link, when it is the right one: the value of a cookie to be set.
    pub fn cookie_for(&self, query: Option<&str>) -> Option<String> {
        let token = self.token.as_ref()?;
        let right = parameter(query?, "token").is_some_and(|given| token.is(given));
        let Access { cookie, path, .. } = self;
        let lasts = "HttpOnly; SameSite=Lax; Max-Age=31536000";
        right.then(|| format!("{cookie}={}; Path={path}; {lasts}", token.reveal()))
    }

    /// A name that somebody else's name server made to point here is not ours: it is the one defence against a page of
    /// theirs that asks its own name (DNS rebinding).
    fn check_host(&self, host: Option<&str>) -> Result<(), Refusal> {
        let name = host.map(without_port).ok_or(FOREIGN_HOST)?.to_ascii_lowercase();
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let ours = match address {
            Ok(ip) => !self.loopback || ip.is_loopback(),
            Err(_) => {
                let of_proxy = self.hosts.iter().any(|host| host.name() == name);
                name == "localhost" || name.ends_with(".localhost") || self.names.contains(&name) || of_proxy
            }
        };
        if ours { Ok(()) } else { Err(FOREIGN_HOST) }
    }

    fn check_origin(&self, head: &RequestHead) -> Result<(), Refusal> {
        if let Some(origin) = head.origin {
            let place = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            let same = place.zip(head.host).is_some_and(|(origin, host)| origin.eq_ignore_ascii_case(host));
            // A proxy may call us by our own name.
            let of_proxy = place.is_some_and(|origin| self.hosts.iter().any(|host| host.is_origin(origin)));
            if !same && !of_proxy {
                return Err(FOREIGN_ORIGIN);
            }
        }
        match head.site {
            None | Some("none" | "same-origin") => Ok(()),
            // A link to the page, in a mail or on another site.
            Some(_) if head.is_page && head.mode == Some("navigate") => Ok(()),
            Some(_) => Err(FOREIGN_ORIGIN),
        }
    }

    fn check_token(&self, head: &RequestHead) -> Result<(), Refusal> {
        let Some(token) = &self.token else { return Ok(()) };
        let by_cookie = head.cookie.into_iter().flat_map(|all| all.split(';')).filter_map(|one| {
            let (name, value) = one.trim().split_once('=')?;
            (name == self.cookie).then_some(value)
        });
        let by_header = head.authorization.and_then(|value| value.strip_prefix("Bearer ")).or(head.token);
        // Label Studio sends a name and a password.
        let by_password = head.authorization.and_then(password);
        let by_link = head.query.and_then(|query| parameter(query, "token"));
        let mut refusal = NO_TOKEN;
        for given in by_cookie.chain(by_header).chain(by_link).chain(by_password.as_deref()) {
            if token.is(given) {
                return Ok(());
            }
            refusal = WRONG_TOKEN;
        }
        Err(refusal)
    }
}

/// The password of `Basic` credentials.
fn password(authorization: &str) -> Option<String> {
    let bytes = BASE64.decode(authorization.strip_prefix("Basic ")?.trim()).ok()?;
    Some(String::from_utf8(bytes).ok()?.split_once(':')?.1.to_owned())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // The colons of a bare IPv6 address are no port.
        Some((name, port))
            if port.bytes().all(|b| b.is_ascii_digit()) && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        _ => host,
    }
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local() -> Access {
        Access::new("127.0.0.1".parse().unwrap(), 8090, None, vec!["robot".into()], &ProxyOptions::default())
    }

    fn open(token: &Token) -> Access {
        let names = vec!["Robot".into(), "robot.local".into()];
        Access::new("0.0.0.0".parse().unwrap(), 8090, Some(token.clone()), names, &ProxyOptions::default())
    }

    fn host(host: &str) -> RequestHead<'_> {
        RequestHead { host: Some(host), ..RequestHead::default() }
    }

    #[test]
    fn names_of_others_are_refused() {
        let access = local();
        for ours in
            ["127.0.0.1:8090", "localhost", "LocalHost:9999", "[::1]:8090", "demo.localhost:1", "127.9.9.9", "robot"]
        {
            assert_eq!(access.check(&host(ours)), Ok(()), "{ours}");
        }
        for theirs in ["evil.example:8090", "192.168.1.5:8090", "localhost.evil.example", "", "127.0.0.1.evil.example"]
        {
            assert_eq!(access.check(&host(theirs)), Err(FOREIGN_HOST), "{theirs}");
        }
        assert_eq!(access.check(&RequestHead::default()), Err(FOREIGN_HOST));
    }

    #[test]
    fn a_token_is_needed_elsewhere() {
        let token = Token::random().unwrap();
        let access = open(&token);
        let head = host("192.168.1.5:8090");
        assert_eq!(access.check(&head), Err(NO_TOKEN));
        let cookie = format!("a=b; foveate-8090={}; c=d", token.reveal());
        let other_port = format!("foveate-9000={}", token.reveal());
        let bearer = format!("Bearer {}", token.reveal());
        let query = format!("x=1&token={}", token.reveal());
        assert_eq!(access.check(&RequestHead { cookie: Some(&cookie), ..head }), Ok(()));
        assert_eq!(access.check(&RequestHead { cookie: Some(&other_port), ..head }), Err(NO_TOKEN));
        assert_eq!(access.check(&RequestHead { authorization: Some(&bearer), ..head }), Ok(()));
        assert_eq!(access.check(&RequestHead { query: Some(&query), ..head }), Ok(()));
        assert_eq!(access.check(&RequestHead { query: Some("token=0"), ..head }), Err(WRONG_TOKEN));
        assert_eq!(access.check(&RequestHead { authorization: Some("Bearer "), ..head }), Err(WRONG_TOKEN));
        let foreign = RequestHead { query: Some(&query), ..host("evil.example") };
        assert_eq!(access.check(&foreign), Err(FOREIGN_HOST), "a token does not make up for a foreign name");
        let set = access.cookie_for(Some(&query)).unwrap();
        assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax"), "{set}");
        assert_eq!(access.cookie_for(Some("token=1")), None);
        assert_eq!(local().cookie_for(Some(&query)), None);
    }

    #[test]
    fn other_sites_are_refused() {
        let access = local();
        let head = host("localhost:8090");
        let from = |origin| RequestHead { origin: Some(origin), ..head };
        assert_eq!(access.check(&from("http://localhost:8090")), Ok(()));
        for theirs in ["http://evil.example", "http://localhost:3000", "null", "file://", "http://localhost"] {
            assert_eq!(access.check(&from(theirs)), Err(FOREIGN_ORIGIN), "{theirs}");
        }
        let by = |site, mode, is_page| RequestHead { site: Some(site), mode: Some(mode), is_page, ..head };
        assert_eq!(access.check(&by("cross-site", "no-cors", false)), Err(FOREIGN_ORIGIN));
        assert_eq!(access.check(&by("same-site", "no-cors", true)), Err(FOREIGN_ORIGIN), "a frame around the page");
        assert_eq!(access.check(&by("cross-site", "navigate", true)), Ok(()));
        assert_eq!(access.check(&by("cross-site", "navigate", false)), Err(FOREIGN_ORIGIN));
        assert_eq!(access.check(&by("same-origin", "cors", false)), Ok(()));
    }

    #[test]
    fn a_proxy_has_its_names_its_origin_and_its_path() {
        let proxy = ProxyOptions {
            base_path: "/foveate".parse().unwrap(),
            allowed_hosts: vec!["robot.example".parse().unwrap(), "lab.example:8443".parse().unwrap()],
            ..ProxyOptions::default()
        };
        let token = Token::random().unwrap();
        let access = Access::new("127.0.0.1".parse().unwrap(), 8090, None, Vec::new(), &proxy);
        for ours in ["robot.example", "Robot.Example:443", "lab.example:8443", "lab.example"] {
            assert_eq!(access.check(&host(ours)), Ok(()), "{ours}");
        }
        assert_eq!(access.check(&host("evil.robot.example")), Err(FOREIGN_HOST));
        let from = |origin| RequestHead { origin: Some(origin), ..host("127.0.0.1:8090") };
        for ours in ["https://robot.example", "https://lab.example:8443", "http://127.0.0.1:8090"] {
            assert_eq!(access.check(&from(ours)), Ok(()), "{ours}");
        }
        for theirs in ["https://robot.example:3000", "https://lab.example", "https://evil.example", "null"] {
            assert_eq!(access.check(&from(theirs)), Err(FOREIGN_ORIGIN), "{theirs}");
        }
        let access = Access::new("0.0.0.0".parse().unwrap(), 8090, Some(token.clone()), Vec::new(), &proxy);
        let cookie = access.cookie_for(Some(&format!("token={}", token.reveal()))).unwrap();
        assert!(cookie.contains("; Path=/foveate/; "), "{cookie}");
    }
}
