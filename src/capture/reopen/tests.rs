use std::collections::VecDeque;
use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::frame::PixelFormat;
use crate::geometry::Size;
use crate::time::ManualClock;

/// What the fake camera does next.
#[derive(Clone, Debug)]
enum Act {
    Open(Result<u32, ()>),
    Read(Result<Arrival, &'static str>),
}

#[derive(Clone, Default)]
struct Fake {
    script: Arc<Mutex<VecDeque<Act>>>,
    opened: Arc<Mutex<Vec<Timestamp>>>,
    clock: ManualClock,
}

struct FakeStream {
    fake: Fake,
    width: u32,
}

impl Driver for Fake {
    type Stream = FakeStream;

    fn open(&mut self, warnings: &mut Vec<String>) -> Result<FakeStream, DeviceError> {
        warnings.push("has no zoom".into());
        self.opened.lock().unwrap().push(self.clock.now());
        match self.script.lock().unwrap().pop_front() {
            Some(Act::Open(Ok(width))) => Ok(FakeStream { fake: self.clone(), width }),
            _ => Err(DeviceError::Missing { device: "fake".into() }),
        }
    }
}

impl Stream for FakeStream {
    fn choice(&self) -> Choice {
        Choice { format: PixelFormat::Yuyv, size: Size::new(self.width, 2), rate: Some(30.0), cost_ms: 0.0 }
    }

    fn read(&mut self, frame: &mut Frame, _: Duration, clock: &dyn Clock) -> Result<Arrival, String> {
        let act = self.fake.script.lock().unwrap().pop_front();
        match act {
            Some(Act::Read(Ok(arrival))) => {
                frame.captured_at = clock.now();
                (frame.size, frame.format) = (self.choice().size, self.choice().format);
                Ok(arrival)
            }
            Some(Act::Read(Err(reason))) => Err(reason.into()),
            Some(open @ Act::Open(_)) => {
                self.fake.script.lock().unwrap().push_front(open);
                Ok(Arrival::default())
            }
            None => Ok(Arrival::default()),
        }
    }
}

fn frame(sequence: u32) -> Act {
    Act::Read(Ok(Arrival { sequence: Some(sequence), ..Arrival::default() }))
}

fn start(script: impl IntoIterator<Item = Act>) -> (CameraSource<Fake>, Fake) {
    let fake = Fake::default();
    fake.clock.set(Timestamp::from_secs_f64(100.0));
    *fake.script.lock().unwrap() = std::iter::once(Act::Open(Ok(4))).chain(script).collect();
    let mut source = CameraSource::open("fake:0".into(), fake.clone(), Arc::new(fake.clock.clone())).unwrap();
    assert_eq!(source.take_event(), Some(SourceEvent::Warned { count: 1, message: "has no zoom".into() }));
    (source, fake)
}

fn step(source: &mut CameraSource<Fake>) -> (Step, u64) {
    let mut frame = Frame::default();
    let step = source.next_frame(&mut frame, Duration::ZERO).unwrap();
    (step, frame.sequence)
}

#[test]
fn the_first_open_must_succeed() {
    let error = CameraSource::open("fake:0".into(), Fake::default(), Arc::new(ManualClock::default())).err();
    assert!(matches!(error, Some(DeviceError::Missing { .. })));
}

#[test]
fn gaps_are_counted_by_their_cause() {
    let gap = Arrival { sequence: Some(9), passed_over: 2, damaged: 1, ..Arrival::default() };
    let (mut source, _) = start([frame(3), frame(4), Act::Read(Ok(gap))]);
    assert_eq!([step(&mut source), step(&mut source), step(&mut source)].map(|s| s.1), [0, 1, 6]);
    let counts: Vec<u64> = std::iter::from_fn(|| source.take_event())
        .map(|e| match e {
            SourceEvent::Dropped { count, .. } => count,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(counts, [2, 1, 1]);
}

#[test]
fn a_counter_that_repeats_steps_back_or_wraps_is_no_gap() {
    let (mut source, _) = start([frame(1), frame(1), frame(0), frame(1), frame(u32::MAX), frame(0)]);
    let sequences: Vec<u64> = (0..6).map(|_| step(&mut source).1).collect();
    assert_eq!(sequences, [0, 1, 2, 3, 4, 5]);
    assert_eq!(source.take_event(), None);
}

#[test]
fn a_lost_camera_is_opened_again_with_doubling_waits() {
    let fail = || Act::Open(Err(()));
    let script = [frame(0), Act::Read(Err("unplugged"))].into_iter().chain((0..6).map(|_| fail())).chain([
        Act::Open(Ok(8)),
        frame(0),
        frame(1),
    ]);
    let (mut source, fake) = start(script);
    assert_eq!(step(&mut source), (Step::Frame, 0));
    assert_eq!(step(&mut source).0, Step::Idle);
    assert_eq!(source.take_event(), Some(SourceEvent::Lost { reason: "unplugged".into(), count: 1 }));

    let lost_at = fake.clock.now();
    let mut sequence = None;
    for _ in 0..2000 {
        fake.clock.advance(Duration::from_millis(10));
        if let (Step::Frame, n) = step(&mut source) {
            sequence = Some(n);
            break;
        }
    }
    assert_eq!((sequence, source.info().size.width), (Some(1), 8));
    let opened: Vec<u128> = fake.opened.lock().unwrap()[1..].iter().map(|t| t.since(lost_at).as_millis()).collect();
    assert_eq!(opened, [100, 300, 700, 1500, 3100, 5100, 7100]);
    let events: Vec<_> = std::iter::from_fn(|| source.take_event()).collect();
    let [SourceEvent::Warned { message: why, .. }, SourceEvent::Warned { message: size, .. }, reopened] = &events[..]
    else {
        panic!("each is reported once: {events:?}");
    };
    assert!(why.contains("cannot be opened again yet: fake: no such device"), "{why}");
    assert_eq!(size, "it now sends 8x2 yuyv, before 4x2 yuyv");
    assert_eq!(*reopened, SourceEvent::Reopened { after: Duration::from_millis(7100) });
    assert_eq!(step(&mut source), (Step::Frame, 2));
}

#[test]
fn a_camera_that_stops_sending_is_reopened_and_keeps_backing_off() {
    let (mut source, fake) = start([frame(0), Act::Open(Ok(4)), Act::Open(Ok(4)), frame(0)]);
    step(&mut source);
    fake.clock.advance(Duration::from_millis(1999));
    step(&mut source);
    assert_eq!(source.take_event(), None);
    fake.clock.advance(Duration::from_millis(1));
    step(&mut source);
    assert!(matches!(source.take_event(), Some(SourceEvent::Lost { reason, .. }) if reason.contains("2 s")));
    let lost_at = fake.clock.now();
    for _ in 0..300 {
        fake.clock.advance(Duration::from_millis(10));
        if step(&mut source).0 == Step::Frame {
            break;
        }
    }
    let opened: Vec<u128> = fake.opened.lock().unwrap()[1..].iter().map(|t| t.since(lost_at).as_millis()).collect();
    assert_eq!(opened, [100, 2300], "opened, silent for 2 s, then twice the wait");
    assert_eq!(source.take_event(), Some(SourceEvent::Reopened { after: Duration::from_millis(2300) }));
}

/// A camera whose clock stands, runs back or is another is warned of once for each, and its images are stamped as they come.
#[test]
fn capture_times_that_cannot_be_are_replaced_by_the_arrival_with_a_warning() {
    let at = |seconds: Option<f64>| {
        let reported = seconds.map(Timestamp::from_secs_f64);
        Act::Read(Ok(Arrival { sequence: Some(0), reported, ..Arrival::default() }))
    };
    let reports = [Some(100.03), Some(100.03), Some(99.9), Some(5.0), Some(1e9), None, Some(100.03), Some(100.31)];
    let (mut source, fake) = start(reports.map(at));
    let mut frame = Frame::default();
    let mut given = Vec::new();
    for _ in reports {
        fake.clock.advance(Duration::from_millis(40));
        source.next_frame(&mut frame, Duration::ZERO).unwrap();
        given.push((frame.captured_at.as_secs_f64() * 1e3).round() as u64);
    }
    assert_eq!(given, [100_030, 100_080, 100_120, 100_160, 100_200, 100_240, 100_280, 100_310]);
    let warnings: Vec<_> = std::iter::from_fn(|| source.take_event())
        .map(|event| match event {
            SourceEvent::Warned { message, .. } => message,
            other => panic!("{other:?}"),
        })
        .collect();
    let parts = ["stand still", "run back", "far from"];
    assert!(warnings.len() >= 3 && parts.iter().all(|part| warnings.iter().any(|w| w.contains(part))), "{warnings:?}");
}

#[test]
fn only_spoilt_images_are_a_stall() {
    let spoilt = || Act::Read(Ok(Arrival { damaged: 1, ..Arrival::default() }));
    let (mut source, fake) = start((0..30).map(|_| spoilt()));
    for _ in 0..30 {
        fake.clock.advance(Duration::from_millis(100));
        step(&mut source);
    }
    let events: Vec<_> = std::iter::from_fn(|| source.take_event()).collect();
    assert!(matches!(events[..], [SourceEvent::Dropped { count: 20, .. }, SourceEvent::Lost { .. }, ..]), "{events:?}");
}

proptest! {
    /// Whatever the camera does, sequence numbers only go up, and what is missing is reported.
    #[test]
    fn sequences_only_go_up(
        acts in proptest::collection::vec(
            prop_oneof![
                6 => (any::<u32>(), 0..3u64, 0..3u64).prop_map(|(sequence, passed_over, damaged)| {
                    Act::Read(Ok(Arrival { sequence: Some(sequence), passed_over, damaged, ..Arrival::default() }))
                }),
                1 => Just(Act::Read(Ok(Arrival::default()))),
                1 => Just(Act::Read(Err("gone"))),
                2 => any::<bool>().prop_map(|ok| Act::Open(ok.then_some(4).ok_or(()))),
            ],
            0..40,
        )
    ) {
        let (mut source, fake) = start(acts);
        let mut last = None;
        for _ in 0..200 {
            fake.clock.advance(Duration::from_millis(700));
            if let (Step::Frame, sequence) = step(&mut source) {
                prop_assert!(last.is_none_or(|l| sequence > l));
                last = Some(sequence);
            }
        }
    }
}
