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
            for v in span(y, present.height(), height) {
                let stride = present.cosines(y, past, v, cosines);
                for (x, (best, row)) in self.row.iter_mut().zip(cosines.chunks_exact(stride)).enumerate() {
                    let across = span(x, present.width(), width);
                    for (u, &cosine) in across.clone().zip(&row[across]) {
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
