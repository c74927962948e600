use super::comparison::{Observed, RunAs, output_names};
use super::histogram::Histogram;
use super::images::{Images, Stage, Watch, image_input, no_images};
use crate::engine::{Convolution, OnnxModel};
use crate::error::Error;

/// Names of the tensors that the convolutions read, in the order of the graph.
pub(super) fn inputs_of(convolutions: &[Convolution]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for conv in convolutions {
        if !names.contains(&conv.input) {
            names.push(conv.input.clone());
        }
    }
    names
}

/// What values the tensors hold that the convolutions read, by name and in the order of the graph. `None` if the watcher
/// ended it.
///
/// # Errors
/// [`ModelError::Rewrite`](crate::error::ModelError::Rewrite) if no image can be read or a value is not finite;
/// otherwise as [`OnnxModel::compile`].
pub(super) fn calibrate(
    model: &OnnxModel,
    convolutions: &[Convolution],
    images: &mut dyn Images,
    run: &RunAs,
    watch: &mut dyn Watch,
) -> Result<Option<Vec<(String, Histogram)>>, Error> {
    let image = image_input(model)?.name.clone();
    let mut histograms: Vec<(String, Histogram)> =
        inputs_of(convolutions).into_iter().map(|name| (name, Histogram::default())).collect();
    let names: Vec<String> = histograms.iter().map(|(name, _)| name.clone()).filter(|name| *name != image).collect();
    // A model of one convolution has nothing to observe but its input.
    let names = if names.is_empty() { output_names(model) } else { names };
    let mut observed = Observed::new(model, &names, run)?;
    let mut read = 0;
    watch.begin(Stage::Calibration, images.count());
    for index in 0..images.count() {
        if images.load(index, observed.input()?)? {
            observed.run()?;
            read += 1;
            for (name, histogram) in &mut histograms {
                let finite = match observed.tensor(name) {
                    Some(values) => histogram.add(values),
                    None => histogram.add(observed.input()?),
                };
                if !finite {
                    return Err(model.refused(format!("its tensor `{name}` is not finite on image {index}")).into());
                }
            }
        }
        if !watch.step() {
            return Ok(None);
        }
    }
    if read == 0 {
        return Err(no_images(model).into());
    }
    Ok(Some(histograms))
}
