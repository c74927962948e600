//! What is remembered of a selected object, and where it should be in the present frame.
//!
//! Cells of the present frame's embedding are matched with those of the frame where the object was prompted and of the last
//! good frame; each takes over whether its matches lay inside the object, the more alike the more. This is the
//! readout of space-time memory networks (Oh et al., 2019), on the features of the segmentation model itself.

mod features;
mod matches;
mod recall;

use std::sync::Arc;

use crate::mask::{LowResLogits, probability};

pub use features::FeatureMap;
pub use recall::{Expectation, Recall};

/// The frames that an object is remembered by: where it was prompted, which no error of the tracker's has touched, and where it
/// was last believed, which looks most like the present. Good frames in between gained nothing in trials.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Where it was prompted.
    first: Option<Seen>,
    /// Where it was last believed.
    last: Option<Seen>,
}

/// An object in one frame.
#[derive(Clone, Debug)]
struct Seen {
    map: Arc<FeatureMap>,
    /// How much of each cell that shows the frame is inside, 0 to 1.
    inside: Vec<f32>,
}

impl Memory {
    /// Forgets everything and begins with a mask that a user asked for; with nothing if the frame has no features.
    pub fn begin(&mut self, map: Option<&Arc<FeatureMap>>, logits: &LowResLogits) {
        (self.first, self.last) = (None, None);
        if let Some(map) = map {
            let mut seen = Seen { map: Arc::clone(map), inside: Vec::new() };
            shares(map, logits, probability, &mut seen.inside);
            (self.first, self.last) = (Some(seen.clone()), Some(seen));
        }
    }

    /// Takes in a believed mask of a following frame; nothing if it began with nothing.
    pub fn add(&mut self, map: Option<&Arc<FeatureMap>>, logits: &LowResLogits) {
        if let (Some(map), Some(last)) = (map, &mut self.last) {
            last.map = Arc::clone(map);
            shares(map, logits, probability, &mut last.inside);
        }
    }

    fn frames(&self) -> impl Iterator<Item = &Seen> {
        self.first.iter().chain(&self.last)
    }
}

/// The mean over the mask's cells in each cell of the map that shows the frame, of what `value` makes of a logit, into
/// `shares`.
fn shares(map: &FeatureMap, logits: &LowResLogits, value: impl Fn(f32) -> f32, shares: &mut Vec<f32>) {
    shares.clear();
    let (columns, rows) = map.grid();
    let (width, height) = (logits.size.width as usize, logits.size.height as usize);
    if logits.data.len() != width * height || logits.data.is_empty() {
        return shares.resize(map.width() * map.height(), 0.0);
    }
    let span = |cell: usize, cells: usize, of: usize| {
        let (from, to) = (cell * of / cells, (cell + 1) * of / cells);
        from.min(of - 1)..to.max(from + 1).min(of)
    };
    for y in 0..map.height() {
        let down = span(y, rows, height);
        for x in 0..map.width() {
            let across = span(x, columns, width);
            let count = across.len() * down.len();
            let lines = down.clone().flat_map(|v| &logits.data[v * width + across.start..v * width + across.end]);
            shares.push(lines.map(|logit| value(*logit)).sum::<f32>() / count.max(1) as f32);
        }
    }
}

/// 1 inside the mask, 0 outside.
fn inside(logit: f32) -> f32 {
    f32::from(logit > 0.0)
}
