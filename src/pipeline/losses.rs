use std::borrow::Cow;

use super::meter::StageMeter;
use super::shared::Shared;
use crate::record::EventKind;
use crate::time::Timestamp;

/// Frames dropped before one stage: counted in its meter, and reported to the sinks at most once a second.
pub(super) struct Losses {
    meter: StageMeter,
    unreported: u64,
    reason: Cow<'static, str>,
    reported_at: Option<Timestamp>,
}

impl Losses {
    /// The losses of the stage that `meter` measures.
    pub fn new(meter: StageMeter) -> Self {
        Losses { meter, unreported: 0, reason: Cow::Borrowed(""), reported_at: None }
    }

    /// Counts frames lost for `reason`; of several reasons within a second the last is reported.
    pub fn add(&mut self, count: u64, reason: impl Into<Cow<'static, str>>) {
        self.meter.drop_frames(count);
        self.unreported += count;
        self.reason = reason.into();
    }

    /// Emits what is unreported, unless the last time was less than a second ago.
    pub fn emit(&mut self, shared: &Shared) {
        if self.unreported > 0 && self.reported_at.is_none_or(|t| shared.stream_clock.now().since(t).as_secs() >= 1) {
            self.emit_all(shared);
        }
    }

    /// Emits what is unreported; the last call of a stage that ends.
    pub fn emit_all(&mut self, shared: &Shared) {
        if self.unreported == 0 {
            return;
        }
        let (stage, count) = (self.meter.name().clone(), std::mem::take(&mut self.unreported));
        self.reported_at = Some(shared.stream_clock.now());
        shared.emit_now(EventKind::Dropped { stage, count, reason: self.reason.clone() });
    }
}
