//! The images that an evaluation writes: overlays of every object, the curve over clicks, and contact sheets.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, IoError};
use crate::eval::dataset::Truth;
use crate::frame::Frame;
use crate::model::Prompt;
use crate::output::write_whole;
use crate::sink::overlay::{write_overlay, write_rgb};

use super::clicks_plot;
use super::contact_sheet::{Shortlist, Thumbnail, sheet};
use super::protocol::{Answers, Outcome};

/// The folder, and the thumbnails of the objects that count.
pub struct ResultImages {
    folder: PathBuf,
    shortlist: Shortlist,
}

/// The name of an object's images: the stem of its mask file, with a number when the file holds several.
pub fn name(mask: &Path, number: Option<usize>) -> String {
    let stem = mask.file_stem().map(|s| s.to_string_lossy()).unwrap_or_default();
    number.map_or_else(|| stem.to_string(), |n| format!("{stem}-{n}"))
}

impl ResultImages {
    /// Makes the folder.
    ///
    /// # Errors
    /// [`IoError`] when it cannot be made.
    pub fn create(folder: PathBuf) -> Result<Self, Error> {
        std::fs::create_dir_all(&folder).map_err(IoError::when("create", &folder))?;
        Ok(ResultImages { folder, shortlist: Shortlist::default() })
    }

    /// Writes `NAME-click.png` and `NAME-box.png`, and makes the thumbnail of the answer to the click.
    pub fn draw(
        &self,
        name: String,
        frame: &Arc<Frame>,
        truth: &Truth,
        answers: &Answers,
        outcome: &Outcome,
    ) -> Result<Thumbnail, Error> {
        let click = Prompt { points: vec![answers.click], ..Prompt::default() };
        let boxed = Prompt { bbox: Some(answers.truth_box), ..Prompt::default() };
        write_overlay(&self.folder.join(format!("{name}-click.png")), frame, &answers.one_click, &click)?;
        write_overlay(&self.folder.join(format!("{name}-box.png")), frame, &answers.boxed, &boxed)?;
        Thumbnail::new(name, frame, &answers.one_click.mask, truth, answers.click.point, outcome.iou_1click())
    }

    /// Takes the thumbnails of a photo that counts.
    pub fn keep(&mut self, thumbnails: Vec<Thumbnail>) {
        thumbnails.into_iter().for_each(|t| self.shortlist.add(t));
    }

    /// Writes `clicks.svg`, `best.jpg`, `median.jpg` and `worst.jpg`; nothing when no object counts.
    pub fn finish(&self, title: &str, outcomes: &[Outcome]) -> Result<(), Error> {
        if let Some(svg) = clicks_plot::svg(title, outcomes) {
            let path = self.folder.join("clicks.svg");
            write_whole(&path, svg.as_bytes()).map_err(IoError::when("write", &path))?;
        }
        let sheets = [
            ("best.jpg", sheet(self.shortlist.best())),
            ("median.jpg", sheet(self.shortlist.median())),
            ("worst.jpg", sheet(self.shortlist.worst())),
        ];
        for (name, sheet) in sheets {
            if let Some((rgb, size)) = sheet {
                write_rgb(&self.folder.join(name), &rgb, size)?;
            }
        }
        Ok(())
    }
}
