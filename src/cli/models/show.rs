use super::entry::{Entry, megabytes};
use super::list::{billions, speed};

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
        e.measured.as_ref().map_or("not measured".to_owned(), |measured| format!(
            "{} ms (encoder + decoder), {}, foveate {}",
            speed(measured).unwrap_or_else(|| "-".into()),
            measured.machine,
            measured.foveate
        )),
        findings(std::slice::from_ref(e)),
    )
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
