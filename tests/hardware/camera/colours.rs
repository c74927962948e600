//! Every format, encoding and range that vivid gives and that can be read: colour bars, by position.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};

use super::bars::{BARS, difference, expected};
use super::hand::Hand;
use super::report::Report;
use super::watch::{SIZE, Seen, check, open_soon, options, tenth};
use foveate::frame::{ColorEncoding, ColorRange, Colorimetry, PixelFormat};

/// Levels that a pixel may be away from the reference.
const TOLERANCE: f64 = 2.0;

const CAMERA: &str = "/dev/video0";

/// V4L2's codes by the format they are.
const CODES: [(&[u8; 4], PixelFormat); 14] = [
    (b"YUYV", PixelFormat::Yuyv),
    (b"UYVY", PixelFormat::Uyvy),
    (b"YVYU", PixelFormat::Yvyu),
    (b"NV12", PixelFormat::Nv12),
    (b"NM12", PixelFormat::Nv12),
    (b"NV21", PixelFormat::Nv21),
    (b"NM21", PixelFormat::Nv21),
    (b"NV16", PixelFormat::Nv16),
    (b"NM16", PixelFormat::Nv16),
    (b"YU12", PixelFormat::I420),
    (b"YM12", PixelFormat::I420),
    (b"RGB3", PixelFormat::Rgb24),
    (b"BGR3", PixelFormat::Bgr24),
    (b"GREY", PixelFormat::Grey),
];

/// A setting of vivid's colour menus, and what it means by the standards.
#[derive(Clone, Copy, Debug)]
struct Setting {
    colorspace: i32,
    encoding: i32,
    quantization: i32,
    meaning: Colorimetry,
    /// Whether the generator keeps to the limited range's ends.
    bound: bool,
}

/// vivid's "Colorspace" menu, with the encoding that each has by default.
const COLORSPACES: [ColorEncoding; 9] = [
    // SMPTE 170M, Rec. 709, sRGB, opRGB, BT.2020, DCI-P3, SMPTE 240M, 470 System M, 470 System BG.
    ColorEncoding::Bt601,
    ColorEncoding::Bt709,
    ColorEncoding::Bt601,
    ColorEncoding::Bt601,
    ColorEncoding::Bt2020,
    ColorEncoding::Bt709,
    ColorEncoding::Smpte240m,
    ColorEncoding::Bt601,
    ColorEncoding::Bt601,
];
/// vivid's "Y'CbCr Encoding" menu without its default: entry, encoding, and whether it is an extended one (xvYCC).
const ENCODINGS: [(i32, ColorEncoding, bool); 6] = [
    (1, ColorEncoding::Bt601, false),
    (2, ColorEncoding::Bt709, false),
    (3, ColorEncoding::Bt601, true),
    (4, ColorEncoding::Bt709, true),
    (6, ColorEncoding::Bt2020, false),
    (8, ColorEncoding::Smpte240m, false),
];
const SRGB: i32 = 2;
const CONSTANT_LUMINANCE: i32 = 7;

/// The ranges of vivid's "Quantization" menu: default, full, limited.
fn range(quantization: i32, rgb: bool, extended: bool) -> ColorRange {
    match quantization {
        _ if extended && !rgb => ColorRange::Limited,
        0 if rgb => ColorRange::Full,
        1 => ColorRange::Full,
        _ => ColorRange::Limited,
    }
}

fn settings(rgb: bool) -> Vec<Setting> {
    let mut settings = Vec::new();
    for (colorspace, encoding) in (0..).zip(COLORSPACES) {
        for quantization in 0..3 {
            let meaning = Colorimetry { encoding, range: range(quantization, rgb, false) };
            settings.push(Setting { colorspace, encoding: 0, quantization, meaning, bound: true });
        }
    }
    for (entry, encoding, extended) in ENCODINGS {
        for quantization in 0..3 {
            let meaning = Colorimetry { encoding, range: range(quantization, rgb, extended) };
            settings.push(Setting { colorspace: SRGB, encoding: entry, quantization, meaning, bound: !extended });
        }
    }
    settings
}

fn choose(hand: &Hand, colorspace: i32, encoding: i32, quantization: i32) -> Result<(), String> {
    hand.set("Colorspace", colorspace)?;
    hand.set("Y'CbCr Encoding", encoding)?;
    hand.set("Quantization", quantization)
}

pub fn cases(report: &mut Report) -> io::Result<()> {
    let hand = match Hand::open(CAMERA) {
        Ok(hand) => hand,
        Err(reason) => return report.case("colours", Err(reason)),
    };
    // The text would lie over the bars.
    let plain = hand.set("OSD Text Mode", 2).and_then(|()| hand.set("Test Pattern", 0));
    if let Err(reason) = plain {
        return report.case("colours", Err(reason));
    }
    let offered = hand.fourccs();
    for (code, format) in CODES {
        let name = String::from_utf8_lossy(code).into_owned();
        if offered.contains(code) {
            report.case(&format!("colours {name}"), colours(&hand, *code, format))?;
        } else if !name.contains('M') {
            report.case(&format!("colours {name}"), Err("vivid does not offer it".into()))?;
        }
    }
    report.case("colours of constant luminance are refused", refused(&hand))?;
    if let Err(reason) = choose(&hand, SRGB, 0, 0) {
        report.case("colours: back to the defaults", Err(reason))?;
    }
    Ok(())
}

/// All settings of one format.
fn colours(hand: &Hand, code: [u8; 4], format: PixelFormat) -> Result<Value, String> {
    let rgb = matches!(format, PixelFormat::Rgb24 | PixelFormat::Bgr24);
    let settings = settings(rgb);
    // The code that the camera is set to stays, which tells apart the ways to lay out one format.
    hand.set_fourcc(code)?;
    let (mut worst, mut worst_of_bars, mut strides) = ((0.0, None), 0.0f64, Vec::new());
    for setting in &settings {
        let Setting { colorspace, encoding, quantization, meaning, bound } = *setting;
        choose(hand, colorspace, encoding, quantization)?;
        let mut source = open_soon(CAMERA, &options(format))?;
        let mut seen = Seen::default();
        seen.frames(source.as_mut(), 1, Duration::from_secs(10))?;
        let set = hand.fourcc()?;
        check(set == code, || format!("it streams {}", String::from_utf8_lossy(&set)))?;
        let frame = &seen.frame;
        check((frame.size, frame.format) == (SIZE, format), || format!("{:?} {}", frame.size, frame.format))?;
        let levels = difference(frame, |bar| expected(BARS[bar], format, meaning, bound))?;
        if levels > worst.0 || worst.1.is_none() {
            worst = (levels, Some(*setting));
        }
        if format != PixelFormat::Grey {
            worst_of_bars = worst_of_bars.max(difference(frame, |bar| BARS[bar])?);
        }
        if !strides.contains(&frame.stride) {
            strides.push(frame.stride);
        }
    }
    check(worst.0 <= TOLERANCE, || format!("{:.2} levels off for {:?}", worst.0, worst.1))?;
    let of_bars = (format != PixelFormat::Grey).then(|| tenth(worst_of_bars));
    Ok(json!({
        "settings": settings.len(), "worst_levels": (worst.0 * 100.0).round() / 100.0, "tolerance_levels": TOLERANCE,
        "worst_levels_from_uncoded_bars": of_bars, "strides": strides, "multi_planar": hand.is_multi_planar(),
    }))
}

/// Colours that no matrix gives back are refused rather than shown wrong.
fn refused(hand: &Hand) -> Result<Value, String> {
    choose(hand, SRGB, CONSTANT_LUMINANCE, 0)?;
    match open_soon(CAMERA, &options(PixelFormat::Yuyv)) {
        Ok(_) => Err("it streams".into()),
        Err(reason) if reason.contains("constant luminance") => Ok(json!({ "reported": reason })),
        Err(reason) => Err(reason),
    }
}
