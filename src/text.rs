//! Text from outside: UTF-8, without the byte order mark that some programs put before it.

use std::fmt;

const MARK: &str = "\u{feff}";

/// Why bytes are no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotText {
    /// They begin with a byte order mark of UTF-16.
    Utf16,
    /// They are not UTF-8.
    NotUtf8,
}

impl fmt::Display for NotText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotText::Utf16 => "UTF-16 text: save it as UTF-8",
            NotText::NotUtf8 => "not UTF-8 text: save it as UTF-8",
        })
    }
}

impl std::error::Error for NotText {}

/// The text that bytes are in UTF-8, without a byte order mark.
///
/// # Errors
/// If it is UTF-16 by its mark, or no UTF-8.
pub fn decode(bytes: &[u8]) -> Result<&str, NotText> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(NotText::Utf16);
    }
    std::str::from_utf8(bytes).map(without_mark).map_err(|_| NotText::NotUtf8)
}

/// The same text without a byte order mark at its beginning.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix(MARK).unwrap_or(text)
}

/// Bytes as hexadecimal digits, two a byte, in lower case.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The same text with the passwords of addresses (`rtsp://user:password@host`) replaced by asterisks, for messages and records.
pub fn without_passwords(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let word = &after[..after.find(|c: char| c.is_whitespace() || c == '"' || c == '\'').unwrap_or(after.len())];
        let host = &word[..word.find('/').unwrap_or(word.len())];
        // What stands behind a colon and is no port is a password, which may hold a slash.
        let is_port = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let within = match host.rsplit_once('@') {
            Some((user, _)) => Some(user),
            None if host.split_once(':').is_some_and(|(_, port)| !is_port(port)) => {
                word.rsplit_once('@').map(|(user, _)| user)
            }
            None => None,
        };
        rest = match within.and_then(|user| Some((user.split_once(':')?.0, user.len()))) {
            Some((name, length)) => {
                out.push_str(name);
                out.push_str(":***");
                &after[length..]
            }
            None => after,
        };
    }
    out.push_str(rest);
    out
}

/// One address, known to be no more than that, without its password and without its query, which may hold another. Where it is not
/// clear what is password and what path, more is left out.
pub fn address_without_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return without_passwords(address) };
    let (head, query) = rest.split_once('?').map_or((rest, None), |(head, query)| (head, Some(query)));
    // A question mark may be the password's.
    let (head, query) = if head.contains('@') || !rest.contains('@') { (head, query) } else { (rest, None) };
    let shown = match head.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, _)) => format!("{name}:***@{host}"),
            None => head.to_owned(),
        },
        None => head.to_owned(),
    };
    let query = if query.is_some() { "?…" } else { "" };
    format!("{scheme}://{shown}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_taken_off_and_other_encodings_are_named() {
        assert_eq!(decode("\u{feff}a\u{feff}".as_bytes()), Ok("a\u{feff}"));
        assert_eq!((decode(b"a"), decode(b""), decode(b"\xef\xbb\xbf")), (Ok("a"), Ok(""), Ok("")));
        for wide in [b"\xff\xfe{\0", b"\xfe\xff\0{"] {
            assert_eq!(decode(wide), Err(NotText::Utf16));
        }
        assert_eq!(decode(b"caf\xe9"), Err(NotText::NotUtf8));
        assert_eq!(decode(b"\xef\xbb"), Err(NotText::NotUtf8));
    }

    #[test]
    fn an_address_that_is_known_whole_keeps_no_secret() {
        let rows = [
            ("rtsp://me:it's@cam/live", "rtsp://me:***@cam/live"),
            ("rtsp://me:12/34@cam/live", "rtsp://me:***@cam/live"),
            ("rtsp://me:a?b@cam/live", "rtsp://me:***@cam/live"),
            ("rtsp://me:p@ss/w@cam/x", "rtsp://me:***@cam/x"),
            ("rtsp://cam:8554/live?jwt=secret", "rtsp://cam:8554/live?…"),
            ("rtsp://me@cam/live", "rtsp://me@cam/live"),
            ("rtsp://cam:8554/live", "rtsp://cam:8554/live"),
        ];
        for (text, expected) in rows {
            assert_eq!(address_without_password(text), expected);
        }
    }

    #[test]
    fn passwords_of_addresses_are_left_out_wherever_they_are() {
        let rows = [
            ("rtsp://me:secret@cam:8554/live", "rtsp://me:***@cam:8554/live"),
            ("rtsp://me:a@b:c@cam/x failed; http://u:p@h", "rtsp://me:***@cam/x failed; http://u:***@h"),
            ("rtsp://me:se/cr:et@cam/x", "rtsp://me:***@cam/x"),
            ("rtsp://me@cam:80/x@y", "rtsp://me@cam:80/x@y"),
            ("http://cam/a:b@c", "http://cam/a:b@c"),
            ("no address: a@b", "no address: a@b"),
            ("gst:rtspsrc location=rtsp://u:p@h latency=0", "gst:rtspsrc location=rtsp://u:***@h latency=0"),
            ("://", "://"),
        ];
        for (text, expected) in rows {
            assert_eq!(without_passwords(text), expected);
        }
    }
}
