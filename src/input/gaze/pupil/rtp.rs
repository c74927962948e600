//! The Real-time Transport Protocol's packets (RFC 3550), as far as gaze needs them.

/// Seconds from 1900, where network time begins, to 1970.
const NTP_TO_UNIX: i64 = 2_208_988_800;

const SENDER_REPORT: u8 = 200;
const GOODBYE: u8 = 203;

/// One packet of a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RtpPacket<'a> {
    pub payload_type: u8,
    pub timestamp: u32,
    pub payload: &'a [u8],
}

impl<'a> RtpPacket<'a> {
    /// Reads a packet; `None` if it is none, or is shorter than it says.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        let word = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        if first >> 6 != 2 {
            return None;
        }
        let mut begin = 12 + 4 * usize::from(first & 0x0f);
        if first & 0x10 != 0 {
            let words = (word(begin)? & 0xffff) as usize;
            begin += 4 + 4 * words;
        }
        let mut end = bytes.len();
        if first & 0x20 != 0 {
            let padding = usize::from(*bytes.last()?);
            end = end.checked_sub(padding).filter(|_| padding > 0)?;
        }
        Some(RtpPacket { payload_type: second & 0x7f, timestamp: word(4)?, payload: bytes.get(begin..end)? })
    }
}

/// What a control packet says of a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Control {
    /// The stream's timestamp and the sender's wall clock of one moment.
    Report(SenderReport),
    /// The stream ends.
    Goodbye,
}

/// The stream's timestamp and the sender's wall clock of one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SenderReport {
    /// Nanoseconds since 1970.
    pub unix_ns: i64,
    pub timestamp: u32,
}

impl SenderReport {
    /// The sender's wall clock at a timestamp of the stream, in nanoseconds since 1970. `rate` is that of the stream's clock,
    /// in Hz; timestamps within half their range from the report are distinguished.
    pub fn unix_ns_at(&self, timestamp: u32, rate: u32) -> i64 {
        let ticks = timestamp.wrapping_sub(self.timestamp) as i32;
        self.unix_ns + i64::from(ticks) * 1_000_000_000 / i64::from(rate.max(1))
    }
}

/// What a compound control packet says, in order; `None` if it is none, or one of its parts is shorter than it says.
/// Reports of receivers and descriptions are skipped.
pub fn parse_control(mut bytes: &[u8]) -> Option<Vec<Control>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let [first, kind, length @ ..] = *bytes.first_chunk::<4>()?;
        if first >> 6 != 2 {
            return None;
        }
        let (part, rest) = bytes.split_at_checked(4 * (usize::from(u16::from_be_bytes(length)) + 1))?;
        bytes = rest;
        let word = |i: usize| Some(u32::from_be_bytes(part.get(4 * i..4 * i + 4)?.try_into().ok()?));
        match kind {
            SENDER_REPORT => {
                let (seconds, fraction) = (i64::from(word(2)?), i64::from(word(3)?));
                let unix_ns = (seconds - NTP_TO_UNIX) * 1_000_000_000 + ((fraction * 1_000_000_000) >> 32);
                found.push(Control::Report(SenderReport { unix_ns, timestamp: word(4)? }));
            }
            GOODBYE => found.push(Control::Goodbye),
            _ => {}
        }
    }
    Some(found)
}

/// A receiver's report without content, which lets the sender know that the stream is received.
pub fn receiver_report(ssrc: u32) -> [u8; 8] {
    let [a, b, c, d] = ssrc.to_be_bytes();
    [0x80, 201, 0, 1, a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(first: u8) -> Vec<u8> {
        let mut bytes = vec![first, 0x80 | 96, 0x01, 0x02];
        bytes.extend(7u32.to_be_bytes());
        bytes.extend(9u32.to_be_bytes());
        bytes
    }

    #[test]
    fn headers_with_every_option() {
        let plain = [header(0x80), vec![1, 2, 3]].concat();
        let expected = RtpPacket { payload_type: 96, timestamp: 7, payload: &[1, 2, 3] };
        assert_eq!(RtpPacket::parse(&plain), Some(expected));
        let sources = [header(0x82), vec![0; 8], vec![1, 2, 3]].concat();
        assert_eq!(RtpPacket::parse(&sources), Some(expected));
        let extension = [header(0x90), vec![0, 0, 0, 1, 9, 9, 9, 9], vec![1, 2, 3]].concat();
        assert_eq!(RtpPacket::parse(&extension), Some(expected));
        let padding = [header(0xa0), vec![1, 2, 3, 0, 0, 3]].concat();
        assert_eq!(RtpPacket::parse(&padding), Some(expected));
    }

    #[test]
    fn packets_that_lie_about_lengths_are_refused() {
        let rows = [
            vec![],
            header(0x40),
            header(0x80)[..11].to_vec(),
            header(0x8f),
            [header(0x90), vec![0, 0, 0xff, 0xff]].concat(),
            [header(0xa0), vec![200]].concat(),
            [header(0xa0), vec![0]].concat(),
        ];
        for row in rows {
            assert_eq!(RtpPacket::parse(&row), None, "{row:?}");
        }
        let report = sender_report(5, 6, 7);
        for short in 1..report.len() {
            assert_eq!(parse_control(&report[..short]), None, "{short}");
        }
        // A report that says that it is shorter than a report.
        assert_eq!(parse_control(&[0x80, 200, 0, 1, 0, 0, 0, 0]), None);
    }

    fn sender_report(seconds: u32, fraction: u32, timestamp: u32) -> Vec<u8> {
        let words = [9, seconds, fraction, timestamp, 0, 0];
        [vec![0x80, 200, 0, 6], words.iter().flat_map(|w: &u32| w.to_be_bytes()).collect()].concat()
    }

    #[test]
    fn reports_give_wall_clock_times() {
        let second = (NTP_TO_UNIX + 1_760_676_790) as u32;
        let compound = [sender_report(second, 1 << 31, 90_000), vec![0x81, 203, 0, 1, 0, 0, 0, 9]].concat();
        let found = parse_control(&compound).unwrap();
        let [Control::Report(report), Control::Goodbye] = found[..] else { panic!("{found:?}") };
        assert_eq!(report.unix_ns, 1_760_676_790_500_000_000);
        assert_eq!(report.unix_ns_at(90_000 + 45_000, 90_000), 1_760_676_791_000_000_000);
        assert_eq!(report.unix_ns_at(0, 90_000), 1_760_676_789_500_000_000);
        // Across the end of the timestamps' range.
        let near_end = SenderReport { timestamp: u32::MAX - 8999, ..report };
        assert_eq!(near_end.unix_ns_at(81_000, 90_000), 1_760_676_791_500_000_000);
    }

    #[test]
    fn a_receiver_report_is_a_control_packet() {
        assert_eq!(parse_control(&receiver_report(3)), Some(vec![]));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..100)) {
            let _ = (RtpPacket::parse(&bytes), parse_control(&bytes));
        }
    }
}
