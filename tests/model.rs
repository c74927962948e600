//! Model files: what is refused and with which words, parity with ONNX Runtime, and how prompts reach each family.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use foveate::engine::{CompileOptions, Device, Limits, OnnxModel, Precision, Tensor, Threads, gpu};
use foveate::error::{Error, ModelError};
use foveate::frame::Frame;
use foveate::geometry::{BoundingBox, LabeledPoint, Point, Size};
use foveate::mask::LowResLogits;
use foveate::model::{
    Candidate, Embedding, FileState, Installed, LoadedModel, Location, ModelOptions, Prompt, Registry,
};

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models")
}

fn registry() -> Registry {
    Registry::from_dirs(&[models()]).expect("the test models")
}

fn load(name: &str, options: ModelOptions) -> LoadedModel {
    registry().load(name, &options).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The numbers of `pattern` in make_tiny.py.
fn pattern(shape: &[usize], seed: usize) -> Vec<f32> {
    (0..shape.iter().product()).map(|i: usize| ((i * 37 + seed) % 101) as f32 / 101.0 - 0.5).collect()
}

#[derive(serde::Deserialize)]
struct Reference {
    shape: Vec<usize>,
    data: Vec<f32>,
}

fn references() -> BTreeMap<String, BTreeMap<String, Reference>> {
    let text = std::fs::read_to_string(models().join("references.json")).expect("references.json");
    serde_json::from_str(&text).expect("references.json")
}

type Inputs = Vec<(&'static str, Vec<usize>, Vec<f32>)>;

/// What make_tiny.py gave ONNX Runtime.
fn reference_inputs(file: &str) -> Inputs {
    let made = |name, shape: &[usize], seed| (name, shape.to_vec(), pattern(shape, seed));
    match file {
        "foveate_encoder.onnx" => vec![made("image", &[1, 3, 32, 64], 1)],
        "foveate_decoder.onnx" => vec![
            made("embedding", &[1, 4, 4, 8], 29),
            made("skip", &[1, 2, 8, 16], 31),
            made("prompt_maps", &[1, 3, 8, 16], 37),
            made("mask_input", &[1, 1, 16, 32], 41),
        ],
        "sam_encoder.onnx" => vec![made("images", &[1, 3, 64, 64], 1)],
        _ => vec![
            made("image_embeddings", &[1, 8, 4, 4], 29),
            ("point_coords", vec![1, 4, 2], vec![20.0, 12.5, 40.0, 50.0, 0.0, 0.0, 0.0, 0.0]),
            ("point_labels", vec![1, 4], vec![1.0, 0.0, -1.0, -1.0]),
            made("mask_input", &[1, 1, 16, 16], 31),
            ("has_mask_input", vec![1], vec![1.0]),
        ],
    }
}

fn with_shapes(shapes: Vec<(String, Vec<usize>)>) -> CompileOptions {
    let mut options = CompileOptions::default();
    options.shapes = shapes;
    options
}

/// Largest difference from ONNX Runtime over all outputs of `file`.
fn deviation(file: &str, reference: &BTreeMap<String, Reference>, precision: Precision, threads: usize) -> f32 {
    let inputs = reference_inputs(file);
    let sized = file.contains("sized");
    let mut options = CompileOptions::default();
    options.shapes = inputs.iter().map(|(name, shape, _)| (name.to_string(), shape.clone())).collect();
    options.constants = if sized { vec![("orig_im_size".into(), vec![48.0, 64.0])] } else { vec![] };
    options.outputs = reference.keys().cloned().collect();
    options.precision = precision;
    options.threads = Threads::new(threads);
    let model = OnnxModel::open(models().join(file), Limits::default()).unwrap();
    let graph = model.compile(&options).unwrap_or_else(|e| panic!("{file}: {e}"));
    assert_eq!(graph.audit().threads, threads);
    let mut session = graph.session().unwrap();
    for (name, _, data) in &inputs {
        session.fill_input(graph.input_index(name).unwrap(), data).unwrap();
    }
    let mut outputs = Vec::new();
    // Twice: the second run finds used scratch.
    for _ in 0..2 {
        session.run(&mut outputs).unwrap();
    }
    let mut worst = 0f32;
    for (tensor, (name, expected)) in outputs.iter().zip(reference) {
        assert_eq!(tensor.shape(), expected.shape, "{file} {name}");
        for (a, b) in tensor.as_f32().unwrap().iter().zip(&expected.data) {
            worst = worst.max((a - b).abs());
        }
    }
    worst
}

#[test]
fn graphs_answer_as_onnx_runtime_does() {
    let mut failures = Vec::new();
    for (file, reference) in references() {
        for (precision, threads, tolerance) in
            [(Precision::F32, 1, 2e-5), (Precision::F32, 2, 2e-5), (Precision::F16, 1, 3e-2)]
        {
            let worst = deviation(&file, &reference, precision, threads);
            if worst.is_nan() || worst > tolerance {
                failures.push(format!("{file} {precision:?} {threads} thread(s): off by {worst}"));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn half_precision_really_rounds() {
    let reference = &references()["foveate_encoder.onnx"];
    let single = deviation("foveate_encoder.onnx", reference, Precision::F32, 1);
    let half = deviation("foveate_encoder.onnx", reference, Precision::F16, 1);
    assert!(half > 4.0 * single, "{half} against {single}");
}

/// The error of opening, or else of compiling, a broken file.
fn refusal(file: &str, limits: Limits) -> Error {
    let model = match OnnxModel::open(models().join("bad").join(file), limits) {
        Ok(model) => model,
        Err(e) => return e,
    };
    match model.compile(&CompileOptions::default()) {
        Ok(graph) => panic!("{file} was accepted: {graph:?}"),
        Err(e) => e.into(),
    }
}

#[test]
fn broken_files_are_refused_with_the_culprit_named() {
    let table: [(&str, &[&str]); 12] = [
        ("huge_weights.onnx", &["`weights`", "4000000000000000000 bytes"]),
        ("short_weights.onnx", &["`weights`", "16 elements", "holds 2"]),
        ("negative_weights.onnx", &["`weights`", "negative"]),
        ("huge_input.onnx", &["`x`", "bytes"]),
        ("huge_fill.onnx", &["`filled`", "bytes"]),
        ("huge_expand.onnx", &["`y`", "bytes"]),
        ("huge_tile.onnx", &["`y`", "bytes"]),
        ("unknown_operator.onnx", &["layer7/attention", "FlashUnicorn", "com.example"]),
        ("external_weights.onnx", &["`weights`", "another file", "etc/passwd", "outside"]),
        ("cycle.onnx", &["not a readable ONNX model"]),
        ("missing_output.onnx", &["`y`"]),
        ("missing_input.onnx", &["`nowhere`"]),
    ];
    let mut failures = Vec::new();
    for (file, words) in table {
        let text = refusal(file, Limits::default()).to_string();
        if !text.contains(file) || words.iter().any(|w| !text.contains(w)) {
            failures.push(format!("{file}: {text}"));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
    let text = refusal("wrong_channels.onnx", Limits::default()).to_string();
    assert!(text.contains("conv"), "{text}");
}

#[test]
fn limits_are_kept() {
    let path = Path::new("bad/hundred_nodes.onnx");
    let few = Limits { max_nodes: 99, ..Limits::default() };
    let error = refusal(path.file_name().unwrap().to_str().unwrap(), few);
    assert!(matches!(error, Error::Model(ModelError::TooManyNodes { nodes: 100, limit: 99, .. })), "{error}");
    let small = Limits { max_file_bytes: 100, ..Limits::default() };
    let error = refusal("hundred_nodes.onnx", small);
    assert!(matches!(error, Error::Model(ModelError::TooLarge { limit: 100, .. })), "{error}");
    let narrow = Limits { max_tensor_bytes: 8, ..Limits::default() };
    let error = refusal("hundred_nodes.onnx", narrow);
    assert!(matches!(error, Error::Model(ModelError::HostileShape { bytes: 16, limit: 8, .. })), "{error}");
}

#[test]
fn empty_missing_and_garbled_files_are_errors() {
    let missing = OnnxModel::open("/nowhere/model.onnx", Limits::default()).unwrap_err();
    assert!(matches!(missing, Error::Io(_)), "{missing}");
    let open = |bytes: &[u8]| OnnxModel::from_bytes("given.onnx", bytes, Limits::default());
    assert!(open(&[]).unwrap_err().to_string().contains("empty"));
    assert!(matches!(open(b"<!DOCTYPE html>").unwrap_err(), ModelError::Unreadable { .. }));
    let whole = std::fs::read(models().join("foveate_encoder.onnx")).unwrap();
    let options = with_shapes(vec![("image".into(), vec![1, 3, 32, 32])]);
    // A shorter file may still parse; it must never run as if it were whole, nor panic.
    for cut in (0..whole.len()).step_by(7) {
        let refused = open(&whole[..cut]).and_then(|m| m.compile(&options)).is_err();
        assert!(refused, "the first {cut} of {} bytes were accepted", whole.len());
    }
}

mod mutations {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn any_bytes_end_in_an_answer(flips in prop::collection::vec((0usize..3000, any::<u8>()), 1..12)) {
            let mut bytes = std::fs::read(models().join("foveate_decoder.onnx")).unwrap();
            for (at, value) in flips {
                let at = at % bytes.len();
                bytes[at] = value;
            }
            let limits = Limits { max_tensor_bytes: 1 << 24, ..Limits::default() };
            if let Ok(model) = OnnxModel::from_bytes("mutated.onnx", &bytes, limits) {
                let shapes = reference_inputs("foveate_decoder.onnx").into_iter().map(|(n, s, _)| (n.into(), s)).collect();
                if let Ok(graph) = model.compile(&with_shapes(shapes)) {
                    let _ = graph.session().and_then(|mut s| s.run(&mut Vec::new()));
                }
            }
        }
    }
}

#[test]
fn wrong_inputs_are_named() {
    let model = OnnxModel::open(models().join("foveate_encoder.onnx"), Limits::default()).unwrap();
    let compile = |shapes: Vec<(String, Vec<usize>)>| model.compile(&with_shapes(shapes));
    let open = compile(vec![]).unwrap_err().to_string();
    assert!(open.contains("`image`") && open.contains("[1, 3, ?, ?]"), "{open}");
    let channels = compile(vec![("image".into(), vec![1, 4, 32, 32])]).unwrap_err();
    assert!(matches!(channels, ModelError::Signature { .. }), "{channels}");
    let stranger = compile(vec![("picture".into(), vec![1])]).unwrap_err().to_string();
    assert!(stranger.contains("`picture`") && stranger.contains("image"), "{stranger}");
    let graph = compile(vec![("image".into(), vec![1, 3, 32, 32])]).unwrap();
    let mut session = graph.session().unwrap();
    let wrong = Tensor::from_f32(&[1, 3, 16, 16], &[0.0; 768]).unwrap();
    assert!(session.set_input(0, &wrong).is_err());
    assert!(session.fill_input(0, &[1.0]).is_err());
    assert!(session.input_mut(1).is_err());
}

#[test]
fn audits_tell_what_runs() {
    let model = load("tiny", ModelOptions::default());
    let (encoder, decoder) = model.audit();
    // Stem 3->4 on 32x32, skip 4->2 and body 4->4 on 16x16.
    assert_eq!(encoder.macs, (27 * 4 * 32 * 32 + 4 * 2 * 16 * 16 + 36 * 4 * 16 * 16) as u64);
    assert_eq!(encoder.precision, "f32");
    let kernels = encoder.kernels.keys().cloned().collect::<Vec<_>>().join("\n");
    assert!(kernels.contains("Conv 3x3 f32") && kernels.contains("mmm_f32"), "{kernels}");
    assert!(decoder.kernels.keys().any(|k| k.starts_with("BilinearResize2x")), "{decoder:?}");
    assert!(decoder.weights_bytes > 0 && decoder.nodes > 0);
    let mut options = ModelOptions::default();
    options.precision = Some(Precision::F16);
    let half = load("tiny", options);
    assert!(half.audit().0.precision.starts_with("f16"), "{:?}", half.audit());
}

fn frame(size: Size) -> Frame {
    let data = (0..size.area() * 3).map(|i| (i * 31 % 251) as u8).collect();
    Frame::from_rgb(size, data).unwrap()
}

fn decode(model: &LoadedModel, size: Size, prompts: &[Prompt]) -> (Embedding, Vec<Candidate>) {
    let (mut embedding, mut candidates) = (Embedding::empty(), Vec::new());
    model.encoder().unwrap().encode(&frame(size), &mut embedding).unwrap();
    model.decoder().unwrap().decode(&embedding, prompts, &mut candidates).unwrap();
    (embedding, candidates)
}

/// The logit at a point of the frame.
fn at(candidate: &Candidate, embedding: &Embedding, point: Point) -> f32 {
    let LowResLogits { size, data } = &candidate.logits;
    let p = embedding.letterbox.to_input(point);
    let scale = size.width as f32 / embedding.letterbox.input.width as f32;
    data[(p.y * scale) as usize * size.width as usize + (p.x * scale) as usize]
}

fn click(x: f32, y: f32) -> Prompt {
    Prompt { points: vec![LabeledPoint::foreground(x, y)], ..Prompt::default() }
}

const EVERY_MODEL: [&str; 4] = ["tiny", "tiny-half", "tiny-sam", "tiny-sam-sized"];

#[test]
fn masks_lie_where_the_prompts_are() {
    let size = Size::new(200, 100);
    let (here, there) = (Point::new(50.0, 30.0), Point::new(150.0, 80.0));
    let both = Prompt {
        points: vec![LabeledPoint::foreground(here.x, here.y), LabeledPoint::background(there.x, there.y)],
        ..Prompt::default()
    };
    let boxed = Prompt { bbox: Some(BoundingBox::new(40.0, 20.0, 60.0, 40.0)), ..Prompt::default() };
    for name in EVERY_MODEL {
        let model = load(name, ModelOptions::default());
        let (embedding, candidates) = decode(&model, size, &[click(here.x, here.y), both.clone(), boxed.clone()]);
        let per_prompt = model.decoder().unwrap().candidates();
        assert_eq!((per_prompt, candidates.len()), (3, 9), "{name}");
        for (ix, candidate) in candidates.iter().enumerate() {
            assert!(at(candidate, &embedding, here) > 0.0, "{name} candidate {ix}");
            assert!(at(candidate, &embedding, there) < 0.0, "{name} candidate {ix}");
            assert!((0.0..=1.0).contains(&candidate.predicted_iou), "{name} candidate {ix}");
        }
        let far = |c: &Candidate| at(c, &embedding, there);
        assert!(far(&candidates[3]) < far(&candidates[0]) - 1.0, "{name}: the background click is felt");
    }
}

#[test]
fn several_prompts_answer_as_they_do_alone() {
    let prompts = [click(20.0, 20.0), click(60.0, 80.0)];
    for name in EVERY_MODEL {
        let model = load(name, ModelOptions::default());
        let (_, together) = decode(&model, Size::new(100, 100), &prompts);
        let alone: Vec<Candidate> =
            prompts.iter().flat_map(|p| decode(&model, Size::new(100, 100), std::slice::from_ref(p)).1).collect();
        assert_eq!(together, alone, "{name}");
    }
}

#[test]
fn a_mask_prompt_moves_the_answer() {
    for name in EVERY_MODEL {
        let model = load(name, ModelOptions::default());
        let size = model.decoder().unwrap().mask_size();
        let prior = LowResLogits { size, data: vec![4.0; size.area()] };
        let with = Prompt { mask: Some(prior), ..click(50.0, 50.0) };
        let (embedding, candidates) =
            decode(&model, Size::new(100, 100), &[click(50.0, 50.0), with, click(50.0, 50.0)]);
        let value = |prompt: usize| {
            let of = &candidates[prompt * 3..prompt * 3 + 3];
            of.iter().map(|c| at(c, &embedding, Point::new(90.0, 10.0))).sum::<f32>()
        };
        assert!(value(1) > value(0) + 2.0, "{name}");
        assert_eq!(value(0), value(2), "{name}: the prior does not linger");
    }
}

#[test]
fn segment_anything_orders_its_masks_by_ambiguity() {
    let model = load("tiny-sam", ModelOptions::default());
    let two = Prompt { points: vec![LabeledPoint::foreground(50.0, 50.0); 2], ..Prompt::default() };
    let (embedding, c) = decode(&model, Size::new(100, 100), &[click(50.0, 50.0), two]);
    let corner = |c: &Candidate| at(c, &embedding, Point::new(99.0, 1.0)).round();
    // Far from every prompt a mask is at its own level, by which it is known: -2, -3, -2, -1.5 for masks 0 to 3.
    let levels: Vec<f32> = c.iter().map(corner).collect();
    assert_eq!(levels[0], -3.0, "{levels:?}");
    assert_eq!(levels[3], -2.0, "mask 0 first: {levels:?}");
    assert!(c[4].predicted_iou >= c[5].predicted_iou);
}

#[test]
fn prompts_without_room_are_refused() {
    for name in EVERY_MODEL {
        let model = load(name, ModelOptions::default());
        let (mut encoder, mut decoder) = (model.encoder().unwrap(), model.decoder().unwrap());
        let mut embedding = Embedding::empty();
        let mut out = Vec::new();
        let none = decoder.decode(&embedding, &[click(1.0, 1.0)], &mut out).unwrap_err();
        assert!(none.to_string().contains("set_frame"), "{none}");
        encoder.encode(&frame(Size::new(64, 64)), &mut embedding).unwrap();
        let points = vec![LabeledPoint::foreground(1.0, 1.0); decoder.max_points() + 1];
        let many = Prompt { points, ..Prompt::default() };
        assert!(decoder.decode(&embedding, &[many], &mut out).unwrap_err().to_string().contains("17 points"));
        let mask = Some(LowResLogits { size: Size::new(3, 3), data: vec![0.0; 9] });
        let odd = Prompt { mask, ..click(1.0, 1.0) };
        assert!(decoder.decode(&embedding, &[odd], &mut out).unwrap_err().to_string().contains("3x3"));
        let points = vec![LabeledPoint::background(9.0, 9.0); decoder.max_points()];
        let full = Prompt { points, bbox: Some(BoundingBox::new(1.0, 1.0, 9.0, 9.0)), mask: None };
        decoder.decode(&embedding, &[full], &mut out).unwrap();
        embedding.model = "stranger".into();
        assert!(decoder.decode(&embedding, &[click(1.0, 1.0)], &mut out).unwrap_err().to_string().contains("stranger"));
    }
}

#[test]
fn sizes_and_swapped_files_are_refused() {
    let registry = registry();
    let sized = |name, w, h| {
        let mut options = ModelOptions::default();
        options.input_size = Some(Size::new(w, h));
        registry.load(name, &options)
    };
    let model = sized("tiny", 96, 64).unwrap();
    assert_eq!(model.input_size(), Size::new(96, 64));
    assert_eq!(model.decoder().unwrap().mask_size(), Size::new(48, 32));
    for (name, w, h) in [("tiny", 60, 64), ("tiny", 8, 8), ("tiny", 64, 256), ("tiny-sam", 128, 128)] {
        let error = sized(name, w, h).unwrap_err();
        assert!(matches!(error, Error::Model(ModelError::InputSize { .. })), "{error}");
    }
    let mut swapped = registry.get("tiny").unwrap().spec.clone();
    for files in swapped.files.values_mut() {
        std::mem::swap(&mut files.encoder, &mut files.decoder);
    }
    let error =
        LoadedModel::load(&Installed::in_folder(swapped, models()), &ModelOptions::default()).unwrap_err().to_string();
    assert!(error.contains("foveate_decoder.onnx") && error.contains("`image`"), "{error}");
    let sam = registry.get("tiny-sam").unwrap().spec.files.clone();
    let mut crossed = registry.get("tiny").unwrap().spec.clone();
    crossed.files.values_mut().zip(sam.values()).for_each(|(a, b)| a.decoder = b.decoder.clone());
    let error =
        LoadedModel::load(&Installed::in_folder(crossed, models()), &ModelOptions::default()).unwrap_err().to_string();
    assert!(error.contains("sam_decoder.onnx") && error.contains("`image_embeddings`"), "{error}");
    assert!(error.contains("looks like one of family `sam`"), "{error}");
}

#[test]
fn the_registry_finds_verifies_and_suggests() {
    let registry = registry();
    assert_eq!(registry.list().iter().map(|m| m.spec.name.as_str()).collect::<Vec<_>>(), EVERY_MODEL);
    let unknown = registry.get("tinysam").unwrap_err().to_string();
    assert!(unknown.contains("did you mean `tiny-sam`"), "{unknown}");
    assert!(registry.verify().unwrap().iter().all(|c| c.state == FileState::Intact));

    let dir = tempfile::tempdir().unwrap();
    for file in ["manifest.toml", "foveate_encoder.onnx", "sam_encoder.onnx"] {
        std::fs::copy(models().join(file), dir.path().join(file)).unwrap();
    }
    std::fs::write(dir.path().join("sam_encoder.onnx"), b"other").unwrap();
    let copies = Registry::from_dirs(&[dir.path().to_path_buf()]).unwrap();
    let states: Vec<FileState> = copies.verify().unwrap().into_iter().map(|c| c.state).collect();
    assert_eq!(states[0], FileState::Intact);
    assert_eq!(states[1], FileState::Missing);
    assert!(matches!(&states[4], FileState::Altered { found } if found.len() == 64), "{states:?}");
    let shadowed = Registry::from_dirs(&[models(), dir.path().to_path_buf()]).unwrap();
    assert_eq!(shadowed.get("tiny").unwrap().location, Location::Folder(models()));
    assert!(Registry::discover(Some(Path::new("/nowhere"))).is_err());
}

#[test]
fn a_file_that_is_not_the_manifests_is_not_loaded() {
    let dir = tempfile::tempdir().unwrap();
    for file in ["manifest.toml", "foveate_encoder.onnx", "foveate_decoder.onnx"] {
        std::fs::copy(models().join(file), dir.path().join(file)).unwrap();
    }
    let registry = Registry::from_dirs(&[dir.path().to_path_buf()]).unwrap();
    assert!(registry.load("tiny", &ModelOptions::default()).is_ok());
    for file in ["foveate_encoder.onnx", "foveate_decoder.onnx"] {
        let path = dir.path().join(file);
        let whole = std::fs::read(&path).unwrap();
        // One bit of a weight: the graph is as it was.
        let mut altered = whole.clone();
        let last = altered.len() / 2;
        altered[last] ^= 1;
        std::fs::write(&path, altered).unwrap();
        let error = registry.load("tiny", &ModelOptions::default()).unwrap_err();
        assert!(matches!(error, Error::Model(ModelError::Checksum { .. })), "{error}");
        assert!(error.to_string().contains(file), "{error}");
        std::fs::write(&path, whole).unwrap();
    }
}

#[test]
fn the_plane_of_points_is_told_or_asked_for() {
    let mut half = registry().get("tiny-sam").unwrap().spec.clone();
    half.input = [32, 32];
    for files in half.files.values_mut() {
        files.encoder.path = "sam_encoder_half.onnx".into();
        files.encoder.sha256 = foveate::model::sha256(&models().join("sam_encoder_half.onnx")).unwrap();
    }
    let load = |spec: &foveate::model::ModelSpec| {
        LoadedModel::load(&Installed::in_folder(spec.clone(), models()), &ModelOptions::default())
    };
    // Neither the file tells the plane, nor has the embedding a cell for every 16 pixels of the input.
    let error = load(&half).unwrap_err();
    assert!(matches!(error, Error::Model(ModelError::Coordinates { .. })), "{error}");
    let text = error.to_string();
    assert!(text.contains("32x32") && text.contains("64x64") && text.contains("coordinates = [W, H]"), "{text}");
    half.coordinates = Some([64, 64]);
    let model = load(&half).unwrap();
    let here = Point::new(150.0, 30.0);
    let (embedding, candidates) = decode(&model, Size::new(200, 100), &[click(here.x, here.y)]);
    for (ix, candidate) in candidates.iter().enumerate() {
        assert!(at(candidate, &embedding, here) > 0.0, "candidate {ix}");
        assert!(
            at(candidate, &embedding, Point::new(75.0, 15.0)) < 0.0,
            "candidate {ix} lies where it would at half scale"
        );
    }
}

#[test]
fn every_part_of_a_model_is_pinned() {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/models");
    let dir = tempfile::tempdir().unwrap();
    // The encoder's weights lie beside it.
    for file in ["efficientvit-sam.encoder.onnx", "efficientvit-sam.encoder.onnx.data", "efficientvit-sam.decoder.onnx"]
    {
        std::fs::copy(reference.join(file), dir.path().join(file)).unwrap();
    }
    let manifest = std::fs::read_to_string(reference.join("manifest.toml")).unwrap();
    let entry = manifest.split("\n[[model]]").find(|entry| entry.contains("\"efficientvit-sam\"")).unwrap();
    let entry = format!("[[model]]{entry}");
    let write = |text: &str| std::fs::write(dir.path().join("manifest.toml"), text).unwrap();
    let load = || Registry::from_dirs(&[dir.path().into()]).unwrap().load("efficientvit-sam", &ModelOptions::default());
    write(&entry);
    load().unwrap();
    let checks = Registry::from_dirs(&[dir.path().into()]).unwrap().verify().unwrap();
    assert_eq!(checks.len(), 3, "{checks:?}");
    assert!(checks.iter().all(|check| check.state == FileState::Intact && check.bytes.is_some()), "{checks:?}");

    let (before, rest) = entry.split_once(", external = ").unwrap();
    let (_, after) = rest.split_once(']').unwrap();
    write(&format!("{before}{after}"));
    let error = load().unwrap_err().to_string();
    assert!(error.contains("efficientvit-sam.encoder.onnx.data") && error.contains("external = ["), "{error}");

    write(&entry);
    let data = dir.path().join("efficientvit-sam.encoder.onnx.data");
    let mut bytes = std::fs::read(&data).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&data, bytes).unwrap();
    let error = load().unwrap_err();
    assert!(matches!(error, Error::Model(ModelError::Checksum { .. })), "{error}");
    write(
        &entry.replace(
            "path = \"efficientvit-sam.encoder.onnx.data\"",
            "path = \"../efficientvit-sam.encoder.onnx.data\"",
        ),
    );
    assert!(Registry::from_dirs(&[dir.path().into()]).unwrap_err().to_string().contains("folder"));
    write(&entry);
    std::fs::remove_file(&data).unwrap();
    assert!(load().is_err());
    let states: Vec<FileState> =
        Registry::from_dirs(&[dir.path().into()]).unwrap().verify().unwrap().into_iter().map(|c| c.state).collect();
    assert_eq!(states.iter().filter(|state| **state == FileState::Missing).count(), 1, "{states:?}");
}

#[test]
fn the_precision_is_measured_where_there_is_a_choice() {
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let registry = Registry::from_dirs(&[bundled]).unwrap();
    let chosen = registry.load("foveate", &ModelOptions::default()).unwrap();
    let timed = chosen.timed();
    let has = |precision, device| timed.iter().any(|t| (t.precision, t.device) == (precision, device));
    assert!(has(Precision::Int8, Device::Cpu) && has(Precision::F32, Device::Cpu), "{timed:?}");
    assert_eq!(has(Precision::F16, Device::Cuda), gpu().is_ok(), "{timed:?}");
    let fastest = timed.iter().min_by_key(|t| t.time).unwrap();
    assert_eq!((chosen.precision(), chosen.device()), (fastest.precision, fastest.device), "{timed:?}");
    let mut asked = ModelOptions::default();
    asked.precision = Some(Precision::F32);
    let model = registry.load("foveate", &asked).unwrap();
    assert!(model.timed().is_empty() && model.precision() == Precision::F32);
    assert_eq!(load("tiny", ModelOptions::default()).timed().is_empty(), gpu().is_err());
}

#[test]
fn a_gpu_that_is_not_there_is_told_with_what_is_missing() {
    let mut options = ModelOptions::default();
    options.device = Some(Device::Cuda);
    let registry = Registry::from_dirs(&[models()]).unwrap();
    match (gpu(), registry.load("tiny", &options)) {
        (Err(missing), Err(Error::Model(ModelError::Gpu(error)))) => assert_eq!(missing, error),
        (Ok(()), Ok(model)) => assert_eq!(model.device(), Device::Cuda),
        (found, loaded) => panic!("{found:?}, {:?}", loaded.err()),
    }
    options.device = Some(Device::Cpu);
    assert_eq!(registry.load("tiny", &options).unwrap().device(), Device::Cpu);
}

#[test]
fn manifests_with_mistakes_are_refused() {
    let good = std::fs::read_to_string(models().join("manifest.toml")).unwrap();
    let parse = |text: &str| foveate::model::Manifest::parse(Path::new("m.toml"), text).map_err(|e| e.to_string());
    assert_eq!(parse(&good).unwrap().models.len(), 4);
    let mut failures = Vec::new();
    for (from, to, expected) in [
        ("description", "descripton", "descripton"),
        ("foveate_encoder.onnx", "../foveate_encoder.onnx", "folder"),
        ("foveate_encoder.onnx", "/etc/passwd", "folder"),
        ("tiny-half", "tiny", "two models"),
        ("\"tiny\"", "\"Tiny!\"", "lower-case"),
        ("multiple = 8", "multiple = 0", "multiple"),
        ("input = [64, 64]", "input = [60, 64]", "sizes"),
        ("0.229", "0.0", "std"),
        ("sha256 = \"", "sha256 = \"x", "sha256"),
        ("\"sam\"", "\"samurai\"", "samurai"),
        ("files.f32", "files.f8", "f8"),
        ("input = [64, 64]", "coordinates = [0, 64]\ninput = [64, 64]", "coordinates"),
        ("input = [64, 64]", "fit = \"crop\"\ninput = [64, 64]", "crop"),
        ("input = [64, 64]", "ranking = \"luck\"\ninput = [64, 64]", "luck"),
        (
            "foveate_encoder.onnx\", ",
            "foveate_encoder.onnx\", external = [{ path = \"../x\", sha256 = \"0\" }], ",
            "`../x`",
        ),
    ] {
        match parse(&good.replacen(from, to, 1)) {
            Err(text) if text.contains(expected) && text.contains("m.toml") => {}
            other => failures.push(format!("{from} -> {to}: {other:?}")),
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn sessions_of_one_graph_run_at_the_same_time() {
    let model = load("tiny", ModelOptions::default());
    let (_, expected) = decode(&model, Size::new(100, 100), &[click(30.0, 40.0)]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let (_, answer) = decode(&model, Size::new(100, 100), &[click(30.0, 40.0)]);
                    assert_eq!(answer, expected);
                }
            });
        }
    });
}
