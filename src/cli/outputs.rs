//! What a command reads and what it is going to write, held against each other before any work: no output is an input, and no
//! two outputs are one file. Files are known by what they are, not by how they are written.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::error::ConfigError;
use crate::mask::file::mask_name;
use crate::model::{MANIFEST_FILE, Registry};
use crate::output::Identity;
use crate::sink::{Place, SinkAddress};

/// Deepest folder below one that is read with its subfolders.
const DEEPEST: usize = 64;

/// The files of one command.
#[derive(Default)]
pub struct Files {
    /// Each file that is read, and what it is.
    read: HashMap<Identity, String>,
    /// Each folder of which the files are read.
    read_folders: HashMap<Identity, String>,
    /// Folders that are read with all that is below them.
    trees: HashSet<Identity>,
    written: HashMap<Identity, String>,
    folders: Vec<Folder>,
    fault: Option<ConfigError>,
}

/// A folder that is written into.
struct Folder {
    identity: Identity,
    path: PathBuf,
    what: String,
    takes: Box<dyn Fn(&OsStr) -> bool>,
}

impl Files {
    /// The command reads each of `paths`: a file, or the files in a folder. `what` names the argument.
    pub fn reads(&mut self, what: &str, paths: impl IntoIterator<Item = impl AsRef<Path>>) -> &mut Self {
        paths.into_iter().for_each(|path| self.add_read(what, path.as_ref()));
        self
    }

    fn add_read(&mut self, what: &str, path: &Path) {
        let found = Identity::of(path).or_else(|| Identity::of_device(path));
        let Some(identity) = found.filter(Identity::exists) else { return };
        let described = described(what, path);
        if !path.is_dir() {
            self.read.entry(identity).or_insert(described);
            return;
        }
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            let file = entry.path();
            if let Some(identity) = Identity::of(&file).filter(|_| file.is_file()) {
                self.read.entry(identity).or_insert_with(|| format!("{}, a file of {described}", file.display()));
            }
        }
        self.read_folders.entry(identity).or_insert(described);
    }

    /// The command reads the files in each of the folders `paths` and in all folders below it.
    pub fn reads_trees(&mut self, what: &str, paths: impl IntoIterator<Item = impl AsRef<Path>>) -> &mut Self {
        for path in paths {
            self.trees.extend(Identity::of(path.as_ref()));
            self.add_read_below(what, path.as_ref(), DEEPEST);
        }
        self
    }

    fn add_read_below(&mut self, what: &str, path: &Path, deepest: usize) {
        self.add_read(what, path);
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && deepest > 0 {
                self.add_read_below(what, &entry.path(), deepest - 1);
            }
        }
    }

    /// The command reads the installed models, of which `models_dir` may name the folder.
    pub fn reads_models(&mut self, models_dir: Option<&Path>) -> &mut Self {
        // A registry that cannot be read is reported by who needs it.
        let registry = Registry::discover(models_dir).unwrap_or_default();
        for model in registry.list() {
            if let Some(folder) = model.location.folder() {
                self.add_read("the models' manifest", &folder.join(MANIFEST_FILE));
                for files in model.spec.files.values() {
                    for (what, file) in [("a model's encoder", &files.encoder), ("a model's decoder", &files.decoder)] {
                        file.parts().for_each(|(part, _)| self.add_read(what, &model.location.path(part)));
                    }
                }
            }
        }
        self
    }

    /// The command writes each of the files `paths`, which the argument `what` names.
    pub fn writes(&mut self, what: &str, paths: impl IntoIterator<Item = impl AsRef<Path>>) -> &mut Self {
        for path in paths {
            if let Some(identity) = Identity::of(path.as_ref()) {
                self.add_written(identity, described(what, path.as_ref()));
            }
        }
        self
    }

    /// The command writes to the device at `path` and no other may: it is neither read nor written twice.
    pub fn writes_device(&mut self, what: &str, path: &Path) -> &mut Self {
        if let Some(identity) = Identity::of_device(path) {
            self.add_written(identity, described(what, path));
        }
        self
    }

    /// The command writes to standard output, which may be a file.
    pub fn writes_stdout(&mut self) -> &mut Self {
        if let Some(identity) = Identity::of_stdout() {
            self.add_written(identity, "standard output".to_owned());
        }
        self
    }

    fn add_written(&mut self, identity: Identity, what: String) {
        if let Some(other) = self.written.get(&identity) {
            let reason = format!("it is the same file as {other}: give each output a file of its own");
            self.refuse(&what, reason);
        }
        self.written.entry(identity).or_insert(what);
    }

    /// The command writes those files into each of the folders `paths` whose names `takes` takes.
    pub fn writes_into(
        &mut self,
        what: &str,
        paths: impl IntoIterator<Item = impl AsRef<Path>>,
        takes: impl Fn(&OsStr) -> bool + Clone + 'static,
    ) -> &mut Self {
        for path in paths {
            let path = path.as_ref();
            if let Some(identity) = Identity::of(path) {
                let (what, path) = (described(what, path), path.to_path_buf());
                self.folders.push(Folder { identity, path, what, takes: Box::new(takes.clone()) });
            }
        }
        self
    }

    /// The command writes the mask of each of `frames` into the folder `path`.
    pub fn writes_masks(&mut self, what: &str, path: &Path, frames: &[PathBuf]) -> &mut Self {
        let mut names: HashMap<OsString, &Path> = HashMap::new();
        for frame in frames {
            let name = mask_name(frame);
            let shown = name.to_string_lossy().into_owned();
            if let Some(other) = names.insert(name, frame) {
                let (other, frame) = (other.display(), frame.display());
                let reason = format!("{other} and {frame} would both have the mask {shown}: rename one of them");
                self.refuse(&described(what, path), reason);
            }
        }
        let names: HashSet<OsString> = names.into_keys().collect();
        self.writes_into(what, [path], move |name| names.contains(name))
    }

    /// The command writes what this sink does.
    pub fn writes_sink(&mut self, sink: &SinkAddress) -> &mut Self {
        match sink.place() {
            Place::File(path) => self.writes("--sink", [path]),
            Place::Folder(path, takes) => self.writes_into("--sink", [path], *takes),
            Place::Device(path) => self.writes_device("--sink", path),
            Place::Elsewhere if sink.is_stdout() => self.writes_stdout(),
            Place::Elsewhere => self,
        }
    }

    /// Holds all of them against each other.
    ///
    /// # Errors
    /// An output that is an input or another output, with what to give instead.
    pub fn check(&mut self) -> Result<(), ConfigError> {
        for (identity, what) in &self.written {
            if let Some(input) = self.read.get(identity).or(self.read_folders.get(identity)) {
                let reason = format!("it is {input}, which would be written over: give another file");
                return Err(invalid(what, reason));
            }
        }
        for (number, folder) in self.folders.iter().enumerate() {
            self.check_folder(folder, &self.folders[..number])?;
        }
        self.fault.take().map_or(Ok(()), Err)
    }

    fn check_folder(&self, folder: &Folder, earlier: &[Folder]) -> Result<(), ConfigError> {
        let refused = |reason: String| Err(invalid(&folder.what, reason));
        if let Some(input) = self.read_folders.get(&folder.identity) {
            return refused(format!("it is {input}, whose files are read: give another folder"));
        }
        if !self.trees.is_empty()
            && folder.path.ancestors().filter_map(Identity::of).any(|above| self.trees.contains(&above))
        {
            return refused("it lies in a folder whose subfolders are read too: give another folder".to_owned());
        }
        if let Some(other) = earlier.iter().find(|other| other.identity == folder.identity) {
            return refused(format!("it is the same folder as {}: give each output a folder of its own", other.what));
        }
        for entry in std::fs::read_dir(&folder.path).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if !(folder.takes)(&name) {
                continue;
            }
            let Some(identity) = Identity::of(&entry.path()) else { continue };
            let name = name.to_string_lossy();
            if let Some(input) = self.read.get(&identity) {
                return refused(format!("its {name} is {input}, which would be written over: give another folder"));
            }
            if let Some(output) = self.written.get(&identity) {
                return refused(format!("its {name} is also {output}: give each output a place of its own"));
            }
        }
        Ok(())
    }

    fn refuse(&mut self, what: &str, reason: String) {
        self.fault.get_or_insert_with(|| invalid(what, reason));
    }
}

fn described(what: &str, path: &Path) -> String {
    format!("{what} {}", path.display())
}

fn invalid(what: &str, reason: String) -> ConfigError {
    ConfigError::Invalid { origin: what.to_owned(), reason }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder with `frames/1.png` and `frames/2.jpg`.
    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("frames")).unwrap();
        for name in ["frames/1.png", "frames/2.jpg", "m.png"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        dir
    }

    fn message(files: &mut Files) -> String {
        files.check().map_or_else(|refused| refused.to_string(), |()| "fine".into())
    }

    #[test]
    fn an_output_is_no_input_by_whatever_name() {
        let dir = folder();
        let at = |name: &str| dir.path().join(name);
        symlink(at("m.png"), at("soft.png")).unwrap();
        fs::hard_link(at("frames/1.png"), at("hard.png")).unwrap();
        symlink("frames", at("linked")).unwrap();
        for (name, expected) in [
            ("m.png", "give another file"),
            ("soft.png", "give another file"),
            ("frames/../m.png", "give another file"),
            ("hard.png", "give another file"),
            ("linked/2.jpg", "give another file"),
            ("new.png", "fine"),
            ("frames/3.png", "fine"),
            ("/dev/null", "fine"),
        ] {
            let mut files = Files::default();
            files.reads("--mask", [&at("m.png")]).reads("the frames", [&at("frames")]).writes("--out", [&at(name)]);
            assert!(message(&mut files).contains(expected), "{name}: {}", message(&mut files));
        }
    }

    #[test]
    fn no_folder_takes_what_is_read() {
        let dir = folder();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("links")).unwrap();
        fs::create_dir_all(at("hard")).unwrap();
        symlink(at("frames/1.png"), at("links/1.png")).unwrap();
        fs::hard_link(at("frames/2.jpg"), at("hard/2.png")).unwrap();
        symlink("frames", at("linked")).unwrap();
        let frames = [at("frames/1.png"), at("frames/2.jpg")];
        let rows = [
            ("frames", "files are read"),
            ("linked", "files are read"),
            ("links", "1.png"),
            ("hard", "2.png"),
            ("frames/masks", "fine"),
            ("masks", "fine"),
        ];
        for (name, expected) in rows {
            let mut files = Files::default();
            files.reads("the frames", [&at("frames")]).writes_masks("--out", &at(name), &frames);
            let message = message(&mut files);
            assert!(message.contains(expected), "{name}: {message}");
        }
        let mut files = Files::default();
        files.reads_trees("--calibration", [dir.path()]).writes_into("--out", [&at("frames/deep/new")], |_| true);
        assert!(message(&mut files).contains("subfolders"));
    }

    #[test]
    fn outputs_are_apart() {
        let dir = folder();
        let at = |name: &str| dir.path().join(name);
        let same =
            |a: &str, b: &str| message(Files::default().writes("--out-mask", [&at(a)]).writes("--overlay", [&at(b)]));
        assert!(same("a.png", "frames/../a.png").contains("a file of its own"));
        assert_eq!(same("a.png", "b.png"), "fine");
        assert_eq!(same("/dev/null", "/dev/null"), "fine");
        let mut folders = Files::default();
        folders.writes_into("--sink", [&at("out")], |_| true).writes_into("--sink", [&at("./out")], |_| true);
        assert!(message(&mut folders).contains("a folder of its own"));
        let mut within = Files::default();
        within.writes("--sink", [&at("frames/1.png")]).writes_into("--sink", [&at("frames")], |name| name == "1.png");
        assert!(message(&mut within).contains("a place of its own"));
    }

    #[test]
    fn no_device_is_its_own_input_or_two_outputs() {
        let dir = folder();
        let link = dir.path().join("camera");
        symlink("/dev/null", &link).unwrap();
        let null = Path::new("/dev/null");
        let mut read = Files::default();
        read.reads("--source", [null]).writes_device("--sink", &link);
        assert!(message(&mut read).contains("--source /dev/null"), "{}", message(&mut read));
        let mut twice = Files::default();
        twice.writes_device("--sink", null).writes_device("--sink", &link);
        assert!(message(&mut twice).contains("of its own"));
        let mut apart = Files::default();
        apart.reads("--source", [null]).writes_device("--sink", Path::new("/dev/zero")).writes("--sink", [null]);
        assert_eq!(message(&mut apart), "fine");
    }

    #[test]
    fn two_frames_of_one_stem_have_no_mask_of_their_own() {
        let mut files = Files::default();
        files.writes_masks("--out", Path::new("masks"), &["in/1.png".into(), "in/1.jpg".into(), "in/2.jpg".into()]);
        let message = message(&mut files);
        assert!(message.contains("in/1.png and in/1.jpg") && message.contains("rename"), "{message}");
    }
}
