use indicatif::{ProgressBar, ProgressStyle};

use crate::quantize::{Stage, Watch};
use crate::sync::StopToken;

/// A bar for each stage, and the end when Ctrl-C is pressed.
pub(super) struct Progress {
    bar: ProgressBar,
    stop: StopToken,
}

impl Progress {
    pub fn new(stop: StopToken) -> anyhow::Result<Self> {
        let style = ProgressStyle::with_template("{msg:16} {wide_bar} {pos}/{len} photos, {eta} left")?;
        Ok(Progress { bar: ProgressBar::no_length().with_style(style), stop })
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Watch for Progress {
    fn begin(&mut self, stage: Stage, steps: usize) {
        self.bar.set_length(steps as u64);
        self.bar.reset();
        self.bar.set_message(match stage {
            Stage::Calibration => "calibration",
            Stage::BiasCorrection => "bias correction",
            Stage::Measurement => "measurement",
        });
    }

    fn step(&mut self) -> bool {
        self.bar.inc(1);
        !self.stop.is_stopped()
    }
}
