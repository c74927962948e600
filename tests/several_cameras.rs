//! Several cameras in one program: each with a stream of its own, one model, one console, one file.

#[path = "common/program.rs"]
mod program;

use foveate::geometry::Size;
use foveate::scene::{Rendering, Scene};
use program::{Ran, Sandbox};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn lines(ran: &Ran) -> Vec<Value> {
    assert_eq!(ran.code(), 0, "{}", ran.describe());
    ran.stdout().lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// The lines of one camera and kind.
fn of<'a>(lines: &'a [Value], camera: &str, kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["camera"] == camera && line["type"] == kind).collect()
}

/// A folder of frames of the scene `seed`.
fn frames(sandbox: &Sandbox, name: &str, seed: u64, size: Size, count: usize) {
    let scene = Scene::new(seed, size);
    let mut rendering = Rendering::default();
    std::fs::create_dir_all(sandbox.path().join(name)).unwrap();
    for n in 0..count {
        scene.render(n as f64 / 30.0, &mut rendering);
        let image = image::RgbImage::from_raw(size.width, size.height, rendering.rgb.clone()).unwrap();
        image.save(sandbox.path().join(format!("{name}/{n:03}.png"))).unwrap();
    }
}

#[test]
fn each_camera_has_its_own_prompts_and_pairs_are_told() {
    let sandbox = Sandbox::new();
    sandbox.file("left.ndjson", r#"{"time_s":0.5,"object":7,"points":[[320,240,1]]}"#);
    let ran = sandbox.foveate(&[
        "run",
        "--source",
        "left=scene:1",
        "--source",
        "right=scene:2",
        "--fps",
        "10",
        "--seconds",
        "4",
        "--pair",
        "--prompt",
        "left=script:left.ndjson",
        "--sink",
        "ndjson:-",
    ]);
    let lines = lines(&ran);
    for camera in ["left", "right"] {
        assert_eq!(of(&lines, camera, "header").len(), 1, "{camera}");
        assert_eq!(of(&lines, camera, "summary").len(), 1, "{camera}");
        assert!(of(&lines, camera, "frame").len() > 5, "{camera}{}", ran.describe());
    }
    assert!(lines.iter().all(|line| line["camera"].is_string()));
    let selected = |camera| of(&lines, camera, "event").iter().any(|event| event["event"] == "selected");
    assert!(selected("left") && !selected("right"));
    assert!(of(&lines, "right", "frame").iter().all(|frame| frame["objects"] == json!([])));

    let time = |camera: &Value, frame: &Value| {
        let mut frames = lines.iter().filter(|line| line["type"] == "frame");
        let found = frames.find(|line| line["camera"] == *camera && line["frame"] == *frame);
        found.unwrap_or_else(|| panic!("{camera} has no frame {frame}"))["time_s"].as_f64().unwrap()
    };
    let pairs: Vec<_> = lines.iter().filter(|line| line["event"] == "frames_paired").collect();
    assert!(pairs.len() > 5, "{} pairs{}", pairs.len(), ran.describe());
    for pair in &pairs {
        let frames = pair["frames"].as_array().unwrap();
        let times: Vec<_> = frames.iter().map(|f| time(&f["camera"], &f["frame"])).collect();
        let apart = pair["apart_s"].as_f64().unwrap();
        assert_eq!(frames.len(), 2);
        assert!(apart <= 0.05 && ((times[0] - times[1]).abs() - apart).abs() < 1e-5, "{pair}: {times:?}");
    }
    let mut lefts: Vec<_> = pairs.iter().map(|pair| pair["frames"][0]["frame"].as_u64().unwrap()).collect();
    lefts.dedup();
    assert_eq!(lefts.len(), pairs.len(), "a frame is in one pair");
}

/// Beside another camera, of another size too, a folder gives what it gives alone.
#[test]
fn a_replay_beside_another_is_what_it_is_alone() {
    let sandbox = Sandbox::new();
    frames(&sandbox, "a", 3, Size::new(320, 240), 8);
    frames(&sandbox, "b", 4, Size::new(400, 224), 8);
    sandbox.file("p.ndjson", r#"{"time_s":0.0,"object":1,"points":[[160,120,1]]}"#);
    let precision = ["--precision", "f32", "--fps", "30"];
    let alone: BTreeMap<_, _> = ["a", "b"]
        .map(|folder| {
            let (source, name) = (format!("{folder}=files:{folder}"), folder);
            let mut arguments = vec!["run", "--source", &source, "--prompt", "script:p.ndjson", "--sink", "ndjson:-"];
            arguments.extend(precision);
            (name, lines(&sandbox.foveate(&arguments)))
        })
        .into();
    let mut both = vec![
        "run",
        "--source",
        "a=files:a",
        "--source",
        "b=files:b",
        "--prompt",
        "a=script:p.ndjson",
        "--prompt",
        "b=script:p.ndjson",
        "--sink",
        "ndjson:-",
        "--sink",
        "a=overlay:over",
    ];
    both.extend(precision);
    let both = lines(&sandbox.foveate(&both));
    for (name, alone) in alone {
        let without_age = |frame: &Value| json!([frame["frame"], frame["time_s"], frame["objects"]]);
        let alone: Vec<_> = of(&alone, name, "frame").into_iter().map(without_age).collect();
        let beside: Vec<_> = of(&both, name, "frame").into_iter().map(without_age).collect();
        assert_eq!((alone.len(), beside), (8, alone), "{name}");
    }
    assert_eq!(std::fs::read_dir(sandbox.path().join("over")).unwrap().count(), 8);
}

#[test]
fn what_cannot_be_told_apart_is_refused() {
    let sandbox = Sandbox::new();
    let two = ["run", "--source", "left=scene:1", "--source", "scene:2", "--seconds", "1"];
    for (more, expected) in [
        (&["--sink", "overlay:out"][..], "--sink left=overlay:out"),
        (&["--prompt", "script:x"], "--prompt left=script:x"),
        (&["--sink", "lift=ndjson:-"], "did you mean `left`?"),
        (&["--source", "left=scene:3"], "two cameras are called `left`"),
        (&["--pair=0"], "milliseconds"),
        (&["--source", "gone=files:nowhere"], "camera gone"),
    ] {
        let ran = sandbox.foveate(&[&two[..], more].concat());
        assert!(ran.code() != 0 && ran.stderr().contains(expected), "{expected}{}", ran.describe());
    }
    let ran = sandbox.foveate(&["run", "--source", "scene:1", "--pair"]);
    assert!(ran.code() == 2 && ran.stderr().contains("two cameras or more"), "{}", ran.describe());
}

#[cfg(feature = "console")]
mod console {
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Stdio};
    use std::time::{Duration, Instant};

    use serde_json::{Value, json};

    use super::program::Sandbox;

    /// A program that is ended with the test.
    struct Served {
        child: Child,
        link: String,
    }

    impl Drop for Served {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    impl Served {
        fn start(sandbox: &Sandbox, arguments: &[&str]) -> Served {
            let mut child = sandbox.command(arguments).stderr(Stdio::piped()).spawn().unwrap();
            let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
            let link = said.find_map(|line| line.ok()?.strip_prefix("console at ").map(str::to_owned)).expect("a link");
            std::thread::spawn(move || said.for_each(drop));
            Served { child, link }
        }

        /// Status, headers and body.
        fn get(&self, path: &str) -> ureq::http::Response<String> {
            let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().http_status_as_error(false).build());
            let response = agent.get(format!("{}{path}", self.link)).call().unwrap();
            let (parts, mut body) = response.into_parts();
            let body = body.read_to_vec().unwrap();
            ureq::http::Response::from_parts(parts, String::from_utf8_lossy(&body).into_owned())
        }

        fn json(&self, path: &str) -> Value {
            serde_json::from_str(self.get(path).body()).unwrap()
        }
    }

    #[test]
    fn one_console_shows_them_all() {
        let sandbox = Sandbox::new();
        let served = Served::start(
            &sandbox,
            &[
                "run",
                "--source",
                "left=scene:1",
                "--source",
                "right=scene:2",
                "--fps",
                "8",
                "--seconds",
                "60",
                "--prompt",
                "console",
                "--sink",
                "console",
                "--listen",
                "127.0.0.1:0",
            ],
        );
        let cameras = served.json("api/cameras");
        let expected = json!({"cameras": [
            {"camera": "left", "path": "left/", "source": "scene:1"},
            {"camera": "right", "path": "right/", "source": "scene:2"},
        ]});
        assert_eq!(cameras, expected);
        for (path, content) in
            [("", "cameras.js"), ("cameras.js", "iframe"), ("left/", "main.js"), ("right/main.js", "import")]
        {
            let response = served.get(path);
            assert!(response.status() == 200 && response.body().contains(content), "{path}: {response:?}");
            let policy = response.headers()["content-security-policy"].to_str().unwrap();
            assert!(
                policy.contains("frame-ancestors 'self'") && policy.contains("frame-src 'self'"),
                "{path}: {policy}"
            );
        }
        assert_eq!(served.get("nobody/").status(), 404);
        assert_eq!(served.get("left/left/").status(), 404);
        assert_eq!(served.json("right/api/state")["stream"]["source"], "scene:2");
        let until = Instant::now() + Duration::from_secs(60);
        let health = loop {
            let health = served.json("healthz");
            if health["status"] == "ok" || Instant::now() > until {
                break health;
            }
            std::thread::sleep(Duration::from_millis(200));
        };
        assert_eq!((&health["status"], &health["cameras"]["left"]["status"]), (&json!("ok"), &json!("ok")), "{health}");
        let frames: Vec<_> = ["left", "right"].map(|camera| served.get(&format!("{camera}/api/frame.jpg"))).into();
        assert!(frames.iter().all(|frame| frame.status() == 200) && frames[0].body() != frames[1].body());
    }

    #[test]
    fn a_name_that_the_server_needs_is_refused() {
        let sandbox = Sandbox::new();
        let ran = sandbox.foveate(&[
            "run",
            "--source",
            "api=scene:3",
            "--source",
            "scene:1",
            "--seconds",
            "1",
            "--sink",
            "console",
            "--listen",
            "127.0.0.1:0",
        ]);
        assert!(ran.code() == 2 && ran.stderr().contains("camera of that name"), "{}", ran.describe());
    }
}
