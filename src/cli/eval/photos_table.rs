//! The figures of a set of photos, for a user to read.

use crate::eval::photos::{ClassFigures, REACH, Report};

/// The figures as a table, a line each.
pub fn table(report: &Report) -> String {
    let rows = [
        ("photos", report.images.to_string()),
        ("objects", report.objects.to_string()),
        ("IoU, one click", cell(report.iou_1click, 4)),
        ("IoU, one click, best of the masks", cell(report.iou_1click_oracle, 4)),
        ("IoU, box", cell(report.iou_box, 4)),
        ("IoU, 3 / 5 / 10 clicks", [2, 4, 9].map(|k| cell(report.iou_by_click.get(k).copied(), 4)).join(" / ")),
        ("clicks to 0.85", cell(report.noc85, 2)),
        ("clicks to 0.90", cell(report.noc90, 2)),
        ("boundary F, one click", cell(report.boundary_f_1click, 4)),
        ("boundary F, box", cell(report.boundary_f_box, 4)),
        (&format!("IoU with itself, click moved {REACH} px"), cell(report.jitter_iou, 4)),
        (&format!("IoU lost, click moved {REACH} px"), cell(report.jitter_drop, 4)),
        ("encoder, median ms", cell(report.encoder_ms, 1)),
        ("decoder, median ms", cell(report.decoder_ms, 1)),
    ];
    let mut table = format!("{} ({})\n", report.model, report.precision);
    for (name, value) in rows {
        table.push_str(&format!("  {name:<34} {value}\n"));
    }
    table.push_str(&format!("\n  {:<34} {:<9} {:<11} IoU, box\n", "share of the photo", "objects", "IoU, click"));
    for (name, class) in [
        ("small, below 2 %", &report.sizes.small),
        ("medium, 2 to 15 %", &report.sizes.medium),
        ("large, above 15 %", &report.sizes.large),
    ] {
        let ClassFigures { count, iou_1click, iou_box } = class;
        let (click, boxed) = (cell(*iou_1click, 4), cell(*iou_box, 4));
        table.push_str(&format!("  {name:<34} {count:<9} {click:<11} {boxed}\n"));
    }
    table
}

fn cell(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".to_owned(), |v| format!("{v:.digits$}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::photos::Outcome;
    use crate::statistics::Samples;

    #[test]
    fn every_line_begins_its_figures_at_one_column() {
        let outcomes = [Outcome { iou_box: 0.8125, share: 0.5, ..Outcome::default() }];
        let none = Samples::default();
        let table = table(&Report::new("m".into(), "f32".into(), &outcomes, &none, &none));
        let lines: Vec<&str> = table.lines().filter(|l| !l.is_empty()).collect();
        for line in &lines[1..] {
            let figures = line.char_indices().nth(37).map(|(at, _)| line.split_at(at));
            let (name, value) = figures.unwrap_or_else(|| panic!("{line}"));
            assert!(name.ends_with(' ') && !value.starts_with(' '), "{line}");
        }
        assert!(table.contains("IoU, box                           0.8125"), "{table}");
        assert!(table.contains("large, above 15 %                  1         0.0000      0.8125"), "{table}");
        assert!(table.contains("small, below 2 %                   0         -           -"), "{table}");
    }
}
