mod operators;

use std::path::{Path, PathBuf};

use super::precision::Arithmetic;
use super::*;

fn tiny(file: &str) -> OnnxModel {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models").join(file);
    OnnxModel::open(path, Limits::default()).unwrap()
}

fn image_options() -> CompileOptions {
    CompileOptions { shapes: vec![("image".into(), vec![1, 3, 32, 32])], ..CompileOptions::default() }
}

/// Both outputs of the tiny encoder for one fixed picture.
fn answers(file: &str, arithmetic: Arithmetic) -> Vec<f32> {
    let graph = tiny(file).compile_as(&image_options(), arithmetic).unwrap();
    assert!(graph.inputs().iter().chain(graph.outputs()).all(|t| t.element == ElementType::F32), "{graph:?}");
    assert_eq!(graph.audit().precision, arithmetic.describe());
    let mut session = graph.session().unwrap();
    for (ix, v) in session.input_mut(0).unwrap().iter_mut().enumerate() {
        *v = (ix * 37 % 101) as f32 / 101.0 - 0.5;
    }
    let mut outputs = Vec::new();
    session.run(&mut outputs).unwrap();
    outputs.iter().flat_map(|t| t.as_f32().unwrap().to_vec()).collect()
}

/// Half arithmetic is emulated here where the processor lacks it; its graph is the one that others run natively.
#[test]
fn every_arithmetic_answers_alike_from_files_of_either_width() {
    let exact = answers("foveate_encoder.onnx", Arithmetic::Single);
    for (file, arithmetic) in [
        ("foveate_encoder.onnx", Arithmetic::SingleWithHalfWeights),
        ("foveate_encoder.onnx", Arithmetic::Half),
        ("foveate_encoder_f16.onnx", Arithmetic::Single),
        ("foveate_encoder_f16.onnx", Arithmetic::Half),
    ] {
        let rounded = answers(file, arithmetic);
        assert_eq!(exact.len(), rounded.len());
        let worst = exact.iter().zip(&rounded).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst > 0.0 && worst < 5e-3, "{file} {arithmetic:?}: off by {worst}");
    }
}

#[test]
fn half_graphs_hold_half_the_weights() {
    let bytes = |arithmetic| {
        let graph = tiny("foveate_encoder.onnx").compile_as(&image_options(), arithmetic).unwrap();
        graph.audit().weights_bytes
    };
    let (single, half) = (bytes(Arithmetic::Single), bytes(Arithmetic::Half));
    assert!(half < single * 6 / 10, "{half} of {single}");
}

#[test]
fn inputs_are_kept_written_and_shared() {
    let graph = tiny("foveate_encoder.onnx").compile(&image_options()).unwrap();
    let mut session = graph.session().unwrap();
    session.input_mut(0).unwrap()[5] = 3.0;
    let mut outputs = Vec::new();
    session.run(&mut outputs).unwrap();
    session.run(&mut outputs).unwrap();
    assert_eq!(session.input_mut(0).unwrap()[5], 3.0, "a run leaves the input as it was");
    let given = Tensor::from_f32(&[1, 3, 32, 32], &[0.5; 3072]).unwrap();
    session.set_input(0, &given).unwrap();
    session.run(&mut outputs).unwrap();
    assert_eq!(session.input_mut(0).unwrap()[5], 0.0, "what is held elsewhere is never written");
    assert!(given.as_f32().unwrap().iter().all(|v| *v == 0.5));
}

#[test]
fn tensors_hold_as_many_elements_as_their_shape_says() {
    let tensor = Tensor::from_f32(&[2, 2], &[1.0, 0.1, -3.5, 70_000.0]).unwrap();
    assert_eq!((tensor.element(), tensor.shape()), (ElementType::F32, &[2, 2][..]));
    assert!(std::ptr::eq(tensor.as_f32().unwrap(), tensor.clone().as_f32().unwrap()));
    assert!(Tensor::from_f32(&[3], &[1.0]).is_none());
}

#[test]
fn knobs_are_known_to_tract() {
    super::knobs::scope().unwrap();
}

#[test]
fn precisions_have_one_spelling() {
    for precision in [Precision::F32, Precision::F16, Precision::Int8] {
        assert_eq!(precision.name().parse::<Precision>().unwrap(), precision);
        assert_eq!(serde_json::to_string(&precision).unwrap(), format!("\"{}\"", precision.name()));
    }
    assert!("f64".parse::<Precision>().is_err());
}

#[test]
fn threads_count_from_one() {
    assert_eq!(Threads::new(0).count(), 1);
    assert_eq!(Threads::new(3).count(), 3);
}

/// The bundled model's file with our passes and kernels, against tract as it comes.
fn bundled_file_answers_as_tract_does(file: &str, sizes: &[usize]) {
    let model =
        OnnxModel::open(Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(file), Limits::default()).unwrap();
    for size in sizes {
        let shapes: Vec<(String, Vec<usize>)> = (model.inputs().iter())
            .map(|input| {
                let full = |d: usize, axis: usize| if axis < 2 { d } else { d * size / 256 };
                let shape = bundled_shape(&input.name).into_iter().enumerate().map(|(axis, d)| full(d, axis)).collect();
                (input.name.clone(), shape)
            })
            .collect();
        let mut values = (1u32..).map(|n| (n.wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 23) as f32 - 1.0);
        let inputs: Vec<Vec<f32>> =
            shapes.iter().map(|(_, shape)| values.by_ref().take(shape.iter().product()).collect()).collect();

        let expected = plain_tract(file, &shapes, &inputs);
        for threads in [1, 2] {
            let options =
                CompileOptions { shapes: shapes.clone(), threads: Threads::new(threads), ..CompileOptions::default() };
            let mut session = model.compile(&options).unwrap().session().unwrap();
            for (ix, input) in inputs.iter().enumerate() {
                session.fill_input(ix, input).unwrap();
            }
            let mut outputs = Vec::new();
            session.run(&mut outputs).unwrap();
            assert_eq!(outputs.len(), expected.len());
            for (ix, (ours, theirs)) in outputs.iter().zip(&expected).enumerate() {
                let ours = ours.as_f32().unwrap();
                let largest = theirs.iter().fold(1.0f32, |m, v| m.max(v.abs()));
                let worst = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(worst < 1e-3 * largest, "{file} at {size}, output {ix}: off by {worst} of {largest}");
            }
        }
    }
}

fn bundled_shape(input: &str) -> Vec<usize> {
    match input {
        "image" => vec![1, 3, 256, 256],
        "embedding" => vec![1, 64, 32, 32],
        "skip" => vec![1, 16, 64, 64],
        "prompt_maps" => vec![1, 3, 64, 64],
        "mask_input" => vec![1, 1, 128, 128],
        other => panic!("no shape for `{other}`"),
    }
}

fn plain_tract(file: &str, shapes: &[(String, Vec<usize>)], inputs: &[Vec<f32>]) -> Vec<Vec<f32>> {
    use tract_onnx::prelude::*;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(file);
    let mut model = tract_onnx::onnx().model_for_path(path).unwrap();
    for (ix, (_, shape)) in shapes.iter().enumerate() {
        model.set_input_fact(ix, InferenceFact::dt_shape(f32::datum_type(), shape)).unwrap();
    }
    let plan = model.into_optimized().unwrap().into_runnable().unwrap();
    let tensors = shapes
        .iter()
        .zip(inputs)
        .map(|((_, shape), values)| tract_onnx::prelude::Tensor::from_shape(shape, values).unwrap().into_tvalue());
    let outputs = plan.run(tensors.collect()).unwrap();
    outputs.iter().map(|t| t.try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec()).collect()
}

#[test]
fn bundled_encoder_answers_as_tract_does() {
    bundled_file_answers_as_tract_does("foveate-encoder.onnx", &[256, 128]);
}

#[test]
fn bundled_decoder_answers_as_tract_does() {
    bundled_file_answers_as_tract_does("foveate-decoder.onnx", &[256, 128]);
}

#[test]
fn bundled_int8_encoder_multiplies_integers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/foveate-encoder-int8.onnx");
    let model = OnnxModel::open(path, Limits::default()).unwrap();
    let shapes = vec![("image".to_owned(), vec![1, 3, 256, 256])];
    let graph = model.compile(&CompileOptions { shapes, ..CompileOptions::default() }).unwrap();
    let audit = graph.audit();
    assert_eq!(audit.precision, "int8", "{audit:?}");
    assert!(audit.int8_macs as f64 >= 0.99 * audit.macs as f64, "{} of {}", audit.int8_macs, audit.macs);
    let floats: Vec<_> = audit.kernels.keys().filter(|l| l.starts_with("Conv") && !l.contains("int8")).collect();
    assert!(floats.is_empty(), "{floats:?}");
}
