use std::time::Duration;

use ureq::config::ConfigBuilder;
use ureq::typestate::AgentScope;
use ureq::{Proxy, ProxyProtocol};

use crate::error::DownloadError;
use crate::text::address_without_password;

/// Longest wait for a connection and for the head of an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What asks `address`, to be configured further: through the proxy that the environment names for its scheme (`HTTPS_PROXY` or
/// `HTTP_PROXY`, else `ALL_PROXY`, in capitals or not, unless `NO_PROXY` lists the host), trusting the system's root certificates, and never
/// led from https to plain http. A status of 400 and more is an answer like any other.
///
/// # Errors
/// [`DownloadError::Address`] for what is no http or https address, or https in a build without TLS; [`DownloadError::Proxy`].
pub fn agent(address: &str) -> Result<ConfigBuilder<AgentScope>, DownloadError> {
    let wrong =
        |reason: &str| DownloadError::Address { address: address_without_password(address), reason: reason.into() };
    let uri: ureq::http::Uri = address.parse().map_err(|_| wrong("it is no address: give http://… or https://…"))?;
    let secure = match (uri.scheme_str(), uri.host()) {
        (_, None | Some("")) => return Err(wrong("it names no host: give http://HOST/… or https://HOST/…")),
        (Some("https"), _) => true,
        (Some("http"), _) => false,
        _ => return Err(wrong("only http:// and https:// are fetched")),
    };
    let config = ureq::Agent::config_builder()
        .user_agent(concat!("foveate/", env!("CARGO_PKG_VERSION")))
        // Lengths and offsets are those of the file itself.
        .accept_encoding("identity")
        .http_status_as_error(false)
        .https_only(secure)
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .proxy(proxy(secure)?);
    with_roots(config, secure).map_err(|reason| wrong(&reason))
}

#[cfg(feature = "download")]
fn with_roots(config: ConfigBuilder<AgentScope>, secure: bool) -> Result<ConfigBuilder<AgentScope>, String> {
    use std::sync::Arc;

    use ureq::tls::{Certificate, RootCerts, TlsConfig};

    // A proxy may be asked by https for a plain address.
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() && secure {
        let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
        return Err(format!(
            "this system has no root certificates{why}, by which servers are known: install the package ca-certificates, set SSL_CERT_FILE, \
             or fetch the file elsewhere and give it with --from"
        ));
    }
    let roots: Vec<_> = found.certs.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    Ok(config.tls_config(tls))
}

#[cfg(not(feature = "download"))]
fn with_roots(config: ConfigBuilder<AgentScope>, secure: bool) -> Result<ConfigBuilder<AgentScope>, String> {
    match secure {
        false => Ok(config),
        true => {
            Err("this program was built without TLS (the feature `download`): fetch the file with another program \
                     and give it with --from"
                .into())
        }
    }
}

/// The proxy that the environment names.
fn proxy(secure: bool) -> Result<Option<Proxy>, DownloadError> {
    let own: [&'static str; 2] = if secure { ["HTTPS_PROXY", "https_proxy"] } else { ["HTTP_PROXY", "http_proxy"] };
    let set = |variable: &'static str| {
        let value = std::env::var(variable).ok().filter(|value| !value.trim().is_empty())?;
        Some((variable, value))
    };
    let Some((variable, value)) = own.into_iter().chain(["ALL_PROXY", "all_proxy"]).find_map(set) else {
        return Ok(None);
    };
    let wrong = |reason: String| DownloadError::Proxy { variable, reason };
    let told = Proxy::new(value.trim()).map_err(|error| wrong(error.to_string()))?;
    if !matches!(told.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) {
        return Err(wrong("SOCKS is not spoken".into()));
    }
    let mut proxy = Proxy::builder(told.protocol()).host(told.host()).port(told.port());
    if let Some(user) = told.username() {
        proxy = proxy.username(user);
    }
    if let Some(password) = told.password() {
        proxy = proxy.password(password);
    }
    let direct = ["NO_PROXY", "no_proxy"].into_iter().find_map(set).map(|(_, hosts)| hosts).unwrap_or_default();
    for host in direct.split(',').map(str::trim).filter(|host| !host.is_empty()) {
        proxy = proxy.no_proxy(host);
    }
    proxy.build().map(Some).map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_web_are_asked() {
        for address in ["", "models/a.onnx", "ftp://host/a", "file:///etc/passwd", "http://", "https:///a"] {
            let refused = agent(address).err().unwrap_or_else(|| panic!("{address}")).to_string();
            assert!(refused.contains("http"), "{refused}");
        }
        assert!(agent("http://127.0.0.1:1/a").is_ok());
    }
}
