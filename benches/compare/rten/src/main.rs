//! `rten-bench FILE THREADS RUNS 1x3x512x512...`: the median milliseconds of a run, one shape for each input in order.

use std::error::Error;
use std::time::Instant;

use rten::{Model, RunOptions, ThreadPool, ValueOrView};
use rten_tensor::prelude::*;

const WARM_UP: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, threads, runs, shapes @ ..] = arguments.as_slice() else {
        return Err("usage: rten-bench FILE THREADS RUNS SHAPE...".into());
    };
    let runs: usize = runs.parse()?;
    let model = Model::load_file(file)?;
    let options = RunOptions::default().with_thread_pool(Some(ThreadPool::with_num_threads(threads.parse()?).into()));
    let inputs: Vec<_> = model.input_ids().to_vec();
    let tensors: Vec<rten_tensor::Tensor<f32>> = shapes.iter().map(|shape| random(shape)).collect::<Result<_, _>>()?;
    if tensors.len() != inputs.len() {
        return Err(format!("{file} has {} inputs, {} shapes are given", inputs.len(), tensors.len()).into());
    }
    let mut times = Vec::new();
    for run in 0..WARM_UP + runs {
        let given: Vec<_> = inputs.iter().zip(&tensors).map(|(id, t)| (*id, ValueOrView::from(t.view()))).collect();
        let began = Instant::now();
        model.run(given, model.output_ids(), Some(options.clone()))?;
        if run >= WARM_UP {
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
    }
    times.sort_by(f64::total_cmp);
    println!("{}", times[times.len() / 2]);
    Ok(())
}

/// Numbers from 0 to 1.
fn random(shape: &str) -> Result<rten_tensor::Tensor<f32>, Box<dyn Error>> {
    let shape = shape.split('x').map(str::parse).collect::<Result<Vec<usize>, _>>()?;
    let mut grain = 1u32;
    let mut next = || {
        grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (grain >> 8) as f32 / (1 << 24) as f32
    };
    let values = (0..shape.iter().product()).map(|_| next()).collect::<Vec<f32>>();
    Ok(rten_tensor::Tensor::from_data(&shape, values))
}
