//! From an eye tracker's socket to a selected object.

use std::io::Write;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use foveate::geometry::{Intrinsics, Point};
use foveate::pipeline::{Pipeline, Running};
use foveate::record::EventKind;
use foveate::select::gaze::{DwellConfig, DwellSelector};

use crate::common::{FRAME, GeometryDecoder, SteadySource};
use crate::ends::{GeometryEncoder, MemorySink};
use crate::watch::open;

#[test]
fn what_is_looked_at_is_selected() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("gaze:tcp://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // The sender's own clock, and half of our resolution.
        for i in 0.. {
            let line = format!("{{\"time_s\":{},\"x\":30,\"y\":20,\"size\":[64,48]}}\n", f64::from(i) * 0.01);
            let garbage = if i == 10 { "not a line\n" } else { "" };
            if stream.write_all(format!("{line}{garbage}").as_bytes()).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    });
    let gaze = open(&address, FRAME).unwrap();
    let camera = Intrinsics::from_horizontal_fov(60.0, FRAME.width, FRAME.height);
    let selector = DwellSelector::new(DwellConfig::default(), camera);
    let (sink, seen) = MemorySink::boxed(Duration::ZERO);
    // A minute at most; it ends soon after the selection.
    let source = Box::new(SteadySource::new(50.0, 3000));
    let encoder = Box::new(GeometryEncoder { cost: Duration::ZERO });
    let pipeline = Pipeline::new(source, encoder, Box::new(GeometryDecoder), "geometry");
    let running = pipeline.gaze(gaze, selector).sink(sink).start().unwrap();
    let until_both = |running: &Running| {
        let seen = seen.lock().unwrap();
        let reported = |wanted: fn(&EventKind) -> bool| seen.events.iter().any(|event| wanted(&event.kind));
        let shown = seen.frames.last().is_some_and(|frame| frame.objects.iter().any(|(_, bbox)| bbox.is_some()));
        if shown && reported(|kind| matches!(kind, EventKind::InputClock { .. })) {
            running.stop();
        }
    };
    let summary = running.wait(until_both).unwrap();
    let seen = seen.lock().unwrap();
    let (_, bbox) = seen.frames.last().unwrap().objects.first().copied().expect("an object is selected");
    assert!(bbox.unwrap().contains(Point::new(60.0, 40.0)), "{bbox:?}");
    let rejected = |kind: &EventKind| matches!(kind, EventKind::InputRejected { count: 1, input, .. } if input.starts_with("gaze:tcp"));
    assert_eq!(seen.events.iter().filter(|event| rejected(&event.kind)).count(), 1, "{:?}", seen.events);
    let gaze = summary.gaze.unwrap();
    assert!(gaze.samples > 50 && gaze.clock.is_some(), "{gaze:?}");
    assert_eq!((gaze.rejected, summary.inputs_lost), (1, 0));
    let written = &seen.summary.as_ref().unwrap()["gaze"];
    assert_eq!(written["rejected"], 1);
    assert_eq!(written["source"], address);
}
