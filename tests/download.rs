//! Files from a server on the loopback interface that cuts, lies and forgets.

#[path = "common/web.rs"]
mod web;

use std::path::{Path, PathBuf};

use foveate::Error;
use foveate::download::{Fetch, Pin, Watch, fetch};
use foveate::error::DownloadError;
use sha2::{Digest, Sha256};
use web::{Web, answer, whole};

const LIMIT: u64 = 1 << 20;

fn content() -> Vec<u8> {
    (0..100_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn pin(content: &[u8]) -> Pin {
    let sha256 = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    Pin { sha256: Some(sha256), ..Pin::default() }
}

/// Looks on, and stops at so many bytes.
struct Until(u64);

impl Watch for Until {
    fn at(&mut self, done: u64, _: Option<u64>) -> bool {
        done < self.0
    }
}

fn get(web: &Web, target: &Path, pin: &Pin, limit: u64, stop_at: u64) -> Result<String, Error> {
    let address = format!("{}/a.onnx", web.address);
    fetch(&Fetch { address: &address, pin, limit }, target, &mut Until(stop_at)).map(|found| found.sha256)
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("a.onnx");
    (dir, target)
}

fn files(dir: &Path) -> usize {
    std::fs::read_dir(dir).unwrap().count()
}

/// The first byte that a request asks for.
fn from(head: &str) -> Option<usize> {
    let range = head.lines().find_map(|line| line.to_lowercase().strip_prefix("range: bytes=").map(str::to_owned))?;
    range.trim_end_matches('-').parse().ok()
}

/// Of `body` what a request asks for, tagged, cut off after `most` bytes.
fn ranged(head: &str, body: &[u8], most: usize) -> Vec<u8> {
    let tag = "ETag: \"one\"".to_owned();
    let first = from(head).unwrap_or(0);
    let rest = &body[first..];
    let length = format!("Content-Length: {}", rest.len());
    let sent = &rest[..rest.len().min(most)];
    match from(head) {
        Some(_) => {
            let range = format!("Content-Range: bytes {first}-{}/{}", body.len() - 1, body.len());
            answer("206 Partial Content", &[tag, length, range], sent)
        }
        None => answer("200 OK", &[tag, length], sent),
    }
}

#[test]
fn a_cut_is_gone_on_from() {
    let (dir, target) = folder();
    let web = Web::serve(|_, head| ranged(head, &content(), 40_000));
    assert_eq!(get(&web, &target, &pin(&content()), LIMIT, u64::MAX).unwrap(), pin(&content()).sha256.unwrap());
    assert_eq!(std::fs::read(&target).unwrap(), content());
    assert_eq!(files(dir.path()), 1, "the partial file is gone");
    let heads = web.heads();
    let asked: Vec<Option<usize>> = heads.iter().map(|head| from(head)).collect();
    assert_eq!(asked, [None, Some(40_000), Some(80_000)]);
    assert!(heads[1].to_lowercase().contains("if-range: \"one\""), "{}", heads[1]);
}

#[test]
fn another_call_goes_on_where_one_was_stopped() {
    let (dir, target) = folder();
    let web = Web::serve(|_, head| ranged(head, &content(), usize::MAX));
    let stopped = get(&web, &target, &pin(&content()), LIMIT, 1).unwrap_err();
    assert!(matches!(stopped, Error::Download(DownloadError::Stopped { done }) if done > 0), "{stopped}");
    assert!(!target.exists() && files(dir.path()) == 2);
    get(&web, &target, &pin(&content()), LIMIT, u64::MAX).unwrap();
    assert!(from(&web.heads()[1]).is_some_and(|first| first > 0));
    assert_eq!(std::fs::read(&target).unwrap(), content());
}

#[test]
fn a_server_without_ranges_begins_anew() {
    let (_dir, target) = folder();
    let web = Web::serve(|number, _| {
        let all = whole(&content());
        if number == 0 { all[..50_000].to_vec() } else { all }
    });
    get(&web, &target, &pin(&content()), LIMIT, u64::MAX).unwrap();
    assert_eq!(std::fs::read(&target).unwrap(), content());
}

#[test]
fn a_range_of_another_file_or_place_is_not_joined() {
    // The rest of another file, then the whole of the right one.
    let (_dir, target) = folder();
    let web = Web::serve(|number, head| match number {
        0 => ranged(head, &content(), 30_000),
        1 => ranged(head, &vec![7; 100_000], usize::MAX),
        _ => whole(&content()),
    });
    get(&web, &target, &pin(&content()), LIMIT, u64::MAX).unwrap();
    assert_eq!(std::fs::read(&target).unwrap(), content());
    assert_eq!(web.heads().len(), 3);

    let (_dir, target) = folder();
    let web = Web::serve(|number, head| match number {
        0 => ranged(head, &content(), 30_000),
        1 => answer(
            "206 Partial Content",
            &["Content-Range: bytes 5-9/100000".into(), "Content-Length: 5".into()],
            b"12345",
        ),
        _ => whole(&content()),
    });
    get(&web, &target, &pin(&content()), LIMIT, u64::MAX).unwrap();
    assert_eq!(std::fs::read(&target).unwrap(), content());
}

#[test]
fn a_cut_at_the_very_end_asks_for_nothing_more() {
    let (dir, target) = folder();
    std::fs::write(dir.path().join("a.onnx.part"), content()).unwrap();
    let web = Web::serve(|_, _| {
        answer("416 Range Not Satisfiable", &["Content-Range: bytes */100000".into(), "Content-Length: 0".into()], b"")
    });
    let notes = format!("address = \"{}/a.onnx\"\n", web.address);
    std::fs::write(dir.path().join("a.onnx.part.toml"), notes).unwrap();
    get(&web, &target, &pin(&content()), LIMIT, u64::MAX).unwrap();
    assert_eq!(std::fs::read(&target).unwrap(), content());
}

#[test]
fn what_is_left_of_another_address_is_not_gone_on_with() {
    let (dir, target) = folder();
    std::fs::write(dir.path().join("a.onnx.part"), [7; 500]).unwrap();
    std::fs::write(dir.path().join("a.onnx.part.toml"), "address = \"http://elsewhere/a.onnx\"\n").unwrap();
    let web = Web::serve(|_, head| ranged(head, &content(), usize::MAX));
    get(&web, &target, &pin(&content()), LIMIT, u64::MAX).unwrap();
    assert_eq!(from(&web.heads()[0]), None);
}

#[test]
fn another_file_is_refused_and_what_was_there_stays() {
    let (dir, target) = folder();
    std::fs::write(&target, "mine").unwrap();
    let web = Web::serve(|_, _| whole(b"<html>please log in</html>"));
    let refused = get(&web, &target, &pin(&content()), LIMIT, u64::MAX).unwrap_err();
    assert!(matches!(refused, Error::Download(DownloadError::Mismatch { kind: "SHA-256", .. })), "{refused}");
    assert!(refused.to_string().contains("web page"), "{refused}");
    assert_eq!(std::fs::read(&target).unwrap(), b"mine");
    assert_eq!(files(dir.path()), 1);
}

#[test]
fn no_file_is_longer_than_it_may_be() {
    type Row = (&'static str, fn() -> Vec<u8>);
    let rows: [Row; 3] = [
        ("declared", || answer("200 OK", &["Content-Length: 100000000000".into()], b"x")),
        ("not declared", || answer("200 OK", &[], &content())),
        ("in chunks", || {
            let mut body = format!("{:x}\r\n", 100_000).into_bytes();
            body.extend(content());
            body.extend(b"\r\n0\r\n\r\n");
            answer("200 OK", &["Transfer-Encoding: chunked".into()], &body)
        }),
    ];
    for (name, long) in rows {
        let (dir, target) = folder();
        let web = Web::serve(move |_, _| long());
        let refused = get(&web, &target, &pin(&content()), 50_000, u64::MAX).unwrap_err();
        assert!(matches!(refused, Error::Download(DownloadError::TooLarge { limit: 50_000, .. })), "{name}: {refused}");
        assert_eq!(files(dir.path()), 0, "{name}");
    }
}

#[test]
fn a_refusal_is_told_at_once_and_a_busy_server_asked_again() {
    let (dir, target) = folder();
    let web = Web::serve(|_, _| answer("404 Not Found", &["Content-Length: 0".into()], b""));
    let refused = get(&web, &target, &pin(&content()), LIMIT, u64::MAX).unwrap_err().to_string();
    assert!(refused.contains("404") && refused.contains("--from") && web.heads().len() == 1, "{refused}");
    assert_eq!(files(dir.path()), 0);
    let web = Web::serve(|number, _| match number {
        0 => answer("503 Service Unavailable", &["Content-Length: 0".into()], b""),
        _ => whole(&content()),
    });
    get(&web, &target, &pin(&content()), LIMIT, u64::MAX).unwrap();
}

#[test]
fn a_redirection_is_followed() {
    let (_dir, target) = folder();
    let web = Web::serve(|_, head| match head.starts_with("GET /a.onnx ") {
        true => answer("302 Found", &["Location: /elsewhere".into(), "Content-Length: 0".into()], b""),
        false => whole(&content()),
    });
    get(&web, &target, &pin(&content()), LIMIT, u64::MAX).unwrap();
    assert!(web.heads()[1].starts_with("GET /elsewhere "));
}
