//! From fingers on a virtual screen to gestures on a frame.

use std::thread;
use std::time::Duration;

use evdevil::event::InputEvent;
use foveate::geometry::{Point, Size};
use foveate::input::{TouchOptions, TouchSource};
use foveate::select::touch::{Fit, GestureKind, Rotation, TouchConfig, TouchGesture, TouchSelector, Viewport};
use foveate::time::{Clock, MonotonicClock, Timestamp};
use serde_json::json;

use crate::Outcome;
use crate::screen::{HEIGHT, Virtual, WIDTH, finger, lift, read};

// Times that a slow, emulated machine keeps.
const PRESSED: Duration = Duration::from_millis(400);
const DOUBLE_TAP: Duration = Duration::from_millis(1500);
const LONG_PRESS: Duration = Duration::from_millis(2500);

fn config() -> TouchConfig {
    let mut config = TouchConfig::default();
    (config.slop_dp, config.double_tap_slop_dp, config.scribble_points) = (8.0, 48.0, 6);
    config.pressed = PRESSED;
    config.double_tap = DOUBLE_TAP;
    config.long_press = LONG_PRESS;
    config
}

/// A tap at a place.
const SHORT: Duration = Duration::from_millis(60);

struct Bench {
    screen: Virtual,
    source: Box<dyn TouchSource>,
    selector: TouchSelector,
    id: i32,
}

impl Bench {
    fn new() -> Result<Self, String> {
        let screen = Virtual::screen("test screen")?;
        let source = screen.open(&TouchOptions::default())?;
        // A frame of the screen's shape: pixels are a tenth of its units, 160 dp an inch are 3.97 units a dp.
        let frame = Size::new(WIDTH as u32 / 10, HEIGHT as u32 / 10);
        let view = Viewport::new(frame, source.size_mm(), Fit::Letterbox, Rotation::None);
        Ok(Bench { screen, source, selector: TouchSelector::new(config(), view), id: 0 })
    }

    fn down(&mut self, slot: i32, x: i32, y: i32) -> Result<Timestamp, String> {
        self.id += 1;
        let before = MonotonicClock.now();
        self.screen.report(&finger(slot, self.id, x, y))?;
        Ok(before)
    }

    fn play(&mut self, events: &[InputEvent]) -> Result<(), String> {
        self.screen.report(events)?;
        thread::sleep(Duration::from_millis(12));
        Ok(())
    }

    fn tap(&mut self, slot: i32, x: i32, y: i32) -> Result<Timestamp, String> {
        let at = self.down(slot, x, y)?;
        thread::sleep(SHORT);
        self.screen.report(&lift(slot))?;
        Ok(at)
    }

    fn stroke(&mut self, points: &[(i32, i32)]) -> Result<Timestamp, String> {
        let at = self.down(0, points[0].0, points[0].1)?;
        for pair in points.windows(2) {
            for i in 1..=8 {
                let at = |a: i32, b: i32| a + (b - a) * i / 8;
                self.play(&finger(0, self.id, at(pair[0].0, pair[1].0), at(pair[0].1, pair[1].1)))?;
            }
        }
        self.screen.report(&lift(0))?;
        Ok(at)
    }

    /// The gestures since the last call.
    fn gestures(&mut self) -> Vec<TouchGesture> {
        let (contacts, mut out) = (read(self.source.as_mut()), Vec::new());
        for report in contacts.chunk_by(|a, b| a.at == b.at) {
            self.selector.push(report, &mut out);
        }
        out
    }

    /// The only gesture since the last call, made at `at` or a moment later.
    fn one(&mut self, at: Timestamp) -> Result<GestureKind, String> {
        let found = self.gestures();
        match found.as_slice() {
            [gesture] if gesture.made_at + Duration::from_micros(1) >= at => Ok(gesture.kind.clone()),
            _ => Err(format!("expected one gesture after {at}, found {found:?}")),
        }
    }
}

fn near(a: Point, x: f32, y: f32) -> bool {
    a.distance(Point::new(x, y)) < 1.0
}

pub fn gestures() -> Outcome {
    let mut bench = Bench::new()?;
    let mut seen = Vec::new();
    let mut check = |name: &str, kind: GestureKind, holds: bool| {
        seen.push(name.to_owned());
        if holds { Ok(()) } else { Err(format!("{name}: {kind:?}")) }
    };

    let first = bench.tap(0, 1000, 500)?;
    let kind = bench.one(first)?;
    check("tap", kind.clone(), matches!(kind, GestureKind::Tap { point } if near(point, 100.0, 50.0)))?;
    let at = bench.tap(0, 1010, 505)?;
    let kind = bench.one(at)?;
    let double =
        matches!(kind, GestureKind::DoubleTap { first_at, .. } if first_at.since(first) < Duration::from_secs(1));
    check("double tap", kind, double)?;
    thread::sleep(DOUBLE_TAP + SHORT);

    let at = bench.down(3, 3000, 2000)?;
    thread::sleep(LONG_PRESS + SHORT);
    bench.screen.report(&lift(3))?;
    let kind = bench.one(at)?;
    check("long press", kind.clone(), matches!(kind, GestureKind::LongPress { point } if near(point, 300.0, 200.0)))?;

    bench.down(0, 1000, 1000)?;
    thread::sleep(PRESSED + SHORT);
    let at = bench.tap(1, 2000, 1000)?;
    let kind = bench.one(at)?;
    let second = matches!(kind, GestureKind::SecondTap { point, resting } if near(point, 200.0, 100.0) && near(resting, 100.0, 100.0));
    check("second tap", kind, second)?;
    bench.screen.report(&lift(0))?;
    if !bench.gestures().is_empty() {
        return Err("the finger that rested makes a gesture too".to_owned());
    }

    let at = bench.down(0, 1000, 1000)?;
    bench.tap(1, 2000, 1000)?;
    bench.screen.report(&lift(0))?;
    let kind = bench.one(at)?;
    check("two-finger tap", kind.clone(), kind == GestureKind::TwoFingerTap)?;

    let at = bench.stroke(&[(500, 400), (2500, 1400)])?;
    let kind = bench.one(at)?;
    let corners = |b: foveate::geometry::BoundingBox| {
        near(Point::new(b.x0, b.y0), 50.0, 40.0) && near(Point::new(b.x1, b.y1), 250.0, 140.0)
    };
    check("drag", kind.clone(), matches!(kind, GestureKind::Drag { bbox } if corners(bbox)))?;

    let at = bench.stroke(&[(500, 400), (2500, 500), (500, 1000), (2500, 1100)])?;
    let kind = bench.one(at)?;
    let ends = |p: &[Point]| p.len() == 6 && near(p[0], 50.0, 40.0) && near(p[5], 250.0, 110.0);
    check("scribble", kind.clone(), matches!(&kind, GestureKind::Scribble { points } if ends(points)))?;
    Ok(json!({"gestures": seen}))
}
