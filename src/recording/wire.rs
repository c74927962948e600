//! The messages of a recording that are the program's own, as JSON.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::StoredImage;
use crate::frame::Frame;
use crate::geometry::{Intrinsics, Size};
use crate::mask::LowResLogits;
use crate::model::{Candidate, ModelIdentity};
use crate::session::{Applied, Intent, Looked, Request, SessionConfig, Setup, Step, StepKind};
use crate::time::Timestamp;

/// What holds for the whole stream: each file of a recording has it before its first frame.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionMessage {
    /// [`RECORDING_VERSION`](super::RECORDING_VERSION) of the program that wrote it.
    pub version: u32,
    /// That program and its version.
    pub program: String,
    /// A number that the files of one run have in common, in hexadecimal.
    pub run: String,
    /// Which of the run's files this is, counted from 1.
    pub part: u32,
    /// The address of the source.
    pub source: String,
    /// The camera's name, where the stream has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<String>,
    /// Width and height of the frames, in pixels.
    pub size: [u32; 2],
    /// The model's name.
    pub model: String,
    /// What the encoder's kernels are compiled for on the machine.
    pub kernels: String,
    /// Whether it holds where the user looked.
    pub share_gaze: bool,
    /// The time of day, in nanoseconds since 1970, at zero of the clock that stamps frames: log times are the sum.
    pub clock_ahead_ns: u64,
    /// How many objects are followed, and how.
    pub config: SessionConfig,
    /// The model that the stream began with, and how it ran; null for one of no files.
    pub identity: Option<ModelIdentity>,
    /// Whether what is selected gets a second look.
    pub looks_closer: bool,
    /// The camera's, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intrinsics: Option<Intrinsics>,
}

impl SessionMessage {
    /// What it says of the session's set-up.
    pub fn setup(&self) -> Setup {
        Setup {
            config: self.config,
            model: self.identity.clone().map(Arc::new),
            looks_closer: self.looks_closer,
            intrinsics: self.intrinsics,
        }
    }
}

/// What the session was given for one frame.
#[derive(Debug, Serialize, Deserialize)]
pub struct StepMessage {
    /// Counted from 0 over the whole run.
    pub number: u64,
    /// The frame's number, as its source counts.
    pub frame: u64,
    /// Seconds since the stream's first frame.
    pub time_s: f64,
    /// When the frame was captured, on the clock that stamps frames.
    pub captured_ns: u64,
    /// The same of the stream's first frame.
    pub origin_ns: u64,
    /// `followed`, `encoded` or `propagated`.
    pub kind: Kind,
    /// The model that encoded it, and how it ran; absent for one of no files and for a frame that was not encoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<ModelIdentity>,
    /// How the message before, which holds the image, is read.
    pub image: StoredImage,
    /// What was applied on it, in this order.
    pub applied: Vec<AppliedMessage>,
}

/// What was done with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Followed,
    Encoded,
    Propagated,
}

/// An intent with its time, or what a selection by gaze came to.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AppliedMessage {
    Intent {
        time_s: f64,
        /// The encoder that gave a second look, where it is not the one of the frame.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        closer: Option<ModelIdentity>,
        #[serde(flatten)]
        intent: Intent,
    },
    Looked {
        time_s: f64,
        /// `null` where nothing was found. It must be there: an intent that cannot be read is no look.
        #[serde(deserialize_with = "Option::deserialize")]
        looked: Option<LogitsMessage>,
    },
}

/// A mask as the decoder gave it.
#[derive(Debug, Serialize, Deserialize)]
pub struct LogitsMessage {
    /// Columns and rows.
    size: [u32; 2],
    predicted_iou: f32,
    /// 32-bit floats, little-endian, row by row, in base64.
    logits: String,
}

/// Longest side of logits that are read.
const MAX_GRID: u32 = 4096;

impl From<&Candidate> for LogitsMessage {
    fn from(Candidate { logits, predicted_iou }: &Candidate) -> Self {
        let bytes: Vec<u8> = logits.data.iter().flat_map(|logit| logit.to_le_bytes()).collect();
        LogitsMessage {
            size: [logits.size.width, logits.size.height],
            predicted_iou: *predicted_iou,
            logits: STANDARD.encode(bytes),
        }
    }
}

impl LogitsMessage {
    fn candidate(&self) -> Result<Candidate, String> {
        let [width, height] = self.size;
        if width.max(height) > MAX_GRID {
            return Err(format!("logits of {width}x{height} cells"));
        }
        let size = Size::new(width, height);
        let bytes = STANDARD.decode(&self.logits).map_err(|error| format!("logits: {error}"))?;
        let (cells, rest) = bytes.as_chunks::<4>();
        if cells.len() != size.area() || !rest.is_empty() {
            return Err(format!("{} bytes of logits for {width}x{height} cells", bytes.len()));
        }
        let data = cells.iter().map(|cell| f32::from_le_bytes(*cell)).collect();
        Ok(Candidate { logits: LowResLogits { size, data }, predicted_iou: self.predicted_iou })
    }
}

impl StepMessage {
    /// The message of `step`, whose image is stored as `image` says.
    pub fn new(step: &Step, image: StoredImage) -> Self {
        let (kind, identity) = match &step.kind {
            StepKind::Followed(identity) => (Kind::Followed, identity.as_ref()),
            StepKind::Encoded(identity) => (Kind::Encoded, identity.as_ref()),
            StepKind::Propagated => (Kind::Propagated, None),
        };
        let applied = step.applied.iter().map(|applied| match applied {
            Applied::Request(Request { time_s, intent, .. }, closer) => AppliedMessage::Intent {
                time_s: *time_s,
                closer: closer.as_deref().filter(|closer| identity.map(|own| &**own) != Some(closer)).cloned(),
                intent: intent.clone(),
            },
            Applied::Looked(Looked { time_s, found }) => {
                AppliedMessage::Looked { time_s: *time_s, looked: found.as_ref().map(LogitsMessage::from) }
            }
        });
        StepMessage {
            number: step.number,
            frame: step.frame.sequence,
            time_s: step.frame.captured_at.signed_secs_since(step.origin),
            captured_ns: step.frame.captured_at.as_nanos(),
            origin_ns: step.origin.as_nanos(),
            kind,
            identity: identity.map(|identity| (**identity).clone()),
            image,
            applied: applied.collect(),
        }
    }

    /// The step itself, on `frame`.
    pub fn step(self, frame: Arc<Frame>) -> Result<Step, String> {
        let identity = self.identity.map(Arc::new);
        let applied = self.applied.into_iter().map(|applied| match applied {
            AppliedMessage::Intent { time_s, closer, intent } => {
                let closer = closer.map(Arc::new).or_else(|| identity.clone());
                Ok(Applied::Request(Request::new(time_s, intent), closer))
            }
            AppliedMessage::Looked { time_s, looked } => {
                let found = looked.map(|looked| looked.candidate()).transpose()?;
                Ok(Applied::Looked(Looked { time_s, found }))
            }
        });
        let applied = applied.collect::<Result<Vec<_>, String>>()?;
        let kind = match self.kind {
            Kind::Followed => StepKind::Followed(identity),
            Kind::Encoded => StepKind::Encoded(identity),
            Kind::Propagated => StepKind::Propagated,
        };
        Ok(Step { number: self.number, frame, origin: Timestamp::from_nanos(self.origin_ns), kind, applied })
    }
}
