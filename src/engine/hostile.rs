//! Graphs that bytes stand for: every operator that is accepted, with attributes, shapes and constants that nobody would write. For
//! fuzzing and tests only.

use prost::Message;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::type_proto::Value;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, tensor_shape_proto, type_proto,
};

use super::operators::ACCEPTED;

/// Numbers in the order of how often they are meant.
const NUMBERS: [i64; 24] = [
    1,
    0,
    2,
    3,
    -1,
    4,
    8,
    -2,
    16,
    5,
    -4,
    7,
    64,
    255,
    1000,
    30_000,
    -30_000,
    1 << 24,
    (1 << 31) - 1,
    -(1 << 31),
    1_000_000_000,
    1 << 62,
    i64::MIN,
    i64::MAX,
];

const FLOATS: [f32; 12] =
    [1.0, 0.0, 0.5, 2.0, -1.0, 1e-6, 1e9, -1e9, f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE, 3e38];

const WORDS: [&str; 12] = [
    "nearest",
    "linear",
    "cubic",
    "reflect",
    "edge",
    "constant",
    "SAME_UPPER",
    "VALID",
    "align_corners",
    "asymmetric",
    "bij,bjk->bik",
    "CRD",
];

const TYPES: [DataType; 8] = [
    DataType::Float,
    DataType::Int64,
    DataType::Bool,
    DataType::Int32,
    DataType::Uint8,
    DataType::Float16,
    DataType::Double,
    DataType::Int8,
];

/// Takes one choice after the other from bytes; zeros when they are used up.
struct Choices<'a>(std::slice::Iter<'a, u8>);

impl Choices<'_> {
    fn below(&mut self, count: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or(0)) % count.max(1)
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// Mostly of the first, which make graphs that run.
    fn number(&mut self) -> i64 {
        let most = [6, 14, NUMBERS.len()];
        let count = self.of(&most);
        NUMBERS[self.below(count)]
    }
}

/// An ONNX file of at most eight nodes.
pub(crate) fn file(data: &[u8]) -> Vec<u8> {
    let mut choices = Choices(data.iter());
    let version = choices.of(&[17, 13, 11, 9, 21, 7]);
    let graph = graph(&mut choices, 0);
    let opset_import = vec![OperatorSetIdProto { domain: String::new(), version }];
    ModelProto { ir_version: 8, opset_import, graph: Some(graph), ..Default::default() }.encode_to_vec()
}

fn graph(choices: &mut Choices<'_>, depth: usize) -> GraphProto {
    let mut names = vec!["image".to_owned()];
    let input =
        if depth == 0 { vec![edge("image", &[1, choices.of(&[3, 8, 1]), 8, choices.of(&[8, 5, 16])])] } else { vec![] };
    let mut initializer = Vec::new();
    for ix in 0..choices.below(6) {
        let name = format!("c{depth}{ix}");
        initializer.push(constant(choices, &name));
        names.push(name);
    }
    let mut node = Vec::new();
    for ix in 0..=choices.below(8 >> (2 * depth).min(3)) {
        // Two bytes: there are more operators than one tells apart evenly.
        let at = choices.below(256) * 256 + choices.below(256);
        let output = format!("v{depth}{ix}");
        let (name, attributes) = ACCEPTED[at % ACCEPTED.len()];
        let (domain, op_type) = name.rsplit_once('.').unwrap_or(("", name));
        let mut attribute: Vec<AttributeProto> = match attributes {
            [] => Vec::new(),
            _ => (0..choices.below(5)).map(|_| self::attribute(choices, attributes)).collect(),
        };
        if op_type == "If" && depth < 2 {
            for name in ["then_branch", "else_branch"] {
                let g = Some(graph(choices, depth + 1));
                attribute.push(AttributeProto {
                    name: name.into(),
                    r#type: AttributeType::Graph as i32,
                    g,
                    ..Default::default()
                });
            }
        }
        // The newest first: graphs are deep rather than wide.
        let input = (0..choices.below(5)).map(|_| match choices.below(8) {
            7 => String::new(),
            back => names[names.len() - 1 - back % names.len()].clone(),
        });
        let input = input.collect();
        let (op_type, domain) = (op_type.to_owned(), domain.to_owned());
        node.push(NodeProto { op_type, domain, input, output: vec![output.clone()], attribute, ..Default::default() });
        names.push(output);
    }
    let output = vec![edge(names.last().map_or("", String::as_str), &[])];
    GraphProto { name: "g".into(), node, initializer, input, output, ..Default::default() }
}

fn constant(choices: &mut Choices<'_>, name: &str) -> TensorProto {
    let kind = choices.of(&TYPES);
    let dims: Vec<i64> = (0..choices.below(5)).map(|_| choices.of(&[1, 2, 3, 4, 8, 0, 16])).collect();
    let count: i64 = dims.iter().product();
    // A few values in turn are enough.
    let values: Vec<i64> = (0..4).map(|_| choices.number()).collect();
    let floats: Vec<f32> = (0..4).map(|_| choices.of(&FLOATS)).collect();
    let mut raw_data = Vec::new();
    for ix in 0..count as usize {
        let (whole, float) = (values[ix % 4], floats[ix % 4]);
        match kind {
            DataType::Float => raw_data.extend(float.to_le_bytes()),
            DataType::Double => raw_data.extend(f64::from(float).to_le_bytes()),
            DataType::Float16 => raw_data.extend(half::f16::from_f32(float).to_le_bytes()),
            DataType::Int64 => raw_data.extend(whole.to_le_bytes()),
            DataType::Int32 => raw_data.extend((whole as i32).to_le_bytes()),
            DataType::Bool => raw_data.push((whole & 1) as u8),
            _ => raw_data.push(whole as u8),
        }
    }
    TensorProto { name: name.into(), data_type: kind as i32, dims, raw_data, ..Default::default() }
}

fn attribute(choices: &mut Choices<'_>, names: &[&str]) -> AttributeProto {
    let name = choices.of(names).to_owned();
    let of = |kind: AttributeType| AttributeProto { name, r#type: kind as i32, ..Default::default() };
    match choices.below(6) {
        0 | 1 => AttributeProto { i: choices.number(), ..of(AttributeType::Int) },
        2 | 3 => {
            let ints = (0..choices.below(5)).map(|_| choices.number()).collect();
            AttributeProto { ints, ..of(AttributeType::Ints) }
        }
        4 => AttributeProto { f: choices.of(&FLOATS), ..of(AttributeType::Float) },
        _ => AttributeProto { s: choices.of(&WORDS).as_bytes().to_vec(), ..of(AttributeType::String) },
    }
}

fn edge(name: &str, dims: &[i64]) -> ValueInfoProto {
    let dim = |d: &i64| tensor_shape_proto::Dimension {
        value: Some(tensor_shape_proto::dimension::Value::DimValue(*d)),
        ..Default::default()
    };
    let shape = (!dims.is_empty()).then(|| TensorShapeProto { dim: dims.iter().map(dim).collect() });
    let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape };
    let r#type = TypeProto { value: Some(Value::TensorType(tensor)), ..Default::default() };
    ValueInfoProto { name: name.into(), r#type: Some(r#type), ..Default::default() }
}
