//! Selection by gaze, as a user sees it: a slice of `foveate eval gaze`, and recordings of real eye trackers.

#[allow(dead_code)]
#[path = "common/program.rs"]
mod program;

use std::path::Path;

use program::Sandbox;
use serde_json::Value;

fn report(arguments: &[&str]) -> Value {
    let ran = Sandbox::new().foveate(arguments);
    assert_eq!(ran.code(), 0, "{}", ran.describe());
    serde_json::from_str(&ran.stdout()).unwrap_or_else(|e| panic!("{e}: {}", ran.describe()))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn what_is_looked_at_is_selected() {
    let of = |trials: &str| {
        let all = ["eval", "gaze", "--trials", trials, "--noise", "1.0", "--seed", "3", "--precision", "f32", "--json"];
        report(&all)["closed_loop"][0].clone()
    };
    let at = of("80");
    assert_eq!(at["trials"], 80, "{at:#}");
    assert!(number(&at["object"]) >= 0.95 && number(&at["right"]) >= 0.9, "{at:#}");
    assert!((600.0..1000.0).contains(&number(&at["selection_ms"])), "{at:#}");
    assert!(number(&at["iou"]) >= 0.75, "{at:#}");
    let free = &at["free_viewing"];
    assert!(number(&free["minutes"]) > 3.0, "{at:#}");
    // Without a dwell every one of some 170 fixations a minute would select something.
    assert!(number(&free["false_per_minute"]) <= 1.5, "{at:#}");
    assert_eq!(of("8"), of("8"), "the same seed tells the same");
}

#[test]
fn recordings_of_real_eyes() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/gaze");
    if !data.is_dir() {
        eprintln!("skipped: {} is not there", data.display());
        return;
    }
    let measured = report(&["eval", "gaze", "--trials", "0", "--data", data.to_str().unwrap(), "--json"]);
    let named = |name: &str| {
        let replays = measured["replays"].as_array().unwrap();
        replays.iter().find(|r| r["name"] == name).unwrap_or_else(|| panic!("{name} in {measured:#}"))
    };
    let neon = named("neon_demo_recording");
    let velocity = &neon["velocity"];
    assert!(number(&velocity["found"]) >= 0.9 && number(&velocity["confirmed"]) >= 0.9, "{neon:#}");
    let core = named("pupil_core_chblab");
    assert!(number(&core["low_confidence"]) > 0.3, "{core:#}");
    assert_eq!(core["commits_unseen"], 0, "{core:#}");
    assert!(number(&core["commits"]) > 0.0, "what is seen well still selects: {core:#}");
}
