use super::limit::{at_least, at_most};
use super::random::{Random, hash, normal};
use super::shade::ColourRow;

/// Length of the table of noise; also the most pixels in a row, twice over.
const TABLE: usize = 2 * MAX_SIDE;
/// Most pixels along a side of an image.
pub(super) const MAX_SIDE: usize = 4096;

/// From light to bytes as a small camera has it: exposure, vignetting, a tone curve and noise.
#[derive(Debug)]
pub(super) struct Sensor {
    pub exposure: f32,
    /// Deviation of the noise in mid grey, in steps of 255.
    noise: f32,
    /// Loss of light in the corners.
    vignette: f32,
    contrast: f32,
    seed: u64,
    table: Vec<f32>,
}

impl Sensor {
    pub fn new(seed: u64) -> Sensor {
        let mut random = Random::new(seed, 77);
        let (noise, vignette, contrast) = (random.range(0.8, 2.4), random.range(0.05, 0.25), random.range(0.1, 0.5));
        let table = (0..TABLE).map(|_| normal(random.next_u64())).collect();
        Sensor { exposure: 1.0, noise, vignette, contrast, seed: random.next_u64(), table }
    }

    /// The perceptual value, 0 to 1, of linear light.
    #[inline(always)]
    fn tone(&self, light: f32) -> f32 {
        let y = at_least(light, 0.0).sqrt();
        // A shoulder that keeps highlights from clipping hard.
        let over = at_most(at_least(y - 0.65, 0.0), 1.0);
        let y = at_most(y - 0.42 * over * over, 1.0);
        y + self.contrast * y * (1.0 - y) * (y - 0.45)
    }

    /// Row `y` of `height` as RGB bytes: half of each pixel's own colour and an eighth of each of its corners'.
    pub fn expose(
        &self,
        frame: u64,
        (y, height): (usize, usize),
        own: &ColourRow,
        [above, below]: [&CornerRow; 2],
        line: &mut [Vec<f32>; 3],
        out: &mut [u8],
    ) {
        let width = out.len() / 3;
        let dy = (y as f32 + 0.5) / height as f32 * 2.0 - 1.0;
        let across = 2.0 / width as f32;
        let fall = self.vignette * 0.5;
        for k in 0..3 {
            let pick = hash(self.seed ^ frame.wrapping_mul(0x9e37) ^ ((y * 3 + k) as u64) << 40);
            let noise = &self.table[(pick % MAX_SIDE as u64) as usize..][..width];
            let (top, bottom) = (&above.planes[k][..width + 1], &below.planes[k][..width + 1]);
            let centre = &own.planes[k][1..=width];
            let line = &mut line[k][..width];
            for x in 0..width {
                let corners = top[x] + top[x + 1] + bottom[x] + bottom[x + 1];
                let dx = (x as i32 as f32 + 0.5) * across - 1.0;
                let vignette = 1.0 - fall * (dx * dx + dy * dy);
                let y = self.tone((0.5 * centre[x] + 0.125 * corners) * self.exposure * vignette);
                let deviation = self.noise * (0.65 + 0.9 * y - 0.8 * y * y);
                line[x] = at_most(at_least(y * 255.0 + noise[x] * deviation, 0.0), 255.0);
            }
        }
        let [r, g, b] = line;
        let colours = r[..width].iter().zip(&g[..width]).zip(&b[..width]);
        for (rgb, ((r, g), b)) in out.chunks_exact_mut(3).zip(colours) {
            // Adding 2^23 leaves the rounded value in the low bits, without a checked conversion.
            rgb.copy_from_slice(&[r, g, b].map(|v| (v + 8_388_608.0).to_bits() as u8));
        }
    }

    /// Sets the exposure so that images like the given one come out in a middle tone.
    pub fn meter(&mut self, rgb: &[u8], target: f32) {
        let mean = rgb.iter().map(|&b| b as f64).sum::<f64>() / (rgb.len().max(1) as f64 * 255.0);
        self.exposure *= (target / mean.max(0.02) as f32).powi(2).clamp(0.2, 5.0);
    }
}

/// The colour at each of the `width + 1` pixel corners between two rows.
///
/// A corner takes the mean of those of its four pixels that show the part that is seen through the corner itself. With
/// [`Sensor::expose`] this is quincunx multisampling: edges are smoothed by the second, corner-centred visibility
/// buffer while every pixel is shaded once. That buffer holds objects only; edges within the surroundings are softened
/// by the mean alone.
#[derive(Clone, Debug, Default)]
pub(super) struct CornerRow {
    planes: [Vec<f32>; 3],
}

impl CornerRow {
    pub fn resize(&mut self, width: usize) {
        self.planes.iter_mut().for_each(|plane| plane.resize(width + 1, 0.0));
    }

    /// `seen` holds the part seen through each corner.
    pub fn blend(&mut self, above: &ColourRow, below: &ColourRow, seen: &[u32]) {
        let n = seen.len();
        for (k, plane) in self.planes.iter_mut().enumerate() {
            let (top, bottom) = (&above.planes[k][..n + 1], &below.planes[k][..n + 1]);
            for (x, corner) in plane[..n].iter_mut().enumerate() {
                *corner = 0.25 * (top[x] + top[x + 1] + bottom[x] + bottom[x + 1]);
            }
        }
        let (top, bottom) = (&above.parts[..n + 1], &below.parts[..n + 1]);
        for (x, &part) in seen.iter().enumerate() {
            let around = [top[x], top[x + 1], bottom[x], bottom[x + 1]];
            if around == [part; 4] {
                continue;
            }
            let weights = around.map(|p| (p == part) as u32 as f32);
            let total: f32 = weights.iter().sum();
            if total == 0.0 {
                continue;
            }
            for (k, plane) in self.planes.iter_mut().enumerate() {
                let (a, b) = (&above.planes[k], &below.planes[k]);
                let [w0, w1, w2, w3] = weights;
                plane[x] = (w0 * a[x] + w1 * a[x + 1] + w2 * b[x] + w3 * b[x + 1]) / total;
            }
        }
    }
}
