//! The models that lie in a checkout.

use std::path::Path;

use foveate::frame::Frame;
use foveate::geometry::{LabeledPoint, Size};
use foveate::model::{ModelOptions, Prompt, Registry};
use foveate::segment::Predictor;

const SIZE: Size = Size::new(160, 120);

fn inside(pixel: u32) -> bool {
    ((pixel % SIZE.width) as f32 - 70.0).hypot((pixel / SIZE.width) as f32 - 55.0) < 30.0
}

/// Each is found by name, in every precision that its manifest promises, with the files that this pins, and segments a disc.
#[test]
fn every_model_of_a_checkout_segments() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let registry = Registry::from_dirs(&[folder]).expect("models");
    let pixels = 0..SIZE.width * SIZE.height;
    let rgb = pixels.clone().flat_map(|i| if inside(i) { [220, 60, 40] } else { [40, 70, 120] }).collect();
    let frame = Frame::from_rgb(SIZE, rgb).unwrap();
    let area = pixels.filter(|i| inside(*i)).count() as f32;
    let names: Vec<&str> = registry.list().iter().map(|installed| installed.spec.name.as_str()).collect();
    assert_eq!(names, ["foveate", "foveate-lite0"]);
    for installed in registry.list() {
        for precision in installed.spec.files.keys() {
            let name = &installed.spec.name;
            let mut options = ModelOptions::default();
            options.precision = Some(*precision);
            let model = registry.load(name, &options).unwrap_or_else(|e| panic!("{name}: {e}"));
            let mut predictor = Predictor::new(model.encoder().unwrap(), model.decoder().unwrap());
            predictor.set_frame(&frame).unwrap();
            let prompt = Prompt { points: vec![LabeledPoint::foreground(70.0, 55.0)], ..Prompt::default() };
            let found = predictor.predict(&prompt, false).unwrap()[0].area as f32;
            assert!((found / area - 1.0).abs() < 0.1, "{name} in {precision:?}: {found} pixels of {area}");
        }
    }
}
