//! `foveate bench --onnx`: one graph on its own.

use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use crate::engine::{CompileOptions, Device, ElementType, Limits, OnnxModel, Precision, TensorInfo, Threads};

use super::profile::Profile;
use super::{BenchArgs, Part, kernel_lines, measure, part_line, peak_rss_bytes};
use crate::cli::output::{print, print_json};

/// The JSON form of `foveate bench --onnx`.
#[derive(Debug, Serialize)]
struct Report {
    file: String,
    precision: String,
    threads: usize,
    runs: u32,
    inputs: Vec<Input>,
    graph: Part,
    /// Most memory that the process ever held, loading included; `null` where the system does not tell.
    peak_rss_bytes: Option<u64>,
    /// Where the time goes, if that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<Profile>,
}

#[derive(Debug, Serialize)]
struct Input {
    name: String,
    shape: Vec<usize>,
}

/// An input's name and the shape it is to have.
pub(super) type Shape = (String, Vec<usize>);

/// `NAME=1x3x512x512`.
pub(super) fn parse_shape(text: &str) -> Result<Shape, String> {
    let parsed = text.rsplit_once('=').and_then(|(name, sizes)| {
        let sizes = sizes.split('x').map(|s| s.parse().ok().filter(|n| *n > 0)).collect::<Option<Vec<usize>>>()?;
        (!name.is_empty()).then(|| (name.to_owned(), sizes))
    });
    parsed.ok_or_else(|| format!("`{text}` is not an input's shape: give NAME=1x3x512x512"))
}

/// Runs `file` with numbers from 0 to 1 in every input.
pub(super) fn run(file: &Path, args: &BenchArgs) -> anyhow::Result<()> {
    let BenchArgs { shape: given, model: args, runs, profile, json, .. } = args;
    let runs = *runs;
    let model = OnnxModel::open(file, Limits::default())?;
    let inputs = model.inputs().iter().map(|input| shape_of(input, given)).collect::<anyhow::Result<Vec<_>>>()?;
    if let Some((unknown, _)) = given.iter().find(|(name, _)| inputs.iter().all(|input| input.name != *name)) {
        let known: Vec<&str> = inputs.iter().map(|i| i.name.as_str()).collect();
        anyhow::bail!("{} has no input `{unknown}`; it has {}", file.display(), known.join(", "));
    }
    let device = args.device.0.unwrap_or_default();
    let options = CompileOptions {
        shapes: inputs.iter().map(|i| (i.name.clone(), i.shape.clone())).collect(),
        precision: args.precision.0.unwrap_or(if device == Device::Cuda { Precision::F16 } else { Precision::F32 }),
        device,
        threads: Threads::new(args.threads),
        ..CompileOptions::default()
    };
    let graph = model.compile(&options)?;
    let mut session = graph.session()?;
    let mut grain = 1u32;
    let mut number = || {
        grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (grain >> 8) as f32 / (1 << 24) as f32
    };
    for (ix, declared) in model.inputs().iter().enumerate() {
        if matches!(declared.element, ElementType::F32 | ElementType::F16) {
            session.input_mut(ix)?.iter_mut().for_each(|v| *v = number());
        }
    }
    let mut outputs = Vec::new();
    let [samples] = measure(runs, |[samples]| Ok(samples.time(|| session.run(&mut outputs))?))?;
    let profile = if *profile {
        let rounds = (0..runs).map(|_| session.profile(&mut outputs)).collect::<Result<Vec<_>, _>>()?;
        Some(Profile::of(&rounds))
    } else {
        None
    };
    let report = Report {
        file: file.display().to_string(),
        precision: graph.audit().precision.to_owned(),
        threads: args.threads,
        runs,
        inputs,
        graph: Part::new(&samples, graph.audit()),
        peak_rss_bytes: peak_rss_bytes(),
        profile,
    };
    if *json { print_json(&report) } else { print(&table(&report)) }
}

/// The shape asked for, else the file's own.
fn shape_of(input: &TensorInfo, given: &[Shape]) -> anyhow::Result<Input> {
    let asked = given.iter().find(|(name, _)| *name == input.name).map(|(_, shape)| shape.clone());
    let shape = asked.or_else(|| input.fixed_shape()).with_context(|| {
        let (name, open) = (&input.name, input.shape_text());
        format!("the file leaves the shape of input `{name}` open {open}: give it as --shape {name}=1x3x512x512")
    })?;
    Ok(Input { name: input.name.clone(), shape })
}

fn table(report: &Report) -> String {
    let Report { file, precision, threads, runs, inputs, graph, profile, .. } = report;
    let mut text = format!("{file} ({precision}), {threads} thread(s), {runs} runs\n");
    for Input { name, shape } in inputs {
        let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
        text.push_str(&format!("  input {name}: {}\n", shape.join("x")));
    }
    text.push_str(super::HEADING);
    text.push_str(&part_line("graph", graph));
    text.push_str(&super::memory_line(report.peak_rss_bytes));
    text.push_str(&kernel_lines("graph", graph));
    if let Some(profile) = profile {
        text.push_str(&profile.table());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_a_name_and_sizes() {
        assert_eq!(parse_shape("image=1x3x64x48"), Ok(("image".into(), vec![1, 3, 64, 48])));
        assert_eq!(parse_shape("a=b=2"), Ok(("a=b".into(), vec![2])));
        for wrong in ["", "image", "=1x3", "image=", "image=1x0", "image=1xx2", "image=1,3"] {
            assert!(parse_shape(wrong).is_err_and(|e| e.contains("NAME=")), "{wrong}");
        }
    }
}
