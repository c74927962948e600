use std::path::Path;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, TypeProto, ValueInfoProto, attribute_proto, type_proto};
use tract_onnx::pb::{NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, tensor_shape_proto};
use tract_onnx::prelude::*;

use super::*;
use crate::engine::compile::framework;
use crate::engine::precision::Arithmetic;
use crate::engine::{CompileOptions, OnnxModel};

const X_SCALE: f32 = 0.02;
const Y_SCALE: f32 = 0.05;
const X_ZERO: u8 = 120;
const Y_ZERO: u8 = 7;
/// [3, 2, 1, 1], and a scale for each row.
const WEIGHTS: [i8; 6] = [127, -128, 5, 64, -77, 31];
const W_SCALES: [f32; 3] = [0.01, 0.03, 0.002];
const BIAS: [i32; 3] = [1000, -200, 31];

fn tensor(name: &str, dims: &[i64], data_type: DataType, raw_data: Vec<u8>) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.into(),
        data_type: data_type as i32,
        raw_data,
        ..TensorProto::default()
    }
}

fn floats(name: &str, values: &[f32]) -> TensorProto {
    let dims: Vec<i64> = if values.len() == 1 { vec![] } else { vec![values.len() as i64] };
    tensor(name, &dims, DataType::Float, values.iter().flat_map(|v| v.to_le_bytes()).collect())
}

/// Bytes in the typed field, as some exporters write them.
fn bytes(name: &str, dims: &[i64], data_type: DataType, values: &[i32]) -> TensorProto {
    TensorProto { int32_data: values.into(), ..tensor(name, dims, data_type, vec![]) }
}

fn node(op_type: &str, input: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: op_type.into(),
        name: format!("{output}_node"),
        input: input.iter().map(|s| (*s).into()).collect(),
        output: vec![output.into()],
        ..NodeProto::default()
    }
}

fn axis(node: NodeProto, axis: i64) -> NodeProto {
    let attribute = AttributeProto {
        name: "axis".into(),
        r#type: attribute_proto::AttributeType::Int as i32,
        i: axis,
        ..AttributeProto::default()
    };
    NodeProto { attribute: vec![attribute], ..node }
}

fn edge(name: &str, element: DataType, shape: &[i64]) -> ValueInfoProto {
    let dim = shape
        .iter()
        .map(|d| tensor_shape_proto::Dimension {
            value: Some(tensor_shape_proto::dimension::Value::DimValue(*d)),
            ..tensor_shape_proto::Dimension::default()
        })
        .collect();
    let tensor = type_proto::Tensor { elem_type: element as i32, shape: Some(TensorShapeProto { dim }) };
    let value = Some(type_proto::Value::TensorType(tensor));
    let r#type = Some(TypeProto { value, ..TypeProto::default() });
    ValueInfoProto { name: name.into(), r#type, ..ValueInfoProto::default() }
}

/// A graph from `image` [1, 2, 2, 2], with the constants that all graphs here share.
fn proto(node: Vec<NodeProto>, output: Vec<ValueInfoProto>) -> ModelProto {
    let initializer = vec![
        floats("x_scale", &[X_SCALE]),
        tensor("x_zero", &[], DataType::Uint8, vec![X_ZERO]),
        floats("y_scale", &[Y_SCALE]),
        bytes("y_zero", &[], DataType::Uint8, &[Y_ZERO.into()]),
        tensor("w", &[3, 2, 1, 1], DataType::Int8, WEIGHTS.iter().map(|v| *v as u8).collect()),
        floats("w_scale", &W_SCALES),
        bytes("w_zero", &[3], DataType::Int8, &[0; 3]),
        tensor("b", &[3], DataType::Int32, BIAS.iter().flat_map(|v| v.to_le_bytes()).collect()),
        floats("b_scale", &W_SCALES.map(|s| s * X_SCALE)),
    ];
    let input = vec![edge("image", DataType::Float, &[1, 2, 2, 2])];
    let graph = GraphProto { node, initializer, input, output, ..GraphProto::default() };
    let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: 17 }];
    ModelProto { graph: Some(graph), opset_import, ir_version: 8, ..ModelProto::default() }
}

fn result(channels: i64) -> Vec<ValueInfoProto> {
    vec![edge("result", DataType::Float, &[1, channels, 2, 2])]
}

fn qdq() -> ModelProto {
    let nodes = vec![
        node("QuantizeLinear", &["image", "x_scale", "x_zero"], "xq"),
        node("DequantizeLinear", &["xq", "x_scale", "x_zero"], "x"),
        axis(node("DequantizeLinear", &["w", "w_scale", "w_zero"], "wf"), 0),
        axis(node("DequantizeLinear", &["b", "b_scale"], "bf"), -1),
        node("Conv", &["x", "wf", "bf"], "y"),
        node("QuantizeLinear", &["y", "y_scale", "y_zero"], "yq"),
        node("DequantizeLinear", &["yq", "y_scale", "y_zero"], "result"),
    ];
    proto(nodes, result(3))
}

const CONV: [&str; 9] = ["xq", "x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero", "b"];

fn qoperator() -> ModelProto {
    let nodes = vec![
        node("QuantizeLinear", &["image", "x_scale", "x_zero"], "xq"),
        node("QLinearConv", &CONV, "yq"),
        node("DequantizeLinear", &["yq", "y_scale", "y_zero"], "result"),
    ];
    proto(nodes, result(3))
}

fn add() -> ModelProto {
    let inputs = ["xq", "x_scale", "x_zero", "xt", "x_scale", "x_zero", "y_scale", "y_zero"];
    let nodes = vec![
        node("QuantizeLinear", &["image", "x_scale", "x_zero"], "xq"),
        node("Transpose", &["xq"], "xr"),
        node("Transpose", &["xr"], "xt"),
        NodeProto { domain: "com.microsoft".into(), ..node("QLinearAdd", &inputs, "yq") },
        node("DequantizeLinear", &["yq", "y_scale", "y_zero"], "result"),
    ];
    proto(nodes, result(2))
}

fn image() -> Vec<f32> {
    (0..8).map(|ix| (ix * 37 % 101) as f32 * 0.041 - 1.9).collect()
}

fn round(v: f32, scale: f32, zero_point: u8) -> i32 {
    ((v / scale).round_ties_even() as i32 + i32::from(zero_point)).clamp(0, 255)
}

/// The convolution in integers.
fn convolved() -> Vec<f32> {
    let x: Vec<i32> = image().iter().map(|v| round(*v, X_SCALE, X_ZERO) - i32::from(X_ZERO)).collect();
    let mut made = Vec::new();
    for (row, (scale, bias)) in WEIGHTS.chunks(2).zip(W_SCALES.iter().zip(BIAS)) {
        for pixel in 0..4 {
            let sum: i32 = bias + row.iter().enumerate().map(|(c, w)| i32::from(*w) * x[4 * c + pixel]).sum::<i32>();
            made.push(on_grid(sum as f32 * scale * X_SCALE));
        }
    }
    made
}

fn on_grid(y: f32) -> f32 {
    (round(y, Y_SCALE, Y_ZERO) - i32::from(Y_ZERO)) as f32 * Y_SCALE
}

fn added() -> Vec<f32> {
    let x = image().into_iter().map(|v| (round(v, X_SCALE, X_ZERO) - i32::from(X_ZERO)) as f32 * X_SCALE);
    x.map(|x| on_grid(x + x)).collect()
}

fn operators(proto: &ModelProto) -> Vec<&str> {
    proto.graph.iter().flat_map(|g| &g.node).map(|n| n.op_type.as_str()).collect()
}

fn graph(proto: &mut ModelProto) -> &mut GraphProto {
    proto.graph.as_mut().unwrap()
}

fn unfolded(mut proto: ModelProto) -> (ModelProto, WeightGrids) {
    let grids = unfold(&mut proto, &Limits::default());
    (proto, grids)
}

/// What tract makes of the graph for [`image`], in its first output.
fn run(proto: &ModelProto) -> Vec<f32> {
    let model = framework().model_for_proto_model(proto).unwrap().into_optimized().unwrap();
    let input = Tensor::from_shape(&[1, 2, 2, 2], &image()).unwrap();
    let outputs = model.into_runnable().unwrap().run(tvec!(input.into_tvalue())).unwrap();
    outputs[0].cast_to::<f32>().unwrap().try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec()
}

#[track_caller]
fn assert_close(made: &[f32], expected: &[f32]) {
    assert_eq!(made.len(), expected.len());
    assert!(made.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{made:?} for {expected:?}");
}

#[test]
fn qdq_becomes_float_with_rounding() {
    let (proto, grids) = unfolded(qdq());
    assert_eq!(operators(&proto), ["FakeQuantize", "Conv", "FakeQuantize"]);
    assert_eq!(grids.0.get("wf"), Some(&W_SCALES.to_vec()));
    assert_eq!(grids.0.get("bf"), None, "a bias of 32 bits");
    let names: Vec<&str> = proto.graph.iter().flat_map(|g| &g.initializer).map(|t| t.name.as_str()).collect();
    assert!(names.contains(&"wf") && !names.contains(&"w"), "{names:?}");
    assert_close(&run(&proto), &convolved());
}

#[test]
fn qoperator_becomes_float_with_rounding() {
    let (proto, grids) = unfolded(qoperator());
    assert_eq!(operators(&proto), ["FakeQuantize", "Conv", "FakeQuantize"]);
    assert_eq!(grids.0.get("w.float"), Some(&W_SCALES.to_vec()));
    assert_close(&run(&proto), &convolved());
    let (proto, _) = unfolded(add());
    assert_eq!(operators(&proto), ["FakeQuantize", "Transpose", "Transpose", "Add", "FakeQuantize"]);
    assert_close(&run(&proto), &added());
}

#[test]
fn float_weights_that_the_file_quantises_are_folded() {
    let mut proto = qdq();
    let values: Vec<f32> = WEIGHTS.iter().zip([0, 0, 1, 1, 2, 2]).map(|(w, c)| f32::from(*w) * W_SCALES[c]).collect();
    let weights = TensorProto { dims: vec![3, 2, 1, 1], ..floats("raw", &values) };
    let graph = graph(&mut proto);
    graph.initializer.push(weights);
    graph.node.insert(0, axis(node("QuantizeLinear", &["raw", "w_scale", "w_zero"], "rawq"), 0));
    graph.node[3].input[0] = "rawq".into();
    let (proto, grids) = unfolded(proto);
    assert_eq!(operators(&proto), ["FakeQuantize", "Conv", "FakeQuantize"]);
    assert!(grids.0.contains_key("wf"));
    assert_close(&run(&proto), &convolved());
}

#[test]
fn weights_far_from_their_zero_point_have_no_grid() {
    let mut proto = qdq();
    graph(&mut proto).initializer.retain(|t| t.name != "w_zero");
    graph(&mut proto).initializer.push(bytes("w_zero", &[3], DataType::Int8, &[0, 0, 100]));
    let (proto, grids) = unfolded(proto);
    assert_eq!(operators(&proto), ["FakeQuantize", "Conv", "FakeQuantize"]);
    assert_eq!(grids, WeightGrids::default());
}

#[test]
fn several_readers_share_one_rounding() {
    let mut proto = qdq();
    let graph = graph(&mut proto);
    graph.node.push(node("DequantizeLinear", &["yq", "y_scale", "y_zero"], "again"));
    graph.output.insert(0, edge("again", DataType::Float, &[1, 3, 2, 2]));
    let (proto, _) = unfolded(proto);
    assert_eq!(operators(&proto), ["FakeQuantize", "Conv", "FakeQuantize", "Identity"]);
    assert_close(&run(&proto), &convolved());
}

#[test]
fn what_others_read_as_integers_stays() {
    let mut file = qdq();
    graph(&mut file).output.push(edge("yq", DataType::Uint8, &[1, 3, 2, 2]));
    let (proto, _) = unfolded(file);
    assert_eq!(operators(&proto), ["FakeQuantize", "Conv", "QuantizeLinear", "DequantizeLinear"]);
    assert_close(&run(&proto), &convolved());

    // Of an operator that has become float, the integers are made again.
    let mut file = qoperator();
    graph(&mut file).output.insert(0, edge("yq", DataType::Uint8, &[1, 3, 2, 2]));
    let (proto, _) = unfolded(file);
    assert_eq!(operators(&proto), ["FakeQuantize", "Conv", "FakeQuantize", "QuantizeLinear"]);
    let integers: Vec<f32> = convolved().iter().map(|y| (y / Y_SCALE).round() + f32::from(Y_ZERO)).collect();
    assert_close(&run(&proto), &integers);

    // A reader that is not known here gets integers, and one that follows it floats.
    let mut file = qoperator();
    graph(&mut file).node[0] = node("QuantizeLinear", &["image", "x_scale", "x_zero"], "x");
    graph(&mut file).node.insert(1, node("Abs", &["x"], "xq"));
    let (proto, _) = unfolded(file);
    assert_eq!(operators(&proto), ["QuantizeLinear", "Abs", "DequantizeLinear", "Conv", "FakeQuantize"]);
    assert_close(&run(&proto), &convolved());
}

#[test]
fn files_without_quantised_operators_are_not_touched() {
    let file = proto(vec![node("Relu", &["image"], "result")], result(2));
    assert_eq!(unfolded(file.clone()), (file, WeightGrids::default()));
}

/// Everything that can be wrong with one part of a sound file.
fn spoilt(file: &ModelProto) -> Vec<ModelProto> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut GraphProto)| {
        let mut proto = file.clone();
        change(graph(&mut proto));
        all.push(proto);
    };
    let sound = file.graph.as_ref().unwrap();
    with(&|g| g.node.reverse());
    with(&|g| g.initializer.clear());
    for (at, node) in sound.node.iter().enumerate() {
        with(&|g| g.node[at].output.clear());
        with(&|g| g.node[at].output[0].clear());
        with(&|g| g.node[at].output.push("more".into()));
        with(&|g| g.node[at].attribute.clear());
        with(&|g| g.node.insert(0, node.clone()));
        for name in [i64::MIN, -2, 9] {
            with(&|g| g.node[at].attribute.iter_mut().for_each(|a| a.i = name));
        }
        for slot in 0..node.input.len() {
            with(&|g| g.node[at].input.truncate(slot));
            for name in ["", "nothing", "image", "w", "x_scale", "result"] {
                with(&|g| g.node[at].input[slot] = name.into());
            }
        }
    }
    for at in 0..sound.initializer.len() {
        with(&|g| drop(g.initializer.remove(at)));
        with(&|g| g.initializer[at].raw_data = vec![1, 2, 3]);
        with(&|g| g.initializer[at].raw_data.clear());
        with(&|g| g.initializer[at].int32_data = vec![1 << 30]);
        for dims in [vec![], vec![0], vec![-1], vec![i64::MAX; 3], vec![0, i64::MAX, i64::MAX], vec![2, 3]] {
            with(&|g| g.initializer[at].dims = dims.clone());
        }
        for data_type in [0, 1, 2, 3, 6, 10, 99, -1] {
            with(&|g| g.initializer[at].data_type = data_type);
        }
        for scale in [f32::NAN, f32::INFINITY, 0.0, -1.0] {
            with(&|g| {
                let scales = g.initializer[at].raw_data.len() / 4;
                g.initializer[at].raw_data = scale.to_le_bytes().repeat(scales);
            });
        }
    }
    all
}

#[test]
fn hostile_files_change_nothing_but_themselves() {
    for file in [qdq(), qoperator(), add()] {
        for spoilt in spoilt(&file) {
            let outputs = spoilt.graph.as_ref().unwrap().output.clone();
            let (proto, grids) = unfolded(spoilt);
            assert_eq!(proto.graph.unwrap().output, outputs);
            assert!(grids.0.values().flatten().all(|scale| scale.is_finite() && *scale > 0.0));
        }
    }
}

#[test]
fn order_in_the_file_does_not_matter() {
    // Of the three, tract itself would refuse the last: it has no `QLinearAdd`.
    for (mut file, expected) in [(qdq(), convolved()), (qoperator(), convolved()), (add(), added())] {
        graph(&mut file).node.reverse();
        let (proto, _) = unfolded(file);
        assert_close(&run(&proto), &expected);
    }
}

#[test]
fn unsound_scales_leave_the_operators() {
    for scale in [f32::NAN, f32::INFINITY, 0.0, -0.02] {
        let mut file = qdq();
        graph(&mut file).initializer[0] = floats("x_scale", &[scale]);
        let (proto, _) = unfolded(file);
        assert_eq!(operators(&proto), ["QuantizeLinear", "DequantizeLinear", "Conv", "FakeQuantize"]);
    }
}

#[test]
fn one_tensor_is_not_decoded_thousands_of_times() {
    let mut file = qdq();
    let graph = graph(&mut file);
    graph.initializer.push(tensor("large", &[1 << 20], DataType::Int8, vec![0; 1 << 20]));
    for copy in 0..1000 {
        graph.node.push(node("DequantizeLinear", &["large", "x_scale"], &format!("copy{copy}")));
    }
    let (proto, _) = unfolded(file);
    let made = proto.graph.iter().flat_map(|g| &g.initializer).filter(|t| t.name.starts_with("copy"));
    assert!((1..8).contains(&made.count()));
}

fn golden(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/quantized");
    std::fs::read(folder.join(name)).unwrap()
}

fn golden_floats(name: &str) -> Vec<f32> {
    golden(name).as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

fn answers(file: &str, arithmetic: Arithmetic) -> Vec<f32> {
    let name = format!("{file}.onnx");
    let model = OnnxModel::from_bytes(&name, &golden(&name), Limits::default()).unwrap();
    let graph = model.compile_as(&CompileOptions::default(), arithmetic).unwrap();
    let mut session = graph.session().unwrap();
    session.fill_input(0, &golden_floats("input.f32")).unwrap();
    let mut outputs = Vec::new();
    session.run(&mut outputs).unwrap();
    outputs[0].as_f32().unwrap().to_vec()
}

#[test]
fn no_convolution_of_a_quantized_file_stays_in_floats() {
    for file in ["qdq.onnx", "qoperator.onnx"] {
        let model = OnnxModel::from_bytes(file, &golden(file), Limits::default()).unwrap();
        let audit = model.compile(&CompileOptions::default()).unwrap().audit().clone();
        let convolutions: Vec<_> = audit.kernels.iter().filter(|(label, _)| label.starts_with("Conv")).collect();
        assert!(convolutions.iter().all(|(label, _)| label.contains("int8")), "{file}: {:?}", audit.kernels);
        assert_eq!(convolutions.iter().map(|(_, count)| **count).sum::<usize>(), 3, "{file}: {:?}", audit.kernels);
    }
}

/// How far the answers lie from ONNX Runtime's, in steps of the output's grid, sorted.
fn distances(file: &str, arithmetic: Arithmetic) -> Vec<f32> {
    let expected = golden_floats(&format!("{file}.f32"));
    let mut values = expected.clone();
    values.sort_by(f32::total_cmp);
    let gaps = values.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 1e-4);
    let step = gaps.fold(f32::INFINITY, f32::min);
    let made = answers(file, arithmetic);
    assert_eq!(made.len(), expected.len());
    let mut steps: Vec<f32> = made.iter().zip(&expected).map(|(a, b)| ((a - b) / step).abs()).collect();
    steps.sort_by(f32::total_cmp);
    steps
}

#[test]
fn files_of_onnxruntime_are_answered_as_by_onnxruntime() {
    for file in ["qdq", "qoperator"] {
        let steps = distances(file, Arithmetic::Single);
        let near = steps[steps.len() - 1 - steps.len() / 1000];
        let last = steps[steps.len() - 1];
        assert!(near < 1.01 && last < 3.01, "{file}: off by {near}, at most {last} steps");
    }
}

/// Half floats are too coarse for some roundings, so that single values end a few steps away.
#[test]
fn quantised_files_run_in_half_floats() {
    for file in ["qdq", "qoperator"] {
        let steps = distances(file, Arithmetic::Half);
        let mean = steps.iter().sum::<f32>() / steps.len() as f32;
        assert!(mean < 0.5, "{file}: {mean} steps on average");
    }
}
