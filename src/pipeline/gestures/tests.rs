use std::time::Duration;

use super::*;
use crate::frame::Frame;
use crate::geometry::{Letterbox, Size};
use crate::model::{Decoder, Embedding, Prompt};
use crate::track::FollowerConfig;

const FRAME: Size = Size::new(64, 64);
const GRID: Size = Size::new(64, 64);

/// A point yields discs of three radii, of which the middle one is the surest; a mask with points has discs added and cut
/// out, the same three times; a mask alone is itself.
struct Discs;

impl Decoder for Discs {
    fn max_points(&self) -> usize {
        4
    }
    fn mask_size(&self) -> Size {
        GRID
    }
    fn candidates(&self) -> usize {
        3
    }
    fn decode(&mut self, _: &Embedding, prompts: &[Prompt], out: &mut Vec<Candidate>) -> Result<()> {
        out.clear();
        for prompt in prompts {
            for (radius, predicted_iou) in [(3.0, 0.7), (6.0, 0.9), (12.0, 0.8)] {
                let radius = if prompt.mask.is_some() { 3.0 } else { radius };
                let value = |i: usize| {
                    let p = Point::new((i % 64) as f32 + 0.5, (i / 64) as f32 + 0.5);
                    let near = |label| prompt.points.iter().any(|q| q.label == label && q.point.distance(p) < radius);
                    let was = prompt.mask.as_ref().is_some_and(|mask| mask.data[i] > 0.0);
                    let boxed = prompt.mask.is_none() && prompt.bbox.is_some_and(|b| b.contains(p));
                    let inside = (was || boxed || near(Label::Foreground)) && !near(Label::Background);
                    if inside { 5.0 } else { -5.0 }
                };
                let logits = LowResLogits { size: GRID, data: (0..GRID.area()).map(value).collect() };
                out.push(Candidate { logits, predicted_iou });
            }
        }
        Ok(())
    }
}

/// Objects, gestures, and a clock of frames.
struct Stage {
    objects: ObjectSet,
    gestures: Gestures,
    last_id: ObjectId,
    made_ms: u64,
}

fn encoded(sequence: u64) -> Encoded {
    let frame = Frame { size: FRAME, sequence, captured_at: Timestamp::ZERO, ..Frame::default() };
    let mut embedding = Embedding::empty();
    embedding.letterbox = Letterbox::new(FRAME, GRID);
    Encoded { frame: Arc::new(frame), embedding }
}

impl Stage {
    fn new() -> Self {
        let objects = ObjectSet::new(Box::new(Discs), FollowerConfig::default(), 4);
        Stage { objects, gestures: Gestures::default(), last_id: 0, made_ms: 0 }
    }

    fn at(&self) -> Timestamp {
        Timestamp::ZERO + Duration::from_millis(self.made_ms)
    }

    fn make(&mut self, kind: GestureKind) -> Vec<Change> {
        self.made_ms += 100;
        let gesture = TouchGesture { made_at: self.at(), kind };
        let (seen, present, mut changes) = (encoded(1), encoded(2), Vec::new());
        let mut scene = Scene {
            seen: &seen,
            present: &present,
            time_s: self.made_ms as f64 / 1e3,
            objects: &mut self.objects,
            last_id: &mut self.last_id,
            changes: &mut changes,
        };
        self.gestures.apply(&gesture, &mut scene).unwrap();
        changes
    }

    fn command(&mut self, kind: CommandKind) -> Vec<Change> {
        self.made_ms += 100;
        let (made_at, seen, present, mut changes) = (self.at(), encoded(1), encoded(2), Vec::new());
        let mut scene = Scene {
            seen: &seen,
            present: &present,
            time_s: self.made_ms as f64 / 1e3,
            objects: &mut self.objects,
            last_id: &mut self.last_id,
            changes: &mut changes,
        };
        self.gestures.command(kind, made_at, &mut scene).unwrap();
        changes
    }

    fn tap(&mut self, x: f32, y: f32) -> Vec<Change> {
        self.make(GestureKind::Tap { point: Point::new(x, y) })
    }

    /// The second tap of a double tap.
    fn again(&mut self, first_at: Timestamp) -> Vec<Change> {
        self.make(GestureKind::DoubleTap { point: Point::default(), first_at })
    }

    fn undo(&mut self) -> Vec<Change> {
        self.make(GestureKind::TwoFingerTap)
    }

    fn area(&self, object: ObjectId) -> usize {
        self.objects.memory(object).map_or(0, |m| m.data.iter().filter(|v| **v > 0.0).count())
    }

    fn covers(&self, object: ObjectId, x: f32, y: f32) -> bool {
        self.objects.covers(object, Point::new(x, y), &encoded(2))
    }
}

fn selected(changes: &[Change]) -> Option<ObjectId> {
    match changes {
        [Change::Selected { object, frame: 1, .. }] => Some(*object),
        _ => None,
    }
}

#[test]
fn taps_select_and_refine() {
    let mut stage = Stage::new();
    assert_eq!(selected(&stage.tap(20.0, 20.0)), Some(1));
    assert_eq!(selected(&stage.tap(50.0, 50.0)), Some(2));
    assert!(!stage.covers(1, 26.5, 20.5));
    assert_eq!(selected(&stage.tap(24.0, 20.0)), Some(1), "a tap on an object refines it");
    assert!(stage.covers(1, 26.0, 20.0) && stage.covers(1, 15.0, 20.0));
    // Object 1 is the one selected last now.
    let bbox = BoundingBox::new(40.0, 2.0, 60.0, 22.0);
    assert_eq!(selected(&stage.make(GestureKind::Drag { bbox })), Some(3));
    assert_eq!(stage.area(3), 400);
}

#[test]
fn background_points_go_to_the_object_that_is_meant() {
    let mut stage = Stage::new();
    let press = |x, y| GestureKind::LongPress { point: Point::new(x, y) };
    assert!(stage.make(press(20.0, 20.0)).is_empty(), "there is nothing to correct");
    stage.tap(20.0, 20.0);
    stage.tap(50.0, 50.0);
    assert_eq!(selected(&stage.make(press(24.0, 20.0))), Some(1), "the one under the finger");
    assert!(!stage.covers(1, 24.0, 20.0) && stage.covers(1, 16.0, 20.0));
    assert_eq!(selected(&stage.make(press(5.0, 60.0))), Some(1), "else the one selected last");
    let second = GestureKind::SecondTap { point: Point::new(46.0, 50.0), resting: Point::new(53.0, 50.0) };
    assert_eq!(selected(&stage.make(second)), Some(2));
    assert!(!stage.covers(2, 46.0, 50.0) && stage.covers(2, 53.0, 50.0));
}

#[test]
fn scribbles_are_thinned_to_what_the_model_takes() {
    let mut stage = Stage::new();
    let points: Vec<Point> = (0..7).map(|i| Point::new(5.0 + 8.0 * i as f32, 30.0)).collect();
    assert_eq!(selected(&stage.make(GestureKind::Scribble { points })), Some(1));
    let covered = |x| stage.covers(1, x, 30.0);
    assert!(covered(5.0) && covered(53.0) && covered(21.0) && covered(37.0));
    assert_eq!(thinned(&[Point::new(1.0, 1.0); 9], 1).len(), 1);
    assert_eq!(thinned(&[], 5).len(), 0);
}

#[test]
fn a_double_tap_switches_candidates_and_undo_goes_back() {
    let mut stage = Stage::new();
    stage.tap(30.0, 30.0);
    let first_at = stage.at();
    let object = stage.area(1);
    assert!(matches!(stage.again(first_at)[..], [Change::Selected { object: 1, frame: 2, .. }]));
    let group = stage.area(1);
    stage.again(first_at);
    let part = stage.area(1);
    assert!(part < object && object < group, "{part} {object} {group}");
    assert_eq!(stage.undo(), [Change::Undone { object: 1 }]);
    assert_eq!(stage.area(1), group);
    assert_eq!(stage.undo(), [Change::Undone { object: 1 }]);
    assert_eq!(stage.area(1), object);
    assert_eq!(stage.undo(), [Change::Released { object: 1 }]);
    assert_eq!(stage.objects.len(), 0);
    assert!(stage.undo().is_empty());
}

#[test]
fn a_double_tap_on_an_object_leaves_no_refinement_behind() {
    let mut stage = Stage::new();
    stage.tap(30.0, 30.0);
    let object = stage.area(1);
    stage.tap(34.0, 30.0);
    let (first_at, refined) = (stage.at(), stage.area(1));
    assert!(refined > object);
    stage.again(first_at);
    let group = stage.area(1);
    assert!(group > refined, "the candidates are those of the first answer");
    assert_eq!(stage.undo(), [Change::Undone { object: 1 }]);
    assert_eq!(stage.area(1), object, "one step for the whole double tap");
    stage.undo();
    assert_eq!(stage.objects.len(), 0);
}

#[test]
fn a_double_tap_without_another_candidate_says_so() {
    let mut stage = Stage::new();
    let bbox = BoundingBox::new(10.0, 10.0, 30.0, 30.0);
    stage.make(GestureKind::Drag { bbox });
    let first_at = stage.at();
    let changes = stage.again(first_at);
    assert!(matches!(changes[..], [Change::Refused { object: 1, error: PromptError::NoAlternative, .. }]));
    assert!(stage.again(Timestamp::ZERO).is_empty(), "a tap that selected nothing has no second half");
}

#[test]
fn what_is_restored_has_moved_with_the_object() {
    let mut stage = Stage::new();
    stage.tap(20.0, 20.0);
    stage.make(GestureKind::LongPress { point: Point::new(20.0, 25.0) });
    let moved = shifted(stage.objects.memory(1).unwrap(), (15, 8));
    stage.objects.replace(1, &Candidate { logits: moved, predicted_iou: 0.9 }, &encoded(2));
    assert_eq!(stage.undo(), [Change::Undone { object: 1 }]);
    let whole = centre(stage.objects.memory(1).unwrap()).unwrap();
    assert!(whole.distance(Point::new(34.5, 27.5)) < 1.5, "{whole:?}");
    assert!(stage.covers(1, 35.0, 32.0), "the part that was cut out is back, where it is now");
}

#[test]
fn steps_are_bounded_and_those_of_released_objects_are_passed_over() {
    let mut stage = Stage::new();
    stage.tap(10.0, 10.0);
    stage.tap(50.0, 50.0);
    stage.objects.release(2);
    assert_eq!(stage.undo(), [Change::Released { object: 1 }]);

    stage.tap(30.0, 30.0);
    for _ in 0..3 * UNDO_LIMIT {
        stage.tap(30.0, 30.0);
    }
    assert_eq!(stage.gestures.steps.len(), UNDO_LIMIT);
    let undone = (0..2 * UNDO_LIMIT).map(|_| stage.undo()).filter(|changes| !changes.is_empty()).count();
    assert_eq!(undone, UNDO_LIMIT);
    assert_eq!(stage.objects.len(), 1, "the tap that selected it is forgotten by then");
}

#[test]
fn refused_gestures_change_nothing() {
    let mut stage = Stage::new();
    stage.tap(20.0, 20.0);
    let changes = stage.tap(200.0, 20.0);
    assert!(matches!(changes[..], [Change::Refused { object: 2, .. }]), "{changes:?}");
    assert_eq!(selected(&stage.make(GestureKind::LongPress { point: Point::new(60.0, 60.0) })), Some(1));
}

#[test]
fn commands_name_their_object_choose_and_let_go() {
    let mut stage = Stage::new();
    let point = |x, y, label| LabeledPoint { point: Point::new(x, y), label };
    let first = vec![point(20.0, 20.0, Label::Foreground)];
    let changes = stage.command(CommandKind::Prompt { object: None, points: first, bbox: None });
    assert_eq!(selected(&changes), Some(1));
    assert!(stage.covers(1, 25.0, 20.0), "the surest of the three discs");
    let taken = stage.gestures.answer(1).unwrap();
    assert_eq!((taken.candidates.len(), taken.chosen, taken.frame), (3, 1, 1));

    stage.command(CommandKind::Choose { object: 1, candidate: 2 });
    assert!(stage.covers(1, 30.0, 20.0));
    stage.undo();
    assert!(!stage.covers(1, 30.0, 20.0) && stage.covers(1, 25.0, 20.0));
    for (object, candidate) in [(1, 3), (2, 0)] {
        let changes = stage.command(CommandKind::Choose { object, candidate });
        assert!(matches!(changes[..], [Change::Refused { error: PromptError::NoAlternative, .. }]));
    }

    let outside = vec![point(20.0, 20.0, Label::Background)];
    stage.command(CommandKind::Prompt { object: Some(1), points: outside, bbox: None });
    assert!(!stage.covers(1, 20.0, 20.0) && stage.covers(1, 25.0, 20.0));

    let bbox = Some(BoundingBox::new(40.0, 40.0, 60.0, 60.0));
    let changes = stage.command(CommandKind::Prompt { object: Some(9), points: vec![], bbox });
    assert_eq!(selected(&changes), Some(9));
    assert_eq!(selected(&stage.tap(4.0, 60.0)), Some(10), "new objects are counted on from there");
    assert_eq!(stage.command(CommandKind::Release { object: 9 }), [Change::Released { object: 9 }]);
    assert_eq!(stage.command(CommandKind::Release { object: 9 }), []);
    let all = [Change::Released { object: 1 }, Change::Released { object: 10 }];
    assert_eq!(stage.command(CommandKind::Clear), all);
    assert_eq!(stage.undo(), []);
}

#[test]
fn records_tell_the_answer_that_their_objects_go_back_to() {
    let mut stage = Stage::new();
    stage.tap(20.0, 20.0);
    let mut record = FrameRecord::default();
    for object in [1, 2] {
        record.push_object().object = object;
    }
    record.objects[1].answer = stage.gestures.answer(1).cloned();
    stage.gestures.annotate(&mut record);
    let answers: Vec<_> = record.objects().iter().map(|o| o.answer.as_ref().map(|a| a.chosen)).collect();
    assert_eq!(answers, [Some(1), None], "what a reused record said before is gone");
}

#[test]
fn a_look_is_undone_like_a_gesture() {
    let mut stage = Stage::new();
    stage.tap(20.0, 20.0);
    // A look selected a second object.
    let candidate = Candidate { logits: stage.objects.memory(1).unwrap().clone(), predicted_iou: 0.9 };
    stage.last_id = 2;
    stage.objects.add(2, &candidate, &encoded(1));
    stage.gestures.looked(2, stage.at(), stage.objects.memory(2));
    assert_eq!(stage.make(GestureKind::TwoFingerTap), [Change::Released { object: 2 }]);
    assert!(stage.objects.memory(2).is_none() && stage.objects.memory(1).is_some());
    assert_eq!(stage.make(GestureKind::TwoFingerTap), [Change::Released { object: 1 }]);
}
