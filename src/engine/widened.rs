//! Files in half floats as the same files in 32-bit floats.
//!
//! Here everything is computed in 32 bits, whatever the file says. Where an operator mixes half floats with its own 32-bit
//! constants, or folds constants in half floats, it would be refused or less exact; so the file is widened before tract reads it:
//! its constants, the types that it declares and those that it casts to.

use half::f16;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, type_proto};

use super::names::with_subgraphs;

const SINGLE: i32 = DataType::Float as i32;

/// Attributes that name a type of elements.
const TYPES: [&str; 4] = ["dtype", "output_dtype", "softmax_precision", "to"];

/// Whether [`widen`] has anything to do.
pub(super) fn has_half_floats(proto: &ModelProto) -> bool {
    with_subgraphs(&proto.graph).into_iter().any(|graph| {
        let mut edges = graph.input.iter().chain(&graph.output);
        let mut attributes = graph.node.iter().flat_map(|node| &node.attribute);
        edges.any(|edge| declared(edge).is_some_and(is_half))
            || graph.initializer.iter().any(|tensor| is_half(tensor.data_type))
            || attributes.any(|a| names_half(a) || a.t.iter().chain(&a.tensors).any(|t| is_half(t.data_type)))
    })
}

/// Widens a file that has passed the size checks.
pub(super) fn widen(proto: &mut ModelProto) {
    proto.graph.iter_mut().for_each(graph);
}

fn graph(graph: &mut GraphProto) {
    graph.initializer.iter_mut().for_each(tensor);
    for value in graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info) {
        if let Some(type_proto::Value::TensorType(of)) = value.r#type.as_mut().and_then(|t| t.value.as_mut())
            && is_half(of.elem_type)
        {
            of.elem_type = SINGLE;
        }
    }
    graph.node.iter_mut().for_each(node);
}

fn node(node: &mut NodeProto) {
    for attribute in &mut node.attribute {
        if names_half(attribute) {
            attribute.i = SINGLE.into();
        }
        attribute.t.iter_mut().chain(&mut attribute.tensors).for_each(tensor);
        attribute.g.iter_mut().chain(&mut attribute.graphs).for_each(graph);
    }
}

/// A constant of half floats lies in `raw_data`, or one to an element of `int32_data`.
fn tensor(tensor: &mut TensorProto) {
    let single: fn(u16) -> f32 = match DataType::try_from(tensor.data_type) {
        Ok(DataType::Float16) => |bits| f16::from_bits(bits).to_f32(),
        Ok(DataType::Bfloat16) => |bits| f32::from_bits(u32::from(bits) << 16),
        _ => return,
    };
    let raw = std::mem::take(&mut tensor.raw_data);
    let listed = std::mem::take(&mut tensor.int32_data);
    let halves = raw.as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes));
    // The upper half of what is listed is empty.
    let widened: Vec<u8> =
        halves.chain(listed.iter().map(|bits| *bits as u16)).flat_map(|bits| single(bits).to_le_bytes()).collect();
    tensor.raw_data = widened;
    tensor.data_type = SINGLE;
}

fn is_half(data_type: i32) -> bool {
    matches!(DataType::try_from(data_type), Ok(DataType::Float16 | DataType::Bfloat16))
}

fn names_half(attribute: &AttributeProto) -> bool {
    TYPES.contains(&attribute.name.as_str()) && i32::try_from(attribute.i).is_ok_and(is_half)
}

fn declared(value: &ValueInfoProto) -> Option<i32> {
    let type_proto::Value::TensorType(of) = value.r#type.as_ref()?.value.as_ref()?;
    Some(of.elem_type)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn halves(data_type: DataType, raw_data: Vec<u8>, int32_data: Vec<i32>) -> TensorProto {
        let mut made = TensorProto { data_type: data_type as i32, raw_data, int32_data, ..TensorProto::default() };
        tensor(&mut made);
        made
    }

    proptest! {
        #[test]
        fn constants_keep_their_values_however_they_lie_in_the_file(bits: Vec<u16>) {
            let raw: Vec<u8> = bits.iter().flat_map(|b| b.to_le_bytes()).collect();
            let listed: Vec<i32> = bits.iter().map(|b| i32::from(*b)).collect();
            let check = |of: DataType, single: fn(u16) -> f32| {
                let expected: Vec<u8> = bits.iter().flat_map(|b| single(*b).to_le_bytes()).collect();
                for made in [halves(of, raw.clone(), vec![]), halves(of, vec![], listed.clone())] {
                    prop_assert_eq!(&made.raw_data, &expected);
                    prop_assert_eq!((made.data_type, made.int32_data.len()), (SINGLE, 0));
                }
                Ok(())
            };
            check(DataType::Float16, |b| f16::from_bits(b).to_f32())?;
            check(DataType::Bfloat16, |b| f32::from_bits(u32::from(b) << 16))?;
        }
    }

    #[test]
    fn other_constants_stay() {
        let made = halves(DataType::Int16, vec![1, 2], vec![]);
        assert_eq!((made.data_type, made.raw_data), (DataType::Int16 as i32, vec![1, 2]));
    }
}
