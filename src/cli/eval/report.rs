//! The figures of a whole set.

use serde::Serialize;

use super::super::samples::Samples;
use super::protocol::{MAX_CLICKS, Outcome};

/// Means over all objects of a set; the JSON form of `foveate eval`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub model: String,
    pub precision: String,
    /// Photos of which every object was evaluated.
    pub images: usize,
    pub objects: usize,
    pub iou_1click: Option<f64>,
    pub iou_1click_oracle: Option<f64>,
    pub iou_box: Option<f64>,
    pub noc85: Option<f64>,
    pub noc90: Option<f64>,
    pub iou_by_click: Vec<f64>,
    /// Median time to encode a photo, preprocessing included.
    pub encoder_ms: Option<f64>,
    /// Median time of one answer, the mask at the photo's resolution included.
    pub decoder_ms: Option<f64>,
    /// Whether Ctrl-C ended the run before the last photo.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
}

impl Report {
    /// Averages `outcomes`; the figures are `None` (JSON `null`) when there are none.
    pub fn new(model: String, precision: String, outcomes: &[Outcome], encoder: &Samples, decoder: &Samples) -> Self {
        let mean = |figure: &dyn Fn(&Outcome) -> f64| {
            (!outcomes.is_empty()).then(|| outcomes.iter().map(figure).sum::<f64>() / outcomes.len() as f64)
        };
        Report {
            model,
            precision,
            images: 0,
            objects: outcomes.len(),
            iou_1click: mean(&|o| o.iou_by_click[0]),
            iou_1click_oracle: mean(&|o| o.iou_1click_oracle),
            iou_box: mean(&|o| o.iou_box),
            noc85: mean(&|o| o.clicks_to(0.85) as f64),
            noc90: mean(&|o| o.clicks_to(0.90) as f64),
            iou_by_click: (0..MAX_CLICKS).filter_map(|k| mean(&|o| o.iou_by_click[k])).collect(),
            encoder_ms: encoder.median_ms(),
            decoder_ms: decoder.median_ms(),
            interrupted: false,
        }
    }

    /// The figures as a table for people.
    pub fn table(&self) -> String {
        let cell = |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |v| format!("{v:.digits$}"));
        let rows = [
            ("photos", self.images.to_string()),
            ("objects", self.objects.to_string()),
            ("IoU, one click", cell(self.iou_1click, 4)),
            ("IoU, one click, best of the masks", cell(self.iou_1click_oracle, 4)),
            ("IoU, box", cell(self.iou_box, 4)),
            ("IoU, 3 / 5 / 10 clicks", [2, 4, 9].map(|k| cell(self.iou_by_click.get(k).copied(), 4)).join(" / ")),
            ("clicks to 0.85", cell(self.noc85, 2)),
            ("clicks to 0.90", cell(self.noc90, 2)),
            ("encoder, median ms", cell(self.encoder_ms, 1)),
            ("decoder, median ms", cell(self.decoder_ms, 1)),
        ];
        let mut table = format!("{} ({})\n", self.model, self.precision);
        for (name, value) in rows {
            table.push_str(&format!("  {name:<34} {value}\n"));
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn means_over_objects_and_the_fields_of_the_contract() {
        let rising = |by: f64| Outcome {
            iou_by_click: std::array::from_fn(|k| (by * (k + 1) as f64).min(1.0)),
            iou_1click_oracle: 0.5,
            iou_box: 0.8,
        };
        let mut encoder = Samples::default();
        encoder.push(Duration::from_millis(7));
        // 0.3125, 0.625, 0.9375: three clicks for both goals; 0.01 ... 0.2: never.
        let outcomes = [rising(0.3125), rising(0.01)];
        let mut report = Report::new("m".into(), "f32".into(), &outcomes, &encoder, &Samples::default());
        report.images = 2;
        let json = serde_json::to_value(&report).unwrap();
        for field in
            ["model", "precision", "images", "iou_1click", "iou_box", "noc85", "noc90", "encoder_ms", "decoder_ms"]
        {
            assert!(json.get(field).is_some(), "{field}");
        }
        assert!(json.get("interrupted").is_none());
        assert!((report.iou_1click.unwrap() - 0.16125).abs() < 1e-9);
        assert_eq!((report.noc85, report.noc90), (Some(11.5), Some(11.5)));
        assert_eq!((report.iou_by_click.len(), report.encoder_ms), (MAX_CLICKS, Some(7.0)));
        assert!(report.table().contains("11.50"));
    }

    #[test]
    fn nothing_finished_is_null_not_zero() {
        let none = Samples::default();
        let report = Report::new("m".into(), "f32".into(), &[], &none, &none);
        assert_eq!(serde_json::to_value(&report).unwrap()["iou_1click"], serde_json::Value::Null);
    }
}
