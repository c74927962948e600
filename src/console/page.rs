//! The page and what belongs to it, within the program: nothing is asked of any other machine.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// A file of the page.
pub struct Asset {
    /// The path of its address.
    pub path: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

impl Asset {
    /// The file with its type; browsers ask each time whether it has changed.
    pub fn response(&self) -> Response {
        ([(header::CONTENT_TYPE, self.kind), (header::CACHE_CONTROL, "no-cache")], self.bytes).into_response()
    }
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! asset {
    ($path:literal, $kind:expr, $file:literal) => {
        Asset { path: $path, kind: $kind, bytes: include_bytes!(concat!("page/", $file)) }
    };
}

/// Every file of the page.
pub static ASSETS: [Asset; 14] = [
    asset!("/", HTML, "index.html"),
    asset!("/console.css", "text/css; charset=utf-8", "console.css"),
    asset!("/icon.svg", "image/svg+xml", "icon.svg"),
    asset!("/app.webmanifest", "application/manifest+json", "app.webmanifest"),
    asset!("/main.js", SCRIPT, "main.js"),
    asset!("/store.js", SCRIPT, "store.js"),
    asset!("/link.js", SCRIPT, "link.js"),
    asset!("/view.js", SCRIPT, "view.js"),
    asset!("/pointer.js", SCRIPT, "pointer.js"),
    asset!("/keys.js", SCRIPT, "keys.js"),
    asset!("/objects.js", SCRIPT, "objects.js"),
    asset!("/panels.js", SCRIPT, "panels.js"),
    asset!("/plot.js", SCRIPT, "plot.js"),
    asset!("/save.js", SCRIPT, "save.js"),
];

/// Every file of the page that shows several cameras.
pub static CAMERAS_ASSETS: [Asset; 4] = [
    asset!("/", HTML, "cameras.html"),
    asset!("/cameras.css", "text/css; charset=utf-8", "cameras.css"),
    asset!("/cameras.js", SCRIPT, "cameras.js"),
    asset!("/icon.svg", "image/svg+xml", "icon.svg"),
];

/// The page that gives the reason why there is none.
pub fn refusal(status: StatusCode, reason: &str) -> Response {
    let text = include_str!("page/refused.html").replace("{reason}", reason);
    (status, [(header::CONTENT_TYPE, HTML)], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The security policy lets nothing in from outside and no script or style within the page; the page must not need it.
    #[test]
    fn the_page_asks_nothing_of_others_and_every_part_is_served() {
        for (asset, all) in ASSETS
            .iter()
            .map(|asset| (asset, &ASSETS[..]))
            .chain(CAMERAS_ASSETS.iter().map(|asset| (asset, &CAMERAS_ASSETS[..])))
        {
            let text = std::str::from_utf8(asset.bytes).unwrap();
            let foreign = text.match_indices("://").filter(|(at, _)| {
                let rest = &text[at + 3..];
                // Names of XML, which nobody fetches, and the page's own address.
                !rest.starts_with("www.w3.org/") && !rest.starts_with("${")
            });
            assert_eq!(foreign.count(), 0, "{}", asset.path);
            if asset.kind == HTML {
                assert!(!text.contains("<style") && !text.contains(" style=") && !text.contains(" onclick="));
                assert!(!text.contains("<script>"));
            }
            let quoted = text.split(['"', '\'']).filter(|q| !q.contains(char::is_whitespace));
            for name in quoted.filter(|q| q.starts_with("./") || (q.starts_with('/') && q.contains('.'))) {
                let path = name.trim_start_matches('.').split('?').next().unwrap();
                let served = all.iter().any(|a| a.path == path) || path.starts_with("/api/") || path == "/ws";
                assert!(served, "{} names {name}, which is not served", asset.path);
            }
        }
    }
}
