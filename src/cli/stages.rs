//! The table of stages that ends a stream.

use std::fmt::Write;

use crate::pipeline::Summary;

/// Stages with their rates, times and drops, then ages and throughput, for a user to read.
pub fn table(summary: &Summary) -> String {
    let mut out = String::new();
    let width = summary.stages.iter().map(|s| s.stage.chars().count()).max().unwrap_or(0).max("stage".len());
    let _ = writeln!(
        out,
        "{:<width$} {:>7} {:>7} {:>7}   {:>21}   {:>21}",
        "stage", "in", "out", "dropped", "wait ms p50 p95 p99", "work ms p50 p95 p99"
    );
    for s in summary.stages.iter() {
        let _ = writeln!(
            out,
            "{:<width$} {:>7} {:>7} {:>7}   {:>6.1} {:>6.1} {:>6.1}    {:>6.1} {:>6.1} {:>6.1}",
            s.stage,
            s.frames_in,
            s.frames_out,
            s.dropped,
            s.queue.p50_ms,
            s.queue.p95_ms,
            s.queue.p99_ms,
            s.service.p50_ms,
            s.service.p95_ms,
            s.service.p99_ms,
        );
    }
    let (age, t) = (&summary.age, &summary.throughput);
    let _ = writeln!(
        out,
        "\n{} frames in {:.1} s, {} dropped; capture to mask {:.1} ms (p50), {:.1} ms (p95), {:.1} ms (p99)",
        summary.frames_out, summary.seconds, summary.frames_dropped, age.p50_ms, age.p95_ms, age.p99_ms
    );
    let _ = writeln!(
        out,
        "{:.1} frames a second; the slowest stage is {} with {:.1} a second ({:.0} % reached)",
        t.output_fps,
        t.slowest_stage,
        t.slowest_stage_fps,
        t.ratio * 100.0
    );
    if let Some(degrade) = summary.degrade.as_ref().filter(|d| d.steps > 0) {
        let spent = degrade.seconds.iter().enumerate().map(|(rung, s)| format!("{s:.0} s on rung {rung}"));
        let spent = spent.collect::<Vec<_>>().join(", ");
        let _ = writeln!(out, "{} steps on the board's ladder: {spent}; at the end {}", degrade.steps, degrade.setting);
    }
    let prompts = &summary.prompts;
    if prompts.left > 0 {
        let _ = writeln!(out, "{} prompts had no frame before the stream ended", prompts.left);
    }
    if prompts.refused > 0 {
        let _ = writeln!(out, "{} prompts were refused because too many waited", prompts.refused);
    }
    if prompts.rejected > 0 {
        let _ =
            writeln!(out, "{} of {} prompts could not be answered on their frame", prompts.rejected, prompts.applied);
    }
    out
}
