//! Runs the built program in a folder of its own; a failed expectation prints the command, the folder and what came out.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder that goes away with the test.
pub struct Sandbox(TempDir);

impl Sandbox {
    pub fn new() -> Self {
        Sandbox(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, making its folders, and returns its path.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The program with these arguments, run in this folder.
    pub fn foveate(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        Ran { line: format!("foveate {}", arguments.join(" ")), folder: self.path().to_owned(), output }
    }

    /// The same, to be started by the caller.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_foveate"));
        command.args(arguments).current_dir(self.path());
        command.env("FOVEATE_MODELS", Path::new(env!("CARGO_MANIFEST_DIR")).join("models"));
        command.env("XDG_DATA_HOME", self.path().join("data"));
        command
    }
}

/// A finished run.
pub struct Ran {
    line: String,
    folder: PathBuf,
    output: Output,
}

impl Ran {
    pub fn code(&self) -> i32 {
        self.output.status.code().unwrap_or(-1)
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// Everything there is to know, for a failure message.
    pub fn describe(&self) -> String {
        format!(
            "\n$ {}\nfolder: {}\nexit code: {}\nstdout: {}\nstderr: {}\n",
            self.line,
            self.folder.display(),
            self.code(),
            self.stdout(),
            self.stderr()
        )
    }
}
