//! The shaped graph against the one that it was made of, both on the processor: no GPU takes part.

use std::path::Path;

use proptest::prelude::*;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cast::Cast;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, PaddingSpec, PoolSpec};
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_core::ops::math;
use tract_onnx::tract_core::ops::nn::resize::{CoordTransformer, Interpolator, Nearest, Resize};
use tract_onnx::tract_core::ops::nn::{DataFormat, Reduce, Reducer};
use tract_onnx::tract_core::ops::source::TypedSource;

use super::fit;
use crate::engine::compile::framework;
use crate::engine::precision;
use crate::engine::steps::Steps;

/// The bundled encoder for an input of so many pixels, decluttered.
fn encoder(height: usize, width: usize) -> TypedModel {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/foveate-encoder.onnx");
    let mut model = framework().model_for_path(path).unwrap();
    model.set_input_fact(0, InferenceFact::dt_shape(f32::datum_type(), [1, 3, height, width])).unwrap();
    let mut model = model.into_typed().unwrap();
    Steps::new(u64::MAX).declutter(&mut model).unwrap();
    model
}

fn run(mut model: TypedModel, input: &Tensor) -> Vec<Tensor> {
    // Declutter would undo what was shaped.
    Steps::new(u64::MAX).optimize(&mut model).unwrap();
    let plan = SimplePlan::new(model).unwrap();
    let outputs = plan.run(tvec!(input.clone().into_tvalue())).unwrap();
    outputs.into_iter().map(|value| value.into_tensor()).collect()
}

/// The largest difference, as a share of the largest value.
fn difference(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.shape(), b.shape());
    let values =
        |t: &Tensor| t.cast_to::<f32>().unwrap().try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec();
    let (a, b) = (values(a), values(b));
    let largest = b.iter().fold(1e-6f32, |most, v| most.max(v.abs()));
    a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest
}

fn noise(height: usize, width: usize) -> Tensor {
    let values = (1u32..).map(|n| (n.wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 22) as f32 - 2.0);
    Tensor::from_shape(&[1, 3, height, width], &values.take(3 * height * width).collect::<Vec<_>>()).unwrap()
}

/// A photograph, normalised as the model's input is.
fn photo(height: usize, width: usize) -> Tensor {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images/grabcut-best.jpg");
    let picture = image::open(path).unwrap();
    let filter = image::imageops::FilterType::Triangle;
    let picture = picture.resize_exact(width as u32, height as u32, filter).to_rgb8();
    let values = (0..3).flat_map(|channel| {
        let (mean, std) = ([0.485, 0.456, 0.406][channel], [0.229, 0.224, 0.225][channel]);
        picture.pixels().map(move |pixel| (f32::from(pixel.0[channel]) / 255.0 - mean) / std)
    });
    Tensor::from_shape(&[1, 3, height, width], &values.collect::<Vec<_>>()).unwrap()
}

/// Whether tract-cuda 0.23.9 translates it, as read from its source: what is not in this list runs on the processor there.
fn is_translated(model: &TypedModel, node: &TypedNode) -> bool {
    let binary = |op: &TypedBinOp| {
        let ranks = node.inputs.iter().map(|input| model.outlet_fact(*input).unwrap().rank()).collect::<Vec<_>>();
        let known =
            op.0.is::<math::Add>() || op.0.is::<math::Mul>() || op.0.is::<math::Max>() || op.0.is::<math::Min>();
        known && ranks[0] == ranks[1]
    };
    node.op_is::<Const>()
        || node.op_is::<TypedSource>()
        || node.op_is::<Cast>()
        || node.op_is::<AxisOp>()
        || node.op_as::<TypedBinOp>().is_some_and(binary)
        || node.op_as::<Reduce>().is_some_and(|op| op.reducer == Reducer::Sum)
        || node.op_as::<Conv>().is_some_and(|op| goes_through_cudnn(model, node, op))
}

fn goes_through_cudnn(model: &TypedModel, node: &TypedNode, op: &Conv) -> bool {
    let facts = model.node_input_facts(node.id).unwrap();
    let shape = op.pool_spec.data_format.shape(facts[0].shape.as_concrete().unwrap()).unwrap();
    let even = op.pool_spec.computed_padding(shape.hw_dims()).iter().all(|side| side.pad_before == side.pad_after);
    even && shape.n().is_some() && shape.hw_rank() == 2 && op.kernel_fmt == KernelFormat::OIHW && op.q_params.is_none()
}

#[test]
#[cfg_attr(not(target_arch = "x86_64"), ignore = "the same graph, and minutes in an emulator")]
fn the_bundled_encoder_is_the_same_when_it_is_shaped() {
    for (height, width) in [(256, 256), (192, 352), (256, 448), (128, 160)] {
        let exact = encoder(height, width);
        let mut shaped = exact.clone();
        fit(&mut shaped).unwrap();
        let resizes = shaped.nodes().iter().filter(|node| node.op_is::<Resize>()).count();
        assert_eq!(resizes, 0);
        let left: Vec<_> = shaped.nodes().iter().filter(|node| !is_translated(&shaped, node)).collect();
        assert!(left.is_empty(), "left to the processor: {left:#?}");
        for (what, input) in [("noise", noise(height, width)), ("photo", photo(height, width))] {
            let (ours, theirs) = (run(shaped.clone(), &input), run(exact.clone(), &input));
            assert_eq!(ours.len(), theirs.len());
            for (ix, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
                let off = difference(ours, theirs);
                println!("{what} {width}x{height}, output {ix}: off by {off:e} of the largest");
                assert!(off < 1e-5, "{what} {width}x{height}, output {ix}: off by {off}");
            }
        }
    }
}

/// Half arithmetic is emulated here where the processor lacks it.
#[test]
#[cfg_attr(not(target_arch = "x86_64"), ignore = "the same graph, and minutes in an emulator")]
fn in_half_floats_it_stays_near() {
    let exact = encoder(128, 160);
    let mut shaped = exact.clone();
    precision::into_half(&mut shaped, &Steps::new(u64::MAX)).unwrap();
    fit(&mut shaped).unwrap();
    let left: Vec<_> = shaped.nodes().iter().filter(|node| !is_translated(&shaped, node)).collect();
    assert!(left.is_empty(), "left to the processor: {left:#?}");
    let convolutions = shaped.nodes().iter().filter(|node| node.op_is::<Conv>());
    assert!(convolutions.clone().count() > 30);
    assert!(convolutions.clone().all(|node| node.outputs[0].fact.datum_type == DatumType::F16));
    let input = photo(128, 160);
    for (ix, (ours, theirs)) in run(shaped, &input).iter().zip(&run(exact, &input)).enumerate() {
        let off = difference(ours, theirs);
        println!("output {ix}: off by {off:e} of the largest");
        assert_eq!(ours.datum_type(), DatumType::F32);
        assert!(off < 2e-2, "output {ix}: off by {off}");
    }
}

fn resize(transformer: CoordTransformer, dims: [usize; 4], by: [f32; 2]) -> TypedModel {
    let mut model = TypedModel::default();
    let source = model.add_source("picture", f32::fact(dims)).unwrap();
    let scales = model.add_const("scales", tensor1(&[1.0f32, 1.0, by[0], by[1]])).unwrap();
    let op = Resize {
        coord_transformer: transformer,
        interpolator: Interpolator::Linear,
        nearest: Nearest::Floor,
        optional_scales_input: Some(1),
        optional_sizes_input: None,
    };
    let out = model.wire_node("resize", op, &[source, scales]).unwrap();
    model.select_output_outlets(&out).unwrap();
    model
}

fn grain(dims: [usize; 4]) -> Tensor {
    let values: Vec<f32> = (0..dims.iter().product()).map(|i: usize| (i * 37 % 101) as f32 / 101.0 - 0.5).collect();
    Tensor::from_shape(&dims, &values).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn doubling_is_a_convolution(channels in 1usize..5, height in 1usize..9, width in 1usize..9) {
        let dims = [1, channels, height, width];
        let exact = resize(CoordTransformer::HalfPixel, dims, [2.0, 2.0]);
        let mut shaped = exact.clone();
        fit(&mut shaped).unwrap();
        prop_assert!(shaped.nodes().iter().all(|node| is_translated(&shaped, node)));
        let input = grain(dims);
        let off = difference(&run(shaped, &input)[0], &run(exact, &input)[0]);
        prop_assert!(off < 1e-6, "{off}");
    }

    #[test]
    fn uneven_padding_goes_before_its_convolution(
        (top, left, bottom, right) in (0usize..3, 0usize..3, 0usize..3, 0usize..3),
        stride in 1usize..3,
        depthwise in any::<bool>(),
    ) {
        let (dims, group) = ([1, 2, 7, 6], if depthwise { 2 } else { 1 });
        let mut exact = TypedModel::default();
        let source = exact.add_source("picture", f32::fact(dims)).unwrap();
        let weights = exact.add_const("weights", grain([4, 2 / group, 3, 3])).unwrap();
        let bias = exact.add_const("bias", tensor1(&[0.5f32, -1.0, 2.0, 0.0])).unwrap();
        let pool_spec = PoolSpec {
            data_format: DataFormat::NCHW,
            kernel_shape: tvec!(3, 3),
            padding: PaddingSpec::Explicit(tvec!(top, left), tvec!(bottom, right)),
            dilations: None,
            strides: Some(tvec!(stride, stride)),
            input_channels: 2,
            output_channels: 4,
        };
        let conv = Conv { pool_spec, kernel_fmt: KernelFormat::OIHW, group, q_params: None };
        let out = exact.wire_node("conv", conv, &[source, weights, bias]).unwrap();
        exact.select_output_outlets(&out).unwrap();
        let mut shaped = exact.clone();
        fit(&mut shaped).unwrap();
        for node in shaped.nodes() {
            prop_assert!(node.op_as::<Conv>().is_none_or(|op| goes_through_cudnn(&shaped, node, op)));
        }
        let input = grain(dims);
        let off = difference(&run(shaped, &input)[0], &run(exact, &input)[0]);
        prop_assert!(off < 1e-6, "{off}");
    }
}

#[test]
fn other_resizes_stay_as_they_are() {
    for (transformer, by) in [
        (CoordTransformer::AlignCorners, [2.0, 2.0]),
        (CoordTransformer::Asymmetric, [2.0, 2.0]),
        (CoordTransformer::HalfPixel, [4.0, 4.0]),
        (CoordTransformer::HalfPixel, [2.0, 1.0]),
    ] {
        let mut model = resize(transformer, [1, 3, 4, 5], by);
        fit(&mut model).unwrap();
        assert!(model.nodes().iter().any(|node| node.op_is::<Resize>()));
    }
}

/// What is missing differs from machine to machine, but it is an answer, not a panic.
#[test]
fn a_graph_for_the_gpu_runs_there_or_says_why_not() {
    use crate::engine::{CompileOptions, Device, Limits, OnnxModel, Precision, gpu};
    use crate::error::{GpuError, ModelError};

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/foveate_encoder.onnx");
    let model = OnnxModel::open(path, Limits::default()).unwrap();
    let options = |precision| CompileOptions {
        shapes: vec![("image".into(), vec![1, 3, 32, 32])],
        precision,
        device: Device::Cuda,
        ..CompileOptions::default()
    };
    let integers = model.compile(&options(Precision::Int8));
    assert!(matches!(integers, Err(ModelError::Gpu(GpuError::Precision))));
    match (gpu(), model.compile(&options(Precision::F16))) {
        (Err(missing), Err(ModelError::Gpu(error))) => {
            assert_eq!(missing, error);
            assert_eq!(missing == GpuError::NotBuilt, !cfg!(feature = "cuda"));
            assert!(!error.remedy().is_empty(), "{error}");
        }
        (Ok(()), Ok(graph)) => {
            assert_eq!((graph.audit().device, graph.audit().precision), ("cuda", "f16"));
            let mut outputs = Vec::new();
            graph.session().unwrap().run(&mut outputs).unwrap();
            assert!(outputs.iter().all(|tensor| tensor.as_f32().is_some()));
        }
        (found, made) => panic!("{found:?} {:?}", made.err()),
    }
}
