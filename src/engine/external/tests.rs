//! Weights beside the file: read where they are right, and every lie about them told before it costs memory.

use std::path::Path;

use prost::Message;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::{
    GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto, TypeProto,
    ValueInfoProto, tensor_shape_proto, type_proto,
};

use crate::engine::{CompileOptions, Limits, OnnxModel};
use crate::error::{Error, ModelError};

/// A constant of four floats, or of `dims`, whose bytes lie where the entries say.
fn weights(name: &str, dims: &[i64], entries: &[(&str, &str)]) -> TensorProto {
    let entry = |(key, value): &(&str, &str)| StringStringEntryProto { key: (*key).into(), value: (*value).into() };
    TensorProto {
        name: name.into(),
        data_type: DataType::Float as i32,
        dims: dims.to_vec(),
        data_location: Some(DataLocation::External as i32),
        external_data: entries.iter().map(entry).collect(),
        ..Default::default()
    }
}

/// A file that adds its weights to `x` [1, 4].
fn file(weights: Vec<TensorProto>) -> Vec<u8> {
    let dim = |size| tensor_shape_proto::Dimension {
        value: Some(tensor_shape_proto::dimension::Value::DimValue(size)),
        ..Default::default()
    };
    let shape = tract_onnx::pb::TensorShapeProto { dim: vec![dim(1), dim(4)] };
    let of = type_proto::Value::TensorType(type_proto::Tensor { elem_type: 1, shape: Some(shape) });
    let value = |name: &str, r#type| ValueInfoProto { name: name.into(), r#type, ..Default::default() };
    let mut node = Vec::new();
    for (ix, tensor) in weights.iter().enumerate() {
        let name = |ix: usize| if ix == 0 { "x".to_owned() } else { format!("y{ix}") };
        node.push(NodeProto {
            op_type: "Add".into(),
            input: vec![name(ix), tensor.name.clone()],
            output: vec![name(ix + 1)],
            ..Default::default()
        });
    }
    let graph = GraphProto {
        input: vec![value("x", Some(TypeProto { value: Some(of), ..Default::default() }))],
        output: vec![value(&format!("y{}", weights.len()), None)],
        node,
        initializer: weights,
        ..Default::default()
    };
    let opset = OperatorSetIdProto { version: 17, ..Default::default() };
    let model = ModelProto { graph: Some(graph), opset_import: vec![opset], ir_version: 8, ..Default::default() };
    model.encode_to_vec()
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// A folder with a model and `data` of 32 bytes beside it.
fn folder(model: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("m.onnx"), model).unwrap();
    std::fs::write(dir.path().join("data"), floats(&[1.0, 2.0, 3.0, 4.0, 10.0, 20.0, 30.0, 40.0])).unwrap();
    dir
}

fn open(dir: &Path) -> Result<OnnxModel, Error> {
    OnnxModel::open(dir.join("m.onnx"), Limits::default())
}

#[test]
fn weights_beside_the_file_are_its_weights() {
    let first = weights("first", &[4], &[("location", "data"), ("offset", "0"), ("length", "16")]);
    let second = weights("second", &[4], &[("location", "data"), ("offset", "16")]);
    let dir = folder(&file(vec![first, second]));
    let model = open(dir.path()).unwrap();
    let mut session = model.compile(&CompileOptions::default()).unwrap().session().unwrap();
    let mut outputs = Vec::new();
    session.run(&mut outputs).unwrap();
    assert_eq!(outputs[0].as_f32().unwrap(), [11.0, 22.0, 33.0, 44.0]);
    // Written again, it is one file.
    std::fs::remove_file(dir.path().join("data")).unwrap();
    let whole = OnnxModel::from_bytes("one.onnx", &model.to_bytes(), Limits::default()).unwrap();
    assert!(whole.compile(&CompileOptions::default()).is_ok());
    // A file in a folder below is in the folder as well.
    let below = weights("below", &[4], &[("location", "deep/data")]);
    std::fs::create_dir(dir.path().join("deep")).unwrap();
    std::fs::write(dir.path().join("deep/data"), floats(&[1.0; 4])).unwrap();
    std::fs::write(dir.path().join("m.onnx"), file(vec![below])).unwrap();
    assert!(open(dir.path()).is_ok());
}

#[test]
fn lies_about_weights_are_told() {
    let at = |entries: &[(&str, &str)]| vec![weights("w", &[4], entries)];
    let two = |first: [(&'static str, &'static str); 2], second: [(&'static str, &'static str); 2]| {
        vec![weights("a", &[4], &first), weights("b", &[4], &second)]
    };
    let offset = |bytes| [("location", "data"), ("offset", bytes)];
    let table = [
        (at(&[("location", "/etc/passwd")]), "outside the model's folder"),
        (at(&[("location", "../data")]), "outside the model's folder"),
        (at(&[("location", "deep/../../data")]), "outside the model's folder"),
        (at(&[("location", "")]), "outside the model's folder"),
        (at(&[("location", "..\\data")]), "outside the model's folder"),
        (at(&[("offset", "0")]), "do not tell the name"),
        (at(&[]), "do not tell the name"),
        (at(&[("location", "data"), ("offset", "-4")]), "`offset` of `-4`"),
        (at(&[("location", "data"), ("length", "many")]), "`length` of `many`"),
        (at(&[("location", "data"), ("offset", "18446744073709551615")]), "`offset` of 18446744073709551615"),
        (at(&[("location", "data"), ("length", "8")]), "claim 8 bytes where their shape has 16"),
        (at(&[("location", "data"), ("length", "18446744073709551615")]), "where their shape has 16"),
        (at(&[("location", "data"), ("compression", "zip")]), "`compression` is not known"),
        (at(&offset("20")), "bytes 20 to 36 of `data`, which has 32"),
        (at(&offset("9000000000000")), "which has 32"),
        (at(&[("location", "absent")]), "absent"),
        (at(&[("location", ".")]), "outside the model's folder"),
        (at(&[("location", "folder")]), "no file"),
        (two(offset("0"), offset("0")), "`a` and `b` share bytes of `data`"),
        (two(offset("0"), offset("12")), "share bytes"),
        (vec![weights("w", &[1 << 20, 1 << 20], &[("location", "data")])], "bytes"),
        (vec![weights("w", &[-4], &[("location", "data")])], "negative"),
    ];
    let mut failures = Vec::new();
    for (tensors, expected) in table {
        let about = format!("{:?}", tensors.iter().map(|t| (&t.dims, &t.external_data)).collect::<Vec<_>>());
        let dir = folder(&file(tensors));
        std::fs::create_dir(dir.path().join("folder")).unwrap();
        match open(dir.path()) {
            Err(error) if error.to_string().contains(expected) => {}
            other => failures.push(format!("{about}: {:?}", other.map_err(|e| e.to_string()))),
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn the_limit_holds_for_all_parts() {
    let huge = |count: i64| {
        let one = |ix: i64| {
            let offset = (ix << 30).to_string();
            weights(&format!("w{ix}"), &[1 << 28], &[("location", "data"), ("offset", &offset)])
        };
        file((0..count).map(one).collect())
    };
    // A gigabyte each, of a file of 32 bytes.
    let dir = folder(&huge(100));
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(error, Error::Model(ModelError::TooLarge { .. })), "{error}");
    // Bytes of the file that nothing reads count as well: it is hashed whole.
    let dir = folder(&file(vec![weights("w", &[4], &[("location", "data")])]));
    let model = std::fs::metadata(dir.path().join("m.onnx")).unwrap().len();
    let limited = |bytes| {
        OnnxModel::open(dir.path().join("m.onnx"), Limits { max_file_bytes: model + bytes, ..Limits::default() })
    };
    assert!(matches!(limited(31).unwrap_err(), Error::Model(ModelError::TooLarge { .. })));
    assert!(limited(32).is_ok());
}

#[test]
fn without_a_folder_there_are_no_other_files() {
    let bytes = file(vec![weights("w", &[4], &[("location", "data")])]);
    let error = OnnxModel::from_bytes("m.onnx", &bytes, Limits::default()).unwrap_err().to_string();
    assert!(error.contains("`w`") && error.contains("another file"), "{error}");
}

#[cfg(unix)]
#[test]
fn links_lead_nowhere_else() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), floats(&[1.0; 4])).unwrap();
    let dir = folder(&file(vec![weights("w", &[4], &[("location", "link")])]));
    std::os::unix::fs::symlink(outside.path().join("secret"), dir.path().join("link")).unwrap();
    let error = open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("outside the model's folder"), "{error}");
    std::fs::remove_file(dir.path().join("link")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("data"), dir.path().join("link")).unwrap();
    assert!(open(dir.path()).is_ok(), "a link inside the folder stays inside");
    // A folder on the way may be the link.
    std::os::unix::fs::symlink(outside.path(), dir.path().join("way")).unwrap();
    let through = file(vec![weights("w", &[4], &[("location", "way/secret")])]);
    std::fs::write(dir.path().join("m.onnx"), through).unwrap();
    assert!(open(dir.path()).unwrap_err().to_string().contains("outside the model's folder"));
}
