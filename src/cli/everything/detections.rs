//! What a detector found: boxes with labels, from a COCO file or as a JSON object a line.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{ConfigError, Error, IoError};
use crate::geometry::BoundingBox;
use crate::text;

/// Largest file that is read.
const MAX_BYTES: u64 = 1 << 30;

/// One box.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    /// In pixels of its photo.
    pub bbox: BoundingBox,
    /// What the detector calls it.
    pub label: Option<String>,
    /// The label's number in the detector's own numbering.
    pub category: Option<u64>,
    /// How sure the detector is of it.
    pub score: Option<f32>,
}

/// The photo that a box is on, as files say it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(untagged)]
enum ImageKey {
    Number(u64),
    Name(String),
}

/// The boxes of all photos.
#[derive(Debug, Default)]
pub struct Detections {
    /// By photo; those of a file that names none under `None`.
    photos: BTreeMap<Option<ImageKey>, Vec<Detection>>,
    /// Numbers of photos by the names of their files.
    numbers: HashMap<String, u64>,
    /// Names of categories by their numbers.
    pub categories: BTreeMap<u64, String>,
}

/// A COCO data set, or one without masks.
#[derive(Deserialize)]
struct Dataset {
    #[serde(default)]
    images: Vec<Image>,
    annotations: Vec<Annotation>,
    #[serde(default)]
    categories: Vec<Category>,
}

#[derive(Deserialize)]
struct Image {
    id: u64,
    file_name: String,
}

#[derive(Deserialize)]
struct Category {
    id: u64,
    name: String,
}

/// A row of COCO results or of a data set: x, y, width and height.
#[derive(Deserialize)]
struct Annotation {
    image_id: ImageKey,
    bbox: [f32; 4],
    category_id: Option<u64>,
    score: Option<f32>,
}

/// A line by itself: x0, y0, x1 and y1.
#[derive(Deserialize)]
struct Line {
    #[serde(alias = "file", alias = "image_id")]
    image: Option<ImageKey>,
    #[serde(rename = "box", alias = "xyxy")]
    bbox: [f32; 4],
    #[serde(alias = "class", alias = "name")]
    label: Option<String>,
    #[serde(alias = "confidence")]
    score: Option<f32>,
}

impl Detections {
    /// Reads the file at `path`, or standard input where that is `-`.
    ///
    /// # Errors
    /// A file that cannot be read, is none of the forms, or is larger than a gigabyte.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        let source: Box<dyn Read> = match path.as_os_str() == "-" {
            true => Box::new(std::io::stdin().lock()),
            false => Box::new(std::fs::File::open(path).map_err(IoError::when("read", path))?),
        };
        source.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(IoError::when("read", path))?;
        let wrong = |reason: String| ConfigError::Invalid { origin: format!("--boxes {}", path.display()), reason };
        if bytes.len() as u64 > MAX_BYTES {
            return Err(wrong("larger than a gigabyte: give the boxes of fewer photos".into()).into());
        }
        let text = text::decode(&bytes).map_err(|reason| wrong(reason.to_string()))?;
        Ok(Detections::parse(text).map_err(wrong)?)
    }

    /// Of a COCO data set, of COCO results, or of lines.
    fn parse(text: &str) -> Result<Self, String> {
        let mut all = Detections::default();
        if text.trim_start().starts_with('[') {
            let results: Vec<Annotation> = serde_json::from_str(text).map_err(|e| format!("no COCO results: {e}"))?;
            results.into_iter().for_each(|row| all.add_annotation(row));
            return Ok(all);
        }
        if is_dataset(text) {
            let set: Dataset = serde_json::from_str(text).map_err(|e| format!("no COCO data set: {e}"))?;
            all.categories = set.categories.into_iter().map(|category| (category.id, category.name)).collect();
            let mut names: Vec<&str> = set.images.iter().map(|image| base_name(&image.file_name)).collect();
            names.sort_unstable();
            if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(format!("two of its photos are called `{}`: give the boxes of one folder", pair[0]));
            }
            all.numbers =
                set.images.into_iter().map(|image| (base_name(&image.file_name).to_owned(), image.id)).collect();
            set.annotations.into_iter().for_each(|row| all.add_annotation(row));
            return Ok(all);
        }
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let Line { image, bbox: [x0, y0, x1, y1], label, score } = serde_json::from_str(line)
                .map_err(|e| format!("line {number}: {e}; a line is {{\"image\": \"a.jpg\", \"box\": [x0, y0, x1, y1], \"label\": \"cup\", \"score\": 0.9}}"))?;
            let bbox = BoundingBox::new(x0, y0, x1, y1);
            all.photos.entry(image).or_default().push(Detection { bbox, label, category: None, score });
        }
        Ok(all)
    }

    fn add_annotation(&mut self, row: Annotation) {
        let Annotation { image_id, bbox: [x, y, width, height], category_id: category, score } = row;
        let name = category.map(|id| self.categories.get(&id).cloned().unwrap_or_else(|| id.to_string()));
        let bbox = BoundingBox::new(x, y, x + width, y + height);
        self.photos.entry(Some(image_id)).or_default().push(Detection { bbox, label: name, category, score });
    }

    /// The boxes of the photo at `path`, and its number where the file gives it one. A photo is known by the name of its file, with or
    /// without what stands behind the dot, and by its number: that of the data set, or the name read as one, as COCO's photos
    /// are called. `alone` says that there is no other photo: boxes that name none are on it.
    pub fn of(&self, path: &Path, alone: bool) -> (Vec<Detection>, Option<u64>) {
        let (boxes, number) = self.find(path, alone);
        (boxes.into_iter().flatten().cloned().collect(), number)
    }

    /// Refuses photos of which two have one number: a data set cannot hold both.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] names the second.
    pub fn refuse_twins(&self, photos: &[PathBuf]) -> Result<(), ConfigError> {
        let mut numbers = BTreeSet::new();
        let twin = photos.iter().find_map(|path| {
            let number = self.find(path, false).1?;
            (!numbers.insert(number)).then_some((path, number))
        });
        let Some((path, number)) = twin else { return Ok(()) };
        let reason =
            format!("{} is photo {number}, and so is one before it: give photos of one folder", path.display());
        Err(ConfigError::Invalid { origin: "--boxes".into(), reason })
    }

    fn find(&self, path: &Path, alone: bool) -> (Vec<&Vec<Detection>>, Option<u64>) {
        let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let (name, stem) = (part(path.file_name()), part(path.file_stem()));
        // A data set names its photos; elsewhere a name that is a number is one.
        let named = || stem.parse().ok().filter(|_| self.numbers.is_empty());
        let number = self.numbers.get(&name).copied().or_else(named);
        let is_here = |key: &Option<ImageKey>| match key {
            None => alone,
            Some(ImageKey::Number(of)) => number == Some(*of),
            Some(ImageKey::Name(of)) => base_name(of) == name || base_name(of) == stem,
        };
        let here: Vec<_> = self.photos.iter().filter(|(key, _)| is_here(key)).collect();
        let known =
            self.numbers.contains_key(&name) || here.iter().any(|(key, _)| matches!(key, Some(ImageKey::Number(_))));
        (here.into_iter().map(|(_, boxes)| boxes).collect(), number.filter(|_| known))
    }

    /// The largest number of a photo; 0 without any.
    pub fn largest_number(&self) -> u64 {
        let asked = self.photos.keys().filter_map(|key| match key {
            Some(ImageKey::Number(number)) => Some(*number),
            _ => None,
        });
        asked.chain(self.numbers.values().copied()).max().unwrap_or(0)
    }

    /// How many boxes there are.
    pub fn len(&self) -> usize {
        self.photos.values().map(Vec::len).sum()
    }

    /// A photo that is named, for a message.
    pub fn some_photo(&self) -> Option<String> {
        let of = self.photos.keys().flatten().next()?;
        Some(match of {
            ImageKey::Number(number) => format!("number {number}"),
            ImageKey::Name(name) => format!("`{name}`"),
        })
    }
}

/// Whether it is one object that has annotations, and not an object a line.
fn is_dataset(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Probe {
        annotations: Option<serde::de::IgnoredAny>,
    }
    let mut first = serde_json::Deserializer::from_str(text).into_iter::<Probe>();
    matches!(first.next(), Some(Ok(Probe { annotations: Some(_) })))
}

/// What stands behind the last slash, of either kind.
fn base_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, photo: &str) -> (Vec<Detection>, Option<u64>) {
        Detections::parse(text).unwrap().of(Path::new(photo), true)
    }

    #[test]
    fn lines_name_their_photo_or_none() {
        let text = "\n{\"image\": \"in/a.jpg\", \"box\": [1, 2, 3.5, 4], \"label\": \"cup\", \"score\": 0.5}\n\
                    {\"file\": \"b\", \"xyxy\": [1, 2, 3, 4], \"class\": \"dog\"}\n{\"box\": [0, 0, 9, 9]}\n";
        let (found, number) = of(text, "photos/a.jpg");
        assert_eq!((found.len(), number), (2, None));
        let cup = found.iter().find(|found| found.label.is_some()).unwrap();
        assert_eq!((cup.bbox, cup.score), (BoundingBox::new(1.0, 2.0, 3.5, 4.0), Some(0.5)));
        assert_eq!(Detections::parse(text).unwrap().of(Path::new("b.png"), false).0.len(), 1);
    }

    #[test]
    fn results_go_by_number_and_keep_their_categories() {
        let text = r#"[{"image_id": 139, "category_id": 18, "bbox": [10, 20, 30, 40], "score": 0.25}]"#;
        let (found, number) = of(text, "000000000139.jpg");
        assert_eq!((found[0].bbox, number), (BoundingBox::new(10.0, 20.0, 40.0, 60.0), Some(139)));
        assert_eq!((found[0].category, found[0].label.as_deref()), (Some(18), Some("18")));
        assert_eq!(of(text, "140.jpg"), (Vec::new(), None));
    }

    #[test]
    fn a_data_set_names_photos_and_categories() {
        let text = r#"{"images": [{"id": 7, "file_name": "val/x.jpg"}], "categories": [{"id": 2, "name": "cat"}],
                       "annotations": [{"id": 1, "image_id": 7, "category_id": 2, "bbox": [0, 0, 5, 5]}]}"#;
        let (found, number) = of(text, "x.jpg");
        assert_eq!((found[0].label.as_deref(), number), (Some("cat"), Some(7)));
    }

    #[test]
    fn what_is_no_box_is_told_with_its_line() {
        let wrong = |text: &str| Detections::parse(text).unwrap_err();
        assert!(wrong("{\"box\": [1, 2, 3, 4]}\n{\"box\": [1, 2]}").starts_with("line 2"));
        assert!(wrong("[{\"bbox\": 1}]").contains("COCO results"));
        assert!(wrong("{\"annotations\": 3}").contains("COCO data set"));
        assert!(wrong("a b").contains("line 1"));
    }
}
