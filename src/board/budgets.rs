use serde::{Deserialize, Serialize};

use crate::engine::Precision;

/// What a stream may cost on this machine, and what it gives up, in order, when it costs more.
///
/// A budget is exceeded when its limit is; it is calm when the figure lies below the limit by its margin. Between the two
/// nothing changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Budgets {
    /// Most milliseconds from capture to mask, for 95 of 100 frames of a window; `None` is no limit.
    pub latency_ms: Option<f64>,
    /// Highest temperature of the processor in degrees Celsius; `None` is no limit.
    pub temperature_c: Option<f64>,
    /// Seconds of frames that the latency is taken over.
    pub window_s: f64,
    /// Least seconds from one step to the next step down.
    pub hold_s: f64,
    /// Seconds that every budget must be calm before a step back up.
    pub calm_s: f64,
    /// How far below its limit the latency is calm, as a share of the limit.
    pub latency_margin: f64,
    /// How far below its limit the temperature is calm, in degrees.
    pub temperature_margin_c: f64,
    /// What is given up, mildest first; each rung keeps what those before it set.
    pub ladder: Vec<Rung>,
}

/// One step of the ladder: what it changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Rung {
    /// Encode at most one of so many frames.
    pub encode_every: Option<u32>,
    /// About how many pixels the model's input has; its form is the frames'.
    pub pixels: Option<u32>,
    /// Precision of the model's encoder.
    pub precision: Option<Precision>,
}

impl Default for Budgets {
    fn default() -> Self {
        Budgets {
            latency_ms: None,
            temperature_c: None,
            window_s: 2.0,
            hold_s: 3.0,
            calm_s: 20.0,
            latency_margin: 0.2,
            temperature_margin_c: 5.0,
            ladder: Vec::new(),
        }
    }
}

/// How many pixels a model's input may be asked to have.
pub(super) const PIXELS: std::ops::RangeInclusive<u32> = 256..=67_108_864;

/// Most rungs: each input size is a compiled model that stays in memory.
const MAX_RUNGS: usize = 8;

impl Budgets {
    /// The first value that is not allowed: its key and what is.
    pub(super) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let within = |value: f64, least: f64, most: f64| value >= least && value <= most;
        let limited = self.latency_ms.is_some() || self.temperature_c.is_some();
        let rules = [
            (self.latency_ms.is_none_or(|v| within(v, 1.0, 60_000.0)), "budgets.latency_ms", "1 to 60000"),
            (self.temperature_c.is_none_or(|v| within(v, 20.0, 120.0)), "budgets.temperature_c", "20 to 120"),
            (within(self.window_s, 0.1, 60.0), "budgets.window_s", "0.1 to 60"),
            (within(self.hold_s, self.window_s, 600.0), "budgets.hold_s", "`window_s` to 600"),
            (within(self.calm_s, self.hold_s, 3600.0), "budgets.calm_s", "`hold_s` to 3600"),
            (within(self.latency_margin, 0.05, 0.9), "budgets.latency_margin", "0.05 to 0.9"),
            (within(self.temperature_margin_c, 0.5, 50.0), "budgets.temperature_margin_c", "0.5 to 50"),
            (
                limited != self.ladder.is_empty(),
                "budgets.ladder",
                "rungs where `latency_ms` or `temperature_c` is given, and none where neither is",
            ),
            (self.ladder.len() <= MAX_RUNGS, "budgets.ladder", "at most 8 rungs"),
            (self.descends(), "budgets.ladder", "rungs that each cost less than the one before and more in nothing"),
        ];
        rules.into_iter().find(|(holds, ..)| !holds).map_or(Ok(()), |(_, key, allowed)| Err((key, allowed)))?;
        self.ladder.iter().try_for_each(Rung::check)
    }

    /// Whether every rung is a step down from the one before, as far as the file shows.
    fn descends(&self) -> bool {
        let mut before = Rung::default();
        self.ladder.iter().all(|rung| {
            let after = rung.over(before);
            let cheaper = after.encode_every.unwrap_or(1) >= before.encode_every.unwrap_or(1)
                && before.pixels.is_none_or(|b| after.pixels.is_some_and(|a| a <= b))
                && after.precision >= before.precision
                && after != before;
            before = after;
            cheaper
        })
    }
}

impl Rung {
    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.encode_every.is_some_and(|n| !(2..=60).contains(&n)) {
            return Err(("budgets.ladder.encode_every", "2 to 60"));
        }
        if self.pixels.is_some_and(|pixels| !PIXELS.contains(&pixels)) {
            return Err(("budgets.ladder.pixels", "256 to 67108864"));
        }
        Ok(())
    }

    /// This rung with what it leaves open taken from `before`.
    fn over(self, before: Rung) -> Rung {
        Rung {
            encode_every: self.encode_every.or(before.encode_every),
            pixels: self.pixels.or(before.pixels),
            precision: self.precision.or(before.precision),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Board;

    fn parsed(budgets: &str) -> Result<Budgets, String> {
        let text = format!("name = \"x\"\nmodel = \"m\"\n[budgets]\n{budgets}");
        Board::parse(&text, "board.toml").map(|b| b.budgets).map_err(|e| e.to_string())
    }

    #[test]
    fn a_ladder_is_read_in_order() {
        let budgets =
            parsed("latency_ms = 120\nladder = [{ pixels = 36864 }, { encode_every = 2 }, { precision = \"int8\" }]");
        let budgets = budgets.unwrap();
        assert_eq!(budgets.latency_ms, Some(120.0));
        assert_eq!(budgets.ladder[0].pixels, Some(36864));
        assert_eq!(budgets.ladder[1].encode_every, Some(2));
        assert_eq!(budgets.ladder[2].precision, Some(Precision::Int8));
        assert_eq!(parsed("").unwrap(), Budgets::default());
    }

    #[test]
    fn what_is_no_way_down_is_refused() {
        let rows = [
            ("latency_ms = 0\nladder = [{ encode_every = 2 }]", "budgets.latency_ms"),
            ("latency_ms = nan\nladder = [{ encode_every = 2 }]", "budgets.latency_ms"),
            ("temperature_c = 300\nladder = [{ encode_every = 2 }]", "budgets.temperature_c"),
            ("latency_ms = 100", "budgets.ladder"),
            ("ladder = [{ encode_every = 2 }]", "budgets.ladder"),
            ("latency_ms = 100\nladder = [{}]", "budgets.ladder"),
            ("latency_ms = 100\nladder = [{ encode_every = 1 }]", "budgets.ladder"),
            ("latency_ms = 100\nladder = [{ encode_every = 3 }, { encode_every = 2 }]", "budgets.ladder"),
            ("latency_ms = 100\nladder = [{ encode_every = 2 }, { encode_every = 2 }]", "budgets.ladder"),
            ("latency_ms = 100\nladder = [{ pixels = 36864 }, { pixels = 65536 }]", "budgets.ladder"),
            ("latency_ms = 100\nladder = [{ precision = \"int8\" }, { precision = \"f32\" }]", "budgets.ladder"),
            ("latency_ms = 100\nladder = [{ pixels = 0 }]", "budgets.ladder.pixels"),
            ("latency_ms = 100\nladder = [{ encode_evry = 2 }]", "`budgets.ladder.encode_every`"),
            ("latency_ms = 100\nhold_s = 1\nladder = [{ encode_every = 2 }]", "budgets.hold_s"),
            ("latency_ms = 100\ncalm_s = 1\nladder = [{ encode_every = 2 }]", "budgets.calm_s"),
            ("latency_ms = 100\nladder = 3", "expected a sequence"),
        ];
        for (text, key) in rows {
            let message = parsed(text).expect_err(text);
            assert!(message.contains(key), "{text}: {message}");
        }
    }
}
