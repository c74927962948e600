use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value};

use crate::address::{self, AddressError};
use crate::error::{ConfigError, IoError, Result, nearest_name};
use crate::geometry::{BoundingBox, Label, LabeledPoint};
use crate::segment::{WrittenError, written_box, written_id, written_label, written_point};
use crate::text;
use crate::track::ObjectId;

use super::{PromptAddress, PromptSource};
use crate::session::{Intent, Request};

/// Longest script that is read.
const MAX_BYTES: u64 = 16 << 20;

const KEYS: [&str; 5] = ["time_s", "object", "points", "box", "release"];

/// A script of prompts: NDJSON, one prompt a line, times in seconds from the source's first frame, coordinates in pixels of
/// the frame.
///
/// ```json
/// {"time_s":1.5,"object":1,"points":[[430,250,1],[20,30,0]],"box":[400,200,500,300]}
/// {"time_s":4,"object":1,"release":true}
/// ```
///
/// A point is `[x, y, label]`, label 1 foreground (the default) and 0 background; the part of a box outside the frame is cut
/// off. Numbers may be written with a point, as in `1.0`. Blank lines are skipped. Lines may come in
/// any order; lines of one time keep theirs.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    events: VecDeque<Request>,
}

impl Script {
    /// Reads and checks a whole script.
    ///
    /// # Errors
    /// If the file cannot be read or a line is wrong; the message names file and line.
    pub fn read(path: &Path) -> Result<Self> {
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(IoError::when("read", path))?;
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(IoError::when("read", path))?;
        let origin = path.display().to_string();
        let invalid = |reason: &str| ConfigError::Invalid { origin: origin.clone(), reason: reason.to_owned() };
        if bytes.len() as u64 > MAX_BYTES {
            return Err(invalid("a script of more than 16 MiB is refused: split it").into());
        }
        let text = text::decode(&bytes).map_err(|reason| invalid(&reason.to_string()))?;
        Ok(Script::parse(&origin, text)?)
    }

    /// Parses a script; `origin` is the name by which errors call it.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] with the number of the first wrong line.
    pub fn parse(origin: &str, text: &str) -> Result<Self, ConfigError> {
        let mut events = Vec::new();
        for (i, line) in text::without_mark(text).lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let event = parse_line(line)
                .map_err(|reason| ConfigError::Invalid { origin: format!("{origin}, line {}", i + 1), reason })?;
            events.push(event);
        }
        events.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
        Ok(Script { events: events.into() })
    }

    /// The requests that were not given out yet, in the order of their time.
    pub fn remaining(&self) -> impl ExactSizeIterator<Item = &Request> {
        self.events.iter()
    }
}

impl PromptSource for Script {
    fn poll(&mut self, until_s: f64, out: &mut Vec<Request>) {
        while self.events.front().is_some_and(|e| e.time_s <= until_s) {
            out.extend(self.events.pop_front());
        }
    }

    fn is_finished(&self) -> bool {
        self.events.is_empty()
    }
}

fn parse_line(line: &str) -> Result<Request, String> {
    let object: Map<String, Value> = serde_json::from_str(line)
        .map_err(|e| format!("not a JSON object (column {}): write {{\"time_s\":1.5,\"object\":1,...}}", e.column()))?;
    if let Some(key) = object.keys().find(|k| !KEYS.contains(&k.as_str())) {
        let meant = nearest_name(key, KEYS).map(|n| format!(" (did you mean `{n}`?)")).unwrap_or_default();
        return Err(format!("unknown key `{key}`{meant}: keys are {}", KEYS.join(", ")));
    }
    let time_s = match object.get("time_s").and_then(Value::as_f64) {
        Some(t) if t.is_finite() && t >= 0.0 => t,
        _ => return Err("`time_s` must be a number of seconds, 0 or more".into()),
    };
    let id = object.get("object").and_then(Value::as_f64).and_then(written_id);
    let Some(id) = id else {
        return Err(format!("`object` must be a whole number from 0 to {}", ObjectId::MAX));
    };
    let release = match object.get("release") {
        None => false,
        Some(Value::Bool(release)) => *release,
        Some(_) => return Err("`release` must be true or false".into()),
    };
    let points = object.get("points").map_or(Ok(Vec::new()), parse_points)?;
    let bbox = object.get("box").map(parse_box).transpose()?;
    let intent = match (release, points.is_empty() && bbox.is_none()) {
        (true, true) => Intent::Release { object: id },
        (true, false) => return Err("a release takes neither `points` nor `box`: use a line of its own".into()),
        (false, true) => return Err("nothing is asked for: give `points`, `box` or `release`".into()),
        (false, false) => Intent::Prompt { object: Some(id), points, bbox },
    };
    Ok(Request::new(time_s, intent))
}

fn parse_points(value: &Value) -> Result<Vec<LabeledPoint>, String> {
    const FORM: &str = "`points` must be a list of [x, y, label], label 1 foreground or 0 background";
    let point = |value: &Value| {
        let (x, y, label) = match value.as_array().map(Vec::as_slice) {
            Some([x, y]) => (x, y, Label::Foreground),
            Some([x, y, label]) => {
                let label = label.as_f64().and_then(|label| written_label(label).ok());
                (x, y, label.ok_or_else(|| FORM.to_owned())?)
            }
            _ => return Err(FORM.to_owned()),
        };
        let (x, y) = (number(x, "points")?, number(y, "points")?);
        // Beside every frame, which is known before there is one.
        if let Some(outside) = [x, y].into_iter().find(|v| *v < 0.0) {
            return Err(format!("`points` has the coordinate {outside}: give pixels of the frame, 0 or more"));
        }
        let point = written_point(x, y).map_err(|error| format!("`points` {error}"))?;
        Ok(LabeledPoint { point, label })
    };
    value.as_array().ok_or_else(|| FORM.to_owned())?.iter().map(point).collect()
}

fn parse_box(value: &Value) -> Result<BoundingBox, String> {
    let Some([x0, y0, x1, y1]) = value.as_array().map(Vec::as_slice) else {
        return Err(format!("`box` {}", WrittenError::Corners));
    };
    let [x0, y0, x1, y1] = [x0, y0, x1, y1].map(|v| number(v, "box"));
    written_box([x0?, y0?, x1?, y1?]).map_err(|error| format!("`box` {error}"))
}

fn number(value: &Value, key: &str) -> Result<f64, String> {
    let number = value.as_f64().filter(|v| written_point(*v, 0.0).is_ok());
    number.ok_or_else(|| format!("`{key}` has the coordinate {value}: give pixels of the frame"))
}

/// Reads the place of `script:FILE`.
pub(super) fn address(place: Option<&str>) -> Result<PromptAddress, AddressError> {
    let path = address::path(place)?.to_owned();
    let reads = path.clone().into();
    Ok(PromptAddress::prompts(format!("script:{path}"), move || Script::read(path.as_ref())).reading(reads))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_script_parses() {
        let text = "{\"time_s\":4,\"object\":1,\"release\":true}\n\n\
                    {\"time_s\":1.5,\"object\":1,\"points\":[[430,250,1],[20,30,0],[1,2]],\"box\":[400,200,500,300]}\n";
        let mut script = Script::parse("s", text).unwrap();
        assert_eq!(script.remaining().len(), 2);
        let mut out = Vec::new();
        script.poll(1.4, &mut out);
        assert!(out.is_empty());
        script.poll(1.5, &mut out);
        let points = vec![
            LabeledPoint::foreground(430.0, 250.0),
            LabeledPoint::background(20.0, 30.0),
            LabeledPoint::foreground(1.0, 2.0),
        ];
        let bbox = Some(BoundingBox::new(400.0, 200.0, 500.0, 300.0));
        assert_eq!(out, [Request::new(1.5, Intent::Prompt { object: Some(1), points, bbox })]);
        script.poll(100.0, &mut out);
        assert_eq!(out[1], Request::new(4.0, Intent::Release { object: 1 }));
        assert!(script.is_finished());
    }

    #[test]
    fn lines_of_one_time_keep_their_order() {
        let line = |id: u32| format!("{{\"time_s\":2,\"object\":{id},\"release\":true}}\n");
        let script = Script::parse("s", &[line(3), line(1), line(2)].concat()).unwrap();
        let intents: Vec<_> = script.remaining().map(|request| request.intent.clone()).collect();
        assert_eq!(intents, [3, 1, 2].map(|object| Intent::Release { object }));
    }

    #[test]
    fn wrong_lines_are_refused_with_their_number() {
        let rows = [
            ("{", "line 2: not a JSON object"),
            ("[1]", "not a JSON object"),
            ("{\"time_s\":1,\"object\":1,\"point\":[[1,2,1]]}", "did you mean `points`?"),
            ("{\"object\":1,\"release\":true}", "`time_s`"),
            ("{\"time_s\":-1,\"object\":1,\"release\":true}", "`time_s`"),
            ("{\"time_s\":NaN,\"object\":1,\"release\":true}", "not a JSON object"),
            ("{\"time_s\":1e999,\"object\":1,\"release\":true}", "not a JSON object"),
            ("{\"time_s\":1,\"object\":-1,\"release\":true}", "`object`"),
            ("{\"time_s\":1,\"object\":5000000000,\"release\":true}", "`object`"),
            ("{\"time_s\":1,\"object\":1}", "nothing is asked for"),
            ("{\"time_s\":1,\"object\":1,\"points\":[]}", "nothing is asked for"),
            ("{\"time_s\":1,\"object\":1,\"release\":1}", "`release`"),
            ("{\"time_s\":1,\"object\":1,\"release\":true,\"box\":[0,0,1,1]}", "neither"),
            ("{\"time_s\":1,\"object\":1,\"points\":[[1]]}", "[x, y, label]"),
            ("{\"time_s\":1,\"object\":1,\"points\":[[1,2,2]]}", "[x, y, label]"),
            ("{\"time_s\":1,\"object\":1,\"points\":[[1,-2,1]]}", "coordinate -2"),
            ("{\"time_s\":1,\"object\":1,\"points\":[[1e300,2,1]]}", "coordinate 1e+300"),
            ("{\"time_s\":1,\"object\":1,\"points\":7}", "[x, y, label]"),
            ("{\"time_s\":1,\"object\":1,\"box\":[5,0,1,9]}", "x0 < x1"),
            ("{\"time_s\":1,\"object\":1,\"box\":[0,0,1]}", "x0 < x1"),
        ];
        let wrong: Vec<String> = rows
            .iter()
            .filter_map(|(line, expected)| {
                let text = format!("{{\"time_s\":0,\"object\":1,\"release\":true}}\n{line}\n");
                match Script::parse("s.ndjson", &text) {
                    Ok(_) => Some(format!("{line}: accepted")),
                    Err(e) if !e.to_string().contains("s.ndjson, line 2") || !e.to_string().contains(expected) => {
                        Some(format!("{line}: {e}"))
                    }
                    Err(_) => None,
                }
            })
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn numbers_mean_the_same_with_a_point_and_boxes_may_reach_past_the_frame() {
        let plain = "{\"time_s\":1,\"object\":7,\"points\":[[3,4,1],[5,6,0]],\"box\":[-3.5,20,215,1000]}";
        let pointed =
            "{\"time_s\":1.0,\"object\":7.0,\"points\":[[3.0,4.0,1.0],[5.0,6.0,0.0]],\"box\":[-3.5,2e1,215.0,1e3]}";
        let script = Script::parse("s", plain).unwrap();
        assert_eq!(script, Script::parse("s", pointed).unwrap());
        let points = vec![LabeledPoint::foreground(3.0, 4.0), LabeledPoint::background(5.0, 6.0)];
        let bbox = Some(BoundingBox::new(-3.5, 20.0, 215.0, 1000.0));
        let intents: Vec<_> = script.remaining().map(|request| request.intent.clone()).collect();
        assert_eq!(intents, [Intent::Prompt { object: Some(7), points, bbox }]);
        for wrong in ["[[3,4,true]]", "[[3,4,\"1\"]]", "[[3,4,0.5]]"] {
            let line = format!("{{\"time_s\":1,\"object\":7,\"points\":{wrong}}}");
            assert!(Script::parse("s", &line).unwrap_err().to_string().contains("[x, y, label]"), "{wrong}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("script.ndjson");
        std::fs::write(&path, "\u{feff}{\"time_s\":0,\"object\":1,\"release\":true}\r\n").unwrap();
        assert_eq!(Script::read(&path).unwrap().remaining().len(), 1);
    }

    #[test]
    fn binary_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        for (bytes, expected) in [(&b"\xff\xfe\0"[..], "UTF-16"), (b"\xfe\xff\0", "UTF-16"), (b"\xff", "not UTF-8")] {
            std::fs::write(&path, bytes).unwrap();
            let reason = Script::read(&path).unwrap_err().to_string();
            assert!(reason.contains(expected) && reason.contains("save it as UTF-8"), "{reason}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_script() {
        let line = "{\"time_s\":2,\"object\":1,\"release\":true}\n";
        assert_eq!(Script::parse("s", &format!("\u{feff}{line}")), Script::parse("s", line));
    }

    proptest::proptest! {
        #[test]
        fn any_text_parses_or_is_refused(text in ".{0,200}") {
            let _ = Script::parse("s", &text);
        }
    }
}
