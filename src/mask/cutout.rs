use crate::geometry::Size;

/// How far around a pixel of the edge the colours of object and background are looked for, in pixels: wider than the edge of a
/// mask whose logits are enlarged fourfold.
const REACH: usize = 5;

/// The object alone, transparent around it, over `out`: bytes R G B and opacity of each pixel, not multiplied, row by row. `rgb` are
/// the colours of an image of `size`, `opacity` says how much each pixel belongs to the object, as [`matte`](super::matte) does. At the
/// edge, where a pixel's colour is mixed with that of the background, the object's own is estimated; black where nothing is
/// to be seen.
///
/// Blur-fusion: Forte, *Approximate fast foreground colour estimation* (ICIP 2021), with one window.
///
/// # Panics
/// If `rgb` and `opacity` are not of `size`.
pub fn cut_out(rgb: &[u8], opacity: &[u8], size: Size, out: &mut Vec<u8>) {
    let pixels = size.area();
    assert!(rgb.len() == pixels * 3 && opacity.len() == pixels, "colours and opacity of an image");
    out.clear();
    out.reserve(pixels * 4);
    let width = size.width as usize;
    for (at, (colour, &alpha)) in rgb.chunks_exact(3).zip(opacity).enumerate() {
        let [r, g, b] = match alpha {
            0 => [0; 3],
            255 => [colour[0], colour[1], colour[2]],
            _ => unmixed(rgb, opacity, width, at),
        };
        out.extend([r, g, b, alpha]);
    }
}

/// The object's colour in the pixel at `at`, of which it covers only a part.
fn unmixed(rgb: &[u8], opacity: &[u8], width: usize, at: usize) -> [u8; 3] {
    let (x, y, height) = (at % width, at / width, opacity.len() / width);
    let (columns, rows) =
        (x.saturating_sub(REACH)..(x + REACH + 1).min(width), y.saturating_sub(REACH)..(y + REACH + 1).min(height));
    let (mut object, mut ground) = ([0.0f32; 4], [0.0f32; 4]);
    for v in rows {
        let line = v * width + columns.start..v * width + columns.end;
        for (colour, &alpha) in rgb[line.start * 3..line.end * 3].chunks_exact(3).zip(&opacity[line]) {
            let share = f32::from(alpha) / 255.0;
            for (sums, share) in [(&mut object, share), (&mut ground, 1.0 - share)] {
                for (sum, channel) in sums.iter_mut().zip(colour) {
                    *sum += share * f32::from(*channel);
                }
                sums[3] += share;
            }
        }
    }
    let alpha = f32::from(opacity[at]) / 255.0;
    std::array::from_fn(|channel| {
        let mean = |sums: &[f32; 4]| sums[channel] / sums[3].max(f32::MIN_POSITIVE);
        let (object, ground) = (mean(&object), mean(&ground));
        let seen = f32::from(rgb[at * 3 + channel]);
        (object + alpha * (seen - alpha * object - (1.0 - alpha) * ground)).round().clamp(0.0, 255.0) as u8
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIZE: Size = Size::new(24, 9);

    /// A red object on the left of a blue ground, mixed over four columns.
    fn mixed() -> (Vec<u8>, Vec<u8>) {
        let share = |x: u32| ((14.0 - x as f32) / 5.0).clamp(0.0, 1.0);
        let columns = || (0..SIZE.height).flat_map(|_| 0..SIZE.width);
        let rgb = columns().flat_map(|x| [(share(x) * 200.0) as u8, 30, ((1.0 - share(x)) * 220.0) as u8]).collect();
        (rgb, columns().map(|x| (share(x) * 255.0) as u8).collect())
    }

    #[test]
    fn the_edge_has_the_objects_own_colours() {
        let (rgb, opacity) = mixed();
        let mut out = Vec::new();
        cut_out(&rgb, &opacity, SIZE, &mut out);
        let mut edge = 0;
        for (pixel, seen) in out.chunks_exact(4).zip(rgb.chunks_exact(3)) {
            match pixel[3] {
                0 => assert_eq!(pixel, [0; 4]),
                255 => assert_eq!(pixel[..3], *seen),
                _ => {
                    edge += 1;
                    // The mixture had up to 176 of blue.
                    assert!(pixel[0] >= 150 && pixel[2] <= 60 && pixel[2] <= seen[2], "{pixel:?} of {seen:?}");
                }
            }
        }
        assert_eq!(edge, 4 * SIZE.height);
    }

    proptest! {
        #[test]
        fn one_colour_stays_itself(colour in any::<[u8; 3]>(), opacity in prop::collection::vec(any::<u8>(), SIZE.area())) {
            let rgb = colour.repeat(SIZE.area());
            let mut out = Vec::new();
            cut_out(&rgb, &opacity, SIZE, &mut out);
            for (pixel, alpha) in out.chunks_exact(4).zip(&opacity) {
                prop_assert_eq!(pixel[3], *alpha);
                prop_assert!(*alpha == 0 || pixel[..3].iter().zip(colour).all(|(found, own)| found.abs_diff(own) <= 1));
            }
        }
    }
}
