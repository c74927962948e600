use std::fmt;

use crate::board::Rung;
use crate::engine::Precision;
use crate::geometry::Size;

/// One form of the model: its input size in pixels, and what it computes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Size of the encoder's input in pixels.
    pub input: Size,
    /// What the encoder computes in.
    pub precision: Precision,
}

/// Everything that a rung of the ladder settles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The model's form.
    pub variant: Variant,
    /// Encode at most one of so many frames.
    pub encode_every: u32,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Setting { variant: Variant { input, precision }, encode_every } = self;
        write!(f, "{}x{} {}, ", input.width, input.height, precision.name())?;
        match encode_every {
            0 | 1 => f.write_str("every frame"),
            n => write!(f, "1 frame of {n}"),
        }
    }
}

impl Setting {
    /// Whether this costs less than `other` in something and more in nothing.
    fn is_below(&self, other: &Setting) -> bool {
        self != other
            && self.encode_every >= other.encode_every
            && self.variant.input.area() <= other.variant.input.area()
            && self.variant.precision >= other.variant.precision
    }
}

/// The settings that a stream can take, the dearest first. There is always one.
#[derive(Clone, Debug, PartialEq)]
pub struct Ladder {
    settings: Vec<Setting>,
}

impl Ladder {
    /// The ladder down from `base` by `rungs`, as far as the model goes: `takes` says why it refuses a variant. With it come
    /// the rungs that were left out, and why. `fit` is the input of so many pixels.
    pub fn new(
        base: Setting,
        rungs: &[Rung],
        fit: impl Fn(u32) -> Size,
        takes: impl Fn(Variant) -> Result<(), String>,
    ) -> (Ladder, Vec<(usize, String)>) {
        let (mut settings, mut left_out) = (vec![base], Vec::new());
        let mut before = base;
        for (n, rung) in rungs.iter().enumerate() {
            let variant = Variant {
                input: rung.pixels.map_or(before.variant.input, &fit),
                precision: rung.precision.unwrap_or(before.variant.precision),
            };
            let after = Setting { variant, encode_every: rung.encode_every.unwrap_or(before.encode_every) };
            let refused = if !after.is_below(&before) {
                Some(format!("{after} is no step down from {before}"))
            } else {
                takes(variant).err()
            };
            match refused {
                Some(reason) => left_out.push((n + 1, reason)),
                None => {
                    settings.push(after);
                    before = after;
                }
            }
        }
        (Ladder { settings }, left_out)
    }

    /// Number of the last rung; 0 if there is no way down.
    pub fn last(&self) -> usize {
        self.settings.len() - 1
    }

    /// The setting of a rung, 0 for the base; beyond the last, that of the last.
    pub fn setting(&self, rung: usize) -> Setting {
        self.settings[rung.min(self.last())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(side: u32) -> Size {
        Size::new(side, side)
    }

    const BASE: Setting =
        Setting { variant: Variant { input: Size::new(256, 256), precision: Precision::F32 }, encode_every: 1 };

    fn rung(every: Option<u32>, side: Option<u32>, precision: Option<Precision>) -> Rung {
        Rung { encode_every: every, pixels: side.map(|s| s * s), precision }
    }

    fn fit(pixels: u32) -> Size {
        square(pixels.isqrt())
    }

    #[test]
    fn rungs_add_up() {
        let rungs =
            [rung(None, Some(192), None), rung(Some(2), None, None), rung(Some(3), Some(128), Some(Precision::Int8))];
        let (ladder, left_out) = Ladder::new(BASE, &rungs, fit, |_| Ok(()));
        assert!(left_out.is_empty());
        let texts: Vec<_> = (0..=ladder.last()).map(|r| ladder.setting(r).to_string()).collect();
        let expected = [
            "256x256 f32, every frame",
            "192x192 f32, every frame",
            "192x192 f32, 1 frame of 2",
            "128x128 int8, 1 frame of 3",
        ];
        assert_eq!(texts, expected);
        assert_eq!(ladder.setting(99), ladder.setting(3));
    }

    #[test]
    fn what_the_model_cannot_take_is_left_out_with_the_reason() {
        let rungs = [
            rung(None, Some(512), None),
            rung(None, Some(100), None),
            rung(Some(2), None, None),
            rung(Some(2), None, None),
        ];
        let takes = |v: Variant| if v.input.width.is_multiple_of(32) { Ok(()) } else { Err("not 32".to_owned()) };
        let (ladder, left_out) = Ladder::new(BASE, &rungs, fit, takes);
        assert_eq!(ladder.last(), 1);
        assert_eq!(ladder.setting(1), Setting { encode_every: 2, ..BASE });
        assert_eq!(left_out.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [1, 2, 4]);
        for ((_, reason), part) in left_out.iter().zip(["step down", "not 32", "step down"]) {
            assert!(reason.contains(part), "{reason}");
        }
        assert_eq!(ladder.setting(1).variant.input, square(256));
    }
}
