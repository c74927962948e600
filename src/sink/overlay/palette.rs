use super::canvas::Rgb;
use crate::track::ObjectId;

/// Colours that stay apart under the common colour-vision deficiencies (Okabe and Ito 2008, without black), the most
/// visible over photographs first.
const OKABE_ITO: [Rgb; 7] =
    [[86, 180, 233], [213, 94, 0], [240, 228, 66], [0, 158, 115], [204, 121, 167], [230, 159, 0], [0, 114, 178]];

/// The colour of an object, the same on every frame. Seven hues; the next seven objects get them lighter, then darker.
pub fn object_color(object: ObjectId) -> Rgb {
    let index = object.wrapping_sub(1) as usize;
    let [r, g, b] = OKABE_ITO[index % OKABE_ITO.len()];
    let shade = |c: u8| match index / OKABE_ITO.len() % 3 {
        0 => c,
        1 => c + (255 - c) / 2,
        _ => c / 2 + c / 8,
    };
    [shade(r), shade(g), shade(b)]
}

/// Relative luminance of an sRGB colour, 0 to 1 (WCAG 2).
pub fn luminance(color: Rgb) -> f32 {
    let linear = |c: u8| {
        let c = c as f32 / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    let [r, g, b] = color.map(linear);
    0.2126 * r + 0.7152 * g + 0.0722 * b
}
