//! What a frame costs by the number of objects that are followed: `cargo bench --bench objects`.
//!
//! Each count has a stepper of its own, and the counts take turns frame by frame, so that a busy machine is busy for all.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use foveate::engine::Precision;
use foveate::frame::Frame;
use foveate::geometry::Size;
use foveate::mask::Mask;
use foveate::model::{ModelOptions, Registry};
use foveate::scene::{Rendering, Scene};
use foveate::session::Stepper;
use foveate::statistics::median;
use foveate::time::Timestamp;
use foveate::track::FollowerConfig;

const SIZE: Size = Size::new(640, 480);
const COUNTS: [usize; 4] = [1, 2, 5, 10];
const FRAMES: u64 = 100;
const FPS: f64 = 30.0;

fn main() {
    let shots = shots();
    println!(
        "{:<10} {:>8} {:>10} {:>8}   milliseconds of a frame, medians; encoding included",
        "precision", "objects", "ms", "ratio"
    );
    for precision in [Precision::F32, Precision::Int8] {
        let mut steppers = COUNTS.map(|_| stepper(precision));
        let mut times = COUNTS.map(|_| Vec::new());
        for (n, (frame, masks)) in shots.iter().enumerate() {
            for ((stepper, count), times) in steppers.iter_mut().zip(COUNTS).zip(&mut times) {
                let begin = Instant::now();
                stepper.set_frame(Arc::clone(frame)).expect("the frame is an image");
                if n == 0 {
                    for object in 0..count {
                        stepper.select(object as u32, &masks[object % masks.len()]).expect("a mask of the frame");
                    }
                }
                stepper.follow().expect("the model answers");
                if n > 0 {
                    times.push(begin.elapsed().as_secs_f64() * 1e3);
                }
            }
        }
        let medians = times.map(|mut times| median(&mut times, f64::total_cmp).expect("frames were timed"));
        for (count, ms) in COUNTS.iter().zip(medians) {
            println!("{:<10} {count:>8} {ms:>10.2} {:>8.2}", precision.name(), ms / medians[0]);
        }
    }
}

fn stepper(precision: Precision) -> Stepper {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let mut options = ModelOptions::default();
    options.precision = Some(precision);
    let registry = Registry::from_dirs(&[models]).expect("the bundled model");
    let model = registry.load("foveate", &options).expect("it loads");
    let (encoder, decoder) = (model.encoder(), model.decoder());
    Stepper::new(encoder.expect("an encoder"), decoder.expect("a decoder"), FollowerConfig::default())
        .expect("a stepper")
}

/// The frames of a scene, and the masks of its objects in the first.
fn shots() -> Vec<(Arc<Frame>, Vec<Mask>)> {
    let scene = Scene::new(61, SIZE);
    let mut rendering = Rendering::default();
    let mut shot = |n: u64| {
        scene.render(n as f64 / FPS, &mut rendering);
        let mask = |id: u8| Mask::from_fn(SIZE, |x, y| rendering.ids[(y * SIZE.width + x) as usize] == id);
        let masks = scene.objects().iter().map(|o| mask(o.id)).filter(|mask| mask.area() > 500);
        let masks = if n == 0 { masks.collect() } else { Vec::new() };
        let captured_at = Timestamp::from_secs_f64(n as f64 / FPS);
        let frame = Frame::from_rgb(SIZE, rendering.rgb.clone()).expect("as many bytes as pixels");
        (Arc::new(Frame { sequence: n, captured_at, ..frame }), masks)
    };
    (0..FRAMES).map(&mut shot).collect()
}
