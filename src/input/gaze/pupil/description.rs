use sdp_types::{Media, Session};

/// What a session description (RFC 4566) says of the stream of gaze.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    pub payload_type: u8,
    /// Of the packets' timestamps, in Hz.
    pub rate: u32,
    /// What to set up, for a request.
    pub setup_url: String,
    /// What to play.
    pub base_url: String,
}

impl Description {
    /// Reads the answer to a DESCRIBE of `url`. The first stream that has a payload type counts.
    ///
    /// # Errors
    /// If that is no description, or there is no such stream.
    pub fn parse(url: &str, content_base: Option<&str>, sdp: &[u8]) -> Result<Description, String> {
        let base_url = match content_base {
            None | Some("") => url.to_owned(),
            Some(base) if base.starts_with("rtsp://") => base.to_owned(),
            Some(base) => format!("rtsp://{base}"),
        };
        let session =
            Session::parse(sdp).map_err(|e| format!("the phone's description of the stream cannot be read: {e}"))?;
        let mut streams = session.medias.iter();
        let found = streams.find_map(|media| Some((values(media, "rtpmap").find_map(rtpmap)?, media)));
        let ((payload_type, rate), media) = found.ok_or("the phone's description of the stream has no gaze in it")?;
        let setup_url = match values(media, "control").last() {
            None | Some("" | "*") => base_url.clone(),
            Some(whole) if whole.starts_with("rtsp://") => whole.to_owned(),
            Some(part) if part.starts_with('/') || base_url.ends_with('/') => format!("{base_url}{part}"),
            Some(part) => format!("{base_url}/{part}"),
        };
        if [&base_url, &setup_url].iter().any(|url| url.contains(|c: char| c.is_control() || c == ' ')) {
            return Err("the phone's address of the stream has characters that no address has".into());
        }
        Ok(Description { payload_type, rate, setup_url, base_url })
    }
}

/// The values of one attribute of a stream.
fn values<'a>(media: &'a Media, attribute: &'a str) -> impl Iterator<Item = &'a str> {
    media.attributes.iter().filter(move |a| a.attribute == attribute).filter_map(|a| Some(a.value.as_deref()?.trim()))
}

/// Payload type and rate of `99 com.example.gaze/90000`.
fn rtpmap(map: &str) -> Option<(u8, u32)> {
    let (payload_type, encoding) = map.split_once(' ')?;
    let rate = encoding.split('/').nth(1)?.trim().parse().ok().filter(|rate| *rate > 0)?;
    Some((payload_type.parse().ok()?, rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "v=0\r\no=- 0 0 IN IP4 10.0.0.2\r\ns=Unnamed\r\nt=0 0\r\na=control:*\r\n\
                        m=application 0 RTP/AVP 99\r\na=rtpmap:99 com.pupillabs.gaze1/90000\r\na=control:trackID=1\r\n\
                        m=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000\r\na=control:trackID=0\r\n";

    #[test]
    fn the_first_stream_counts() {
        let found = Description::parse("rtsp://h:8086/?camera=gaze", None, TEXT.as_bytes()).unwrap();
        assert_eq!((found.payload_type, found.rate), (99, 90_000));
        assert_eq!(found.setup_url, "rtsp://h:8086/?camera=gaze/trackID=1");
        assert_eq!(found.base_url, "rtsp://h:8086/?camera=gaze");
    }

    #[test]
    fn the_base_and_whole_addresses_are_heeded() {
        let url = "rtsp://h:8086/?camera=gaze";
        let setup = |base, control: &str| {
            let text = TEXT.replace("trackID=1", control);
            Description::parse(url, base, text.as_bytes()).map(|found| found.setup_url)
        };
        assert_eq!(setup(Some("h:8086/"), "trackID=1").unwrap(), "rtsp://h:8086/trackID=1");
        assert_eq!(setup(Some("rtsp://h:8086/"), "*").unwrap(), "rtsp://h:8086/");
        assert_eq!(setup(None, "rtsp://other/x").unwrap(), "rtsp://other/x");
        assert!(setup(None, "a b").is_err());
        assert!(Description::parse(url, None, b"v=0\r\n").is_err());
        assert!(Description::parse(url, None, b"\xff\x00 no description").is_err());
        let rateless = TEXT.replace("/90000", "/0").replace("/48000", "");
        assert!(Description::parse(url, None, rateless.as_bytes()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = Description::parse("rtsp://h", None, &bytes);
            let _ = Description::parse("rtsp://h", None, &[TEXT.as_bytes(), &bytes].concat());
        }
    }
}
