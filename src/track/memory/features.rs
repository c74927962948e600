use crate::engine::Columns;
use crate::model::Embedding;

/// What an embedding says about each cell of its grid that shows the frame, as a vector of unit length.
///
/// The mean over the frame is taken off first: it is what all cells have in common, and says nothing about which is which.
#[derive(Debug, Default)]
pub struct FeatureMap {
    /// Columns and rows of cells that show the frame.
    width: usize,
    height: usize,
    /// Columns and rows of the whole grid, padding included.
    grid: (usize, usize),
    channels: usize,
    /// Cell after cell, row by row.
    rows: Vec<f32>,
    /// The same row by row of cells, each row with channels first.
    lines: Vec<f32>,
    /// What [`Self::cosines`] multiplies: a matrix for each row of cells.
    columns: Vec<Columns>,
}

impl FeatureMap {
    /// Overwrites the map with the tensor of `embedding` that is a grid [1, channels, height, width] of `f32`, the one of the
    /// fewest cells where several are. False, and a map without cells, if it has none.
    pub fn fill(&mut self, embedding: &Embedding) -> bool {
        (self.width, self.height) = (0, 0);
        let grids = embedding.tensors.iter().filter_map(|t| match *t.shape() {
            [1, channels, height, width] if channels * height * width > 0 => {
                t.as_f32().map(|data| (data, channels, height, width))
            }
            _ => None,
        });
        let grid = grids.min_by_key(|(_, _, height, width)| height * width);
        let Some((data, channels, height, width)) = grid else { return false };
        let letterbox = &embedding.letterbox;
        let shown = |content: u32, input: u32, cells: usize| {
            (content as usize * cells).div_ceil(input.max(1) as usize).clamp(1, cells)
        };
        let (w, h) = (
            shown(letterbox.content.width, letterbox.input.width, width),
            shown(letterbox.content.height, letterbox.input.height, height),
        );
        let cells = w * h;
        self.lines.clear();
        self.lines.resize(cells * channels, 0.0);
        for (channel, plane) in data.chunks_exact(width * height).enumerate() {
            let shown = || plane.chunks_exact(width).take(h).map(|row| &row[..w]);
            let mean = shown().flatten().sum::<f32>() / cells as f32;
            for (y, row) in shown().enumerate() {
                let line = &mut self.lines[(y * channels + channel) * w..][..w];
                line.iter_mut().zip(row).for_each(|(to, from)| *to = from - mean);
            }
        }
        self.rows.clear();
        self.rows.resize(cells * channels, 0.0);
        for (cell, row) in self.rows.chunks_exact_mut(channels).enumerate() {
            let at = |channel: usize| (cell / w * channels + channel) * w + cell % w;
            let mut squares = 0.0;
            for (channel, value) in row.iter_mut().enumerate() {
                *value = self.lines[at(channel)];
                squares += *value * *value;
            }
            let unit = 1.0 / (squares.sqrt() + 1e-6);
            for (channel, value) in row.iter_mut().enumerate() {
                *value *= unit;
                self.lines[at(channel)] = *value;
            }
        }
        (self.width, self.height, self.grid, self.channels) = (w, h, (width, height), channels);
        self.columns.resize_with(h, Columns::new);
        let lines = self.lines.chunks_exact(channels * w);
        self.columns.iter_mut().zip(lines).all(|(columns, line)| columns.pack(line, channels, w))
    }

    /// Columns of cells that show the frame.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows of cells that show the frame.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns and rows of the whole grid, padding included.
    pub fn grid(&self) -> (usize, usize) {
        self.grid
    }

    /// True if cells of the two can be compared.
    pub fn is_like(&self, other: &FeatureMap) -> bool {
        self.channels == other.channels && self.width > 0 && other.width > 0
    }

    /// The cosine of every cell of row `y` here with every cell of row `v` of `other`, into `out`; gives back the floats from
    /// one cell here to the next. Nothing, if there are no such rows or they cannot be compared.
    pub fn cosines(&self, y: usize, other: &FeatureMap, v: usize, out: &mut Vec<f32>) -> usize {
        let stride = self.width * self.channels;
        let (Some(row), Some(columns)) = (self.rows.get(y * stride..(y + 1) * stride), other.columns.get(v)) else {
            out.clear();
            return 1;
        };
        columns.dot(row, out);
        columns.stride()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Tensor;
    use crate::geometry::{Letterbox, Size};

    /// An embedding of 4x4 cells over a 64x48 frame, so that three rows show it.
    pub(in crate::track) fn embedding(value: impl Fn(usize, usize) -> f32) -> Embedding {
        let data: Vec<f32> = (0..3 * 16).map(|i| value(i / 16, i % 16)).collect();
        Embedding {
            letterbox: Letterbox::new(Size::new(64, 48), Size::new(64, 64)),
            tensors: vec![Tensor::from_f32(&[1, 3, 4, 4], &data).unwrap()],
            ..Embedding::empty()
        }
    }

    #[test]
    fn cells_are_compared_by_direction() {
        let mut map = FeatureMap::default();
        assert!(map.fill(&embedding(|channel, cell| ((channel * 7 + cell * 5) % 11) as f32)));
        assert_eq!((map.width(), map.height(), map.grid()), (4, 3, (4, 4)));
        let mut all = vec![0.0; 12 * 12];
        for (y, v) in (0..3).flat_map(|y| (0..3).map(move |v| (y, v))) {
            let mut cosines = Vec::new();
            let stride = map.cosines(y, &map, v, &mut cosines);
            for (x, u) in (0..4).flat_map(|x| (0..4).map(move |u| (x, u))) {
                all[(y * 4 + x) * 12 + v * 4 + u] = cosines[x * stride + u];
            }
        }
        for a in 0..12 {
            assert!((all[a * 12 + a] - 1.0).abs() < 1e-3, "itself");
            for b in 0..12 {
                let c = all[a * 12 + b];
                assert!((-1.001..=1.001).contains(&c) && (c - all[b * 12 + a]).abs() < 1e-4);
            }
        }
        let mut nothing = vec![1.0];
        map.cosines(3, &map, 0, &mut nothing);
        assert!(nothing.is_empty());
    }

    #[test]
    fn an_embedding_without_a_grid_has_no_map() {
        let mut map = FeatureMap::default();
        assert!(!map.fill(&Embedding::empty()));
        assert!(!map.is_like(&map));
    }
}
