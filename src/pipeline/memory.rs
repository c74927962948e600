//! How many frames a stream keeps, so that it stays below its limit of memory.

use super::PipelineConfig;
use crate::error::PipelineError;
use crate::frame::PixelFormat;
use crate::geometry::Size;
use crate::session::Session;

/// Who keeps frames besides the stages.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeptBy {
    pub sinks: usize,
    /// Those of the sinks whose records say where the user looks.
    pub share_gaze: usize,
    /// Frames that displays may freeze.
    pub held: usize,
}

/// How many values each pool of a stream has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pools {
    pub encoded: usize,
    pub records: usize,
    /// Records that say where the user looks.
    pub with_gaze: usize,
    pub frames: usize,
}

impl Pools {
    /// Every pooled embedding and record may hold a frame, also while it is free; see [`crate::sync::Pool`].
    pub fn new(config: &PipelineConfig, kept_by: KeptBy) -> Self {
        let encoded = config.prompt_history.max(1) + kept_by.held + 4;
        let records_of = |sinks: usize| sinks * (config.sink_queue + 1) + 2;
        let records = records_of(kept_by.sinks);
        let with_gaze = if kept_by.share_gaze == 0 { 0 } else { records_of(kept_by.share_gaze) };
        Pools { encoded, records, with_gaze, frames: encoded + records + with_gaze + Session::MOTION_FRAMES + 3 }
    }

    /// Records of both kinds.
    pub fn all_records(&self) -> u64 {
        (self.records + self.with_gaze) as u64
    }
}

/// What a stream keeps at most, and what a frame of it may take.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    pub config: PipelineConfig,
    pub pools: Pools,
    /// Most bytes of one frame.
    pub frame_bytes: u64,
}

/// `config` with as much of its history, queues and objects as its limit of memory leaves for frames of `size`; says so where
/// that is less than was asked for. A mask is a byte a pixel, and every record has one for each object.
///
/// # Errors
/// [`PipelineError::Memory`] if the least that a stream takes is over the limit.
pub(super) fn plan(
    config: &PipelineConfig,
    kept_by: KeptBy,
    size: Size,
    format: PixelFormat,
) -> Result<Plan, PipelineError> {
    let mut config = config.clone();
    let Some(limit) = config.max_memory else {
        let pools = Pools::new(&config, kept_by);
        return Ok(Plan { config, pools, frame_bytes: u64::MAX });
    };
    let pixels = size.area() as u64;
    // A JPEG image has no size of its own; a byte a pixel is more than cameras send.
    let frame = (format.buffer_len(size, format.min_stride(size.width)) as u64).max(pixels);
    let taken = |pools: Pools, objects: u64| pools.frames as u64 * frame + pools.all_records() * objects * pixels;
    let asked = (config.prompt_history, config.sink_queue, config.max_objects);
    let pools = loop {
        let pools = Pools::new(&config, kept_by);
        let needed = taken(pools, 1);
        if needed <= limit {
            break pools;
        }
        match (&mut config.prompt_history, &mut config.sink_queue) {
            (history @ 3.., _) => *history -= 1,
            (_, queue @ 2..) => *queue -= 1,
            (history @ 2.., _) => *history -= 1,
            _ => return Err(PipelineError::Memory { size, frame, needed, limit }),
        }
    };
    let left = limit - taken(pools, 0);
    let objects = left / (pools.all_records() * pixels).max(1);
    config.max_objects = config.max_objects.min(usize::try_from(objects).unwrap_or(usize::MAX).max(1));
    let kept = [
        (config.prompt_history, asked.0, "frames are kept for late prompts"),
        (config.sink_queue, asked.1, "records wait for a sink"),
        (config.max_objects, asked.2, "objects are followed"),
    ];
    let fewer = kept.iter().filter(|(now, before, _)| now < before);
    let fewer: Vec<String> = fewer.map(|(now, before, what)| format!("{now} instead of {before} {what}")).collect();
    if !fewer.is_empty() {
        let (Size { width, height }, megabytes) = (size, frame as f64 / 1e6);
        let fewer = fewer.join(", ");
        tracing::warn!(
            "frames of {width}x{height} pixels take {megabytes:.0} MB each: to stay below --max-memory, {fewer}"
        );
    }
    let masks = pools.all_records() * config.max_objects as u64 * pixels;
    Ok(Plan { frame_bytes: (limit - masks) / pools.frames as u64, config, pools })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(limit: Option<u64>, width: u32, height: u32) -> Result<Plan, PipelineError> {
        let config = PipelineConfig { max_memory: limit, ..PipelineConfig::default() };
        plan(&config, KeptBy { sinks: 1, share_gaze: 1, held: 0 }, Size::new(width, height), PixelFormat::Rgb24)
    }

    #[test]
    fn small_frames_are_kept_as_asked_for() {
        for limit in [None, Some(256 << 20)] {
            let plan = at(limit, 640, 480).unwrap();
            let config = PipelineConfig { max_memory: limit, ..PipelineConfig::default() };
            assert_eq!(plan.config, config);
            assert!(plan.frame_bytes >= 640 * 480 * 3);
        }
    }

    #[test]
    fn large_frames_are_fewer_and_too_large_ones_refused() {
        let plan = at(Some(2 << 30), 7680, 4320).unwrap();
        assert!(plan.config.prompt_history < 8 && plan.config.max_objects < 12);
        let refused = at(Some(1 << 30), 16384, 16384).unwrap_err().to_string();
        assert!(refused.contains("16384x16384") && refused.contains("--max-memory"), "{refused}");
    }

    proptest! {
        #[test]
        fn what_is_kept_stays_below_the_limit(limit in 1u64..1 << 33, width in 1u32..9000, height in 1u32..9000) {
            if let Ok(plan) = at(Some(limit), width, height) {
                let pixels = u64::from(width) * u64::from(height);
                let masks = plan.pools.all_records() * plan.config.max_objects as u64 * pixels;
                prop_assert!(plan.pools.frames as u64 * plan.frame_bytes + masks <= limit);
                prop_assert!(plan.frame_bytes >= 3 * pixels);
                prop_assert!(plan.config.prompt_history > 0 && plan.config.max_objects > 0);
            }
        }
    }
}
