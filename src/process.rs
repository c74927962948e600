//! Programs that run beside this one: each in a process group of its own, heard on its standard error, and ended with its owner.

mod words;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use words::LastWords;

/// How long a program may take to end once it was asked to.
const GRACE: Duration = Duration::from_secs(1);
/// How long what an ended program said last is waited for: a child of its own may hold its standard error open.
const LISTEN: Duration = Duration::from_millis(300);
/// Time between two looks at a program that is waited for.
const LOOK: Duration = Duration::from_millis(5);
/// A line that a program says is cut after so many bytes.
const LONGEST_LINE: usize = 4096;

/// A program that runs. Dropping it ends it and whatever it started in its process group: asked first (SIGTERM), killed a second
/// later.
#[derive(Debug)]
pub struct Program {
    child: Child,
    words: Arc<Mutex<LastWords>>,
    listener: Option<JoinHandle<()>>,
    /// How it ended, once that is known and the process is gone for the system.
    ended: Option<ExitStatus>,
    /// It goes on when this is dropped.
    is_left: bool,
}

/// The process groups of programs that run.
static RUNNING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Kills every program that runs and is not left to itself, when this one ends at once.
pub fn kill_all() {
    let running = std::mem::take(&mut *RUNNING.lock().unwrap_or_else(PoisonError::into_inner));
    running.into_iter().for_each(|group| signal_group(group, Signal::Kill));
}

impl Program {
    /// Starts `command` with nothing to read unless its standard input was set, and its standard error to `hear`: line by line,
    /// until that returns false for a line, which is then kept as one of its [`Self::last_words`]. A signal for this program's
    /// process group, such as Ctrl-C, does not reach it.
    ///
    /// # Errors
    /// When it cannot be started: `NotFound` where there is no such program.
    pub fn start(mut command: Command, mut hear: impl FnMut(&str) -> bool + Send + 'static) -> io::Result<Program> {
        command.stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let words = Arc::<Mutex<LastWords>>::default();
        let listener = child.stderr.take().map(|stderr| {
            let words = Arc::clone(&words);
            let listen = move || {
                for_each_line(BufReader::new(stderr), |line| {
                    if !hear(line) {
                        words.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                    }
                });
            };
            std::thread::Builder::new().name("program".into()).spawn(listen)
        });
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).insert(child.id());
        let mut program = Program { child, words, listener: None, ended: None, is_left: false };
        // Without a listener the program would be held up one day: dropping it ends it.
        program.listener = listener.transpose()?;
        Ok(program)
    }

    /// Leaves it to itself: it runs on when this is dropped, and when this program ends.
    pub fn leave(&mut self) {
        self.is_left = true;
        self.forget();
    }

    fn forget(&self) {
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.child.id());
    }

    /// What it writes, where its standard output was piped; once.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// What it reads, where its standard input was piped; once.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// How it ended, within `patience`; `None` if it still runs.
    pub fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        let began = Instant::now();
        loop {
            if self.ended.is_none() && self.has_exited() {
                // Its group is ended while its number cannot be given to another.
                self.reap();
            }
            if self.ended.is_some() || began.elapsed() >= patience {
                return self.ended;
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Ends what is left of its group, and waits for it.
    fn reap(&mut self) {
        self.signal(Signal::Kill);
        self.forget();
        self.ended = self.child.wait().ok();
    }

    /// The last lines it said that nobody heard, joined, without the passwords of addresses; empty if there are none.
    pub fn last_words(&self) -> String {
        crate::text::without_passwords(&self.words.lock().unwrap_or_else(PoisonError::into_inner).join())
    }

    /// In words how it ended, with its last words; that it still runs after `patience` if so.
    pub fn obituary(&mut self, patience: Duration) -> String {
        let how = match self.wait(patience) {
            None => "it still runs".to_owned(),
            Some(status) => {
                let began = Instant::now();
                while self.listener.as_ref().is_some_and(|l| !l.is_finished()) && began.elapsed() < LISTEN {
                    std::thread::sleep(LOOK);
                }
                format!("it ended with {status}")
            }
        };
        match self.last_words() {
            words if words.is_empty() => how,
            words => format!("{how}: {words}"),
        }
    }

    /// Whether it has ended; its number is still its own then.
    #[cfg(unix)]
    fn has_exited(&self) -> bool {
        use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
        let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) else { return true };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        // An error says that there is no such child any more.
        waitid(WaitId::Pid(pid), options).map_or(true, |status| status.is_some())
    }

    #[cfg(not(unix))]
    fn has_exited(&mut self) -> bool {
        self.child.try_wait().map_or(true, |status| status.is_some())
    }

    /// To all of its process group, unless it is gone.
    fn signal(&mut self, signal: Signal) {
        if self.ended.is_some() {
            return;
        }
        #[cfg(unix)]
        signal_group(self.child.id(), signal);
        #[cfg(not(unix))]
        {
            let (Signal::Terminate | Signal::Kill) = signal;
            // Whoever is gone already needs no signal.
            let _ = self.child.kill();
        }
    }
}

#[cfg(unix)]
fn signal_group(group: u32, signal: Signal) {
    use rustix::process::{Pid, Signal as System, kill_process_group};
    let signal = match signal {
        Signal::Terminate => System::TERM,
        Signal::Kill => System::KILL,
    };
    if let Some(pid) = Pid::from_raw(group.cast_signed()) {
        // Whoever is gone already needs no signal.
        let _ = kill_process_group(pid, signal);
    }
}

#[cfg(not(unix))]
fn signal_group(_: u32, _: Signal) {}

impl Drop for Program {
    fn drop(&mut self) {
        if self.ended.is_some() || self.is_left {
            return;
        }
        self.signal(Signal::Terminate);
        if self.wait(GRACE).is_none() {
            self.reap();
        }
    }
}

#[derive(Clone, Copy)]
enum Signal {
    Terminate,
    Kill,
}

/// Hands each line of `input` to `take`, without its end, cut at [`LONGEST_LINE`]; carriage returns end lines too, as progress
/// displays write them.
fn for_each_line(mut input: impl BufRead, mut take: impl FnMut(&str)) {
    let mut line = Vec::new();
    let mut end = |line: &mut Vec<u8>| {
        if !line.is_empty() {
            take(&String::from_utf8_lossy(line));
            line.clear();
        }
    };
    // A broken pipe says as little as its end.
    while let Ok(bytes) = input.fill_buf() {
        if bytes.is_empty() {
            break;
        }
        for &byte in bytes {
            match byte {
                b'\n' | b'\r' => end(&mut line),
                _ if line.len() < LONGEST_LINE => line.push(byte),
                _ => {}
            }
        }
        let used = bytes.len();
        input.consume(used);
    }
    end(&mut line);
}

/// Where the program `name` is that the system would start, by `PATH`; `None` where it is not installed.
pub fn find(name: &str) -> Option<OsString> {
    let is_file = |path: &std::path::Path| path.metadata().is_ok_and(|m| m.is_file());
    if name.contains('/') {
        return is_file(OsStr::new(name).as_ref()).then(|| name.into());
    }
    let name = if cfg!(windows) { format!("{name}.exe") } else { name.to_owned() };
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|folder| folder.join(&name)).find(|path| is_file(path)).map(Into::into)
}

#[cfg(all(test, unix))]
mod tests;
