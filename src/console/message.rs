//! What the page says, one JSON object a message.

use serde::Deserialize;

use crate::geometry::{BoundingBox, LabeledPoint, Point};
use crate::input::Command;
use crate::segment::{written_box, written_id, written_label, written_point};
use crate::session::{Intent, Origin};
use crate::time::Timestamp;
use crate::track::ObjectId;

/// Points in one message at most; the decoder takes fewer still.
const POINTS: usize = 64;
/// Longest name of an object, in characters.
const NAME: usize = 48;

/// One message. `at` is the capture time of the frame that is shown, in microseconds; coordinates are pixels of the frame.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Message {
    /// A frame is on the screen: the next may come.
    Ack {
        frame: u64,
    },
    /// Select what lies there, or refine it if it is selected.
    Tap {
        at: u64,
        x: f64,
        y: f64,
    },
    /// What lies there does not belong to the object under it, or else to the one selected last.
    Exclude {
        at: u64,
        x: f64,
        y: f64,
    },
    /// A further point, label 1 inside and 0 outside, for `object`.
    Point {
        at: u64,
        object: WrittenId,
        x: f64,
        y: f64,
        label: f64,
    },
    /// Select by a box `[x0, y0, x1, y1]`, corners in any order.
    Box {
        at: u64,
        r#box: [f64; 4],
    },
    /// Select by points along a stroke, or refine if it begins on a selected object.
    Scribble {
        at: u64,
        points: Vec<[f64; 2]>,
    },
    /// Any prompt: points as in a script, a box, or both; a new object unless one is named.
    Prompt {
        at: Option<u64>,
        object: Option<WrittenId>,
        points: Option<Vec<ScriptPoint>>,
        r#box: Option<[f64; 4]>,
    },
    /// Another candidate of the object's last answer.
    Choose {
        at: u64,
        object: WrittenId,
        candidate: usize,
    },
    /// Take the last prompt back.
    Undo {},
    Release {
        object: WrittenId,
    },
    /// Let every object go.
    Clear {},
    /// The image is frozen on this frame.
    Hold {
        at: u64,
    },
    /// The image goes on.
    Resume {},
    /// What an object is called and drawn in.
    Label {
        object: WrittenId,
        name: Option<String>,
        color: Option<String>,
    },
    /// Another model, precision or source, out of those on offer.
    Switch {
        model: Option<String>,
        precision: Option<String>,
        source: Option<String>,
    },
}

/// The whole number of an object, `7` or `7.0`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub struct WrittenId(ObjectId);

impl TryFrom<f64> for WrittenId {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        written_id(value).map(WrittenId).ok_or_else(|| format!("`object` is {value}: give a whole number, 0 or more"))
    }
}

/// `[x, y]` or `[x, y, label]`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum ScriptPoint {
    Labelled(f64, f64, f64),
    Plain(f64, f64),
}

/// A name and colour of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naming {
    /// The object that is named.
    pub object: ObjectId,
    /// The name; an empty one takes the name away.
    pub name: Option<String>,
    /// `#rrggbb`.
    pub color: Option<String>,
}

/// The model, precision or source to switch to; the parts that are `None` stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SwitchRequest {
    /// A model's name.
    pub model: Option<String>,
    /// A precision's name, such as `int8`.
    pub precision: Option<String>,
    /// A source's address.
    pub source: Option<String>,
}

/// A message by what is to be done about it.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    Ack(u64),
    Command(Command),
    Name(Naming),
    Switch(SwitchRequest),
}

impl Message {
    /// Reads one message.
    ///
    /// # Errors
    /// What is wrong with it, for the user.
    pub fn parse(text: &str) -> Result<Message, String> {
        serde_json::from_str(text).map_err(|error| format!("not a message that is known: {error}"))
    }

    /// What it asks for. `now` stands for a time that is not given, and no frame is newer; `page` is who asks, and the display
    /// that it freezes.
    ///
    /// # Errors
    /// What is wrong with it, for the user.
    pub fn request(self, now: Timestamp, page: u32) -> Result<Request, String> {
        let display = u64::from(page);
        let when = |micros: u64| {
            let at = Timestamp::from_nanos(micros.saturating_mul(1000));
            if at <= now { Ok(at) } else { Err("`at` is no time of a frame that was shown".to_owned()) }
        };
        let origin = Origin::page(page);
        let command = |made_at, intent| Ok(Request::Command(Command { made_at, origin, intent }));
        match self {
            Message::Ack { frame } => Ok(Request::Ack(frame)),
            Message::Tap { at, x, y } => command(when(at)?, Intent::Select { point: point(x, y)? }),
            Message::Exclude { at, x, y } => {
                let point = point(x, y)?;
                command(when(at)?, Intent::Exclude { on: point, point })
            }
            Message::Point { at, object, x, y, label } => {
                let points = vec![labelled(x, y, label)?];
                command(when(at)?, Intent::Prompt { object: Some(object.0), points, bbox: None })
            }
            Message::Box { at, r#box } => command(when(at)?, Intent::Box { bbox: dragged(r#box)? }),
            Message::Scribble { at, points } => {
                let points = few(points)?.into_iter().map(|[x, y]| point(x, y)).collect::<Result<Vec<_>, _>>()?;
                if points.len() < 2 {
                    return Err("a stroke has two points or more".into());
                }
                command(when(at)?, Intent::Stroke { points })
            }
            Message::Prompt { at, object, points, r#box } => {
                let points = few(points.unwrap_or_default())?;
                let points = points.into_iter().map(ScriptPoint::read).collect::<Result<Vec<_>, _>>()?;
                let bbox = r#box.map(written_box).transpose().map_err(|error| format!("`box` {error}"))?;
                let object = object.map(|id| id.0);
                if points.is_empty() && bbox.is_none() {
                    return Err("nothing is asked for: give `points`, `box` or both".into());
                }
                command(at.map_or(Ok(now), when)?, Intent::Prompt { object, points, bbox })
            }
            Message::Choose { at, object, candidate } => {
                command(when(at)?, Intent::Choose { object: object.0, candidate })
            }
            Message::Undo {} => command(now, Intent::Undo),
            Message::Release { object } => command(now, Intent::Release { object: object.0 }),
            Message::Clear {} => command(now, Intent::ReleaseAll),
            Message::Hold { at } => command(when(at)?, Intent::HoldFrame { display }),
            Message::Resume {} => command(now, Intent::ReleaseFrame { display }),
            Message::Label { object, name, color } => {
                let name = name.map(|name| name.trim().to_owned());
                if name.as_ref().is_some_and(|n| n.chars().count() > NAME || n.chars().any(char::is_control)) {
                    return Err(format!("a name has at most {NAME} characters, none of them a control character"));
                }
                if color.as_ref().is_some_and(|c| !is_color(c)) {
                    return Err("a colour is written #rrggbb".into());
                }
                Ok(Request::Name(Naming { object: object.0, name, color }))
            }
            Message::Switch { model, precision, source } => {
                Ok(Request::Switch(SwitchRequest { model, precision, source }))
            }
        }
    }
}

impl ScriptPoint {
    fn read(self) -> Result<LabeledPoint, String> {
        match self {
            ScriptPoint::Labelled(x, y, label) => labelled(x, y, label),
            ScriptPoint::Plain(x, y) => labelled(x, y, 1.0),
        }
    }
}

fn few<T>(points: Vec<T>) -> Result<Vec<T>, String> {
    if points.len() <= POINTS { Ok(points) } else { Err(format!("at most {POINTS} points in one message")) }
}

fn point(x: f64, y: f64) -> Result<Point, String> {
    written_point(x, y).map_err(|error| format!("a point {error}"))
}

fn labelled(x: f64, y: f64, label: f64) -> Result<LabeledPoint, String> {
    let label = written_label(label).map_err(|error| format!("a point {error}"))?;
    Ok(LabeledPoint { point: point(x, y)?, label })
}

/// A box that was dragged, from any corner to the one across.
fn dragged([x0, y0, x1, y1]: [f64; 4]) -> Result<BoundingBox, String> {
    let edges = [x0.min(x1), y0.min(y1), x0.max(x1), y0.max(y1)];
    written_box(edges).map_err(|error| format!("`box` {error}"))
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_nanos(5_000_000_000);

    fn read(text: &str) -> Result<Request, String> {
        Message::parse(text)?.request(NOW, 3)
    }

    fn command(text: &str) -> (u64, Intent) {
        match read(text) {
            Ok(Request::Command(command)) => (command.made_at.as_nanos() / 1000, command.intent),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn every_message_becomes_what_it_means() {
        assert_eq!(read(r#"{"type":"ack","frame":7}"#), Ok(Request::Ack(7)));
        let p = Point::new(3.5, 4.0);
        assert_eq!(command(r#"{"type":"tap","at":4000000,"x":3.5,"y":4}"#), (4_000_000, Intent::Select { point: p }));
        assert_eq!(command(r#"{"type":"exclude","at":1,"x":3.5,"y":4}"#), (1, Intent::Exclude { on: p, point: p }));
        let bbox = BoundingBox::new(1.0, 2.0, 30.0, 40.0);
        assert_eq!(command(r#"{"type":"box","at":1,"box":[30,2,1,40]}"#), (1, Intent::Box { bbox }));
        assert_eq!(command(r#"{"type":"undo"}"#).1, Intent::Undo);
        let points = vec![LabeledPoint::background(1.0, 2.0)];
        let prompt = Intent::Prompt { object: Some(4), points, bbox: None };
        assert_eq!(command(r#"{"type":"point","at":1,"object":4,"x":1,"y":2,"label":0}"#), (1, prompt));
        let points = vec![LabeledPoint::foreground(1.0, 2.0), LabeledPoint::background(3.0, 4.0)];
        let prompt = Intent::Prompt { object: None, points, bbox: Some(bbox) };
        let text = r#"{"type":"prompt","points":[[1,2],[3,4,0]],"box":[1,2,30,40]}"#;
        assert_eq!(command(text), (5_000_000, prompt), "without a time it is of now");
        let points = vec![LabeledPoint::foreground(1.0, 2.0)];
        let prompt = Intent::Prompt { object: Some(4), points, bbox: Some(BoundingBox::new(-3.5, 2.0, 30.0, 900.0)) };
        let text = r#"{"type":"prompt","object":4.0,"points":[[1.0,2.0,1.0]],"box":[-3.5,2,30,900]}"#;
        assert_eq!(command(text).1, prompt, "as in a script and on the command line");
        assert_eq!(command(r#"{"type":"hold","at":9}"#), (9, Intent::HoldFrame { display: 3 }));
        assert_eq!(command(r#"{"type":"clear"}"#).1, Intent::ReleaseAll);
        let naming = Naming { object: 2, name: Some("cup".into()), color: Some("#12aBff".into()) };
        assert_eq!(
            read(r##"{"type":"label","object":2,"name":" cup ","color":"#12aBff"}"##),
            Ok(Request::Name(naming))
        );
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        let rows = [
            ("", "known"),
            ("[]", "known"),
            (r#"{"type":"reboot"}"#, "reboot"),
            (r#"{"type":"tap","at":1,"x":1}"#, "y"),
            (r#"{"type":"tap","at":1,"x":1,"y":2,"z":3}"#, "z"),
            (r#"{"type":"tap","at":6000000,"x":1,"y":2}"#, "time"),
            (r#"{"type":"tap","at":18446744073709551615,"x":1,"y":2}"#, "time"),
            (r#"{"type":"tap","at":-1,"x":1,"y":2}"#, "known"),
            (r#"{"type":"tap","at":1,"x":1e300,"y":2}"#, "pixels"),
            (r#"{"type":"point","at":1,"object":1,"x":1,"y":2,"label":7}"#, "label"),
            (r#"{"type":"prompt"}"#, "nothing"),
            (r#"{"type":"scribble","at":1,"points":[[1,2]]}"#, "two"),
            (r##"{"type":"label","object":1,"color":"red"}"##, "#rrggbb"),
            (r#"{"type":"label","object":1,"name":"a\u0007"}"#, "control"),
        ];
        for (text, part) in rows {
            let reason = read(text).unwrap_err();
            assert!(reason.contains(part), "{text}: {reason}");
        }
        let many = format!(r#"{{"type":"scribble","at":1,"points":[{}]}}"#, vec!["[1,2]"; 65].join(","));
        assert!(read(&many).unwrap_err().contains("at most 64"));
        let long = format!(r#"{{"type":"label","object":1,"name":"{}"}}"#, "x".repeat(49));
        assert!(read(&long).unwrap_err().contains("48"));
    }
}
