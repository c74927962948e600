//! The console's server from outside: what it answers, and what it refuses.
#![cfg(feature = "console")]

#[path = "console/attack.rs"]
mod attack;
#[path = "console/crowd.rs"]
mod crowd;
#[path = "console/proxy.rs"]
mod proxy;
#[path = "console/schema.rs"]
mod schema;
#[path = "console/stream.rs"]
mod stream;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::Message;

use proxy::Passing;
use schema::Api;
use stream::{Answer, Served, answer_of, ask, dial};

/// A WebSocket's way to its end: the code and reason with which the server hangs up.
fn closing(socket: &mut stream::Socket) -> (u16, String) {
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        match socket.read() {
            Ok(Message::Close(Some(frame))) => return (frame.code.into(), frame.reason.to_string()),
            Ok(_) => {}
            Err(error) => panic!("ended without a word: {error}"),
        }
    }
    panic!("it was never closed");
}

#[test]
fn every_answer_has_the_shape_that_the_description_promises() {
    let served = Served::start();
    let api = Api::new(&served.get("/api/openapi.json").json());
    let mut checked = 0;
    for (path, method) in api.operations() {
        let answer = match (path.as_str(), method.as_str()) {
            ("/ws" | "/api/stream", _) => served.get(&path),
            (_, "get") => served.get(&path),
            (_, "post") => served.post(&path, r#"{"type":"undo"}"#),
            other => panic!("{other:?} is not tried"),
        };
        assert_ne!(answer.status, 404, "{path}");
        api.check(&path, &method, &answer);
        checked += 1;
    }
    assert_eq!(checked, 11);
    for (body, status) in [(r#"{"type":"reboot"}"#, 400), (r#"{"type":"switch","model":"x"}"#, 409)] {
        let answer = served.post("/api/prompts", body);
        assert_eq!(answer.status, status, "{body}");
        api.check("/api/prompts", "post", &answer);
    }
    assert_eq!(served.get("/api/nothing").status, 404);
    assert_eq!(served.request("DELETE", "/api/state", &[], "").status, 405);
}

#[test]
fn the_state_holds_what_the_stream_showed() {
    let served = Served::start();
    served.wait_for_frames(3);
    let state = served.get("/api/state").json();
    assert_eq!(state["stream"]["size"], json!([64, 48]));
    assert_eq!(state["objects"][0]["object"], 5);
    let coco = served.get("/api/masks").json();
    assert_eq!(coco["annotations"][0]["area"], 200);
    assert_eq!(coco["annotations"][0]["bbox"], json!([10.0, 5.0, 10.0, 20.0]));
    let png = served.get("/api/masks.png");
    let map = image::load_from_memory(&png.body).unwrap().into_luma8();
    assert_eq!([map.get_pixel(12, 6)[0], map.get_pixel(0, 0)[0]], [5, 0]);
    let jpeg = image::load_from_memory(&served.get("/api/frame.jpg").body).unwrap();
    assert_eq!((jpeg.width(), jpeg.height()), (64, 48));
    assert_eq!(served.get("/healthz").json()["status"], "ok");
    let metrics = String::from_utf8(served.get("/metrics").body).unwrap();
    assert!(metrics.contains("foveate_objects 1\n"), "{metrics}");
}

#[test]
fn a_prompt_reaches_the_stream_with_the_time_of_its_frame() {
    let served = Served::start();
    let body = r#"{"type":"tap","at":12,"x":3,"y":4}"#;
    assert_eq!(served.post("/api/prompts", body).status, 202);
    let [command] = &served.commands()[..] else { panic!("one command") };
    assert_eq!(command.made_at.as_nanos(), 12_000);
    assert_eq!(served.post("/api/prompts", r#"{"type":"hold","at":1}"#).status, 400, "only a page is frozen");
    let viewer = Served::with(|options| options.takes_prompts = false);
    let answer = viewer.post("/api/prompts", body);
    assert_eq!(answer.status, 409);
    assert!(answer.text().contains("--prompt console"), "{}", answer.text());
    assert_eq!(answer.json()["code"], "view_only");
}

#[test]
fn foreign_hosts_origins_and_sites_are_refused_everywhere() {
    let served = Served::start();
    let port = served.port;
    let own = format!("127.0.0.1:{port}");
    let rows: [(&[(&str, &str)], u16); 7] = [
        (&[("Host", "evil.example")], 421),
        (&[("Host", "rebound.evil.example:8090")], 421),
        (&[("Host", "192.168.7.7")], 421),
        (&[("Host", &own), ("Origin", "http://evil.example")], 403),
        (&[("Host", &own), ("Origin", "null")], 403),
        (&[("Host", &own), ("Origin", "http://127.0.0.1:1")], 403),
        (&[("Host", &own), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors")], 403),
    ];
    let paths =
        ["/", "/main.js", "/api/state", "/api/frame.jpg", "/api/masks", "/ws", "/api/stream", "/metrics", "/healthz"];
    for (headers, status) in rows {
        for path in paths {
            assert_eq!(served.raw("GET", path, headers, "").status, status, "{path} {headers:?}");
        }
        assert_eq!(served.raw("POST", "/api/prompts", headers, "{}").status, status, "{headers:?}");
        let error = served.dial("/ws", headers).expect_err("a refusal");
        assert!(error.contains(&status.to_string()), "{error}");
    }
    assert_eq!(served.raw("GET", "/api/state", &[], "").status, 421, "no host at all");
    assert!(served.commands().is_empty());
}

#[test]
fn elsewhere_a_token_opens_and_nothing_else_does() {
    let served = Served::with(|options| options.listen = "0.0.0.0:0".parse().unwrap());
    let (_, token) = served.link.split_once("?token=").expect("a token");
    let wrong = "0".repeat(32);
    for path in ["/", "/main.js", "/api/state", "/api/frame.jpg", "/ws", "/api/stream", "/metrics", "/healthz"] {
        assert_eq!(served.get(path).status, 401, "{path}");
        assert_eq!(served.get(&format!("{path}?token={wrong}")).status, 401, "{path}");
        assert_eq!(served.request("GET", path, &[("Authorization", "Bearer x")], "").status, 401, "{path}");
    }
    assert_eq!(served.post("/api/prompts", r#"{"type":"clear"}"#).status, 401);
    assert!(served.dial("/ws", &[]).is_err());
    assert!(served.dial(&format!("/ws?token={wrong}"), &[]).is_err());
    assert!(served.commands().is_empty());
    let bearer = format!("Bearer {token}");
    assert_eq!(served.request("GET", "/api/state", &[("Authorization", &bearer)], "").status, 200);
    // The link puts the token into a cookie that scripts cannot read, and leaves a clean address.
    let answer = served.get(&format!("/?token={token}"));
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    let cookie = answer.header("set-cookie").unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(served.request("GET", "/", &[("Cookie", cookie)], "").status, 200);
    assert!(served.dial("/ws", &[("Cookie", cookie)]).is_ok());
}

#[test]
fn security_headers_are_on_every_answer() {
    let served = Served::start();
    for path in ["/", "/main.js", "/api/state", "/nothing"] {
        let answer = served.get(path);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(!policy.contains("http:") && !policy.contains("https:"), "nothing from outside: {policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

#[test]
fn large_hasty_and_foreign_bodies_are_refused() {
    let served = Served::start();
    let large = format!(r#"{{"type":"undo","x":"{}"}}"#, "x".repeat(100_000));
    // A server that hangs up on what it does not want to read may be heard as a mere end.
    let refused = |answer: Option<Answer>, status| assert!(answer.is_none_or(|a| a.status == status), "{status}");
    let json = [("Content-Type", "application/json")];
    refused(served.try_request("POST", "/api/prompts", &json, &large), 413);
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    assert_eq!(served.request("POST", "/api/prompts", &form, "type=clear").status, 415);
    refused(served.try_request("GET", "/", &[("X-Long", &"x".repeat(40_000))], ""), 431);
    let statuses: Vec<_> = (0..400).map(|_| served.post("/api/prompts", r#"{"type":"babble"}"#).status).collect();
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[test]
fn a_page_that_does_not_answer_gets_two_frames_and_no_more() {
    let served = Served::start();
    let mut silent = served.dial("/ws", &[]).unwrap();
    let mut reader = served.dial("/ws", &[]).unwrap();
    let (mut frames, mut others) = (0, 0);
    let until = Instant::now() + Duration::from_secs(20);
    while frames < 20 && Instant::now() < until {
        if let Message::Binary(bytes) = reader.read().unwrap() {
            let length = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
            let header: Value = serde_json::from_slice(&bytes[4..4 + length]).unwrap();
            assert!(header.get("gaze").is_none(), "gaze is private");
            assert_eq!(header["objects"][0]["outlines"], json!([4]));
            let ack = json!({ "type": "ack", "frame": header["frame"] }).to_string();
            reader.send(Message::Text(ack.into())).unwrap();
            frames += 1;
        }
    }
    assert_eq!(frames, 20, "the one that answers is served on");
    silent.get_ref().set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut unasked = 0;
    while let Ok(message) = silent.read() {
        if message.is_binary() { unasked += 1 } else { others += 1 }
    }
    assert_eq!(unasked, 2);
    assert!(others > 0, "it still hears of the state");
}

#[test]
fn gaze_is_shown_only_if_it_is_shared() {
    let served = Served::with(|options| options.share_gaze = true);
    let mut page = served.dial("/ws", &[]).unwrap();
    let frame = loop {
        if let Message::Binary(bytes) = page.read().unwrap() {
            break bytes;
        }
    };
    assert!(String::from_utf8_lossy(&frame).contains("\"gaze\":[3.0,4.0]"));
    let mut lines = served.dial("/api/stream", &[]).unwrap();
    assert_eq!(json_of(&lines.read().unwrap())["type"], "header");
    assert_eq!(json_of(&lines.read().unwrap())["gaze"], json!([3.0, 4.0]));
    let private = Served::start();
    let mut lines = private.dial("/api/stream", &[]).unwrap();
    assert_eq!(json_of(&lines.read().unwrap())["version"], 1);
    let frame = json_of(&lines.read().unwrap());
    assert_eq!((&frame["type"], frame.get("gaze")), (&json!("frame"), None));
    assert_eq!(frame["objects"][0]["rle"]["size"], json!([48, 64]));
}

fn json_of(message: &Message) -> Value {
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}

#[test]
fn names_are_shared_by_all_pages() {
    let served = Served::start();
    served.wait_for_frames(1);
    let mut page = served.dial("/ws", &[]).unwrap();
    let name = r##"{"type":"label","object":5,"name":"cup","color":"#112233"}"##;
    assert_eq!(served.post("/api/prompts", name).status, 202);
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        assert!(Instant::now() < until, "the page never heard of it");
        let message = page.read().unwrap();
        if message.is_text() && json_of(&message)["names"]["5"]["name"] == "cup" {
            break;
        }
    }
    assert_eq!(served.get("/api/masks").json()["categories"][0]["name"], "cup");
    let answer = served.post("/api/prompts", r#"{"type":"label","object":9,"name":"x"}"#);
    assert_eq!((answer.status, &answer.json()["code"]), (409, &json!("unknown_object")));
}

#[test]
fn connections_end_with_the_code_of_their_fault() {
    let served = Served::start();
    let faults: [(Vec<Message>, u16); 5] = [
        (vec![Message::Binary(vec![1, 2, 3].into())], 1003),
        (vec![Message::Text("x".repeat(20_000).into())], 1009),
        (vec![Message::Text("babble".into()); 16], 1008),
        (vec![Message::Text(r#"{"type":"ack","frame":0}"#.into()); 2000], 1008),
        (vec![Message::Ping(vec![].into()); 2000], 1008),
    ];
    for (messages, code) in faults {
        let mut page = served.dial("/ws", &[]).unwrap();
        let first = format!("{:?}", messages[0]).chars().take(40).collect::<String>();
        for message in messages {
            if page.send(message).is_err() {
                break;
            }
        }
        let (closed, reason) = closing(&mut page);
        assert_eq!(closed, code, "{first}: {reason}");
        assert!(!reason.is_empty());
    }
    let mut pages: Vec<_> = (0..33).map(|_| served.dial("/ws", &[]).unwrap()).collect();
    let last = pages.last_mut().unwrap();
    assert_eq!(closing(last).0, 1013);
    drop(pages);
    served.wait_until("pages that are gone count no more", |served| {
        served.get("/api/state").json()["pages"]["open"] == 0
    });
    let mut page = served.dial("/ws", &[]).unwrap();
    drop(served);
    assert_eq!(closing(&mut page).0, 1001);
}

#[test]
fn slow_and_many_connections_do_not_hold_others_up() {
    let served = Served::start();
    // Heads that never end.
    let mut slow: Vec<_> = (0..40).map(|_| TcpStream::connect(("127.0.0.1", served.port)).unwrap()).collect();
    slow.iter_mut().for_each(|s| s.write_all(b"GET / HTTP/1.1\r\nHost: loc").unwrap());
    assert_eq!(served.get("/api/state").status, 200);
    slow.extend((0..60).map(|_| TcpStream::connect(("127.0.0.1", served.port)).unwrap()));
    let statuses = slow.iter_mut().skip(70).map(|s| {
        s.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let mut answer = Vec::new();
        let _ = s.read_to_end(&mut answer);
        answer_of(&answer).map_or(0, |Answer { status, .. }| status)
    });
    assert!(statuses.collect::<Vec<_>>().contains(&503), "beyond the limit connections are refused");
    drop(slow);
    served.wait_until("connections that are gone make room", |served| {
        served.try_request("GET", "/api/state", &[], "").is_some_and(|answer| answer.status == 200)
    });
}

/// Bytes of this process that are in memory.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

/// Garbage over real sockets; the handler itself takes a million messages in its own test (`console::session`).
#[test]
fn garbage_over_sockets_neither_breaks_nor_grows_the_server() {
    let served = Served::start();
    let mut seed = 0x2545_f491_4f6c_dd1du64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let mut round = |served: &Served| {
        let mut sent = 0;
        for _ in 0..60 {
            let Ok(mut page) = served.dial("/ws", &[]) else {
                // Those before it are not all gone yet.
                std::thread::sleep(Duration::from_millis(20));
                continue;
            };
            for _ in 0..200 {
                let bytes: Vec<u8> = (0..random() % 200).map(|_| random() as u8).collect();
                let message = match random() % 4 {
                    0 => Message::Ping(bytes.into_iter().take(100).collect::<Vec<_>>().into()),
                    1 => Message::Text(String::from_utf8_lossy(&bytes).into_owned().into()),
                    _ => Message::Text(
                        format!(r#"{{"type":"tap","at":{},"x":1,"y":{}}}"#, random() % 9, random()).into(),
                    ),
                };
                if page.send(message).is_err() {
                    break;
                }
                sent += 1;
            }
            // Frames that are none.
            let _ = page.get_mut().write_all(&random().to_le_bytes());
        }
        for _ in 0..200 {
            std::thread::sleep(Duration::from_micros(500));
            let mut raw = TcpStream::connect(("127.0.0.1", served.port)).unwrap();
            let bytes: Vec<u8> = (0..random() % 400).map(|_| random() as u8).collect();
            let _ = raw.write_all(if random() % 2 == 0 {
                b"POST /api/prompts HTTP/1.1\r\nHost: localhost\r\n"
            } else {
                b""
            });
            let _ = raw.write_all(&bytes);
        }
        sent
    };
    round(&served);
    let before = resident();
    let sent: u32 = (0..3).map(|_| round(&served)).sum();
    let grown = resident().saturating_sub(before);
    assert!(sent > 1000, "{sent}");
    assert!(grown < 16 << 20, "{grown} bytes more after {sent} messages");
    served.wait_until("the stream runs on", |served| {
        served.try_request("GET", "/healthz", &[], "").is_some_and(|answer| answer.status == 200)
    });
}

/// The next message of JSON that `is` so, for ten seconds.
fn hear(page: &mut stream::Socket, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        let message = page.read().unwrap_or_else(|error| panic!("{what}: {error}"));
        if message.is_text() && is(&json_of(&message)) {
            return json_of(&message);
        }
    }
    panic!("never heard: {what}");
}

fn say(page: &mut stream::Socket, message: Value) {
    page.send(Message::Text(message.to_string().into())).unwrap();
}

/// The header of the next frame.
fn next_frame(page: &mut stream::Socket) -> Value {
    loop {
        if let Message::Binary(bytes) = page.read().unwrap() {
            let length = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
            return serde_json::from_slice(&bytes[4..4 + length]).unwrap();
        }
    }
}

#[test]
fn health_is_told_and_others_get_in_while_clients_never_read() {
    let served = Served::start();
    served.wait_for_frames(1);
    let _deaf: Vec<_> = (0..64).map(|_| crowd::never_reading(served.port)).collect();
    for _ in 0..5 {
        assert_eq!(served.get("/healthz").status, 200);
    }
    served.wait_until("who never reads gives way", |served| {
        served.try_request("GET", "/api/state", &[], "").is_some_and(|answer| answer.status == 200)
    });
}

#[test]
fn health_is_told_behind_a_crowd_that_says_nothing() {
    let served = Served::start();
    served.wait_for_frames(1);
    // Pages keep half of the places; silence takes the others and all that is before the door.
    let _pages: Vec<_> = (0..32).map(|_| served.dial("/ws", &[]).unwrap()).collect();
    let _silent: Vec<_> = (0..300).map(|_| TcpStream::connect(("127.0.0.1", served.port)).unwrap()).collect();
    assert_eq!(served.get("/healthz").status, 200);
    let api = Api::new(&serde_json::from_str(include_str!("../docs/openapi.json")).unwrap());
    api.check("/healthz", "get", &served.get("/healthz"));
}

#[test]
fn upgraded_connections_keep_their_places() {
    let served = Served::start();
    let mut crowd: Vec<_> = (0..300).map(|_| crowd::upgrading(served.port)).collect();
    let statuses: Vec<_> = crowd.iter_mut().map(crowd::status).collect();
    let upgraded = statuses.iter().filter(|status| **status == Some(101)).count();
    // One that finds no room for a page says so and goes, which frees its place within seconds.
    assert!((32..150).contains(&upgraded), "{upgraded} of 300 were let in");
    assert!(statuses.contains(&Some(503)), "{statuses:?}");
    assert_eq!(served.get("/healthz").status, 200);
}

#[test]
fn a_page_that_floods_is_told_and_others_are_heard() {
    let served = Served::start();
    served.wait_for_frames(1);
    let mut hasty = served.dial("/ws", &[]).unwrap();
    let at = next_frame(&mut hasty)["at"].clone();
    let mut calm = served.dial("/ws", &[]).unwrap();
    for _ in 0..60 {
        say(&mut hasty, json!({ "type": "tap", "at": at, "x": 1, "y": 2 }));
    }
    let refused = hear(&mut hasty, "that it is too hasty", |m| m["type"] == "refused");
    assert_eq!(refused["code"], "too_many");
    assert!(refused["reason"].as_str().unwrap().contains("wait"), "{refused}");
    say(&mut calm, json!({ "type": "tap", "at": at, "x": 30, "y": 40 }));
    let heard = std::cell::RefCell::new(Vec::new());
    served.wait_until("the calm page's tap arrives", |served| {
        heard.borrow_mut().extend(served.commands().into_iter().map(|command| command.origin.page_number()));
        heard.borrow().contains(&Some(2))
    });
    assert!(heard.borrow().len() < 40, "{} of 61 came through", heard.borrow().len());
}

#[test]
fn a_fifth_frozen_page_is_refused_and_a_frame_that_is_gone_is_no_other() {
    let served = Served::start();
    let mut pages: Vec<_> = (0..5).map(|_| served.dial("/ws", &[]).unwrap()).collect();
    let mut times = Vec::new();
    for page in &mut pages {
        let at = next_frame(page)["at"].clone();
        say(page, json!({ "type": "hold", "at": at }));
        times.push(at);
    }
    let refused = hear(&mut pages[4], "that it cannot be frozen", |m| m["type"] == "refused");
    assert_eq!(refused["code"], "too_many_frozen");
    // Two seconds of frames, more than any history.
    served.wait_for_frames(100);
    served.commands();
    for (page, at) in pages.iter_mut().zip(&times) {
        say(page, json!({ "type": "tap", "at": at, "x": 1, "y": 2 }));
    }
    let refused = hear(&mut pages[4], "that its frame is gone", |m| m["code"] == "frame_gone");
    assert!(refused["reason"].as_str().unwrap().contains("pause"), "{refused}");
    let taps = std::cell::RefCell::new(Vec::new());
    served.wait_until("the four are answered on their frames", |served| {
        taps.borrow_mut().extend(served.commands().into_iter().map(|c| json!(c.made_at.as_nanos() / 1000)));
        taps.borrow().len() >= 4
    });
    assert!(taps.borrow().iter().all(|at| times[..4].contains(at)));
    // One that goes on, and one that goes away, make room for two.
    say(&mut pages[0], json!({ "type": "resume" }));
    drop(pages.remove(1));
    let mut more: Vec<_> = (0..3).map(|_| served.dial("/ws", &[]).unwrap()).collect();
    let until = Instant::now() + Duration::from_secs(10);
    for page in &mut more[..2] {
        while !page_holds(page) {
            assert!(Instant::now() < until, "nothing makes room");
        }
    }
    assert!(!page_holds(&mut more[2]), "a third finds none");
}

/// Freezes a page; false when it is refused.
fn page_holds(page: &mut stream::Socket) -> bool {
    let shown = next_frame(page);
    say(page, json!({ "type": "ack", "frame": shown["frame"] }));
    say(page, json!({ "type": "hold", "at": shown["at"] }));
    // What comes after it shows that it was taken.
    say(page, json!({ "type": "label", "object": 77 }));
    let refused = hear(page, "an answer", |m| m["type"] == "refused");
    refused["code"] == "unknown_object"
}

#[test]
fn behind_a_proxy_an_address_has_its_share_of_the_pages() {
    let served = Served::with(|options| options.proxy.trusted = vec!["127.0.0.1".parse().unwrap()]);
    let own = [("X-Forwarded-For", "203.0.113.7")];
    let mut pages: Vec<_> = (0..9).map(|_| served.dial("/ws", &own).unwrap()).collect();
    assert_eq!(closing(pages.last_mut().unwrap()).0, 1013, "a ninth of one address");
    let other = [("X-Forwarded-For", "198.51.100.1, 203.0.113.8")];
    assert!(next_frame(&mut served.dial("/ws", &other).unwrap())["at"].is_u64(), "another address has room");
}

/// The page and all that belongs to it, through proxies of either kind.
#[test]
fn the_console_is_reached_through_a_proxy() {
    let served = Served::with(|options| {
        options.proxy.base_path = "/lab/foveate".parse().unwrap();
        options.proxy.allowed_hosts = vec!["robot.example".parse().unwrap()];
    });
    assert!(served.link.ends_with("/lab/foveate/"), "{}", served.link);
    served.wait_for_frames(1);
    let forwarded = "203.0.113.7";
    let kinds = [
        Passing { takes_off: None, keeps_host: true, forwarded },
        Passing { takes_off: Some("/lab/foveate"), keeps_host: true, forwarded },
        Passing { takes_off: None, keeps_host: false, forwarded },
    ];
    let host = [("Host", "robot.example"), ("Connection", "close")];
    for passing in kinds {
        let port = proxy::start(served.port, passing);
        let get = |path: &str| ask(port, "GET", path, &host, "").unwrap_or_else(|| panic!("{path}: no answer"));
        let page = get("/lab/foveate/");
        assert_eq!(page.status, 200, "{}", page.text());
        let text = page.text();
        let links: Vec<_> = text.split('"').filter(|part| part.starts_with("./")).collect();
        assert!(links.len() > 12 && !text.contains("=\"/"), "all links are relative: {links:?}");
        for link in links {
            let path = format!("/lab/foveate{}", &link[1..]);
            assert_eq!(get(&path).status, 200, "{path}");
        }
        let origin = |origin| [host[0], ("Origin", origin), ("Sec-Fetch-Site", "same-origin")];
        let mut socket = dial(port, "/lab/foveate/ws", &origin("https://robot.example")).unwrap();
        assert!(next_frame(&mut socket)["at"].is_u64());
        let refused = dial(port, "/lab/foveate/ws", &origin("https://evil.example")).expect_err("a refusal");
        assert!(refused.contains("403"), "{refused}");
        if passing.keeps_host {
            let foreign = [("Host", "evil.example"), ("Connection", "close")];
            assert_eq!(ask(port, "GET", "/lab/foveate/api/state", &foreign, "").unwrap().status, 421);
        }
    }
    let bare = served.get("/lab/foveate?x=1");
    assert_eq!((bare.status, bare.header("location")), (308, Some("/lab/foveate/?x=1")));
    assert_eq!(served.get("/lab/foveates").status, 404);
}

#[test]
fn behind_a_proxy_the_token_leads_to_its_path() {
    let served = Served::with(|options| {
        options.listen = "0.0.0.0:0".parse().unwrap();
        options.proxy.base_path = "/foveate".parse().unwrap();
    });
    let (_, token) = served.link.split_once("/foveate/?token=").expect("a token");
    let answer = served.get(&format!("/foveate/?token={token}"));
    assert_eq!((answer.status, answer.header("location")), (303, Some("/foveate/")));
    assert!(answer.header("set-cookie").unwrap().contains("; Path=/foveate/; "));
}
