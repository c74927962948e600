use super::FeatureMap;

/// Cells that are remembered of each comparison: the most alike.
const BEST: usize = 8;
/// A cell is looked for in the square that reaches so many cells to each side of its own place, unless it may be anywhere.
const REACH: usize = 6;
/// What makes the weight of a match e times smaller: the step in cosine.
const TEMPERATURE: f32 = 0.05;

type Best = [(u32, f32); BEST];

/// For every cell of one map, the cells of another that are most alike, and how much each counts.
#[derive(Debug, Default)]
pub(super) struct Matches {
    /// [`BEST`] for each cell, the best first; weight 0 where there are fewer.
    found: Vec<(u32, f32)>,
    /// The cosine of the best one of each cell.
    nearest: Vec<f32>,
    /// Those of one row while it is compared.
    row: Vec<Best>,
}

impl Matches {
    /// Looks for each cell of `present` in `past`: near its own place, or anywhere.
    pub fn find(&mut self, present: &FeatureMap, past: &FeatureMap, anywhere: bool, cosines: &mut Vec<f32>) {
        self.found.clear();
        self.nearest.clear();
        let (width, height) = (past.width(), past.height());
        // The two may be of different sizes: a place is the same share of either.
        let span = |at: usize, of: usize, limit: usize| {
            if anywhere {
                return 0..limit;
            }
            let at = at * limit / of.max(1);
            at.saturating_sub(REACH).min(limit)..(at + REACH + 1).min(limit)
        };
        for y in 0..present.height() {
            self.row.clear();
            self.row.resize(present.width(), [(0, f32::NEG_INFINITY); BEST]);
            // The nearest rows first: what is alike mostly lies there, and of the others little need be looked at closely.
            let (rows, own) = (span(y, present.height(), height), y * height / present.height().max(1));
            let by_distance =
                (0..height).flat_map(|step| [own.checked_sub(step), Some(own + step).filter(|_| step > 0)]);
            for v in by_distance.flatten().filter(|v| rows.contains(v)) {
                let stride = present.cosines(y, past, v, cosines);
                for (x, (best, row)) in self.row.iter_mut().zip(cosines.chunks_exact(stride)).enumerate() {
                    let across = span(x, present.width(), width);
                    let (least, near) = (best[BEST - 1].1, &row[across.clone()]);
                    if !near.iter().fold(false, |any, cosine| any | (*cosine > least)) {
                        continue;
                    }
                    for (u, &cosine) in across.zip(near) {
                        insert(best, ((v * width + u) as u32, cosine));
                    }
                }
            }
            for best in &self.row {
                self.nearest.push(best[0].1);
                self.found.extend(best.map(|(index, cosine)| (index, ((cosine - 1.0) / TEMPERATURE).exp())));
            }
        }
    }

    /// Adds to each cell of the present map the weights of its matches, and those times what `inside` says of the cell
    /// matched; raises `likeness` to the cosine of its best match.
    pub fn vote(&self, inside: &[f32], [weights, votes, likeness]: [&mut [f32]; 3]) {
        for (likeness, nearest) in likeness.iter_mut().zip(&self.nearest) {
            *likeness = likeness.max(*nearest);
        }
        for ((found, weight), vote) in self.found.chunks_exact(BEST).zip(weights).zip(votes) {
            for (index, share) in found {
                let Some(inside) = inside.get(*index as usize) else { continue };
                *weight += share;
                *vote += share * inside;
            }
        }
    }
}

/// Puts `new` into its place among the best, if it is one of them; of equals the first stays ahead.
fn insert(best: &mut Best, new: (u32, f32)) {
    if new.1 > best[BEST - 1].1 {
        let mut place = BEST - 1;
        while place > 0 && best[place - 1].1 < new.1 {
            best[place] = best[place - 1];
            place -= 1;
        }
        best[place] = new;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Tensor;
    use crate::geometry::{Letterbox, Size};
    use crate::model::Embedding;

    fn map(width: usize, height: usize, seed: u32) -> FeatureMap {
        let mut state = seed;
        let mut value = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 20) as f32 / 2048.0 - 1.0
        };
        let data: Vec<f32> = (0..5 * width * height).map(|_| value()).collect();
        let size = Size::new(width as u32 * 8, height as u32 * 8);
        let tensors = vec![Tensor::from_f32(&[1, 5, height, width], &data).unwrap()];
        let mut map = FeatureMap::default();
        assert!(map.fill(&Embedding { letterbox: Letterbox::new(size, size), tensors, ..Embedding::empty() }));
        map
    }

    /// The definition: of all cells in reach, the most alike.
    #[test]
    fn the_most_alike_of_all_in_reach_are_found() {
        for (present, past, anywhere) in [
            ((20, 17), (20, 17), false),
            ((20, 17), (20, 17), true),
            ((9, 20), (18, 10), false),
            ((3, 2), (4, 3), true),
        ] {
            let (a, b) = (map(present.0, present.1, 1), map(past.0, past.1, 2));
            let (mut matches, mut cosines) = (Matches::default(), Vec::new());
            matches.find(&a, &b, anywhere, &mut cosines);
            for cell in 0..present.0 * present.1 {
                let (x, y) = (cell % present.0 * past.0 / present.0, cell / present.0 * past.1 / present.1);
                let mut all: Vec<f32> = Vec::new();
                for v in (0..past.1).filter(|v| anywhere || v.abs_diff(y) <= REACH) {
                    let stride = a.cosines(cell / present.0, &b, v, &mut cosines);
                    let row = &cosines[cell % present.0 * stride..][..past.0];
                    all.extend((0..past.0).filter(|u| anywhere || u.abs_diff(x) <= REACH).map(|u| row[u]));
                }
                all.sort_by(|a, b| b.total_cmp(a));
                assert_eq!(matches.nearest[cell], all[0]);
                let weights = matches.found[cell * BEST..][..BEST].iter().map(|(_, weight)| *weight);
                let expected = all.iter().copied().chain(std::iter::repeat(f32::NEG_INFINITY)).take(BEST);
                let expected = expected.map(|cosine| ((cosine - 1.0) / TEMPERATURE).exp());
                assert!(weights.eq(expected), "cell {cell}");
            }
        }
    }
}
