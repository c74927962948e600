//! Whether a file is what its family says.

use crate::engine::{Graph, OnnxModel, TensorInfo};
use crate::error::ModelError;

/// One file and the family it is checked against.
pub(super) struct Signature<'a> {
    /// Name of the family.
    pub family: &'static str,
    /// The file.
    pub model: &'a OnnxModel,
}

impl Signature<'_> {
    /// Whether the file has inputs and outputs of all these names.
    pub fn has(&self, inputs: &[&str], outputs: &[&str]) -> bool {
        let all = |tensors: &[TensorInfo], names: &[&str]| names.iter().all(|n| tensors.iter().any(|t| t.name == *n));
        all(self.model.inputs(), inputs) && all(self.model.outputs(), outputs)
    }

    /// The declared input called `name`, whose known dimensions must agree with `expected` (`None`: any).
    pub fn input(&self, name: &str, expected: &[Option<usize>]) -> Result<&TensorInfo, ModelError> {
        self.agree("input", self.model.inputs(), name, expected)
    }

    /// The declared output called `name`, likewise. A file may leave an output's shape open altogether.
    pub fn output(&self, name: &str, expected: &[Option<usize>]) -> Result<&TensorInfo, ModelError> {
        self.agree("output", self.model.outputs(), name, expected)
    }

    /// Refuses inputs that are not among `known`.
    pub fn only_inputs(&self, known: &[&str]) -> Result<(), ModelError> {
        match self.model.inputs().iter().find(|i| !known.contains(&i.name.as_str())) {
            Some(extra) => {
                Err(self.mismatch("input", &extra.name, format!("only {}", known.join(", ")), extra.shape_text()))
            }
            None => Ok(()),
        }
    }

    /// The shape of a compiled graph's output called `name`, which must be `expected`.
    pub fn made(&self, graph: &Graph, name: &str, expected: &[Option<usize>]) -> Result<Vec<usize>, ModelError> {
        let info = self.agree("output", graph.outputs(), name, expected)?;
        info.fixed_shape().ok_or_else(|| self.mismatch("output", name, shape_text(expected), info.shape_text()))
    }

    /// That `tensor` is not what the family expects.
    pub fn mismatch(&self, role: &'static str, tensor: &str, expected: String, found: String) -> ModelError {
        ModelError::Signature {
            path: self.model.path().into(),
            family: self.family,
            likely: None,
            role,
            tensor: tensor.into(),
            expected: expected.into(),
            found: found.into(),
        }
    }

    fn agree<'t>(
        &self,
        role: &'static str,
        tensors: &'t [TensorInfo],
        name: &str,
        expected: &[Option<usize>],
    ) -> Result<&'t TensorInfo, ModelError> {
        let Some(info) = tensors.iter().find(|t| t.name == name) else {
            let names: Vec<&str> = tensors.iter().map(|t| t.name.as_str()).collect();
            let found = format!("only {}", names.join(", "));
            return Err(self.mismatch(role, name, shape_text(expected), found));
        };
        let open = role == "output" && info.shape.is_empty();
        let agrees = info.shape.len() == expected.len()
            && info.shape.iter().zip(expected).all(|(a, b)| a.is_none() || b.is_none() || a == b);
        if open || agrees {
            return Ok(info);
        }
        Err(self.mismatch(role, name, shape_text(expected), info.shape_text()))
    }
}

fn shape_text(shape: &[Option<usize>]) -> String {
    let dims: Vec<String> = shape.iter().map(|d| d.map_or("?".into(), |d| d.to_string())).collect();
    format!("[{}]", dims.join(", "))
}
