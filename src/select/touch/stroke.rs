use crate::geometry::Point;

/// Most points kept of one stroke; beyond it every second one goes.
const KEPT: usize = 128;

/// First distance between kept points, in dp: finer is trembling.
const SPACING_DP: f32 = 2.0;

/// How much longer than the straight way a drag may be; a quarter of a circle is 1.11 times its chord, two sides of a
/// square 1.41 times.
const DRAG_DETOUR: f32 = 1.3;

/// Least ratio of a drag's short side to its long one: 14 degrees off the horizontal or vertical.
const DRAG_SLANT: f32 = 0.25;

/// Least way between the points of a scribble, in dp.
const SCRIBBLE_SPACING_DP: f32 = 16.0;

/// Where one finger went, in bounded memory.
#[derive(Clone, Debug)]
pub(super) struct Stroke {
    origin: Point,
    last: Point,
    slop: f32,
    moved: bool,
    points: Vec<Point>,
    spacing: f32,
}

impl Stroke {
    /// Starts at `origin`, in dp. It has moved once it was more than `slop` away from there.
    pub fn new(origin: Point, slop: f32) -> Self {
        Stroke { origin, last: origin, slop, moved: false, points: vec![origin], spacing: SPACING_DP }
    }

    pub fn extend(&mut self, to: Point) {
        self.last = to;
        self.moved |= self.origin.distance(to) > self.slop;
        let Some(kept) = self.points.last() else { return };
        if kept.distance(to) < self.spacing {
            return;
        }
        self.points.push(to);
        if self.points.len() > KEPT {
            let mut keep = false;
            self.points.retain(|_| {
                keep = !keep;
                keep
            });
            self.spacing *= 2.0;
        }
    }

    pub fn moved(&self) -> bool {
        self.moved
    }

    /// True if the stroke goes roughly straight along a diagonal, so that it spans a box.
    pub fn is_drag(&self) -> bool {
        let (dx, dy) = ((self.last.x - self.origin.x).abs(), (self.last.y - self.origin.y).abs());
        let slanted = dx.min(dy) >= self.slop && dx.min(dy) >= DRAG_SLANT * dx.max(dy);
        slanted && self.length() <= DRAG_DETOUR * dx.hypot(dy)
    }

    /// Two to `most` points at even distances along the stroke, its ends included.
    pub fn sample(&self, most: usize) -> Vec<Point> {
        let length = self.length();
        let count = (((length / SCRIBBLE_SPACING_DP) as usize).saturating_add(1)).clamp(2, most.max(2));
        let step = length / (count - 1) as f32;
        let mut samples = vec![self.origin];
        let mut walked = 0.0;
        for (from, to) in self.legs() {
            let leg = from.distance(to);
            // The last sample is the stroke's end, whatever rounding makes of the lengths.
            while samples.len() + 1 < count && leg > 0.0 && samples.len() as f32 * step <= walked + leg {
                let t = (samples.len() as f32 * step - walked) / leg;
                samples.push(Point::new(from.x + t * (to.x - from.x), from.y + t * (to.y - from.y)));
            }
            walked += leg;
        }
        samples.push(self.last);
        samples
    }

    fn length(&self) -> f32 {
        self.legs().map(|(from, to)| from.distance(to)).sum()
    }

    fn legs(&self) -> impl Iterator<Item = (Point, Point)> + '_ {
        let ends = self.points.iter().skip(1).copied().chain([self.last]);
        self.points.iter().copied().zip(ends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(points: &[(f32, f32)]) -> Stroke {
        let mut stroke = Stroke::new(Point::new(points[0].0, points[0].1), 8.0);
        for pair in points.windows(2) {
            for i in 1..=20 {
                let t = i as f32 / 20.0;
                let (a, b) = (pair[0], pair[1]);
                stroke.extend(Point::new(a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1)));
            }
        }
        stroke
    }

    #[test]
    fn drags_and_scribbles() {
        let arc: Vec<_> = (0..=12)
            .map(|i| (i as f32 / 12.0 * std::f32::consts::FRAC_PI_2).sin_cos())
            .map(|(s, c)| (200.0 * s, 200.0 * c))
            .collect();
        type Row = (&'static str, Vec<(f32, f32)>, bool);
        let rows: [Row; 8] = [
            ("diagonal", vec![(0.0, 0.0), (200.0, 150.0)], true),
            ("diagonal upwards", vec![(200.0, 150.0), (20.0, 10.0)], true),
            ("flat box", vec![(0.0, 0.0), (200.0, 60.0)], true),
            ("bent diagonal", arc, true),
            ("horizontal", vec![(0.0, 0.0), (200.0, 10.0)], false),
            ("vertical", vec![(0.0, 0.0), (10.0, 200.0)], false),
            ("zigzag along a diagonal", vec![(0.0, 0.0), (150.0, 0.0), (0.0, 150.0), (150.0, 150.0)], false),
            ("ring", vec![(0.0, 0.0), (100.0, 0.0), (100.0, 100.0), (0.0, 100.0), (0.0, 4.0)], false),
        ];
        let wrong: Vec<_> =
            rows.iter().filter(|(_, points, drag)| through(points).is_drag() != *drag).map(|(name, ..)| name).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    #[test]
    fn samples_are_even_and_keep_the_ends() {
        let stroke = through(&[(0.0, 0.0), (100.0, 0.0), (100.0, 100.0)]);
        let samples = stroke.sample(5);
        let expected = [(0.0, 0.0), (50.0, 0.0), (100.0, 0.0), (100.0, 50.0), (100.0, 100.0)];
        for (sample, (x, y)) in samples.iter().zip(expected) {
            assert!(sample.distance(Point::new(x, y)) < 0.1, "{samples:?}");
        }
        assert_eq!(samples.len(), 5);
        assert_eq!(through(&[(0.0, 0.0), (20.0, 0.0)]).sample(8).len(), 2, "a short stroke needs few");
    }

    #[test]
    fn an_endless_stroke_stays_bounded() {
        let mut stroke = Stroke::new(Point::default(), 8.0);
        for i in 0..100_000 {
            let angle = i as f32 * 0.01;
            stroke.extend(Point::new(angle.cos() * 300.0, angle.sin() * 300.0));
        }
        assert!(stroke.points.len() <= KEPT && stroke.sample(8).len() == 8);
    }
}
