use std::fmt::Write;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::figures::Figures;
use super::hub::PagesFigures;
use crate::sync::LatencySummary;

/// `/metrics` in the text format of Prometheus.
pub async fn metrics(State(app): State<App>) -> Response {
    let hub = &app.hub;
    let text = text(&hub.figures(), &hub.pages(), hub.frame_count(), hub.object_count());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

fn text(figures: &Figures, pages: &PagesFigures, frames: u64, objects: usize) -> String {
    let mut out = String::new();
    let mut head = |name: &str, kind: &str, help: &str, lines: &dyn Fn(&mut String)| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "# HELP foveate_{name} {help}\n# TYPE foveate_{name} {kind}");
        lines(&mut out);
    };
    let stages = |out: &mut String, name: &str, value: fn(&crate::pipeline::StageReport) -> u64| {
        for stage in &figures.stages {
            let _ = writeln!(out, "foveate_{name}{{stage=\"{}\"}} {}", escaped(&stage.stage), value(stage));
        }
    };
    let (board, model) = (&figures.board, &figures.model);
    head("info", "gauge", "What runs here; always 1.", &|out| {
        let rows = [
            ("version", env!("CARGO_PKG_VERSION")),
            ("board", &board.name),
            ("model", &model.name),
            ("precision", &model.precision),
            ("source", &figures.source),
        ];
        let labels: Vec<_> = rows.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        let _ = writeln!(out, "foveate_info{{{}}} 1", labels.join(","));
    });
    head("stage_frames_total", "counter", "Frames that a stage handed on.", &|out| {
        stages(out, "stage_frames_total", |s| s.frames_out);
    });
    head("stage_dropped_total", "counter", "Frames dropped before a stage.", &|out| {
        stages(out, "stage_dropped_total", |s| s.dropped);
    });
    head("stage_service_seconds", "summary", "Time in a stage.", &|out| {
        for stage in &figures.stages {
            summary(out, "stage_service_seconds", &format!("stage=\"{}\",", escaped(&stage.stage)), &stage.service);
        }
    });
    head("age_seconds", "summary", "From capture to mask.", &|out| summary(out, "age_seconds", "", &figures.age));
    let rung = figures.degrade.as_ref().map_or(0, |degrade| degrade.rung);
    let rows: [(&str, &str, &str, u64); 6] = [
        ("rung", "gauge", "Rung of the board's ladder; 0 is full quality.", rung as u64),
        ("objects", "gauge", "Objects that are followed.", objects as u64),
        ("console_frames_total", "counter", "Frames that the console saw.", frames),
        ("console_pages", "gauge", "Pages that are open.", pages.open as u64),
        ("console_frames_sent_total", "counter", "Frames sent to pages.", pages.sent),
        ("console_frames_skipped_total", "counter", "Frames that a page was too slow for.", pages.skipped),
    ];
    for (name, kind, help, value) in rows {
        head(name, kind, help, &|out| {
            let _ = writeln!(out, "foveate_{name} {value}");
        });
    }
    if let Some(celsius) = figures.celsius {
        head("temperature_celsius", "gauge", "Of the processor.", &|out| {
            let _ = writeln!(out, "foveate_temperature_celsius {celsius}");
        });
    }
    out
}

fn summary(out: &mut String, name: &str, labels: &str, times: &LatencySummary) {
    for (quantile, ms) in [("0.5", times.p50_ms), ("0.95", times.p95_ms), ("0.99", times.p99_ms)] {
        let _ = writeln!(out, "foveate_{name}{{{labels}quantile=\"{quantile}\"}} {}", ms / 1e3);
    }
    let labels = labels.trim_end_matches(',');
    let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    let sum = times.mean_ms * times.count as f64 / 1e3;
    let _ = writeln!(out, "foveate_{name}_sum{labels} {sum}\nfoveate_{name}_count{labels} {}", times.count);
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::figures::ModelFigures;
    use crate::pipeline::StageMeter;

    #[test]
    fn every_line_is_of_the_text_format() {
        let meter = StageMeter::new("sink ndjson:\"a\\b\"");
        meter.begin(Default::default(), Default::default());
        meter.end(std::time::Duration::from_millis(20));
        let figures = Figures {
            stages: vec![meter.report()],
            celsius: Some(41.5),
            model: ModelFigures { name: "foveate".into(), ..ModelFigures::default() },
            ..Figures::default()
        };
        let text = text(&figures, &PagesFigures { open: 1, sent: 3, skipped: 4, round_trip_ms: None }, 2, 5);
        assert!(text.contains("foveate_stage_frames_total{stage=\"sink ndjson:\\\"a\\\\b\\\"\"} 1\n"), "{text}");
        assert!(text.contains("foveate_temperature_celsius 41.5\n"), "{text}");
        assert!(text.contains("quantile=\"0.5\"} 0.02"), "{text}");
        let mut typed = std::collections::HashSet::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                assert!(typed.insert(rest.split(' ').next().unwrap().to_owned()), "twice: {line}");
            } else if !line.starts_with('#') {
                let (name, value) = line.rsplit_once(' ').unwrap();
                assert!(value.parse::<f64>().is_ok(), "{line}");
                let name = name.split('{').next().unwrap();
                let base = name.trim_end_matches("_sum").trim_end_matches("_count");
                assert!(typed.contains(base), "{line}");
            }
        }
    }
}
