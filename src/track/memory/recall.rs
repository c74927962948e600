use std::sync::Arc;

use super::matches::Matches;
use super::{FeatureMap, Memory, inside, shares};
use crate::geometry::Size;
use crate::mask::{Between, LowResLogits, MASK_PROMPT_LOGIT};
use crate::model::Embedding;

/// Where an object should be in a frame.
#[derive(Clone, Debug, Default)]
pub struct Expectation {
    /// How much of each cell that shows the frame should be inside, 0 to 1.
    inside: Vec<f32>,
    /// The same as logits on the decoder's grid: a mask prompt.
    pub logits: LowResLogits,
    /// How much what should be inside looks like anything remembered: the mean cosine of the best matches, at most 1.
    pub likeness: f32,
    /// Shares of a mask that is compared.
    found: Vec<f32>,
}

impl Expectation {
    /// How well `mask`, on the decoder's grid, agrees with what was expected: the IoU of shares, 0 to 1.
    pub fn agreement(&mut self, map: &FeatureMap, mask: &LowResLogits) -> f32 {
        shares(map, mask, inside, &mut self.found);
        let (mut both, mut either) = (0.0, 0.0);
        for (expected, found) in self.inside.iter().zip(&self.found) {
            both += expected.min(*found);
            either += expected.max(*found);
        }
        if either > 0.0 { both / either } else { 0.0 }
    }
}

/// Reads memories in the light of the present frame.
///
/// The maps of frames are shared by all objects that remember them, and so are the comparisons of the present frame with
/// each: what a further object costs is its own sum.
#[derive(Debug, Default)]
pub struct Recall {
    /// Every map in use, and those that nobody remembers any more.
    maps: Vec<Arc<FeatureMap>>,
    present: Option<Arc<FeatureMap>>,
    /// Comparisons of the present frame: with which, and whether anywhere.
    compared: Vec<(Arc<FeatureMap>, bool, Matches)>,
    /// Comparisons whose buffers are free.
    spare: Vec<Matches>,
    cosines: Vec<f32>,
    weights: Vec<f32>,
    votes: Vec<f32>,
    likeness: Vec<f32>,
}

/// Keeps the logits of certainty finite.
const DOUBT: f32 = 1e-3;

impl Recall {
    /// The features of a frame; `None` if its embedding has no grid of numbers.
    pub fn map_of(&mut self, embedding: &Embedding) -> Option<Arc<FeatureMap>> {
        let free = match self.maps.iter().position(|map| Arc::strong_count(map) == 1) {
            Some(free) => free,
            None => {
                self.maps.push(Arc::default());
                self.maps.len() - 1
            }
        };
        let filled = Arc::get_mut(&mut self.maps[free]).is_some_and(|map| map.fill(embedding));
        filled.then(|| Arc::clone(&self.maps[free]))
    }

    /// Begins with a new present frame.
    pub fn begin(&mut self, embedding: &Embedding) {
        self.spare.extend(self.compared.drain(..).map(|(.., matches)| matches));
        self.present = None;
        self.present = self.map_of(embedding);
    }

    /// The features of the present frame.
    pub fn present(&self) -> Option<&Arc<FeatureMap>> {
        self.present.as_ref()
    }

    /// Writes into `out` where the present frame has what `memory` remembers, with logits of `size`: near where it was, or
    /// anywhere. False if either has no features.
    pub fn expect(&mut self, memory: &Memory, anywhere: bool, size: Size, out: &mut Expectation) -> bool {
        let Some(present) = self.present.clone() else { return false };
        let cells = present.width() * present.height();
        for sums in [&mut self.weights, &mut self.votes, &mut self.likeness] {
            sums.clear();
            sums.resize(cells, 0.0);
        }
        let mut any = false;
        for seen in memory.frames().filter(|seen| seen.map.is_like(&present)) {
            let known = |(map, far, _): &(Arc<FeatureMap>, bool, _)| Arc::ptr_eq(map, &seen.map) && *far == anywhere;
            let at = self.compared.iter().position(known).unwrap_or_else(|| {
                let mut matches = self.spare.pop().unwrap_or_default();
                matches.find(&present, &seen.map, anywhere, &mut self.cosines);
                self.compared.push((Arc::clone(&seen.map), anywhere, matches));
                self.compared.len() - 1
            });
            let sums = [&mut self.weights[..], &mut self.votes[..], &mut self.likeness[..]];
            self.compared[at].2.vote(&seen.inside, sums);
            any = true;
        }
        out.inside.clear();
        let shares = self.votes.iter().zip(&self.weights).map(|(vote, weight)| vote / weight.max(f32::MIN_POSITIVE));
        out.inside.extend(shares);
        let (alike, sum) = (out.inside.iter().zip(&self.likeness))
            .fold((0.0, 0.0), |(alike, sum), (inside, likeness)| (alike + inside * likeness, sum + inside));
        out.likeness = if sum > 0.0 { alike / sum } else { 0.0 };
        if any {
            enlarge(&present, &out.inside, size, &mut out.logits);
        }
        any
    }
}

/// Shares of a map's cells as logits on a finer grid of `size`, bilinear between the centres of the cells.
fn enlarge(map: &FeatureMap, shares: &[f32], size: Size, out: &mut LowResLogits) {
    out.size = size;
    out.data.clear();
    out.data.resize(size.area(), -MASK_PROMPT_LOGIT);
    let (columns, rows) = map.grid();
    let (width, height) = (map.width(), map.height());
    let axis = |at: usize, of: u32, cells: usize, shown: usize| {
        Between::cells((at as f32 + 0.5) * cells as f32 / of as f32, shown)
    };
    // The cells of the finer grid that lie over cells that show the frame.
    let shown = |of: u32, cells: usize, shown: usize| (of as usize * shown).div_ceil(cells).min(of as usize);
    let (right, bottom) = (shown(size.width, columns, width), shown(size.height, rows, height));
    for (y, row) in out.data.chunks_exact_mut(size.width.max(1) as usize).take(bottom).enumerate() {
        let down = axis(y, size.height, rows, height);
        let (upper, lower) = (&shares[down.first * width..][..width], &shares[down.second * width..][..width]);
        for (x, logit) in row[..right].iter_mut().enumerate() {
            let across = axis(x, size.width, columns, width);
            let share = down.value(across.of(upper), across.of(lower));
            *logit = ((share + DOUBT) / (1.0 - share + DOUBT)).ln();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Tensor;
    use crate::geometry::Letterbox;

    const CELLS: usize = 8;
    const SIZE: Size = Size::new(32, 32);

    /// A frame of 8x8 cells in which the object lies at column `x` (two cells wide, at half height) on a plain ground.
    fn frame(x: usize) -> Embedding {
        let object = |cell: usize| (x..x + 2).contains(&(cell % CELLS)) && (3..5).contains(&(cell / CELLS));
        let value = |i: usize| {
            let (channel, cell) = (i / CELLS.pow(2), i % CELLS.pow(2));
            // A ground that varies a little, so that no direction is that of noise.
            let ground = ((cell * 7) % 5) as f32 * 0.05;
            match channel {
                0 => ground + if object(cell) { 1.0 } else { 0.0 },
                1 => ground + if object(cell) { 0.0 } else { 1.0 },
                _ => ground,
            }
        };
        let data: Vec<f32> = (0..3 * CELLS.pow(2)).map(value).collect();
        Embedding {
            letterbox: Letterbox::new(Size::new(64, 64), Size::new(64, 64)),
            tensors: vec![Tensor::from_f32(&[1, 3, CELLS, CELLS], &data).unwrap()],
            ..Embedding::empty()
        }
    }

    fn mask(x: usize) -> LowResLogits {
        let inside = |i: usize| (x * 4..x * 4 + 8).contains(&(i % 32)) && (12..20).contains(&(i / 32));
        LowResLogits { size: SIZE, data: (0..SIZE.area()).map(|i| if inside(i) { 8.0 } else { -8.0 }).collect() }
    }

    fn center(logits: &LowResLogits) -> f32 {
        let inside: Vec<usize> = (0..logits.data.len()).filter(|i| logits.data[*i] > 0.0).map(|i| i % 32).collect();
        inside.iter().sum::<usize>() as f32 / inside.len() as f32 + 0.5
    }

    #[test]
    fn a_thing_that_moved_is_expected_where_it_went() {
        let mut recall = Recall::default();
        let mut memory = Memory::default();
        memory.begin(recall.map_of(&frame(1)).as_ref(), &mask(1));
        let mut expected = Expectation::default();
        recall.begin(&frame(4));
        assert!(recall.expect(&memory, false, SIZE, &mut expected));
        assert!((center(&expected.logits) - 20.0).abs() < 1.0, "{}", center(&expected.logits));
        let map = recall.present().unwrap();
        assert!(expected.agreement(map, &mask(4)) > 0.8 && expected.agreement(map, &mask(1)) < 0.2);
    }

    #[test]
    fn maps_are_used_again_and_their_number_is_bounded() {
        let mut recall = Recall::default();
        let mut memory = Memory::default();
        memory.begin(recall.map_of(&frame(0)).as_ref(), &mask(0));
        let mut expected = Expectation::default();
        for n in 0..200 {
            recall.begin(&frame(n % 6));
            recall.expect(&memory, false, SIZE, &mut expected);
            memory.add(recall.present(), &mask(n % 6));
        }
        // The first, the last, and the present frame's.
        assert!(recall.maps.len() <= 4 && recall.spare.len() + recall.compared.len() <= 3, "{}", recall.maps.len());
    }

    #[test]
    fn without_features_nothing_is_expected() {
        let mut recall = Recall::default();
        let mut memory = Memory::default();
        memory.begin(recall.map_of(&Embedding::empty()).as_ref(), &mask(0));
        recall.begin(&frame(0));
        assert!(!recall.expect(&memory, true, SIZE, &mut Expectation::default()));
        memory.begin(recall.map_of(&frame(0)).as_ref(), &mask(0));
        recall.begin(&Embedding::empty());
        assert!(!recall.expect(&memory, true, SIZE, &mut Expectation::default()));
    }
}
