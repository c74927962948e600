use prost::Message;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, attribute_proto::AttributeType, tensor_shape_proto, type_proto,
};

use super::halved::Halved;
use super::proto::{constant, float_constant};
use super::*;
use crate::engine::{CompileOptions, Limits};

const SIDE: usize = 8;

fn edge(name: &str, dims: &[usize]) -> ValueInfoProto {
    let dim = |d: &usize| tensor_shape_proto::Dimension {
        value: Some(tensor_shape_proto::dimension::Value::DimValue(*d as i64)),
        ..Default::default()
    };
    let shape = Some(TensorShapeProto { dim: dims.iter().map(dim).collect() });
    let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape };
    let r#type = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() };
    ValueInfoProto { name: name.into(), r#type: Some(r#type), ..Default::default() }
}

fn node(operator: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto { name: format!("{output}_node"), ..proto::node(operator, inputs, output, &[]) }
}

fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// image -> conv a (3x3, bias) -> relu r -> conv b (1x1) -> add to r -> y; r and y come out.
fn tiny(operator_set: i64) -> OnnxModel {
    let pads = AttributeProto {
        name: "pads".into(),
        r#type: AttributeType::Ints as i32,
        ints: vec![1; 4],
        ..Default::default()
    };
    let first = NodeProto { attribute: vec![pads], ..node("Conv", &["image", "a.w", "a.b"], "a") };
    let weights = |name: &str, dims: &[i64], seed: u32| {
        let values = numbers(dims.iter().product::<i64>() as usize, seed);
        float_constant(name, dims, &values)
    };
    let graph = GraphProto {
        name: "tiny".into(),
        node: vec![first, node("Relu", &["a"], "r"), node("Conv", &["r", "b.w"], "b"), node("Add", &["b", "r"], "y")],
        initializer: vec![weights("a.w", &[4, 3, 3, 3], 1), weights("a.b", &[4], 2), weights("b.w", &[4, 4, 1, 1], 3)],
        input: vec![edge("image", &[1, 3, SIDE, SIDE])],
        output: vec![edge("r", &[1, 4, SIDE, SIDE]), edge("y", &[1, 4, SIDE, SIDE])],
        ..Default::default()
    };
    let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: operator_set }];
    let file = ModelProto { ir_version: 8, opset_import, graph: Some(graph), ..Default::default() };
    OnnxModel::from_bytes("tiny.onnx", &file.encode_to_vec(), Limits::default()).unwrap()
}

fn plan() -> QuantizationPlan {
    let grid = |scale, zero_point| ActivationGrid { scale, zero_point };
    let grids = [("image".to_owned(), grid(2.0 / 255.0, 128)), ("r".to_owned(), grid(8.0 / 255.0, 0))];
    QuantizationPlan { grids: grids.into(), ..Default::default() }
}

fn answers(model: &OnnxModel) -> Vec<Vec<f32>> {
    let mut session = model.compile(&CompileOptions::default()).unwrap().session().unwrap();
    session.input_mut(0).unwrap().copy_from_slice(&numbers(3 * SIDE * SIDE, 9));
    let mut outputs = Vec::new();
    session.run(&mut outputs).unwrap();
    outputs.iter().map(|t| t.as_f32().unwrap().to_vec()).collect()
}

fn relative_error(exact: &[f32], given: &[f32]) -> f32 {
    let energy = |v: &mut dyn Iterator<Item = f32>| v.map(|v| v * v).sum::<f32>();
    (energy(&mut exact.iter().zip(given).map(|(a, b)| a - b)) / energy(&mut exact.iter().copied())).sqrt()
}

fn find<'a>(model: &'a OnnxModel, name: &str) -> &'a TensorProto {
    let graph = model.proto.graph.as_ref().unwrap();
    graph.initializer.iter().find(|i| i.name == name).unwrap_or_else(|| panic!("no constant `{name}`"))
}

fn inputs_of(model: &OnnxModel, output: &str) -> Vec<String> {
    let graph = model.proto.graph.as_ref().unwrap();
    graph.node.iter().find(|n| n.output[0] == output).unwrap().input.clone()
}

#[test]
fn convolutions_are_listed_with_their_tensors() {
    let found = tiny(17).convolutions();
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].name.as_str(), found[0].input.as_str(), found[0].output.as_str()), ("a_node", "image", "a"));
    assert_eq!(
        (&found[0].shape[..], found[0].bias.as_deref(), found[1].bias.as_deref()),
        (&[4, 3, 3, 3][..], Some("a.b"), None)
    );
}

#[test]
fn observed_tensors_come_out_behind_the_others() {
    let observed = tiny(17).observing(&["b".into(), "y".into(), "a".into()]).unwrap();
    let found = answers(&observed);
    assert_eq!(found.len(), 4);
    let expected: Vec<f32> = found[2].iter().zip(&found[0]).map(|(b, r)| b + r).collect();
    assert!(relative_error(&expected, &found[1]) < 1e-6, "b + r is y");
    assert!(
        relative_error(&found[0], &found[3].iter().map(|a| a.max(0.0)).collect::<Vec<_>>()) < 1e-6,
        "relu of a is r"
    );
    assert!(tiny(17).observing(&["none".into()]).is_err());
}

#[test]
fn quantised_graphs_compute_nearly_the_same() {
    let (exact, given) = (answers(&tiny(17)), answers(&tiny(17).quantized(&plan()).unwrap()));
    for (exact, given) in exact.iter().zip(&given) {
        let error = relative_error(exact, given);
        assert!(error > 1e-5 && error < 0.02, "off by {error}");
    }
}

#[test]
fn twins_stand_beside_an_unchanged_model() {
    let (doubled, twins) = tiny(17).with_twins(&plan()).unwrap();
    let names = ["a", "b"].map(|name| twins[&format!("{name}_node")].clone());
    let found = answers(&doubled.observing(&["a".into(), names[0].clone(), "b".into(), names[1].clone()]).unwrap());
    for (exact, given) in answers(&tiny(17)).iter().zip(&found) {
        assert!(relative_error(exact, given) < 1e-5);
    }
    for pair in found[2..].chunks(2) {
        let error = relative_error(&pair[0], &pair[1]);
        assert!(error > 1e-5 && error < 0.02, "off by {error}");
    }
}

#[test]
fn everything_that_reads_a_rounded_tensor_is_redirected_but_outputs_are_not() {
    let made = tiny(17).quantized(&plan()).unwrap();
    assert_eq!(inputs_of(&made, "a")[0], "image_dequantized");
    assert_eq!(inputs_of(&made, "b")[0], "r_dequantized");
    assert_eq!(inputs_of(&made, "y"), ["b", "r_dequantized"]);
    assert_eq!(inputs_of(&made, "r_quantized"), ["r", "r_scale", "r_zero_point"]);
    let graph = made.proto.graph.as_ref().unwrap();
    assert_eq!(graph.output.iter().map(|o| o.name.as_str()).collect::<Vec<_>>(), ["r", "y"]);
    assert!(graph.initializer.iter().all(|i| !["a.w", "a.b", "b.w"].contains(&i.name.as_str())), "floats are gone");
    let mut known: Vec<&str> = graph.initializer.iter().map(|i| i.name.as_str()).chain(["image"]).collect();
    for node in &graph.node {
        assert!(node.input.iter().all(|i| known.contains(&i.as_str())), "{} comes too early", node.name);
        known.extend(node.output.iter().map(String::as_str));
    }
}

#[test]
fn weights_and_biases_are_codes_on_their_grids() {
    let made = tiny(17).quantized(&plan()).unwrap();
    let (weights, biases) = (numbers(4 * 27, 1), numbers(4, 2));
    let codes = find(&made, "a.w_quantized");
    assert_eq!((codes.data_type, &codes.dims[..]), (DataType::Int8 as i32, &[4, 3, 3, 3][..]));
    let scales = proto::floats(find(&made, "a.w_scale")).unwrap();
    let bias_scales = proto::floats(find(&made, "a.b_scale")).unwrap();
    for (ix, channel) in weights.chunks(27).enumerate() {
        let largest = channel.iter().fold(0.0f32, |m, w| m.max(w.abs()));
        assert_eq!(scales[ix], largest / 127.0);
        for (w, code) in channel.iter().zip(&codes.raw_data[ix * 27..]) {
            assert!((w - f32::from(*code as i8) * scales[ix]).abs() <= scales[ix] * 0.5001);
        }
        assert_eq!(bias_scales[ix], scales[ix] * (2.0f32 / 255.0));
        let code = i32::from_le_bytes(find(&made, "a.b_quantized").raw_data[ix * 4..][..4].try_into().unwrap());
        assert!((biases[ix] - code as f32 * bias_scales[ix]).abs() <= bias_scales[ix]);
    }
}

#[test]
fn a_bias_that_would_overflow_gets_a_larger_scale() {
    let mut file = tiny(17).proto.clone();
    let initializer = &mut file.graph.as_mut().unwrap().initializer;
    let mut weights = numbers(4 * 27, 1);
    weights[..27].fill(1e-9);
    weights[27..54].fill(0.0);
    initializer[0] = float_constant("a.w", &[4, 3, 3, 3], &weights);
    initializer[1] = float_constant("a.b", &[4], &[1000.0, -1000.0, 0.5, 0.0]);
    let model = tiny(17).rewritten(file).unwrap();
    let given = answers(&model.quantized(&plan()).unwrap());
    let made = model.quantized(&plan()).unwrap();
    let at = |ix: usize| i32::from_le_bytes(find(&made, "a.b_quantized").raw_data[ix * 4..][..4].try_into().unwrap());
    assert!(at(0) > 0 && at(0) <= 1 << 30 && at(1) < 0);
    assert!(given[0][..SIDE * SIDE].iter().all(|v| (v - 1000.0).abs() < 1e-2), "{:?}", &given[0][..4]);
}

#[test]
fn corrections_go_into_the_bias_and_kept_convolutions_stay_float() {
    let corrections = [("b_node".to_owned(), vec![0.5; 4]), ("a_node".to_owned(), vec![0.0; 4])].into();
    let made = tiny(17).quantized(&QuantizationPlan { bias_corrections: corrections, ..plan() }).unwrap();
    let (without, with) = (answers(&tiny(17).quantized(&plan()).unwrap()), answers(&made));
    assert_eq!(without[0], with[0]);
    assert!(without[1].iter().zip(&with[1]).all(|(a, b)| (b - a - 0.5).abs() < 1e-4));

    let float = ["b_node".to_owned()].into();
    let made = tiny(17).quantized(&QuantizationPlan { float, ..plan() }).unwrap();
    assert_eq!(inputs_of(&made, "b"), ["r_dequantized", "b.w"]);
    assert_eq!(proto::floats(find(&made, "b.w")).unwrap(), numbers(16, 3));
}

#[test]
fn what_cannot_be_quantised_is_refused_with_a_remedy() {
    let text = tiny(11).quantized(&plan()).unwrap_err().to_string();
    assert!(text.contains("tiny.onnx") && text.contains("opset_version=13"), "{text}");
    let mut wrong = plan();
    wrong.grids.insert("none".into(), ActivationGrid { scale: 1.0, zero_point: 0 });
    assert!(tiny(17).quantized(&wrong).unwrap_err().to_string().contains("`none`"));
    let short = QuantizationPlan { bias_corrections: [("a_node".to_owned(), vec![0.0])].into(), ..plan() };
    assert!(tiny(17).quantized(&short).unwrap_err().to_string().contains("a_node"));
    let step =
        QuantizationPlan { grids: [("r".into(), ActivationGrid { scale: 0.0, zero_point: 0 })].into(), ..plan() };
    assert!(tiny(17).quantized(&step).is_err());
}

#[test]
fn halved_weights_are_cast_back_and_overflow_stays() {
    let mut file = tiny(17).proto.clone();
    let initializer = &mut file.graph.as_mut().unwrap().initializer;
    let mut weights = numbers(16, 3);
    weights[0] = 70_000.0;
    initializer[2] = float_constant("b.w", &[4, 4, 1, 1], &weights);
    initializer.push(constant("spare", DataType::Int64, &[1], vec![0; 8]));
    let model = tiny(17).rewritten(file).unwrap();
    let Halved { model: made, halved, overflowing } = model.halved().unwrap();
    assert_eq!((halved, overflowing), (1, vec!["b.w".to_owned()]));
    let half = find(&made, "a.w_f16");
    assert_eq!((half.data_type, half.raw_data.len()), (DataType::Float16 as i32, 2 * 4 * 27));
    assert_eq!(inputs_of(&made, "a.w"), ["a.w_f16"]);
    for (exact, given) in answers(&model).iter().zip(answers(&made)) {
        let error = relative_error(exact, &given);
        assert!(error > 0.0 && error < 1e-3, "off by {error}");
    }
}

#[test]
fn files_are_written_whole_and_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("made.onnx");
    let made = tiny(17).quantized(&plan()).unwrap();
    let bytes = made.write(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), bytes);
    assert_eq!(answers(&OnnxModel::open(&path, Limits::default()).unwrap()), answers(&made));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
    assert!(made.write(dir.path().join("none/made.onnx")).is_err());
}

#[test]
fn constants_become_initializers_that_readers_name() {
    let plain = tiny(17);
    let mut proto = plain.proto.clone();
    let graph = proto.graph.as_mut().unwrap();
    let at = graph.initializer.iter().position(|i| i.name == "b.w").unwrap();
    let tensor = graph.initializer.remove(at);
    let value = AttributeProto {
        name: "value".into(),
        r#type: AttributeType::Tensor as i32,
        t: Some(tensor),
        ..Default::default()
    };
    let constant = NodeProto { attribute: vec![value], ..node("Constant", &[], "b.value") };
    let shared = [node("Identity", &["b.value"], "b.w"), node("Identity", &["a.b"], "a.same"), constant];
    graph.node[0].input[2] = "a.same".into();
    graph.node.splice(0..0, shared.into_iter().rev());
    let shared = plain.rewritten(proto).unwrap();
    assert_eq!(shared.convolutions().len(), 0);
    let found = shared.with_plain_constants().unwrap().convolutions();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].bias.as_deref(), Some("a.b"));
    assert_eq!(found[1].weights, "b.value");
}

/// image -> conv a -> relu6 -> conv b (1x1) = s; s -> conv c (depthwise) -> conv d = t; s + t -> relu -> mean and conv e -> y.
fn streamed() -> OnnxModel {
    let ints = |name: &str, ints: &[i64]| AttributeProto {
        name: name.into(),
        r#type: AttributeType::Ints as i32,
        ints: ints.to_vec(),
        ..Default::default()
    };
    let padded = |inputs: &[&str], output: &str, group: i64| NodeProto {
        attribute: vec![ints("pads", &[1; 4]), proto::integer("group", group)],
        ..node("Conv", inputs, output)
    };
    let weights = |name: &str, dims: &[i64], seed: u32| {
        let values = numbers(dims.iter().product::<i64>() as usize, seed);
        float_constant(name, dims, &values)
    };
    let graph = GraphProto {
        name: "streamed".into(),
        node: vec![
            padded(&["image", "a.w", "a.b"], "a", 1),
            node("Clip", &["a", "zero", "six"], "six_a"),
            node("Conv", &["six_a", "b.w", "b.b"], "s"),
            padded(&["s", "c.w"], "c", 4),
            node("Sigmoid", &["c"], "c_s"),
            node("Conv", &["c_s", "d.w", "d.b"], "t"),
            node("Add", &["s", "t"], "sum"),
            node("Relu", &["sum"], "r"),
            NodeProto { attribute: vec![ints("axes", &[2, 3])], ..node("ReduceMean", &["r"], "mean") },
            node("Conv", &["mean", "f.w"], "f"),
            node("Conv", &["r", "e.w"], "e"),
            node("Add", &["e", "f"], "y"),
        ],
        initializer: vec![
            weights("a.w", &[5, 3, 3, 3], 1),
            weights("a.b", &[5], 2),
            weights("b.w", &[4, 5, 1, 1], 3),
            weights("b.b", &[4], 4),
            weights("c.w", &[4, 1, 3, 3], 5),
            weights("d.w", &[4, 4, 1, 1], 6),
            weights("d.b", &[4], 7),
            weights("e.w", &[2, 4, 1, 1], 8),
            weights("f.w", &[2, 4, 1, 1], 9),
            float_constant("zero", &[], &[0.0]),
            float_constant("six", &[], &[6.0]),
        ],
        input: vec![edge("image", &[1, 3, SIDE, SIDE])],
        output: vec![edge("y", &[1, 2, SIDE, SIDE])],
        ..Default::default()
    };
    let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: 17 }];
    let file = ModelProto { ir_version: 8, opset_import, graph: Some(graph), ..Default::default() };
    OnnxModel::from_bytes("streamed.onnx", &file.encode_to_vec(), Limits::default()).unwrap()
}

fn answer(model: &OnnxModel) -> Vec<f32> {
    let shapes = vec![("image".to_owned(), vec![1, 3, SIDE, SIDE])];
    let graph = model.compile(&CompileOptions { shapes, ..CompileOptions::default() }).unwrap();
    let mut session = graph.session().unwrap();
    session.input_mut(0).unwrap().copy_from_slice(&numbers(3 * SIDE * SIDE, 77));
    let mut values = Vec::new();
    session.run(&mut values).unwrap();
    values[0].as_f32().unwrap().to_vec()
}

#[test]
fn streams_are_what_convolutions_make_and_read() {
    let streams = streamed().streams();
    let found: Vec<(&[String], usize)> = streams.iter().map(|s| (s.tensors.as_slice(), s.channels)).collect();
    // Not `a`, whose values are cut at six, nor `c_s`, which no convolution makes, nor `y`, which comes out.
    assert_eq!(found, [(["s", "t", "sum", "r", "mean"].map(String::from).as_slice(), 4)]);
    assert_eq!(tiny(17).streams(), [], "what comes out of the graph stays as it is");
}

#[test]
fn rescaled_streams_answer_the_same() {
    let model = streamed();
    let streams = model.streams();
    let factors = vec![0.01, 30.0, 1.0, 4.0];
    let other = model.rescaled(&[(streams[0].clone(), factors)]).unwrap();
    assert_ne!(model.to_bytes(), other.to_bytes());
    for (a, b) in answer(&model).iter().zip(answer(&other)) {
        assert!((a - b).abs() < 1e-4 * a.abs().max(1.0), "{a} {b}");
    }
    for bad in [vec![1.0; 3], vec![1.0, 0.0, 1.0, 1.0], vec![1.0, f32::NAN, 1.0, 1.0], vec![1.0, -1.0, 1.0, 1.0]] {
        assert!(model.rescaled(&[(streams[0].clone(), bad)]).is_err());
    }
    let shares = model.weight_shares(&streams[0]);
    assert!(shares.iter().all(|s| *s == 1.0), "the depthwise convolution reads each channel alone: {shares:?}");
}
