//! Lines of JSON, by datagrams and by a connection.

use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use foveate::geometry::Point;
use foveate::input::InputEvent;
use foveate::select::gaze::{Channel, GazeSignal};
use foveate::time::{Clock, MonotonicClock};

use super::watch::{FRAME, Watch, refusal};

/// A sender whose clock is an hour ahead of ours.
const AHEAD_S: f64 = 3600.0;

fn line(i: usize) -> String {
    let time_s = MonotonicClock.now().as_secs_f64() + AHEAD_S;
    format!("{{\"time_s\":{time_s:.6},\"x\":{i},\"y\":0.25,\"size\":[1280,1],\"confidence\":0.75}}\n")
}

fn udp() -> (Watch, UdpSocket, String) {
    let watch = Watch::open("gaze:udp://127.0.0.1:0").unwrap();
    let address = watch.source.name().strip_prefix("gaze:udp://").unwrap().to_owned();
    (watch, UdpSocket::bind("127.0.0.1:0").unwrap(), address)
}

#[test]
fn datagrams_become_samples_by_the_capture_clock() {
    let (mut watch, sender, address) = udp();
    let (mut i, began) = (0, MonotonicClock.now());
    let send = || {
        sender.send_to(line(i).as_bytes(), &address).unwrap();
        i += 1;
    };
    watch.until("the clock", send, |watch| watch.clock().is_some());
    // A moment before it arrives it was sent.
    let now = MonotonicClock.now();
    assert!(watch.samples.iter().all(|s| s.at >= began && s.at <= now));
    assert!(watch.samples.is_sorted_by_key(|s| s.at));
    let first = watch.samples[0];
    assert_eq!((first.point.y, first.confidence), (120.0, 0.75));
    assert_eq!((first.point.x * 2.0).fract(), 0.0);
    let (offset, uncertainty) = watch.clock().unwrap();
    // On one machine a delay is short, but the machine may be busy.
    assert!((offset - AHEAD_S).abs() < 0.2 && uncertainty < 0.5, "{offset} {uncertainty}");
    let report = watch.source.report().unwrap();
    assert!(report.samples >= watch.samples.len() as u64 && report.clock.is_some());
    assert_eq!((report.rejected, report.dropped), (0, 0));
}

#[test]
fn several_lines_in_a_datagram_and_garbage_among_them() {
    let (mut watch, sender, address) = udp();
    let text = format!("{}garbage\n\n{{\"x\":NaN}}\n{}\u{7}", line(0), line(1));
    sender.send_to(text.as_bytes(), &address).unwrap();
    let mut binary = vec![0xff; 2000];
    binary[3] = b'\n';
    watch.until("samples", || (), |watch| watch.samples.len() == 2);
    let send = || {
        sender.send_to(&binary, &address).unwrap();
    };
    watch.until("more than the first rejection", send, |watch| watch.rejected().0 > 3);
    // Reported once a second, all of them counted.
    let reported = watch.events.iter().filter(|event| matches!(event, InputEvent::Rejected { .. })).count();
    assert!(reported <= 3, "{:?}", watch.events);
    assert!(watch.source.report().unwrap().rejected >= watch.rejected().0);
}

#[test]
fn what_is_done_beside_looking_comes_by_the_capture_clock() {
    let (mut watch, sender, address) = udp();
    let mut send = || {
        sender.send_to(line(1).as_bytes(), &address).unwrap();
    };
    watch.until("the clock", &mut send, |watch| watch.clock().is_some());
    let began = MonotonicClock.now();
    let time_s = began.as_secs_f64() + AHEAD_S;
    let text = format!(
        "{{\"time_s\":{time_s:.6},\"confirm\":\"pinch\",\"lead_s\":0.25}}\n{{\"time_s\":{time_s:.6},\"undo\":true}}"
    );
    sender.send_to(text.as_bytes(), &address).unwrap();
    watch.until("two signals", send, |watch| watch.signals.len() == 2);
    let [GazeSignal::Confirm(confirm), GazeSignal::Undo { at }] = watch.signals[..] else {
        panic!("{:?}", watch.signals)
    };
    assert_eq!((confirm.channel, confirm.at), (Channel::Pinch, at));
    assert_eq!(confirm.meant_at(), at - Duration::from_millis(250));
    assert!(at.signed_secs_since(began).abs() < 0.2, "{at:?} {began:?}");
}

#[test]
fn a_second_sender_waits_until_the_first_is_silent() {
    let (mut watch, sender, address) = udp();
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let both = || {
        sender.send_to(line(1).as_bytes(), &address).unwrap();
        other.send_to(line(2).as_bytes(), &address).unwrap();
    };
    watch.until("the rejection", both, |watch| watch.rejected().1.contains("second sender"));
    assert!(watch.until_lost().contains("silent"));
    assert!(watch.samples.iter().all(|sample| sample.point.x == 0.5), "{:?}", watch.samples);
    let before = watch.samples.len();
    other.send_to(line(3).as_bytes(), &address).unwrap();
    watch.until_returned();
    watch.until_samples(before + 1);
    assert_eq!(watch.samples[before].point.x, 1.5);
}

#[test]
fn an_address_in_use_is_busy() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = format!("gaze:udp://{}", taken.local_addr().unwrap());
    let text = refusal(&address);
    assert!(text.contains(&address) && text.contains("busy"), "{text}");
    assert!(refusal("gaze:udp://192.0.2.1:5005").contains("192.0.2.1"));
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("gaze:tcp://127.0.0.1:{port}");
    let text = refusal(&address);
    assert!(text.contains(&address) && text.contains("not reachable"), "{text}");
}

/// A server that does `serve` with each connection, and the source that listens to it.
fn tcp(serve: impl Fn(TcpStream, usize) + Send + 'static) -> Watch {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("gaze:tcp://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for (i, stream) in listener.incoming().enumerate() {
            serve(stream.unwrap(), i);
        }
    });
    Watch::open(&address).unwrap()
}

fn send_lines(stream: &mut TcpStream, count: usize) {
    for i in 0..count {
        if stream.write_all(line(i).as_bytes()).is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_connection_that_breaks_is_made_anew() {
    let mut watch = tcp(|mut stream, i| send_lines(&mut stream, if i == 0 { 20 } else { 100_000 }));
    watch.until_samples(20);
    assert!(watch.until_lost().contains("closed"));
    watch.until_returned();
    watch.until_samples(60);
    assert_eq!(watch.samples[0].point, Point::new(0.0, 0.25 * FRAME.height as f32));
}

#[test]
fn garbage_on_a_connection_is_skipped_and_counted() {
    let mut watch = tcp(|mut stream, _| {
        send_lines(&mut stream, 3);
        stream.write_all(&[b'x'; 100_000]).unwrap();
        stream.write_all(b"\n\x00\xff\n{\"x\":1}\n").unwrap();
        send_lines(&mut stream, 100_000);
    });
    watch.until_samples(10);
    watch.until("all rejections", || (), |watch| watch.rejected().0 == 3);
    assert_eq!(watch.lost(), None);
}

#[test]
fn a_server_that_stalls_is_left_and_tried_again() {
    let mut watch = tcp(|mut stream, i| {
        send_lines(&mut stream, 5);
        match i {
            // Half a line, and then nothing; the connection stays open.
            0 => {
                stream.write_all(b"{\"time_s\":").unwrap();
                thread::spawn(move || {
                    thread::sleep(Duration::from_secs(120));
                    drop(stream);
                });
            }
            _ => send_lines(&mut stream, 100_000),
        }
    });
    assert!(watch.until_lost().contains("silent"));
    watch.until_returned();
    watch.until_samples(20);
    assert_eq!(watch.rejected().0, 0);
}
