use std::time::Duration;

use super::affinity::Placement;
use crate::board::{Policy, Scheduling};
use crate::session::SessionConfig;
use crate::track::FollowerConfig;

/// How the pipeline is laid out on the machine. The board profile sets it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PipelineConfig {
    /// Encoded frames kept for prompts that arrive late; each holds a frame and an embedding.
    pub prompt_history: usize,
    /// Records that may wait for one sink before the oldest is dropped.
    pub sink_queue: usize,
    /// Objects followed at once; a further selection releases the oldest.
    pub max_objects: usize,
    /// Objects decoded on one frame; more take turns, and move with the image in between.
    pub decodes_per_frame: usize,
    /// When an object counts as lost.
    pub follower: FollowerConfig,
    /// A stage that holds one frame for longer is named as stalled.
    pub stall_after: Duration,
    /// Cores that each stage's thread is pinned to; an empty list leaves the thread to the scheduler.
    pub affinity: StageCores,
    /// How the scheduler treats each stage's thread, and what a refusal means.
    pub scheduling: Scheduling,
    /// Bytes that frames and masks under way may take; `None` is any number.
    pub max_memory: Option<u64>,
    /// Frames of the source that each encoding stands for at least: 1 encodes all that there is time for.
    pub encode_every: u32,
}

impl PipelineConfig {
    /// Placement of the encoder's thread; the model is to be loaded with [`Placement::run`], so that its helpers share it.
    pub fn encoder_placement(&self) -> Placement {
        self.placed(&self.affinity.encode, self.scheduling.encode)
    }

    pub(super) fn placed(&self, cores: &[usize], policy: Policy) -> Placement {
        Placement { cores: cores.to_vec(), policy, on_failure: self.scheduling.on_failure }
    }
}

/// Core numbers for each stage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StageCores {
    /// Of the thread that reads the source.
    pub capture: Vec<usize>,
    /// Of the thread that runs the encoder, and of its helpers.
    pub encode: Vec<usize>,
    /// Of the thread that runs the decoder and follows the objects.
    pub decode: Vec<usize>,
    /// Of the threads that write, one a sink.
    pub sink: Vec<usize>,
}

impl Default for PipelineConfig {
    fn default() -> Self {
        PipelineConfig {
            prompt_history: 8,
            sink_queue: 4,
            max_objects: 12,
            decodes_per_frame: SessionConfig::DECODES_PER_FRAME,
            follower: FollowerConfig::default(),
            stall_after: Duration::from_secs(2),
            affinity: StageCores::default(),
            scheduling: Scheduling::default(),
            max_memory: None,
            encode_every: 1,
        }
    }
}
