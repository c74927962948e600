use std::borrow::Cow;

use super::meter::StageMeter;
use super::shared::Shared;
use crate::record::{Event, EventKind};
use crate::time::Timestamp;

/// Frames dropped before one stage: counted in its meter, and told to the sinks at most once a second.
pub(super) struct Losses {
    meter: StageMeter,
    untold: u64,
    reason: Cow<'static, str>,
    told_at: Option<Timestamp>,
}

impl Losses {
    /// The losses of the stage that `meter` measures.
    pub fn new(meter: StageMeter) -> Self {
        Losses { meter, untold: 0, reason: Cow::Borrowed(""), told_at: None }
    }

    /// Counts frames lost for `reason`; of several reasons within a second the last is told.
    pub fn add(&mut self, count: u64, reason: impl Into<Cow<'static, str>>) {
        self.meter.drop_frames(count);
        self.untold += count;
        self.reason = reason.into();
    }

    /// Tells what is untold, unless the last time was less than a second ago.
    pub fn tell(&mut self, shared: &Shared) {
        if self.untold > 0 && self.told_at.is_none_or(|t| shared.clock.now().since(t).as_secs() >= 1) {
            self.tell_all(shared);
        }
    }

    /// Tells what is untold; the last call of a stage that ends.
    pub fn tell_all(&mut self, shared: &Shared) {
        if self.untold == 0 {
            return;
        }
        let now = shared.clock.now();
        let (stage, count) = (self.meter.name().clone(), std::mem::take(&mut self.untold));
        let reason = self.reason.clone();
        shared.tell(Event::new(shared.stream_time(now), EventKind::Dropped { stage, count, reason }));
        self.told_at = Some(now);
    }
}
