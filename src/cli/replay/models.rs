use std::cell::Cell;
use std::path::Path;

use crate::error::{Error, RecordingError};
use crate::model::{Installed, LoadedModel, ModelIdentity, ModelOptions, Registry};
use crate::pipeline::{LoadModel, LoadedParts};

/// The installed models, by what a recording says of its own.
pub struct Models {
    registry: Registry,
    /// Instead of the recorded one.
    instead: Option<String>,
    threads: usize,
    differ: Cell<bool>,
}

impl Models {
    pub fn new(folder: Option<&Path>, instead: Option<String>, threads: usize) -> Result<Self, Error> {
        Ok(Models { registry: Registry::discover(folder)?, instead, threads, differ: Cell::new(false) })
    }

    /// Whether every model that was loaded has the files of the recorded one.
    pub fn are_the_same(&self) -> bool {
        !self.differ.get()
    }

    /// Loads the models of the recording at `path`.
    pub fn loader(&self, path: &Path) -> Box<LoadModel<'_>> {
        let path = path.to_path_buf();
        Box::new(move |wanted| self.load(wanted, &path))
    }

    fn load(&self, wanted: Option<&ModelIdentity>, path: &Path) -> Result<LoadedParts, Error> {
        let wanted = wanted.ok_or_else(|| RecordingError::NotReplayable {
            path: path.to_owned(),
            reason: "its model is of no files, so nothing says what to load".into(),
        })?;
        let installed = match &self.instead {
            Some(name) => self.registry.get(name)?,
            None => self.like(wanted).map_or_else(|| self.registry.get(&wanted.name), Ok)?,
        };
        let model = installed.load(&options(wanted, self.threads))?;
        self.compare(wanted, &model);
        Ok((model.encoder()?, model.decoder()?))
    }

    /// The installed model with the recorded one's files, whatever it is called.
    fn like(&self, wanted: &ModelIdentity) -> Option<&Installed> {
        let files = |installed: &Installed| {
            let files = installed.spec.files_for(wanted.precision)?;
            Some((files.encoder.hash_of_all(), files.decoder.hash_of_all()))
        };
        let hashes = (wanted.encoder_sha256.clone(), wanted.decoder_sha256.clone());
        self.registry.list().iter().find(|installed| files(installed).as_ref() == Some(&hashes))
    }

    fn compare(&self, wanted: &ModelIdentity, model: &LoadedModel) {
        let here = model.identity();
        if here.has_files_of(wanted) || self.differ.replace(true) {
            return;
        }
        let short = |hash: &str| hash.chars().take(12).collect::<String>();
        let told = |model: &ModelIdentity| {
            format!(
                "`{}` (encoder {}, decoder {})",
                model.name,
                short(&model.encoder_sha256),
                short(&model.decoder_sha256)
            )
        };
        let (there, here) = (told(wanted), told(here));
        tracing::warn!("it was recorded with model {there}, and is replayed with {here}: selections will differ");
    }
}

fn options(wanted: &ModelIdentity, threads: usize) -> ModelOptions {
    ModelOptions {
        precision: Some(wanted.precision),
        device: Some(wanted.device),
        input_size: Some(wanted.input),
        threads,
        ..ModelOptions::default()
    }
}
