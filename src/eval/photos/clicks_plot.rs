//! The plot of IoU over clicks, as SVG.

use std::fmt::{self, Write};

use super::protocol::{MAX_CLICKS, Outcome};
use crate::statistics::{mean, quantile, sorted};

/// The plot and, in it, the rectangle between the axes, in SVG user units (pixels at 100 %).
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 695.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 375.0;

/// One number of clicks, over all objects.
struct Step {
    x: f64,
    mean: f64,
    /// The quartiles: a quarter of the objects lies below the first, a quarter above the second.
    lower: f64,
    upper: f64,
}

/// IoU after 1 to [`MAX_CLICKS`] clicks: the mean over `outcomes` as a line, the quartiles as a band. `None` without
/// outcomes.
pub fn svg(title: &str, outcomes: &[Outcome]) -> Option<String> {
    let steps: Vec<Step> = (0..MAX_CLICKS).filter_map(|k| step(outcomes, k)).collect();
    if steps.is_empty() {
        return None;
    }
    let mut out = String::new();
    draw(&mut out, &escape(title), outcomes.len(), &steps).ok()?;
    Some(out)
}

fn step(outcomes: &[Outcome], k: usize) -> Option<Step> {
    let ious = sorted(outcomes.iter().map(|o| o.iou_by_click[k]));
    let (lower, upper) = (quantile(&ious, 0.25)?, quantile(&ious, 0.75)?);
    Some(Step { x: across(k + 1), mean: down(mean(ious)?), lower: down(lower), upper: down(upper) })
}

/// Where a number of clicks lies from the left.
fn across(clicks: usize) -> f64 {
    let share = clicks.saturating_sub(1) as f64 / (MAX_CLICKS - 1) as f64;
    // Half a step of room on either side keeps the first and the last point off the frame.
    let room = (RIGHT - LEFT) / (2 * MAX_CLICKS) as f64;
    LEFT + room + share * (RIGHT - LEFT - 2.0 * room)
}

/// Where an IoU lies from the top.
fn down(iou: f64) -> f64 {
    BOTTOM - iou * (BOTTOM - TOP)
}

fn draw(out: &mut String, title: &str, objects: usize, steps: &[Step]) -> fmt::Result {
    writeln!(out, r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" "#)?;
    writeln!(out, r##"  viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13" fill="#222222">"##)?;
    writeln!(out, "<title>{title}</title>")?;
    writeln!(out, r##"<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>"##)?;
    writeln!(out, r#"<text x="{LEFT}" y="30" font-size="16" font-weight="bold">{title}</text>"#)?;
    axes(out)?;
    marks(out, steps)?;
    legend(out, objects)?;
    writeln!(out, "</svg>")
}

fn axes(out: &mut String) -> fmt::Result {
    for tick in 0..=10u32 {
        let (iou, y) = (tick as f64 / 10.0, down(tick as f64 / 10.0));
        writeln!(out, r##"<line x1="{LEFT}" y1="{y:.1}" x2="{RIGHT}" y2="{y:.1}" stroke="#e3e3e3"/>"##)?;
        if tick.is_multiple_of(2) {
            writeln!(out, r#"<text x="{}" y="{:.1}" text-anchor="end">{iou:.1}</text>"#, LEFT - 8.0, y + 4.5)?;
        }
    }
    for clicks in 1..=MAX_CLICKS {
        let x = across(clicks);
        writeln!(out, r##"<line x1="{x:.1}" y1="{BOTTOM}" x2="{x:.1}" y2="{}" stroke="#666666"/>"##, BOTTOM + 5.0)?;
        writeln!(out, r#"<text x="{x:.1}" y="{}" text-anchor="middle">{clicks}</text>"#, BOTTOM + 20.0)?;
    }
    writeln!(out, r##"<path d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}" fill="none" stroke="#666666"/>"##)?;
    let (x, y) = ((LEFT + RIGHT) / 2.0, (TOP + BOTTOM) / 2.0);
    writeln!(out, r#"<text x="{x}" y="{}" text-anchor="middle" font-size="14">clicks</text>"#, BOTTOM + 46.0)?;
    let turned = format!(r#"transform="rotate(-90 24 {y})""#);
    writeln!(out, r#"<text x="24" y="{y}" text-anchor="middle" font-size="14" {turned}>IoU with the truth</text>"#)
}

fn marks(out: &mut String, steps: &[Step]) -> fmt::Result {
    let points = |ys: &mut dyn Iterator<Item = (f64, f64)>| {
        ys.map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
    };
    let upper = steps.iter().map(|s| (s.x, s.upper));
    let lower = steps.iter().rev().map(|s| (s.x, s.lower));
    let band = points(&mut upper.chain(lower));
    writeln!(out, r##"<polygon points="{band}" fill="#56b4e9" fill-opacity="0.3"/>"##)?;
    let line = points(&mut steps.iter().map(|s| (s.x, s.mean)));
    writeln!(out, r##"<polyline points="{line}" fill="none" stroke="#0072b2" stroke-width="2.5"/>"##)?;
    for Step { x, mean, .. } in steps {
        writeln!(out, r##"<circle cx="{x:.1}" cy="{mean:.1}" r="3.5" fill="#0072b2"/>"##)?;
    }
    Ok(())
}

/// At the lower right, which a curve that rises leaves free.
fn legend(out: &mut String, objects: usize) -> fmt::Result {
    let (x, y) = (RIGHT - 245.0, BOTTOM - 60.0);
    let text = x + 45.0;
    writeln!(out, r##"<rect x="{x}" y="{y}" width="235" height="50" fill="#ffffff" stroke="#cccccc"/>"##)?;
    let (from, to, middle) = (x + 8.0, x + 37.0, y + 15.0);
    writeln!(out, r##"<path d="M{from} {middle}H{to}" stroke="#0072b2" stroke-width="2.5"/>"##)?;
    writeln!(out, r#"<text x="{text}" y="{}">mean of the objects ({objects})</text>"#, y + 19.5)?;
    let swatch = format!(r#"x="{from}" y="{}" width="29" height="14""#, y + 28.0);
    writeln!(out, r##"<rect {swatch} fill="#56b4e9" fill-opacity="0.3"/>"##)?;
    writeln!(out, r#"<text x="{text}" y="{}">between the quartiles</text>"#, y + 39.5)
}

/// Text as it stands between tags. Characters that XML forbids become spaces.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
