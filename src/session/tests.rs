use std::time::Duration;

use super::apply::thinned;
use super::undo::UNDO_LIMIT;
use super::*;
use crate::error::{Error, ModelError, PromptError};
use crate::geometry::{BoundingBox, Label, LabeledPoint, Letterbox, Point, Size};
use crate::mask::LowResLogits;
use crate::model::{Candidate, Embedding, Prompt};
use crate::select::gaze::GazeDisc;
use crate::time::ManualClock;

const START: Timestamp = Timestamp::from_nanos(5_000_000_000);
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

/// A session whose users see frame 1 while frame 2 is the present one.
struct Stage {
    session: Session,
    made_ms: u64,
}

fn encoded(sequence: u64) -> Encoded {
    encoded_in(sequence, GRID)
}

fn encoded_in(sequence: u64, input: Size) -> Encoded {
    let captured_at = START + Duration::from_secs(sequence * sequence * 1000);
    let frame = Frame { size: FRAME, sequence, captured_at, ..Frame::default() };
    let mut embedding = Embedding::empty();
    embedding.letterbox = Letterbox::new(FRAME, input);
    Encoded { frame: Arc::new(frame), embedding }
}

impl Stage {
    fn new() -> Self {
        Stage::with(Box::new(Discs))
    }

    fn with(decoder: Box<dyn Decoder>) -> Self {
        let config = SessionConfig { decodes_per_frame: 4, max_objects: 99, ..SessionConfig::default() };
        let mut session = Session::new(None, decoder, config, Arc::new(ManualClock::default()));
        session.set_origin(encoded(1).at());
        session.set_frame(&Arc::new(encoded(1)));
        session.set_frame(&Arc::new(encoded(2)));
        Stage { session, made_ms: 0 }
    }

    /// When the last intent was had, in seconds from the first frame.
    fn at(&self) -> f64 {
        self.made_ms as f64 / 1e3
    }

    fn apply(&mut self, intent: Intent) -> Vec<Change> {
        self.made_ms += 100;
        self.session.apply(Request::new(self.at(), intent)).unwrap();
        self.session.changes.drain(..).collect()
    }

    fn tap(&mut self, x: f32, y: f32) -> Vec<Change> {
        self.apply(Intent::Select { point: Point::new(x, y) })
    }

    fn exclude(&mut self, x: f32, y: f32) -> Vec<Change> {
        let point = Point::new(x, y);
        self.apply(Intent::Exclude { on: point, point })
    }

    /// The second tap of a double tap.
    fn again(&mut self, since_s: f64) -> Vec<Change> {
        self.apply(Intent::NextCandidate { since_s })
    }

    fn undo(&mut self) -> Vec<Change> {
        self.apply(Intent::Undo)
    }

    fn area(&self, object: ObjectId) -> usize {
        self.session.objects.memory(object).map_or(0, |(memory, _)| memory.area())
    }

    fn covers(&self, object: ObjectId, x: f32, y: f32) -> bool {
        self.session.objects.covers(object, Point::new(x, y), &encoded(2))
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
    assert_eq!(selected(&stage.apply(Intent::Box { bbox })), Some(3));
    assert_eq!(stage.area(3), 400);
}

#[test]
fn background_points_go_to_the_object_that_is_meant() {
    let mut stage = Stage::new();
    assert!(stage.exclude(20.0, 20.0).is_empty(), "there is nothing to correct");
    stage.tap(20.0, 20.0);
    stage.tap(50.0, 50.0);
    assert_eq!(selected(&stage.exclude(24.0, 20.0)), Some(1), "the one under the finger");
    assert!(!stage.covers(1, 24.0, 20.0) && stage.covers(1, 16.0, 20.0));
    assert_eq!(selected(&stage.exclude(5.0, 60.0)), Some(1), "else the one selected last");
    let second = Intent::Exclude { on: Point::new(53.0, 50.0), point: Point::new(46.0, 50.0) };
    assert_eq!(selected(&stage.apply(second)), Some(2));
    assert!(!stage.covers(2, 46.0, 50.0) && stage.covers(2, 53.0, 50.0));
}

#[test]
fn strokes_are_thinned_to_what_the_model_takes() {
    let mut stage = Stage::new();
    let points: Vec<Point> = (0..7).map(|i| Point::new(5.0 + 8.0 * i as f32, 30.0)).collect();
    assert_eq!(selected(&stage.apply(Intent::Stroke { points })), Some(1));
    let covered = |x| stage.covers(1, x, 30.0);
    assert!(covered(5.0) && covered(53.0) && covered(21.0) && covered(37.0));
    assert_eq!(thinned(&[Point::new(1.0, 1.0); 9], 1).len(), 1);
    assert_eq!(thinned(&[], 5).len(), 0);
}

#[test]
fn a_double_tap_switches_candidates_and_undo_goes_back() {
    let mut stage = Stage::new();
    stage.tap(30.0, 30.0);
    let since_s = stage.at();
    let object = stage.area(1);
    let changes = stage.again(since_s);
    let made_at = stage.at();
    assert!(
        matches!(changes[..], [Change::Selected { object: 1, frame: 2, prompt_time_s }] if prompt_time_s == made_at)
    );
    let group = stage.area(1);
    stage.again(since_s);
    let part = stage.area(1);
    assert!(part < object && object < group, "{part} {object} {group}");
    assert_eq!(stage.undo(), [Change::Undone { object: 1 }]);
    assert_eq!(stage.area(1), group);
    assert_eq!(stage.undo(), [Change::Undone { object: 1 }]);
    assert_eq!(stage.area(1), object);
    assert_eq!(stage.undo(), [Change::Released { object: 1 }]);
    assert_eq!(stage.session.objects.len(), 0);
    assert!(stage.undo().is_empty());
}

#[test]
fn a_double_tap_on_an_object_leaves_no_refinement_behind() {
    let mut stage = Stage::new();
    stage.tap(30.0, 30.0);
    let object = stage.area(1);
    stage.tap(34.0, 30.0);
    let (since_s, refined) = (stage.at(), stage.area(1));
    assert!(refined > object);
    stage.again(since_s);
    let group = stage.area(1);
    assert!(group > refined, "the candidates are those of the first answer");
    assert_eq!(stage.undo(), [Change::Undone { object: 1 }]);
    assert_eq!(stage.area(1), object, "one step for the whole double tap");
    stage.undo();
    assert_eq!(stage.session.objects.len(), 0);
}

#[test]
fn a_double_tap_without_another_candidate_says_so() {
    let mut stage = Stage::new();
    let bbox = BoundingBox::new(10.0, 10.0, 30.0, 30.0);
    stage.apply(Intent::Box { bbox });
    let since_s = stage.at();
    let changes = stage.again(since_s);
    assert!(matches!(changes[..], [Change::Refused { object: 1, error: PromptError::NoAlternative, .. }]));
    assert!(stage.again(0.0).is_empty(), "a tap that selected nothing has no second half");
}

#[test]
fn what_is_restored_has_moved_with_the_object() {
    let mut stage = Stage::new();
    stage.tap(20.0, 20.0);
    stage.exclude(20.0, 25.0);
    let moved = stage.session.objects.memory(1).unwrap().0.shifted((15, 8));
    stage.session.objects.replace(1, &Candidate { logits: moved, predicted_iou: 0.9 }, &encoded(2));
    assert_eq!(stage.undo(), [Change::Undone { object: 1 }]);
    let whole = stage.session.objects.memory(1).unwrap().0.centroid().unwrap();
    assert!(whole.distance(Point::new(34.5, 27.5)) < 1.5, "{whole:?}");
    assert!(stage.covers(1, 35.0, 32.0), "the part that was cut out is back, where it is now");
}

#[test]
fn an_input_of_another_form_moves_nothing_in_the_frame() {
    let mut stage = Stage::new();
    stage.tap(20.0, 20.0);
    stage.exclude(20.0, 25.0);
    let wide = encoded_in(3, Size::new(128, 64));
    stage.session.set_frame(&Arc::new(encoded_in(3, Size::new(128, 64))));
    let covers = |stage: &Stage, x: f32, y: f32| stage.session.objects.covers(1, Point::new(x, y), &wide);
    assert!(covers(&stage, 20.0, 18.0) && !covers(&stage, 20.0, 25.0) && !covers(&stage, 40.0, 18.0));
    assert_eq!(stage.undo(), [Change::Undone { object: 1 }]);
    assert!(covers(&stage, 20.0, 18.0) && covers(&stage, 20.0, 25.0) && !covers(&stage, 40.0, 18.0));
    // The frame fills half of the wide input.
    let (memory, letterbox) = stage.session.objects.memory(1).unwrap();
    let center = memory.centroid().unwrap();
    assert!(center.distance(Point::new(9.5, 19.5)) < 0.6 && *letterbox == wide.embedding.letterbox, "{center:?}");
    let since_s = 0.1;
    stage.session.set_frame(&Arc::new(encoded_in(4, GRID)));
    stage.tap(20.0, 20.0);
    stage.again(since_s);
    assert!(stage.covers(1, 20.0, 20.0) && !stage.covers(1, 40.0, 20.0));
}

#[test]
fn steps_are_bounded_and_those_of_released_objects_are_passed_over() {
    let mut stage = Stage::new();
    stage.tap(10.0, 10.0);
    stage.tap(50.0, 50.0);
    stage.session.objects.release(2);
    assert_eq!(stage.undo(), [Change::Released { object: 1 }]);

    stage.tap(30.0, 30.0);
    for _ in 0..3 * UNDO_LIMIT {
        stage.tap(30.0, 30.0);
    }
    assert_eq!(stage.session.undo.len(), UNDO_LIMIT);
    let undone = (0..2 * UNDO_LIMIT).map(|_| stage.undo()).filter(|changes| !changes.is_empty()).count();
    assert_eq!(undone, UNDO_LIMIT);
    assert_eq!(stage.session.objects.len(), 1, "the tap that selected it is forgotten by then");
}

#[test]
fn refused_gestures_change_nothing() {
    let mut stage = Stage::new();
    stage.tap(20.0, 20.0);
    let changes = stage.tap(200.0, 20.0);
    assert!(matches!(changes[..], [Change::Refused { object: 2, .. }]), "{changes:?}");
    assert_eq!(selected(&stage.exclude(60.0, 60.0)), Some(1));
}

#[test]
fn commands_name_their_object_choose_and_let_go() {
    let mut stage = Stage::new();
    let point = |x, y, label| LabeledPoint { point: Point::new(x, y), label };
    let first = vec![point(20.0, 20.0, Label::Foreground)];
    let changes = stage.apply(Intent::Prompt { object: None, points: first, bbox: None });
    assert_eq!(selected(&changes), Some(1));
    assert!(stage.covers(1, 25.0, 20.0), "the surest of the three discs");
    let taken = stage.session.answers.get(1).unwrap();
    assert_eq!((taken.candidates.len(), taken.chosen, taken.frame), (3, 1, 1));

    stage.apply(Intent::Choose { object: 1, candidate: 2 });
    assert!(stage.covers(1, 30.0, 20.0));
    stage.undo();
    assert!(!stage.covers(1, 30.0, 20.0) && stage.covers(1, 25.0, 20.0));
    for (object, candidate) in [(1, 3), (2, 0)] {
        let changes = stage.apply(Intent::Choose { object, candidate });
        assert!(matches!(changes[..], [Change::Refused { error: PromptError::NoAlternative, .. }]));
    }

    let outside = vec![point(20.0, 20.0, Label::Background)];
    stage.apply(Intent::Prompt { object: Some(1), points: outside, bbox: None });
    assert!(!stage.covers(1, 20.0, 20.0) && stage.covers(1, 25.0, 20.0));

    let bbox = Some(BoundingBox::new(40.0, 40.0, 60.0, 60.0));
    let changes = stage.apply(Intent::Prompt { object: Some(9), points: vec![], bbox });
    assert_eq!(selected(&changes), Some(9));
    assert_eq!(selected(&stage.tap(4.0, 60.0)), Some(10), "new objects are counted on from there");
    assert_eq!(stage.apply(Intent::Release { object: 9 }), [Change::Released { object: 9 }]);
    assert_eq!(stage.apply(Intent::Release { object: 9 }), []);
    let all = [Change::Released { object: 1 }, Change::Released { object: 10 }];
    assert_eq!(stage.apply(Intent::ReleaseAll), all);
    assert_eq!(stage.undo(), []);
}

#[test]
fn gaze_and_touch_share_one_history() {
    let mut stage = Stage::new();
    stage.tap(20.0, 20.0);
    let disc = GazeDisc { center: Point::new(50.0, 50.0), sigma: 1.0 };
    let changes = stage.apply(Intent::GazeSelection { disc, insistent: true });
    assert!(matches!(changes[..], [Change::Selected { object: 2, .. }]), "{changes:?}");
    assert_eq!(stage.undo(), [Change::Released { object: 2 }]);
    stage.apply(Intent::GazeSelection { disc, insistent: true });
    stage.tap(50.0, 50.0);
    assert_eq!(stage.apply(Intent::UndoGazeSelection), [Change::Released { object: 3 }], "whatever came after it");
    assert!(stage.apply(Intent::UndoGazeSelection).is_empty(), "there is no other");
    assert_eq!(stage.undo(), [Change::Released { object: 1 }], "the refinement of what is gone is passed over");
}

#[test]
fn taking_a_gaze_selection_back_leaves_what_was_selected_since() {
    let mut stage = Stage::new();
    stage.tap(20.0, 20.0);
    let disc = GazeDisc { center: Point::new(50.0, 50.0), sigma: 1.0 };
    stage.apply(Intent::GazeSelection { disc, insistent: true });
    stage.tap(20.0, 50.0);
    stage.apply(Intent::UndoGazeSelection);
    assert_eq!(selected(&stage.exclude(5.0, 5.0)), Some(3), "a press beside every object corrects the last one");
}

#[test]
fn what_a_script_selects_can_be_taken_back_too() {
    let mut stage = Stage::new();
    let points = vec![LabeledPoint::foreground(20.0, 20.0)];
    stage.apply(Intent::Prompt { object: Some(5), points, bbox: None });
    assert_eq!(stage.undo(), [Change::Released { object: 5 }]);
}

/// A prompt on the present frame stands as it was answered, and a second one adds to it.
#[test]
fn prompts_on_the_present_frame_are_one() {
    let mut stage = Stage::new();
    stage.made_ms = 3_000_000;
    stage.tap(20.0, 20.0);
    stage.tap(24.0, 20.0);
    let mut record = FrameRecord::default();
    stage.session.follow(&mut record).unwrap();
    let [object] = record.objects() else { panic!("{record:?}") };
    assert_eq!((object.object, object.points.len(), object.score), (1, 2, 0.9));
    assert_eq!(object.state, crate::track::ObjectState::Selected);
    let bbox = object.bbox.unwrap();
    assert!(bbox.x0 < 15.0 && bbox.x1 > 26.5, "the first disc, and what the second point adds to it: {bbox:?}");
}

/// Answers with what no decoder may answer.
struct Broken(fn(&mut Candidate));

impl Decoder for Broken {
    fn max_points(&self) -> usize {
        4
    }
    fn mask_size(&self) -> Size {
        GRID
    }
    fn candidates(&self) -> usize {
        3
    }
    fn decode(&mut self, embedding: &Embedding, prompts: &[Prompt], out: &mut Vec<Candidate>) -> Result<()> {
        Discs.decode(embedding, prompts, out)?;
        out.iter_mut().for_each(self.0);
        Ok(())
    }
}

#[test]
fn a_model_that_breaks_its_contract_is_named() {
    let rows: [fn(&mut Candidate); 4] = [
        |c| c.logits.data[70] = f32::NAN,
        |c| c.logits.data[70] = f32::INFINITY,
        |c| c.predicted_iou = f32::NAN,
        |c| c.logits.size = Size::new(32, 128),
    ];
    for breaks in rows {
        let mut stage = Stage::with(Box::new(Broken(breaks)));
        let intent = Intent::Select { point: Point::new(20.0, 20.0) };
        let error = stage.session.apply(Request::new(0.0, intent)).unwrap_err();
        assert!(matches!(error, Error::Model(ModelError::Run { .. })), "{error}");
        let disc = GazeDisc { center: Point::new(50.0, 50.0), sigma: 1.0 };
        assert!(stage.session.apply(Request::new(0.0, Intent::Hover { disc })).is_err());
    }
}

/// A prompt that names the last id there is leaves others for what is selected after it.
#[test]
fn ids_go_on_after_the_last_one_and_none_is_given_twice() {
    let mut stage = Stage::new();
    let name = |object| Intent::Prompt {
        object: Some(object),
        points: vec![LabeledPoint::foreground(20.0, 20.0)],
        bbox: None,
    };
    for object in [2, ObjectId::MAX] {
        assert_eq!(selected(&stage.apply(name(object))), Some(object));
    }
    let mut ids = vec![2, ObjectId::MAX];
    for n in 0..12 {
        // Each box lies where nothing else does.
        let x = 4.0 + 4.0 * n as f32;
        let bbox = BoundingBox::new(x, 40.0, x + 3.0, 44.0);
        let id = selected(&stage.apply(Intent::Box { bbox })).expect("it is selected");
        assert!(!ids.contains(&id), "{id} is taken: {ids:?}");
        ids.push(id);
    }
    assert_eq!(stage.session.objects.len(), ids.len());
    let id = ids[5];
    assert_eq!(stage.apply(Intent::Release { object: id }), [Change::Released { object: id }]);
    let next = selected(&stage.apply(Intent::Box { bbox: BoundingBox::new(1.0, 50.0, 9.0, 60.0) })).unwrap();
    assert!(!ids.contains(&next), "what can be taken back still means the object that was released: {next}");
}

/// What a selection by gaze came to stands for it, where nobody may know where the user looked.
#[test]
fn what_gaze_selected_can_be_selected_again_without_the_gaze() {
    let (mut first, mut again) = (Stage::new(), Stage::new());
    for (x, insistent) in [(20.0, true), (44.0, true), (90.0, true), (21.0, true)] {
        let disc = GazeDisc { center: Point::new(x, 30.0), sigma: 1.0 };
        let changes = first.apply(Intent::GazeSelection { disc, insistent });
        again.made_ms = first.made_ms;
        if let Some(looked) = first.session.take_looked() {
            again.session.apply_looked(&looked);
        }
        let repeated: Vec<Change> = again.session.changes.drain(..).collect();
        assert_eq!(changes, repeated);
        let told = changes.iter().map(|change| format!("{change:?}")).collect::<String>();
        assert!(!told.contains("90"), "it tells where the user looked: {told}");
    }
    assert_eq!(first.session.last_id, again.session.last_id);
    assert_eq!(first.session.objects.len(), again.session.objects.len());
    for object in 1..=first.session.last_id {
        assert_eq!(first.session.objects.memory(object), again.session.objects.memory(object), "{object}");
    }
    assert_eq!(first.undo(), again.undo());
}
