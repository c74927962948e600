use super::entry::{Entry, megabytes};
use super::list::billions;
use crate::model::MeasuredRun;

/// Everything that is known of a model.
pub(super) fn details(e: &Entry) -> String {
    let [w, h] = e.input_size;
    let sizes = e.input_sizes.map_or("no other".to_owned(), |s| {
        format!("sides of {} to {} that are multiples of {}", s.min, s.max, s.multiple)
    });
    format!(
        "{}: {}\n  family      {} ({})\n  input       {w}x{h} ({sizes})\n  licence     {}\n  source      {}\n  folder      {}\n  work        {}\n  measured    {}\n{}",
        e.name,
        e.description,
        e.family,
        e.family_summary,
        e.licence,
        e.source,
        e.location,
        e.multiply_adds.map_or("not counted".to_owned(), |work| format!(
            "{} multiply-adds in the encoder, {} in the decoder",
            billions(work.encoder),
            billions(work.decoder)
        )),
        measured(e),
        findings(std::slice::from_ref(e)),
    )
}

fn measured(e: &Entry) -> String {
    let Some(measured) = &e.measured else { return "not measured".into() };
    let run = |run: &MeasuredRun| {
        let [width, height] = run.input;
        let MeasuredRun { precision, threads, encoder_ms, decoder_ms, .. } = run;
        let precision = precision.name();
        format!(
            "encoder {encoder_ms:.1} ms, decoder {decoder_ms:.1} ms in {precision} at {width}x{height}, threads {threads}"
        )
    };
    let runs: Vec<String> = measured.runs.iter().map(run).collect();
    format!("{} ({}, foveate {})", runs.join("; "), measured.machine, measured.foveate)
}

/// One line for each file.
pub(super) fn findings(entries: &[Entry]) -> String {
    let mut text = String::new();
    for file in entries.iter().flat_map(|e| &e.files) {
        let size = file.bytes.map_or("-".to_owned(), |b| format!("{:.2} MB", megabytes(b)));
        text.push_str(&format!(
            "  {:<8} {} {:>10}  {}  {}\n",
            file.state_name(),
            file.precision,
            size,
            file.path.display(),
            file.sha256
        ));
    }
    text
}
