use serde::Serialize;
use serde_json::Value;

use crate::mask::{Mask, Rle};

/// Differences that are printed one by one.
const TOLD: usize = 10;

/// What a replay found, beside what was recorded.
#[derive(Debug, Default, Serialize)]
pub struct Comparison {
    /// Frames whose selections were held against each other.
    pub compared: u64,
    /// Frames whose selections are not the same to the last bit.
    pub differing: u64,
    /// Frames without selections on one of the sides.
    pub uncompared: u64,
    /// The first differences, in words.
    first_differences: Vec<String>,
}

/// What a replay found on a frame: its number, its time in seconds, and its objects.
pub type Found = (u64, f64, Value);

impl Comparison {
    /// The recording has no selections for `found`, if there is one.
    pub fn expect_nothing(&mut self, found: Option<Found>) {
        self.uncompared += u64::from(found.is_some());
    }

    /// Compares with a line of the recording.
    pub fn compare(&mut self, found: Option<Found>, recorded: &Value) {
        let (Some((frame, time_s, objects)), Some(there)) = (found, recorded.get("objects")) else {
            self.uncompared += 1;
            return;
        };
        if recorded.get("frame").and_then(Value::as_u64) != Some(frame) {
            self.uncompared += 1;
            return;
        }
        self.compared += 1;
        if objects == *there {
            return;
        }
        self.differing += 1;
        if self.first_differences.len() < TOLD {
            let words = difference(there, &objects);
            self.first_differences.push(format!("frame {frame} ({time_s:.3} s): {words}"));
        }
    }

    /// Prints the first differences to standard error.
    pub fn print_first(&self) {
        self.first_differences.iter().for_each(|difference| eprintln!("  {difference}"));
        let more = self.differing.saturating_sub(self.first_differences.len() as u64);
        if more > 0 {
            eprintln!("  and {more} more frames");
        }
    }
}

/// How two lists of objects differ, in words.
fn difference(there: &Value, here: &Value) -> String {
    let empty = Vec::new();
    let list = |objects: &Value| objects.as_array().cloned().unwrap_or_else(|| empty.clone());
    let (there, here) = (list(there), list(here));
    let id = |object: &Value| object["object"].to_string();
    let names = |objects: &[Value]| objects.iter().map(id).collect::<Vec<_>>().join(", ");
    let (ours, theirs) = (names(&here), names(&there));
    if ours != theirs {
        return format!("objects [{ours}], recorded were [{theirs}]");
    }
    let changed = |(there, here): (&Value, &Value)| {
        let of =
            |key: &str| (there[key] != here[key]).then(|| format!("{key} {}, recorded was {}", here[key], there[key]));
        let mut parts: Vec<String> = ["state", "score"].iter().filter_map(|key| of(key)).collect();
        if there["rle"] != here["rle"] {
            parts.push(mask_difference(&there["rle"], &here["rle"]));
        }
        (there != here).then(|| format!("object {}: {}", id(here), parts.join("; ")))
    };
    there.iter().zip(&here).filter_map(changed).collect::<Vec<_>>().join("; ")
}

fn mask_difference(there: &Value, here: &Value) -> String {
    let mask = |rle: &Value| {
        let mut mask = Mask::default();
        serde_json::from_value::<Rle>(rle.clone()).ok()?.decode(&mut mask);
        Some(mask)
    };
    match (mask(there), mask(here)) {
        (Some(there), Some(here)) if there.size() == here.size() => {
            let pixels = there.data().iter().zip(here.data()).filter(|(a, b)| a != b).count();
            format!("the mask differs in {pixels} pixels")
        }
        _ => "the mask is there on one side only, or of another size".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_selections_are_equal_and_others_are_told_in_words() {
        let objects = |counts: &str, score: f64| {
            json!([{ "object": 1, "state": "tracked", "score": score, "box": null, "area": 4,
                     "rle": { "size": [4, 4], "counts": counts } }])
        };
        let line = |frame: u64, objects: Value| json!({ "frame": frame, "objects": objects });
        let mut comparison = Comparison::default();
        let found = |n| Some((n, 0.5, objects("52203", 0.9)));
        comparison.compare(found(1), &line(1, objects("52203", 0.9)));
        comparison.compare(found(2), &line(2, objects("52203", 0.8)));
        comparison.compare(found(3), &line(3, objects("62202", 0.9)));
        comparison.compare(found(4), &line(4, json!([])));
        comparison.compare(found(5), &line(6, objects("52203", 0.9)));
        comparison.compare(None, &line(7, json!([])));
        comparison.expect_nothing(found(8));
        assert_eq!((comparison.compared, comparison.differing, comparison.uncompared), (4, 3, 3));
        let words = comparison.first_differences.join("\n");
        for expected in
            ["frame 2 (0.500 s): object 1: score 0.9, recorded was 0.8", "differs in", "objects [1], recorded were []"]
        {
            assert!(words.contains(expected), "{words}");
        }
    }
}
