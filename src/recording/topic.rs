use serde_json::{Value, json};

/// What a message of a recording is about. Each has one channel and one JSON schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// What holds for the whole stream; before the first frame of a file.
    Session,
    /// A frame as JPEG or PNG (Foxglove's `CompressedImage`).
    Image,
    /// A frame as pixels (Foxglove's `RawImage`).
    RawImage,
    /// What the session was given for a frame; it comes after the frame's image.
    Step,
    /// What was found on a frame, as a line of NDJSON.
    Selections,
    /// The same as outlines and labels (Foxglove's `ImageAnnotations`).
    Annotations,
    /// The camera's intrinsics, if known (Foxglove's `CameraCalibration`).
    Calibration,
    /// Something that happened, as a line of NDJSON.
    Event,
    /// Rates, ages and drops of the run, as a line of NDJSON.
    Summary,
}

impl Topic {
    /// Every topic, in the order of their channels' numbers, which count from 1.
    pub const ALL: [Topic; 9] = [
        Topic::Session,
        Topic::Image,
        Topic::RawImage,
        Topic::Step,
        Topic::Selections,
        Topic::Annotations,
        Topic::Calibration,
        Topic::Event,
        Topic::Summary,
    ];

    /// The name of its channel.
    pub const fn name(self) -> &'static str {
        match self {
            Topic::Session => "/foveate/session",
            Topic::Image => "/camera/image",
            Topic::RawImage => "/camera/image_raw",
            Topic::Step => "/foveate/step",
            Topic::Selections => "/foveate/selections",
            Topic::Annotations => "/camera/annotations",
            Topic::Calibration => "/camera/calibration",
            Topic::Event => "/foveate/event",
            Topic::Summary => "/foveate/summary",
        }
    }

    /// The topic of that name.
    pub fn named(name: &str) -> Option<Topic> {
        Topic::ALL.into_iter().find(|topic| topic.name() == name)
    }

    /// The number of its channel in files that we write.
    pub fn channel(self) -> u16 {
        let at = Topic::ALL.into_iter().position(|topic| topic == self);
        at.map_or(0, |at| at as u16 + 1)
    }

    /// The name of its schema.
    pub const fn schema_name(self) -> &'static str {
        match self {
            Topic::Session => "foveate.Session",
            Topic::Image => "foxglove.CompressedImage",
            Topic::RawImage => "foxglove.RawImage",
            Topic::Step => "foveate.Step",
            Topic::Selections => "foveate.Selections",
            Topic::Annotations => "foxglove.ImageAnnotations",
            Topic::Calibration => "foxglove.CameraCalibration",
            Topic::Event => "foveate.Event",
            Topic::Summary => "foveate.Summary",
        }
    }

    /// Its JSON schema: the fields that are written.
    pub fn schema(self) -> Value {
        let time = || object(&[("sec", integer()), ("nsec", integer())]);
        let string = || json!({ "type": "string" });
        let bytes = || json!({ "type": "string", "contentEncoding": "base64" });
        let point = || object(&[("x", number()), ("y", number())]);
        let color = || object(&[("r", number()), ("g", number()), ("b", number()), ("a", number())]);
        let metadata = || list(object(&[("key", string()), ("value", string())]));
        let any_object = || json!({ "type": "object" });
        let mut schema = match self {
            Topic::Image => {
                object(&[("timestamp", time()), ("frame_id", string()), ("data", bytes()), ("format", string())])
            }
            Topic::RawImage => object(&[
                ("timestamp", time()),
                ("frame_id", string()),
                ("width", integer()),
                ("height", integer()),
                ("encoding", string()),
                ("step", integer()),
                ("data", bytes()),
            ]),
            Topic::Calibration => object(&[
                ("timestamp", time()),
                ("frame_id", string()),
                ("width", integer()),
                ("height", integer()),
                ("distortion_model", string()),
                ("D", list(number())),
                ("K", list(number())),
                ("R", list(number())),
                ("P", list(number())),
            ]),
            Topic::Annotations => object(&[
                (
                    "circles",
                    list(object(&[
                        ("timestamp", time()),
                        ("position", point()),
                        ("diameter", number()),
                        ("thickness", number()),
                        ("fill_color", color()),
                        ("outline_color", color()),
                        ("metadata", metadata()),
                    ])),
                ),
                (
                    "points",
                    list(object(&[
                        ("timestamp", time()),
                        ("type", integer()),
                        ("points", list(point())),
                        ("outline_color", color()),
                        ("outline_colors", list(color())),
                        ("fill_color", color()),
                        ("thickness", number()),
                        ("metadata", metadata()),
                    ])),
                ),
                (
                    "texts",
                    list(object(&[
                        ("timestamp", time()),
                        ("position", point()),
                        ("text", string()),
                        ("font_size", number()),
                        ("text_color", color()),
                        ("background_color", color()),
                        ("metadata", metadata()),
                    ])),
                ),
            ]),
            Topic::Session => object(&[
                ("version", integer()),
                ("program", string()),
                ("run", string()),
                ("part", integer()),
                ("source", string()),
                ("size", list(integer())),
                ("model", string()),
                ("kernels", string()),
                ("share_gaze", json!({ "type": "boolean" })),
                ("clock_ahead_ns", integer()),
                ("config", any_object()),
                ("looks_closer", json!({ "type": "boolean" })),
            ]),
            Topic::Step => object(&[
                ("number", integer()),
                ("frame", integer()),
                ("time_s", number()),
                ("captured_ns", integer()),
                ("origin_ns", integer()),
                ("kind", string()),
                ("image", any_object()),
                ("applied", list(any_object())),
            ]),
            Topic::Selections => object(&[
                ("frame", integer()),
                ("time_s", number()),
                ("age_ms", number()),
                ("objects", list(any_object())),
            ]),
            Topic::Event => object(&[("event", string()), ("time_s", number())]),
            Topic::Summary => object(&[("summary", any_object())]),
        };
        schema["title"] = self.schema_name().into();
        schema
    }
}

fn object(properties: &[(&str, Value)]) -> Value {
    let names: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
    let properties: serde_json::Map<String, Value> =
        properties.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    json!({ "type": "object", "properties": properties, "required": names })
}

fn list(items: Value) -> Value {
    json!({ "type": "array", "items": items })
}

fn integer() -> Value {
    json!({ "type": "integer" })
}

fn number() -> Value {
    json!({ "type": "number" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_has_a_name_a_channel_and_a_schema_of_its_own() {
        let mut names: Vec<_> = Topic::ALL.iter().flat_map(|topic| [topic.name(), topic.schema_name()]).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 2 * Topic::ALL.len());
        for (at, topic) in Topic::ALL.into_iter().enumerate() {
            assert_eq!((usize::from(topic.channel()), Topic::named(topic.name())), (at + 1, Some(topic)));
            assert_eq!(topic.schema()["title"], topic.schema_name());
        }
    }
}
