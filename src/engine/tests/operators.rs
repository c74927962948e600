//! The audit of the operators: every graph of tests/operators against what ONNX Runtime answers, and the table of it,
//! docs/operators.md. `FOVEATE_WRITE_OPERATORS=1` writes the table anew.

mod records;
mod table;

use std::path::Path;

use tract_onnx::prelude::{DatumType, Tensor as TractTensor};

use self::records::{Record, records};
use super::*;
use crate::error::ModelError;

/// Constants that are no numbers are refused as broken weights, whatever reads them.
const BROKEN: &str = "broken weights";

/// What came of one graph.
#[derive(Clone, Debug, PartialEq)]
enum Verdict {
    Agrees,
    /// Refused by name, before it computes anything.
    Refused(String),
    /// Neither: wrong numbers, a panic, or an error that names no operator.
    Fault(String),
}

#[test]
fn every_operator_is_right_or_refused_by_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/operators");
    let audited: Vec<(Record, Verdict)> =
        records(&folder).into_iter().map(|r| (verdict(&r), r)).map(|(v, r)| (r, v)).collect();
    let faults: Vec<String> = audited
        .iter()
        .filter_map(|(record, verdict)| match verdict {
            Verdict::Fault(fault) => Some(format!("{}: {fault}", record.name())),
            _ => None,
        })
        .collect();
    if std::env::var_os("LIST").is_some() {
        for (record, verdict) in &audited {
            if let Verdict::Refused(reason) = verdict {
                println!("REFUSED {}: {reason}", record.name());
            }
        }
    }
    assert!(faults.is_empty(), "{} of {} graphs:\n{}", faults.len(), audited.len(), faults.join("\n"));
    assert!(audited.len() >= 400, "{} graphs", audited.len());
    table::check(&audited);
}

/// Node cases of ONNX's package whose answer is not ours, and why.
const OTHER_ANSWERS: &[(&str, &str)] = &[
    ("test_l2normalization_axis_0", "of a line of zeros it is 0, as in ONNX Runtime and PyTorch, not NaN"),
    ("test_qlinearmatmul_2D_int8", "its codes wrap round where ONNX's text saturates them"),
    ("test_qlinearmatmul_3D_int8", "its codes wrap round where ONNX's text saturates them"),
];

/// The graphs of another folder, such as ONNX's own node cases or whole models: `make test-onnx-suite`.
#[test]
#[ignore = "needs graphs that tests/operators/backend.py makes, in the folder FOVEATE_GRAPHS"]
fn graphs_of_a_folder_are_right_or_refused() {
    let folder = std::env::var_os("FOVEATE_GRAPHS").expect("FOVEATE_GRAPHS names a folder of graphs");
    let (mut right, mut refused, mut faults) = (0, 0, Vec::new());
    for record in records(Path::new(&folder)) {
        let outputs = run(&record.model, &record.inputs);
        let furthest = outputs.as_ref().map_or(0.0, |outputs| furthest(&record, outputs));
        let other_answer = OTHER_ANSWERS.iter().any(|(name, _)| record.tried.starts_with(name));
        match judge(&record, outputs) {
            Verdict::Fault(_) if other_answer => println!("another answer {}", record.name()),
            Verdict::Fault(fault) if fault.contains("it is written for operator set") => refused += 1,
            Verdict::Agrees => {
                right += 1;
                println!("right {}: {furthest:.1e} of the largest number", record.name());
            }
            Verdict::Refused(reason) => {
                refused += 1;
                println!("refused {}: {reason}", record.name());
            }
            Verdict::Fault(fault) => faults.push(format!("{}: {fault}; {furthest:.1e}", record.name())),
        }
    }
    println!("{right} are right, {refused} are refused");
    assert!(faults.is_empty(), "{} are neither right nor refused:\n{}", faults.len(), faults.join("\n"));
}

/// The largest difference of any float, as a part of the largest float of its tensor.
fn furthest(record: &Record, outputs: &[Tensor]) -> f64 {
    let floats = |t: &TractTensor| -> Vec<f64> {
        let wide = t.cast_to::<f64>().unwrap();
        wide.to_plain_array_view::<f64>().unwrap().iter().copied().collect()
    };
    let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
    let pairs = outputs.iter().zip(&record.outputs).filter(|(_, expected)| expected.datum_type().is_float());
    largest(&mut pairs.map(|(given, expected)| {
        let (given, expected) = (floats(&given.0), floats(expected));
        let difference = largest(&mut given.iter().zip(&expected).map(|(a, b)| (a - b).abs()));
        difference / largest(&mut expected.iter().map(|v| v.abs())).max(f64::MIN_POSITIVE)
    }))
}

fn verdict(record: &Record) -> Verdict {
    let once = judge(record, run(&record.model, &record.inputs));
    if once != Verdict::Agrees {
        return once;
    }
    // The compiler computes what depends on constants alone, by other ways than a run.
    match judge(record, run(&record.folded(), &[])) {
        Verdict::Fault(fault) if fault != BROKEN => Verdict::Fault(format!("with its inputs as constants: {fault}")),
        _ => Verdict::Agrees,
    }
}

fn judge(record: &Record, outputs: Result<Vec<Tensor>, ModelError>) -> Verdict {
    match outputs.map(|outputs| compare(record, &outputs)) {
        Ok(Ok(())) => Verdict::Agrees,
        Ok(Err(fault)) => Verdict::Fault(fault),
        Err(ModelError::UnsupportedOperator { operator, reason, .. }) => {
            Verdict::Refused(format!("{operator}: {reason}"))
        }
        Err(ModelError::BrokenWeights { .. }) => Verdict::Fault(BROKEN.into()),
        Err(error) => Verdict::Fault(error.to_string()),
    }
}

/// Through the way of a user's file.
fn run(model: &[u8], inputs: &[(String, TractTensor)]) -> Result<Vec<Tensor>, ModelError> {
    let graph = OnnxModel::from_bytes("operator.onnx", model, Limits::default())?.compile(&CompileOptions::default())?;
    let mut session = graph.session()?;
    for (name, value) in inputs {
        let Some(at) = graph.input_index(name) else { continue };
        // Floats of every width become 32-bit ones, inputs as well.
        let single = graph.inputs()[at].element == ElementType::F32;
        let value = if single { value.cast_to::<f32>().unwrap().into_owned() } else { value.clone() };
        session.set_input(at, &Tensor(value.into()))?;
    }
    let mut outputs = Vec::new();
    session.run(&mut outputs)?;
    Ok(outputs)
}

fn compare(record: &Record, outputs: &[Tensor]) -> Result<(), String> {
    if outputs.len() != record.outputs.len() {
        return Err(format!("{} outputs instead of {}", outputs.len(), record.outputs.len()));
    }
    for (ix, (given, expected)) in outputs.iter().zip(&record.outputs).enumerate() {
        let (given, expected): (&TractTensor, _) = (&given.0, expected);
        if given.shape() != expected.shape() {
            return Err(format!("output {ix} is of {:?} instead of {:?}", given.shape(), expected.shape()));
        }
        let (of, wanted) = (given.datum_type(), expected.datum_type());
        let same =
            if wanted.is_float() { of == DatumType::F32 } else { of.unquantized() == wanted || of == DatumType::TDim };
        if !same {
            return Err(format!("output {ix} is of {of:?} instead of {wanted:?}"));
        }
        let wrong = if wanted.is_float() {
            let numbers = |t: &TractTensor| {
                t.cast_to::<f64>().unwrap().to_plain_array_view::<f64>().unwrap().iter().copied().collect::<Vec<_>>()
            };
            let close = |a: f64, b: f64| {
                let near = b.is_finite() && (a - b).abs() <= record.tolerance * (1.0 + b.abs());
                a == b || a.is_nan() && b.is_nan() || near
            };
            differences(&numbers(given), &numbers(expected), close)
        } else {
            let numbers = |t: &TractTensor| {
                t.cast_to::<i64>().unwrap().to_plain_array_view::<i64>().unwrap().iter().copied().collect::<Vec<_>>()
            };
            differences(&numbers(given), &numbers(expected), |a, b| a.abs_diff(b) as f64 <= record.tolerance)
        };
        if let Some(wrong) = wrong {
            return Err(format!("output {ix}: {wrong}"));
        }
    }
    Ok(())
}

fn differences<T: Copy + std::fmt::Debug>(given: &[T], expected: &[T], close: impl Fn(T, T) -> bool) -> Option<String> {
    let wrong: Vec<usize> = (0..expected.len()).filter(|ix| !close(given[*ix], expected[*ix])).collect();
    let first = wrong.first()?;
    Some(format!(
        "{} of {} numbers are wrong, number {first} is {:?} instead of {:?}",
        wrong.len(),
        expected.len(),
        given[*first],
        expected[*first]
    ))
}
