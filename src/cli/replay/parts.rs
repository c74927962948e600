use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use crate::error::{Error, RecordingError};
use crate::recording::{Item, Reader};
use crate::sink::part_path;

/// The files of one run, read one after the other.
pub struct Recording {
    reader: Reader<BufReader<File>>,
    path: PathBuf,
    /// What was given; with one file alone, those that go on from it are found.
    given: Vec<PathBuf>,
    next: u32,
    /// Common to all files of the run.
    run: Option<String>,
    peeked: Option<Item>,
    /// Nothing more of this run can be found.
    is_over: bool,
}

impl Recording {
    /// Opens the first of `paths`.
    pub fn open(paths: &[PathBuf]) -> Result<Self, Error> {
        let path = paths.first().cloned().unwrap_or_default();
        let reader = Reader::open(&path)?;
        Ok(Recording { reader, path, given: paths.to_vec(), next: 1, run: None, peeked: None, is_over: false })
    }

    /// The file that is being read.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next item without taking it.
    pub fn peek(&mut self) -> Result<Option<&Item>, Error> {
        if self.peeked.is_none() {
            self.peeked = self.read()?;
        }
        Ok(self.peeked.as_ref())
    }

    /// The next item.
    pub fn next_item(&mut self) -> Result<Option<Item>, Error> {
        match self.peeked.take() {
            Some(item) => Ok(Some(item)),
            None => self.read(),
        }
    }

    fn read(&mut self) -> Result<Option<Item>, Error> {
        while !self.is_over {
            match self.reader.next_item()? {
                Some(Item::Session(session)) => {
                    let run = self.run.get_or_insert_with(|| session.run.clone());
                    if *run != session.run {
                        let reason =
                            "it is of another run than the file before it: give the files of one run in their order";
                        let path = self.path.clone();
                        self.end_before(RecordingError::NotReplayable { path, reason: reason.into() }.into())?;
                        break;
                    }
                    return Ok(Some(Item::Session(session)));
                }
                Some(item) => return Ok(Some(item)),
                None if self.open_next()? => {}
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Goes on with the next file; false if there is none.
    fn open_next(&mut self) -> Result<bool, Error> {
        self.next += 1;
        let next = match &self.given[..] {
            [only] => Some(part_path(only, self.next)).filter(|path| path.exists()),
            several => several.get(self.next as usize - 1).cloned(),
        };
        let Some(next) = next else { return Ok(false) };
        match Reader::open(&next) {
            Ok(reader) => (self.reader, self.path) = (reader, next),
            Err(error) => {
                self.end_before(error)?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Ends before a file that was found by its name: it may be of another run, or one that a recorder was killed over.
    ///
    /// # Errors
    /// `error`, of a file that was given.
    fn end_before(&mut self, error: Error) -> Result<(), Error> {
        if self.given.len() > 1 {
            return Err(error);
        }
        tracing::warn!("the replay ends here: {error}");
        self.is_over = true;
        Ok(())
    }
}
