use super::*;

fn rising(by: f64) -> Outcome {
    Outcome { iou_by_click: std::array::from_fn(|k| 1.0 - (-by * (k + 1) as f64).exp()), ..Outcome::default() }
}

/// Names of the elements in order; panics where tags do not balance or quotes do not close.
fn elements(svg: &str) -> Vec<String> {
    let (mut open, mut seen, mut rest) = (Vec::new(), Vec::new(), svg);
    while let Some(start) = rest.find('<') {
        assert!(!rest[..start].contains('>'), "a bare > in {}", &rest[..start]);
        let tag = &rest[start + 1..start + rest[start..].find('>').unwrap()];
        rest = &rest[start + tag.len() + 2..];
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        let name = tag.trim_start_matches('/').split_whitespace().next().unwrap().trim_end_matches('/').to_owned();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else {
            seen.push(name.clone());
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
    seen
}

/// The points of the first element of this name.
fn points(svg: &str, element: &str) -> Vec<(f64, f64)> {
    let list = svg.split(&format!("<{element} points=\"")).nth(1).unwrap().split('"').next().unwrap();
    let point = |p: &str| p.split_once(',').map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()));
    list.split(' ').map(|p| point(p).unwrap()).collect()
}

#[test]
fn it_is_well_formed_and_has_a_point_for_every_click() {
    let svg = svg("a & b <f32>", &[rising(0.1), rising(0.4), rising(2.0)]).unwrap();
    let elements = elements(&svg);
    assert_eq!(elements.iter().filter(|e| *e == "circle").count(), MAX_CLICKS);
    assert_eq!(points(&svg, "polyline").len(), MAX_CLICKS);
    assert_eq!(points(&svg, "polygon").len(), 2 * MAX_CLICKS);
    assert!(svg.contains("a &amp; b &lt;f32&gt;") && svg.contains(">clicks<") && svg.contains(">IoU with the truth<"));
    for (x, y) in points(&svg, "polyline").into_iter().chain(points(&svg, "polygon")) {
        assert!((LEFT..=RIGHT).contains(&x) && (TOP..=BOTTOM).contains(&y), "{x} {y}");
    }
}

#[test]
fn the_line_is_the_mean_and_the_band_the_quartiles() {
    let level = |iou| Outcome { iou_by_click: [iou; MAX_CLICKS], ..Outcome::default() };
    let svg = svg("", &[0.0, 0.2, 0.4, 0.6, 1.0].map(level)).unwrap();
    let near = |y: f64, iou: f64| (y - down(iou)).abs() < 0.06;
    assert!(points(&svg, "polyline").iter().all(|p| near(p.1, 0.44)));
    let band = points(&svg, "polygon");
    assert!(band[..MAX_CLICKS].iter().all(|p| near(p.1, 0.6)) && band[MAX_CLICKS..].iter().all(|p| near(p.1, 0.2)));
}

#[test]
fn nothing_measured_draws_nothing() {
    assert_eq!(svg("m", &[]), None);
}
