use crate::quantize::{Stage, Watch};
use crate::sync::StopToken;

use super::super::progress::{Bar, bar};

/// A bar for each stage, and the end when Ctrl-C is pressed.
pub(super) struct Progress {
    bar: Bar,
    stop: StopToken,
}

impl Progress {
    pub fn new(stop: StopToken) -> Self {
        Progress { bar: bar(0, "photos"), stop }
    }

    pub fn finish(&self) {
        self.bar.clear();
    }
}

impl Watch for Progress {
    fn begin(&mut self, stage: Stage, steps: usize) {
        let name = match stage {
            Stage::Calibration => "calibration",
            Stage::Equalization => "equalisation",
            Stage::BiasCorrection => "bias correction",
            Stage::Measurement => "measurement",
        };
        self.bar.restart(steps, name);
    }

    fn step(&mut self) -> bool {
        self.bar.advance();
        !self.stop.is_stopped()
    }
}
