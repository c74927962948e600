use super::*;
use crate::frame::PixelFormat;
use crate::geometry::Letterbox;
use crate::model::Candidate;

const INPUT: Size = Size::new(128, 96);
const GRID: Size = Size::new(64, 48);
const FRAME: Size = Size::new(256, 192);

struct Eye;

impl Encoder for Eye {
    fn input_size(&self) -> Size {
        INPUT
    }

    fn encode_region(&mut self, frame: &Frame, region: Region, out: &mut Embedding) -> Result<()> {
        out.letterbox = Letterbox::of_region(frame.size, region, INPUT);
        Ok(())
    }
}

/// Answers with the rectangle that was clicked, with it and a margin, and with all of the picture, which is rated low. A click beside all
/// rectangles is answered with the whole picture, rated high.
struct Rectangles {
    things: Vec<BoundingBox>,
    asked: std::sync::Arc<AtomicUsize>,
}

impl Decoder for Rectangles {
    fn max_points(&self) -> usize {
        1
    }

    fn mask_size(&self) -> Size {
        GRID
    }

    fn candidates(&self) -> usize {
        3
    }

    fn decode(&mut self, embedding: &Embedding, prompts: &[Prompt], out: &mut Vec<Candidate>) -> Result<()> {
        self.asked.fetch_add(prompts.len(), Ordering::Relaxed);
        out.clear();
        let whole = BoundingBox::of_frame(embedding.letterbox.frame);
        for prompt in prompts {
            let clicked = self.things.iter().find(|thing| thing.contains(prompt.points[0].point));
            let answers = match clicked {
                Some(thing) => [(*thing, 0.95), (with_margin(*thing), 0.9), (whole, 0.3)],
                None => [(whole, 0.9), (whole, 0.2), (whole, 0.1)],
            };
            for (shape, predicted_iou) in answers {
                let logit = |at: usize| {
                    let cell = Point::new((at % 64) as f32 * 2.0 + 1.0, (at / 64) as f32 * 2.0 + 1.0);
                    if shape.contains(embedding.letterbox.to_frame(cell)) { 8.0 } else { -8.0 }
                };
                let logits = LowResLogits { size: GRID, data: (0..GRID.area()).map(logit).collect() };
                out.push(Candidate { logits, predicted_iou });
            }
        }
        Ok(())
    }
}

fn with_margin(thing: BoundingBox) -> BoundingBox {
    BoundingBox::new(thing.x0 - 2.0, thing.y0 - 2.0, thing.x1 + 2.0, thing.y1 + 2.0)
}

fn things() -> Vec<BoundingBox> {
    [(20, 20, 60), (100, 30, 40), (180, 100, 50), (32, 128, 32)]
        .map(|(x, y, side)| BoundingBox::new(x as f32, y as f32, (x + side) as f32, (y + side) as f32))
        .into()
}

/// What is found with `threads`, and how many prompts it took.
fn find(options: EverythingOptions, threads: usize) -> (Vec<FoundMask>, usize) {
    let asked = std::sync::Arc::new(AtomicUsize::new(0));
    let decoder =
        || Box::new(Rectangles { things: things(), asked: std::sync::Arc::clone(&asked) }) as Box<dyn Decoder>;
    let mut everything = Everything::new(Box::new(Eye), (0..threads).map(|_| decoder()).collect(), options).unwrap();
    let frame =
        Frame { size: FRAME, format: PixelFormat::Rgb24, data: vec![0; FRAME.area() * 3].into(), ..Frame::default() };
    let mut reports = Vec::new();
    let found = everything.find(&frame, &mut |done, all| reports.push((done, all))).unwrap();
    assert!(reports.is_sorted() && reports.last().is_some_and(|(done, all)| done == all), "{reports:?}");
    (found, asked.load(Ordering::Relaxed))
}

fn decoded(found: &FoundMask) -> Mask {
    let mut mask = Mask::default();
    found.mask.decode(&mut mask);
    mask
}

/// IoU of the best mask with each thing.
fn best(found: &[FoundMask]) -> Vec<f32> {
    let mask =
        |thing: &BoundingBox| Mask::from_fn(FRAME, |x, y| thing.contains(Point::new(x as f32 + 0.5, y as f32 + 0.5)));
    let iou = |thing| found.iter().map(|f| decoded(f).iou(&mask(thing))).fold(0.0, f32::max);
    things().iter().map(iou).collect()
}

#[test]
fn each_thing_is_found_once_whatever_the_threads() {
    let options = EverythingOptions { points_per_side: 16, ..EverythingOptions::default() };
    let (found, asked) = find(options.clone(), 1);
    assert!(best(&found).iter().all(|iou| *iou > 0.8), "{:?}", best(&found));
    assert_eq!(found.len(), things().len() + 1, "the things and the background");
    assert!(found.windows(2).all(|pair| pair[0].area >= pair[1].area));
    assert!(found.iter().all(|f| f.area == decoded(f).area() && Some(f.bbox) == decoded(f).bounding_box()));
    assert_eq!(find(options, 3), (found, asked));
}

#[test]
fn what_is_explained_is_not_asked_again() {
    let every = EverythingOptions { points_per_side: 16, skip_explained: false, ..EverythingOptions::default() };
    let (all, asked) = find(every.clone(), 2);
    let (few, fewer) = find(EverythingOptions { skip_explained: true, ..every }, 2);
    assert_eq!(asked, 256);
    assert!(fewer < 240, "{fewer}");
    assert_eq!(all.len(), few.len());
}

#[test]
fn options_of_segment_anything_ask_every_point_and_are_strict() {
    let (found, asked) = find(EverythingOptions { points_per_side: 8, ..EverythingOptions::segment_anything() }, 1);
    assert_eq!(asked, 64);
    assert!(found.iter().all(|f| f.predicted_iou > 0.88 && f.stability >= 0.95));
    let none = EverythingOptions { least_iou: 0.96, ..EverythingOptions::segment_anything() };
    assert!(find(none, 1).0.is_empty());
}

#[test]
fn crops_see_small_things_and_leave_out_what_they_cut_off() {
    let options = EverythingOptions { points_per_side: 8, crop_layers: 1, ..EverythingOptions::default() };
    let (found, _) = find(options, 2);
    assert!(best(&found).iter().all(|iou| *iou > 0.8), "{:?}", best(&found));
    assert!(found.iter().any(|f| f.crop.size != FRAME), "a mask of a crop is preferred");
    let whole = found.iter().filter(|f| f.area > FRAME.area() * 9 / 10).count();
    assert_eq!(whole, 1, "the background is of the whole picture alone");
}

#[test]
fn options_out_of_range_are_named() {
    let wrong = EverythingOptions { points_per_side: 0, ..EverythingOptions::default() };
    let error = Everything::new(Box::new(Eye), Vec::new(), wrong).err().unwrap().to_string();
    assert!(error.contains("points_per_side") && error.contains("1 to 256"), "{error}");
    assert!(Everything::new(Box::new(Eye), Vec::new(), EverythingOptions::default()).is_err());
}
