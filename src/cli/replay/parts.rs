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
}

impl Recording {
    /// Opens the first of `paths`.
    pub fn open(paths: &[PathBuf]) -> Result<Self, Error> {
        let path = paths.first().cloned().unwrap_or_default();
        let reader = Reader::open(&path)?;
        Ok(Recording { reader, path, given: paths.to_vec(), next: 1, run: None, peeked: None })
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
        loop {
            match self.reader.next_item()? {
                Some(Item::Session(session)) => {
                    let run = self.run.get_or_insert_with(|| session.run.clone());
                    if *run != session.run {
                        let reason =
                            "it is of another run than the file before it: give the files of one run in their order";
                        return Err(
                            RecordingError::NotReplayable { path: self.path.clone(), reason: reason.into() }.into()
                        );
                    }
                    return Ok(Some(Item::Session(session)));
                }
                Some(item) => return Ok(Some(item)),
                None if self.open_next()? => {}
                None => return Ok(None),
            }
        }
    }

    /// Goes on with the next file; false if there is none.
    fn open_next(&mut self) -> Result<bool, Error> {
        self.next += 1;
        let next = match &self.given[..] {
            [only] => Some(part_path(only, self.next)).filter(|path| path.exists()),
            several => several.get(self.next as usize - 1).cloned(),
        };
        let Some(next) = next else { return Ok(false) };
        self.reader = Reader::open(&next)?;
        self.path = next;
        Ok(true)
    }
}
