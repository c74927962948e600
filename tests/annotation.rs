//! Annotation tools ask as their clients do, and get masks in their own forms.
#![cfg(feature = "console")]

#[path = "common/program.rs"]
#[allow(dead_code)]
mod program;

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use foveate::geometry::Size;
use foveate::mask::Mask;
use foveate::scene::{Rendering, Scene};
use image::RgbImage;
use program::Sandbox;
use serde_json::{Value, json};

const SIZE: Size = Size::new(320, 240);

/// A server that ends with the test.
struct Served {
    child: Child,
    address: String,
    /// What the program writes goes on being read.
    _told: BufReader<std::process::ChildStderr>,
    _sandbox: Sandbox,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Served {
    fn start(token: Option<&str>) -> Self {
        let sandbox = Sandbox::new();
        let mut command = sandbox.command(&["annotate", "--listen", "127.0.0.1:0", "--precision", "f32"]);
        if let Some(token) = token {
            command.env("FOVEATE_TOKEN", token);
        }
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut told = BufReader::new(child.stderr.take().unwrap());
        told.read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(address.starts_with("http://127.0.0.1:"), "{line}");
        Served { child, address, _told: told, _sandbox: sandbox }
    }

    fn request(&self, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let address = format!("{}{path}", self.address);
        let mut answer = match body {
            None => {
                headers.iter().fold(agent.get(&address), |request, (name, value)| request.header(*name, *value)).call()
            }
            Some(body) => headers
                .iter()
                .fold(agent.post(&address), |request, (name, value)| request.header(*name, *value))
                .header("Content-Type", "application/json")
                .send(body.to_string()),
        }
        .unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let (status, text) = self.request(path, Some(body), &[]);
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }
}

/// Frames of the rendered scene as files in `data:` addresses, and the truth of its largest object on each.
fn scene(count: usize) -> (Vec<String>, Vec<Mask>) {
    let scene = Scene::new(3, SIZE);
    let (mut rendering, mut frames, mut truth) = (Rendering::default(), Vec::new(), Vec::new());
    let mut largest = None;
    for n in 0..count {
        scene.render(n as f64 / 25.0, &mut rendering);
        let area = |id: u8| rendering.ids.iter().filter(|i| **i == id).count();
        let id =
            *largest.get_or_insert_with(|| scene.objects().iter().map(|o| o.id).max_by_key(|id| area(*id)).unwrap());
        let image = RgbImage::from_raw(SIZE.width, SIZE.height, rendering.rgb.clone()).unwrap();
        let mut png = std::io::Cursor::new(Vec::new());
        image.write_to(&mut png, image::ImageFormat::Png).unwrap();
        frames.push(format!("data:image/png;base64,{}", STANDARD.encode(png.get_ref())));
        truth.push(Mask::from_fn(SIZE, |x, y| rendering.ids[(y * SIZE.width + x) as usize] == id));
    }
    (frames, truth)
}

/// A place well inside of a mask.
fn inside(mask: &Mask) -> (f32, f32) {
    let bbox = mask.bounding_box().unwrap();
    let center = bbox.center();
    let at = |x: u32, y: u32| mask.data()[(y * SIZE.width + x) as usize] != 0;
    let all = (0..SIZE.height).flat_map(|y| (0..SIZE.width).map(move |x| (x, y)));
    let near = |x: u32, y: u32| (x as f32 - center.x).hypot(y as f32 - center.y);
    let place = all.filter(|(x, y)| at(*x, *y)).min_by(|a, b| near(a.0, a.1).total_cmp(&near(b.0, b.1))).unwrap();
    (place.0 as f32 + 0.5, place.1 as f32 + 0.5)
}

/// What polygons cover, by the rule of even and odd.
fn filled(shapes: &[Value]) -> Mask {
    let polygons: Vec<Vec<(f32, f32)>> = shapes
        .iter()
        .map(|shape| {
            assert_eq!((&shape["shape_type"], &shape["label"]), (&"polygon".into(), &"AUTOLABEL_OBJECT".into()));
            let corner = |point: &Value| (point[0].as_f64().unwrap() as f32, point[1].as_f64().unwrap() as f32);
            shape["points"].as_array().unwrap().iter().map(corner).collect()
        })
        .collect();
    let covers = |polygon: &[(f32, f32)], x: f32, y: f32| {
        let edges = polygon.iter().zip(polygon.iter().cycle().skip(1));
        let crossed = edges.filter(|(a, b)| (a.1 > y) != (b.1 > y) && x < (b.0 - a.0) * (y - a.1) / (b.1 - a.1) + a.0);
        crossed.count() % 2 == 1
    };
    Mask::from_fn(SIZE, |x, y| polygons.iter().any(|polygon| covers(polygon, x as f32 + 0.5, y as f32 + 0.5)))
}

#[test]
fn x_anylabeling_gets_outlines_for_points_and_boxes() {
    let served = Served::start(None);
    let (status, models) = served.request("/v1/models", None, &[("Token", "")]);
    let models: Value = serde_json::from_str(&models).unwrap();
    assert_eq!(status, 200);
    let model = models["data"].as_object().unwrap().keys().next().unwrap().clone();
    let (frames, truth) = scene(1);
    let bbox = truth[0].bounding_box().unwrap();
    let (x, y) = inside(&truth[0]);
    let marks = [
        json!([{ "type": "rectangle", "data": [bbox.x1, bbox.y1, bbox.x0, bbox.y0], "label": 1 }]),
        json!([{ "type": "point", "data": [x, y], "label": 1 },
               { "type": "rectangle", "data": [bbox.x0, bbox.y0, bbox.x1, bbox.y1], "label": 1 }]),
    ];
    for marks in marks {
        let body = json!({ "model": model, "image": frames[0], "params": { "marks": marks, "epsilon_factor": 0.001 } });
        let answer = served.post("/v1/predict", &body);
        let overlap = filled(answer["data"]["shapes"].as_array().unwrap()).iou(&truth[0]);
        assert!(overlap > 0.6, "{overlap}");
    }
    let everything = json!({ "model": model, "image": frames[0], "params": { "current_task": "everything" } });
    assert!(served.post("/v1/predict", &everything)["data"]["shapes"].as_array().unwrap().len() > 3);

    let wrong = [
        (
            json!({ "image": "data:image/png;base64,AAAA", "params": { "marks": [{ "type": "point", "data": [1, 1] }] } }),
            "photo",
        ),
        (json!({ "image": frames[0], "params": { "marks": [{ "type": "point", "data": [9999, 1] }] } }), "9999"),
        (json!({ "image": frames[0], "params": { "marks": [{ "type": "polygon", "data": [] }] } }), "polygon"),
        (json!({ "image": frames[0], "params": { "text_prompt": "a cup" } }), "words"),
        (json!({ "image": 3 }), "no such request"),
    ];
    for (body, expected) in wrong {
        let (status, text) = served.request("/v1/predict", Some(&body), &[]);
        assert!(status == 400 && text.contains(expected), "{status} {text}");
    }
}

#[test]
fn x_anylabeling_has_an_object_followed_through_a_video() {
    let served = Served::start(None);
    let (frames, truth) = scene(8);
    let session = served.post("/v1/video/init", &json!({ "model": "m", "frames": frames, "start_frame_index": 0 }));
    let session = session["data"]["session_id"].clone();
    let (x, y) = inside(&truth[2]);
    let prompt = json!({
        "session_id": session, "model": "m", "frame_index": 2, "obj_id": 10000, "params": {},
        "points": [[x / SIZE.width as f32, y / SIZE.height as f32]], "point_labels": [1],
    });
    let unasked = served.request("/v1/video/propagate/stream", Some(&json!({ "session_id": session })), &[]);
    assert!(unasked.0 == 400 && unasked.1.contains("mark the object"), "{unasked:?}");
    let first = served.post("/v1/video/prompt", &prompt)["data"]["masks"].clone();
    assert_eq!(first[0]["group_id"], 10000);
    let body = json!({ "session_id": session, "model": "m", "start_frame": 2, "end_frame": 6 });
    let (status, text) = served.request("/v1/video/propagate/stream", Some(&body), &[]);
    assert_eq!(status, 200, "{text}");
    let events: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|event| serde_json::from_str(event).unwrap())
        .collect();
    assert_eq!((&events[0]["type"], &events[0]["total_frames"]), (&"started".into(), &8.into()));
    let progress: Vec<u64> = events.iter().filter_map(|event| event["current_frame"].as_u64()).collect();
    assert_eq!(progress, [2, 3, 4, 5, 6]);
    let results = events.last().unwrap()["results"].as_object().unwrap();
    assert_eq!(results.len(), 5);
    // One click may mean a part; what was shown for it is what is followed.
    let shown = filled(first.as_array().unwrap());
    let at = |frame: &str| filled(results[frame]["masks"].as_array().unwrap());
    assert!(at("2").iou(&shown) > 0.99, "{}", at("2").iou(&shown));
    assert!(at("6").iou(&at("5")) > 0.6, "{}", at("6").iou(&at("5")));
    let removed = served.post(&format!("/v1/video/cleanup/{}?model=m", session.as_str().unwrap()), &json!({}));
    assert_eq!(removed["data"]["removed"], true);
    let gone = served.request("/v1/video/prompt", Some(&prompt), &[]);
    assert!(gone.0 == 404 && gone.1.contains("again"), "{gone:?}");
}

#[test]
fn label_studio_gets_a_brush_mask() {
    let served = Served::start(None);
    assert!(served.request("/health", None, &[]).1.contains("UP"));
    assert!(served.post("/setup", &json!({ "project": "1", "schema": "" }))["model_version"].is_string());
    let (frames, truth) = scene(1);
    let bbox = truth[0].bounding_box().unwrap();
    let share = |value: f32, side: u32| value / side as f32 * 100.0;
    let config = "<View><Image name=\"image\" value=\"$photo\"/><BrushLabels name=\"tag\" toName=\"image\"><Label value=\"cup\"/>\
                  </BrushLabels></View>";
    let drawn = json!({
        "type": "rectanglelabels", "to_name": "image", "original_width": SIZE.width, "original_height": SIZE.height,
        "value": { "x": share(bbox.x0, SIZE.width), "y": share(bbox.y0, SIZE.height), "rectanglelabels": ["cup"],
                   "width": share(bbox.width(), SIZE.width), "height": share(bbox.height(), SIZE.height) },
    });
    let task = json!({ "id": 1, "data": { "photo": frames[0] } });
    let body = json!({ "tasks": [task], "label_config": config, "params": { "context": { "result": [drawn] } } });
    let answer = served.post("/predict", &body);
    let result = &answer["results"][0]["result"][0];
    assert_eq!(
        (&result["from_name"], &result["to_name"], &result["type"]),
        (&"tag".into(), &"image".into(), &"brushlabels".into())
    );
    assert_eq!(result["value"]["brushlabels"], json!(["cup"]));
    assert_eq!((&result["original_width"], &result["value"]["format"]), (&SIZE.width.into(), &"rle".into()));
    assert!(result["value"]["rle"].as_array().unwrap().len() > 100);
    let none = served.post("/predict", &json!({ "tasks": [task], "label_config": config, "params": {} }));
    assert_eq!(none["results"][0]["result"], json!([]));
    let named = json!({ "tasks": [{ "data": { "photo": "/data/upload/1.jpg" } }], "label_config": config,
                        "params": { "context": { "result": [drawn] } } });
    let refused = served.request("/predict", Some(&named), &[]);
    assert!(refused.0 == 400 && refused.1.contains("--label-studio"), "{refused:?}");
}

#[test]
fn strangers_are_refused() {
    let served = Served::start(Some("0123456789abcdef"));
    let basic = format!("Basic {}", STANDARD.encode("user:0123456789abcdef"));
    let rows: [(&[(&str, &str)], u16); 6] = [
        (&[], 401),
        (&[("Token", "0123456789abcdeX")], 401),
        (&[("Token", "0123456789abcdef")], 200),
        (&[("Authorization", "Bearer 0123456789abcdef")], 200),
        (&[("Authorization", &basic)], 200),
        (&[("Token", "0123456789abcdef"), ("Origin", "http://evil.example")], 403),
    ];
    for (headers, expected) in rows {
        assert_eq!(served.request("/v1/models", None, headers).0, expected, "{headers:?}");
    }
    let sandbox = Sandbox::new();
    let mut short = sandbox.command(&["annotate", "--listen", "127.0.0.1:0"]);
    let refused = short.env("FOVEATE_TOKEN", "short").output().unwrap();
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("16 characters"));
}
