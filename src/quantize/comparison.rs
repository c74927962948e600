//! Two models side by side on the same images.

use std::collections::BTreeMap;

use super::images::{Images, Stage, Watch, image_input};
use super::report::Snr;
use crate::engine::{CompileOptions, OnnxModel, Session, Tensor, Threads};
use crate::error::{Error, ModelError};
use crate::geometry::Size;

/// How a model is run.
#[derive(Clone, Debug)]
pub(super) struct RunAs {
    pub input: Size,
    pub threads: Threads,
}

/// A model with the tensors that are watched as its outputs.
pub(super) struct Observed {
    session: Session,
    names: Vec<String>,
    values: Vec<Tensor>,
}

impl Observed {
    /// Compiles `model` to give the tensors of `names`, each once.
    pub fn new(model: &OnnxModel, names: &[String], run: &RunAs) -> Result<Self, ModelError> {
        let mut unique: Vec<String> = Vec::new();
        for name in names {
            if !unique.contains(name) {
                unique.push(name.clone());
            }
        }
        let shape = vec![1, 3, run.input.height as usize, run.input.width as usize];
        let options = CompileOptions {
            shapes: vec![(image_input(model)?.name.clone(), shape)],
            outputs: unique.clone(),
            threads: run.threads.clone(),
            ..CompileOptions::default()
        };
        let graph = model.observing(&unique)?.compile(&options)?;
        Ok(Observed { session: graph.session()?, names: unique, values: Vec::new() })
    }

    pub fn input(&mut self) -> Result<&mut [f32], ModelError> {
        self.session.input_mut(0)
    }

    pub fn run(&mut self) -> Result<(), ModelError> {
        self.session.run(&mut self.values)
    }

    /// Values of a tensor of the last run.
    pub fn tensor(&self, name: &str) -> Option<&[f32]> {
        self.values.get(self.names.iter().position(|n| n == name)?)?.as_f32()
    }
}

pub(super) fn output_names(model: &OnnxModel) -> Vec<String> {
    model.outputs().iter().map(|o| o.name.clone()).collect()
}

/// Runs `each` after `float` and `other` have run on each image. Returns how many images could be read, `None` if the
/// watcher ended it.
pub(super) fn side_by_side(
    float: &mut Observed,
    other: &mut Observed,
    images: &mut dyn Images,
    watch: &mut dyn Watch,
    mut each: impl FnMut(&Observed, &Observed, &[f32]),
) -> Result<Option<usize>, Error> {
    let mut read = 0;
    let mut input = vec![0.0; float.input()?.len()];
    watch.begin(Stage::Measurement, images.count());
    for index in 0..images.count() {
        if images.load(index, &mut input)? {
            for model in [&mut *float, &mut *other] {
                model.input()?.copy_from_slice(&input);
                model.run()?;
            }
            each(float, other, &input);
            read += 1;
        }
        if !watch.step() {
            return Ok(None);
        }
    }
    Ok(Some(read))
}

/// Signal and noise of tensors, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Ratios(BTreeMap<String, Snr>);

impl Ratios {
    /// Adds what `other` made of the tensor `name`, passed through `finish`.
    pub fn add(&mut self, name: &str, exact: &[f32], other: &[f32], finish: impl Fn(f32) -> f32) {
        let pairs = exact.iter().zip(other).map(|(exact, other)| (*exact, finish(*other)));
        self.0.entry(name.to_owned()).or_default().add(pairs);
    }

    pub fn get(&self, name: &str) -> Snr {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// The mean over `names` of noise for a unit of signal.
    pub fn mean_noise(&self, names: &[String]) -> f64 {
        names.iter().map(|name| self.get(name).relative_noise()).sum::<f64>() / names.len().max(1) as f64
    }
}
