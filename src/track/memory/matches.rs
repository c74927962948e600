use super::FeatureMap;

/// Cells that are remembered of each comparison: the most alike.
const BEST: usize = 8;
/// A cell is looked for in the square that reaches so many cells to each side of its own place, unless it may be anywhere.
const REACH: usize = 6;
/// What makes the weight of a match e times smaller: the step in cosine.
const TEMPERATURE: f32 = 0.05;

/// For every cell of one map, the cells of another that are most alike, and how much each counts.
#[derive(Debug, Default)]
pub(super) struct Matches {
    /// [`BEST`] for each cell, the best first; weight 0 where there are fewer.
    found: Vec<(u32, f32)>,
    /// The cosine of the best one of each cell.
    nearest: Vec<f32>,
}

impl Matches {
    /// Looks for each cell of `present` in `past`: near its own place, or anywhere.
    pub fn find(&mut self, present: &FeatureMap, past: &FeatureMap, anywhere: bool, cosines: &mut Vec<f32>) {
        self.found.clear();
        self.nearest.clear();
        let stride = present.cosines(past, cosines);
        if cosines.is_empty() {
            return;
        }
        let (width, height) = (past.width(), past.height());
        for (cell, row) in cosines.chunks_exact(stride).enumerate() {
            let mut best = [(0u32, f32::NEG_INFINITY); BEST];
            let (x, y) = (cell % present.width(), cell / present.width());
            let span = |at: usize, limit: usize| {
                if anywhere { 0..limit } else { at.saturating_sub(REACH).min(limit)..(at + REACH + 1).min(limit) }
            };
            let across = span(x, width);
            for v in span(y, height) {
                let line = v * width + across.start;
                for (index, &cosine) in (line..).zip(&row[line..v * width + across.end]) {
                    if cosine > best[BEST - 1].1 {
                        let mut place = BEST - 1;
                        while place > 0 && best[place - 1].1 < cosine {
                            best[place] = best[place - 1];
                            place -= 1;
                        }
                        best[place] = (index as u32, cosine);
                    }
                }
            }
            self.nearest.push(best[0].1);
            self.found.extend(best.map(|(index, cosine)| (index, ((cosine - 1.0) / TEMPERATURE).exp())));
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
