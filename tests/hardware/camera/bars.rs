//! Colour bars: where each lies, what it is, and what a camera that encodes it sends.

use foveate::frame::{ColorEncoding, ColorRange, Colorimetry, Frame, PixelFormat, to_rgb};

/// The bars of ITU-R's 75% pattern as vivid draws it, left to right, each an eighth of the width: R'G'B' of full range.
pub const BARS: [[f64; 3]; 8] = [
    [191.0, 191.0, 191.0],
    [191.0, 191.0, 0.0],
    [0.0, 191.0, 191.0],
    [0.0, 191.0, 0.0],
    [191.0, 0.0, 191.0],
    [191.0, 0.0, 0.0],
    [0.0, 0.0, 191.0],
    [0.0, 0.0, 0.0],
];

/// Red's and blue's share of luma, as the standards have them.
fn weights(encoding: ColorEncoding) -> (f64, f64) {
    match encoding {
        ColorEncoding::Bt601 => (0.299, 0.114),
        ColorEncoding::Bt709 => (0.2126, 0.0722),
        ColorEncoding::Bt2020 => (0.2627, 0.0593),
        ColorEncoding::Smpte240m => (0.212, 0.087),
    }
}

/// A colour as it is after vivid put it into 8-bit codes and the standard's formula, in real numbers, took it out again.
///
/// vivid's coefficients have three or four digits and 8 fraction bits, of which negative ones are cut towards zero; sums are
/// cut off where others round, and the codes 0 and 255 stay free. `bound` says whether it also keeps to the limited range.
pub fn through_codes(bar: [f64; 3], Colorimetry { encoding, range }: Colorimetry, bound: bool) -> [f64; 3] {
    let (kr, kb) = weights(encoding);
    let kg = 1.0 - kr - kb;
    let (black, luma, chroma) = match range {
        ColorRange::Limited => (16.0, 219.0, 224.0),
        ColorRange::Full => (0.0, 255.0, 255.0),
    };
    let digits = if encoding == ColorEncoding::Smpte240m { 1e3 } else { 1e4 };
    let code = |shares: [f64; 3], scale: f64, offset: f64, highest: f64| {
        let sixteenths =
            |share: f64, level: f64| ((share * digits).round() / digits * scale * 256.0 + 0.5).trunc() * level * 16.0;
        let sum: f64 = shares.into_iter().zip(bar).map(|(share, level)| sixteenths(share, level)).sum();
        let code = (((sum / 65536.0).floor() + offset * 16.0) / 16.0).floor();
        let (low, high) = if range == ColorRange::Limited && bound { (16.0, highest) } else { (1.0, 254.0) };
        code.clamp(low, high)
    };
    let (b, r) = (2.0 * (1.0 - kb), 2.0 * (1.0 - kr));
    let y = (code([kr, kg, kb], luma, black, 235.0) - black) * 255.0 / luma;
    let cb = (code([-kr / b, -kg / b, 0.5], chroma, 128.0, 240.0) - 128.0) * 255.0 / chroma;
    let cr = (code([0.5, -kg / r, -kb / r], chroma, 128.0, 240.0) - 128.0) * 255.0 / chroma;
    let (red, blue) = (y + r * cr, y + b * cb);
    let green = (y - kr * red - kb * blue) / kg;
    [red, green, blue].map(|v| v.clamp(0.0, 255.0))
}

/// What a bar is as red, green and blue of a frame.
pub fn expected(bar: [f64; 3], format: PixelFormat, colorimetry: Colorimetry, bound: bool) -> [f64; 3] {
    match format {
        PixelFormat::Rgb24 | PixelFormat::Bgr24 => match colorimetry.range {
            ColorRange::Full => bar,
            ColorRange::Limited => bar.map(|v| ((v * 219.0 / 255.0 + 16.0).floor() - 16.0) * 255.0 / 219.0),
        },
        // BT.709's luma, of full range.
        PixelFormat::Grey => [0.2126 * bar[0] + 0.7152 * bar[1] + 0.0722 * bar[2]; 3],
        _ => through_codes(bar, colorimetry, bound),
    }
}

/// The greatest difference of a frame's pixels from what their bars should be, in levels; `reference` gives a bar's colour.
/// Pixels beside an edge of two bars are left out, since chroma is shared across it.
pub fn difference(frame: &Frame, reference: impl Fn(usize) -> [f64; 3]) -> Result<f64, String> {
    let mut rgb = Vec::new();
    to_rgb(frame, &mut rgb).map_err(|e| e.to_string())?;
    let (width, colours) = (frame.size.width as usize, [0, 1, 2, 3, 4, 5, 6, 7].map(reference));
    let mut worst: f64 = 0.0;
    for row in rgb.chunks_exact(3 * width) {
        for (x, pixel) in row.chunks_exact(3).enumerate() {
            let (bar, from, to) = (x * 8 / width, x.saturating_sub(2) * 8 / width, ((x + 2) * 8 / width).min(7));
            if from == to {
                for (&level, expected) in pixel.iter().zip(colours[bar]) {
                    worst = worst.max((f64::from(level) - expected).abs());
                }
            }
        }
    }
    Ok(worst)
}
