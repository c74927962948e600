//! Small files that ask for what must not be given, each for its kind.

use prost::Message;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, tensor_shape_proto, type_proto,
};

use crate::engine::{CompileOptions, Limits, OnnxModel, hostile};
use crate::error::ModelError;

fn edge(name: &str, dims: &[i64]) -> ValueInfoProto {
    let dim = |d: &i64| tensor_shape_proto::Dimension {
        value: Some(tensor_shape_proto::dimension::Value::DimValue(*d)),
        ..Default::default()
    };
    let shape = (!dims.is_empty()).then(|| TensorShapeProto { dim: dims.iter().map(dim).collect() });
    let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape };
    let r#type = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() };
    ValueInfoProto { name: name.into(), r#type: Some(r#type), ..Default::default() }
}

fn node(operator: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        name: format!("{output}_node"),
        op_type: operator.into(),
        input: inputs.iter().map(|name| (*name).to_owned()).collect(),
        output: vec![output.into()],
        ..Default::default()
    }
}

fn with(mut node: NodeProto, name: &str, ints: &[i64]) -> NodeProto {
    let r#type = AttributeType::Ints as i32;
    node.attribute.push(AttributeProto { name: name.into(), r#type, ints: ints.to_vec(), ..Default::default() });
    node
}

fn with_one(mut node: NodeProto, name: &str, i: i64) -> NodeProto {
    let r#type = AttributeType::Int as i32;
    node.attribute.push(AttributeProto { name: name.into(), r#type, i, ..Default::default() });
    node
}

fn whole(name: &str, dims: &[i64], values: &[i64]) -> TensorProto {
    let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    TensorProto {
        name: name.into(),
        data_type: DataType::Int64 as i32,
        dims: dims.to_vec(),
        raw_data,
        ..Default::default()
    }
}

fn float(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    TensorProto {
        name: name.into(),
        data_type: DataType::Float as i32,
        dims: dims.to_vec(),
        raw_data,
        ..Default::default()
    }
}

fn file(node: Vec<NodeProto>, initializer: Vec<TensorProto>) -> ModelProto {
    let last = node.last().and_then(|node| node.output.first()).cloned().unwrap_or_default();
    let graph = GraphProto {
        name: "g".into(),
        node,
        initializer,
        input: vec![edge("image", &[1, 3, 8, 8])],
        output: vec![edge(&last, &[])],
        ..Default::default()
    };
    let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: 17 }];
    ModelProto { ir_version: 8, opset_import, graph: Some(graph), ..Default::default() }
}

fn compiled(file: &ModelProto, limits: Limits) -> Result<crate::engine::Graph, ModelError> {
    OnnxModel::from_bytes("m.onnx", &file.encode_to_vec(), limits)?.compile(&CompileOptions::default())
}

fn refusal(nodes: Vec<NodeProto>, constants: Vec<TensorProto>) -> ModelError {
    match compiled(&file(nodes, constants), Limits::default()) {
        Ok(graph) => panic!("accepted: {graph:?}"),
        Err(error) => error,
    }
}

#[test]
fn what_should_be_one_number_is_not_read_where_there_is_none() {
    let none = |name: &str| whole(name, &[0], &[]);
    let no_bool = TensorProto { data_type: DataType::Bool as i32, ..none("none") };
    let no_float = TensorProto { data_type: DataType::Float as i32, ..none("none") };
    let branch = |name: &str, made: &str| AttributeProto {
        name: name.into(),
        r#type: AttributeType::Graph as i32,
        g: Some(GraphProto {
            name: name.into(),
            node: vec![node("Identity", &["image"], made)],
            output: vec![edge(made, &[])],
            ..Default::default()
        }),
        ..Default::default()
    };
    let mut choice = node("If", &["none"], "y");
    choice.attribute = vec![branch("then_branch", "t"), branch("else_branch", "e")];
    let two = float("two", &[2], &[0.0, 1.0]);
    let one = whole("one", &[], &[1]);
    let cases: Vec<(NodeProto, Vec<TensorProto>)> = vec![
        (choice, vec![no_bool]),
        (node("OneHot", &["indices", "none", "two"], "y"), vec![whole("indices", &[2], &[0, 1]), none("none"), two]),
        (node("Range", &["none", "one", "one"], "y"), vec![none("none"), one.clone()]),
        (node("Range", &["one", "one", "none"], "y"), vec![none("none"), one]),
        (node("CumSum", &["image", "none"], "y"), vec![none("none")]),
        (node("TopK", &["image", "none"], "y"), vec![none("none")]),
        (node("Trilu", &["image", "none"], "y"), vec![none("none")]),
        (node("Clip", &["image", "none"], "y"), vec![no_float.clone()]),
        (node("Pad", &["image", "pads", "none"], "y"), vec![whole("pads", &[8], &[0; 8]), no_float.clone()]),
        (node("Mul", &["image", "none"], "y"), vec![no_float.clone()]),
        (node("Gather", &["image", "none"], "y"), vec![none("none")]),
        (node("PRelu", &["image", "none"], "y"), vec![no_float]),
    ];
    for (node, constants) in cases {
        let operator = node.op_type.clone();
        let text = refusal(vec![node], constants).to_string();
        assert!(text.contains("no elements") && text.contains(&format!("`y_node` ({operator})")), "{operator}: {text}");
    }
}

#[test]
fn a_branch_is_taken_where_the_condition_is_known() {
    let branch = |name: &str, operator: &str, made: &str| AttributeProto {
        name: name.into(),
        r#type: AttributeType::Graph as i32,
        g: Some(GraphProto {
            name: name.into(),
            node: vec![node(operator, &["image"], made)],
            output: vec![edge(made, &[])],
            ..Default::default()
        }),
        ..Default::default()
    };
    let mut choice = node("If", &["yes"], "y");
    choice.attribute = vec![branch("then_branch", "Neg", "t"), branch("else_branch", "Identity", "e")];
    let yes =
        TensorProto { name: "yes".into(), data_type: DataType::Bool as i32, raw_data: vec![1], ..Default::default() };
    let graph = compiled(&file(vec![choice.clone()], vec![yes]), Limits::default()).unwrap();
    let mut session = graph.session().unwrap();
    session.input_mut(0).unwrap().fill(2.0);
    let mut outputs = Vec::new();
    session.run(&mut outputs).unwrap();
    assert!(outputs[0].as_f32().unwrap().iter().all(|v| *v == -2.0));

    // What a branch would make is looked at as well.
    let large = GraphProto {
        node: vec![node("ConstantOfShape", &["sides"], "t")],
        initializer: vec![whole("sides", &[2], &[1 << 20, 1 << 20])],
        output: vec![edge("t", &[])],
        ..Default::default()
    };
    choice.attribute[0].g = Some(large);
    let yes =
        TensorProto { name: "yes".into(), data_type: DataType::Bool as i32, raw_data: vec![1], ..Default::default() };
    assert!(matches!(refusal(vec![choice], vec![yes]), ModelError::HostileShape { .. }));
}

#[test]
fn numbers_out_of_all_proportion_are_refused() {
    let weights = || vec![float("w", &[3], &[1.0; 3]), whole("far", &[1], &[1 << 62])];
    for (node, attribute) in [
        (with_one(node("LayerNormalization", &["image", "w"], "y"), "axis", 1 << 62), "axis"),
        (with_one(node("Concat", &["image", "image"], "y"), "axis", -(1 << 31)), "axis"),
        (with(node("Transpose", &["image"], "y"), "perm", &[0, 1, 2, 1 << 40]), "perm"),
        (with(node("AveragePool", &["image"], "y"), "kernel_shape", &[16, (1 << 31) - 1]), "kernel_shape"),
        (with(node("MaxPool", &["image"], "y"), "kernel_shape", &[1 << 20, 1 << 20]), "kernel_shape"),
        (with(node("MaxPool", &["image"], "y"), "pads", &[0, 0, i64::MAX, 0]), "pads"),
        (with_one(node("DepthToSpace", &["image"], "y"), "blocksize", i64::MIN), "blocksize"),
        (node("Unsqueeze", &["image", "far"], "y"), "axis"),
        (node("CumSum", &["image", "far"], "y"), "axis"),
    ] {
        let operator = node.op_type.clone();
        let text = refusal(vec![node], weights()).to_string();
        assert!(text.contains(attribute) && text.contains(&format!("`y_node` ({operator})")), "{operator}: {text}");
    }
}

#[test]
fn memory_is_bounded_before_it_is_taken() {
    let scales = float("scales", &[4], &[1.0, 1.0, 1e9, 0.0]);
    let mut resize = node("Resize", &["image", "", "scales"], "y");
    resize.attribute.push(AttributeProto {
        name: "mode".into(),
        r#type: AttributeType::String as i32,
        s: b"linear".to_vec(),
        ..Default::default()
    });
    for (nodes, constants) in [
        (vec![resize], vec![scales]),
        (vec![node("Tile", &["image", "n"], "y")], vec![whole("n", &[4], &[1, 1, 1 << 30, 1 << 30])]),
        (vec![node("Expand", &["image", "n"], "y")], vec![whole("n", &[5], &[1 << 30, 1, 3, 8, 8])]),
        (vec![node("ConstantOfShape", &["n"], "y")], vec![whole("n", &[2], &[0, 1 << 30])]),
        (vec![node("ConstantOfShape", &["n"], "y")], vec![whole("n", &[2], &[1, 1 << 40])]),
        (vec![node("GatherND", &["image", "n"], "y")], vec![whole("n", &[], &[1])]),
        (
            vec![node("Range", &["a", "b", "c"], "y")],
            vec![float("a", &[], &[0.0]), float("b", &[], &[1e9]), float("c", &[], &[1e-9])],
        ),
        (vec![node("Pad", &["image", "n"], "y")], vec![whole("n", &[8], &[0, 0, 0, 0, 0, 0, 1 << 40, 0])]),
    ] {
        let operator = nodes[0].op_type.clone();
        let error = refusal(nodes, constants);
        let told = matches!(error, ModelError::HostileShape { .. } | ModelError::UnsupportedOperator { .. });
        assert!(told, "{operator}: {error}");
    }
    // A padding that only the engine's way of computing needs room for.
    let pads = [30_000; 4];
    let conv = with(with(node("Conv", &["image", "w"], "y"), "pads", &pads), "strides", &[20_000, 20_000]);
    let error = refusal(vec![conv], vec![float("w", &[16, 3, 3, 3], &[0.5; 432])]);
    assert!(matches!(error, ModelError::TooMuchMemory { what: "a run", .. }), "{error}");
}

#[test]
fn the_sum_of_constants_is_bounded() {
    let mut nodes = vec![node("ConstantOfShape", &["sides"], "v0")];
    for ix in 1..200 {
        nodes.push(node("MatMul", &[&format!("v{}", ix - 1), "v0"], &format!("v{ix}")));
    }
    nodes.push(node("ReduceMax", &["v199"], "m"));
    nodes.push(node("Add", &["image", "m"], "y"));
    let error = refusal(nodes, vec![whole("sides", &[2], &[4096, 4096])]);
    assert!(matches!(error, ModelError::TooMuchMemory { what: "its constants", .. }), "{error}");
}

#[test]
fn preparing_a_graph_has_an_end() {
    let chain = |count: usize| {
        let name = |ix: usize| if ix == 0 { "image".to_owned() } else { format!("v{ix}") };
        file((0..count).map(|ix| node("Relu", &[&name(ix)], &name(ix + 1))).collect(), Vec::new())
    };
    let limits = Limits { max_steps: 100_000, ..Limits::default() };
    assert!(compiled(&chain(20), limits).is_ok());
    let error = compiled(&chain(400), limits).unwrap_err();
    assert!(matches!(error, ModelError::TooManySteps { .. }), "{error}");
    assert!(error.to_string().contains("onnxsim"), "{error}");
}

#[test]
fn a_panic_while_running_names_its_node() {
    let pads = whole("pads", &[8], &[0, 0, -1, -1, 0, 0, -1, -1]);
    let nodes = vec![node("Relu", &["image"], "r"), node("Pad", &["r", "pads"], "y")];
    match compiled(&file(nodes, vec![pads]), Limits::default()) {
        // Whoever computes it, computes it right.
        Ok(graph) => {
            let mut session = graph.session().unwrap();
            let mut outputs = Vec::new();
            if let Err(error) = session.run(&mut outputs) {
                assert!(error.to_string().contains("(Pad)"), "{error}");
            } else {
                assert_eq!(outputs[0].shape(), [1, 3, 6, 6]);
            }
        }
        Err(error) => assert!(error.to_string().contains("y_node"), "{error}"),
    }
}

#[test]
fn remedies_are_remedies() {
    let mut newest = file(vec![node("TensorScatter", &["image", "image"], "y")], Vec::new());
    newest.opset_import[0].version = 26;
    let text = compiled(&newest, Limits::default()).unwrap_err().to_string();
    assert!(text.contains("operator set 26") && text.contains("opset_version=17"), "{text}");
    newest.opset_import[0].version = 24;
    let text = compiled(&newest, Limits::default()).unwrap_err().to_string();
    assert!(text.contains("`y_node` (TensorScatter)") && text.contains("opset 22"), "{text}");

    let zero = TensorProto {
        name: "zero".into(),
        data_type: DataType::Uint4 as i32,
        raw_data: vec![0],
        dims: vec![1],
        ..Default::default()
    };
    let nodes = vec![node("QuantizeLinear", &["image", "scale", "zero"], "q"), node("Cast", &["q"], "y")];
    let text = refusal(nodes, vec![float("scale", &[], &[0.1]), zero]).to_string();
    assert!(text.contains("`zero`") && text.contains("UINT4") && text.contains("use 8"), "{text}");

    let text = refusal(vec![node("RandomNormalLike", &["image"], "y")], Vec::new()).to_string();
    assert!(text.contains("RandomNormalLike") && text.contains("not run"), "{text}");
}

#[test]
fn broken_weights_and_overflow_are_told() {
    let conv = || vec![node("Conv", &["image", "w"], "c"), node("Relu", &["c"], "y")];
    for broken in [f32::NAN, f32::INFINITY] {
        let error = refusal(conv(), vec![float("w", &[1, 3, 1, 1], &[1.0, broken, 1.0])]);
        assert!(matches!(&error, ModelError::BrokenWeights { tensor, .. } if tensor == "w"), "{error}");
    }
    // A bound may be infinite.
    let clip = vec![node("Clip", &["image", "low"], "y")];
    assert!(compiled(&file(clip, vec![float("low", &[], &[f32::NEG_INFINITY])]), Limits::default()).is_ok());

    let graph = compiled(&file(conv(), vec![float("w", &[1, 3, 1, 1], &[1e38; 3])]), Limits::default()).unwrap();
    let mut session = graph.session().unwrap();
    let mut outputs = Vec::new();
    session.run_finite(&mut outputs).unwrap();
    for value in [1.0, 1e30, f32::NAN] {
        session.input_mut(0).unwrap().fill(value);
        let error = session.run_finite(&mut outputs);
        // Relu makes zero of NaN in some kernels; what overflows is seen in all.
        assert!(
            value.is_nan() || matches!(&error, Err(ModelError::NotFinite { output, .. }) if output == "y"),
            "{value}"
        );
    }
}

/// Graphs of all operators with absurd numbers: errors, and no panic that gets out.
#[test]
fn absurd_graphs_are_errors_or_run() {
    let limits = Limits {
        max_file_bytes: 1 << 20,
        max_nodes: 200,
        max_tensor_bytes: 1 << 20,
        max_total_bytes: 1 << 24,
        max_steps: 1 << 20,
    };
    let mut state = 1u64;
    let mut ran = 0;
    for _ in 0..3000 {
        let bytes: Vec<u8> = (0..96)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect();
        let Ok(model) = OnnxModel::from_bytes("m.onnx", &hostile::file(&bytes), limits) else { continue };
        let Ok(graph) = model.compile(&CompileOptions::default()) else { continue };
        let Ok(mut session) = graph.session() else { continue };
        ran += usize::from(session.run(&mut Vec::new()).is_ok());
    }
    assert!(ran > 10, "only {ran} of the graphs run: they are too absurd to reach anything");
}

/// An operator of ONNX Runtime's, in one of its domains.
fn fused(domain: &str, operator: &str, inputs: &[&str]) -> NodeProto {
    NodeProto { domain: domain.into(), ..node(operator, inputs, "y") }
}

#[test]
fn what_onnx_runtime_has_put_in_is_refused_with_the_setting_that_avoids_it() {
    let image = &["image"];
    let text = |name: &str, s: &str| AttributeProto {
        name: name.into(),
        r#type: AttributeType::String as i32,
        s: s.into(),
        ..Default::default()
    };
    let mut swish = fused("com.microsoft", "FusedConv", &["image", "w"]);
    swish.attribute.push(text("activation", "Swish"));
    let batches = with_one(fused("com.microsoft", "FusedMatMul", &["image", "image"]), "transBatchA", 1);
    // Of channels that come last, nothing tells the axes here.
    let last = ["image", "s", "z", "v", "s", "z", "s", "z"];
    let last = with_one(fused("com.microsoft", "QLinearConv", &last), "channels_last", 1);
    let endless = with(fused("com.microsoft", "NhwcMaxPool", image), "kernel_shape", &[1; 4000]);
    let cases = [
        (fused("com.microsoft", "MultiHeadAttention", image), "ORT_ENABLE_BASIC"),
        (fused("com.microsoft", "Attention", image), "ORT_ENABLE_BASIC"),
        (swish, "ORT_ENABLE_BASIC"),
        (batches, "transBatchA"),
        (last, "ORT_ENABLE_BASIC"),
        (endless, "ORT_ENABLE_BASIC"),
        (fused("com.microsoft.nchwc", "ReorderInput", image), "ORT_ENABLE_EXTENDED"),
        (fused("com.microsoft.nchwc", "Conv", &["image", "w"]), "ORT_ENABLE_EXTENDED"),
    ];
    for (node, remedy) in cases {
        let (operator, domain) = (node.op_type.clone(), node.domain.clone());
        let text = refusal(vec![node], vec![float("w", &[3, 3, 1, 1], &[0.5; 9])]).to_string();
        assert!(text.contains("`y_node`") && text.contains(&operator) && text.contains(remedy), "{operator}: {text}");
        assert!(text.contains(&domain) || remedy == "transBatchA" || operator == "FusedConv", "{operator}: {text}");
    }
}

#[test]
fn an_attention_of_more_scores_than_fit_is_refused_before_its_mask_is_made() {
    let mut file = file(vec![with_one(node("Attention", &["q", "q", "q"], "y"), "is_causal", 1)], vec![]);
    file.opset_import[0].version = 23;
    file.graph.as_mut().unwrap().input = vec![edge("q", &[1, 1, 1 << 22, 1])];
    let text = compiled(&file, Limits::default()).unwrap_err().to_string();
    assert!(text.contains("`y_node` (Attention)") && text.contains("scores"), "{text}");
}

#[test]
fn a_fused_operator_may_be_named_as_the_parts_of_another() {
    let mut first = fused("com.microsoft", "FusedConv", &["image", "w"]);
    first.output = vec!["a".into()];
    let mut second = fused("com.microsoft", "FusedConv", &["a", "w"]);
    second.name = "y_node.Conv".into();
    let graph = compiled(&file(vec![first, second], vec![float("w", &[3, 3, 1, 1], &[0.5; 9])]), Limits::default());
    let mut session = graph.unwrap().session().unwrap();
    let mut outputs = Vec::new();
    session.input_mut(0).unwrap().fill(1.0);
    session.run(&mut outputs).unwrap();
    assert!(outputs[0].as_f32().unwrap().iter().all(|v| *v == 2.25));
}
