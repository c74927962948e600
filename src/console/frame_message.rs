//! One frame for the page: image, masks and figures in one message, so that they never disagree in time.
//!
//! ```text
//! u32 little-endian    length of the header in bytes
//! header               JSON, see `Header`
//! image                JPEG, `jpeg` bytes
//! outlines             pairs of u16 little-endian: x and y of each corner, in pixels of the frame
//! ```

use axum::body::Bytes;
use serde::Serialize;

use crate::geometry::{BoundingBox, Point, Size};
use crate::mask::{Contours, Mask};
use crate::record::{FrameRecord, ObjectRecord};
use crate::track::{ObjectId, ObjectState};

/// How far a simplified outline may stray, in pixels.
pub const TOLERANCE: f32 = 0.6;

#[derive(Serialize)]
struct Header<'a> {
    r#type: &'static str,
    frame: u64,
    time_s: f64,
    /// Capture time in microseconds: prompts on this frame carry it.
    at: u64,
    /// From capture to mask.
    age_ms: f64,
    /// From capture to here.
    sent_ms: f64,
    size: [u32; 2],
    /// Width and height of the image, which may be smaller than the frame.
    shown: [u32; 2],
    /// Bytes of the image.
    jpeg: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    gaze: Option<[f32; 2]>,
    /// Share of the dwell that is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    dwell: Option<f32>,
    objects: &'a [Outlined],
}

/// An object with the lengths of its outlines, whose corners follow the image.
#[derive(Serialize)]
struct Outlined {
    object: ObjectId,
    state: ObjectState,
    score: f32,
    #[serde(rename = "box")]
    bbox: Option<BoundingBox>,
    area: usize,
    outlines: Vec<usize>,
}

/// What all messages of one frame have in common.
#[derive(Default)]
pub struct FrameMessage {
    objects: Vec<Outlined>,
    corners: Vec<u8>,
    contours: Contours,
}

impl FrameMessage {
    /// Traces the masks of `record`.
    pub fn take(&mut self, record: &FrameRecord) {
        self.objects.clear();
        self.corners.clear();
        for object in record.objects() {
            let ObjectRecord { object: id, state, score, bbox, area, mask, .. } = object;
            let mut outlines = Vec::new();
            trace(&mut self.contours, mask, |points| {
                outlines.push(points.len());
                for Point { x, y } in points {
                    self.corners.extend_from_slice(&(*x as u16).to_le_bytes());
                    self.corners.extend_from_slice(&(*y as u16).to_le_bytes());
                }
            });
            let (object, state, score, bbox, area) = (*id, *state, *score, *bbox, *area);
            self.objects.push(Outlined { object, state, score, bbox, area, outlines });
        }
    }

    /// The message with the image `jpeg` of `shown` pixels, sent `sent_ms` after the frame's capture; gaze goes with it if
    /// `share_gaze`.
    pub fn with(&self, record: &FrameRecord, sent_ms: f64, shown: Size, jpeg: &[u8], share_gaze: bool) -> Bytes {
        let size = record.frame.as_ref().map(|frame| frame.size).unwrap_or_default();
        let header = Header {
            r#type: "frame",
            frame: record.sequence,
            time_s: record.time_s,
            at: record.captured_at.as_nanos() / 1000,
            age_ms: record.age.as_secs_f64() * 1e3,
            sent_ms,
            size: [size.width, size.height],
            shown: [shown.width, shown.height],
            jpeg: jpeg.len(),
            gaze: record.gaze.filter(|_| share_gaze).map(|p| [p.x, p.y]),
            dwell: record.dwell.filter(|_| share_gaze),
            objects: &self.objects,
        };
        let header = serde_json::to_vec(&header).unwrap_or_default();
        let mut out = Vec::with_capacity(4 + header.len() + jpeg.len() + self.corners.len());
        out.extend_from_slice(&(header.len() as u32).to_le_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(jpeg);
        out.extend_from_slice(&self.corners);
        out.into()
    }
}

/// Gives each outline of `mask`, simplified, to `each`: its corners in pixels of the frame.
pub fn trace(contours: &mut Contours, mask: &Mask, mut each: impl FnMut(&[Point])) {
    contours.trace(mask);
    contours.simplify(TOLERANCE);
    contours.iter().for_each(|outline| each(outline.points));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;

    use super::*;
    use crate::frame::Frame;

    #[test]
    fn a_message_holds_header_image_and_corners() {
        let size = Size::new(40, 30);
        let mut record = FrameRecord::default();
        (record.sequence, record.time_s) = (7, 0.25);
        record.frame = Some(Arc::new(Frame { size, ..Frame::default() }));
        record.gaze = Some(Point::new(3.0, 4.0));
        let object = record.push_object();
        object.object = 5;
        object.mask = Mask::from_fn(size, |x, y| (10..20).contains(&x) && (5..25).contains(&y));
        let mut message = FrameMessage::default();
        message.take(&record);
        let bytes = message.with(&record, 1.5, Size::new(20, 15), b"JPEG", true);
        let length = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
        let header: Value = serde_json::from_slice(&bytes[4..4 + length]).unwrap();
        assert_eq!((&header["frame"], &header["jpeg"]), (&7.into(), &4.into()));
        assert_eq!(header["gaze"], serde_json::json!([3.0, 4.0]));
        assert_eq!(header["objects"][0]["outlines"], serde_json::json!([4]));
        let rest = &bytes[4 + length..];
        assert_eq!(&rest[..4], b"JPEG");
        let corners: Vec<u16> = rest[4..].chunks(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
        assert_eq!(corners.len(), 8);
        assert!(corners.chunks(2).all(|c| [10, 20].contains(&c[0]) && [5, 25].contains(&c[1])), "{corners:?}");
        let silent = message.with(&record, 1.5, size, b"", false);
        assert!(!String::from_utf8_lossy(&silent).contains("gaze"), "gaze is private");
    }
}
