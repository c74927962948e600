//! A root folder for tests that read `/proc` and `/sys`.

use std::path::Path;

pub struct FakeRoot(tempfile::TempDir);

impl FakeRoot {
    /// A root with these files.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let root = FakeRoot(tempfile::tempdir().unwrap());
        files.iter().for_each(|(path, text)| root.write(path, text));
        root
    }

    /// Writes a file, with its folders.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
