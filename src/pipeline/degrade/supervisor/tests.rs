use std::sync::{Arc, Mutex};

use crossbeam_channel::{Receiver, bounded};

use super::*;
use crate::board::{Budgets, Reading, Rung};
use crate::engine::Precision;
use crate::error::{ModelError, Result};
use crate::frame::Frame;
use crate::geometry::{Region, Size};
use crate::model::{Candidate, Decoder, Embedding, Encoder, Prompt};
use crate::pipeline::degrade::{Setting, Variant};
use crate::sync::StopToken;
use crate::time::{Clock, ManualClock};

struct Nothing(Size);

impl Encoder for Nothing {
    fn input_size(&self) -> Size {
        self.0
    }

    fn encode_region(&mut self, frame: &Frame, region: Region, out: &mut Embedding) -> Result<()> {
        out.letterbox = crate::geometry::Letterbox::of_region(frame.size, region, self.0);
        Ok(())
    }
}

impl Decoder for Nothing {
    fn max_points(&self) -> usize {
        1
    }

    fn mask_size(&self) -> Size {
        self.0
    }

    fn candidates(&self) -> usize {
        1
    }

    fn decode(&mut self, _: &Embedding, _: &[Prompt], _: &mut Vec<Candidate>) -> Result<()> {
        Ok(())
    }
}

/// Loads what is asked for, or fails for one size; loading takes a second of the stream's time.
struct Loads {
    clock: ManualClock,
    asked: Arc<Mutex<Vec<Variant>>>,
    broken: Option<Size>,
}

impl Variants for Loads {
    fn load(&mut self, variant: Variant) -> Result<(Box<dyn Encoder>, Box<dyn Decoder>)> {
        self.clock.advance(Duration::from_secs(1));
        self.asked.lock().unwrap().push(variant);
        if self.broken == Some(variant.input) {
            return Err(ModelError::MissingFile { path: "gone.onnx".into() }.into());
        }
        Ok((Box::new(Nothing(variant.input)), Box::new(Nothing(variant.input))))
    }
}

#[derive(Clone)]
struct Settable(Arc<Mutex<Reading>>);

impl Thermometer for Settable {
    fn read(&mut self) -> Reading {
        self.0.lock().unwrap().clone()
    }
}

struct Bench {
    clock: ManualClock,
    supervisor: Supervisor,
    encoder: Box<dyn Encoder>,
    events: Receiver<(u64, Event)>,
    asked: Arc<Mutex<Vec<Variant>>>,
    heat: Settable,
}

const FULL: Size = Size::new(256, 256);
const LESS: Size = Size::new(192, 192);

impl Bench {
    fn new(broken: Option<Size>) -> Self {
        let clock = ManualClock::default();
        clock.set(Timestamp::from_secs_f64(100.0));
        let rungs = vec![
            Rung { pixels: Some(192 * 192), ..Rung::default() },
            Rung { encode_every: Some(2), ..Rung::default() },
        ];
        let variant = Variant { input: FULL, precision: Precision::F32 };
        let (ladder, _) = Ladder::new(Setting { variant, encode_every: 1 }, &rungs, |_| LESS, |_| Ok(()));
        let (switch, encoder, _, _) = Switch::new("m", Box::new(Nothing(FULL)), None, Box::new(Nothing(FULL)));
        let (sender, events) = bounded(64);
        let shared = Shared::new(Arc::new(clock.clone()), StopToken::new(), vec![sender]);
        shared.set_origin(clock.now());
        let (asked, heat) = (Arc::default(), Settable(Arc::default()));
        let degrade = Degrade {
            budgets: Budgets {
                latency_ms: Some(100.0),
                temperature_c: Some(75.0),
                ladder: rungs,
                ..Budgets::default()
            },
            ladder,
            variants: Box::new(Loads { clock: clock.clone(), asked: Arc::clone(&asked), broken }),
            thermometer: Box::new(heat.clone()),
        };
        let stream = Stream { switch, model: "m".into(), every: EncodeEvery::new(1), age: AgeMeter::default(), shared };
        Bench { clock, supervisor: Supervisor::new(degrade, stream), encoder, events, asked, heat }
    }

    /// Records of this age, ten a second, for so many seconds, with a look twice a second.
    fn pass(&mut self, seconds: u32, ms: u64) {
        for _ in 0..seconds * 2 {
            for _ in 0..5 {
                self.clock.advance(Duration::from_millis(100));
                self.supervisor.stream.age.record(Duration::from_millis(ms), self.clock.now());
            }
            self.supervisor.look();
        }
    }

    /// The input size that the next frame is encoded at.
    fn input(&mut self) -> Size {
        let mut embedding = Embedding::empty();
        self.encoder.encode(&Frame { size: Size::new(64, 48), ..Frame::default() }, &mut embedding).unwrap();
        embedding.letterbox.input
    }

    fn reported(&self) -> Vec<EventKind> {
        self.events.try_iter().map(|(_, e)| e.kind).collect()
    }
}

fn degraded(rung: u32, setting: &str, reason: &str) -> EventKind {
    EventKind::Degraded { rung, setting: setting.into(), reason: reason.into() }
}

#[test]
fn a_slow_stream_goes_down_and_a_quick_one_comes_back() {
    let mut bench = Bench::new(None);
    bench.pass(1, 60);
    assert_eq!((bench.reported(), bench.input()), (vec![], FULL));
    bench.pass(1, 142);
    assert_eq!(bench.reported(), [degraded(1, "192x192 f32, every frame", "latency 142 ms > 100 ms")]);
    assert_eq!((bench.input(), bench.supervisor.stream.every.get()), (LESS, 1));
    bench.pass(4, 142);
    assert_eq!(bench.reported(), [degraded(2, "192x192 f32, 1 frame of 2", "latency 142 ms > 100 ms")]);
    assert_eq!((bench.input(), bench.supervisor.stream.every.get()), (LESS, 2));
    assert_eq!(bench.asked.lock().unwrap().len(), 1, "a rung that changes the rate alone loads nothing");
    bench.pass(60, 50);
    let reported = bench.reported();
    assert!(
        matches!(&reported[..], [EventKind::Recovered { rung: 1, .. }, EventKind::Recovered { rung: 0, .. }]),
        "{reported:?}"
    );
    assert_eq!((bench.input(), bench.supervisor.stream.every.get()), (FULL, 1));

    let summary = bench.supervisor.log().summary(bench.clock.now());
    assert_eq!((summary.rung, summary.last_rung, summary.steps), (0, 2, 4));
    assert_eq!(summary.setting, "256x256 f32, every frame");
    let total: f64 = summary.seconds.iter().sum();
    let passed = bench.clock.now().signed_secs_since(Timestamp::from_secs_f64(100.0));
    assert!((total - passed).abs() < 1e-6, "{:?} of {passed}", summary.seconds);
}

#[test]
fn a_hot_board_goes_down_at_any_latency() {
    let mut bench = Bench::new(None);
    *bench.heat.0.lock().unwrap() = Reading { celsius: Some(81.0), throttled: None };
    bench.pass(1, 20);
    assert_eq!(bench.reported(), [degraded(1, "192x192 f32, every frame", "temperature 81 °C > 75 °C")]);
    assert_eq!(bench.supervisor.log().summary(bench.clock.now()).hottest_c, Some(81.0));
}

#[test]
fn a_rung_that_cannot_be_loaded_is_reported_once_and_the_stream_goes_on_as_it_was() {
    let mut bench = Bench::new(Some(LESS));
    bench.pass(30, 300);
    let reported = bench.reported();
    assert!(
        matches!(&reported[..], [EventKind::DegradeFailed { rung: 1, reason }] if reason.contains("gone.onnx")),
        "{reported:?}"
    );
    assert_eq!((bench.input(), bench.supervisor.stream.every.get()), (FULL, 1));
}
