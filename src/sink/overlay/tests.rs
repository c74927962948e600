use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::record::FrameRecord;

fn record_with(size: Size, objects: &[(ObjectId, ObjectState, Mask)]) -> FrameRecord {
    let mut record = FrameRecord::default();
    record.age = Duration::from_millis(34);
    for (id, state, mask) in objects {
        let object = record.push_object();
        object.object = *id;
        object.state = *state;
        object.score = 0.934;
        object.bbox = mask.bounding_box();
        object.mask = mask.clone();
        object.points = vec![
            LabeledPoint::foreground(size.width as f32 / 2.0, size.height as f32 / 2.0),
            LabeledPoint::background(3.0, 3.0),
        ];
    }
    record
}

fn disc(size: Size, cx: f32, cy: f32, r: f32) -> Mask {
    Mask::from_fn(size, |x, y| Point::new(x as f32 + 0.5, y as f32 + 0.5).distance(Point::new(cx, cy)) < r)
}

fn pixel(rgb: &[u8], size: Size, x: u32, y: u32) -> Rgb {
    let at = (y as usize * size.width as usize + x as usize) * 3;
    [rgb[at], rgb[at + 1], rgb[at + 2]]
}

#[test]
fn a_still_photo_has_no_latency_chip() {
    let size = Size::new(200, 100);
    let mut rgb = vec![120; size.area() * 3];
    Painter::new().draw(&mut rgb, size, &FrameRecord::default());
    assert!(rgb.iter().all(|v| *v == 120));
    let mut record = FrameRecord::default();
    record.age = Duration::from_millis(34);
    Painter::new().draw(&mut rgb, size, &record);
    assert!(rgb.iter().any(|v| *v != 120));
}

#[test]
fn tint_contour_and_background_are_where_they_belong() {
    let size = Size::new(400, 400);
    let mask = disc(size, 200.0, 200.0, 100.0);
    let mut record = record_with(size, &[(1, ObjectState::Tracked, mask)]);
    record.objects_mut()[0].points.clear();
    let mut rgb = vec![100; size.area() * 3];
    Painter::new().draw(&mut rgb, size, &record);
    let color = object_color(1);
    let tinted: Rgb = color.map(|c| (100.0 * (1.0 - TINT) + c as f32 * TINT).round() as u8);
    for (got, want) in pixel(&rgb, size, 200, 200).into_iter().zip(tinted) {
        assert!(got.abs_diff(want) <= 1);
    }
    assert_eq!(pixel(&rgb, size, 300, 200), color, "the border is drawn in the object's colour");
    assert_eq!(pixel(&rgb, size, 380, 380), [100, 100, 100], "outside nothing changes");
}

#[test]
fn a_mask_cut_by_the_frame_has_no_line_along_the_edge() {
    let size = Size::new(120, 90);
    let full = Mask::from_fn(size, |_, _| true);
    let mut rgb = vec![0; size.area() * 3];
    let mut canvas = Canvas::new(&mut rgb, size);
    let mut pen = ContourPen::default();
    pen.prepare(120, 1);
    pen.stroke(&mut canvas, &full, WHITE);
    assert!(rgb.iter().all(|v| *v == 0));
}

#[test]
fn the_smallest_object_is_still_drawn() {
    let size = Size::new(50, 50);
    let mut rgb = vec![0; size.area() * 3];
    let mut pen = ContourPen::default();
    pen.prepare(50, 2);
    pen.stroke(&mut Canvas::new(&mut rgb, size), &Mask::from_fn(size, |x, y| x == 20 && y == 20), WHITE);
    assert_eq!(pixel(&rgb, size, 20, 20), WHITE);
}

#[test]
fn a_straight_border_is_as_wide_as_the_pen() {
    for radius in 1..=4 {
        let size = Size::new(80, 40);
        let mut rgb = vec![0; size.area() * 3];
        let mut pen = ContourPen::default();
        pen.prepare(80, radius);
        pen.stroke(&mut Canvas::new(&mut rgb, size), &Mask::from_fn(size, |x, _| x >= 40), WHITE);
        let width = (0..80).filter(|x| pixel(&rgb, size, *x, 20) == WHITE).count();
        assert_eq!(width, 2 * radius);
    }
}

#[test]
fn colours_of_twenty_objects_differ() {
    let colors: Vec<Rgb> = (1..=20).map(object_color).collect();
    for (i, a) in colors.iter().enumerate() {
        assert!(colors[..i].iter().all(|b| a != b), "object {}", i + 1);
    }
    assert_eq!(object_color(0), object_color(0), "any id has a colour");
}

#[test]
fn labels_of_one_place_do_not_cover_each_other() {
    let size = Size::new(640, 480);
    let mask = disc(size, 300.0, 300.0, 50.0);
    let objects: Vec<_> = (1..=6).map(|id| (id, ObjectState::Tracked, mask.clone())).collect();
    let mut rgb = vec![0; size.area() * 3];
    let mut painter = Painter::new();
    painter.draw(&mut rgb, size, &record_with(size, &objects));
    for (i, a) in painter.placed.iter().enumerate() {
        assert!(painter.placed[..i].iter().all(|b| a.intersect(*b).area() == 0.0), "{:?}", painter.placed);
    }
    assert_eq!(painter.placed.len(), 7);
}

#[test]
fn gaze_is_drawn_on_request_alone() {
    let size = Size::new(64, 48);
    let mut record = record_with(size, &[]);
    record.gaze = Some(Point::new(30.0, 20.0));
    let is_drawn = |mut painter: Painter| {
        let mut rgb = vec![0; size.area() * 3];
        painter.draw(&mut rgb, size, &record);
        pixel(&rgb, size, 30, 20) != BLACK
    };
    assert!(!is_drawn(Painter::new()) && is_drawn(Painter::new().with_gaze(true)));
}

#[test]
fn scratch_is_reused_from_frame_to_frame() {
    let size = Size::new(320, 240);
    let record = record_with(size, &[(1, ObjectState::Selected, disc(size, 100.0, 100.0, 60.0))]);
    let mut painter = Painter::new().with_boxes(true);
    let mut first = vec![0; size.area() * 3];
    painter.draw(&mut first, size, &record);
    let held = (painter.pen.line_address(), painter.placed.as_ptr(), painter.placed.capacity());
    let mut second = vec![0; size.area() * 3];
    painter.draw(&mut second, size, &record);
    assert_eq!(held, (painter.pen.line_address(), painter.placed.as_ptr(), painter.placed.capacity()));
    assert!(first == second, "drawing depends on nothing but its arguments");
}

proptest! {
    /// Nothing a record may hold makes drawing panic: any size, wrong mask sizes, far and non-finite coordinates.
    #[test]
    fn hostile_records_are_drawn(
        width in 1u32..70, height in 1u32..70, mask_width in 0u32..70, mask_height in 0u32..70,
        x in prop_oneof![any::<f32>(), -100f32..100.0], y in prop_oneof![any::<f32>(), -100f32..100.0],
        score in any::<f32>(), id in any::<u32>(), seed in any::<u32>(), age in any::<u64>(),
    ) {
        let size = Size::new(width, height);
        let noise = |x: u32, y: u32| (x.wrapping_mul(31) ^ y.wrapping_mul(17)).wrapping_mul(seed) & 8 != 0;
        let objects = [
            (id, ObjectState::Tracked, Mask::from_fn(size, noise)),
            (2, ObjectState::Selected, Mask::from_fn(Size::new(mask_width, mask_height), noise)),
            (3, ObjectState::Lost, Mask::default()),
        ];
        let mut record = record_with(size, &objects);
        record.age = Duration::from_nanos(age);
        record.gaze = Some(Point::new(x, y));
        record.objects_mut()[0].score = score;
        record.objects_mut()[0].points.push(LabeledPoint::foreground(y, x));
        record.objects_mut()[1].bbox = Some(BoundingBox::new(x, y, y, x));
        let mut rgb = vec![7; size.area() * 3];
        Painter::new().with_boxes(true).with_gaze(true).draw(&mut rgb, size, &record);
    }
}

/// Writes the images that a user judges: `FOVEATE_LOOK=DIR cargo test -- overlay::tests::look --ignored`.
#[test]
#[ignore = "makes images to look at, from the photographs in FOVEATE_PHOTOS"]
fn look() {
    let (Ok(photos), Ok(out)) = (std::env::var("FOVEATE_PHOTOS"), std::env::var("FOVEATE_LOOK")) else { return };
    let mut painter = Painter::new().with_gaze(true);
    for entry in std::fs::read_dir(format!("{photos}/images")).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let mut image = image::open(&path).unwrap().to_rgb8();
        let truth = image::open(format!("{photos}/masks/{stem}.png")).unwrap().to_luma8();
        let size = Size::new(image.width(), image.height());
        let mask = Mask::from_fn(size, |x, y| truth.get_pixel(x, y).0[0] == 255);
        let mut record =
            record_with(size, &[(1, ObjectState::Selected, mask.clone()), (2, ObjectState::Lost, Mask::default())]);
        record.objects_mut()[0].points = vec![
            LabeledPoint { point: mask.centroid().unwrap_or_default(), label: Label::Foreground },
            LabeledPoint::background(size.width as f32 * 0.12, size.height as f32 * 0.15),
        ];
        record.gaze = mask.centroid().map(|p| Point::new(p.x + 40.0, p.y + 30.0));
        painter.draw(&mut image, size, &record);
        image.save(format!("{out}/{stem}.png")).unwrap();
    }
}
