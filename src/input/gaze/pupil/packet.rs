/// What Neon and Invisible send for one measurement, in pixels of the scene camera's frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GazePacket {
    /// Pixels from the left edge.
    pub x: f32,
    /// Pixels from the top edge.
    pub y: f32,
    /// The glasses are on a head.
    pub worn: bool,
}

/// Offsets of a gaze point's x, y, and of the byte that is 255 while worn.
const POINT: [usize; 3] = [0, 4, 8];
/// Offsets of the second eye's point where each eye has its own.
const SECOND: [usize; 2] = [9, 13];

impl GazePacket {
    /// Reads a payload: floats in network byte order, the layouts distinguished by their length.
    ///
    /// | bytes | content |
    /// |---|---|
    /// | 9 | x, y, worn |
    /// | 17 | x and y of the left eye, worn, x and y of the right eye: the mean of both is given |
    /// | 25 | x, y, worn, then both eyes' own points |
    /// | 65 | x, y, worn, then pupil diameter, eyeball centre and optical axis of each eye |
    /// | 89 | the same, then the lids' angles and aperture of each eye |
    /// | 105 | the same, then both eyes' own points |
    ///
    /// `None` for any other length.
    pub fn parse(payload: &[u8]) -> Option<GazePacket> {
        let float = |at: usize| {
            let bytes = payload.get(at..at + 4)?;
            Some(f32::from_be_bytes(bytes.try_into().ok()?))
        };
        let [x, y, worn] = POINT;
        let (mut x, mut y, worn) = (float(x)?, float(y)?, *payload.get(worn)? == 255);
        match payload.len() {
            9 | 25 | 65 | 89 | 105 => {}
            17 => {
                let [right_x, right_y] = SECOND;
                x = (x + float(right_x)?) / 2.0;
                y = (y + float(right_y)?) / 2.0;
            }
            _ => return None,
        }
        Some(GazePacket { x, y, worn })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_lengths_are_refused() {
        let known = [9, 17, 25, 65, 89, 105];
        for length in 0..200 {
            assert_eq!(GazePacket::parse(&vec![0; length]).is_some(), known.contains(&length), "{length}");
        }
    }
}
