//! What a graph tells of the points that it takes. Prompt encoders divide coordinates by the size of the image before
//! anything else is made of them (`point_coords / image_size` in Segment Anything's `PromptEncoder`), and some append a padding
//! point of their own.

use std::collections::{HashMap, HashSet};

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

use super::OnnxModel;

/// Operators that move coordinates about, or shift them, and leave their scale as it is.
const SAME_SCALE: [&str; 15] = [
    "Add",
    "Cast",
    "Concat",
    "Expand",
    "Gather",
    "Identity",
    "Reshape",
    "ScatterND",
    "Slice",
    "Split",
    "Squeeze",
    "Sub",
    "Transpose",
    "Unsqueeze",
    "Where",
];

/// Scales beyond these are no image sizes.
const SIZES: std::ops::RangeInclusive<f32> = 8.0..=65536.0;

impl OnnxModel {
    /// By what the graph divides the coordinates x and y that come in as `input`, before it computes anything else of
    /// them; `None` where it does not, or divides by what it computes, or by several numbers of which it is open whose they
    /// are.
    pub(crate) fn coordinate_plane(&self, input: &str) -> Option<[f32; 2]> {
        let graph = self.proto.graph.as_ref()?;
        let constants = constants(graph);
        let (mut open, mut seen) = (vec![input], HashSet::from([input]));
        let mut found: Option<[f32; 2]> = None;
        while let Some(name) = open.pop() {
            for node in graph.node.iter().filter(|node| node.input.iter().any(|i| i == name)) {
                let scale = match node.op_type.as_str() {
                    "Div" if node.input.first().is_some_and(|i| i == name) => divisor(node, 1, &constants, |v| v),
                    "Mul" => {
                        let other = node.input.iter().position(|i| i != name)?;
                        divisor(node, other, &constants, |v| 1.0 / v)
                    }
                    operator if SAME_SCALE.contains(&operator) => {
                        open.extend(node.output.iter().map(String::as_str).filter(|output| seen.insert(output)));
                        continue;
                    }
                    // A comparison or a shape takes no coordinate further.
                    _ => continue,
                }?;
                if scale.iter().any(|side| !SIZES.contains(side)) {
                    // What comes after the division, or no size at all.
                    continue;
                }
                if found.is_some_and(|before| before != scale) {
                    return None;
                }
                found = Some(scale);
            }
        }
        found
    }

    /// Whether the graph appends points of its own to those whose labels come in as `input`.
    pub(crate) fn appends_points(&self, input: &str) -> bool {
        let Some(graph) = self.proto.graph.as_ref() else { return false };
        let (mut open, mut seen) = (vec![input], HashSet::from([input]));
        while let Some(name) = open.pop() {
            for node in graph.node.iter().filter(|node| node.input.iter().any(|i| i == name)) {
                match node.op_type.as_str() {
                    "Concat" | "Pad" => return true,
                    "Cast" | "Identity" | "Reshape" | "Squeeze" | "Unsqueeze" => {
                        open.extend(node.output.iter().map(String::as_str).filter(|output| seen.insert(output)));
                    }
                    _ => {}
                }
            }
        }
        false
    }
}

/// The constant that is input `slot` of a node: one number, or one for each coordinate.
fn divisor(
    node: &NodeProto,
    slot: usize,
    constants: &HashMap<&str, &TensorProto>,
    of: impl Fn(f32) -> f32,
) -> Option<[f32; 2]> {
    let numbers = numbers(constants.get(node.input.get(slot)?.as_str())?)?;
    match *numbers.as_slice() {
        [both] => Some([of(both), of(both)]),
        [x, y] => Some([of(x), of(y)]),
        _ => None,
    }
}

/// The constants of a graph: its initialisers, and what `Constant` nodes hold, also where it goes through `Identity` or
/// `Cast`.
fn constants(graph: &GraphProto) -> HashMap<&str, &TensorProto> {
    let mut constants: HashMap<&str, &TensorProto> =
        graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
    for node in &graph.node {
        let Some(output) = node.output.first() else { continue };
        let held = match node.op_type.as_str() {
            "Constant" => node.attribute.iter().find(|a| a.name == "value").and_then(|a| a.t.as_ref()),
            "Identity" | "Cast" => node.input.first().and_then(|input| constants.get(input.as_str()).copied()),
            _ => None,
        };
        if let Some(tensor) = held {
            constants.insert(output, tensor);
        }
    }
    constants
}

/// The elements of a small constant.
fn numbers(tensor: &TensorProto) -> Option<Vec<f32>> {
    let raw = &tensor.raw_data[..];
    if raw.len() > 16 || tensor.float_data.len() + tensor.double_data.len() + tensor.int64_data.len() > 2 {
        return None;
    }
    let numbers = match DataType::try_from(tensor.data_type).ok()? {
        DataType::Float => {
            let values = raw.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
            values.chain(tensor.float_data.iter().copied()).collect()
        }
        DataType::Double => {
            let values = raw.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b) as f32);
            values.chain(tensor.double_data.iter().map(|v| *v as f32)).collect()
        }
        DataType::Float16 => {
            let values = raw.as_chunks::<2>().0.iter().map(|b| half::f16::from_le_bytes(*b).to_f32());
            values.chain(tensor.int32_data.iter().map(|v| half::f16::from_bits(*v as u16).to_f32())).collect()
        }
        DataType::Int64 => {
            let values = raw.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b) as f32);
            values.chain(tensor.int64_data.iter().map(|v| *v as f32)).collect()
        }
        DataType::Int32 => {
            let values = raw.as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b) as f32);
            values.chain(tensor.int32_data.iter().map(|v| *v as f32)).collect()
        }
        _ => return None,
    };
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::{
        GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TypeProto, ValueInfoProto,
        tensor_shape_proto, type_proto,
    };

    use super::*;

    fn node(operator: &str, inputs: &[&str], output: &str) -> NodeProto {
        NodeProto {
            op_type: operator.into(),
            input: inputs.iter().map(|i| (*i).to_owned()).collect(),
            output: vec![output.into()],
            ..NodeProto::default()
        }
    }

    fn float(name: &str, values: &[f32]) -> TensorProto {
        TensorProto {
            name: name.into(),
            data_type: DataType::Float as i32,
            dims: if values.len() == 1 { vec![] } else { vec![values.len() as i64] },
            float_data: values.to_vec(),
            ..TensorProto::default()
        }
    }

    /// A graph that takes `points`, of three dimensions.
    fn model(nodes: Vec<NodeProto>, constants: Vec<TensorProto>) -> OnnxModel {
        let dim = |size| tensor_shape_proto::Dimension {
            value: Some(tensor_shape_proto::dimension::Value::DimValue(size)),
            ..Default::default()
        };
        let shape = tract_onnx::pb::TensorShapeProto { dim: [1, 3, 2].map(dim).to_vec() };
        let of = type_proto::Value::TensorType(type_proto::Tensor { elem_type: 1, shape: Some(shape) });
        let value =
            |name: &str, r#type: Option<TypeProto>| ValueInfoProto { name: name.into(), r#type, ..Default::default() };
        let graph = GraphProto {
            output: vec![value(&nodes.last().unwrap().output[0], None)],
            node: nodes,
            initializer: constants,
            input: vec![value("points", Some(TypeProto { value: Some(of), ..Default::default() }))],
            ..Default::default()
        };
        let opset = OperatorSetIdProto { version: 17, ..Default::default() };
        let proto = ModelProto { graph: Some(graph), opset_import: vec![opset], ir_version: 8, ..Default::default() };
        let bytes = prost::Message::encode_to_vec(&proto);
        OnnxModel::from_bytes("m.onnx", &bytes, Default::default()).unwrap()
    }

    /// By what it divides them.
    fn plane(nodes: Vec<NodeProto>, constants: Vec<TensorProto>) -> Option<[f32; 2]> {
        model(nodes, constants).coordinate_plane("points")
    }

    #[test]
    fn points_that_a_graph_appends_are_seen() {
        let half = || vec![float("half", &[0.5])];
        let mut concat = node("Concat", &["c", "half"], "d");
        concat.attribute.push(tract_onnx::pb::AttributeProto {
            name: "axis".into(),
            r#type: tract_onnx::pb::attribute_proto::AttributeType::Int as i32,
            ..Default::default()
        });
        assert!(model(vec![node("Identity", &["points"], "c"), concat], half()).appends_points("points"));
        assert!(!model(vec![node("Add", &["points", "half"], "d")], half()).appends_points("points"));
    }

    #[test]
    fn what_coordinates_are_divided_by_is_found() {
        let shifted = || vec![node("Add", &["points", "half"], "c"), node("Div", &["c", "size"], "d")];
        let half = || float("half", &[0.5]);
        assert_eq!(plane(shifted(), vec![half(), float("size", &[1024.0])]), Some([1024.0; 2]));
        assert_eq!(plane(shifted(), vec![half(), float("size", &[640.0, 480.0])]), Some([640.0, 480.0]));
        let mul = vec![node("Mul", &["inverse", "points"], "d")];
        assert_eq!(plane(mul, vec![float("inverse", &[1.0 / 512.0])]), Some([512.0; 2]));
        let mut through = shifted();
        through.insert(0, node("Identity", &["size0"], "size"));
        assert_eq!(plane(through, vec![half(), float("size0", &[256.0])]), Some([256.0; 2]));
    }

    #[test]
    fn what_is_open_stays_open() {
        let half = || float("half", &[0.5]);
        let none = vec![node("Add", &["points", "half"], "d")];
        assert_eq!(plane(none, vec![half()]), None);
        // By a number that the graph computes, by two of which one is meant for x, and by what is no size.
        let computed = vec![node("Neg", &["half"], "n"), node("Div", &["points", "n"], "d")];
        assert_eq!(plane(computed, vec![half()]), None);
        let two =
            vec![node("Div", &["points", "a"], "x"), node("Div", &["points", "b"], "y"), node("Add", &["x", "y"], "d")];
        assert_eq!(plane(two, vec![float("a", &[512.0]), float("b", &[256.0])]), None);
        assert_eq!(plane(vec![node("Div", &["points", "half"], "d")], vec![half()]), None);
        assert_eq!(plane(vec![node("Div", &["half", "points"], "d")], vec![half()]), None);
    }
}
