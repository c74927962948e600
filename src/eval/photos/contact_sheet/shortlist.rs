use super::thumbnail::Thumbnail;

/// Most thumbnails on a sheet.
pub const PLACES: usize = 20;

/// Thumbnails kept at once: at most 44 MB of them.
const KEPT: usize = 256;

/// The thumbnails that may come to stand on a sheet, in bounded memory.
///
/// The highest and lowest are exact for sets of any length; the middle ones are exact up to 256 objects and then those
/// near the median of what was seen so far, which an even order of photos keeps true.
#[derive(Debug)]
pub struct Shortlist {
    /// Ascending by IoU.
    kept: Vec<Thumbnail>,
    /// The IoUs of everything seen, ascending.
    seen: Vec<f64>,
    /// How many were dropped from below the middle.
    dropped_below: usize,
    limit: usize,
}

impl Default for Shortlist {
    fn default() -> Self {
        Shortlist { kept: Vec::new(), seen: Vec::new(), dropped_below: 0, limit: KEPT }
    }
}

impl Shortlist {
    pub fn add(&mut self, thumbnail: Thumbnail) {
        let iou = thumbnail.iou;
        self.seen.insert(self.seen.partition_point(|seen| *seen <= iou), iou);
        self.kept.insert(self.kept.partition_point(|t| t.iou <= iou), thumbnail);
        if self.kept.len() <= self.limit.max(3 * PLACES) {
            return;
        }
        // Neither end may go; of the two next to them, the one farther from the middle does.
        let (low, high) = (PLACES, self.kept.len() - 1 - PLACES);
        let median = self.seen[self.seen.len() / 2];
        let distance = |at: usize| (self.kept[at].iou - median).abs();
        let below = distance(low) >= distance(high);
        self.kept.remove(if below { low } else { high });
        self.dropped_below += below as usize;
    }

    /// The highest IoUs, from the highest down.
    pub fn best(&self) -> impl Iterator<Item = &Thumbnail> {
        self.kept.iter().rev().take(PLACES)
    }

    /// Those around the median, from the highest down.
    pub fn median(&self) -> impl Iterator<Item = &Thumbnail> {
        let first = (self.seen.len().saturating_sub(PLACES) / 2).saturating_sub(self.dropped_below);
        let first = first.min(self.kept.len().saturating_sub(PLACES));
        self.kept[first..].iter().take(PLACES).rev()
    }

    /// The lowest IoUs, from the lowest up.
    pub fn worst(&self) -> impl Iterator<Item = &Thumbnail> {
        self.kept.iter().take(PLACES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    /// A list of at most `limit` that was given `0..count` in a scattered order, each divided by `count`.
    fn filled(count: usize, limit: usize) -> Shortlist {
        let mut list = Shortlist { limit, ..Shortlist::default() };
        for i in 0..count {
            let rank = i * 389 % count;
            let (size, rgb) = (Size::new(1, 1), vec![0; 3]);
            list.add(Thumbnail { size, rgb, iou: rank as f64 / count as f64, name: rank.to_string() });
            assert!(list.kept.len() <= limit && list.kept.is_sorted_by_key(|t| t.iou));
        }
        list
    }

    fn ranks<'a>(thumbnails: impl Iterator<Item = &'a Thumbnail>) -> Vec<usize> {
        thumbnails.map(|t| t.name.parse().unwrap()).collect()
    }

    #[test]
    fn the_ends_and_the_middle_are_exact_while_all_are_kept() {
        let list = filled(100, 256);
        assert_eq!(ranks(list.best()), (80..100).rev().collect::<Vec<_>>());
        assert_eq!(ranks(list.median()), (40..60).rev().collect::<Vec<_>>());
        assert_eq!(ranks(list.worst()), (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn a_long_set_keeps_its_ends_and_a_middle() {
        let list = filled(1000, 100);
        assert_eq!(ranks(list.best()), (980..1000).rev().collect::<Vec<_>>());
        assert_eq!(ranks(list.worst()), (0..20).collect::<Vec<_>>());
        assert_eq!(ranks(list.median()), (490..510).rev().collect::<Vec<_>>());
    }

    #[test]
    fn a_short_set_stands_on_every_sheet() {
        let list = filled(7, 256);
        assert_eq!((ranks(list.best()).len(), ranks(list.median()).len(), ranks(list.worst()).len()), (7, 7, 7));
        assert_eq!(filled(0, 256).median().count(), 0);
    }
}
