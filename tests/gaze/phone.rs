//! A phone as Pupil Labs' real-time API describes it, well-behaved or not.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Ticks a second of the packets' timestamps.
const RATE: u64 = 90_000;
/// From 1900 to 1970.
const NTP: u64 = 2_208_988_800;

/// What the phone does wrong, at its first streams.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    None,
    /// No answer to PLAY.
    Stalls,
    /// The stream plays, and nothing comes.
    Silent,
    /// Gaze, but no report of the clock.
    NoReports,
    /// An answer whose length is a lie.
    LongAnswer,
    /// What is no answer at all.
    GarbageAnswer,
    /// The connection ends in the middle.
    Closes,
    /// It says goodbye.
    Goodbye,
    /// It refuses.
    Refuses,
    /// It says that another host streams.
    NamesAnother,
}

pub struct Phone {
    pub address: SocketAddr,
    /// The phone's clock is ahead of the wall clock by so much.
    pub ahead: Duration,
    pub streams: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

/// Sends a packet, to where control packets go if the first is true; false when nobody takes it.
type Send = Box<dyn FnMut(bool, &[u8]) -> bool + std::marker::Send>;

#[derive(Clone)]
struct Shared {
    rtsp: SocketAddr,
    echo: Option<SocketAddr>,
    ahead: Duration,
    fault: Fault,
    streams: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Phone {
    /// Serves on ports of its own. The first stream has the fault, later ones have none.
    pub fn start(fault: Fault, echo: bool) -> Phone {
        let bind = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (http, rtsp, echo_at) = (bind(), bind(), echo.then(bind));
        let shared = Shared {
            rtsp: rtsp.local_addr().unwrap(),
            echo: echo_at.as_ref().map(|e| e.local_addr().unwrap()),
            ahead: Duration::from_secs(5),
            fault,
            streams: Arc::default(),
            stop: Arc::default(),
        };
        let phone = Phone {
            address: http.local_addr().unwrap(),
            ahead: shared.ahead,
            streams: Arc::clone(&shared.streams),
            stop: Arc::clone(&shared.stop),
        };
        let serve = |listener: TcpListener, each: fn(TcpStream, &Shared)| {
            let shared = shared.clone();
            thread::spawn(move || {
                for stream in listener.incoming() {
                    let shared = shared.clone();
                    thread::spawn(move || each(stream.unwrap(), &shared));
                }
            });
        };
        serve(http, answer_http);
        serve(rtsp, answer_rtsp);
        if let Some(echo_at) = echo_at {
            serve(echo_at, answer_echo);
        }
        phone
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn head(reader: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(0) | Err(_) => return None,
            Ok(_) if line.trim().is_empty() && lines.is_empty() => {}
            Ok(_) if line.trim().is_empty() => return Some(lines),
            Ok(_) => lines.push(line.trim().to_owned()),
        }
    }
}

pub fn calibration() -> Vec<u8> {
    let mut bytes = vec![1];
    bytes.extend(b"123456");
    for value in [800.0f64, 0.0, 800.0, 0.0, 900.0, 600.0, 0.0, 0.0, 1.0] {
        bytes.extend(value.to_le_bytes());
    }
    bytes.resize(799, 0);
    let checksum = crc32fast::hash(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

fn answer_http(stream: TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    let Some(lines) = head(&mut reader) else { return };
    // An address for documentation, where nobody is.
    let named = if shared.fault == Fault::NamesAnother { "192.0.2.1".to_owned() } else { shared.rtsp.ip().to_string() };
    let body = match lines[0].split(' ').nth(1).unwrap() {
        "/api/status" => serde_json::json!({"message": "Success", "result": [
            {"model": "Phone", "data": {"ip": named, "battery_level": 90, "battery_state": "OK",
                "device_id": "x", "device_name": "test", "memory": 1, "memory_state": "OK",
                "time_echo_port": shared.echo.map(|e| e.port())}},
            {"model": "Hardware", "data": {"version": "2.0", "module_serial": "123456"}},
            {"model": "Sensor", "data": {"sensor": "gaze", "conn_type": "DIRECT", "connected": true,
                "ip": named, "port": shared.rtsp.port(), "protocol": "rtsp",
                "params": "camera=gaze", "stream_error": false}},
        ]})
        .to_string()
        .into_bytes(),
        "/calibration.bin" => calibration(),
        other => panic!("{other}"),
    };
    // In chunks, as servers that do not count beforehand send it.
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for chunk in body.chunks(100) {
        let _ = stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes());
        let _ = stream.write_all(&[chunk, b"\r\n"].concat());
    }
    let _ = stream.write_all(b"0\r\n\r\n");
}

fn phone_time(shared: &Shared) -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + shared.ahead
}

fn answer_echo(mut stream: TcpStream, shared: &Shared) {
    let mut question = [0; 8];
    while stream.read_exact(&mut question).is_ok() {
        let answer = (phone_time(shared).as_millis() as u64).to_be_bytes();
        if stream.write_all(&[question, answer].concat()).is_err() {
            return;
        }
    }
}

fn answer_rtsp(stream: TcpStream, shared: &Shared) {
    let fault = if shared.streams.fetch_add(1, Ordering::Relaxed) == 0 { shared.fault } else { Fault::None };
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    let mut sends: Option<Send> = None;
    while let Some(lines) = head(&mut reader) {
        let header =
            |name: &str| lines.iter().find_map(|l| l.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned));
        let method = lines[0].split(' ').next().unwrap().to_owned();
        let mut answer = format!("RTSP/1.0 200 OK\r\nCSeq: {}\r\n", header("CSeq").unwrap());
        let mut body = String::new();
        match method.as_str() {
            "OPTIONS" => answer += "Public: DESCRIBE,SETUP,TEARDOWN,PLAY\r\n",
            "DESCRIBE" => {
                answer += &format!("Content-Base: {}/\r\nContent-Type: application/sdp\r\n", shared.rtsp);
                body = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=Unnamed\r\nm=application 0 RTP/AVP 99\r\n\
                        a=rtpmap:99 com.pupillabs.gaze1/90000\r\na=control:trackID=1\r\n"
                    .to_owned();
            }
            "SETUP" => {
                assert!(lines[0].contains("/trackID=1 "), "{}", lines[0]);
                let transport = header("Transport").unwrap();
                answer += "Session: 1185d20035702ca;timeout=60\r\n";
                if let Some(ports) = transport.split("client_port=").nth(1) {
                    let port: u16 = ports.split('-').next().unwrap().parse().unwrap();
                    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                    answer += &format!("Transport: {transport};server_port=50000-50001\r\n");
                    sends = Some(Box::new(move |control, bytes| {
                        socket.send_to(bytes, ("127.0.0.1", port + u16::from(control))).is_ok()
                    }));
                } else {
                    assert!(transport.contains("interleaved=0-1"), "{transport}");
                    let mut out = stream.try_clone().unwrap();
                    answer += &format!("Transport: {transport}\r\n");
                    sends = Some(Box::new(move |control, bytes| {
                        let [high, low] = (bytes.len() as u16).to_be_bytes();
                        out.write_all(&[&[b'$', u8::from(control), high, low], bytes].concat()).is_ok()
                    }));
                }
            }
            "PLAY" => {
                assert_eq!(header("Session").as_deref(), Some("1185d20035702ca"));
                match fault {
                    Fault::Stalls => continue,
                    Fault::Refuses => answer = answer.replace("200 OK", "503 Service Unavailable"),
                    Fault::LongAnswer => answer += "Content-Length: 4000000000\r\n",
                    Fault::GarbageAnswer => answer = "\u{0}\u{1}\u{2} what?".into(),
                    _ => {}
                }
            }
            "TEARDOWN" => return,
            _ => {}
        }
        let sent = stream.write_all(format!("{answer}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
        if sent.is_err() {
            return;
        }
        if method == "PLAY"
            && let Some(send) = sends.take()
            && play(fault, shared, send)
        {
            return;
        }
    }
}

/// Sends gaze, on a thread of its own; true if the connection should end now.
fn play(fault: Fault, shared: &Shared, mut send: Send) -> bool {
    match fault {
        Fault::None | Fault::NoReports | Fault::Goodbye | Fault::Closes | Fault::NamesAnother => {}
        _ => return false,
    }
    let shared = shared.clone();
    let mut gaze = move || {
        let ticks = |time: Duration| (time.as_nanos() * u128::from(RATE) / 1_000_000_000) as u32;
        for i in 0u32.. {
            let time = phone_time(&shared);
            if shared.stop.load(Ordering::Relaxed) {
                return;
            }
            if i % 20 == 0 && fault != Fault::NoReports {
                // What came before the first report has no time.
                let fraction = (u64::from(time.subsec_nanos()) << 32) / 1_000_000_000;
                let words = [7, (time.as_secs() + NTP) as u32, fraction as u32, ticks(time), 0, 0];
                let report = [vec![0x80, 200, 0, 6], words.iter().flat_map(|w: &u32| w.to_be_bytes()).collect()];
                send(true, &report.concat());
            }
            let mut packet = vec![0x80, 0x80 | 99];
            packet.extend((i as u16).to_be_bytes());
            packet.extend(ticks(time).to_be_bytes());
            packet.extend(7u32.to_be_bytes());
            packet.extend((i as f32).to_be_bytes());
            packet.extend(600f32.to_be_bytes());
            packet.push(255);
            // Among the good ones: a length that is none, another payload, what is no number, what is no packet.
            match i % 50 {
                10 => packet.truncate(20),
                11 => packet[1] = 97,
                12 => packet[12..16].copy_from_slice(&f32::NAN.to_be_bytes()),
                13 => packet[0] = 0x9f,
                _ => {}
            }
            let sent = send(false, &packet);
            if i == 100 && fault == Fault::Goodbye {
                send(true, &[0x81, 203, 0, 1, 0, 0, 0, 7]);
                return;
            }
            if !sent || (i == 100 && fault == Fault::Closes) {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    };
    if fault == Fault::Closes {
        gaze();
        return true;
    }
    thread::spawn(gaze);
    false
}
