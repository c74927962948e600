use serde::Serialize;

use super::pages::PagesFigures;
use crate::console::figures::Figures;
use crate::console::names::Names;
use crate::geometry::BoundingBox;
use crate::sink::StreamInfo;
use crate::time::Timestamp;
use crate::track::{ObjectId, ObjectState};

/// An object in the state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ObjectFigures {
    /// The object's number in this stream.
    pub object: ObjectId,
    /// Selected, tracked or lost.
    pub state: ObjectState,
    /// The predicted overlap of the mask with the object, 0 to 1.
    pub score: f32,
    /// The mask's bounds in pixels of the frame.
    #[serde(rename = "box")]
    pub bbox: Option<BoundingBox>,
    /// Set pixels of the mask.
    pub area: usize,
}

/// What is known of the stream.
#[derive(Default)]
pub struct StreamState {
    /// What the stream said of itself when it began.
    pub info: StreamInfo,
    /// What the panels show.
    pub figures: Figures,
    /// The objects of the last frame.
    pub objects: Vec<ObjectFigures>,
    /// Names and colours that pages gave the objects.
    pub names: Names,
    /// Frames that the console saw.
    pub frames: u64,
    last_frame: Option<(Timestamp, f64)>,
    /// The stream has ended.
    pub ended: bool,
    /// A command or a switch came from a page or by HTTP.
    pub used: bool,
}

impl StreamState {
    /// Notes a frame that came at `now` and is of `time_s`.
    pub fn frame(&mut self, objects: impl Iterator<Item = ObjectFigures>, time_s: f64, now: Timestamp) {
        self.frames += 1;
        self.last_frame = Some((now, time_s));
        self.objects.clear();
        self.objects.extend(objects);
    }

    /// Forgets the names of objects that the last frame did not hold; true if there were any.
    pub fn forget_names(&mut self) -> bool {
        let StreamState { names, objects, .. } = self;
        names.keep(|id| objects.iter().any(|o| o.object == id))
    }

    /// Whether the last frame held an object.
    pub fn is_followed(&self, object: ObjectId) -> bool {
        self.objects.iter().any(|o| o.object == object)
    }

    /// When the last frame came; `None` before the first.
    pub fn last_frame_at(&self) -> Option<Timestamp> {
        self.last_frame.map(|(at, _)| at)
    }

    /// The state as JSON, `kind` its `type`.
    pub fn json(&self, kind: &str, takes_prompts: bool, pages: PagesFigures) -> String {
        #[derive(Serialize)]
        struct Stream<'a> {
            source: &'a str,
            size: [u32; 2],
            frames: u64,
            time_s: Option<f64>,
        }
        #[derive(Serialize)]
        struct Whole<'a> {
            r#type: &'a str,
            version: &'static str,
            takes_prompts: bool,
            stream: Stream<'a>,
            pages: PagesFigures,
            objects: &'a [ObjectFigures],
            names: &'a Names,
            #[serde(flatten)]
            figures: &'a Figures,
        }
        let size = self.info.size;
        let whole = Whole {
            r#type: kind,
            version: env!("CARGO_PKG_VERSION"),
            takes_prompts,
            stream: Stream {
                source: if self.figures.source.is_empty() { &self.info.source } else { &self.figures.source },
                size: [size.width, size.height],
                frames: self.frames,
                time_s: self.last_frame.map(|(_, time_s)| time_s),
            },
            pages,
            objects: &self.objects,
            names: &self.names,
            figures: &self.figures,
        };
        serde_json::to_string(&whole).unwrap_or_default()
    }
}
