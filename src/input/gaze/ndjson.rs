use std::time::Duration;

use serde::Deserialize;

use super::feed::{Measured, MeasuredAt, Said, ToFrame};
use super::reading::{Reading, with_quoted_infinities};
use crate::select::gaze::Channel;
use crate::text;
use crate::time::Timestamp;

/// Longest line, in bytes.
pub const MAX_LINE: usize = 4096;
/// Largest side of a frame and largest coordinate that are believed.
const MAX_PIXELS: f64 = 1e6;
/// Latest time that is believed, in seconds.
const MAX_SECONDS: f64 = 8e9;
/// Longest time from the beginning of a hand's motion to its end that is believed, in seconds.
const MAX_LEAD_S: f64 = 2.0;

/// One measurement, or what the user did beside looking, as a line of JSON; docs/gaze.md describes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    time_s: Option<f64>,
    time_ns: Option<i64>,
    #[serde(default)]
    clock: LineClock,
    #[serde(default)]
    x: Reading,
    #[serde(default)]
    y: Reading,
    size: Option<[f64; 2]>,
    #[serde(default)]
    units: Units,
    #[serde(default)]
    confidence: Reading,
    confirm: Option<Channel>,
    lead_s: Option<f64>,
    undo: Option<bool>,
}

impl Line {
    fn time(&self) -> Result<MeasuredAt, String> {
        let nanos = match (self.time_ns, self.time_s) {
            (Some(_), Some(_)) => return Err("give `time_s` or `time_ns`, not both".into()),
            (Some(nanos), None) => Some(nanos),
            (None, Some(seconds)) if seconds.abs() < MAX_SECONDS => Some((seconds * 1e9).round() as i64),
            (None, Some(_)) => return Err("`time_s` is no time".into()),
            (None, None) => None,
        };
        Ok(match (nanos, self.clock) {
            (None, LineClock::Capture) => return Err("`clock` says nothing without `time_s`".into()),
            (None, LineClock::Sender) => MeasuredAt::Arrival,
            (Some(nanos), LineClock::Sender) => MeasuredAt::Sender(nanos),
            (Some(nanos), LineClock::Capture) => {
                let nanos = u64::try_from(nanos).map_err(|_| "a time of the capture clock is not negative")?;
                MeasuredAt::Capture(Timestamp::from_nanos(nanos))
            }
        })
    }

    /// It says something else than where gaze was.
    fn is_signal(&self) -> bool {
        self.confirm.is_some() || self.undo.is_some() || self.lead_s.is_some()
    }

    fn signal(&self, time: MeasuredAt) -> Result<Said, String> {
        let absent = [self.x, self.y, self.confidence].iter().all(|reading| *reading == Reading::Absent);
        if !absent || self.size.is_some() {
            return Err("`confirm` and `undo` need a line of their own, without a place".into());
        }
        let lead = match self.lead_s {
            Some(lead) if (0.0..=MAX_LEAD_S).contains(&lead) => Some(Duration::from_secs_f64(lead)),
            Some(_) => return Err(format!("`lead_s` must be 0 to {MAX_LEAD_S}")),
            None => None,
        };
        match (self.confirm, self.undo) {
            (Some(channel), None) => Ok(Said::Confirmed { time, channel, lead }),
            (None, Some(true)) if lead.is_none() => Ok(Said::Undone { time }),
            _ => Err("give `confirm`, with `lead_s` if it is known, or `undo` true".into()),
        }
    }
}

/// Which clock a line's time is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LineClock {
    /// The sender's; its offset is estimated.
    #[default]
    Sender,
    /// The monotonic clock of this machine, on which frames are stamped.
    Capture,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Units {
    #[default]
    Pixels,
    /// Fractions of the frame.
    Normalized,
}

/// Reads one line.
///
/// # Errors
/// What is wrong with it, without a number of what it holds: where a user looks is private, also in messages.
pub fn parse(line: &[u8], to_frame: ToFrame) -> Result<Said, String> {
    if line.len() > MAX_LINE {
        return Err(too_long());
    }
    let text = text::decode(line).map_err(|reason| reason.to_string())?;
    let line: Line =
        serde_json::from_str(&with_quoted_infinities(text)).map_err(|error| without_content(&error.to_string()))?;
    let time = line.time()?;
    if line.is_signal() {
        return line.signal(time);
    }
    let confidence = match line.confidence {
        Reading::Absent => 1.0,
        Reading::Unseen => 0.0,
        Reading::Number(confidence) if (0.0..=1.0).contains(&confidence) => confidence,
        Reading::Number(_) => return Err("`confidence` must be 0 to 1".into()),
    };
    let frame = to_frame.frame();
    let size = match (line.units, line.size) {
        (Units::Normalized, Some(_)) => return Err("`size` is of pixels: leave it out with `units` normalized".into()),
        (Units::Normalized, None) => [1.0, 1.0],
        (Units::Pixels, None) => [f64::from(frame.width), f64::from(frame.height)],
        (Units::Pixels, Some(size)) if size.iter().all(|side| (1.0..=MAX_PIXELS).contains(side)) => size,
        (Units::Pixels, Some(_)) => return Err("`size` must be [width, height] of the frame in pixels".into()),
    };
    // An eye that is not seen looks nowhere.
    let nowhere = (size[0] / 2.0, size[1] / 2.0, 0.0);
    let (x, y, confidence) = match (line.x, line.y) {
        (Reading::Number(x), Reading::Number(y)) => (x, y, confidence),
        (Reading::Absent, Reading::Absent) if line.confidence != Reading::Absent && confidence == 0.0 => nowhere,
        (Reading::Absent, _) | (_, Reading::Absent) => {
            return Err("`x` and `y` must both be there, or `confidence` be 0".into());
        }
        _ => nowhere,
    };
    if x.abs() > MAX_PIXELS || y.abs() > MAX_PIXELS {
        return Err(format!("`x` or `y` is no place on a frame: more than {MAX_PIXELS} away"));
    }
    let confidence = confidence as f32;
    Ok(Said::Measured(Measured { time, point: to_frame.map(x, y, size), confidence }))
}

/// What `error`, of serde, says without the key or value that it quotes before what was expected, unless that is a plain word.
fn without_content(error: &str) -> String {
    let Some(quote) = error.find(['`', '"']) else { return error.to_owned() };
    let expected = error.rfind(", expected").filter(|at| *at > quote).unwrap_or(error.len());
    let quoted = error[quote..expected].trim_matches(['`', '"']);
    if quoted.chars().all(|c| c.is_alphabetic() || c == '_') {
        return error.to_owned();
    }
    format!("{}{}", error[..quote].trim_end(), &error[expected..])
}

/// What is wrong with a line of more than [`MAX_LINE`] bytes.
pub fn too_long() -> String {
    format!("a line of more than {MAX_LINE} bytes")
}

/// Cuts a stream of bytes into lines of limited length.
#[derive(Debug)]
pub struct LineSplitter {
    line: Vec<u8>,
    limit: usize,
    /// The present line is too long and is being skipped.
    skipping: bool,
}

impl LineSplitter {
    pub fn new(limit: usize) -> Self {
        LineSplitter { line: Vec::new(), limit, skipping: false }
    }

    /// Takes the next bytes; `each` gets every line that is complete and not blank, or `None` for one that was too long.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Option<&[u8]>)) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match part.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (part, false),
            };
            if self.line.len() + text.len() > self.limit {
                self.skipping = true;
                self.line.clear();
            }
            if !self.skipping {
                self.line.extend_from_slice(text);
            }
            if ends {
                if self.skipping {
                    each(None);
                } else if !self.line.trim_ascii().is_empty() {
                    each(Some(&self.line));
                }
                self.skipping = false;
                self.line.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::{Point, Size};

    fn read(line: &str) -> Result<Said, String> {
        parse(line.as_bytes(), ToFrame::new(Size::new(640, 480)))
    }

    #[test]
    fn lines_of_every_kind() {
        let rows = [
            (r#"{"time_s":1.5,"x":10,"y":20,"confidence":0.5}"#, MeasuredAt::Sender(1_500_000_000), (10.0, 20.0), 0.5),
            (r#"{"time_ns":-7,"x":800,"y":300,"size":[1600,1200]}"#, MeasuredAt::Sender(-7), (320.0, 120.0), 1.0),
            (r#"{"x":0.5,"y":1.25,"units":"normalized"}"#, MeasuredAt::Arrival, (320.0, 600.0), 1.0),
            (
                r#"{"time_ns":9,"clock":"capture","x":1,"y":2}"#,
                MeasuredAt::Capture(Timestamp::from_nanos(9)),
                (1.0, 2.0),
                1.0,
            ),
            (r#"{"time_s":2,"confidence":0}"#, MeasuredAt::Sender(2_000_000_000), (320.0, 240.0), 0.0),
            (
                r#"{"time_s":2,"x":null,"y":null,"confidence":0}"#,
                MeasuredAt::Sender(2_000_000_000),
                (320.0, 240.0),
                0.0,
            ),
        ];
        let sent = MeasuredAt::Sender(2_000_000_000);
        let unseen = [
            "\u{feff}{\"time_s\":2,\"x\":NaN,\"y\":2}",
            r#"{"time_s":2,"x":1,"y":-Infinity,"confidence":1}"#,
            r#"{"time_s":2,"x":null,"y":null}"#,
            r#"{"time_s":2,"x":null,"y":3,"confidence":0.9}"#,
            r#"{"time_s":2,"x":"NaN","y":"nan","confidence":"NaN"}"#,
        ];
        let unseen = unseen.map(|line| (line, sent, (320.0, 240.0), 0.0));
        let unsure = [r#"{"time_s":2,"x":8,"y":9,"confidence":NaN}"#, r#"{"time_s":2,"x":8,"y":9,"confidence":null}"#];
        let unsure = unsure.map(|line| (line, sent, (8.0, 9.0), 0.0));
        for (line, time, (x, y), confidence) in rows.into_iter().chain(unseen).chain(unsure) {
            let measured = Measured { time, point: Point::new(x, y), confidence };
            assert_eq!(read(line), Ok(Said::Measured(measured)), "{line}");
        }
    }

    #[test]
    fn what_is_done_beside_looking() {
        let (sent, arrival) = (MeasuredAt::Sender(2_500_000_000), MeasuredAt::Arrival);
        let lead = Some(Duration::from_millis(150));
        let rows = [
            (
                r#"{"time_s":2.5,"confirm":"pinch","lead_s":0.15}"#,
                Said::Confirmed { time: sent, channel: Channel::Pinch, lead },
            ),
            (r#"{"confirm":"voice"}"#, Said::Confirmed { time: arrival, channel: Channel::Voice, lead: None }),
            (r#"{"time_s":2.5,"undo":true}"#, Said::Undone { time: sent }),
        ];
        for (line, said) in rows {
            assert_eq!(read(line), Ok(said), "{line}");
        }
    }

    #[test]
    fn wrong_lines_say_what_is_wrong() {
        let rows = [
            (r#"{"confirm":"shout"}"#, "shout"),
            (r#"{"confirm":"button","x":1,"y":2}"#, "their own"),
            (r#"{"confirm":"button","undo":true}"#, "`undo` true"),
            (r#"{"undo":false}"#, "`undo` true"),
            (r#"{"lead_s":0.1}"#, "`confirm`"),
            (r#"{"confirm":"button","lead_s":-0.1}"#, "0 to 2"),
            ("", "EOF"),
            ("[1,2]", "invalid"),
            (r#"{"x":1,"y":2,"confidance":1}"#, "confidance"),
            (r#"{"x":1}"#, "both"),
            (r#"{}"#, "both"),
            (r#"{"x":1,"y":2,"confidence":1.5}"#, "0 to 1"),
            (r#"{"x":1,"y":2,"confidence":-1}"#, "0 to 1"),
            (r#"{"x":1e300,"y":2}"#, "no place"),
            (r#"{"x":NaN}"#, "both"),
            (r#"{"x":1,"y":2,"time_s":NaN}"#, "invalid type"),
            (r#"{"x":"a","y":2}"#, "a text where a number"),
            ("\u{feff}\u{feff}{}", "expected"),
            (r#"{"x":1,"y":2,"size":[0,5]}"#, "`size`"),
            (r#"{"x":1,"y":2,"size":[9,9],"units":"normalized"}"#, "leave it out"),
            (r#"{"x":1,"y":2,"units":"inches"}"#, "inches"),
            (r#"{"x":1,"y":2,"time_s":1,"time_ns":1}"#, "not both"),
            (r#"{"x":1,"y":2,"time_s":1e200}"#, "no time"),
            (r#"{"x":1,"y":2,"clock":"capture"}"#, "without"),
            (r#"{"x":1,"y":2,"clock":"capture","time_s":-1}"#, "not negative"),
        ];
        let wrong: Vec<String> = rows
            .iter()
            .filter_map(|(line, expected)| match read(line) {
                Err(reason) if reason.contains(expected) => None,
                other => Some(format!("{line}: {other:?}")),
            })
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    proptest! {
        /// Whatever is wrong with a line and wherever, its number is not quoted.
        #[test]
        fn no_reason_quotes_a_number(
            key in prop::sample::select(vec![
                "time_s", "time_ns", "clock", "x", "y", "size", "units", "confidence", "confirm", "lead_s", "undo", "gaze",
            ]),
            form in prop::sample::select(vec![
                "N", "-N", "\"N\"", "[N]", "[N,N]", "{\"N\":N}", "Ne300", "N.5.5", "\"a\\\"N, expected N\"", "nullN",
            ]),
            is_key in any::<bool>(),
        ) {
            const MARKER: &str = "7654321.25";
            let value = form.replace('N', MARKER);
            let line = match is_key {
                true => format!(r#"{{"x":1,"y":2,"{MARKER}":{value}}}"#),
                false => format!(r#"{{"x":1,"{key}":{value}}}"#),
            };
            let reason = read(&line).err().unwrap_or_default();
            prop_assert!(!reason.contains("7654321"), "{line}: {reason}");
        }
    }

    #[test]
    fn reasons_say_nothing_of_where_somebody_looks() {
        let lines = [
            r#"{"x":641.25,"y":1e300}"#,
            r#"{"x":"641.25","y":2}"#,
            r#"{"x":[641.25],"y":2}"#,
            "[641.25,2]",
            "641.25",
            r#"{"x":641.25,"y":2,"units":641.25}"#,
            r#"{"x":641.25,"y":2,"size":"641.25"}"#,
            r#"{"x":641.25,"y":2,"time_s":"641.25"}"#,
            r#"{"x":641.25"#,
            r#"{"x":641.25,"x":641.25}"#,
        ];
        for line in lines {
            let reason = read(line).unwrap_err();
            assert!(!reason.contains("641"), "{line}: {reason}");
        }
    }

    #[test]
    fn lines_are_cut_wherever_they_arrive_in_pieces() {
        let text = b"one\n\r\n two\r\nthis one is too long\nfour\nfi";
        let whole = |step: usize| {
            let mut splitter = LineSplitter::new(8);
            let mut lines = Vec::new();
            for piece in text.chunks(step) {
                splitter.push(piece, |line| lines.push(line.map(|l| l.trim_ascii().to_vec())));
            }
            lines
        };
        let expected = [Some(b"one".to_vec()), Some(b"two".to_vec()), None, Some(b"four".to_vec())];
        for step in 1..=text.len() {
            assert_eq!(whole(step), expected, "in pieces of {step}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = parse(&bytes, ToFrame::new(Size::new(640, 480)));
        }
    }
}
