//! Writes the ground truth of frames of the rendered scene, for tests of what a stream shows.
//!
//!     cargo run --release --example scene_truth -- --seed 7 --width 640 --height 480 --fps 15
//!
//! Each line of standard input is the number of a frame; each line of output its id map as
//! `{"frame":N,"size":[W,H],"runs":[[id,length],…]}`, row by row, 0 for the background.

use std::io::{BufRead, Write};

use anyhow::{Context, Result};
use clap::Parser;
use foveate::geometry::Size;
use foveate::scene::Scene;

#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value_t = 7)]
    seed: u64,
    #[arg(long, default_value_t = 640)]
    width: u32,
    #[arg(long, default_value_t = 480)]
    height: u32,
    #[arg(long, default_value_t = 30.0)]
    fps: f64,
}

fn main() -> Result<()> {
    let Arguments { seed, width, height, fps } = Arguments::parse();
    let scene = Scene::new(seed, Size::new(width, height));
    let mut ids = Vec::new();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let frame: u64 = line.trim().parse().with_context(|| format!("`{line}` is no number of a frame"))?;
        scene.render_ids(frame as f64 / fps, &mut ids);
        let runs: Vec<(u8, usize)> = ids.chunk_by(|a, b| a == b).map(|run| (run[0], run.len())).collect();
        writeln!(out, "{}", serde_json::json!({ "frame": frame, "size": [width, height], "runs": runs }))?;
        out.flush()?;
    }
    Ok(())
}
