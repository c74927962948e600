//! Pupil Labs' real-time API, spoken to a phone that is well-behaved or not.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use foveate::geometry::Intrinsics;
use foveate::time::{Clock, MonotonicClock};

use super::phone::{Fault, Phone};
use super::watch::{FRAME, Watch, refusal};

fn open(phone: &Phone, options: &str) -> Watch {
    Watch::open(&format!("pupil://{}{options}", phone.address)).unwrap()
}

/// How far the phone's clock is ahead of the capture clock.
fn truly_ahead(phone: &Phone) -> f64 {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    wall - MonotonicClock.now().as_secs_f64() + phone.ahead.as_secs_f64()
}

/// What every good stream gives, over either transport.
fn check_stream(options: &str) {
    let phone = Phone::start(Fault::None, true);
    let began = MonotonicClock.now();
    let mut watch = open(&phone, options);
    assert_eq!(watch.source.name(), format!("gaze:pupil://{}{options}", phone.address));
    let [sx, sy] = [FRAME.width as f32 / 1600.0, FRAME.height as f32 / 1200.0];
    let camera = Intrinsics { fx: 800.0 * sx, fy: 900.0 * sy, cx: 800.0 * sx, cy: 600.0 * sy };
    assert_eq!(watch.source.intrinsics(), Some(camera));
    watch.until_samples(100);
    watch.until("the clock", || (), |watch| watch.clock().is_some());
    // Every value lands where it belongs: scene pixels scaled to our frame.
    for sample in &watch.samples {
        let scene_x = sample.point.x / sx;
        assert!((scene_x - scene_x.round()).abs() < 1e-2 && sample.point.y == 240.0, "{sample:?}");
        assert!(![10, 11, 12, 13].contains(&(scene_x.round() as i32 % 50)), "{sample:?}");
        // What is no number was not seen: it has a time, and no place.
        let seen = sample.confidence == 1.0 || sample.confidence == 0.0 && (scene_x - 800.0).abs() < 1e-2;
        assert!(seen && sample.at + Duration::from_millis(500) > began, "{sample:?}");
    }
    let unseen = watch.samples.iter().filter(|sample| sample.confidence == 0.0).count();
    assert!(unseen * 20 < watch.samples.len(), "{unseen} of {}", watch.samples.len());
    let (offset, uncertainty) = watch.clock().unwrap();
    assert!((offset - truly_ahead(&phone)).abs() < 0.1 && uncertainty < 0.5, "{offset} {uncertainty}");
    watch.until("the rejections", || (), |watch| watch.rejected().0 >= 4);
    assert_eq!((watch.lost(), phone.streams.load(Ordering::Relaxed)), (None, 1));
}

#[test]
fn gaze_by_datagrams() {
    check_stream("");
}

#[test]
fn gaze_on_the_connection() {
    check_stream("?transport=tcp");
}

#[test]
fn without_echoes_arrivals_tell_the_clock() {
    let phone = Phone::start(Fault::None, false);
    let mut watch = open(&phone, "");
    watch.until("the clock", || (), |watch| watch.clock().is_some());
    let (offset, _) = watch.clock().unwrap();
    assert!((offset - truly_ahead(&phone)).abs() < 0.2, "{offset}");
}

/// The stream and the time come from the host that was asked, whichever the answer names.
#[test]
fn an_answer_sends_us_to_no_other_host() {
    let phone = Phone::start(Fault::NamesAnother, true);
    let mut watch = open(&phone, "");
    watch.until_samples(20);
    watch.until("the clock", || (), |watch| watch.clock().is_some());
    assert_eq!((watch.lost(), phone.streams.load(Ordering::Relaxed)), (None, 1));
}

/// Every fault is reported as a loss with its reason, and the next stream is set up.
#[test]
fn faults_are_told_and_survived() {
    let rows = [
        (Fault::Stalls, "no answer to PLAY"),
        (Fault::Silent, "no gaze for"),
        (Fault::NoReports, "no report of the sender's clock"),
        (Fault::LongAnswer, "absurdly long"),
        (Fault::GarbageAnswer, "no RTSP"),
        (Fault::Closes, "closed the connection"),
        (Fault::Goodbye, "ended the stream"),
        (Fault::Refuses, "503"),
    ];
    let checks: Vec<_> = rows
        .into_iter()
        .flat_map(|row| ["", "?transport=tcp"].map(|options| (row, options)))
        .map(|((fault, expected), options)| {
            thread::spawn(move || {
                let phone = Phone::start(fault, false);
                let mut watch = open(&phone, options);
                let reason = watch.until_lost();
                watch.until_returned();
                let before = watch.samples.len();
                watch.until_samples(before + 20);
                let good = reason.contains(expected) && phone.streams.load(Ordering::Relaxed) >= 2;
                if good { None } else { Some(format!("{fault:?}{options}: {reason}")) }
            })
        })
        .collect();
    let wrong: Vec<String> = checks.into_iter().filter_map(|check| check.join().unwrap()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Opens against a server that answers every request with `answer`.
fn refused_with(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer);
            if answer.is_empty() {
                // It takes the request and says nothing.
                thread::spawn(move || {
                    thread::sleep(Duration::from_secs(120));
                    drop(stream);
                });
            }
        }
    });
    let text = refusal(&format!("pupil://{address}"));
    assert!(text.contains(&address.to_string()) && text.contains("not reachable"), "{text}");
    text
}

#[test]
fn phones_that_do_not_answer_properly_are_refused() {
    let rows: [(&[u8], &str); 8] = [
        (b"", "timeout"),
        (b"garbage\r\n\r\n", "/api/status"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n", "/api/status"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n[]", "/api/status"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "/api/status"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "no status"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"result\":[]}", "streams no gaze"),
    ];
    let checks = rows.map(|(answer, expected)| thread::spawn(move || (refused_with(answer), expected)));
    let wrong: Vec<String> = checks
        .into_iter()
        .map(|check| check.join().unwrap())
        .filter(|(text, expected)| !text.contains(expected))
        .map(|(text, expected)| format!("{expected}: {text}"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert!(refusal(&format!("pupil://127.0.0.1:{port}")).contains("not reachable"));
}
