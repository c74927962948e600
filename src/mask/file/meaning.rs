//! Which pixels of a mask file are the object: the one rule for prompts and truths.

use std::collections::BTreeMap;

use super::Codes;
use super::codes::Kind;
use crate::mask::Mask;

/// The number that VOC gives to the seam around objects, and its colour there.
const VOID: u16 = 255;
const VOID_COLOR: [u8; 3] = [224, 224, 192];

/// Labels that a message lists.
const MAX_LISTED: usize = 8;

impl Codes {
    /// The object: the pixels of the code `label` if one is asked for, else what the file says by itself.
    ///
    /// # Errors
    /// Why it is not sure which pixels are meant, and what to do.
    pub(super) fn object(&self, label: Option<u16>) -> Result<Mask, String> {
        let counts = self.counts();
        match label {
            Some(label) if counts.contains_key(&label) => Ok(self.select(|code| code == label)),
            Some(label) => Err(format!("no pixel has label {label}: choose one of {}", listed(counts.iter()))),
            None => match &self.kind {
                Kind::Palette(palette) => self.of_palette(palette, &counts),
                Kind::Grey { white, is_lossy } => self.of_levels(*white, *is_lossy, &counts),
            },
        }
    }

    /// How many pixels each code has.
    fn counts(&self) -> BTreeMap<u16, usize> {
        let mut counts = BTreeMap::new();
        for code in &self.data {
            *counts.entry(*code).or_default() += 1;
        }
        counts
    }

    /// Numbers of objects (DAVIS, YouTube-VOS, VOC): the background is black, the first where several colours are.
    fn of_palette(&self, palette: &[[u8; 3]], counts: &BTreeMap<u16, usize>) -> Result<Mask, String> {
        let color = |code: u16| palette.get(usize::from(code)).copied().unwrap_or_default();
        let black = counts.keys().copied().find(|code| color(*code) == [0; 3]);
        let background = if color(0) == [0; 3] { Some(0) } else { black };
        let Some(background) = background else {
            return Err(format!(
                "a palette without black, so that its background is unknown: choose the object by --mask-label: {}",
                listed(counts.iter())
            ));
        };
        let is_void = |code: u16| code == VOID && color(code) == VOID_COLOR;
        let objects = || counts.iter().filter(|(code, _)| **code != background && !is_void(**code));
        match objects().count() {
            0 | 1 => Ok(self.select(|code| code != background && !is_void(code))),
            _ => Err(several(objects())),
        }
    }

    /// Two levels, of which 0 is outside; or a soft mask from black to white, whose middle is the border.
    fn of_levels(&self, white: u16, is_lossy: bool, counts: &BTreeMap<u16, usize>) -> Result<Mask, String> {
        let codes: Vec<u16> = counts.keys().copied().collect();
        match codes.as_slice() {
            [0] => return Ok(self.select(|_| false)),
            [0, _] => return Ok(self.select(|code| code > 0)),
            &[all] if all == 1 || all == white => return Ok(self.select(|_| true)),
            _ => {}
        }
        if self.is_soft(white, is_lossy, counts) {
            return Ok(self.select(|code| code > white / 2));
        }
        if codes.len() <= 64 && !is_lossy {
            return Err(several(counts.iter().filter(|(code, _)| **code > 0)));
        }
        Err("shades of grey that are no mask, which is white inside and black outside, with soft edges at most: is it \
             another picture?"
            .into())
    }

    /// Whether all but a few pixels are near black or near white, and those between lie along edges.
    fn is_soft(&self, white: u16, is_lossy: bool, counts: &BTreeMap<u16, usize>) -> bool {
        let eighth = white / 8;
        let (dark, bright) = (|code: u16| code <= eighth, |code: u16| code >= white - eighth);
        let pixels = |of: &dyn Fn(u16) -> bool| counts.iter().filter(|(c, _)| of(**c)).map(|(_, n)| n).sum::<usize>();
        if is_lossy {
            let between = pixels(&|code| !dark(code) && !bright(code));
            return between * 4 <= self.data.len();
        }
        // Numbers of objects are small, and fill areas.
        let is_between = |code: u16| code > 0 && code < white;
        let between = pixels(&is_between);
        let middle = pixels(&|code| code > white / 16 && code < white - white / 16);
        let few = between * 4 <= self.data.len() || between <= 8;
        counts.contains_key(&0)
            && pixels(&bright) > 0
            && few
            && middle * 2 >= between
            && self.flat(is_between) * 20 <= between
    }

    /// Pixels that satisfy `of` and whose four neighbours have the same code.
    fn flat(&self, of: impl Fn(u16) -> bool) -> usize {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let at = |x: usize, y: usize| self.data[y * width + x];
        let same = |x: usize, y: usize| {
            let code = at(x, y);
            (x == 0 || at(x - 1, y) == code)
                && (x + 1 == width || at(x + 1, y) == code)
                && (y == 0 || at(x, y - 1) == code)
                && (y + 1 == height || at(x, y + 1) == code)
        };
        (0..height).map(|y| (0..width).filter(|x| of(at(*x, y)) && same(*x, y)).count()).sum()
    }
}

fn several<'a>(labels: impl Iterator<Item = (&'a u16, &'a usize)>) -> String {
    format!("it has several labels, of which one must be chosen by --mask-label: {}", listed(labels))
}

fn listed<'a>(labels: impl Iterator<Item = (&'a u16, &'a usize)>) -> String {
    let mut all: Vec<String> = labels.map(|(code, pixels)| format!("{code} ({pixels} pixels)")).collect();
    if all.len() > MAX_LISTED {
        let left = all.len() - MAX_LISTED;
        all.truncate(MAX_LISTED);
        all.push(format!("and {left} more"));
    }
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use image::{ExtendedColorType, ImageBuffer, Luma, LumaA, Rgb, Rgba};

    use super::super::{read_mask, read_prompt_mask};
    use super::*;
    use crate::geometry::Size;

    const SIDE: u32 = 24;

    fn in_disc(x: u32, y: u32) -> bool {
        let (dx, dy) = (x as i32 - 11, y as i32 - 12);
        dx * dx + dy * dy < 60
    }

    /// A disc, and a square of another object.
    fn label(x: u32, y: u32) -> u8 {
        if in_disc(x, y) { 1 } else { 2 * u8::from(x > 19 && y < 5) }
    }

    fn disc() -> Mask {
        Mask::from_fn(Size::new(SIDE, SIDE), in_disc)
    }

    struct Files(tempfile::TempDir);

    impl Files {
        fn new() -> Self {
            Files(tempfile::tempdir().unwrap())
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("m.png")
        }

        fn grey(&self, level: impl Fn(u32, u32) -> u8) -> PathBuf {
            let path = self.path();
            ImageBuffer::from_fn(SIDE, SIDE, |x, y| Luma([level(x, y)])).save(&path).unwrap();
            path
        }
    }

    /// A palette PNG of 8 bits a pixel, without compression.
    fn palette_png(path: &Path, palette: &[[u8; 3]], label: impl Fn(u32, u32) -> u8) {
        let grey: Vec<u8> = (0..SIDE * SIDE).map(|i| label(i % SIDE, i / SIDE)).collect();
        image::save_buffer(path, &grey, SIDE, SIDE, ExtendedColorType::L8).unwrap();
        let mut bytes = std::fs::read(path).unwrap();
        let chunk = |kind: &[u8; 4], body: &[u8]| {
            let framed = [&kind[..], body].concat();
            [&(body.len() as u32).to_be_bytes(), &framed[..], &crc32fast::hash(&framed).to_be_bytes()].concat()
        };
        let mut header = bytes[16..29].to_vec();
        header[9] = 3;
        let start = [chunk(b"IHDR", &header), chunk(b"PLTE", &palette.concat())].concat();
        bytes.splice(8..33, start);
        std::fs::write(path, bytes).unwrap();
    }

    fn voc() -> Vec<[u8; 3]> {
        let mut palette = vec![[0; 3]; 256];
        (palette[1], palette[2], palette[255]) = ([128, 0, 0], [0, 128, 0], VOID_COLOR);
        palette
    }

    fn refusal(path: &Path) -> String {
        let text = read_mask(path).unwrap_err().to_string();
        assert!(text.contains("m.png"), "{text}");
        text
    }

    #[test]
    fn two_levels_are_a_mask_whatever_they_are() {
        let files = Files::new();
        for high in [1, 38, 128, 255] {
            assert_eq!(read_mask(&files.grey(|x, y| if in_disc(x, y) { high } else { 0 })).unwrap(), disc(), "{high}");
        }
        for high in [1u16, 255, 65535] {
            let deep = ImageBuffer::from_fn(SIDE, SIDE, |x, y| Luma([if in_disc(x, y) { high } else { 0 }]));
            deep.save(files.path()).unwrap();
            assert_eq!(read_mask(&files.path()).unwrap(), disc(), "16 bits, {high}");
        }
        for high in [1, 255] {
            assert_eq!(read_mask(&files.grey(|_, _| high)).unwrap().area(), (SIDE * SIDE) as usize);
        }
        assert!(refusal(&files.grey(|_, _| 128)).contains("--mask-label"));
        assert!(refusal(&files.grey(|x, _| 1 + (x > 9) as u8)).contains("--mask-label"));
    }

    #[test]
    fn an_empty_mask_is_a_truth_and_no_prompt() {
        let files = Files::new();
        let black = files.grey(|_, _| 0);
        assert!(read_mask(&black).unwrap().is_empty());
        let text = read_prompt_mask(&black, None).unwrap_err().to_string();
        assert!(text.contains("m.png") && text.contains("empty"), "{text}");
    }

    #[test]
    fn palettes_number_objects() {
        let files = Files::new();
        let path = files.path();
        palette_png(&path, &voc(), |x, y| u8::from(in_disc(x, y)));
        assert_eq!(read_mask(&path).unwrap(), disc());
        // A seam of void about it is not the object.
        palette_png(&path, &voc(), |x, y| if in_disc(x, y) { 1 } else { 255 * u8::from(in_disc(x + 1, y)) });
        assert_eq!(read_mask(&path).unwrap(), disc());
        // A grey picture that is stored with a palette, white first.
        palette_png(&path, &[[255; 3], [0; 3]], |x, y| u8::from(!in_disc(x, y)));
        assert_eq!(read_mask(&path).unwrap(), disc());
        palette_png(&path, &[[255, 0, 0], [0, 255, 0]], |x, y| u8::from(in_disc(x, y)));
        assert!(refusal(&path).contains("without black"));
    }

    #[test]
    fn of_several_objects_one_is_chosen() {
        let files = Files::new();
        let path = files.path();
        palette_png(&path, &voc(), label);
        let square = Mask::from_fn(Size::new(SIDE, SIDE), |x, y| label(x, y) == 2);
        for path in [path, files.path()] {
            let text = refusal(&path);
            assert!(text.contains("--mask-label") && text.contains("1 (") && text.contains("2 ("), "{text}");
            assert_eq!(read_prompt_mask(&path, Some(1)).unwrap(), disc());
            assert_eq!(read_prompt_mask(&path, Some(2)).unwrap(), square);
            assert!(read_prompt_mask(&path, Some(7)).unwrap_err().to_string().contains("no pixel has label 7"));
            files.grey(label);
        }
        // Small numbers are not black, and void is not white.
        let with_void = files.grey(|x, y| if y == 23 { 255 } else { label(x, y) });
        assert!(refusal(&with_void).contains("several labels"));
        let trimap = files.grey(|x, y| if in_disc(x, y) { 255 } else { 128 * u8::from(y < 5) });
        assert!(refusal(&trimap).contains("several labels"));
        assert_eq!(read_prompt_mask(&trimap, Some(255)).unwrap(), disc());
    }

    #[test]
    fn soft_edges_end_at_their_middle() {
        let files = Files::new();
        let distance = |x: u32, y: u32| ((x as f32 - 11.3).powi(2) + (y as f32 - 12.1).powi(2)).sqrt();
        let level = |x, y| ((8.0 - distance(x, y)) * 128.0 + 127.5).clamp(0.0, 255.0) as u8;
        let soft = files.grey(level);
        let expected = Mask::from_fn(Size::new(SIDE, SIDE), |x, y| level(x, y) > 127);
        assert_eq!(read_mask(&soft).unwrap(), expected);
        let jpeg = files.0.path().join("m.jpg");
        ImageBuffer::from_fn(SIDE, SIDE, |x, y| Luma([level(x, y)])).save(&jpeg).unwrap();
        assert!(read_mask(&jpeg).unwrap().iou(&expected) > 0.9);
        // A picture is no mask.
        assert!(refusal(&files.grey(|x, y| (x * 11) as u8 ^ (y * 7) as u8)).contains("no mask"));
    }

    #[test]
    fn colours_and_transparency_count_where_they_are_clear() {
        let files = Files::new();
        let save = |pixel: &dyn Fn(bool) -> [u8; 4]| {
            ImageBuffer::from_fn(SIDE, SIDE, |x, y| Rgba(pixel(in_disc(x, y)))).save(files.path()).unwrap();
            files.path()
        };
        let clear: [&dyn Fn(bool) -> [u8; 4]; 5] = [
            &|inside| if inside { [255; 4] } else { [0, 0, 0, 255] },
            &|inside| if inside { [255, 0, 0, 255] } else { [0, 0, 0, 255] },
            &|inside| if inside { [255; 4] } else { [0; 4] },
            &|inside| [9, 9, 9, if inside { 255 } else { 0 }],
            &|inside| if inside { [1, 1, 1, 200] } else { [0, 0, 0, 200] },
        ];
        for (number, pixel) in clear.into_iter().enumerate() {
            assert_eq!(read_mask(&save(pixel)).unwrap(), disc(), "{number}");
        }
        assert!(
            refusal(&save(&|inside| if inside { [0, 0, 0, 255] } else { [255, 255, 255, 0] })).contains("transparency")
        );
        assert!(refusal(&save(&|_| [0; 4])).contains("transparent"));
        assert!(refusal(&save(&|inside| if inside { [255, 0, 0, 255] } else { [0, 255, 0, 255] })).contains("colours"));
        ImageBuffer::from_fn(SIDE, SIDE, |x, y| LumaA([255 * u8::from(in_disc(x, y)), 255]))
            .save(files.path())
            .unwrap();
        assert_eq!(read_mask(&files.path()).unwrap(), disc());
        ImageBuffer::from_fn(SIDE, SIDE, |x, y| Rgb([u8::from(in_disc(x, y)); 3])).save(files.path()).unwrap();
        assert_eq!(read_mask(&files.path()).unwrap(), disc());
    }
}
