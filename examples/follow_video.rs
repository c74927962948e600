//! Following an object through a video: a folder of frames, one point on the first, the object's box on every one.
//!
//!     cargo run --release --example follow_video -- FRAMES_DIR X,Y
//!
//! A `Stepper` works on the caller's thread and drops nothing; a live stream goes through a `Pipeline` instead, see
//! `own_source.rs`. `foveate track clip.mp4` follows in a video file; `video::ClipReader` reads one.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use foveate::capture::list_images;
use foveate::frame::open_image;
use foveate::geometry::LabeledPoint;
use foveate::model::{ModelOptions, Registry};
use foveate::session::Stepper;
use foveate::track::FollowerConfig;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().context("give a folder of frames and a point X,Y on the first")?;
    let point = arguments.next().context("give a point X,Y on the first frame")?;
    let (x, y) = point.split_once(',').context("a point is X,Y")?;
    let point = LabeledPoint::foreground(x.parse()?, y.parse()?);

    let model = Registry::discover(None)?.load("foveate", &ModelOptions::default())?;
    let mut stepper = Stepper::new(model.encoder()?, model.decoder()?, FollowerConfig::default())?;
    // In the order that a reader would count the names in: 9.png before 10.png.
    for (number, path) in list_images(Path::new(&folder))?.iter().enumerate() {
        stepper.set_frame(Arc::new(open_image(path)?))?;
        if number == 0 {
            stepper.prompt(1, &[point], None)?;
        }
        let record = stepper.follow()?;
        for object in record.objects() {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            match object.bbox {
                Some(b) => println!(
                    "{name} {:?} {:.0},{:.0} to {:.0},{:.0}, score {:.2}",
                    object.state, b.x0, b.y0, b.x1, b.y1, object.score
                ),
                None => println!("{name} {:?}", object.state),
            }
        }
    }
    Ok(())
}
