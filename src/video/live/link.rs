use std::io::{self, BufWriter, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Picture;
use crate::geometry::Size;
use crate::process::Program;
use crate::sync::{LatestSlot, Received};
use crate::video::encode::Pixels;
use crate::video::matroska;

/// How long a program may take to end once its input has.
const END_PATIENCE: Duration = Duration::from_secs(2);
/// Longest wait of the writer before it looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(100);
/// Microseconds that two pictures are at least apart.
const TICK: u64 = 1000;

/// Where pictures come from, and where their buffers go.
#[derive(Clone, Debug, Default)]
pub(super) struct Pictures {
    pub next: LatestSlot<Picture>,
    pub spare: LatestSlot<Vec<u8>>,
}

/// Why no further picture goes through a link.
#[derive(Debug)]
pub(super) enum Ended {
    /// There are none any more, and all were sent.
    Closed,
    /// This one has another size.
    Resized(Picture),
    /// The program gave up, or took nothing.
    Lost(String),
}

/// A program that sends pictures of one size, and the thread that hands them to it as they come. Dropping it ends both.
#[derive(Debug)]
pub(super) struct Link {
    /// Present until it is dropped, which ends the thread's writing.
    program: Option<Program>,
    writer: Option<JoinHandle<Written>>,
    progress: Arc<Progress>,
    started: Instant,
}

/// How the writer ended.
#[derive(Debug)]
enum Written {
    Closed,
    Resized(Picture),
    Broken,
}

/// What is known of the writer outside its thread.
#[derive(Debug, Default)]
struct Progress {
    is_unwanted: AtomicBool,
    times: Mutex<Times>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Times {
    /// Since when it hands over a picture.
    busy_since: Option<Instant>,
    /// When the last one was handed over.
    last: Option<Instant>,
}

impl Progress {
    fn begin(&self) {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).busy_since = Some(Instant::now());
    }

    fn end(&self) {
        *self.times.lock().unwrap_or_else(PoisonError::into_inner) =
            Times { busy_since: None, last: Some(Instant::now()) };
    }

    fn times(&self) -> Times {
        *self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link {
    /// Starts `command`, which reads Matroska from its standard input, with the first picture.
    ///
    /// # Errors
    /// Why it cannot be started.
    pub(super) fn start(mut command: Command, first: Picture, pictures: Pictures) -> io::Result<Link> {
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut program = Program::start(command, |_| false)?;
        let input = program.take_stdin().ok_or_else(|| io::Error::other("it has no input"))?;
        let progress = Arc::<Progress>::default();
        let own = Arc::clone(&progress);
        let write = move || write(BufWriter::new(input), first, &pictures, &own);
        let writer = std::thread::Builder::new().name("live".into()).spawn(write)?;
        Ok(Link { program: Some(program), writer: Some(writer), progress, started: Instant::now() })
    }

    /// For how long pictures have been taken.
    pub(super) fn proven(&self) -> Duration {
        self.progress.times().last.map_or(Duration::ZERO, |last| last.duration_since(self.started))
    }

    /// How it ended, if it has; one that takes no picture for `patience` has.
    pub(super) fn ended(&mut self, patience: Duration) -> Option<Ended> {
        let program = self.program.as_mut()?;
        if let Some(writer) = self.writer.take_if(|writer| writer.is_finished()) {
            return Some(match writer.join() {
                Ok(Written::Closed) => {
                    program.wait(END_PATIENCE);
                    Ended::Closed
                }
                Ok(Written::Resized(picture)) => {
                    // A server takes one stream at one address at a time.
                    program.wait(END_PATIENCE);
                    Ended::Resized(picture)
                }
                Ok(Written::Broken) | Err(_) => Ended::Lost(program.obituary(END_PATIENCE)),
            });
        }
        if program.wait(Duration::ZERO).is_some() {
            return Some(Ended::Lost(program.obituary(Duration::ZERO)));
        }
        let busy = self.progress.times().busy_since.map_or(Duration::ZERO, |since| since.elapsed());
        (busy >= patience).then(|| {
            let words = program.last_words();
            let words = if words.is_empty() { words } else { format!(": {words}") };
            Ended::Lost(format!("no picture was taken for {} s{words}", patience.as_secs()))
        })
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.progress.is_unwanted.store(true, Ordering::Relaxed);
        self.program = None;
        if let Some(writer) = self.writer.take() {
            // It panicked, or ended: either way it is gone.
            let _ = writer.join();
        }
    }
}

/// Hands over `first` and then the newest picture, again and again.
fn write(mut input: BufWriter<ChildStdin>, first: Picture, pictures: &Pictures, progress: &Progress) -> Written {
    let (size, start) = (first.size, first.time_s);
    let mut picture = first;
    let mut last = None;
    progress.begin();
    if matroska::write_header(&mut input, size, Pixels::Rgb.fourcc(), None).is_err() {
        return Written::Broken;
    }
    loop {
        let micros = micros(picture.time_s - start, last);
        last = Some(micros);
        progress.begin();
        let sent = matroska::write_frame(&mut input, &picture.rgb, micros).and_then(|()| input.flush());
        if sent.is_err() {
            return Written::Broken;
        }
        progress.end();
        pictures.spare.put(picture.rgb);
        picture = match next(size, pictures, progress) {
            Ok(next) => next,
            Err(ended) => return ended,
        };
    }
}

/// The time of a picture, after that of the `last` one, whatever clocks did.
fn micros(seconds: f64, last: Option<u64>) -> u64 {
    let micros = (seconds.max(0.0) * 1e6).round() as u64;
    last.map_or(micros, |last| micros.max(last + TICK))
}

fn next(size: Size, pictures: &Pictures, progress: &Progress) -> Result<Picture, Written> {
    loop {
        match pictures.next.take(LOOK) {
            Received::Value(picture) if picture.size == size => return Ok(picture),
            Received::Value(picture) => return Err(Written::Resized(picture)),
            Received::Closed => return Err(Written::Closed),
            Received::TimedOut if progress.is_unwanted.load(Ordering::Relaxed) => return Err(Written::Broken),
            Received::TimedOut => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_up_whatever_clocks_do() {
        assert_eq!((micros(0.04, None), micros(-1.0, None)), (40_000, 0));
        assert_eq!(
            (micros(0.04, Some(1000)), micros(0.04, Some(40_000)), micros(-1.0, Some(7))),
            (40_000, 41_000, 1007)
        );
    }
}
