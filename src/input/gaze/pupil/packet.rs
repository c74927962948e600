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
    /// | 17 | x and y of the left eye, worn, x and y of the right eye: the mean of both is given, or that of one eye if the other's is not a number |
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
                let (right_x, right_y) = (float(right_x)?, float(right_y)?);
                // One eye that is seen says where both look.
                (x, y) = match (x.is_finite() && y.is_finite(), right_x.is_finite() && right_y.is_finite()) {
                    (true, false) => (x, y),
                    (false, true) => (right_x, right_y),
                    _ => ((x + right_x) / 2.0, (y + right_y) / 2.0),
                };
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
    fn one_eye_stands_for_two() {
        let packet = |left: [f32; 2], right: [f32; 2]| {
            let floats = |values: [f32; 2]| values.map(f32::to_be_bytes).concat();
            let found = GazePacket::parse(&[floats(left), vec![255], floats(right)].concat()).unwrap();
            [found.x, found.y]
        };
        let lost = [f32::NAN, 4.0];
        assert_eq!(packet([1.0, 2.0], [3.0, 6.0]), [2.0, 4.0]);
        assert_eq!(packet(lost, [3.0, 6.0]), [3.0, 6.0]);
        assert_eq!(packet([1.0, 2.0], [f32::INFINITY, 6.0]), [1.0, 2.0]);
        assert!(packet(lost, lost)[0].is_nan());
    }

    #[test]
    fn other_lengths_are_refused() {
        let known = [9, 17, 25, 65, 89, 105];
        for length in 0..200 {
            assert_eq!(GazePacket::parse(&vec![0; length]).is_some(), known.contains(&length), "{length}");
        }
    }
}
