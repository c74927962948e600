//! Runs that are recorded and replayed, and recorders that are killed, run out of disk, or write over nothing.

#[allow(dead_code)]
#[path = "common/program.rs"]
mod program;

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use foveate::geometry::Size;
use foveate::recording::{Item, Reader};
use foveate::scene::{Rendering, Scene};
use program::{Ran, Sandbox};
use serde_json::Value;

const SIZE: Size = Size::new(320, 240);

/// A point on each of the scene's larger objects, on its first frame.
fn points(seed: u64, size: Size, count: usize) -> Vec<(u32, u32)> {
    let scene = Scene::new(seed, size);
    let mut ids = Vec::new();
    scene.render_ids(0.0, &mut ids);
    let pixels = |id: u8| (0..ids.len()).filter(|at| ids[*at] == id).collect::<Vec<_>>();
    let mut objects: Vec<_> = scene.objects().iter().map(|object| pixels(object.id)).collect();
    objects.sort_by_key(|pixels| std::cmp::Reverse(pixels.len()));
    let middle = |pixels: &Vec<usize>| pixels[pixels.len() / 2] as u32;
    objects.iter().take(count).map(middle).map(|at| (at % size.width, at / size.width)).collect()
}

/// A script that selects objects, refines one, lets one go and selects it again.
fn script(sandbox: &Sandbox, seed: u64, size: Size) {
    let [(ax, ay), (bx, by), (cx, cy)] = points(seed, size, 3)[..] else { panic!("three objects") };
    let lines = format!(
        "{{\"time_s\":0.05,\"object\":1,\"points\":[[{ax},{ay},1]]}}\n\
         {{\"time_s\":0.2,\"object\":2,\"points\":[[{bx},{by},1]]}}\n\
         {{\"time_s\":0.3,\"object\":2,\"points\":[[2,2,0]]}}\n\
         {{\"time_s\":0.4,\"object\":3,\"box\":[{},{},{},{}]}}\n\
         {{\"time_s\":0.6,\"object\":1,\"release\":true}}\n\
         {{\"time_s\":0.7,\"object\":1,\"points\":[[{ax},{ay},1]]}}\n",
        cx.saturating_sub(20),
        cy.saturating_sub(20),
        cx + 20,
        cy + 20,
    );
    sandbox.file("prompts.ndjson", lines);
}

/// Images of the rendered scene as `frames/NNN.png`.
fn frames(sandbox: &Sandbox, seed: u64, count: usize) {
    let scene = Scene::new(seed, SIZE);
    let mut rendering = Rendering::default();
    std::fs::create_dir_all(sandbox.path().join("frames")).unwrap();
    for n in 0..count {
        scene.render(n as f64 / 24.0, &mut rendering);
        let image = image::RgbImage::from_raw(SIZE.width, SIZE.height, rendering.rgb.clone()).unwrap();
        image.save(sandbox.path().join(format!("frames/{n:03}.png"))).unwrap();
    }
}

fn done(ran: Ran) -> Ran {
    assert_eq!(ran.code(), 0, "{}", ran.describe());
    ran
}

/// Replays a recording, which has to be the same: how many frames were compared.
fn replayed(sandbox: &Sandbox, recording: &str) -> u64 {
    let ran = done(sandbox.foveate(&["replay", recording, "--json"]));
    let outcome: Value = serde_json::from_str(&ran.stdout()).unwrap();
    assert_eq!((&outcome["differing"], &outcome["same_model"]), (&0.into(), &true.into()), "{}", ran.describe());
    assert_eq!(outcome["frames"], outcome["compared"], "{}", ran.describe());
    outcome["compared"].as_u64().unwrap()
}

/// What a recording holds.
#[derive(Default)]
struct Held {
    /// Times of its frames, in seconds.
    times: Vec<f64>,
    events: Vec<Value>,
    /// Objects on all frames together.
    objects: usize,
    damage: usize,
    is_cut: bool,
    has_summary: bool,
}

fn read(path: &Path) -> Held {
    let mut reader = Reader::open(path).unwrap();
    let mut held = Held::default();
    while let Some(item) = reader.next_item().unwrap() {
        match item {
            Item::Frame(frame) => held.times.push(frame.time_s),
            Item::Selections(line) => held.objects += line["objects"].as_array().unwrap().len(),
            Item::Event(event) => held.events.push(event),
            Item::Summary(_) => held.has_summary = true,
            Item::Damage(damage) if damage.is_cut => held.is_cut = true,
            Item::Damage(_) => held.damage += 1,
            Item::Session(_) => {}
        }
    }
    held
}

#[test]
fn a_recorded_folder_replays_to_the_same_selections_and_lines() {
    let sandbox = Sandbox::new();
    frames(&sandbox, 3, 24);
    script(&sandbox, 3, SIZE);
    let source = ["--source", "files:frames", "--fps", "24", "--prompt", "script:prompts.ndjson"];
    for form in ["png", "raw"] {
        let file = format!("{form}.mcap");
        let lines = format!("ndjson:{form}.ndjson");
        let record = ["record", "--out", &file, "--frames", form, "--sink", &lines];
        done(sandbox.foveate(&[&record[..], &source].concat()));
        assert_eq!(replayed(&sandbox, &file), 24);
        let held = read(&sandbox.path().join(&file));
        assert!(held.has_summary && !held.is_cut && held.damage == 0 && held.objects > 40, "{}", held.objects);
        assert!(held.events.iter().any(|event| event["event"] == "selected"));
    }
    // The replay's own lines are those of the run.
    done(sandbox.foveate(&["replay", "png.mcap", "--sink", "ndjson:again.ndjson", "--sink", "mcap:again.mcap"]));
    let frames = |name: &str| {
        let text = std::fs::read_to_string(sandbox.path().join(name)).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let frames = lines.filter(|line| line["type"] == "frame");
        frames.map(|line| (line["frame"].clone(), line["time_s"].clone(), line["objects"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(frames("png.ndjson"), frames("again.ndjson"));
    assert_eq!(replayed(&sandbox, "again.mcap"), 24);
}

#[test]
fn a_live_run_that_drops_frames_replays_to_the_same_selections() {
    let sandbox = Sandbox::new();
    script(&sandbox, 7, Size::new(640, 480));
    let run = ["--source", "scene:7", "--fps", "240", "--seconds", "2", "--prompt", "script:prompts.ndjson", "--json"];
    let ran = done(sandbox.foveate(&[&["record", "-o", "run.mcap"], &run[..]].concat()));
    let summary: Value = serde_json::from_str(&ran.stdout()).unwrap();
    assert!(summary["frames_dropped"].as_u64().unwrap() > 0, "{summary:#}");
    let compared = replayed(&sandbox, "run.mcap");
    assert!(compared > 3 && read(&sandbox.path().join("run.mcap")).objects > 3, "{compared}");
}

/// Other sizes and precisions of the model, and frames that are not encoded, are in the recording with the frames they were for.
#[test]
fn a_run_that_went_down_the_ladder_replays_to_the_same_selections() {
    let sandbox = Sandbox::new();
    script(&sandbox, 7, SIZE);
    let board = "name = \"hurried\"\nmodel = \"foveate\"\nprecision = \"f32\"\n[capture]\nsize = [320, 240]\nfps = 24.0\n[budgets]\nlatency_ms = 1\n\
                 ladder = [{ pixels = 30000 }, { precision = \"int8\" }, { encode_every = 2 }]\n";
    sandbox.file("board.toml", board);
    let run = ["--board", "board.toml", "--source", "scene:7", "--seconds", "7", "--prompt", "script:prompts.ndjson"];
    done(sandbox.foveate(&[&["record", "-o", "run.mcap"], &run[..]].concat()));
    let held = read(&sandbox.path().join("run.mcap"));
    let rungs = held.events.iter().filter(|event| event["event"] == "degraded").count();
    assert!(rungs >= 2, "{:?}", held.events);
    replayed(&sandbox, "run.mcap");
}

/// A video of the evaluation's, where it lies beside the checkout.
#[test]
fn a_recorded_photographed_sequence_replays_to_the_same_selections() {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/eval/davis/images");
    let Some(folder) = std::fs::read_dir(&images).ok().and_then(|entries| entries.flatten().map(|e| e.path()).min())
    else {
        eprintln!("no sequences beside the checkout: nothing was tried");
        return;
    };
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path().join("frames")).unwrap();
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    for image in all.iter().take(15) {
        std::fs::copy(image, sandbox.path().join("frames").join(image.file_name().unwrap())).unwrap();
    }
    sandbox.file("prompts.ndjson", "{\"time_s\":0,\"points\":[[400,240,1]],\"object\":1}\n{\"time_s\":0.2,\"points\":[[200,200,1]],\"object\":2}\n");
    let source = ["--source", "files:frames", "--fps", "24", "--prompt", "script:prompts.ndjson"];
    done(sandbox.foveate(&[&["record", "-o", "run.mcap"], &source[..]].concat()));
    assert_eq!(replayed(&sandbox, "run.mcap"), 15);
}

#[test]
fn another_model_is_told_and_its_differences_too() {
    let sandbox = Sandbox::new();
    frames(&sandbox, 3, 12);
    script(&sandbox, 3, SIZE);
    let source = ["--source", "files:frames", "--fps", "24", "--prompt", "script:prompts.ndjson", "--precision", "f32"];
    done(sandbox.foveate(&[&["record", "-o", "run.mcap"], &source[..]].concat()));
    // The same model, with the weights of its half-float file as its float file.
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let manifest = std::fs::read_to_string(models.join("manifest.toml")).unwrap();
    let halves = manifest.split("[model.files.f16]").nth(1).unwrap();
    let of = |text: &str| text.lines().find(|line| line.starts_with("encoder = ")).unwrap().to_owned();
    let (floats, halves) = (of(manifest.split("[model.files.").nth(1).unwrap()), of(halves));
    sandbox.file("other/manifest.toml", manifest.replacen(&floats, &halves, 1));
    for entry in
        std::fs::read_dir(&models).unwrap().flatten().filter(|e| e.path().extension().is_some_and(|x| x == "onnx"))
    {
        std::fs::copy(entry.path(), sandbox.path().join("other").join(entry.file_name())).unwrap();
    }
    let ran = sandbox.foveate(&["replay", "run.mcap", "--models-dir", "other", "--json"]);
    let outcome: Value = serde_json::from_str(&ran.stdout()).unwrap();
    assert_eq!(outcome["same_model"], false, "{}", ran.describe());
    assert!(ran.stderr().contains("selections will differ"), "{}", ran.describe());
    assert!(outcome["differing"].as_u64().unwrap() > 0, "{}", ran.describe());
    assert_eq!(ran.code(), 1, "{}", ran.describe());
    assert!(ran.stderr().contains("recorded was") || ran.stderr().contains("mask differs"), "{}", ran.describe());
    let again = sandbox.foveate(&["replay", "run.mcap", "--models-dir", "other", "--sink", "mcap:again.mcap"]);
    assert!(again.code() == 2 && again.stderr().contains("another model"), "{}", again.describe());
}

/// A recorder under way, whose folder has `run.mcap` and `run.ndjson`.
fn start(sandbox: &Sandbox) -> Child {
    let [(x, y), ..] = points(5, SIZE, 1)[..] else { panic!("an object") };
    sandbox.file("prompts.ndjson", format!("{{\"time_s\":0,\"object\":1,\"points\":[[{x},{y},1]]}}\n"));
    sandbox.file(
        "board.toml",
        "name = \"small\"\nmodel = \"foveate\"\nprecision = \"f32\"\n[capture]\nsize = [320, 240]\nfps = 30.0\n",
    );
    let arguments = [
        "record",
        "-o",
        "run.mcap",
        "--board",
        "board.toml",
        "--source",
        "scene:5",
        "--prompt",
        "script:prompts.ndjson",
        "--sink",
        "ndjson:run.ndjson",
    ];
    sandbox.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// The times of the frames that left the pipeline.
fn lines(sandbox: &Sandbox) -> Vec<f64> {
    let text = std::fs::read_to_string(sandbox.path().join("run.ndjson")).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["type"] == "frame").filter_map(|line| line["time_s"].as_f64()).collect()
}

fn last_line(sandbox: &Sandbox) -> Option<f64> {
    lines(sandbox).last().copied()
}

#[cfg(unix)]
#[test]
fn a_recorder_that_is_killed_loses_a_second_at_most() {
    let mut random = 0x9e37_79b9_u64;
    for _ in 0..5 {
        let mut recorders: Vec<(Sandbox, Child)> = (0..4)
            .map(|_| {
                let sandbox = Sandbox::new();
                let child = start(&sandbox);
                (sandbox, child)
            })
            .collect();
        for (sandbox, child) in &mut recorders {
            // Its model is loaded, and frames come.
            for _ in 0..2000 {
                if last_line(sandbox).is_some() || child.try_wait().unwrap().is_some() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            std::thread::sleep(Duration::from_millis((random >> 33) % 900));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        for (sandbox, _) in &recorders {
            let out = last_line(sandbox).expect("it ran");
            let path = sandbox.path().join("run.mcap");
            let held = read(&path);
            // On a busy machine frames may be further apart than that.
            let is_held = |time_s: &f64| held.times.iter().any(|held| (held - time_s).abs() < 1e-4);
            let lost: Vec<f64> =
                lines(sandbox).into_iter().filter(|time_s| out - time_s > 1.0 && !is_held(time_s)).collect();
            assert!(held.damage == 0 && lost.is_empty(), "{lost:?} of {out} s are lost, damage {}", held.damage);
            if !held.times.is_empty() {
                let ran = sandbox.foveate(&["replay", "run.mcap", "--json"]);
                let outcome: Value = serde_json::from_str(&ran.stdout()).unwrap_or_default();
                assert_eq!(outcome["differing"], 0, "{}", ran.describe());
                assert_eq!(outcome["is_cut"], true, "{}", ran.describe());
            }
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_recording_and_not_the_run() {
    let sandbox = Sandbox::new();
    let disk = sandbox.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mount = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"])
        .arg(&disk)
        .stderr(Stdio::null())
        .status();
    if !mount.is_ok_and(|status| status.success()) {
        eprintln!("no disk may be mounted here: sink::mcap::file has the same test with one in memory");
        return;
    }
    script(&sandbox, 7, SIZE);
    frames(&sandbox, 7, 48);
    let arguments = [
        "record",
        "-o",
        "disk/run.mcap",
        "--frames",
        "raw",
        "--source",
        "files:frames",
        "--fps",
        "24",
        "--prompt",
        "script:prompts.ndjson",
        "--sink",
        "ndjson:run.ndjson",
    ];
    let ran = sandbox.foveate(&[&arguments[..], &["--json"]].concat());
    let held = read(&disk.join("run.mcap"));
    let unmounted = std::process::Command::new("umount").arg(&disk).status().unwrap();
    assert!(unmounted.success());
    assert_eq!(ran.code(), 1, "{}", ran.describe());
    assert!(
        ran.stderr().contains("the recording stopped") && ran.stderr().contains("Free some space"),
        "{}",
        ran.describe()
    );
    assert!(held.damage == 0 && !held.is_cut && held.times.len() > 5 && held.times.len() < 48, "{}", held.times.len());
    let lines = std::fs::read_to_string(sandbox.path().join("run.ndjson")).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let frames = lines.iter().filter(|line| line["type"] == "frame").count();
    assert_eq!(frames, 48, "the run goes on");
    assert!(lines.iter().any(|line| line["event"] == "sink_failed"), "it is told");
    // What came after it was counted.
    let summary: Value = serde_json::from_str(&ran.stdout()).unwrap();
    let failures = summary["sink_failures"].as_u64().unwrap() as usize;
    assert!(failures > 0 && failures + held.times.len() >= 48 - 16, "{failures} and {}", held.times.len());
}

#[test]
fn a_recording_goes_on_in_further_files_and_the_oldest_go() {
    let sandbox = Sandbox::new();
    frames(&sandbox, 3, 30);
    script(&sandbox, 3, SIZE);
    let run = ["--frames", "raw", "--source", "files:frames", "--fps", "24", "--prompt", "script:prompts.ndjson"];
    done(sandbox.foveate(&[&["record", "-o", "all.mcap", "--max-size", "2M"], &run[..]].concat()));
    let parts = |stem: &str| {
        let names = std::fs::read_dir(sandbox.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut parts: Vec<PathBuf> = names
            .filter(|path| path.extension().is_some_and(|x| x == "mcap"))
            .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(stem))
            .collect();
        parts.sort_by_key(|path| (path.to_str().unwrap().len(), path.clone()));
        parts
    };
    let all = parts("all");
    assert!(all.len() > 3 && all[1].ends_with("all-0002.mcap"), "{all:?}");
    for part in &all {
        let length = std::fs::metadata(part).unwrap().len();
        assert!((1 << 19..=2 << 20).contains(&length), "{}: {length} bytes", part.display());
        let held = read(part);
        assert!(held.damage == 0 && !held.is_cut && !held.times.is_empty());
    }
    // One name is enough.
    assert_eq!(replayed(&sandbox, "all.mcap"), 30);

    done(sandbox.foveate(&[&["record", "-o", "few.mcap", "--max-size", "2M", "--max-files", "2"], &run[..]].concat()));
    let few = parts("few");
    assert_eq!(few.len(), 2, "{few:?}");
    let ran = sandbox.foveate(&["replay", few[0].to_str().unwrap(), few[1].to_str().unwrap()]);
    assert!(ran.code() == 1 && ran.stderr().contains("into the run"), "{}", ran.describe());
}

#[test]
fn what_is_there_is_never_written_over() {
    let sandbox = Sandbox::new();
    frames(&sandbox, 3, 2);
    sandbox.file("mine.mcap", "mine");
    let ran = sandbox.foveate(&["record", "-o", "mine.mcap", "--source", "files:frames"]);
    assert!(ran.code() != 0 && ran.stderr().contains("another name"), "{}", ran.describe());
    assert_eq!(std::fs::read(sandbox.path().join("mine.mcap")).unwrap(), b"mine");
    let ran = sandbox.foveate(&["run", "--source", "files:frames", "--sink", "mcap:new.mcap?max_files=3"]);
    assert!(ran.code() == 2 && ran.stderr().contains("max_size"), "{}", ran.describe());
    let ran = sandbox.foveate(&["replay", "mine.mcap"]);
    assert!(ran.code() == 1 && ran.stderr().contains("not a recording"), "{}", ran.describe());
    let ran = sandbox.foveate(&["replay", "none.mcap"]);
    assert!(ran.code() == 1 && ran.stderr().contains("none.mcap"), "{}", ran.describe());
    done(sandbox.foveate(&["record", "-o", "run.mcap", "--source", "files:frames"]));
    let ran = sandbox.foveate(&["replay", "run.mcap", "--sink", "ndjson:run.mcap"]);
    assert!(ran.code() == 2 && ran.stderr().contains("another file"), "{}", ran.describe());
    // A run without a selection replays too.
    assert_eq!(replayed(&sandbox, "run.mcap"), 2);
}
