//! Live streams to an RTSP server (MediaMTX, GStreamer, a media server): ANNOUNCE and RECORD, through ffmpeg.

use super::overlay::Painter;
use super::{Place, Sink, SinkAddress, VideoOptions};
use crate::address::{self, AddressError};
use crate::error::Result;
use crate::frame;
use crate::record::FrameRecord;
use crate::text::address_without_password;
use crate::video::LiveOutput;

/// Reads the place of `rtsp://HOST/PATH`; behind a last question mark options as [`VideoOptions`]. A password is not part of what
/// the address is written as.
pub(super) fn address(place: Option<&str>) -> Result<SinkAddress, AddressError> {
    let (url, query, options) = parse(place)?;
    let mut written = address_without_password(&url);
    if !query.is_empty() {
        written.push_str(&format!("?{query}"));
    }
    Ok(SinkAddress::new(written, Place::Elsewhere, move || RtspSink::open(&url, options)))
}

/// The server's address, and our own options as written and as read.
fn parse(place: Option<&str>) -> Result<(String, &str, VideoOptions), AddressError> {
    let place = address::path(place)?;
    // Other queries are the server's.
    let is_ours = |query: &str| query.starts_with("boxes") || query.starts_with("share_gaze");
    let (path, query) = place.rsplit_once('?').filter(|(_, query)| is_ours(query)).unwrap_or((place, ""));
    let host = path.strip_prefix("//").filter(|rest| !rest.is_empty() && !rest.starts_with('/'));
    if host.is_none() || path.contains(char::is_whitespace) {
        return Err(AddressError::Form);
    }
    Ok((format!("rtsp:{path}"), query, VideoOptions::parse(query)?))
}

/// Sends the frames with masks, prompts and labels drawn over them to an RTSP server, as they come. A server that is lost, or not
/// there yet, is told once and tried again until the stream ends; frames that come meanwhile are dropped.
pub struct RtspSink {
    name: String,
    options: VideoOptions,
    painter: Painter,
    rgb: Vec<u8>,
    output: LiveOutput,
}

impl RtspSink {
    /// Sends to the server of this address, from the first frame on.
    ///
    /// # Errors
    /// [`VideoError`](crate::error::VideoError): no ffmpeg.
    pub fn open(url: &str, options: VideoOptions) -> Result<Self> {
        Ok(RtspSink {
            name: address_without_password(url),
            options,
            painter: options.painter(),
            rgb: Vec::new(),
            output: LiveOutput::to_rtsp(url)?,
        })
    }
}

impl Sink for RtspSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn shares_gaze(&self) -> bool {
        self.options.share_gaze
    }

    fn frame(&mut self, record: &FrameRecord) -> Result<()> {
        self.output.check()?;
        let Some(frame) = record.frame.as_ref().filter(|_| self.output.wants_pictures()) else { return Ok(()) };
        frame::to_rgb(frame, &mut self.rgb)?;
        self.painter.draw(&mut self.rgb, frame.size, record);
        self.output.send(&mut self.rgb, frame.size, record.time_s);
        Ok(())
    }

    fn finish(&mut self, _: &serde_json::Value) -> Result<()> {
        Ok(self.output.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_a_server_and_hide_its_password() {
        let of = |place: &str| parse(Some(place)).map(|(url, _, options)| (url, options.boxes, options.share_gaze));
        assert_eq!(of("//host/live?x=1"), Ok(("rtsp://host/live?x=1".into(), false, false)));
        assert_eq!(of("//host:8554/live?boxes=true"), Ok(("rtsp://host:8554/live".into(), true, false)));
        assert_eq!(of("//host/a?x=1?share_gaze=true"), Ok(("rtsp://host/a?x=1".into(), false, true)));
        for place in ["", "//", "host/live", "///live", "//host/a b"] {
            assert_eq!(of(place), Err(AddressError::Form), "{place}");
        }
        assert!(matches!(of("//host/live?boxes=2"), Err(AddressError::Value(_))));
        let address: SinkAddress = "rtsp://me:secret@host:8554/live?boxes=true".parse().unwrap();
        assert_eq!(address.to_string(), "rtsp://me:***@host:8554/live?boxes=true");
        let address: SinkAddress = "rtsp://host/live?jwt=secret".parse().unwrap();
        assert_eq!(address.to_string(), "rtsp://host/live?…");
        assert!(!format!("{address:?}").contains("secret") && !address.is_stdout());
    }
}
