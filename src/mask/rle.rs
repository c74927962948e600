//! Run lengths of a mask as COCO writes them.

use std::fmt::{self, Write};

use serde::de::Error as _;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Mask;
use crate::error::ImageError;
use crate::geometry::Size;

/// Longest side of a mask that is read, in pixels.
const MAX_SIDE: u32 = 16_384;

/// A mask as run lengths, down the columns from the left, of clear and set pixels in turn, clear first.
///
/// As JSON it is `{"size":[height,width],"counts":"…"}`, with the counts compressed exactly as pycocotools does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rle {
    size: Size,
    /// Add up to the number of pixels.
    counts: Vec<u32>,
}

impl Rle {
    /// The run lengths of `mask`.
    ///
    /// # Panics
    /// If the mask has 2^32 pixels or more.
    pub fn from_mask(mask: &Mask) -> Self {
        let mut rle = Rle::default();
        rle.encode(mask);
        rle
    }

    /// Takes the run lengths of `mask`, reusing the buffer.
    ///
    /// # Panics
    /// If the mask has 2^32 pixels or more.
    pub fn encode(&mut self, mask: &Mask) {
        self.size = mask.size();
        self.counts.clear();
        let (width, height) = (mask.size().width as usize, mask.size().height as usize);
        let area = u32::try_from(mask.size().area()).expect("masks have fewer than 2^32 pixels");
        if area == 0 {
            return;
        }
        // First the positions, down the columns, where a pixel differs from the one before. The rows are read in their
        // own order; few positions are left to be sorted.
        let (first, last) = (mask.row(0), mask.row(height as u32 - 1));
        let before_first = std::iter::once(&0).chain(last);
        for (x, (pixel, before)) in first.iter().zip(before_first).enumerate() {
            if pixel != before {
                self.counts.push((x * height) as u32);
            }
        }
        for (y, rows) in mask.data().windows(2 * width).step_by(width).enumerate() {
            let (above, below) = rows.split_at(width);
            each_difference(above, below, |x| self.counts.push((x * height + y + 1) as u32));
        }
        self.counts.sort_unstable();
        // Then the lengths between them.
        let mut before = 0;
        for count in &mut self.counts {
            (*count, before) = (*count - before, *count);
        }
        self.counts.push(area - before);
    }

    /// Reads compressed counts.
    ///
    /// # Errors
    /// If a side is zero or absurd, or the string is not one that pycocotools writes for a mask of this size.
    pub fn parse(size: Size, counts: &str) -> Result<Self, ImageError> {
        if size.area() == 0 || size.width.max(size.height) > MAX_SIDE {
            return Err(ImageError::AbsurdSize { what: "COCO RLE".into(), size, limit: MAX_SIDE });
        }
        let refuse = |reason: String| ImageError::Rle { size, reason };
        let mut rle = Rle { size, counts: Vec::new() };
        let mut total = 0u64;
        let mut bytes = counts.bytes();
        while let Some(delta) = read_number(&mut bytes).map_err(|reason| refuse(reason.into()))? {
            let index = rle.counts.len();
            // From the fourth on, a count is written as the difference from the last but one.
            let base = if index > 2 { rle.counts[index - 2] as i64 } else { 0 };
            let count = u32::try_from(base + delta).map_err(|_| refuse(format!("run {index} has a bad length")))?;
            total += count as u64;
            if total > size.area() as u64 {
                return Err(refuse("the runs are longer than the picture".into()));
            }
            rle.counts.push(count);
        }
        if total != size.area() as u64 {
            return Err(refuse(format!("the runs cover {total} pixels only")));
        }
        Ok(rle)
    }

    /// Writes the mask into `out`, reusing its buffer.
    pub fn decode(&self, out: &mut Mask) {
        out.reset(self.size);
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let data = out.data_mut();
        let mut at = 0;
        for (index, count) in self.counts.iter().enumerate() {
            let end = at + *count as usize;
            if index % 2 == 1 {
                while at < end {
                    let (x, y) = (at / height, at % height);
                    let rows = (end - at).min(height - y);
                    data[y * width + x..].iter_mut().step_by(width).take(rows).for_each(|pixel| *pixel = 1);
                    at += rows;
                }
            }
            at = end;
        }
    }

    /// Columns and rows of the mask, in pixels.
    pub fn size(&self) -> Size {
        self.size
    }

    /// The run lengths, clear pixels first.
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// Number of set pixels.
    pub fn area(&self) -> usize {
        self.counts.iter().skip(1).step_by(2).map(|count| *count as usize).sum()
    }

    /// Appends the compressed counts to `out`.
    pub fn write_counts(&self, out: &mut String) {
        // Writing to a string cannot fail.
        let _ = write!(out, "{}", Counts(&self.counts));
    }
}

/// Calls `found` with every index where the rows differ, from left to right.
fn each_difference(above: &[u8], below: &[u8], mut found: impl FnMut(usize)) {
    let (words_above, rest_above) = above.as_chunks::<8>();
    let (words_below, rest_below) = below.as_chunks::<8>();
    for (word, (a, b)) in words_above.iter().zip(words_below).enumerate() {
        if a != b {
            (0..8).filter(|i| a[*i] != b[*i]).for_each(|i| found(word * 8 + i));
        }
    }
    let start = above.len() - rest_above.len();
    for (offset, (a, b)) in rest_above.iter().zip(rest_below).enumerate() {
        if a != b {
            found(start + offset);
        }
    }
}

/// Reads one number: five bits a character from `0` on, the lowest first; the sixth bit says that more follow, the
/// fifth of the last is the sign. `None` at the end of the string.
fn read_number(bytes: &mut impl Iterator<Item = u8>) -> Result<Option<i64>, &'static str> {
    let mut value = 0i64;
    let mut shift = 0;
    let Some(mut byte) = bytes.next() else { return Ok(None) };
    loop {
        let bits = byte.checked_sub(48).filter(|bits| *bits < 64).ok_or("a character is none of `0` to `o`")?;
        value |= ((bits & 0x1f) as i64) << shift;
        shift += 5;
        if bits & 0x20 == 0 {
            let negative = bits & 0x10 != 0;
            return Ok(Some(if negative { value | (-1 << shift) } else { value }));
        }
        if shift >= 35 {
            return Err("a number is too long");
        }
        byte = bytes.next().ok_or("the string ends within a number")?;
    }
}

/// The compressed form of run lengths.
struct Counts<'a>(&'a [u32]);

impl fmt::Display for Counts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, count) in self.0.iter().enumerate() {
            let base = if index > 2 { self.0[index - 2] as i64 } else { 0 };
            let mut rest = *count as i64 - base;
            loop {
                let bits = (rest & 0x1f) as u8;
                rest >>= 5;
                let more = if bits & 0x10 != 0 { rest != -1 } else { rest != 0 };
                f.write_char((48 + bits + if more { 0x20 } else { 0 }) as char)?;
                if !more {
                    break;
                }
            }
        }
        Ok(())
    }
}

impl Serialize for Counts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Rle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Rle", 2)?;
        object.serialize_field("size", &[self.size.height, self.size.width])?;
        object.serialize_field("counts", &Counts(&self.counts))?;
        object.end()
    }
}

impl<'de> Deserialize<'de> for Rle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Object<'a> {
            size: [u32; 2],
            #[serde(borrow)]
            counts: std::borrow::Cow<'a, str>,
        }
        let Object { size: [height, width], counts } = Object::deserialize(deserializer)?;
        Rle::parse(Size::new(width, height), &counts).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::masks;
    use super::*;

    fn compressed(rle: &Rle) -> String {
        let mut text = String::new();
        rle.write_counts(&mut text);
        text
    }

    fn hotcoco_of(mask: &Mask) -> hotcoco::Rle {
        let size = mask.size();
        let columns: Vec<u8> = (0..size.width)
            .flat_map(|x| (0..size.height).map(move |y| (x, y)))
            .map(|(x, y)| mask.row(y)[x as usize])
            .collect();
        hotcoco::mask::encode(&columns, size.height, size.width).unwrap()
    }

    proptest! {
        #[test]
        fn agrees_with_hotcoco_and_comes_back(given in prop::collection::vec(masks(), 1..3)) {
            let (mut rle, mut back) = (Rle::default(), Mask::default());
            for mask in given {
                rle.encode(&mask);
                let theirs = hotcoco_of(&mask);
                prop_assert_eq!(rle.counts(), &theirs.counts[..]);
                let text = compressed(&rle);
                prop_assert_eq!(&text, &hotcoco::mask::rle_to_string(&theirs));
                prop_assert_eq!(rle.area(), mask.area());
                let parsed = Rle::parse(mask.size(), &text).unwrap();
                parsed.decode(&mut back);
                prop_assert_eq!(&back, &mask);
                let json = serde_json::to_string(&rle).unwrap();
                prop_assert_eq!(&serde_json::from_str::<Rle>(&json).unwrap(), &rle);
            }
        }

        #[test]
        fn hostile_strings_are_refused_or_sound(
            width in 1u32..12,
            height in 1u32..12,
            text in prop_oneof!["[0-o]{0,12}", ".{0,8}"],
        ) {
            if let Ok(rle) = Rle::parse(Size::new(width, height), &text) {
                let mut mask = Mask::default();
                rle.decode(&mut mask);
                prop_assert_eq!(mask.area(), rle.area());
            }
        }
    }

    #[test]
    fn a_known_answer() {
        let mask = Mask::from_fn(Size::new(4, 4), |x, y| (1..3).contains(&x) && (1..3).contains(&y));
        let rle = Rle::from_mask(&mask);
        assert_eq!(rle.counts(), [5, 2, 2, 2, 5]);
        assert_eq!(serde_json::to_string(&rle).unwrap(), r#"{"size":[4,4],"counts":"52203"}"#);
    }

    #[test]
    fn long_runs_take_several_characters() {
        let size = Size::new(640, 480);
        for mask in [Mask::new(size), Mask::from_fn(size, |_, _| true), Mask::from_fn(size, |x, _| x == 639)] {
            let (text, theirs) = (compressed(&Rle::from_mask(&mask)), hotcoco_of(&mask));
            assert_eq!(text, hotcoco::mask::rle_to_string(&theirs));
            let mut back = Mask::default();
            Rle::parse(size, &text).unwrap().decode(&mut back);
            assert_eq!(back, mask);
        }
    }

    #[test]
    fn refusals_say_why() {
        let size = Size::new(4, 4);
        for (text, reason) in [
            ("", "cover 0 pixels"),
            ("5", "cover 5 pixels"),
            ("5\"", "a character"),
            ("5p", "a character"),
            ("5é", "a character"),
            ("P", "ends within"),
            ("PPPPPPPPPPPPPPPPP0", "too long"),
            ("O", "bad length"),
            ("522K", "bad length"),
            ("52209", "longer than the picture"),
            ("oooooo0", "longer than the picture"),
        ] {
            let error = Rle::parse(size, text).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains("4x4"), "{text}: {error}");
        }
        for size in [Size::new(0, 4), Size::new(4, 0), Size::new(u32::MAX, u32::MAX)] {
            assert!(matches!(Rle::parse(size, ""), Err(ImageError::AbsurdSize { .. })));
        }
        assert!(serde_json::from_str::<Rle>(r#"{"size":[4,4],"counts":"52209"}"#).is_err());
        assert!(serde_json::from_str::<Rle>(r#"{"size":[4,4],"counts":[5,2,2,2,5]}"#).is_err());
    }
}
