use std::path::{Path, PathBuf};

use prost::Message;
use serde::Deserialize;
use tract_onnx::data_resolver::MmapDataResolver;
use tract_onnx::pb::{ModelProto, TensorProto};
use tract_onnx::prelude::Tensor;
use tract_onnx::tensor::load_tensor;

/// One graph of the audit with its inputs and what ONNX Runtime answers.
pub(super) struct Record {
    pub operator: String,
    pub opset: u32,
    /// What of the operator it is about.
    pub tried: String,
    pub tolerance: f64,
    pub model: Vec<u8>,
    pub inputs: Vec<(String, Tensor)>,
    pub outputs: Vec<Tensor>,
    /// The inputs as the file has them.
    constants: Vec<TensorProto>,
}

impl Record {
    pub fn name(&self) -> String {
        format!("{} ({}, opset {})", self.operator, self.tried, self.opset)
    }

    /// The same graph with its inputs as constants.
    pub fn folded(&self) -> Vec<u8> {
        let mut model = ModelProto::decode(&self.model[..]).unwrap();
        let graph = model.graph.as_mut().unwrap();
        graph.input.clear();
        graph.initializer.extend(self.constants.iter().cloned());
        model.encode_to_vec()
    }
}

#[derive(Deserialize)]
struct Head {
    operator: String,
    opset: u32,
    tried: String,
    inputs: usize,
    outputs: usize,
    tolerance: f64,
}

/// Every record of every file, in the order of the files' names. tests/operators/generate.py tells the format.
pub(super) fn records(folder: &Path) -> Vec<Record> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "graphs"));
    files.sort();
    files.iter().flat_map(|file| parse(&std::fs::read(file).unwrap())).collect()
}

fn parse(mut bytes: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let head: Head = serde_json::from_slice(blob(&mut bytes)).unwrap();
        let model = blob(&mut bytes).to_vec();
        let constants: Vec<TensorProto> =
            (0..head.inputs).map(|_| TensorProto::decode(blob(&mut bytes)).unwrap()).collect();
        let inputs = constants.iter().map(|proto| (proto.name.clone(), tensor(proto))).collect();
        let outputs = (0..head.outputs).map(|_| tensor(&TensorProto::decode(blob(&mut bytes)).unwrap())).collect();
        let Head { operator, opset, tried, tolerance, .. } = head;
        records.push(Record { operator, opset, tried, tolerance, model, inputs, outputs, constants });
    }
    records
}

fn blob<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let (length, rest) = bytes.split_first_chunk::<4>().unwrap();
    let (blob, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
    *bytes = rest;
    blob
}

fn tensor(proto: &TensorProto) -> Tensor {
    load_tensor(&MmapDataResolver, proto, None).unwrap()
}
