//! A photo: encode it once, ask by points, and get masks, best first.
//!
//!     cargo run --release --example photo -- photo.jpg 420,250 [X,Y[,0]]...
//!
//! Points are pixels of the photo; `,0` marks one that lies outside of the object.

use anyhow::{Context, Result};
use foveate::frame::open_image;
use foveate::geometry::LabeledPoint;
use foveate::model::{ModelOptions, Prompt, Registry};
use foveate::segment::Predictor;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let photo = open_image(arguments.next().context("give a photo and at least one point X,Y")?)?;
    let points = arguments.map(|text| point(&text)).collect::<Result<Vec<_>>>()?;

    // Finds the bundled model; the options choose precision, input size and threads.
    let model = Registry::discover(None)?.load("foveate", &ModelOptions::default())?;
    let mut predictor = Predictor::new(model.encoder()?, model.decoder()?);
    // The expensive step; every prompt after it takes a fraction of that time.
    predictor.set_frame(&photo)?;

    // One point may mean a part, an object or a group: `true` asks for every reading.
    let prompt = Prompt { points: points.clone(), ..Prompt::default() };
    let ranked = predictor.predict(&prompt, true)?;
    for mask in &ranked {
        println!("{} pixels, predicted IoU {:.2}", mask.area, mask.predicted_iou);
    }

    // The best one once more, from a crop around it, for a better outline.
    let best = ranked.first().context("the model gave no mask")?;
    if let Some(closer) = predictor.zoom_in(&photo, &prompt, best)? {
        println!("from nearer by {} pixels, predicted IoU {:.2}", closer.area, closer.predicted_iou);
    }
    Ok(())
}

fn point(text: &str) -> Result<LabeledPoint> {
    let numbers =
        text.split(',').map(str::parse).collect::<Result<Vec<f32>, _>>().context("a point is X,Y or X,Y,0")?;
    match numbers[..] {
        [x, y] | [x, y, 1.0] => Ok(LabeledPoint::foreground(x, y)),
        [x, y, 0.0] => Ok(LabeledPoint::background(x, y)),
        _ => anyhow::bail!("`{text}` is no point: give X,Y or X,Y,0"),
    }
}
