use crate::record::{AnswerRecord, FrameRecord};
use crate::track::ObjectId;

/// The last answer of each object that was prompted: what another candidate is chosen from.
#[derive(Default)]
pub(super) struct Answers(Vec<(ObjectId, AnswerRecord)>);

impl Answers {
    pub fn get(&self, object: ObjectId) -> Option<&AnswerRecord> {
        self.0.iter().find(|(id, _)| *id == object).map(|(_, answer)| answer)
    }

    pub fn set(&mut self, object: ObjectId, answer: Option<AnswerRecord>) {
        self.0.retain(|(id, _)| *id != object);
        self.0.extend(answer.map(|answer| (object, answer)));
    }

    /// Forgets the answers of objects that are not `followed` any more.
    pub fn retain(&mut self, followed: impl Fn(ObjectId) -> bool) {
        self.0.retain(|(id, _)| followed(*id));
    }

    /// Writes beside each object of `record` the answer that it goes back to.
    pub fn annotate(&self, record: &mut FrameRecord) {
        for object in record.objects_mut() {
            object.answer = self.get(object.object).cloned();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Letterbox, Size};

    #[test]
    fn a_reused_record_keeps_no_answer_of_another_object() {
        let letterbox = Letterbox::new(Size::new(4, 4), Size::new(4, 4));
        let answer = |chosen| AnswerRecord { candidates: [].into(), chosen, letterbox, frame: 1 };
        let mut answers = Answers::default();
        answers.set(1, Some(answer(1)));
        let mut record = FrameRecord::default();
        for object in [1, 2] {
            let out = record.push_object();
            (out.object, out.answer) = (object, Some(answer(7)));
        }
        answers.annotate(&mut record);
        let chosen: Vec<_> = record.objects().iter().map(|o| o.answer.as_ref().map(|a| a.chosen)).collect();
        assert_eq!(chosen, [Some(1), None]);
    }
}
