use serde::Serialize;

use crate::frame::PixelFormat;
use crate::geometry::Size;

/// The frame rates that a camera has for one format and size.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Rates {
    /// These, in frames per second; empty if the camera does not say.
    List(Vec<f64>),
    /// Every rate between the two, in frames per second.
    Range {
        /// Above zero.
        lowest: f64,
        /// Not below `lowest`.
        highest: f64,
    },
}

impl Rates {
    /// The lowest rate that is at least `wanted` (29.97 counts as 30), otherwise the highest there is.
    fn pick(&self, wanted: f64) -> Option<f64> {
        match self {
            Rates::List(list) => {
                let usable = || list.iter().copied().filter(|r| r.is_finite() && *r > 0.0);
                usable()
                    .filter(|r| *r >= wanted * 0.99)
                    .min_by(f64::total_cmp)
                    .or_else(|| usable().max_by(f64::total_cmp))
            }
            Rates::Range { lowest, highest } => {
                (lowest.is_finite() && highest.is_finite() && *lowest > 0.0 && lowest <= highest)
                    .then(|| wanted.clamp(*lowest, *highest))
            }
        }
    }
}

/// One format and size that a camera offers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FormatOffer {
    /// Of the pixels.
    pub format: PixelFormat,
    /// Of the frames.
    pub size: Size,
    /// Frames per second.
    pub rates: Rates,
}

/// What the pipeline would like from a camera.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wish {
    /// Of the frames; the nearest will do.
    pub size: Size,
    /// Frames per second, at least.
    pub fps: f64,
    /// Restricts the choice to this format if it is offered at all.
    pub format: Option<PixelFormat>,
}

/// The offer that costs least.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Choice {
    /// Of the pixels.
    pub format: PixelFormat,
    /// Of the frames.
    pub size: Size,
    /// Frames per second, if the camera states rates.
    pub rate: Option<f64>,
    /// The total that was compared: milliseconds per frame on a small ARM core, penalties included.
    pub cost_ms: f64,
}

/// Nanoseconds per pixel from the camera's bytes to the encoder's tensor, on a core of the Cortex-A76 class. The order of
/// magnitude matters here, not the figure: JPEG decoding costs several times any raw format.
fn convert_ns(format: PixelFormat) -> f64 {
    match format {
        PixelFormat::Grey => 0.5,
        PixelFormat::Nv12 | PixelFormat::Nv21 | PixelFormat::I420 => 0.9,
        PixelFormat::Yuyv | PixelFormat::Uyvy | PixelFormat::Yvyu | PixelFormat::Nv16 => 1.0,
        PixelFormat::Rgb24 | PixelFormat::Bgr24 => 0.8,
        PixelFormat::Mjpeg => 8.0,
    }
}

/// Bytes per pixel on the bus and in the copy out of the kernel's buffer.
fn bytes_per_pixel(format: PixelFormat) -> f64 {
    match format {
        PixelFormat::Grey => 1.0,
        PixelFormat::Nv12 | PixelFormat::Nv21 | PixelFormat::I420 => 1.5,
        PixelFormat::Yuyv | PixelFormat::Uyvy | PixelFormat::Yvyu | PixelFormat::Nv16 => 2.0,
        PixelFormat::Rgb24 | PixelFormat::Bgr24 => 3.0,
        PixelFormat::Mjpeg => 0.25,
    }
}

const COPY_NS_PER_BYTE: f64 = 0.3;
/// For each halving of the wanted pixel count: detail that no later stage brings back.
const SMALLER_MS: f64 = 20.0;
/// For each doubling of it, beyond what its pixels cost anyway.
const LARGER_MS: f64 = 1.0;
/// For a factor e between the sides' ratios: another field of view than the one wanted.
const ASPECT_MS: f64 = 5.0;
/// For each halving of the wanted rate.
const SLOWER_MS: f64 = 30.0;
/// A camera that does not state its rates may turn out slow.
const UNSTATED_RATE_MS: f64 = 10.0;
/// The model was trained on colour.
const COLOURLESS_MS: f64 = 40.0;

/// The cheapest of `offers` for `wish`, counting conversion and copying per frame, distance from the wanted size, a rate
/// below the wanted one and the loss of colour. The first of equals wins; `None` if nothing usable is offered.
pub fn negotiate(offers: &[FormatOffer], wish: &Wish) -> Option<Choice> {
    let only = wish.format.filter(|f| offers.iter().any(|o| o.format == *f));
    offers
        .iter()
        .filter(|o| o.size.width > 0 && o.size.height > 0 && only.is_none_or(|f| f == o.format))
        .map(|o| {
            let rate = o.rates.pick(wish.fps);
            Choice { format: o.format, size: o.size, rate, cost_ms: cost_ms(o, rate, wish) }
        })
        .min_by(|a, b| a.cost_ms.total_cmp(&b.cost_ms))
}

fn cost_ms(offer: &FormatOffer, rate: Option<f64>, wish: &Wish) -> f64 {
    let pixels = f64::from(offer.size.width) * f64::from(offer.size.height);
    let wanted = (f64::from(wish.size.width) * f64::from(wish.size.height)).max(1.0);
    let per_pixel = convert_ns(offer.format) + bytes_per_pixel(offer.format) * COPY_NS_PER_BYTE;
    let doublings = (pixels / wanted).log2();
    let size = if doublings < 0.0 { -doublings * SMALLER_MS } else { doublings * LARGER_MS };
    let ratio = |s: Size| f64::from(s.width.max(1)) / f64::from(s.height.max(1));
    let aspect = (ratio(offer.size) / ratio(wish.size)).ln().abs() * ASPECT_MS;
    let rate = match rate {
        Some(rate) => (wish.fps / rate).log2().max(0.0) * SLOWER_MS,
        None => UNSTATED_RATE_MS,
    };
    let colour = if offer.format == PixelFormat::Grey { COLOURLESS_MS } else { 0.0 };
    pixels * per_pixel / 1e6 + size + aspect + rate + colour
}

#[cfg(test)]
mod tests {
    use PixelFormat::*;

    use super::*;

    fn offer(format: PixelFormat, width: u32, height: u32, rates: &[f64]) -> FormatOffer {
        FormatOffer { format, size: Size::new(width, height), rates: Rates::List(rates.to_vec()) }
    }

    fn wish(width: u32, height: u32, fps: f64) -> Wish {
        Wish { size: Size::new(width, height), fps, format: None }
    }

    /// A common USB webcam: raw is fast only at VGA, larger sizes need MJPEG.
    fn webcam() -> Vec<FormatOffer> {
        vec![
            offer(Mjpeg, 640, 480, &[30.0]),
            offer(Mjpeg, 1280, 720, &[30.0, 60.0]),
            offer(Mjpeg, 1920, 1080, &[30.0]),
            offer(Yuyv, 640, 480, &[15.0, 30.0]),
            offer(Yuyv, 1280, 720, &[10.0]),
            offer(Yuyv, 1920, 1080, &[5.0]),
            offer(Yuyv, 320, 240, &[30.0]),
        ]
    }

    /// Format, width and rate of the choice.
    type Chosen = Option<(PixelFormat, u32, Option<f64>)>;

    #[test]
    fn table_of_cameras_and_wishes() {
        let csi = vec![
            offer(Uyvy, 1920, 1080, &[30.0]),
            offer(Nv16, 1920, 1080, &[30.0]),
            offer(I420, 1920, 1080, &[30.0]),
            offer(Nv12, 1920, 1080, &[15.0]),
        ];
        let any_raw = vec![
            offer(Grey, 640, 480, &[30.0]),
            offer(Rgb24, 640, 480, &[30.0]),
            offer(Nv12, 640, 480, &[30.0]),
            offer(Yuyv, 640, 480, &[30.0]),
        ];
        let ntsc = vec![offer(Yuyv, 640, 480, &[29.97]), offer(Mjpeg, 640, 480, &[60.0])];
        let large = vec![offer(Yuyv, 1920, 1080, &[30.0]), offer(Yuyv, 2592, 1944, &[15.0])];
        let silent = vec![offer(Yuyv, 640, 480, &[]), offer(Yuyv, 320, 240, &[30.0])];
        let hostile = vec![offer(Yuyv, 640, 0, &[30.0]), offer(Mjpeg, 640, 480, &[f64::NAN, 0.0, -5.0, 25.0])];
        let rows: Vec<(&str, Vec<FormatOffer>, Wish, Chosen)> = vec![
            ("raw at VGA", webcam(), wish(640, 480, 30.0), Some((Yuyv, 640, Some(30.0)))),
            ("lowest rate that suffices", webcam(), wish(640, 480, 12.0), Some((Yuyv, 640, Some(15.0)))),
            ("MJPEG where raw is slow", webcam(), wish(1280, 720, 30.0), Some((Mjpeg, 1280, Some(30.0)))),
            ("60 per second at 720p", webcam(), wish(1280, 720, 60.0), Some((Mjpeg, 1280, Some(60.0)))),
            ("raw is fine for 5 per second", webcam(), wish(1920, 1080, 5.0), Some((Yuyv, 1920, Some(5.0)))),
            (
                "the format asked for",
                webcam(),
                Wish { format: Some(Mjpeg), ..wish(640, 480, 30.0) },
                Some((Mjpeg, 640, Some(30.0))),
            ),
            (
                "a format that is not offered does not bind",
                webcam(),
                Wish { format: Some(Nv12), ..wish(640, 480, 30.0) },
                Some((Yuyv, 640, Some(30.0))),
            ),
            ("colour before grey, least bytes first", any_raw, wish(640, 480, 30.0), Some((Nv12, 640, Some(30.0)))),
            ("the fewest bytes at the rate", csi, wish(1920, 1080, 30.0), Some((I420, 1920, Some(30.0)))),
            ("29.97 is 30", ntsc, wish(640, 480, 30.0), Some((Yuyv, 640, Some(29.97)))),
            ("only too large", large, wish(640, 480, 30.0), Some((Yuyv, 1920, Some(30.0)))),
            ("unstated rates", silent, wish(640, 480, 30.0), Some((Yuyv, 640, None))),
            ("no area, rates that are none", hostile, wish(640, 480, 30.0), Some((Mjpeg, 640, Some(25.0)))),
            ("nothing offered", vec![], wish(640, 480, 30.0), None),
        ];
        let wrong: Vec<String> = rows
            .into_iter()
            .filter_map(|(name, offers, wish, expected)| {
                let found = negotiate(&offers, &wish).map(|c| (c.format, c.size.width, c.rate));
                (found != expected).then(|| format!("{name}: {found:?}, expected {expected:?}"))
            })
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_range_of_rates_is_clamped() {
        let range = Rates::Range { lowest: 5.0, highest: 60.0 };
        assert_eq!((range.pick(30.0), range.pick(1.0), range.pick(90.0)), (Some(30.0), Some(5.0), Some(60.0)));
        assert_eq!(Rates::Range { lowest: f64::NAN, highest: 60.0 }.pick(30.0), None);
        assert_eq!(Rates::Range { lowest: 60.0, highest: 5.0 }.pick(30.0), None);
    }
}
