//! The commands as a user runs them, with the bundled model, on images made here and on photographs where they lie
//! beside the checkout.

#[path = "common/program.rs"]
mod program;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use foveate::geometry::Size;
use foveate::scene::{Rendering, Scene};
use image::{GrayImage, RgbImage};
use program::{Ran, Sandbox};
use serde_json::Value;

impl Ran {
    /// Standard output as one JSON object.
    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.code(), 0, "{}", self.describe());
        serde_json::from_str(&self.stdout()).unwrap_or_else(|e| panic!("{e}{}", self.describe()))
    }

    /// Standard output as NDJSON.
    pub fn ndjson(&self) -> Vec<serde_json::Value> {
        assert_eq!(self.code(), 0, "{}", self.describe());
        let parse =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}{}", self.describe()));
        self.stdout().lines().map(parse).collect()
    }
}

const SIZE: Size = Size::new(320, 240);

/// Images of the rendered scene as `frames/NNN.png`, and the truth of its largest object on the first.
fn frames(sandbox: &Sandbox, count: usize) -> GrayImage {
    let scene = Scene::new(3, SIZE);
    let mut rendering = Rendering::default();
    let mut truth = GrayImage::new(SIZE.width, SIZE.height);
    std::fs::create_dir_all(sandbox.path().join("frames")).unwrap();
    for n in 0..count {
        scene.render(n as f64 / 30.0, &mut rendering);
        let image = RgbImage::from_raw(SIZE.width, SIZE.height, rendering.rgb.clone()).unwrap();
        image.save(sandbox.path().join(format!("frames/{n:03}.png"))).unwrap();
        if n == 0 {
            let area = |id: u8| rendering.ids.iter().filter(|i| **i == id).count();
            let largest = scene.objects().iter().map(|o| o.id).max_by_key(|id| area(*id)).unwrap();
            truth.iter_mut().zip(&rendering.ids).for_each(|(out, id)| *out = if *id == largest { 255 } else { 0 });
        }
    }
    truth
}

/// The tightest box around a mask, as `--box` takes it.
fn box_of(mask: &GrayImage) -> [u32; 4] {
    let set = mask.enumerate_pixels().filter(|(.., p)| p.0[0] > 127);
    set.fold([u32::MAX, u32::MAX, 0, 0], |b, (x, y, _)| [b[0].min(x), b[1].min(y), b[2].max(x + 1), b[3].max(y + 1)])
}

fn iou(a: &GrayImage, b: &GrayImage) -> f32 {
    let pairs = || a.iter().zip(b.iter()).map(|(a, b)| (*a > 127, *b > 127));
    let both = pairs().filter(|(a, b)| *a && *b).count();
    both as f32 / pairs().filter(|(a, b)| *a || *b).count().max(1) as f32
}

/// Where the photographs lie for those who have them.
fn photographs() -> Option<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/eval");
    if !data.is_dir() {
        eprintln!("left out: there are no photographs at {}", data.display());
    }
    data.is_dir().then_some(data)
}

#[test]
fn segment_answers_a_box_with_mask_overlay_and_json() {
    let sandbox = Sandbox::new();
    let truth = frames(&sandbox, 1);
    let [x0, y0, x1, y1] = box_of(&truth);
    let bbox = format!("{x0},{y0},{x1},{y1}");
    let command = ["segment", "frames/000.png", "--box", &bbox, "--json", "--out-mask", "m.png", "--overlay", "o.png"];
    let answer = sandbox.foveate(&command).json();
    let mask = image::open(sandbox.path().join("m.png")).unwrap().to_luma8();
    let overlay = image::open(sandbox.path().join("o.png")).unwrap();
    assert_eq!((mask.width(), mask.height()), (SIZE.width, SIZE.height));
    assert_eq!((overlay.width(), overlay.height()), (SIZE.width, SIZE.height));
    let found = iou(&mask, &truth);
    assert!(found > 0.6, "IoU {found} of a box around a rendered object");
    let best = &answer["masks"][0];
    assert_eq!(best["rle"]["size"], serde_json::json!([SIZE.height, SIZE.width]));
    assert_eq!(best["area"], mask.iter().filter(|v| **v > 127).count());
    assert_eq!(best["box"], serde_json::json!(box_of(&mask).map(f64::from)));
}

#[test]
fn a_cutout_is_the_object_alone() {
    let sandbox = Sandbox::new();
    let [x0, y0, x1, y1] = box_of(&frames(&sandbox, 1));
    let (photo, bbox) = ("frames/000.png", format!("{x0},{y0},{x1},{y1}"));
    let ran = sandbox.foveate(&["segment", photo, "--box", &bbox, "--out-mask", "mask.png", "--cutout", "object.png"]);
    assert_eq!(ran.code(), 0, "{}", ran.describe());
    let open = |name: &str| image::open(sandbox.path().join(name)).unwrap();
    let (mask, object, seen) =
        (open("mask.png").into_luma8(), open("object.png").into_rgba8(), open(photo).into_rgb8());
    assert_eq!(object.dimensions(), seen.dimensions());
    let mut soft = 0;
    for ((x, y, pixel), seen) in object.enumerate_pixels().zip(seen.pixels()) {
        assert_eq!(pixel[3] >= 128, mask.get_pixel(x, y)[0] == 255, "{x},{y}");
        assert!(pixel[3] < 255 || pixel.0[..3] == seen.0, "what is whole keeps its colours");
        soft += usize::from((1..255).contains(&pixel[3]));
    }
    assert!(soft > 20, "{soft} pixels of a soft edge");
    let refused = sandbox.foveate(&["segment", photo, "--box", &bbox, "--cutout", "object.jpg"]);
    assert_eq!(refused.code(), 2, "{}", refused.describe());
    assert!(refused.stderr().contains(".png"), "{}", refused.describe());
}

/// The rendered scene's own depth, as a sensor of millimetres would write it beside the frames.
fn depth_of_frames(sandbox: &Sandbox, count: usize) -> (String, Vec<f32>) {
    let scene = Scene::new(3, SIZE);
    let (mut rendering, mut first) = (Rendering::default(), Vec::new());
    std::fs::create_dir_all(sandbox.path().join("depth")).unwrap();
    for n in 0..count {
        scene.render(n as f64 / 30.0, &mut rendering);
        let levels = rendering.depth.iter().map(|z| (z * 1000.0).round().min(65535.0) as u16).collect();
        let image = image::ImageBuffer::<image::Luma<u16>, Vec<u16>>::from_raw(SIZE.width, SIZE.height, levels);
        image.unwrap().save(sandbox.path().join(format!("depth/{n:03}.png"))).unwrap();
        if n == 0 {
            first = rendering.depth.clone();
        }
    }
    let lens = scene.intrinsics();
    (format!("{},{},{},{}", lens.fx, lens.fy, lens.cx, lens.cy), first)
}

#[test]
fn depth_says_where_the_object_is() {
    let sandbox = Sandbox::new();
    let truth = frames(&sandbox, 3);
    let [x0, y0, x1, y1] = box_of(&truth);
    let bbox = format!("{x0},{y0},{x1},{y1}");
    let (lens, depth) = depth_of_frames(&sandbox, 3);
    let (mut sum, mut count) = (0.0, 0.0);
    for (z, inside) in depth.iter().zip(truth.iter()).filter(|(_, inside)| **inside > 0) {
        (sum, count) = (sum + z * f32::from(*inside) / 255.0, count + 1.0);
    }
    let photo = ["segment", "frames/000.png", "--box", &bbox, "--depth", "depth/000.png", "--intrinsics", &lens];
    let answer = sandbox.foveate(&[&photo[..], &["--json", "--lift", "o.ply"]].concat()).json();
    let lift = &answer["masks"][0]["lift"];
    let z = lift["centroid"][2].as_f64().unwrap();
    assert!((z - f64::from(sum / count)).abs() < 0.03, "{lift} but {}", sum / count);
    assert!(lift["grasp"]["width"].as_f64().unwrap() > 0.01, "{lift}");
    let ply = std::fs::read(sandbox.path().join("o.ply")).unwrap();
    let header = format!("element vertex {}\n", lift["points"]);
    assert!(String::from_utf8_lossy(&ply[..200]).contains(&header), "{header}");
    let text = sandbox.foveate(&[&photo[..], &["--lift", "o.glb"]].concat());
    assert!(text.code() == 0 && text.stdout().contains("grasp"), "{}", text.describe());
    assert!(std::fs::read(sandbox.path().join("o.glb")).unwrap().starts_with(b"glTF"));

    // The camera is taken to rest: its poses are one.
    sandbox.file("poses.txt", "0 0 0 0 0 0 1\n".repeat(3));
    std::fs::remove_file(sandbox.path().join("depth/001.png")).unwrap();
    let track = ["track", "frames", "--box", &bbox, "--depth", "depth", "--intrinsics", &lens, "--json"];
    let lines = sandbox.foveate(&[&track[..], &["--poses", "poses.txt", "--lift", "all.ply"]].concat()).ndjson();
    assert_eq!(lines.len(), 3);
    assert!(lines[1]["lift"].is_null() && lines[1]["lift_refused"].as_str().unwrap().contains("001.png"));
    assert_eq!((&lines[0]["fused"]["frames"], &lines[2]["fused"]["frames"]), (&1.into(), &2.into()));
    let apart = (0..3).map(|i| {
        let at = |line: &Value| line["lift"]["centroid"][i].as_f64().unwrap();
        (at(&lines[2]) - at(&lines[0])).abs()
    });
    assert!(apart.fold(0.0, f64::max) < 0.05, "{lines:?}");
    assert!(std::fs::read(sandbox.path().join("all.ply")).unwrap().starts_with(b"ply\n"));
}

#[test]
fn multimask_ranks_by_predicted_iou() {
    let sandbox = Sandbox::new();
    frames(&sandbox, 1);
    let answer = sandbox.foveate(&["segment", "frames/000.png", "--point", "160,120", "--multimask", "--json"]).json();
    let scores: Vec<f64> =
        answer["masks"].as_array().unwrap().iter().map(|m| m["predicted_iou"].as_f64().unwrap()).collect();
    assert_eq!(scores.len(), 3);
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
}

/// Records of frames, and of everything else, in a stream's output.
fn split(lines: Vec<Value>) -> (Vec<Value>, Vec<Value>) {
    lines.into_iter().partition(|line| line.get("frame").is_some() && line.get("objects").is_some())
}

#[test]
fn run_gives_a_record_for_every_frame_in_order() {
    let sandbox = Sandbox::new();
    let truth = frames(&sandbox, 12);
    let b = box_of(&truth);
    sandbox.file("script.ndjson", format!("{{\"time_s\":0.3,\"object\":1,\"box\":{b:?}}}\n"));
    let command = "run --source files:frames --fps 4 --prompt script:script.ndjson --sink ndjson:- --sink overlay:out";
    let ran = sandbox.foveate(&command.split(' ').collect::<Vec<_>>());
    let (records, others) = split(ran.ndjson());
    let numbers: Vec<_> = records.iter().map(|r| r["frame"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..12).collect::<Vec<_>>());
    assert!(records.iter().all(|r| r["age_ms"].as_f64().unwrap() > 0.0));
    let selected = others.iter().find(|e| e["event"] == "selected").unwrap_or_else(|| panic!("{others:?}"));
    assert_eq!((&selected["object"], &selected["frame"]), (&1.into(), &1.into()), "frame 1 of 4 a second is nearest");
    let first = numbers.iter().find(|n| !records[**n as usize]["objects"].as_array().unwrap().is_empty());
    assert_eq!(first, Some(&2), "frame 1 was out when the prompt came; frame 2 carries its answer");
    let overlays = std::fs::read_dir(sandbox.path().join("out")).unwrap().count();
    assert_eq!(overlays, 12);
}

/// Lines of a stream's output without what measures the run itself.
fn unmeasured(ran: &Ran) -> Vec<Value> {
    let mut lines = ran.ndjson();
    assert_eq!(lines.pop().unwrap()["type"], "summary");
    lines.iter_mut().filter_map(Value::as_object_mut).for_each(|line| drop(line.remove("age_ms")));
    lines
}

#[test]
fn a_folder_is_replayed_with_the_same_output_in_every_run() {
    let sandbox = Sandbox::new();
    let b = box_of(&frames(&sandbox, 6));
    let lines = [
        format!("{{\"time_s\":0,\"object\":1.0,\"box\":{b:?}}}\n"),
        format!("{{\"time_s\":0.01,\"object\":2,\"box\":[-20,-9,{},999]}}\n", SIZE.width + 20),
        "{\"time_s\":9,\"object\":3,\"points\":[[30,40,1.0]]}\n".to_owned(),
    ];
    sandbox.file("script.ndjson", lines.concat());
    // Faster than any machine encodes.
    let command = "run --source files:frames --fps 500 --prompt script:script.ndjson --sink ndjson:-";
    let runs = [0; 2].map(|_| sandbox.foveate(&command.split(' ').collect::<Vec<_>>()));
    assert!(runs[0].stderr().contains("replay: every frame"), "{}", runs[0].describe());
    let summary = runs[0].ndjson().pop().unwrap();
    let summary = &summary["summary"];
    assert_eq!((&summary["replay"], &summary["frames_dropped"]), (&true.into(), &0.into()), "{summary}");
    assert_eq!((&summary["frames_out"], &summary["prompts_unanswered"]), (&6.into(), &1.into()), "{summary}");
    let [first, second] = runs.map(|ran| unmeasured(&ran));
    assert_eq!(first, second);
    let (records, others) = split(first);
    assert_eq!(records[0]["objects"][0]["object"], 1, "a prompt at 0 s is on frame 0: {others:?}");
    let late = others.iter().filter(|e| e["event"] == "rejected").collect::<Vec<_>>();
    assert!(matches!(late[..], [late] if late["object"] == 3 && late["prompt_time_s"] == 9.0), "{others:?}");
}

#[test]
fn run_drops_what_it_cannot_keep_up_with_and_says_so() {
    let sandbox = Sandbox::new();
    frames(&sandbox, 10);
    let command = "run --source files:frames --fps 1000 --loop --seconds 1.5 --sink ndjson:run.ndjson --json";
    let ran = sandbox.foveate(&command.split(' ').collect::<Vec<_>>());
    let summary = ran.json();
    assert!(summary["frames_dropped"].as_u64().unwrap() > 100, "{}", ran.describe());
    let text = std::fs::read_to_string(sandbox.path().join("run.ndjson")).unwrap();
    let (records, others) = split(text.lines().map(|l| serde_json::from_str(l).unwrap()).collect());
    assert_eq!(records.len() as u64, summary["frames_out"].as_u64().unwrap());
    assert!(others.iter().any(|e| e["event"] == "dropped"), "{others:?}");
    assert!(records.is_sorted_by_key(|r| r["frame"].as_u64()));
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_stream_with_everything_written() {
    let sandbox = Sandbox::new();
    frames(&sandbox, 4);
    let command = "run --source files:frames --loop --fps 20 --sink ndjson:run.ndjson --json";
    let mut child = sandbox.command(&command.split(' ').collect::<Vec<_>>()).stdout(Stdio::piped()).spawn().unwrap();
    let records = || std::fs::read_to_string(sandbox.path().join("run.ndjson")).unwrap_or_default();
    let deadline = Instant::now() + Duration::from_secs(60);
    while records().lines().count() < 5 {
        assert!(child.try_wait().unwrap().is_none(), "the stream ended by itself");
        assert!(Instant::now() < deadline, "no record in a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (records, others) = split(records().lines().map(|l| serde_json::from_str(l).unwrap()).collect());
    assert_eq!(summary["frames_out"], records.len());
    assert_eq!(others.last().unwrap()["type"], "summary");
}

#[test]
fn demo_ends_by_itself_with_figures_and_images() {
    let sandbox = Sandbox::new();
    let ran = sandbox.foveate(&["demo", "--seconds", "4", "--source", "scene:1", "--json"]);
    let report = ran.json();
    for field in ["selection_iou", "age", "frames_dropped", "frames_out", "throughput", "selections"] {
        assert!(report.get(field).is_some(), "no `{field}`{}", ran.describe());
    }
    assert!(report["frames_out"].as_u64().unwrap() > 0);
    assert!(std::fs::read_dir(sandbox.path().join("demo-out")).unwrap().count() > 0);
}

#[test]
fn the_bundled_models_are_whole() {
    let sandbox = Sandbox::new();
    let models = sandbox.foveate(&["models", "list", "--json"]).json();
    assert_eq!(models["models"][0]["name"], "foveate", "{models}");
    assert_eq!(sandbox.foveate(&["models", "verify"]).code(), 0);
}

#[cfg(feature = "bundled-model")]
#[test]
fn the_program_alone_segments_a_photo() {
    let sandbox = Sandbox::new();
    image::RgbImage::from_fn(96, 64, |x, _| image::Rgb([if x < 48 { 220 } else { 30 }; 3]))
        .save(sandbox.path().join("photo.webp"))
        .unwrap();
    let alone = |line: &str| {
        let mut command = sandbox.command(&line.split(' ').collect::<Vec<_>>());
        let output = command.env_remove("FOVEATE_MODELS").env("HOME", sandbox.path().join("home")).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let list = alone("models list --json");
    assert_eq!(
        (&list["models"][0]["name"], &list["models"][0]["folder"]),
        (&"foveate".into(), &serde_json::Value::Null)
    );
    let verified = alone("models verify --json");
    assert!(verified["models"][0]["files"].as_array().unwrap().iter().all(|f| f["sha256_ok"] == true), "{verified}");
    let doctor = alone("doctor --json");
    let model = doctor["findings"].as_array().unwrap().iter().find(|f| f["subject"] == "model foveate");
    assert_eq!(model.unwrap()["status"], "ok", "{doctor}");
    for precision in ["auto", "f16", "int8"] {
        let found = alone(&format!("segment photo.webp --point 20,30 --model foveate --precision {precision} --json"));
        assert!(found["masks"][0]["area"].as_u64().is_some_and(|area| area > 0), "{precision}: {found}");
    }
}

#[test]
fn bench_and_doctor_tell_what_runs_here() {
    let sandbox = Sandbox::new();
    let bench = sandbox.foveate(&["bench", "--runs", "1", "--json"]).json();
    for part in ["encoder", "decoder"] {
        for field in ["median_ms", "p99_ms", "macs", "weights_bytes", "threads", "precision", "device", "kernels"] {
            assert!(bench[part].get(field).is_some(), "no `{field}` for the {part}: {bench}");
        }
    }
    let models = sandbox.foveate(&["models", "list", "--json"]).json();
    let counted = &models["models"][0]["multiply_adds"];
    assert_eq!(
        (&bench["encoder"]["macs"], &bench["decoder"]["macs"]),
        (&counted["encoder"], &counted["decoder"]),
        "the manifest's count"
    );
    let doctor = sandbox.foveate(&["doctor", "--json"]).json();
    let subjects: Vec<_> = doctor["findings"].as_array().unwrap().iter().map(|f| f["subject"].clone()).collect();
    for subject in ["gpu", "model foveate"] {
        assert!(subjects.iter().any(|s| s == subject), "{subjects:?}");
    }
}

#[test]
fn quantize_makes_a_file_that_runs_and_says_how_well() {
    let sandbox = Sandbox::new();
    frames(&sandbox, 3);
    sandbox.file("frames/sub/broken.jpg", b"no picture");
    let command =
        "quantize --model foveate --calibration frames --precision int8 --size 128x128 --out small.onnx --json";
    let report = sandbox.foveate(&command.split(' ').collect::<Vec<_>>()).json();
    assert_eq!(
        (&report["precision"], &report["model"], &report["images"]),
        (&"int8".into(), &"foveate".into(), &3.into())
    );
    assert_eq!((&report["skipped_images"], &report["input_size"]), (&1.into(), &serde_json::json!([128, 128])));
    for field in ["tensors", "quantized_convolutions", "float_convolutions", "bias_correction", "masks", "out"] {
        assert!(report.get(field).is_some(), "no `{field}`: {report}");
    }
    for field in ["name", "convolutions", "range", "scale", "zero_point", "method", "sqnr_db"] {
        assert!(report["tensors"][0].get(field).is_some(), "no `{field}`: {report}");
    }
    for output in report["outputs"].as_array().unwrap() {
        assert!(output["sqnr_db"].as_f64().unwrap() > 8.0, "{report}");
    }
    assert!(report["masks"]["mean_iou"].as_f64().unwrap() > 0.85, "{report}");
    let small = std::fs::metadata(sandbox.path().join("small.onnx")).unwrap().len();
    assert_eq!(report["bytes_after"], small);
    assert!(small * 3 < report["bytes_before"].as_u64().unwrap(), "{report}");
    let bench = ["bench", "--onnx", "small.onnx", "--shape", "image=1x3x64x64", "--runs", "1", "--json"];
    assert!(sandbox.foveate(&bench).json()["graph"]["median_ms"].as_f64().unwrap() > 0.0);
}

#[test]
fn quantize_halves_a_file_without_photos() {
    let sandbox = Sandbox::new();
    let encoder = concat!(env!("CARGO_MANIFEST_DIR"), "/models/foveate-encoder.onnx");
    let ran = sandbox.foveate(&["quantize", encoder, "--precision", "f16", "--out", "half.onnx", "--json"]);
    let report = ran.json();
    assert_eq!(report["overflowing"], serde_json::json!([]));
    let (before, after) = (report["bytes_before"].as_u64().unwrap(), report["bytes_after"].as_u64().unwrap());
    assert!(after * 100 < before * 52, "{report}");
    let left = std::fs::read_dir(sandbox.path()).unwrap().count();
    assert_eq!(left, 1, "nothing beside the file{}", ran.describe());
}

/// Waits until a program catches Ctrl-C instead of dying of it.
#[cfg(target_os = "linux")]
fn until_it_catches_ctrl_c(child: &mut std::process::Child) {
    const SIGINT: u64 = 2;
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        assert!(Instant::now() < deadline, "it never catches Ctrl-C");
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let caught = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigCgt:")?.trim(), 16).ok());
        if caught.is_some_and(|signals| signals & (1 << (SIGINT - 1)) != 0) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_a_calibration_without_a_file() {
    let sandbox = Sandbox::new();
    frames(&sandbox, 60);
    let command = "quantize --model foveate --calibration frames --precision int8 --out small.onnx";
    let mut command = sandbox.command(&command.split(' ').collect::<Vec<_>>());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    until_it_catches_ctrl_c(&mut child);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && message.contains("nothing was written"), "{message}");
    let files: Vec<_> = std::fs::read_dir(sandbox.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(files, ["frames"]);
}

#[test]
fn eval_measures_photographs() {
    let Some(data) = photographs() else { return };
    let sandbox = Sandbox::new();
    let data = data.join("grabcut");
    let command = ["eval", "grabcut", "--data", data.to_str().unwrap(), "--limit", "4", "--json"];
    let report = sandbox.foveate(&command).json();
    for field in ["model", "precision", "images", "iou_1click", "iou_box", "noc85", "noc90", "encoder_ms", "decoder_ms"]
    {
        assert!(report.get(field).is_some(), "no `{field}`: {report}");
    }
    assert!(report["iou_box"].as_f64().unwrap() > 0.5, "{report}");
}

#[test]
fn eval_tells_where_a_model_is_wrong_and_draws_it() {
    let sandbox = Sandbox::new();
    let truth = frames(&sandbox, 1);
    for folder in ["images", "masks"] {
        std::fs::create_dir(sandbox.path().join(folder)).unwrap();
    }
    std::fs::rename(sandbox.path().join("frames/000.png"), sandbox.path().join("images/thing.png")).unwrap();
    truth.save(sandbox.path().join("masks/thing.png")).unwrap();
    let report = sandbox.foveate(&["eval", "photos", "--data", ".", "--out", "out", "--json"]).json();
    for field in ["boundary_f_1click", "boundary_f_box", "jitter_iou"] {
        let figure = report[field].as_f64().unwrap_or_else(|| panic!("no `{field}`: {report}"));
        assert!(figure > 0.0 && figure <= 1.0, "{field}: {report}");
    }
    assert!(report["jitter_drop"].as_f64().unwrap().abs() < 1.0, "{report}");
    let counts = ["small", "medium", "large"].map(|class| report["sizes"][class]["count"].as_u64().unwrap());
    assert_eq!(counts.iter().sum::<u64>(), 1, "{report}");

    let out = sandbox.path().join("out");
    let mut files: Vec<_> =
        std::fs::read_dir(&out).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    assert_eq!(files, ["best.jpg", "clicks.svg", "median.jpg", "thing-box.png", "thing-click.png", "worst.jpg"]);
    let plot = std::fs::read_to_string(out.join("clicks.svg")).unwrap();
    assert_eq!((plot.matches("<circle").count(), plot.matches("</svg>").count()), (20, 1));
    assert_eq!(image::open(out.join("worst.jpg")).unwrap().width(), 260, "one thumbnail of 240 pixels");
    let table = sandbox.foveate(&["eval", "photos", "--data", "."]).stdout();
    assert!(table.contains("boundary F, box") && table.contains("medium, 2 to 15 %"), "{table}");
}

#[cfg(target_os = "linux")]
#[test]
fn systemd_is_told_of_readiness_life_and_end() {
    use std::os::unix::net::UnixDatagram;
    use std::sync::atomic::{AtomicBool, Ordering};

    let sandbox = Sandbox::new();
    let socket = UnixDatagram::bind(sandbox.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let ended = AtomicBool::new(false);
    let listen = || {
        let mut reported = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            // Asked before the wait, so that what was sent before the end is still heard.
            let last = ended.load(Ordering::SeqCst);
            match socket.recv(&mut buffer) {
                Ok(n) => reported.extend(String::from_utf8_lossy(&buffer[..n]).lines().map(str::to_owned)),
                Err(_) if last => return reported,
                Err(_) => {}
            }
        }
    };
    let reported = std::thread::scope(|scope| {
        let listener = scope.spawn(listen);
        let ran = sandbox
            .command(&["run", "--board", "generic-x86_64", "--source", "scene:7", "--fps", "10", "--seconds", "6"])
            .env("NOTIFY_SOCKET", sandbox.path().join("notify"))
            .env("WATCHDOG_USEC", "600000")
            .output();
        ended.store(true, Ordering::SeqCst);
        let output = ran.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        listener.join().unwrap()
    });
    let count = |line: &str| reported.iter().filter(|t| *t == line).count();
    assert_eq!((count("READY=1"), count("STOPPING=1")), (1, 1), "{reported:?}");
    assert!(count("WATCHDOG=1") >= 3, "{reported:?}");
    let place = |line: &str| reported.iter().position(|t| t == line);
    assert!(place("READY=1") < place("STOPPING=1"));
    assert!(reported.iter().any(|t| t.starts_with("STATUS=") && t.contains("capture to mask")), "{reported:?}");
    assert!(!reported.iter().any(|t| t.contains("stuck")), "{reported:?}");
}
