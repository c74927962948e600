use crate::geometry::{Point, Region};

/// A cell of a grid: column and row.
pub type Cell = (u32, u32);

/// The middle of `cell` of a grid of `side` x `side` cells over `region`, in pixels of the frame.
pub fn point(region: Region, side: u32, (column, row): Cell) -> Point {
    let at = |cell: u32, from: u32, length: u32| from as f32 + (cell as f32 + 0.5) / side as f32 * length as f32;
    Point::new(at(column, region.x, region.size.width), at(row, region.y, region.size.height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    #[test]
    fn points_lie_in_the_middle_of_their_cells() {
        let region = Region { x: 10, y: 0, size: Size::new(40, 20) };
        assert_eq!(point(region, 2, (0, 0)), Point::new(20.0, 5.0));
        assert_eq!(point(region, 2, (1, 1)), Point::new(40.0, 15.0));
        assert_eq!(point(region, 1, (0, 0)), Point::new(30.0, 10.0));
    }
}
