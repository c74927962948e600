//! The figures of a whole set.

use serde::Serialize;

use super::protocol::{MAX_CLICKS, Outcome};
use super::sizes::Sizes;
use crate::statistics::{Samples, mean};

/// Means over all objects of a set; the JSON form of `foveate eval`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The model's name.
    pub model: String,
    /// What it computes in.
    pub precision: String,
    /// Whether each answer was looked at again from nearer by.
    pub zoom: bool,
    /// Photos of which every object was evaluated.
    pub images: usize,
    /// Objects in them.
    pub objects: usize,
    /// IoU of the answers to one click.
    pub iou_1click: Option<f64>,
    /// IoU of the best of the masks that one click gave, whatever their rank.
    pub iou_1click_oracle: Option<f64>,
    /// IoU of the answers to the tightest box.
    pub iou_box: Option<f64>,
    /// Clicks needed for an IoU of 0.85.
    pub noc85: Option<f64>,
    /// Clicks needed for an IoU of 0.90.
    pub noc90: Option<f64>,
    /// IoU after 1, 2, 3 … clicks.
    pub iou_by_click: Vec<f64>,
    /// Boundary F after one click, with the tolerance of DAVIS.
    pub boundary_f_1click: Option<f64>,
    /// Boundary F of the answers to the box.
    pub boundary_f_box: Option<f64>,
    /// IoU of the answers to the moved click with the answer to the click itself.
    pub jitter_iou: Option<f64>,
    /// IoU with the truth that moving the click loses.
    pub jitter_drop: Option<f64>,
    /// The same by how large the object is in its photo.
    pub sizes: Sizes,
    /// Median time to encode a photo, preprocessing included.
    pub encoder_ms: Option<f64>,
    /// Median time of one answer, the mask at the photo's resolution included, and of one second look.
    pub decoder_ms: Option<f64>,
    /// Whether Ctrl-C ended the run before the last photo.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
}

impl Report {
    /// Averages `outcomes`; the figures are `None` (JSON `null`) when there are none.
    pub fn new(model: String, precision: String, outcomes: &[Outcome], encoder: &Samples, decoder: &Samples) -> Self {
        let mean_of = |figure: &dyn Fn(&Outcome) -> f64| mean(outcomes.iter().map(figure));
        let jitters = || outcomes.iter().filter_map(|o| o.jitter);
        Report {
            model,
            precision,
            zoom: false,
            images: 0,
            objects: outcomes.len(),
            iou_1click: mean_of(&Outcome::iou_1click),
            iou_1click_oracle: mean_of(&|o| o.iou_1click_oracle),
            iou_box: mean_of(&|o| o.iou_box),
            noc85: mean_of(&|o| o.clicks_to(0.85) as f64),
            noc90: mean_of(&|o| o.clicks_to(0.90) as f64),
            iou_by_click: (0..MAX_CLICKS).filter_map(|k| mean_of(&|o| o.iou_by_click[k])).collect(),
            boundary_f_1click: mean_of(&|o| o.boundary_f_1click),
            boundary_f_box: mean_of(&|o| o.boundary_f_box),
            jitter_iou: mean(jitters().map(|j| j.iou)),
            jitter_drop: mean(jitters().map(|j| j.drop)),
            sizes: Sizes::new(outcomes),
            encoder_ms: encoder.median_ms(),
            decoder_ms: decoder.median_ms(),
            interrupted: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::jitter::Jitter;
    use super::*;

    #[test]
    fn means_over_objects_and_the_fields_of_the_contract() {
        let rising = |by: f64| Outcome {
            iou_by_click: std::array::from_fn(|k| (by * (k + 1) as f64).min(1.0)),
            iou_1click_oracle: 0.5,
            iou_box: 0.8,
            boundary_f_1click: by,
            jitter: (by > 0.1).then_some(Jitter { iou: 0.9, drop: -0.02 }),
            share: 0.1,
            ..Outcome::default()
        };
        let mut encoder = Samples::default();
        encoder.push(Duration::from_millis(7));
        // 0.3125, 0.625, 0.9375: three clicks for both goals; 0.01 ... 0.2: never.
        let outcomes = [rising(0.3125), rising(0.01)];
        let mut report = Report::new("m".into(), "f32".into(), &outcomes, &encoder, &Samples::default());
        report.images = 2;
        let json = serde_json::to_value(&report).unwrap();
        let contract = ["model", "precision", "images", "iou_1click", "iou_box", "noc85", "noc90", "encoder_ms"];
        for field in contract.into_iter().chain(["decoder_ms", "boundary_f_1click", "boundary_f_box"]) {
            assert!(json.get(field).is_some(), "{field}");
        }
        assert!(json.get("interrupted").is_none());
        assert!((report.iou_1click.unwrap() - 0.16125).abs() < 1e-9);
        assert_eq!((report.noc85, report.noc90), (Some(11.5), Some(11.5)));
        assert_eq!((report.iou_by_click.len(), report.encoder_ms), (MAX_CLICKS, Some(7.0)));
        assert_eq!(report.boundary_f_1click, Some((0.3125 + 0.01) / 2.0));
        assert_eq!((report.jitter_iou, report.jitter_drop), (Some(0.9), Some(-0.02)), "of the one that could be moved");
        assert_eq!(json["sizes"]["medium"]["count"], 2);
        assert_eq!(json["sizes"]["small"]["iou_box"], serde_json::Value::Null);
    }

    #[test]
    fn nothing_finished_is_null_not_zero() {
        let none = Samples::default();
        let report = Report::new("m".into(), "f32".into(), &[], &none, &none);
        assert_eq!(serde_json::to_value(&report).unwrap()["iou_1click"], serde_json::Value::Null);
    }
}
