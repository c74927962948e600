//! The marker segments of an image (ITU-T T.81, B.1.1.4).

/// A marker, and what its segment holds.
pub(super) struct Segment<'a> {
    /// Where the marker begins.
    pub at: usize,
    pub marker: u8,
    /// Without its length; empty for a marker that has none.
    pub body: &'a [u8],
}

/// Walks from marker to marker.
pub(super) struct Segments<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Segments<'a> {
    pub fn new(data: &'a [u8]) -> Result<Self, &'static str> {
        if !data.starts_with(&[0xff, 0xd8]) {
            return Err("it does not begin like a JPEG image");
        }
        Ok(Segments { data, at: 2 })
    }

    /// Behind the segment given last.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Goes on at a marker further on.
    pub fn go_on(&mut self, at: usize) {
        self.at = at;
    }

    /// # Errors
    /// The data ends first, or something else stands where a marker must.
    pub fn next(&mut self) -> Result<Segment<'a>, &'static str> {
        const CUT: &str = "it ends within its headers";
        loop {
            let (at, data) = (self.at, self.data);
            let marker = match data.get(at..at + 2).ok_or(CUT)? {
                // Any number of fill bytes may stand before a marker.
                [0xff, 0xff] => {
                    self.at += 1;
                    continue;
                }
                &[0xff, marker] => marker,
                _ => return Err("a marker is missing between its headers"),
            };
            match marker {
                // Markers without a segment.
                0x01 | 0xd0..=0xd8 => self.at += 2,
                0xd9 => {
                    self.at += 2;
                    return Ok(Segment { at, marker, body: &[] });
                }
                _ => {
                    let length = data.get(at + 2..).and_then(|rest| rest.first_chunk()).ok_or(CUT)?;
                    self.at += 2 + usize::from(u16::from_be_bytes(*length));
                    return Ok(Segment { at, marker, body: data.get(at + 4..self.at).ok_or(CUT)? });
                }
            }
        }
    }
}
