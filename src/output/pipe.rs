use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The writing end of a named pipe that may have no reader yet. Nothing waits for the reader: the first write, such as a header,
/// is kept for it, and what is written between that and its coming is not. [`Write::flush`] fails while there was none.
///
/// Once a reader is there, a write waits until it has been taken, as writes to pipes do.
pub struct NamedPipe {
    path: PathBuf,
    file: Option<File>,
    first: Option<Vec<u8>>,
}

impl NamedPipe {
    /// Whether `path` names one.
    pub fn is_at(path: &Path) -> bool {
        #[cfg(unix)]
        return std::fs::metadata(path).is_ok_and(|m| std::os::unix::fs::FileTypeExt::is_fifo(&m.file_type()));
        #[cfg(not(unix))]
        return false;
    }

    /// The pipe at `path`, which is opened with the first write that finds a reader.
    pub fn new(path: &Path) -> Self {
        NamedPipe { path: path.to_path_buf(), file: None, first: None }
    }

    /// Opens the pipe and hands it what was kept, if a reader is there.
    fn reach(&mut self) -> io::Result<Option<&mut File>> {
        if self.file.is_none() {
            let opened = open_if_read(&self.path)?;
            let file = self.file.insert(match opened {
                Some(file) => file,
                None => return Ok(None),
            });
            if let Some(first) = self.first.take() {
                file.write_all(&first)?;
            }
        }
        Ok(self.file.as_mut())
    }
}

impl Write for NamedPipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let began = self.file.is_some() || self.first.is_some();
        match self.reach()? {
            Some(file) => file.write(bytes),
            None => {
                if !began {
                    self.first = Some(bytes.to_vec());
                }
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.reach()? {
            Some(file) => file.flush(),
            None => Err(io::Error::new(ErrorKind::NotConnected, "nobody reads this pipe: start its reader first")),
        }
    }
}

/// `None` while nobody reads the pipe.
#[cfg(unix)]
fn open_if_read(path: &Path) -> io::Result<Option<File>> {
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

    let mut options = File::options();
    options.write(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => return Ok(None),
        Err(error) => return Err(error),
    };
    // Opening does not wait; writing does.
    fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    Ok(Some(file))
}

#[cfg(not(unix))]
fn open_if_read(_path: &Path) -> io::Result<Option<File>> {
    Ok(None)
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Read;

    use super::*;

    fn pipe(dir: &Path) -> PathBuf {
        let path = dir.join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        path
    }

    #[test]
    fn a_reader_who_comes_late_gets_the_first_line_and_what_follows() {
        let dir = tempfile::tempdir().unwrap();
        let path = pipe(dir.path());
        assert!(NamedPipe::is_at(&path) && !NamedPipe::is_at(dir.path()));
        let mut writer = NamedPipe::new(&path);
        writer.write_all(b"header\n").unwrap();
        writer.write_all(b"missed\n").unwrap();
        assert_eq!(writer.flush().unwrap_err().kind(), ErrorKind::NotConnected);
        // Open for reading and writing, a pipe has a reader without waiting for a writer.
        let reader = File::options().read(true).write(true).open(&path).unwrap();
        writer.write_all(b"line\n").unwrap();
        writer.flush().unwrap();
        let mut read = [0; 12];
        (&reader).read_exact(&mut read).unwrap();
        assert_eq!(&read, b"header\nline\n");
        drop(reader);
        assert_eq!(writer.write_all(b"line\n").unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}
