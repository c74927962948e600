use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;

use super::annotator::{Annotator, frame_of};
use super::tool_error::ToolError;
use crate::mask::{Mask, Rle};
use crate::track::{ObjectId, ObjectState};

/// Videos that are kept; of more the first has to go.
const KEPT: usize = 4;
/// Bytes of their files.
const KEPT_BYTES: usize = 2 << 30;
/// Most frames of a video.
const MOST_FRAMES: usize = 50_000;

/// The videos that tools have sent, by their numbers.
#[derive(Default)]
pub struct Videos(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    next: u64,
    videos: BTreeMap<u64, Arc<Video>>,
}

/// Frames, and what was asked about them.
pub struct Video {
    frames: Vec<Bytes>,
    asked: Mutex<Vec<Asked>>,
}

/// What was asked for on one frame, and shown: that is what is followed.
#[derive(Clone, Debug)]
pub struct Asked {
    pub frame: usize,
    /// The tool's number of the object.
    pub object: u64,
    /// Of the frame's size.
    pub mask: Rle,
    pub score: f32,
    /// Of the outlines, see [`super::outlines::polygons`].
    pub fineness: f32,
}

/// From where to where is followed, and what.
pub struct Plan {
    first: usize,
    last: usize,
    asked: Vec<Asked>,
}

/// An object on one frame.
pub struct Followed<'a> {
    pub object: u64,
    pub mask: &'a Mask,
    pub score: f32,
    pub fineness: f32,
}

fn whole<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    // What it holds is whole after any panic.
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Videos {
    /// Keeps the frames of a video, and gives its name.
    ///
    /// # Errors
    /// No frame at all.
    pub fn add(&self, frames: Vec<Bytes>) -> Result<String, ToolError> {
        if frames.is_empty() || frames.len() > MOST_FRAMES {
            let reason = format!("a video of {} frames: give 1 to {MOST_FRAMES}", frames.len());
            return Err(ToolError::Invalid(reason));
        }
        let mut kept = whole(&self.0);
        kept.next += 1;
        let number = kept.next;
        kept.videos.insert(number, Arc::new(Video { frames, asked: Mutex::default() }));
        let bytes = |kept: &Kept| kept.videos.values().flat_map(|video| &video.frames).map(Bytes::len).sum::<usize>();
        while kept.videos.len() > KEPT || (kept.videos.len() > 1 && bytes(&kept) > KEPT_BYTES) {
            kept.videos.pop_first();
        }
        Ok(number.to_string())
    }

    /// The video of that name.
    ///
    /// # Errors
    /// [`ToolError::Unknown`]: it was removed, or had to make room.
    pub fn get(&self, name: &str) -> Result<Arc<Video>, ToolError> {
        let found = name.parse().ok().and_then(|number: u64| whole(&self.0).videos.get(&number).cloned());
        found.ok_or_else(|| ToolError::Unknown(format!("there is no video `{name}` any more: send its frames again")))
    }

    /// Forgets a video; false if there is none of that name.
    pub fn remove(&self, name: &str) -> bool {
        name.parse().ok().and_then(|number: u64| whole(&self.0).videos.remove(&number)).is_some()
    }
}

impl Video {
    /// How many frames there are.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// The file of a frame.
    ///
    /// # Errors
    /// A number beyond the last.
    pub fn frame(&self, number: usize) -> Result<Bytes, ToolError> {
        let count = self.frames.len();
        let beyond = || ToolError::Invalid(format!("frame {number} of a video of {count} frames, counted from 0"));
        self.frames.get(number).cloned().ok_or_else(beyond)
    }

    /// Takes in what is asked; it replaces what was asked about the same object on the same frame.
    pub fn ask(&self, asked: Asked) {
        let mut all = whole(&self.asked);
        all.retain(|known| (known.frame, known.object) != (asked.frame, asked.object));
        all.push(asked);
    }

    /// What is to be followed from `first` (or the first frame that was asked about) to `last` (or the video's end).
    ///
    /// # Errors
    /// Nothing was asked about these frames.
    pub fn plan(&self, first: Option<usize>, last: Option<usize>) -> Result<Plan, ToolError> {
        let last = last.unwrap_or(usize::MAX).min(self.frames.len().saturating_sub(1));
        let mut asked = whole(&self.asked).clone();
        asked.retain(|asked| asked.frame <= last);
        let earliest = asked.iter().map(|asked| asked.frame).min();
        let earliest =
            earliest.ok_or_else(|| ToolError::Invalid("mark the object on one of the images first".into()))?;
        // What was asked about before the first that is wanted is followed to there.
        Ok(Plan { first: first.unwrap_or(earliest).min(last), last, asked })
    }
}

impl Plan {
    /// The first frame that is wanted.
    pub fn first(&self) -> usize {
        self.first
    }
}

/// Follows what was asked from frame to frame; `found` is given each frame's objects and says whether to go on.
///
/// # Errors
/// A frame that is no photo, and those of the model.
pub fn follow(
    annotator: &Annotator,
    video: &Video,
    plan: Plan,
    found: &mut dyn FnMut(usize, &[Followed]) -> bool,
) -> Result<(), ToolError> {
    let Some(start) = plan.asked.iter().map(|asked| asked.frame).min() else { return Ok(()) };
    let asked_on = |number: usize| plan.asked.iter().filter(move |asked| asked.frame == number);
    let mut stepper = None;
    let mut objects: Vec<u64> = Vec::new();
    let mut mask = Mask::default();
    for number in start..=plan.last {
        let frame = frame_of(&video.frame(number)?, number)?;
        let stepper = match &mut stepper {
            Some(stepper) => stepper,
            none => none.insert(annotator.stepper(frame.size)?),
        };
        stepper.set_frame(frame)?;
        for asked in asked_on(number) {
            let at = objects.iter().position(|object| *object == asked.object).unwrap_or_else(|| {
                objects.push(asked.object);
                objects.len() - 1
            });
            asked.mask.decode(&mut mask);
            stepper.select(at as ObjectId, &mask)?;
        }
        let record = stepper.follow()?;
        if number < plan.first {
            // Nothing is shown of it, but who asked may have gone.
            if !found(number, &[]) {
                return Ok(());
            }
            continue;
        }
        let shown = record.objects().iter().filter(|object| object.state != ObjectState::Lost);
        let given: Vec<(u64, Mask, f32)> = asked_on(number)
            .map(|asked| {
                asked.mask.decode(&mut mask);
                (asked.object, mask.clone(), asked.score)
            })
            .collect();
        let shown: Vec<Followed> = shown
            .filter_map(|object| {
                let of = *objects.get(object.object as usize)?;
                let fineness = plan.asked.iter().rev().find(|asked| asked.object == of)?.fineness;
                // On its own frame it is what was shown.
                let own = given.iter().find(|(object, ..)| *object == of);
                let (mask, score) = own.map_or((&object.mask, object.score), |(_, mask, score)| (mask, *score));
                Some(Followed { object: of, mask, score, fineness })
            })
            .collect();
        if !found(number, &shown) {
            return Ok(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(frames: usize) -> Vec<Bytes> {
        vec![Bytes::from_static(b"photo"); frames]
    }

    fn asked(frame: usize, object: u64) -> Asked {
        Asked { frame, object, mask: Rle::default(), score: 1.0, fineness: 0.001 }
    }

    #[test]
    fn of_many_videos_the_newest_are_kept() {
        let videos = Videos::default();
        let names: Vec<String> = (0..KEPT + 2).map(|_| videos.add(video(1)).unwrap()).collect();
        assert!(videos.get(&names[1]).is_err() && videos.get(&names[2]).is_ok());
        assert!(videos.remove(&names[2]) && !videos.remove(&names[2]) && videos.get("x").is_err());
        assert!(videos.add(Vec::new()).is_err());
    }

    #[test]
    fn what_was_asked_says_where_following_begins() {
        let videos = Videos::default();
        let video = videos.get(&videos.add(video(9)).unwrap()).unwrap();
        assert!(video.plan(None, None).is_err() && video.frame(9).is_err());
        video.ask(asked(4, 1));
        video.ask(asked(2, 2));
        video.ask(asked(4, 1));
        let plan = video.plan(None, None).unwrap();
        assert_eq!((plan.first, plan.last, plan.asked.len()), (2, 8, 2));
        let plan = video.plan(Some(3), Some(3)).unwrap();
        assert_eq!((plan.first, plan.last, plan.asked.len()), (3, 3, 1));
        assert!(video.plan(None, Some(1)).is_err());
    }
}
