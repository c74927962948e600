use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::frame::Frame;
use crate::geometry::Point;
use crate::input::GazeRecording;
use crate::mask::Mask;
use crate::select::GazeSample;
use crate::select::gaze::{DwellConfig, Look};
use crate::session::Stepper;
use crate::sink::{Sink, VideoOptions, VideoSink};
use crate::time::Timestamp;
use crate::track::{FollowerConfig, ObjectId, ObjectState};

use super::super::interrupt::on_interrupt;
use super::super::model_args::ModelArgs;
use super::super::progress;
use super::super::track::frames::{DEFAULT_FPS, Frames, Next};
use super::Wanted;

/// Gaze older than this says nothing of a frame.
const FRESH: Duration = Duration::from_millis(250);

/// Objects that were followed through a scene video, and where gaze was on each of its frames.
pub struct Following {
    /// One for each sample of gaze with an eye that was seen, from the first frame to the end of the last.
    pub looks: Vec<Look>,
    /// The recording, in pixels of the video.
    pub recording: GazeRecording,
    /// For how long each object was found.
    pub visible: BTreeMap<ObjectId, Duration>,
}

/// What is to be seen at present.
#[derive(Default)]
struct Shown {
    /// When the frame was taken, in the recording's time.
    at: Timestamp,
    /// Objects with their masks, the smallest first: what lies on another is meant.
    masks: Vec<(ObjectId, Mask)>,
}

impl Shown {
    fn object_at(&self, point: Point) -> Option<ObjectId> {
        self.masks.iter().find(|(_, mask)| mask.contains(point)).map(|(object, _)| *object)
    }
}

impl Following {
    /// Follows what is `wanted` through `frames`, which the recording's scene camera took.
    ///
    /// # Errors
    /// A prompt that cannot be answered, a model that cannot be loaded, a video without a frame.
    pub fn through(
        mut frames: Frames,
        recording: GazeRecording,
        mut wanted: Vec<Wanted>,
        model: &ModelArgs,
        overlay: Option<&Path>,
    ) -> anyhow::Result<Following> {
        let mut next = frames.next()?;
        let first = match next.as_ref().map(|next| &next.frame) {
            Some(Ok(frame)) => frame.size,
            Some(Err(error)) => anyhow::bail!("the first frame cannot be read: {error}"),
            None => anyhow::bail!("the scene video has no frame"),
        };
        let recording = recording.scaled_to(first);
        let model = model.load_for(Some(first))?;
        let mut stepper = Stepper::new(model.encoder()?, model.decoder()?, FollowerConfig::default())?;
        let options = VideoOptions { share_gaze: true, ..VideoOptions::default() };
        let sink = overlay.map(|path| VideoSink::create(path, options)).transpose()?;
        let mut sink = sink.map(|sink| sink.for_clip(frames.rate(), frames.clip().cloned()));
        let interval = Duration::from_secs_f64(1.0 / frames.rate().unwrap_or(DEFAULT_FPS));
        let mut following = Following { looks: Vec::new(), recording, visible: BTreeMap::new() };
        let (mut shown, mut sample, mut begun) = (Shown::default(), 0, false);
        let stop = on_interrupt()?;
        let bar = frames.count().map_or_else(|| progress::counter("frames"), |count| progress::bar(count, "frames"));
        while let Some(Next { number, frame, .. }) = next.take().filter(|_| !stop.is_stopped()) {
            match frame {
                Ok(frame) => {
                    let at = following.taken_at(number, &frame);
                    if begun {
                        following.look_until(at, &shown, &mut sample);
                    } else {
                        sample = following.recording.samples.partition_point(|sample| sample.at < at);
                    }
                    begun = true;
                    let time_s = at.since(following.recording.first_frame()).as_secs_f64();
                    stepper.set_frame(Arc::clone(&frame))?;
                    for wanted in wanted.extract_if(.., |wanted| wanted.time_s <= time_s) {
                        if let Err(error) = stepper.prompt(wanted.object, &wanted.points, wanted.bbox) {
                            // The first prompt is a slip of the hand; of a later one the rest is worth keeping.
                            anyhow::ensure!(wanted.time_s > 0.0, error);
                            tracing::warn!("object {} is not selected: {error}", wanted.object);
                        }
                    }
                    stepper.follow()?;
                    shown = Shown { at, masks: Vec::new() };
                    let mut record = stepper.record().clone();
                    for object in record.objects().iter().filter(|object| object.state != ObjectState::Lost) {
                        shown.masks.push((object.object, object.mask.clone()));
                    }
                    shown.masks.sort_by_key(|(_, mask)| mask.area());
                    if let Some(sink) = &mut sink {
                        record.time_s = frame.captured_at.as_secs_f64();
                        record.gaze = following.gaze_at(at);
                        sink.frame(&record)?;
                    }
                }
                Err(error) => tracing::warn!("frame {number} is left out: {error}"),
            }
            bar.advance();
            next = frames.next().unwrap_or_else(|error| {
                tracing::warn!("the video breaks off behind frame {number}: {error}");
                None
            });
        }
        bar.clear();
        following.look_until(shown.at + interval, &shown, &mut sample);
        if let Some(sink) = &mut sink {
            sink.close()?;
        }
        for wanted in &wanted {
            tracing::warn!("object {} was not selected: the video ends before {} s", wanted.object, wanted.time_s);
        }
        Ok(following)
    }

    /// When frame `number` was taken, in the recording's time.
    fn taken_at(&self, number: usize, frame: &Frame) -> Timestamp {
        let counted = || self.recording.first_frame() + Duration::from_nanos(frame.captured_at.as_nanos());
        self.recording.frames.get(number).copied().unwrap_or_else(counted)
    }

    /// Holds the samples until `at` against what is shown.
    fn look_until(&mut self, at: Timestamp, shown: &Shown, sample: &mut usize) {
        for (object, _) in &shown.masks {
            *self.visible.entry(*object).or_default() += at.since(shown.at);
        }
        while let Some(GazeSample { at: then, point, confidence }) =
            self.recording.samples.get(*sample).filter(|sample| sample.at < at)
        {
            if *confidence >= DwellConfig::default().min_confidence {
                self.looks.push(Look { at: *then, object: shown.object_at(*point) });
            }
            *sample += 1;
        }
    }

    /// Where gaze was nearest to `at`.
    fn gaze_at(&self, at: Timestamp) -> Option<Point> {
        let samples = &self.recording.samples;
        let after = samples.partition_point(|sample| sample.at < at);
        let near = samples.get(after.saturating_sub(1)..(after + 1).min(samples.len()))?;
        let nearest = near.iter().min_by_key(|sample| sample.at.abs_diff(at))?;
        let is_seen = nearest.confidence >= DwellConfig::default().min_confidence;
        (is_seen && nearest.at.abs_diff(at) < FRESH).then_some(nearest.point)
    }
}
