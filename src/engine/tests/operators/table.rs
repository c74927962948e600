use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use super::{Record, Verdict};
use crate::engine::operators::MENDED;

/// Asked for by this variable, the page is written anew instead of compared.
const WRITE: &str = "FOVEATE_WRITE_OPERATORS";

/// Compares docs/operators.md with what the audit found.
pub(super) fn check(audited: &[(Record, Verdict)]) {
    let (page, path) = (page(audited), Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operators.md"));
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(path, page).unwrap();
        return;
    }
    let held = std::fs::read_to_string(path).unwrap_or_default();
    let differs = held.lines().zip(page.lines()).find(|(held, made)| held != made);
    assert!(
        held == page,
        "docs/operators.md is not what the audit finds ({differs:?}): run `{WRITE}=1 cargo test --release --lib \
         engine::tests::operators` and commit it"
    );
}

/// What was tried of one operator.
#[derive(Default)]
struct Row<'a> {
    sets: BTreeSet<u32>,
    right: Vec<&'a str>,
    refused: Vec<&'a str>,
}

fn page(audited: &[(Record, Verdict)]) -> String {
    let mut rows: BTreeMap<&str, Row<'_>> = BTreeMap::new();
    for (record, verdict) in audited {
        let row = rows.entry(&record.operator).or_default();
        row.sets.insert(record.opset);
        let list = if *verdict == Verdict::Agrees { &mut row.right } else { &mut row.refused };
        if !list.contains(&record.tried.as_str()) {
            list.push(&record.tried);
        }
    }
    let refused = audited.iter().filter(|(_, verdict)| *verdict != Verdict::Agrees).count();
    let mended = |operator: &str| MENDED.iter().find(|(name, ..)| *name == operator).map(|(_, _, why)| *why);
    let ours = audited.iter().filter(|(r, v)| *v == Verdict::Agrees && mended(&r.operator).is_some()).count();
    let agree = audited.len() - refused - ours;
    let mut page = format!(
        "{HEAD}\n{} graphs: {agree} agree, {ours} agree by a mended operator, {refused} are refused.\n\n\
         | operator | operator sets tried | result | attributes and cases tried |\n|---|---|---|---|\n",
        audited.len()
    );
    for (operator, row) in &rows {
        let sets: Vec<String> = row.sets.iter().map(u32::to_string).collect();
        let sets = sets.join(", ");
        if !row.right.is_empty() {
            let result = mended(operator).map_or_else(|| "agrees".to_owned(), |why| format!("mended: {why}"));
            let _ = writeln!(page, "| {operator} | {sets} | {result} | {} |", row.right.join("; "));
        }
        if !row.refused.is_empty() {
            let _ = writeln!(page, "| {operator} | {sets} | refused | {} |", row.refused.join("; "));
        }
    }
    page
}

const HEAD: &str = "# Operators

What the engine computes of ONNX, operator by operator. Every line stands for small graphs of `tests/operators`, which
`make test` runs by the way of a user's file and compares with what ONNX Runtime answered (its answers lie beside the graphs;
`tests/operators/generate.py` makes both). Each graph runs twice: on inputs, and with its inputs as constants, which the
compiler folds. The same test keeps this page.

* **agrees**: the numbers are ONNX Runtime's, integers and truth values exactly, floats to about 1e-5 of their size.
* **mended**: the same, by an operator of our own (`src/engine/operators`), because tract, which computes the rest, is wrong
  or refuses.
* **refused**: the file is refused when it is loaded, by a message that names the node and the operator.

An operator that is not on this page is refused by name, and so is an attribute that is not on the list of its operator in
`src/engine/operators/accepted.rs`, and a file that is written for another operator set than 7 to 25. Operators of other
domains are told apart from ONNX's own of the same name.

Two things are as they are by intent. Half floats and doubles are computed in 32-bit floats, inputs and outputs as well. And
ONNX's text does not say what `Relu`, `Clip`, `Max`, `Min`, `MaxPool`, `Sigmoid` and `Tanh` make of what is not a number (NaN):
here it may become a number, and a window of `MaxPool` without a finite number may give the smallest float. In reductions
(`ReduceMax`, `ReduceMin`, `ArgMax`, `ArgMin`, `GlobalMaxPool`) NaN wins wherever it stands, as in PyTorch; ONNX Runtime passes
over it after the first place.
";
