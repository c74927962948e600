use serde::Serialize;

use super::degrade::DegradeSummary;
use super::meter::{StageReport, StageReports};
use super::requests::PromptReport;
use crate::input::GazeReport;
use crate::sync::LatencySummary;

/// What a stream did from start to end.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// From the start of the pipeline to its end.
    pub seconds: f64,
    /// Frames that the source delivered.
    pub frames_captured: u64,
    /// Frames with a record.
    pub frames_out: u64,
    /// Frames lost on the way: before capture, before encoding and before decoding.
    pub frames_dropped: u64,
    /// From capture to the end of decoding.
    pub age: LatencySummary,
    /// From capture to the end of the slowest sink.
    pub age_at_sink: LatencySummary,
    /// Prompts that no frame answered: too many waited, or the stream ended before their time or turn.
    pub prompts_unanswered: usize,
    /// What became of the prompts.
    pub prompts: PromptReport,
    /// Whether it was a replay: every frame was decoded, in order, with its prompts.
    pub replay: bool,
    /// How often an input device went away.
    pub inputs_lost: u64,
    /// What the eye tracker sent; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gaze: Option<GazeReport>,
    /// Writes that failed, over all sinks.
    pub sink_failures: u64,
    /// The rate, beside that of the slowest stage.
    pub throughput: Throughput,
    /// What was given up to stay within the board's budgets; absent without a ladder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub degrade: Option<DegradeSummary>,
    /// The figures of every stage.
    pub stages: StageReports,
}

/// The pipeline's rate beside that of its slowest stage.
#[derive(Clone, Debug, Serialize)]
pub struct Throughput {
    /// Records per second, between the first and the last.
    pub output_fps: f64,
    /// Its name; empty where nothing was measured.
    pub slowest_stage: String,
    /// What that stage does when it never waits for another: the reciprocal of its mean service time. For capture that
    /// is the rate at which frames came.
    pub slowest_stage_fps: f64,
    /// `output_fps / slowest_stage_fps`.
    pub ratio: f64,
}

impl Throughput {
    /// Compares `output_fps` with the slowest of `stages`.
    pub fn new(output_fps: f64, stages: [&StageReport; 3]) -> Self {
        let alone = stages.into_iter().filter_map(|s| s.alone_fps().map(|fps| (s, fps)));
        let slowest = alone.min_by(|a, b| a.1.total_cmp(&b.1));
        let (slowest_stage, slowest_stage_fps) =
            slowest.map_or((String::new(), 0.0), |(s, fps)| (s.stage.to_string(), fps));
        let ratio = if slowest_stage_fps > 0.0 { output_fps / slowest_stage_fps } else { 0.0 };
        Throughput { output_fps, slowest_stage, slowest_stage_fps, ratio }
    }
}
